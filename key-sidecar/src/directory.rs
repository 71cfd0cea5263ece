//! The client keys that were issued: who has which, and until when. Only digests; a key itself is
//! shown once and stored nowhere.
//!
//! This directory goes before the policy's `known_by`: a revocation here holds whatever a policy
//! says. Neighbours: [`store`] the files, [`change`] what people do to a client's keys.

pub mod change;
pub mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::ids::{ClientKeyDigest, ClientName};
use wire::units::UnixMillis;

use crate::clock::unix_millis;
use crate::files::FileError;

pub use self::store::ClientStore;

/// The form of the file.
pub const FORMAT: u32 = 1;

/// The keys of one client.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientRecord {
    format: u32,
    client: ClientName,
    keys: Vec<ClientKey>,
}

/// One client key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientKey {
    /// Its SHA-256.
    pub digest: ClientKeyDigest,
    /// When it was issued, or first heard of.
    pub created: Timestamp,
    /// When it ends; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether it opens the gate.
    pub state: Lifecycle,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Whether a client key opens the gate, time apart.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Lifecycle {
    /// It does.
    Active,
    /// It does until then: another has taken its place.
    Retiring {
        /// The end of the overlap.
        until: Timestamp,
    },
    /// Never again.
    Revoked,
}

/// What a client key is worth at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// It opens the gate, until then if there is an end.
    Good {
        /// The end.
        until: Option<UnixMillis>,
    },
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl ClientKey {
    /// When it ends by itself: the earlier of its expiry and its overlap.
    #[must_use]
    pub fn ends(&self) -> Option<Timestamp> {
        let overlap = match self.state {
            Lifecycle::Retiring { until } => Some(until),
            Lifecycle::Active | Lifecycle::Revoked => None,
        };
        [self.expires, overlap].into_iter().flatten().min()
    }

    /// What it is worth at `now`.
    #[must_use]
    pub fn state_at(&self, now: UnixMillis) -> KeyState {
        if self.state == Lifecycle::Revoked {
            return KeyState::Revoked;
        }
        let until = self.ends().map(unix_millis);
        match until.is_some_and(|end| now >= end) {
            true => KeyState::Expired,
            false => KeyState::Good { until },
        }
    }
}

impl ClientRecord {
    /// Whose keys these are.
    #[must_use]
    pub const fn client(&self) -> &ClientName {
        &self.client
    }

    /// The keys, the oldest first.
    #[must_use]
    pub fn keys(&self) -> &[ClientKey] {
        &self.keys
    }
}

/// All issued keys, for looking up.
#[derive(Clone, Debug, Default)]
pub struct ClientDirectory {
    records: BTreeMap<ClientName, ClientRecord>,
    /// Where each digest is: the client, and its place among the client's keys.
    places: HashMap<ClientKeyDigest, (ClientName, usize)>,
    /// Digests that two clients claim. They open nothing.
    disputed: BTreeSet<ClientKeyDigest>,
    /// Clients whose file cannot be read, and may hold a revocation.
    broken: BTreeSet<ClientName>,
}

impl ClientDirectory {
    /// Reads every file of the directory. What is wrong with one hides no other.
    #[must_use]
    pub fn load_all(directory: &Path) -> (Self, Vec<FileError>) {
        let (records, mut errors) = ClientStore::open(directory).load_all();
        let mut loaded = Self::default();
        for error in &errors {
            let stem = error.path.file_stem().and_then(|stem| stem.to_str());
            loaded.broken.extend(stem.and_then(|stem| ClientName::parse(stem).ok()));
        }
        for record in records {
            for digest in loaded.add(record) {
                errors.push(FileError::content(
                    directory,
                    format!("{digest:?} is the key of two clients, and opens nothing for either"),
                ));
            }
        }
        (loaded, errors)
    }

    /// Whose key this is and what it is worth; `None` if it was not issued here.
    #[must_use]
    pub fn lookup(
        &self,
        digest: &ClientKeyDigest,
        now: UnixMillis,
    ) -> Option<(&ClientName, KeyState)> {
        let (client, place) = self.places.get(digest)?;
        if self.disputed.contains(digest) {
            return Some((client, KeyState::Revoked));
        }
        let key = self.records.get(client)?.keys.get(*place)?;
        Some((client, key.state_at(now)))
    }

    /// Whether the client's file cannot be read. A key that the policy knows may have been revoked
    /// in it.
    #[must_use]
    pub fn is_broken(&self, client: &ClientName) -> bool {
        self.broken.contains(client)
    }

    /// Every key that means something else in `other`, in either direction.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<ClientKeyDigest> {
        let digests: BTreeSet<_> = self.places.keys().chain(other.places.keys()).collect();
        let changed =
            digests.into_iter().filter(|digest| self.entry(digest) != other.entry(digest));
        changed.copied().collect()
    }

    fn entry(&self, digest: &ClientKeyDigest) -> Option<(&ClientName, &ClientKey, bool)> {
        let (client, place) = self.places.get(digest)?;
        let key = self.records.get(client)?.keys.get(*place)?;
        Some((client, key, self.disputed.contains(digest)))
    }

    /// Adds a client; the digests that another has already.
    fn add(&mut self, record: ClientRecord) -> Vec<ClientKeyDigest> {
        let client = record.client.clone();
        let mut disputed = Vec::new();
        for (place, key) in record.keys.iter().enumerate() {
            let before = self.places.insert(key.digest, (client.clone(), place));
            if before.is_some_and(|(other, _)| other != client) {
                disputed.push(key.digest);
            }
        }
        self.disputed.extend(&disputed);
        self.records.insert(client, record);
        disputed
    }
}

#[cfg(test)]
mod tests;
