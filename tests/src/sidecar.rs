//! The built `key-sidecar` with a directory of its own: policy, state, socket, configuration.
//!
//! Administrative acts go through the command line, as an operator's do; secrets through standard
//! input. The service is a child process that can be stopped, killed and started again on the same
//! state.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a fixture that does not start is a failed test, and this is where it says why"
)]

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::getuid;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::artifacts;
use crate::client::{Answer, Call};
use crate::process::Process;
use crate::softhsm::{CONFIGURATION_VARIABLE, SoftHsm};

/// A sidecar: installed, and serving or not.
pub struct Sidecar {
    // Before the directory: the process is dead when its files go.
    process: Option<Process>,
    environment: Vec<(String, OsString)>,
    admin: Option<SocketAddr>,
    dir: TempDir,
}

impl Sidecar {
    /// Writes its configuration and this policy. Nothing runs yet.
    ///
    /// # Panics
    /// If files cannot be written.
    #[must_use]
    pub fn install(hsm: &SoftHsm, policy: &Value) -> Self {
        let sidecar = Self {
            process: None,
            environment: vec![(CONFIGURATION_VARIABLE.to_owned(), hsm.configuration().into())],
            admin: None,
            dir: tempfile::tempdir().expect("the system has a directory for temporary files"),
        };
        for dir in [sidecar.policy_dir(), sidecar.state_dir()] {
            fs::create_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        }
        sidecar.write_policy("policy.json", policy);
        let configuration = json!({
            "policy": sidecar.policy_dir(),
            "state": sidecar.state_dir(),
            "socket": { "path": sidecar.socket(), "allow_uids": [getuid().as_raw()] },
            "admin": "127.0.0.1:0",
            "hsm": {
                "module": SoftHsm::module(),
                "token_label": hsm.label(),
                "pin_file": hsm.pin_file(),
            },
        });
        write(&sidecar.configuration(), &configuration);
        sidecar
    }

    /// Changes its configuration, which counts from its next start.
    ///
    /// # Panics
    /// If the file cannot be read or written.
    pub fn configure(&self, change: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(self.configuration()).expect("installed with it");
        let mut configuration = serde_json::from_str(&text).expect("written as JSON");
        change(&mut configuration);
        write(&self.configuration(), &configuration);
    }

    /// Sets an environment variable for whatever of it is started from now on.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// The directory that holds all its files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Makes its keys on the HSM token.
    pub fn init(&self) {
        self.succeed(&["init"], "");
    }

    /// Starts the service and waits until its socket takes connections.
    ///
    /// # Panics
    /// If it serves already or does not come up.
    pub fn serve(&mut self) {
        assert!(self.process.is_none(), "this sidecar serves already");
        let mut command = self.command();
        command.arg("serve");
        let former_lives = self.log().len();
        let mut process = Process::start("key-sidecar", command, self.dir.path());
        let socket = self.socket();
        self.admin = Some(process.wait_until(|| {
            UnixStream::connect(&socket)
                .map_err(|error| format!("no connection to {}: {error}", socket.display()))?;
            admin_in(&self.log()[former_lives..])
        }));
        self.process = Some(process);
    }

    /// Ends the service in order.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop();
        }
    }

    /// Ends the service as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// `credential add`, sealed to one host.
    pub fn add_credential(&self, name: &str, host: &str, secret: &str) {
        let add = [
            "credential",
            "add",
            name,
            "--host",
            host,
            "--owner",
            "platform@acme.example",
            "--purpose",
            "tests",
        ];
        self.succeed(&add, secret);
    }

    /// `credential rotate`.
    pub fn rotate_credential(&self, name: &str, secret: &str) {
        self.succeed(&["credential", "rotate", name], secret);
    }

    /// `credential revoke`.
    pub fn revoke_credential(&self, name: &str) {
        self.succeed(&["credential", "revoke", name], "");
    }

    /// `client issue`: the client key.
    #[must_use]
    pub fn issue_client(&self, name: &str) -> String {
        self.succeed(&["client", "issue", name], "").trim().to_owned()
    }

    /// `client revoke --all`.
    pub fn revoke_client(&self, name: &str) {
        self.succeed(&["client", "revoke", name, "--all"], "");
    }

    /// Runs the command line with this standard input, whatever comes of it.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("key-sidecar can be started");
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        // It may end without reading: then the pipe is broken, and its status tells.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("a child can be waited for")
    }

    /// Writes one file of the policy directory, whole or not at all.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write_policy(&self, file: &str, policy: &Value) {
        let fresh = self.dir.path().join(file);
        write(&fresh, policy);
        fs::rename(&fresh, self.policy_dir().join(file)).expect("one file system");
    }

    /// Where plugins find it.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("sync.sock")
    }

    /// Its admin page and metrics, each time that it serves at another port.
    ///
    /// # Panics
    /// If it never served.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin.expect("a sidecar that served has an admin page")
    }

    /// A page of its admin interface, whatever its status.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn admin_page(&self, path: &str) -> Answer {
        Call::get(path)
            .send(self.admin())
            .unwrap_or_else(|error| panic!("the sidecar's admin page {path}: {error}"))
    }

    /// One of its statistics.
    ///
    /// # Panics
    /// If there is none of this name.
    #[must_use]
    pub fn metric(&self, name: &str) -> u64 {
        let page = self.admin_page("/metrics").text();
        page.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
            .unwrap_or_else(|| panic!("no metric {name} in:\n{page}"))
    }

    /// Its policy files.
    #[must_use]
    pub fn policy_dir(&self) -> PathBuf {
        self.dir.path().join("policy")
    }

    /// What it keeps.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Its configuration file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.dir.path().join("sidecar.json")
    }

    /// The process id of the service; `None` while it does not serve.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// All that the service has said so far, over all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("key-sidecar.log")).unwrap_or_default()
    }

    fn succeed(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert!(
            output.status.success(),
            "key-sidecar {}: {}\n{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The command line, to be run by the test itself.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(artifacts::key_sidecar());
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .arg("--config")
            .arg(self.configuration());
        command
    }
}

/// Where the admin page is, as the service says when it begins to serve.
fn admin_in(log: &str) -> Result<SocketAddr, String> {
    let word = log.split_whitespace().find_map(|word| word.strip_prefix("admin="));
    word.and_then(|address| address.parse().ok()).ok_or_else(|| "no admin address yet".to_owned())
}

fn write(file: &Path, json: &Value) {
    let text = format!("{json:#}\n");
    fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
