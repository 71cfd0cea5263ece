//! A sync: who speaks, whether it is new, and each of its lines.
//!
//! A request is booked once, by (holder, sequence). What it says counts only if it speaks of this
//! life of the ledger: what another life lent is void, except that calls which ran into this one
//! are declared, in the first request that knows of it, by wanting their places.

use wire::ids::HolderId;
use wire::sync::{LEASES_MAX, LeaseAnswer, LeaseLine};
use wire::units::Millis;

use crate::command::Sync;
use crate::holder::{Given, HOLDER_LEASES_MAX, HOLDERS_MAX, Holder};
use crate::limit::{Limit, Served, Standing, undefined};
use crate::outcome::{Fault, FaultKind, Lapses, Refusal, Reply, Synced};
use crate::state::{Ledger, note_lapse};
use crate::stock::Moment;

impl Ledger {
    pub(super) fn sync(&mut self, sync: Sync, moment: &Moment, lapses: &mut Lapses) -> Reply {
        if sync.lines.len() > LEASES_MAX {
            return Reply::Refused(Refusal::TooManyLines);
        }
        match self.holders.get(&sync.holder) {
            Some(known) if sync.sequence < known.sequence => {
                Reply::Refused(Refusal::Stale { last: known.sequence })
            }
            Some(known) if sync.sequence == known.sequence => {
                Reply::Synced(self.repeat(sync.holder, known, moment.now))
            }
            None if self.holders.len() >= HOLDERS_MAX => Reply::Refused(Refusal::Crowded),
            _ => Reply::Synced(self.serve(sync, moment, lapses)),
        }
    }

    /// The same answer again, with what is left of its time: nothing, where the lease is no more.
    fn repeat(&self, id: HolderId, holder: &Holder, now: Millis) -> Synced {
        let again = |given: &Given| {
            let limit = self.limits.get(&given.answer.limit);
            let lives = limit.is_some_and(|limit| limit.leases().contains_key(&id));
            let until = if lives { given.until } else { Millis::ZERO };
            LeaseAnswer { ttl_ms: until.since(now), ..given.answer.clone() }
        };
        Synced {
            answers: holder.given.iter().map(again).collect(),
            repeated: true,
            void: holder.void,
            faults: Vec::new(),
        }
    }

    fn serve(&mut self, sync: Sync, moment: &Moment, lapses: &mut Lapses) -> Synced {
        let id = sync.holder;
        let mut holder = self.holders.remove(&id).unwrap_or_else(|| Holder::new(moment.now));
        self.silence.remove(&(holder.seen, id));
        let standing = match sync.epoch {
            Some(epoch) if epoch == self.epoch && holder.declares => Standing::Declares,
            Some(epoch) if epoch == self.epoch => Standing::Usual,
            Some(_) => Standing::Foreign,
            None => Standing::Newcomer,
        };
        let void = matches!(standing, Standing::Foreign | Standing::Newcomer);
        if void {
            self.void(id, &holder, moment.now, lapses);
        }
        let mut faults = Vec::new();
        holder.given = Vec::with_capacity(sync.lines.len());
        for line in &sync.lines {
            let given = self.serve_line(id, &mut holder, line, standing, moment, &mut faults);
            holder.given.push(given);
        }
        holder.sequence = sync.sequence;
        holder.void = void;
        holder.declares = standing == Standing::Foreign;
        holder.seen = moment.now;
        let answers = holder.given.iter().map(|given| given.answer.clone()).collect();
        self.silence.insert((holder.seen, id));
        self.holders.insert(id, holder);
        Synced { answers, repeated: false, void, faults }
    }

    /// By its own word the holder has nothing that this life lent.
    fn void(&mut self, id: HolderId, holder: &Holder, now: Millis, lapses: &mut Lapses) {
        for key in &holder.leases {
            if let Some(limit) = self.limits.get_mut(key) {
                let units = limit.void(id, now);
                note_lapse(lapses, limit, units);
            }
        }
    }

    fn serve_line(
        &mut self,
        id: HolderId,
        holder: &mut Holder,
        line: &LeaseLine,
        standing: Standing,
        moment: &Moment,
        faults: &mut Vec<Fault>,
    ) -> Given {
        let key = &line.limit;
        let Some(limit) = self.limits.get_mut(key) else {
            return Given { answer: undefined(key), until: Millis::ZERO };
        };
        if holder.leases.len() >= HOLDER_LEASES_MAX && !holder.leases.contains(key) {
            return Given { answer: limit.turn_away(line, moment), until: Millis::ZERO };
        }
        let timer_of = |limit: &Limit| limit.leases().get(&id).and_then(|lease| lease.timer);
        if let Some(timer) = timer_of(limit) {
            self.timers.remove(&(timer, id, key.clone()));
        }
        let served = limit.serve(id, line, standing, moment);
        if let Some(timer) = timer_of(limit) {
            self.timers.insert((timer, id, key.clone()));
        }
        holder.leases.insert(key.clone());
        note_faults(faults, id, &served);
        Given { answer: served.answer, until: served.until }
    }
}

fn note_faults(faults: &mut Vec<Fault>, holder: HolderId, served: &Served) {
    let kinds = [
        (FaultKind::SpentPlaces, served.spent_places),
        (FaultKind::Excess, served.booking.excess),
        (FaultKind::Late, served.booking.late),
    ];
    for (kind, units) in kinds.into_iter().filter(|(_, units)| *units > 0) {
        faults.push(Fault { holder, limit: served.answer.limit.clone(), units, kind });
    }
}
