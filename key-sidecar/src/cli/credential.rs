//! `key-sidecar credential`: add, rotate, undo, revoke, list, show.
//!
//! A running service sees the change by itself. The lock is taken after the secret was typed, so a
//! prompt that waits keeps nobody else waiting.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use wire::ids::CredentialName;
use wire::secret::Secret;

use super::output::{Failure, note, print, print_json, print_table};
use super::secret_input;
use crate::clock::{Clock, timestamp};
use crate::config::Config;
use crate::credential::change::Description;
use crate::credential::seal::{Binding, seal, unseal};
use crate::credential::{CredentialStore, Kind, Record, normalize_hosts};
use crate::files;
use crate::hsm::Hsm;
use crate::near::nearest;

/// The upstream's secrets, sealed under the HSM.
#[derive(Debug, Subcommand)]
pub(super) enum Credential {
    /// Seal a new credential. The secret comes from standard input or a prompt
    Add(Add),
    /// Seal a new secret for a credential. The one before is kept, see undo
    Rotate {
        /// The credential
        #[arg(value_parser = CredentialName::parse)]
        name: CredentialName,
    },
    /// Go back to the version before
    Undo {
        /// The credential
        #[arg(value_parser = CredentialName::parse)]
        name: CredentialName,
    },
    /// Never give out a credential again, or one version of it
    Revoke {
        /// The credential
        #[arg(value_parser = CredentialName::parse)]
        name: CredentialName,
        /// Only this version; all of them if left out
        #[arg(long, value_name = "NUMBER")]
        version: Option<u32>,
    },
    /// List the credentials
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one credential and its versions, without any secret
    Show {
        /// The credential
        #[arg(value_parser = CredentialName::parse)]
        name: CredentialName,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Seal a new credential.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// Its name, as the policy has it
    #[arg(value_parser = CredentialName::parse)]
    name: CredentialName,
    /// A host that it may be sent to; once for each
    #[arg(long = "host", value_name = "HOST", required = true)]
    hosts: Vec<String>,
    /// Whom to ask about it
    #[arg(long)]
    owner: String,
    /// What it is for
    #[arg(long)]
    purpose: String,
}

impl Credential {
    pub(super) async fn run(self, config: Config) -> Result<(), Failure> {
        let store = CredentialStore::in_state(&config.state);
        match self {
            Self::Add(add) => add.run(&config, &store).await,
            Self::Rotate { name } => rotate(&config, &store, &name).await,
            Self::Undo { name } => undo(&config, &store, &name),
            Self::Revoke { name, version } => revoke(&config, &store, &name, version),
            Self::List { json } => list(&store, json),
            Self::Show { name, json } => show(&load(&store, &name)?, json),
        }
    }
}

impl Add {
    async fn run(self, config: &Config, store: &CredentialStore) -> Result<(), Failure> {
        let hosts = normalize_hosts(&self.hosts)?;
        refuse_if_there(store, &self.name)?;
        let secret = secret_input::read(&format!("credential {}", self.name))?;
        let _lock = files::lock(&config.state)?;
        refuse_if_there(store, &self.name)?;
        let hsm = Hsm::open(&config.hsm, &config.state)?;
        let binding = Binding { name: &self.name, version: 1, kind: Kind::Static, hosts: &hosts };
        let sealed = seal(&hsm, binding, &secret).await?;
        let description = Description {
            name: self.name.clone(),
            purpose: self.purpose,
            owner: self.owner,
            hosts: hosts.clone(),
        };
        let record = Record::new(description, sealed, timestamp(Clock::system().wall()));
        prove(&hsm, &record, 1, &secret).await?;
        store.store(&record)?;
        note(&format!(
            "credential {}: version 1 is active, sealed to {}",
            record.name(),
            hosts.join(", ")
        ));
        Ok(())
    }
}

async fn rotate(
    config: &Config,
    store: &CredentialStore,
    name: &CredentialName,
) -> Result<(), Failure> {
    load(store, name)?;
    let secret = secret_input::read(&format!("credential {name}"))?;
    let _lock = files::lock(&config.state)?;
    let mut record = load(store, name)?;
    let version = record.next_version()?;
    let hsm = Hsm::open(&config.hsm, &config.state)?;
    let binding = Binding { name, version, kind: record.kind(), hosts: record.hosts() };
    let sealed = seal(&hsm, binding, &secret).await?;
    record.rotate(sealed, timestamp(Clock::system().wall()))?;
    prove(&hsm, &record, version, &secret).await?;
    store.store(&record)?;
    note(&format!(
        "credential {name}: version {version} is active; `credential undo {name}` goes back"
    ));
    Ok(())
}

fn undo(config: &Config, store: &CredentialStore, name: &CredentialName) -> Result<(), Failure> {
    let _lock = files::lock(&config.state)?;
    let mut record = load(store, name)?;
    let version = record.undo()?;
    store.store(&record)?;
    note(&format!("credential {name}: version {version} is active again"));
    Ok(())
}

fn revoke(
    config: &Config,
    store: &CredentialStore,
    name: &CredentialName,
    version: Option<u32>,
) -> Result<(), Failure> {
    let _lock = files::lock(&config.state)?;
    let mut record = load(store, name)?;
    match version {
        Some(version) => record.revoke(version)?,
        None => record.revoke_all(),
    }
    store.store(&record)?;
    let left = match record.active() {
        Some(active) => format!("version {} stays active", active.version),
        None => "no version is active, so calls that need it are refused".into(),
    };
    note(&format!("credential {name}: revoked; {left}"));
    Ok(())
}

/// What was written must be readable, by the same way that the service goes.
async fn prove(hsm: &Hsm, record: &Record, version: u32, secret: &Secret) -> Result<(), Failure> {
    let opened = unseal(hsm, record, version).await?;
    match opened.expose() == secret.expose() {
        true => Ok(()),
        false => Err(Failure::refused(
            "the sealed record does not give back the secret, so nothing was written",
        )),
    }
}

fn load(store: &CredentialStore, name: &CredentialName) -> Result<Record, Failure> {
    if let Some(record) = store.load(name)? {
        return Ok(record);
    }
    let (records, _) = store.load_all();
    let names = records.iter().map(|record| record.name().as_str());
    let hint = match nearest(name.as_str(), names) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "`credential list` shows those that there are".into(),
    };
    Err(Failure::refused(format!("there is no credential {name}; {hint}")))
}

fn refuse_if_there(store: &CredentialStore, name: &CredentialName) -> Result<(), Failure> {
    match store.load(name)? {
        None => Ok(()),
        Some(_) => Err(Failure::refused(format!(
            "credential {name} is there already: `credential rotate {name}` gives it a new secret"
        ))),
    }
}

fn list(store: &CredentialStore, json: bool) -> Result<(), Failure> {
    let (records, errors) = store.load_all();
    if json {
        print_json(&records.iter().map(describe).collect::<Vec<_>>())?;
    } else {
        let rows: Vec<_> = records.iter().map(row).collect();
        print_table(["NAME", "KIND", "ACTIVE", "SINCE", "HOSTS", "OWNER", "PURPOSE"], &rows)?;
    }
    match errors.as_slice() {
        [] => Ok(()),
        errors => {
            let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
            Err(Failure::refused(lines.join("\n")))
        }
    }
}

fn row(record: &Record) -> [String; 7] {
    let active = record.active();
    [
        record.name().to_string(),
        record.kind().as_str().into(),
        active.map_or("none".into(), |version| version.version.to_string()),
        active.map_or(String::new(), |version| version.created.to_string()),
        record.hosts().join(","),
        record.owner.clone(),
        record.purpose.clone(),
    ]
}

fn show(record: &Record, json: bool) -> Result<(), Failure> {
    if json {
        return print_json(&describe(record));
    }
    for (what, value) in [
        ("name", record.name().as_str()),
        ("kind", record.kind().as_str()),
        ("owner", &record.owner),
        ("purpose", &record.purpose),
        ("hosts", &record.hosts().join(", ")),
    ] {
        print(&format!("{what:8} {value}"))?;
    }
    print("")?;
    let rows: Vec<_> = record
        .versions()
        .iter()
        .map(|version| {
            [
                version.version.to_string(),
                version.state.as_str().into(),
                version.created.to_string(),
            ]
        })
        .collect();
    print_table(["VERSION", "STATE", "CREATED"], &rows)
}

/// A record without what is sealed, which is of no use in a listing.
fn describe(record: &Record) -> Value {
    let versions = record.versions().iter().map(|version| {
        json!({
            "version": version.version,
            "state": version.state,
            "created": version.created,
        })
    });
    json!({
        "name": record.name(),
        "kind": record.kind(),
        "owner": record.owner,
        "purpose": record.purpose,
        "hosts": record.hosts(),
        "created": record.created,
        "active": record.active().map(|version| version.version),
        "versions": versions.collect::<Vec<_>>(),
    })
}
