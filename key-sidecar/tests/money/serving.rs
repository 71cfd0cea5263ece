//! The service itself, with a policy that has money, and its sockets.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use key_sidecar::store::spend::Spend;
use key_sidecar::store::spend::query::Filter;
use ledger::money::record::Account;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use wire::client_key;
use wire::frame;
use wire::money::Nanos;
use wire::sync::{SyncReply, SyncRequest};

use crate::fixture::Site;
use crate::holder::KEY;
use crate::wait::{PATIENCE, until};

/// A service that runs, or has run.
pub(crate) struct Serving {
    pub(crate) site: Site,
    child: Option<Child>,
}

/// What a socket answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Serving {
    /// A service whose budget `team` has this cap and lies within `acme`.
    pub(crate) fn with_cap(cap: &str) -> Self {
        Self::configured(cap, |_, _| {})
    }

    /// The same with more of a configuration.
    pub(crate) fn configured(cap: &str, change: impl FnOnce(&Site, &mut Value)) -> Self {
        let mut serving = Self { site: Site::ready(), child: None };
        serving.write_cap(cap);
        let file = serving.site.path("sidecar.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        config["admin"] = json!("127.0.0.1:0");
        change(&serving.site, &mut config);
        fs::write(file, config.to_string()).unwrap();
        serving.start();
        serving
    }

    /// Changes the policy on disk, as an editor does: whole or not at all.
    pub(crate) fn write_cap(&self, cap: &str) {
        let draft = self.site.path("draft.json");
        fs::write(&draft, policy(cap).to_string()).unwrap();
        fs::rename(draft, self.site.path("policies/policy.json")).unwrap();
    }

    pub(crate) fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = self.site.command(&["serve"]);
        // As talkative as it can be made: what must not be in the log is looked for there.
        command.env("TOLLKEEPER_LOG", "trace,ureq=trace").stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().unwrap();
        let socket = self.socket();
        until(PATIENCE, || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", self.log());
            UnixStream::connect(&socket).ok()
        });
        self.child = Some(child);
    }

    /// Ends it in order.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success(), "{}", self.log());
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.site.path("run/sync.sock")
    }

    pub(crate) fn admin_socket(&self) -> PathBuf {
        self.site.path("run/admin.sock")
    }

    fn log_file(&self) -> PathBuf {
        self.site.path("serve.log")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// A sync that must be answered.
    #[track_caller]
    pub(crate) fn sync(&self, request: &SyncRequest) -> SyncReply {
        let answer = self.try_sync(request);
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), self.log());
        frame::decode_reply(&answer.body).unwrap()
    }

    pub(crate) fn try_sync(&self, request: &SyncRequest) -> Answer {
        let body = frame::encode_request(request).unwrap();
        ask(&self.socket(), "POST", wire::SYNC_PATH, &body)
    }

    /// A sync to a service that may be killed meanwhile.
    pub(crate) fn sync_if_it_lives(socket: &Path, request: &SyncRequest) -> Option<SyncReply> {
        let body = frame::encode_request(request).unwrap();
        let stream = UnixStream::connect(socket).ok()?;
        let answer = try_talk(stream, "POST", wire::SYNC_PATH, &body)?;
        (answer.status == 200).then(|| frame::decode_reply(&answer.body).unwrap())
    }

    /// The balance of a budget's only period so far, as the file has it.
    pub(crate) fn account(&self, name: &str) -> Account {
        self.account_or_none(name).unwrap_or_else(|| panic!("no account of {name}"))
    }

    pub(crate) fn account_or_none(&self, name: &str) -> Option<Account> {
        let spend = Spend::in_state(&self.site.path("state")).unwrap();
        let balances = spend.balances(&Filter::default()).unwrap();
        let mut accounts = balances.into_iter().map(|balance| balance.account);
        accounts.find(|account| account.budget.as_str() == name)
    }

    /// The page of statistics.
    pub(crate) fn metrics(&self) -> String {
        let page = self.page("/metrics");
        assert_eq!(page.status, 200);
        page.text()
    }

    /// A page of the loopback address.
    pub(crate) fn page(&self, path: &str) -> Answer {
        let log = self.log();
        let mut words = log.split_whitespace().filter_map(|word| word.strip_prefix("admin="));
        let address = words.next_back().expect("it says where it serves");
        talk(std::net::TcpStream::connect(address).unwrap(), "GET", path, b"")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One request to a Unix socket, and its answer.
pub(crate) fn ask(socket: &Path, method: &str, path: &str, body: &[u8]) -> Answer {
    talk(UnixStream::connect(socket).unwrap(), method, path, body)
}

fn talk(stream: impl Read + Write, method: &str, path: &str, body: &[u8]) -> Answer {
    try_talk(stream, method, path, body).expect("it answers")
}

/// `None` if the connection broke before the answer was whole.
fn try_talk(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    body: &[u8],
) -> Option<Answer> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: sidecar\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = answer[end + 4..].to_vec();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    (length?.parse() == Ok(body.len())).then_some(Answer { status, body })
}

/// What a budget has lent and spent.
pub(crate) fn used(account: &Account) -> Nanos {
    account.settled.saturating_plus(account.presumed).saturating_plus(account.reserved)
}

fn policy(cap: &str) -> Value {
    json!({
        "policy_version": 1,
        "organization": { "name": "acme", "currency": "USD", "time_zone": "Europe/Berlin" },
        "services": {
            "openai": {
                "purpose": "language models", "cluster": "openai", "hosts": ["api.openai.com"],
                "credential": "openai-prod", "inject": { "as": "bearer" },
                "routes": [{ "match": "POST /v1/chat/completions", "per_call": "0.01" }]
            }
        },
        "budgets": {
            "acme": { "cap": "1000.00", "every": "year", "owner": "finance@acme.example" },
            "team": {
                "within": "acme", "cap": cap, "every": "year", "owner": "lead@acme.example",
                "alert_at": ["50%", "80%", "100%"]
            }
        },
        "clients": {
            "checkout-api": {
                "owner": "payments@acme.example", "purpose": "checkout",
                "known_by": [{ "key": format!("{:?}", client_key::digest(KEY.as_bytes())) }],
                "budget": "team", "may_use": { "openai": {} }
            }
        }
    })
}
