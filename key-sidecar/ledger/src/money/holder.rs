//! The holders: how far each was heard, what it has, and when its silence has consequences.
//!
//! A holder that is silent for [`MONEY_TTL`] is taken for dead until it speaks; after
//! [`HOLDER_FORGOTTEN_AFTER`] it is forgotten, and what is presumed of it is put under [`NOBODY`].

use std::collections::{BTreeMap, BTreeSet};

use wire::budget::Term;
use wire::ids::HolderId;
use wire::units::{Millis, UnixMillis};

use crate::money::lease::{Lease, MONEY_TTL};
use crate::money::record::HolderRecord;

/// The most holders at a time. An Envoy has one per worker, and another set for each configuration
/// of the last hours. A newcomer beyond it is refused.
pub const HOLDERS_MAX: usize = 10_000;

/// How long a holder is remembered after its last word: for the repetition of its last request and
/// for late settlements. What it says later is booked, but replaces no presumption. Six hours of a
/// new configuration each minute for eight workers are 2,880 holders.
pub const HOLDER_FORGOTTEN_AFTER: Millis = Millis(6 * 60 * 60 * 1_000);

/// Under whose name a presumption is kept when its holder is forgotten. No holder has this id.
pub const NOBODY: HolderId = HolderId(0);

/// One borrower.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) record: HolderRecord,
    /// What it has of each term; none of them is empty.
    pub(super) leases: BTreeMap<Term, Lease>,
    /// Since when it has been silent: its last word, or the start of this ledger.
    since: UnixMillis,
    /// Its leases have run out, and it has not spoken since.
    is_silent: bool,
}

impl Holder {
    const fn timer(&self) -> UnixMillis {
        let time = if self.is_silent { HOLDER_FORGOTTEN_AFTER } else { MONEY_TTL };
        UnixMillis(self.since.0.saturating_add(time.0))
    }
}

/// What a holder's silence has led to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Silence {
    /// What it was lent is presumed spent.
    RunOut(HolderId),
    /// It is to be forgotten.
    Forgotten(HolderId),
}

/// All holders.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders {
    all: BTreeMap<HolderId, Holder>,
    timers: BTreeSet<(UnixMillis, HolderId)>,
}

impl Holders {
    /// Puts a stored holder in its place, as if it had spoken just now. Says whether that was free.
    #[must_use]
    pub(super) fn restore(&mut self, record: HolderRecord, now: UnixMillis) -> bool {
        let id = record.holder;
        let holder = Holder { record, leases: BTreeMap::new(), since: now, is_silent: false };
        self.timers.insert((holder.timer(), id));
        self.all.insert(id, holder).is_none()
    }

    /// It has spoken.
    pub(super) fn hear(&mut self, id: HolderId, now: UnixMillis) -> &mut Holder {
        let holder = self.all.entry(id).or_insert_with(|| Holder {
            record: HolderRecord { holder: id, sequence: 0, answers: Vec::new(), heard: now },
            leases: BTreeMap::new(),
            since: now,
            is_silent: false,
        });
        self.timers.remove(&(holder.timer(), id));
        (holder.since, holder.is_silent, holder.record.heard) = (now, false, now);
        self.timers.insert((holder.timer(), id));
        holder
    }

    /// The next consequence of a silence that is due.
    pub(super) fn next_due(&mut self, now: UnixMillis) -> Option<Silence> {
        let (timer, id) = self.timers.first().copied().filter(|(timer, _)| *timer <= now)?;
        self.timers.remove(&(timer, id));
        let holder = self.all.get_mut(&id).filter(|holder| !holder.is_silent);
        Some(match holder {
            Some(holder) => {
                holder.is_silent = true;
                self.timers.insert((holder.timer(), id));
                Silence::RunOut(id)
            }
            None => Silence::Forgotten(id),
        })
    }

    pub(super) fn next_timer(&self) -> Option<UnixMillis> {
        self.timers.first().map(|(timer, _)| *timer)
    }

    pub(super) fn get(&self, id: HolderId) -> Option<&Holder> {
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: HolderId) -> Option<&mut Holder> {
        self.all.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: HolderId) -> Option<Holder> {
        let holder = self.all.remove(&id)?;
        self.timers.remove(&(holder.timer(), id));
        Some(holder)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (HolderId, &Holder)> {
        self.all.iter().map(|(id, holder)| (*id, holder))
    }

    /// Stops the process where the two indexes do not agree.
    pub(super) fn check(&self, now: UnixMillis) {
        assert_eq!(self.all.len(), self.timers.len(), "every holder has one timer");
        assert!(self.next_timer().is_none_or(|timer| timer > now), "what is due has run out");
    }
}
