//! The load: `h2load`, over HTTP/1.1, as the client of one key.
//!
//! A run that was not answered with 200 throughout measured something else: it does not count.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tempfile::NamedTempFile;
use tollkeeper_tests::wait;

use crate::calls::Call;
use crate::stand::HOST;

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
    pub(crate) fn send(self, call: Call, to: SocketAddr, client_key: &str) -> Duration {
        self.try_to_send(call, to, client_key).unwrap_or_else(|report| panic!("{report}"))
    }

    /// The same, where not all may go well.
    ///
    /// # Errors
    /// What went wrong, with h2load's report.
    pub(crate) fn try_to_send(
        self,
        call: Call,
        to: SocketAddr,
        client_key: &str,
    ) -> Result<Duration, String> {
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
        // Kept until it has been sent.
        let body = call.body().map(|body| file_of(&body));
        if let Some(body) = &body {
            h2load.args(["-H", "content-type: application/json"]).arg("-d").arg(body.path());
        }
        h2load.arg(format!("http://{to}{}", call.path()));
        let (output, took) = wait::measured(|| h2load.output());
        let output = output.expect("h2load can be started (apt-get install nghttp2-client)");
        let text = String::from_utf8_lossy(&output.stdout);
        // With so many Envoys on two processors a sync may miss its deadline now and then.
        let enough = self.requests - self.requests / 500;
        if answered_well(&text) >= enough {
            Ok(took)
        } else {
            Err(format!("{}: expected {enough} answers 2xx, got:\n{text}", call.name()))
        }
    }
}

fn file_of(body: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("the system has a directory for temporary files");
    file.write_all(body.as_bytes()).expect("a temporary file can be written");
    file
}

/// How many answers were 2xx, by h2load's own count.
fn answered_well(report: &str) -> u32 {
    let line = report.lines().find_map(|line| line.strip_prefix("status codes: "));
    line.and_then(|line| line.split(' ').next()).and_then(|count| count.parse().ok()).unwrap_or(0)
}
