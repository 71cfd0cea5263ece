//! The real Envoy, with its own directory, on ports that the system chose.
//!
//! [`Envoy::start`] returns when it is live; dropping it kills it. What its admin interface tells is
//! read through methods here, so that no test parses it twice.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a fixture that does not start is a failed test, and this is where it says why"
)]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::artifacts;
use crate::client::{Answer, Call};
use crate::process::Process;

/// A running Envoy.
pub struct Envoy {
    // Before the directory: the process is dead when its files go.
    process: Process,
    admin: SocketAddr,
    listeners: BTreeMap<String, SocketAddr>,
    _dir: TempDir,
}

impl Envoy {
    /// Starts one with so many worker threads and waits until it is live.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start(configuration: &Value, workers: u32) -> Self {
        Self::start_as(Command::new(artifacts::envoy()), configuration, workers)
    }

    /// The same by a command of the caller's, a tool that runs Envoy for example: Envoy's arguments
    /// are added to it.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start_as(mut command: Command, configuration: &Value, workers: u32) -> Self {
        let dir = tempfile::tempdir().expect("the system has a directory for temporary files");
        let file = dir.path().join("envoy.json");
        fs::write(&file, configuration.to_string()).expect("a temporary file can be written");
        let admin_file = dir.path().join("admin-address");

        command
            .arg("--config-path")
            .arg(&file)
            .arg("--admin-address-path")
            .arg(&admin_file)
            // Without it, Envoys on one machine share memory and must be told apart by a number.
            .arg("--disable-hot-restart")
            .args(["--concurrency", &workers.to_string()]);
        let mut process = Process::start("envoy", command, dir.path());

        let admin = process.wait_until(|| live_at(fs::read_to_string(&admin_file)));
        let listeners = listeners_of(admin);
        Self { process, admin, listeners, _dir: dir }
    }

    /// Whether Envoy takes this configuration; if not, what it says.
    ///
    /// # Errors
    /// Envoy's own words.
    ///
    /// # Panics
    /// If Envoy cannot be started.
    pub fn validate(configuration: &Value) -> Result<String, String> {
        let dir = tempfile::tempdir().expect("the system has a directory for temporary files");
        let file = dir.path().join("envoy.json");
        fs::write(&file, configuration.to_string()).expect("a temporary file can be written");
        let output = Command::new(artifacts::envoy())
            .args(["--mode", "validate", "--config-path"])
            .arg(&file)
            .output()
            .expect("Envoy can be started");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(words) } else { Err(words) }
    }

    /// Where the listener `gate` listens.
    #[must_use]
    pub fn gate(&self) -> SocketAddr {
        self.listener("gate")
    }

    /// Where a listener listens.
    ///
    /// # Panics
    /// If there is none of this name.
    #[must_use]
    pub fn listener(&self, name: &str) -> SocketAddr {
        *self
            .listeners
            .get(name)
            .unwrap_or_else(|| panic!("Envoy has no listener {name:?}: {:?}", self.listeners))
    }

    /// A page of the admin interface.
    #[must_use]
    pub fn admin_page(&self, path: &str) -> String {
        admin_page(self.admin, path).text()
    }

    /// All counters and gauges whose name matches this regular expression.
    #[must_use]
    pub fn stats(&self, filter: &str) -> BTreeMap<String, u64> {
        self.admin_page(&format!("/stats?filter={filter}"))
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// One counter or gauge; 0 where Envoy has not heard of it.
    #[must_use]
    pub fn stat(&self, name: &str) -> u64 {
        self.stats(name).get(name).copied().unwrap_or_default()
    }

    /// All that Envoy would show of its configuration.
    #[must_use]
    pub fn config_dump(&self) -> String {
        self.admin_page("/config_dump?include_eds")
    }

    /// All that it has said so far. Access log lines come in batches; see [`Envoy::stop`].
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it in order, and returns all that it ever said: its access log is complete then.
    pub fn stop(&mut self) -> String {
        self.process.stop();
        self.process.log()
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

/// The admin address, once Envoy is live there.
fn live_at(admin_file: std::io::Result<String>) -> Result<SocketAddr, String> {
    let text = admin_file.map_err(|error| format!("no admin address yet: {error}"))?;
    let admin: SocketAddr =
        text.trim().parse().map_err(|error| format!("admin address {text:?}: {error}"))?;
    let ready =
        Call::get("/ready").send(admin).map_err(|error| format!("admin at {admin}: {error}"))?;
    match ready.text().trim() {
        "LIVE" => Ok(admin),
        state => Err(format!("Envoy is {state:?}")),
    }
}

fn listeners_of(admin: SocketAddr) -> BTreeMap<String, SocketAddr> {
    let page = admin_page(admin, "/listeners?format=json").json();
    let statuses = page["listener_statuses"].as_array();
    statuses
        .into_iter()
        .flatten()
        .filter_map(|status| {
            let address = &status["local_address"]["socket_address"];
            let (ip, port) = (address["address"].as_str()?, &address["port_value"]);
            let socket = format!("{ip}:{port}").parse().ok()?;
            Some((status["name"].as_str()?.to_owned(), socket))
        })
        .collect()
}

fn admin_page(admin: SocketAddr, path: &str) -> Answer {
    let answer = Call::get(path)
        .send(admin)
        .unwrap_or_else(|error| panic!("Envoy's admin interface at {admin}{path}: {error}"));
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
}
