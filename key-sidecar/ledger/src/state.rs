//! The state machine: one command after another, each wholly or not at all.
//!
//! Whatever the command, what has run out by then is expired first, each lease at its own moment,
//! so that it does not matter how often the ledger is asked. Then the command itself; its result is
//! the first that applies in the order that `outcome` lists. Neighbours: `limit` serves a line,
//! `holder` remembers who was told what.

mod serve;

use std::collections::{BTreeMap, BTreeSet};

use wire::ids::{Epoch, HolderId};
use wire::limit::LimitKey;
use wire::units::{Millis, UnixMillis};

use crate::command::{Command, Definition, Now, Start};
use crate::days::Day;
use crate::holder::{HOLDER_FORGOTTEN_AFTER, HOLDERS_MAX, Holder};
use crate::limit::Limit;
use crate::outcome::{Defined, Lapses, LimitView, Outcome, Reply};
use crate::snapshot::{RestoreError, Saved, Snapshot, revive};
use crate::stock::Moment;

/// All shared limits and who has been lent what of them.
#[derive(Clone, Debug)]
pub struct Ledger {
    epoch: Epoch,
    start: Start,
    /// What the first definition finds of an earlier life.
    saved: Option<BTreeMap<LimitKey, Saved>>,
    clock: Millis,
    boundaries: Vec<UnixMillis>,
    limits: BTreeMap<LimitKey, Limit>,
    holders: BTreeMap<HolderId, Holder>,
    /// Every lease that has a timer, by it.
    timers: BTreeSet<(Millis, HolderId, LimitKey)>,
    /// Every holder, by its last word.
    silence: BTreeSet<(Millis, HolderId)>,
}

impl Ledger {
    /// A ledger that knows of no earlier life. `epoch` names this one, and must never have been
    /// used. What [`Start::Empty`] holds back, it holds back of the limits of the first definition.
    #[must_use]
    pub const fn new(epoch: Epoch, start: Start) -> Self {
        Self {
            epoch,
            start,
            saved: Some(BTreeMap::new()),
            clock: Millis::ZERO,
            boundaries: Vec::new(),
            limits: BTreeMap::new(),
            holders: BTreeMap::new(),
            timers: BTreeSet::new(),
            silence: BTreeSet::new(),
        }
    }

    /// A ledger that goes on from `snapshot`. `start` says whether that was the last that the
    /// earlier life did ([`Start::Full`]) or whether it went on lending afterwards
    /// ([`Start::Empty`]).
    ///
    /// # Errors
    /// [`RestoreError`] if the snapshot is of another format.
    pub fn restore(epoch: Epoch, snapshot: Snapshot, start: Start) -> Result<Self, RestoreError> {
        Ok(Self { saved: Some(snapshot.into_limits()?), ..Self::new(epoch, start) })
    }

    /// What must outlive a restart, as of the last command.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.limits.iter())
    }

    /// The name of this life.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The figures of one limit as of the last command, on the day that `wall` is in.
    #[must_use]
    pub fn view(&self, limit: &LimitKey, wall: UnixMillis) -> Option<LimitView> {
        let moment = self.moment(Now { monotonic: self.clock, wall });
        self.limits.get(limit).map(|limit| limit.view(&moment))
    }

    /// Does one thing.
    pub fn apply(&mut self, command: Command, now: Now) -> Outcome {
        let moment = self.moment(now);
        self.clock = moment.now;
        let mut lapses = self.expire();
        let reply = match command {
            Command::Define { limits, day_boundaries } => {
                Reply::Defined(self.define(limits, day_boundaries, now))
            }
            Command::Expire => Reply::Expired,
            Command::Sync(sync) => self.sync(sync, &moment, &mut lapses),
        };
        self.check();
        Outcome { lapses, reply }
    }

    fn moment(&self, now: Now) -> Moment {
        Moment {
            now: self.clock.max(now.monotonic),
            wall: now.wall,
            day: Day::of(now.wall, &self.boundaries),
        }
    }

    // === Expiry ===

    fn expire(&mut self) -> Lapses {
        let mut lapses = Lapses::default();
        while let Some((timer, holder, key)) = pop_due(&mut self.timers, self.clock) {
            let Some(limit) = self.limits.get_mut(&key) else {
                continue;
            };
            let (units, gone) = limit.lapse(holder, timer);
            note_lapse(&mut lapses, limit, units);
            if gone && let Some(holder) = self.holders.get_mut(&holder) {
                holder.leases.remove(&key);
            }
        }
        self.forget_silent(&mut lapses);
        lapses
    }

    fn forget_silent(&mut self, lapses: &mut Lapses) {
        while let Some((seen, id)) = self.silence.first().copied() {
            if seen.plus(HOLDER_FORGOTTEN_AFTER) > self.clock {
                return;
            }
            self.silence.pop_first();
            let leases = self.holders.remove(&id).map(|holder| holder.leases);
            for key in leases.into_iter().flatten() {
                if let Some(limit) = self.limits.get_mut(&key) {
                    limit.forget(id);
                }
            }
            lapses.holders += 1;
        }
    }

    // === Define ===

    fn define(
        &mut self,
        definitions: Vec<Definition>,
        mut boundaries: Vec<UnixMillis>,
        now: Now,
    ) -> Defined {
        boundaries.sort_unstable();
        boundaries.dedup();
        self.boundaries = boundaries;
        let moment = self.moment(now);
        let mut defined = Defined::default();
        let mut former = std::mem::take(&mut self.limits);
        let mut saved = self.saved.take();
        for Definition { key, rule } in definitions {
            let kept = former.remove(&key).or_else(|| self.limits.remove(&key));
            let limit = match kept {
                Some(mut limit) if limit.stock().is_kind_of(&rule) => {
                    defined.changed += u64::from(limit.redefine(&rule, &moment));
                    limit
                }
                other => {
                    defined.added += 1;
                    former.extend(other.map(|limit| (key.clone(), limit)));
                    match &mut saved {
                        Some(saved) => revive(&rule, saved.remove(&key), self.start, moment.now),
                        None => Limit::new(&rule, moment.now),
                    }
                }
            };
            self.limits.insert(key, limit);
        }
        defined.removed = u64::try_from(former.len()).unwrap_or(u64::MAX);
        for (key, limit) in former {
            self.drop_leases(&key, &limit);
        }
        defined
    }

    fn drop_leases(&mut self, key: &LimitKey, limit: &Limit) {
        for (id, lease) in limit.leases() {
            if let Some(timer) = lease.timer {
                self.timers.remove(&(timer, *id, key.clone()));
            }
            if let Some(holder) = self.holders.get_mut(id) {
                holder.leases.remove(key);
            }
        }
    }

    /// Stops the process where the indexes do not agree. Each limit has checked its own figures
    /// when it changed; what takes time in proportion to everything is for debug builds.
    fn check(&self) {
        assert_eq!(self.holders.len(), self.silence.len(), "every holder has one last word");
        assert!(self.holders.len() <= HOLDERS_MAX, "no more holders than there is room for");
        assert!(
            self.timers.first().is_none_or(|(timer, ..)| *timer > self.clock),
            "what is due has run out"
        );
        if cfg!(debug_assertions) && self.holders.len() <= FULL_CHECK_HOLDERS_MAX {
            self.limits.values().for_each(Limit::check);
            let timed =
                |limit: &Limit| limit.leases().values().filter(|l| l.timer.is_some()).count();
            assert_eq!(
                self.timers.len(),
                self.limits.values().map(timed).sum::<usize>(),
                "one timer each"
            );
            let leases: usize = self.limits.values().map(|limit| limit.leases().len()).sum();
            let known: usize = self.holders.values().map(|holder| holder.leases.len()).sum();
            assert_eq!(leases, known, "every lease has a holder that knows it");
        }
    }
}

/// Up to how many holders a debug build checks everything after each command.
const FULL_CHECK_HOLDERS_MAX: usize = 256;

/// Takes the first timer off, if its time has come.
fn pop_due(
    timers: &mut BTreeSet<(Millis, HolderId, LimitKey)>,
    now: Millis,
) -> Option<(Millis, HolderId, LimitKey)> {
    timers.first().is_some_and(|(timer, ..)| *timer <= now).then(|| timers.pop_first())?
}

fn note_lapse(lapses: &mut Lapses, limit: &Limit, units: u64) {
    lapses.leases += u64::from(units > 0);
    if limit.stock().is_places() {
        lapses.places_back = lapses.places_back.saturating_add(units);
    } else {
        lapses.presumed_spent = lapses.presumed_spent.saturating_add(units);
    }
}
