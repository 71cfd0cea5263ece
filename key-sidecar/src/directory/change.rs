//! What people do to a client's keys: issue, rotate, revoke. Pure: digests and the time come in.

use std::fmt;

use jiff::Timestamp;
use wire::ids::{ClientKeyDigest, ClientName};

use super::{ClientKey, ClientRecord, FORMAT, Lifecycle};

/// Keys that one client may have in its file. Expired and revoked ones stay, so that a refusal can
/// say what became of a key.
pub const KEYS_MAX: usize = 1000;

/// The note of a key that was not issued here.
pub const KNOWN_BY_POLICY: &str = "known by the policy";

/// Why a key is not added or revoked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChangeError {
    /// The client has [`KEYS_MAX`] keys.
    Full,
    /// The client has no such key, here or in the policy.
    NoSuchKey(ClientKeyDigest),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => {
                write!(out, "the client has {KEYS_MAX} keys: cut revoked ones from its file")
            }
            Self::NoSuchKey(digest) => write!(out, "the client has no key {digest:?}"),
        }
    }
}

impl std::error::Error for ChangeError {}

impl ClientRecord {
    /// A client without keys.
    #[must_use]
    pub const fn empty(client: ClientName) -> Self {
        Self { format: FORMAT, client, keys: Vec::new() }
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`ChangeError::Full`].
    pub fn issue(
        &mut self,
        digest: ClientKeyDigest,
        expires: Option<Timestamp>,
        note: String,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        if self.keys.len() >= KEYS_MAX {
            return Err(ChangeError::Full);
        }
        self.keys.push(ClientKey { digest, created: now, expires, state: Lifecycle::Active, note });
        Ok(())
    }

    /// Writes down the keys that only the policy knows, so that they can be retired like the
    /// others.
    ///
    /// # Errors
    /// [`ChangeError::Full`].
    pub fn adopt(
        &mut self,
        known_by: &[ClientKeyDigest],
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        for digest in known_by {
            if self.keys.iter().all(|key| key.digest != *digest) {
                self.issue(*digest, None, KNOWN_BY_POLICY.into(), now)?;
            }
        }
        Ok(())
    }

    /// Lets every key that opens the gate do so until `until` and no longer. An overlap that ends
    /// sooner stays as it is. How many keys that are.
    pub fn retire(&mut self, until: Timestamp) -> usize {
        let mut retired: usize = 0;
        for key in &mut self.keys {
            let longer = match key.state {
                Lifecycle::Active => true,
                Lifecycle::Retiring { until: before } => before > until,
                Lifecycle::Revoked => false,
            };
            if longer {
                key.state = Lifecycle::Retiring { until };
                retired = retired.saturating_add(1);
            }
        }
        retired
    }

    /// Revokes one key for good. One that only the policy knows is written down as revoked, so that
    /// it is refused although the policy still names it.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn revoke(
        &mut self,
        digest: ClientKeyDigest,
        in_policy: bool,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let found = self.keys.iter_mut().find(|key| key.digest == digest);
        if let Some(key) = found {
            key.state = Lifecycle::Revoked;
            return Ok(());
        }
        if !in_policy {
            return Err(ChangeError::NoSuchKey(digest));
        }
        if self.keys.len() >= KEYS_MAX {
            return Err(ChangeError::Full);
        }
        self.keys.push(ClientKey {
            digest,
            created: now,
            expires: None,
            state: Lifecycle::Revoked,
            note: KNOWN_BY_POLICY.into(),
        });
        Ok(())
    }
}
