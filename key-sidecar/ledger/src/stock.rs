//! What a limit has to lend, whichever its kind: a bucket, the days of a calendar, or places.
//!
//! One set of verbs over the three, so that leases know nothing of kinds. Money accounts would be a
//! fourth. `out` is what is lent and what is held back; the limit knows it and passes it.

use wire::limit::{LimitRule, Per};
use wire::units::{Millis, UnixMillis};

use crate::bucket::Bucket;
use crate::command::Start;
use crate::days::{Day, Days};
use crate::places::Places;

/// When a command happens: both clocks, the monotonic one clamped, and the day that the wall's is
/// in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Millis,
    pub(crate) wall: UnixMillis,
    pub(crate) day: Option<Day>,
}

/// What there is to lend.
#[derive(Clone, Debug)]
pub(crate) enum Stock {
    Bucket(Bucket),
    Days(Days),
    Places(Places),
}

impl Stock {
    pub(crate) fn new(rule: &LimitRule, start: Start, now: Millis) -> Self {
        match *rule {
            LimitRule::Requests { amount, per: Per::Day, .. } => Self::Days(Days::new(amount)),
            LimitRule::Requests { amount, per, burst } => {
                let level = if start == Start::Full { burst } else { 0 };
                Self::Bucket(Bucket::new(amount, per, burst, level, now))
            }
            LimitRule::Concurrent { places } => Self::Places(Places::new(places)),
        }
    }

    /// Whether `rule` is of this kind, so that its figures can take the place of the present ones.
    pub(crate) fn is_kind_of(&self, rule: &LimitRule) -> bool {
        match (self, rule) {
            (Self::Bucket(bucket), LimitRule::Requests { per, .. }) => bucket.per() == *per,
            (Self::Days(_), LimitRule::Requests { per, .. }) => *per == Per::Day,
            (Self::Places(_), LimitRule::Concurrent { .. }) => true,
            _ => false,
        }
    }

    /// Takes the figures of a `rule` of this kind. Says whether any is another.
    pub(crate) fn redefine(&mut self, rule: &LimitRule, out: u64) -> bool {
        match (self, *rule) {
            (Self::Bucket(bucket), LimitRule::Requests { amount, burst, .. }) => {
                bucket.redefine(amount, burst, out)
            }
            (Self::Days(days), LimitRule::Requests { amount, .. }) => days.redefine(amount),
            (Self::Places(stock), LimitRule::Concurrent { places }) => stock.redefine(places),
            _ => false,
        }
    }

    pub(crate) const fn is_places(&self) -> bool {
        matches!(self, Self::Places(_))
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Millis, out: u64) {
        if let Self::Bucket(bucket) = self {
            bucket.advance(now, out);
        }
    }

    /// Opens the account of the day.
    pub(crate) fn open(&mut self, day: Option<Day>) {
        if let (Self::Days(days), Some(day)) = (self, day) {
            days.open(day);
        }
    }

    /// What may be lent.
    pub(crate) fn level(&self, out: u64, day: Option<Day>) -> u64 {
        match self {
            Self::Bucket(bucket) => bucket.level(),
            Self::Days(days) => days.level(day),
            Self::Places(places) => places.level(out),
        }
    }

    /// What was used (of the day, or since the start).
    pub(crate) fn used(&self, day: Option<Day>) -> u64 {
        match self {
            Self::Bucket(bucket) => bucket.used(),
            Self::Days(days) => days.used(day),
            Self::Places(_) => 0,
        }
    }

    pub(crate) fn lend(&mut self, units: u64, day: Option<Day>) {
        match self {
            Self::Bucket(bucket) => bucket.lend(units),
            Self::Days(days) => days.lend(units, day),
            Self::Places(_) => {}
        }
    }

    /// Books what was lent (on `day`, where that matters) as used.
    pub(crate) fn spend(&mut self, units: u64, day: Option<UnixMillis>) {
        match self {
            Self::Bucket(bucket) => bucket.spend(units),
            Self::Days(days) => days.spend(units, day),
            Self::Places(_) => {}
        }
    }

    /// Takes back what was lent. `out` is what is out after that.
    pub(crate) fn give_back(&mut self, units: u64, day: Option<UnixMillis>, out: u64) {
        match self {
            Self::Bucket(bucket) => bucket.give_back(units, out),
            Self::Days(days) => days.give_back(units, day),
            Self::Places(_) => {}
        }
    }

    /// One sharer's part of what flows in by itself during `time`.
    pub(crate) fn flow(&self, time: Millis, sharers: u64) -> u64 {
        match self {
            Self::Bucket(bucket) => bucket.flow(time, sharers),
            Self::Days(_) | Self::Places(_) => 0,
        }
    }

    /// Stops the process where the figures do not add up.
    pub(crate) fn check(&self, lent: u64, out: u64) {
        match self {
            Self::Bucket(bucket) => bucket.check(lent, out),
            Self::Days(days) => days.check(lent),
            Self::Places(places) => assert!(
                places.level(out) == 0 || places.level(out) + out == places.places(),
                "level + lent + held == places"
            ),
        }
    }
}
