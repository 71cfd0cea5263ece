//! What must outlive a clean restart: the levels of buckets and the counts of days.
//!
//! Leases do not outlive it: a new life has a new epoch, and what the old one lent is void. So what
//! was lent counts as used, and as still out for as long as a lease can last, because a holder
//! spends from memory until it hears of the new life. Buckets do not refill while the sidecar is
//! down.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use wire::limit::{LimitKey, LimitRule};
use wire::units::{Millis, UnixMillis};

use crate::bucket::Bucket;
use crate::command::Start;
use crate::days::{Day, Days};
use crate::limit::Limit;
use crate::stock::Stock;

/// The version of the snapshot's form. Another one is refused.
pub const SNAPSHOT_FORMAT: u32 = 1;

/// The ledger's memory, as a value to be written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    format: u32,
    limits: BTreeMap<LimitKey, Saved>,
}

/// One limit.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Saved {
    /// Whole units: the part of a unit is lost, in the strict direction.
    Bucket { level: u64, lent: u64 },
    /// Each day that is remembered.
    Days { days: Vec<SavedDay> },
    /// It existed; every place may be taken.
    Places,
}

/// What one day gave out.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedDay {
    start: UnixMillis,
    end: UnixMillis,
    given_out: u64,
}

/// Why a snapshot cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RestoreError {
    /// It was written by another version.
    Format {
        /// Its version. Ours is [`SNAPSHOT_FORMAT`].
        found: u32,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format { found } => write!(
                out,
                "the ledger's snapshot has format {found}, this version reads {SNAPSHOT_FORMAT}; \
                 remove it to start with empty buckets"
            ),
        }
    }
}

impl std::error::Error for RestoreError {}

impl Snapshot {
    pub(crate) fn of<'a>(limits: impl Iterator<Item = (&'a LimitKey, &'a Limit)>) -> Self {
        let limits = limits.map(|(key, limit)| (key.clone(), Saved::of(limit))).collect();
        Self { format: SNAPSHOT_FORMAT, limits }
    }

    pub(crate) fn into_limits(self) -> Result<BTreeMap<LimitKey, Saved>, RestoreError> {
        if self.format == SNAPSHOT_FORMAT {
            Ok(self.limits)
        } else {
            Err(RestoreError::Format { found: self.format })
        }
    }
}

impl Saved {
    fn of(limit: &Limit) -> Self {
        match limit.stock() {
            Stock::Bucket(bucket) => Self::Bucket {
                level: bucket.level(),
                lent: limit.lent().saturating_add(limit.held()),
            },
            Stock::Days(days) => Self::Days {
                days: days
                    .given_out()
                    .map(|(Day { start, end }, given_out)| SavedDay { start, end, given_out })
                    .collect(),
            },
            Stock::Places(_) => Self::Places,
        }
    }
}

/// The limit that `rule` sets, after a restart: with what was saved of it, if anything was.
pub(crate) fn revive(rule: &LimitRule, saved: Option<Saved>, start: Start, now: Millis) -> Limit {
    let stock = Stock::new(rule, start, now);
    match (&stock, saved, rule) {
        (Stock::Days(_), Some(Saved::Days { days: saved }), LimitRule::Requests { amount, .. }) => {
            let mut days = Days::new(*amount);
            for SavedDay { start, end, given_out } in saved {
                days.restore(Day { start, end }, given_out);
            }
            Limit::after_restart(Stock::Days(days), 0, now)
        }
        (
            Stock::Bucket(_),
            Some(Saved::Bucket { level, lent }),
            LimitRule::Requests { amount, per, burst },
        ) if start == Start::Full => {
            let level = level.min(burst.saturating_sub(lent));
            let bucket = Bucket::new(*amount, *per, *burst, level, now);
            Limit::after_restart(Stock::Bucket(bucket), lent, now)
        }
        (Stock::Places(places), saved, _) if saved.is_some() || start == Start::Empty => {
            let places = places.places();
            Limit::after_restart(stock, places, now)
        }
        (Stock::Bucket(_), _, LimitRule::Requests { burst, .. }) if start == Start::Empty => {
            let burst = *burst;
            Limit::after_restart(stock, burst, now)
        }
        _ => Limit::new(rule, now),
    }
}
