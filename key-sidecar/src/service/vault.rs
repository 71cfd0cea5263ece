//! Releases credentials: one HSM call for each secret, not for each request, and for how long.
//!
//! An unsealed secret is kept in memory for `FRESH`, and for `HARD` at the most if the HSM does not
//! answer in between. Then it is gone, whatever the HSM does. A version that is not active any
//! longer is never served from memory.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use wire::facts::CredentialFacts;
use wire::ids::CredentialName;
use wire::secret::Secret;
use wire::sync::Release;
use wire::units::Millis;

use crate::clock::Clock;
use crate::credential::{Record, UnsealError};
use crate::hsm::Hsm;

/// An unsealed secret is unsealed again after this, which also proves that the HSM still has the root.
const FRESH: Millis = Millis(5 * 60_000);

/// Without the HSM a secret is served no longer than this after it was unsealed.
const HARD: Millis = Millis(15 * 60_000);

/// How long a plugin may keep what it gets, if it is not told otherwise before.
const PLUGIN_TTL: Millis = Millis(60_000);

/// A failed unsealing is not tried again before this: a dead HSM is not hammered.
const FAILED_FOR: Millis = Millis(250);

/// The keeper of credentials.
pub struct Vault {
    hsm: Hsm,
    clock: Clock,
    /// One lock for each name, so that a secret is unsealed once however many ask.
    shelves: Mutex<HashMap<CredentialName, Arc<Mutex<Shelf>>>>,
}

#[derive(Default)]
struct Shelf {
    kept: Option<Kept>,
    failed: Option<(u32, Millis, Release)>,
}

struct Kept {
    version: u32,
    secret: Secret,
    unsealed_at: Millis,
}

impl Vault {
    /// A vault before this HSM.
    #[must_use]
    pub fn new(hsm: Hsm, clock: Clock) -> Self {
        Self { hsm, clock, shelves: Mutex::default() }
    }

    /// The HSM.
    pub const fn hsm(&self) -> &Hsm {
        &self.hsm
    }

    /// Releases the active version of a credential.
    pub async fn release(&self, name: &CredentialName, record: Option<&Record>) -> Release {
        let Some((record, active)) = record.and_then(|record| Some((record, record.active()?)))
        else {
            self.shelves.lock().await.remove(name);
            return Release::Missing;
        };
        let shelf = Arc::clone(self.shelves.lock().await.entry(name.clone()).or_default());
        let mut shelf = shelf.lock().await;
        shelf.kept.take_if(|kept| kept.version != active.version);
        shelf.failed.take_if(|(version, ..)| *version != active.version);
        if let Some(kept) = &shelf.kept
            && self.age(kept) < FRESH
        {
            return self.released(kept, record);
        }
        let now = self.clock.now().monotonic;
        if let Some((_, at, why)) = &shelf.failed
            && now.since(*at) < FAILED_FOR
        {
            return self.kept_or(shelf.kept.as_ref(), record, why.clone());
        }
        match crate::credential::unseal(&self.hsm, record, active.version).await {
            Ok(secret) => {
                shelf.failed = None;
                let kept = Kept { version: active.version, secret, unsealed_at: now };
                let release = self.released(&kept, record);
                shelf.kept = Some(kept);
                release
            }
            Err(error) => {
                tracing::warn!(credential = %name, version = active.version, %error, "not released");
                let why = match error {
                    UnsealError::Hsm(_) => Release::Unavailable,
                    UnsealError::Tampered | UnsealError::Malformed => Release::Refused,
                    UnsealError::NoSuchVersion => Release::Missing,
                };
                if !matches!(why, Release::Unavailable) {
                    shelf.kept = None;
                }
                shelf.failed = Some((active.version, now, why.clone()));
                self.kept_or(shelf.kept.as_ref(), record, why)
            }
        }
    }

    fn kept_or(&self, kept: Option<&Kept>, record: &Record, why: Release) -> Release {
        match kept {
            Some(kept) if self.age(kept) < HARD => self.released(kept, record),
            _ => why,
        }
    }

    fn released(&self, kept: &Kept, record: &Record) -> Release {
        let left = Millis(HARD.0.saturating_sub(self.age(kept).0));
        Release::Released(CredentialFacts {
            version: kept.version,
            secret: kept.secret.clone(),
            hosts: record.hosts().iter().map(|host| host.as_str().into()).collect(),
            ttl_ms: left.min(PLUGIN_TTL),
        })
    }

    fn age(&self, kept: &Kept) -> Millis {
        self.clock.now().monotonic.since(kept.unsealed_at)
    }
}
