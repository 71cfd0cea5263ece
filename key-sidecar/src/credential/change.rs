//! What people do to a record: add, rotate, undo, revoke. Pure: the sealed text and the time come
//! in.
//!
//! Nothing is ever taken out of a record: a rotation keeps the version before, so that it can be
//! undone.

use std::fmt;

use jiff::Timestamp;
use wire::ids::CredentialName;

use super::{FORMAT, Kind, Record, State, VERSIONS_MAX, Version};

/// Why a change cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChangeError {
    /// There are no more version numbers, or too many versions.
    Full,
    /// No earlier version is left to go back to.
    NothingToUndo,
    /// The record has no such version.
    NoSuchVersion {
        /// The number.
        version: u32,
    },
}

impl fmt::Display for ChangeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(
                out,
                "the record has {VERSIONS_MAX} versions: cut revoked ones from its file"
            ),
            Self::NothingToUndo => out.write_str(
                "there is no earlier version to go back to: it was revoked, or this is the first",
            ),
            Self::NoSuchVersion { version } => write!(out, "there is no version {version}"),
        }
    }
}

impl std::error::Error for ChangeError {}

/// What a new credential is.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its name.
    pub name: CredentialName,
    /// What it is for.
    pub purpose: String,
    /// Whom to ask about it.
    pub owner: String,
    /// Where it may go, in order.
    pub hosts: Vec<String>,
}

impl Record {
    /// The record of a new credential with its first secret.
    #[must_use]
    pub fn new(description: Description, sealed: String, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            name: description.name,
            purpose: description.purpose,
            owner: description.owner,
            kind: Kind::Static,
            hosts: description.hosts,
            created: now,
            versions: vec![Version { version: 1, state: State::Active, created: now, sealed }],
        }
    }

    /// The number that the next secret gets. Numbers are never used again.
    ///
    /// # Errors
    /// [`ChangeError::Full`].
    pub fn next_version(&self) -> Result<u32, ChangeError> {
        let last = self.versions.last().map_or(0, |version| version.version);
        match self.versions.len() < VERSIONS_MAX {
            true => last.checked_add(1).ok_or(ChangeError::Full),
            false => Err(ChangeError::Full),
        }
    }

    /// Makes a new secret the active one. The one before is kept.
    ///
    /// # Errors
    /// [`ChangeError::Full`].
    pub fn rotate(&mut self, sealed: String, now: Timestamp) -> Result<u32, ChangeError> {
        let version = self.next_version()?;
        self.retire_active();
        self.versions.push(Version { version, state: State::Active, created: now, sealed });
        Ok(version)
    }

    /// Goes back to the newest kept version before the active one, or before all if none is active.
    /// The one that was active is kept, and a second undo goes further back, never forth.
    ///
    /// # Errors
    /// [`ChangeError::NothingToUndo`].
    pub fn undo(&mut self) -> Result<u32, ChangeError> {
        let before = self.active().map_or(u32::MAX, |active| active.version);
        let earlier = self
            .versions
            .iter()
            .rev()
            .find(|version| version.version < before && version.state == State::Retiring)
            .map(|version| version.version)
            .ok_or(ChangeError::NothingToUndo)?;
        self.retire_active();
        self.set_state(earlier, State::Active);
        Ok(earlier)
    }

    /// Revokes one version for good.
    ///
    /// # Errors
    /// [`ChangeError::NoSuchVersion`].
    pub fn revoke(&mut self, version: u32) -> Result<(), ChangeError> {
        match self.set_state(version, State::Revoked) {
            true => Ok(()),
            false => Err(ChangeError::NoSuchVersion { version }),
        }
    }

    /// Revokes every version for good.
    pub fn revoke_all(&mut self) {
        for version in &mut self.versions {
            version.state = State::Revoked;
        }
    }

    fn retire_active(&mut self) {
        for version in &mut self.versions {
            if version.state == State::Active {
                version.state = State::Retiring;
            }
        }
    }

    fn set_state(&mut self, number: u32, state: State) -> bool {
        let found = self.versions.iter_mut().find(|version| version.version == number);
        found.map(|version| version.state = state).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn record() -> Record {
        let description = Description {
            name: CredentialName::parse("a").unwrap(),
            purpose: String::new(),
            owner: String::new(),
            hosts: vec!["h".into()],
        };
        Record::new(description, "one".into(), NOW)
    }

    fn states(record: &Record) -> Vec<&'static str> {
        record.versions.iter().map(|version| version.state.as_str()).collect()
    }

    #[test]
    fn a_rotation_keeps_what_was_and_undo_brings_it_back() {
        let mut record = record();
        assert_eq!(record.rotate("two".into(), NOW), Ok(2));
        assert_eq!(states(&record), ["retiring", "active"]);
        assert_eq!(record.undo(), Ok(1));
        assert_eq!(states(&record), ["active", "retiring"]);
        assert_eq!(record.active().unwrap().sealed, "one");
        assert_eq!(record.undo(), Err(ChangeError::NothingToUndo));
        assert_eq!(record.rotate("three".into(), NOW), Ok(3));
        assert_eq!(states(&record), ["retiring", "retiring", "active"]);
        assert_eq!(record.check(), Ok(()));
    }

    #[test]
    fn undo_goes_back_and_never_to_what_is_revoked() {
        let mut record = record();
        record.rotate("two".into(), NOW).unwrap();
        record.rotate("three".into(), NOW).unwrap();
        record.revoke(2).unwrap();
        assert_eq!(record.undo(), Ok(1));
        assert_eq!(states(&record), ["active", "revoked", "retiring"]);
    }

    #[test]
    fn a_revoked_active_version_leaves_none_until_undo() {
        let mut record = record();
        record.rotate("two".into(), NOW).unwrap();
        record.revoke(2).unwrap();
        assert_eq!(record.active(), None);
        assert!(record.is_revoked(2) && !record.is_revoked(1) && record.is_revoked(9));
        assert_eq!(record.undo(), Ok(1));
        assert_eq!(record.revoke(7), Err(ChangeError::NoSuchVersion { version: 7 }));
    }

    #[test]
    fn revoking_all_leaves_nothing_to_go_back_to() {
        let mut record = record();
        record.rotate("two".into(), NOW).unwrap();
        record.revoke_all();
        assert_eq!(states(&record), ["revoked", "revoked"]);
        assert_eq!(record.undo(), Err(ChangeError::NothingToUndo));
    }
}
