//! `key-sidecar client`: issue, rotate, revoke, list, show.
//!
//! A key is printed once, alone on standard output, and stored nowhere. A revocation works also
//! while the policy does not load: it is the one thing that cannot wait.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use policies::Policy;
use serde_json::{Value, json};
use wire::client_key;
use wire::ids::{ClientKeyDigest, ClientName};
use zeroize::Zeroizing;

use super::duration::{self, Typed};
use super::output::{Failure, note, print, print_json, print_table};
use super::policy;
use crate::clock::{Clock, timestamp, unix_millis};
use crate::config::Config;
use crate::directory::change::KNOWN_BY_POLICY;
use crate::directory::{ClientKey, ClientStore, KeyState, Lifecycle};
use crate::files;
use crate::near::nearest;

/// The keys of the calling programs.
#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Make a key for a client of the policy and print it, once
    Issue(Issue),
    /// Make a new key and print it, once; the others end after an overlap
    Rotate(Rotate),
    /// Never accept a key again
    Revoke(Revoke),
    /// List the issued keys of all clients
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the keys of one client, also those that only the policy knows
    Show {
        /// The client
        #[arg(value_parser = ClientName::parse)]
        name: ClientName,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Make a key.
#[derive(Debug, Args)]
pub(super) struct Issue {
    /// The client, as the policy has it
    #[arg(value_parser = ClientName::parse)]
    name: ClientName,
    /// The key ends by itself after this, for example 90d
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    expires_in: Option<Typed>,
    /// For people: where the key will be
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

/// Make a new key; the others end after an overlap.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    issue: Issue,
    /// How long the keys before stay good, for example 7d; 0 ends them now
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration::parse)]
    overlap: Typed,
}

/// Never accept a key again.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The client
    #[arg(value_parser = ClientName::parse)]
    name: ClientName,
    #[command(flatten)]
    which: Which,
}

/// Which keys.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// One key, by its digest
    #[arg(long, value_name = "sha256:DIGEST", value_parser = parse_digest)]
    key: Option<ClientKeyDigest>,
    /// Every key that it has, issued or known by the policy
    #[arg(long)]
    all: bool,
}

impl Client {
    pub(super) fn run(self, config: &Config) -> Result<(), Failure> {
        let store = ClientStore::in_state(&config.state);
        let now = timestamp(Clock::system().wall());
        match self {
            Self::Issue(issue) => issue.run(config, &store, None, now),
            Self::Rotate(Rotate { issue, overlap }) => {
                issue.run(config, &store, Some(overlap), now)
            }
            Self::Revoke(revoke) => revoke.run(config, &store, now),
            Self::List { json } => list(&store, json, now),
            Self::Show { name, json } => show(config, &store, &name, json, now),
        }
    }
}

impl Issue {
    fn run(
        self,
        config: &Config,
        store: &ClientStore,
        overlap: Option<Typed>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let policy = policy::load(&config.policy)?;
        let Some(client) = policy.client(&self.name) else {
            return Err(unknown(&policy, &self.name));
        };
        let _lock = files::lock(&config.state)?;
        let mut record = store.load(&self.name)?;
        if let Some(overlap) = overlap {
            record.adopt(&client.known_by, now)?;
            let until = overlap.after(now);
            let retired = record.retire(until);
            note(&format!("{retired} keys before this one end at {until}"));
        }
        let key = new_key()?;
        let digest = client_key::digest(key.as_bytes());
        let expires = self.expires_in.map(|after| after.after(now));
        record.issue(digest, expires, self.note, now)?;
        store.store(&record)?;
        note(&format!("client {}: key {digest:?}", self.name));
        note("a running service knows it within a second; this is the only time that it is shown:");
        print(&key).map_err(|_| {
            Failure::refused(format!(
                "the key could not be printed and is lost: `key-sidecar client revoke {} --key \
                 {digest:?}` and issue another",
                self.name
            ))
        })
    }
}

impl Revoke {
    fn run(self, config: &Config, store: &ClientStore, now: Timestamp) -> Result<(), Failure> {
        let policy = policy::load(&config.policy);
        let _lock = files::lock(&config.state)?;
        let mut record = store.load(&self.name)?;
        let known_by = match &policy {
            Ok(policy) => match policy.client(&self.name) {
                Some(client) => client.known_by.clone(),
                None if record.keys().is_empty() => return Err(unknown(policy, &self.name)),
                None => Vec::new(),
            },
            Err(_) => Vec::new(),
        };
        let digests: Vec<_> = match self.which.key {
            Some(digest) => vec![digest],
            None => record.keys().iter().map(|key| key.digest).chain(known_by.clone()).collect(),
        };
        for digest in &digests {
            // Without a policy nobody can say whether the key is in it: refusing it is the safe
            // side.
            let in_policy = policy.is_err() || known_by.contains(digest);
            record.revoke(*digest, in_policy, now)?;
            note(&format!("client {}: revoked {digest:?}", self.name));
        }
        if digests.is_empty() {
            note(&format!("client {}: there was no key to revoke", self.name));
        } else {
            store.store(&record)?;
        }
        match (policy, self.which.all) {
            (Err(failure), true) => Err(Failure::refused(format!(
                "the policy does not load, so keys that only its known_by has may still be good: \
                 name them with --key, or correct the policy and run this again\n{}",
                failure.text
            ))),
            _ => Ok(()),
        }
    }
}

fn new_key() -> Result<Zeroizing<String>, Failure> {
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *random)?;
    Ok(client_key::issue(&random))
}

fn parse_digest(text: &str) -> Result<ClientKeyDigest, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    ClientKeyDigest::from_hex(hex)
        .ok_or_else(|| "expected sha256: and 64 hex digits, as `client show` prints them".into())
}

fn unknown(policy: &Policy, name: &ClientName) -> Failure {
    let names = policy.clients().map(|client| client.name.as_str());
    let hint = match nearest(name.as_str(), names) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "add it under \"clients\" first".into(),
    };
    Failure::refused(format!("the policy has no client {name}; {hint}"))
}

fn list(store: &ClientStore, json: bool, now: Timestamp) -> Result<(), Failure> {
    let (records, errors) = store.load_all();
    let keys = records
        .iter()
        .flat_map(|record| record.keys().iter().map(move |key| (record.client(), key)));
    if json {
        let all = keys.map(|(client, key)| describe(client, key, now));
        print_json(&all.collect::<Vec<_>>())?;
    } else {
        let rows: Vec<_> = keys.map(|(client, key)| row(client, key, now)).collect();
        print_table(["CLIENT", "KEY", "STATE", "CREATED", "ENDS", "NOTE"], &rows)?;
    }
    match errors.as_slice() {
        [] => Ok(()),
        errors => {
            let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
            Err(Failure::refused(lines.join("\n")))
        }
    }
}

fn show(
    config: &Config,
    store: &ClientStore,
    name: &ClientName,
    json: bool,
    now: Timestamp,
) -> Result<(), Failure> {
    let policy = policy::load(&config.policy)?;
    let record = store.load(name)?;
    let client = policy.client(name);
    if client.is_none() && record.keys().is_empty() {
        return Err(unknown(&policy, name));
    }
    if client.is_none() {
        note(&format!("the policy has no client {name} any more: its keys open nothing"));
    }
    let known_by = client.map(|client| client.known_by.as_slice()).unwrap_or_default();
    let in_policy =
        known_by.iter().filter(|digest| record.keys().iter().all(|key| key.digest != **digest));
    if json {
        let issued = record.keys().iter().map(|key| describe(name, key, now));
        let known = in_policy.map(|digest| {
            json!({
                "client": name,
                "key": format!("{digest:?}"),
                "state": "active",
                "note": KNOWN_BY_POLICY,
            })
        });
        return print_json(&json!({
            "client": name,
            "owner": client.map(|client| &*client.owner),
            "purpose": client.and_then(|client| client.purpose.as_deref()),
            "keys": issued.chain(known).collect::<Vec<_>>(),
        }));
    }
    let issued = record.keys().iter().map(|key| row(name, key, now));
    let known = in_policy.map(|digest| {
        let [client, key, note] = [name.to_string(), format!("{digest:?}"), KNOWN_BY_POLICY.into()];
        [client, key, "active".into(), String::new(), String::new(), note]
    });
    let rows: Vec<_> = issued.chain(known).collect();
    print_table(["CLIENT", "KEY", "STATE", "CREATED", "ENDS", "NOTE"], &rows)
}

fn row(client: &ClientName, key: &ClientKey, now: Timestamp) -> [String; 6] {
    [
        client.to_string(),
        format!("{:?}", key.digest),
        state(key, now).into(),
        key.created.to_string(),
        key.ends().map_or(String::new(), |end| end.to_string()),
        key.note.clone(),
    ]
}

fn describe(client: &ClientName, key: &ClientKey, now: Timestamp) -> Value {
    json!({
        "client": client,
        "key": format!("{:?}", key.digest),
        "state": state(key, now),
        "created": key.created,
        "ends": key.ends(),
        "note": key.note,
    })
}

fn state(key: &ClientKey, now: Timestamp) -> &'static str {
    match (key.state_at(unix_millis(now)), key.state) {
        (KeyState::Revoked, _) => "revoked",
        (KeyState::Expired, _) => "expired",
        (KeyState::Good { .. }, Lifecycle::Retiring { .. }) => "retiring",
        (KeyState::Good { .. }, _) => "active",
    }
}
