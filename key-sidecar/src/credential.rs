//! Credentials: sealed records that are safe to commit to git.
//!
//! A record binds the secret, its name, version, kind and hosts under one tag, so that nothing in
//! the file can be changed to carry the secret elsewhere. Which version is active is not under the
//! tag: whoever may write the state directory may choose among the versions that were sealed for
//! this name and these hosts. Neighbours: [`mod@seal`] is the cryptography, [`store`] the files,
//! [`change`] what people do to a record, [`secret`] what a secret must look like.

pub mod change;
pub mod seal;
pub mod secret;
pub mod store;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::ids::CredentialName;

pub use self::seal::{UnsealError, seal, unseal};
pub use self::secret::{SecretError, validate};
pub use self::store::CredentialStore;

/// The form of the file. Part of what is under the tag.
pub const FORMAT: u32 = 1;

/// More hosts than one credential has anywhere.
pub const HOSTS_MAX: usize = 64;

/// More versions than a person keeps; the oldest revoked ones can be cut from the file.
pub const VERSIONS_MAX: usize = 1000;

/// A credential: who it is for, where it may go, and its sealed versions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    format: u32,
    name: CredentialName,
    /// What it is for.
    pub purpose: String,
    /// Whom to ask about it.
    pub owner: String,
    kind: Kind,
    hosts: Vec<String>,
    /// When the first version was sealed.
    pub created: Timestamp,
    versions: Vec<Version>,
}

/// What sort of secret it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A fixed text, injected as it is.
    Static,
}

/// One secret of a credential.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Counts the credential's secrets, from 1.
    pub version: u32,
    /// Whether it is given out.
    pub state: State,
    /// When it was sealed.
    pub created: Timestamp,
    /// Nonce, ciphertext and tag, in base64.
    pub(crate) sealed: String,
}

/// Whether a version is given out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// This one is.
    Active,
    /// Not any longer; kept, so that a rotation can be undone.
    Retiring,
    /// Never again.
    Revoked,
}

/// Why a file is no record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RecordError {
    /// Another form than [`FORMAT`].
    Format(u32),
    /// The hosts.
    Hosts(HostError),
    /// The name in the file is not the file's name.
    Name(CredentialName),
    /// More than one active version.
    TwoActive,
    /// Versions do not count upwards from 1, or there are none or too many.
    Versions,
}

/// Why hosts are not accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HostError {
    /// Not a host name in lower case, with or without port.
    Form(String),
    /// None, or more than [`HOSTS_MAX`].
    Number,
    /// Not in order, or one twice.
    Order,
}

impl Kind {
    /// Its name in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
        }
    }
}

impl State {
    /// Its name in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Revoked => "revoked",
        }
    }
}

impl Record {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &CredentialName {
        &self.name
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The only hosts that it may be sent to, in order.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Every version, the oldest first.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// One version.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.version == number)
    }

    /// The version that is given out; `None` if all are revoked.
    #[must_use]
    pub fn active(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.state == State::Active)
    }

    /// Whether a version must not be used any longer. One that is not in the record must not
    /// either.
    #[must_use]
    pub fn is_revoked(&self, number: u32) -> bool {
        self.version(number).is_none_or(|version| version.state == State::Revoked)
    }

    /// Checks what the form of the file cannot.
    fn check(&self) -> Result<(), RecordError> {
        if self.format != FORMAT {
            return Err(RecordError::Format(self.format));
        }
        check_hosts(&self.hosts).map_err(RecordError::Hosts)?;
        let numbers = || self.versions.iter().map(|version| version.version);
        let counts_up = numbers().zip(numbers().skip(1)).all(|(one, next)| one < next);
        if !(1..=VERSIONS_MAX).contains(&self.versions.len())
            || !counts_up
            || numbers().next() == Some(0)
        {
            return Err(RecordError::Versions);
        }
        let active = self.versions.iter().filter(|version| version.state == State::Active);
        match active.count() {
            0 | 1 => Ok(()),
            _ => Err(RecordError::TwoActive),
        }
    }
}

/// Brings hosts that a person typed into order: lower case, each once.
///
/// # Errors
/// [`HostError`].
pub fn normalize_hosts(typed: &[String]) -> Result<Vec<String>, HostError> {
    let mut hosts: Vec<_> = typed.iter().map(|host| host.trim().to_ascii_lowercase()).collect();
    hosts.sort();
    hosts.dedup();
    check_hosts(&hosts).map(|()| hosts)
}

fn check_hosts(hosts: &[String]) -> Result<(), HostError> {
    if !(1..=HOSTS_MAX).contains(&hosts.len()) {
        return Err(HostError::Number);
    }
    if let Some(bad) = hosts.iter().find(|host| !is_host(host)) {
        return Err(HostError::Form(bad.clone()));
    }
    match hosts.is_sorted_by(|one, next| one < next) {
        true => Ok(()),
        false => Err(HostError::Order),
    }
}

/// A DNS name or an IPv4 address in lower case, with or without port. No wildcard: a secret goes to
/// hosts that somebody has named.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let port_fits =
        port.is_none_or(|port| !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok());
    name.len() <= 253 && name.split('.').all(label) && port_fits
}

impl fmt::Display for HostError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(host) => write!(
                out,
                "{host:?} is not a host: give a name such as api.openai.com, without https:// and \
                 without a path"
            ),
            Self::Number => write!(out, "a credential has 1 to {HOSTS_MAX} hosts"),
            Self::Order => out.write_str("the hosts are not in order, or one is there twice"),
        }
    }
}

impl std::error::Error for HostError {}

impl fmt::Display for RecordError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => {
                write!(out, "format {format} is not known: this key-sidecar reads format {FORMAT}")
            }
            Self::Hosts(error) => write!(out, "{error}"),
            Self::Name(name) => write!(
                out,
                "this is the record of {name}, which cannot be used under another file name"
            ),
            Self::TwoActive => out.write_str("more than one version is active"),
            Self::Versions => write!(
                out,
                "versions count upwards from 1, and there are 1 to {VERSIONS_MAX} of them"
            ),
        }
    }
}

impl std::error::Error for RecordError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_brought_to_one_form() {
        let typed = ["API.OpenAI.com".into(), "b.example:8443".into(), "b.example:8443".into()];
        assert_eq!(normalize_hosts(&typed).unwrap(), ["api.openai.com", "b.example:8443"]);
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        for bad in [
            "",
            "https://api.openai.com",
            "api.openai.com/v1",
            "*.openai.com",
            "a@b.example",
            "a..b",
            "-a.example",
            "a.example:",
            "a.example:0",
            "a.example:70000",
            "a b",
            "é.example",
        ] {
            assert!(normalize_hosts(&[bad.into()]).is_err(), "{bad}");
        }
        assert_eq!(normalize_hosts(&[]), Err(HostError::Number));
        assert!(normalize_hosts(&["127.0.0.1:9443".into(), "localhost".into()]).is_ok());
    }
}
