//! The load: `h2load`, over HTTP/1.1, as the client of one key.
//!
//! A run that was not answered with 200 to the last request measured something else, and ends the
//! bench.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tollkeeper_tests::wait;

use crate::stand::{HOST, PATH};

/// So many requests, so many at a time.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// In all.
    pub(crate) requests: u32,
    /// Connections, each with one request under way.
    pub(crate) connections: u32,
    /// Requests a second on each connection; `None` is as fast as they are answered.
    pub(crate) pace: Option<u32>,
}

impl Load {
    /// Sends it and says how long it took.
    pub(crate) fn send(self, to: SocketAddr, client_key: &str) -> Duration {
        let mut h2load = Command::new("h2load");
        h2load
            .args(["--h1", "-t", "1"])
            .args(["-n", &self.requests.to_string()])
            .args(["-c", &self.connections.to_string()])
            .args(["-H", &format!(":authority: {HOST}")])
            .args(["-H", &format!("authorization: Bearer {client_key}")])
            .args(["-H", "accept: application/json", "-H", "user-agent: OpenAI/Python 2.8.1"]);
        if let Some(pace) = self.pace {
            h2load.args(["--rps", &pace.to_string()]);
        }
        h2load.arg(format!("http://{to}{PATH}"));
        let (output, took) = wait::measured(|| h2load.output());
        let output = output.expect("h2load can be started (apt-get install nghttp2-client)");
        let text = String::from_utf8_lossy(&output.stdout);
        let expected = format!("status codes: {} 2xx, 0 3xx, 0 4xx, 0 5xx", self.requests);
        assert!(text.contains(&expected), "expected \"{expected}\", got:\n{text}");
        took
    }
}
