//! A child process that a test owns: its output is in files, and it does not outlive the test.
//!
//! Readiness is a fact that [`Process::wait_until`] looks for; if the process ends first, the test
//! ends at once with what the process said. Neighbours: `envoy` and `sidecar` are built on this.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a fixture that does not start is a failed test, and this is where it says why"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// How much of a log a failed test shows.
const TAIL_LINES: usize = 40;

/// A running child. Dropping it kills it.
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; both its outputs go to `NAME.log` in `dir`, after what is there already.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(name: &'static str, mut command: Command, dir: &Path) -> Self {
        let log = dir.join(format!("{name}.log"));
        let out = append_to(&log);
        let err = out.try_clone().expect("a file handle can be cloned");
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: cannot start {command:?}: {error}"));
        Self { name, child, log }
    }

    /// Waits until `ready` has a value.
    ///
    /// # Panics
    /// If the process ends first, or [`wait::PATIENCE`] does.
    pub fn wait_until<T>(&mut self, mut ready: impl FnMut() -> Result<T, String>) -> T {
        let outcome = wait::until(wait::PATIENCE, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(Err(format!("ended with {status}"))),
            _ => ready().map(Ok),
        });
        match outcome {
            Ok(Ok(value)) => value,
            Ok(Err(reason)) | Err(reason) => {
                panic!("{}: {reason}; its log ends:\n{}", self.name, self.tail())
            }
        }
    }

    /// All that it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end (SIGTERM) and waits for that.
    ///
    /// # Panics
    /// If it does not end within [`wait::PATIENCE`].
    pub fn stop(&mut self) -> ExitStatus {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // An error means that it has ended already, which `try_wait` is about to tell.
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        wait::until(wait::PATIENCE, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("still running: {other:?}")),
        })
        .unwrap_or_else(|reason| panic!("{}: SIGTERM, {reason}\n{}", self.name, self.tail()))
    }

    /// Ends it without warning (SIGKILL), as a crash would.
    pub fn kill(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn append_to(log: &Path) -> File {
    File::options()
        .create(true)
        .append(true)
        .open(log)
        .unwrap_or_else(|error| panic!("{}: {error}", log.display()))
}
