//! A token, a state directory, a policy and a configuration of one test's own.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub(crate) const PIN: &str = "1234-tests";
pub(crate) const LABEL: &str = "tollkeeper";

/// Everything that a sidecar needs.
pub(crate) struct Site {
    directory: TempDir,
}

/// What a command did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Site {
    /// A site whose token is initialized, and nothing else done.
    pub(crate) fn new() -> Self {
        let site = Self { directory: tempfile::tempdir().unwrap() };
        for folder in ["tokens", "state", "policies", "run"] {
            fs::create_dir(site.path(folder)).unwrap();
        }
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n\
             library.reset_on_fork = true\n",
            site.path("tokens").display()
        );
        fs::write(site.path("softhsm2.conf"), text).unwrap();
        site.write_pin(PIN);
        site.make_token(LABEL);
        site.write_config(&json!({}));
        site.write_policy(&policy());
        site
    }

    /// A site on which `init` was run.
    pub(crate) fn ready() -> Self {
        let site = Self::new();
        site.run(&["init"]).ok();
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn make_token(&self, label: &str) {
        let made = Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .args(["--init-token", "--free", "--label", label])
            .args(["--pin", PIN, "--so-pin", "so-pin-tests"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    pub(crate) fn pkcs11_tool(&self, arguments: &[&str]) -> String {
        let done = Command::new("pkcs11-tool")
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .args(["--module", MODULE, "--token-label", LABEL])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    pub(crate) fn write_pin(&self, pin: &str) {
        let path = self.path("pin");
        fs::write(&path, pin).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The usual configuration with some fields of `hsm` replaced.
    pub(crate) fn write_config(&self, hsm: &Value) {
        let mut config = json!({
            "policy": "policies",
            "state": "state",
            "socket": { "path": "run/sync.sock", "allow_uids": [0] },
            "admin": "127.0.0.1:9310",
            "hsm": { "module": MODULE, "token_label": LABEL, "pin_file": "pin" },
        });
        for (name, value) in hsm.as_object().unwrap() {
            config["hsm"][name] = value.clone();
        }
        fs::write(self.path("sidecar.json"), config.to_string()).unwrap();
    }

    pub(crate) fn write_policy(&self, policy: &Value) {
        fs::write(self.path("policies/policy.json"), policy.to_string()).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_key-sidecar"));
        command
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .arg("--config")
            .arg(self.path("sidecar.json"))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses before it reads closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::from(child.wait_with_output().unwrap())
    }

    pub(crate) fn add(&self, name: &str, hosts: &[&str], secret: &[u8]) -> Ran {
        let mut arguments = vec!["credential", "add", name, "--owner", "o", "--purpose", "p"];
        for host in hosts {
            arguments.extend(["--host", host]);
        }
        self.run_with(&arguments, secret)
    }

    pub(crate) fn record(&self, name: &str) -> PathBuf {
        self.path("state/credentials").join(format!("{name}.json"))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            // A signal is told as a negative number.
            code: output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(0)),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }

    /// Ends with this code, and says these words on standard error.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &str) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        assert!(self.err.contains(words), "{words:?} is not in:\n{}", self.err);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Two services and two clients, one of them with a key that only the policy knows.
pub(crate) fn policy() -> Value {
    json!({
        "policy_version": 1,
        "organization": { "name": "acme", "currency": "USD", "time_zone": "Europe/Berlin" },
        "services": {
            "openai": {
                "purpose": "language models", "cluster": "openai", "hosts": ["api.openai.com"],
                "credential": "openai-prod", "inject": { "as": "bearer" },
                "routes": [{ "match": "GET /v1/models", "free": "lists models, is not billed" }]
            }
        },
        "clients": {
            "checkout-api": {
                "owner": "payments@acme.example", "purpose": "checkout",
                "may_use": { "openai": {} }, "limits": [{ "requests": 20, "per": "second" }]
            },
            "old-timer": {
                "owner": "ops@acme.example", "purpose": "legacy",
                "known_by": [{ "key": format!("sha256:{}", "ab".repeat(32)) }],
                "may_use": { "openai": {} }, "limits": [{ "requests": 20, "per": "second" }]
            }
        }
    })
}

/// Every file below a directory.
pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push(path),
        }
    }
    found
}
