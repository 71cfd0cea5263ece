//! One limit: its stock, its leases, and one line's way through them.
//!
//! A line is booked first and lent to afterwards, so what a holder gives back is there for its own
//! wish. Invariant, asserted after each change: what is lent is the sum over the leases, and the
//! stock's own figures add up. `state` calls this; `stock` counts; `slice` decides how much.

mod unserved;
mod waits;

use std::collections::BTreeMap;

use wire::ids::HolderId;
use wire::limit::LimitRule;
use wire::sync::{LeaseAnswer, LeaseLine, Shortage};
use wire::units::Millis;

use crate::census::{Census, TurnedAway};
use crate::command::Start;
use crate::lease::{Booking, Lease, PLACE_GRACE, PLACE_TTL, REQUEST_TTL};
use crate::outcome::LimitView;
use crate::slice::{ASK_AGAIN_MAX, Demand, ask_again};
use crate::stock::{Moment, Stock};

pub(crate) use unserved::undefined;

/// Units that an earlier life of the ledger may have lent: nobody's, until their time is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) units: u64,
    pub(crate) until: Millis,
}

impl Held {
    const NOTHING: Self = Self { units: 0, until: Millis::ZERO };
}

/// How a line is to be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// The holder knows this life.
    Usual,
    /// It has just come to know it: what it wants of places already runs.
    Declares,
    /// It speaks of another life: nothing of what it says is booked, and what it wants of places
    /// would come on top of calls that this life does not know of yet.
    Foreign,
    /// It has had no answer yet, so there is nothing to book.
    Newcomer,
}

/// What became of a line.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) answer: LeaseAnswer,
    pub(crate) booking: Booking,
    /// Spent of places, which cannot be.
    pub(crate) spent_places: u64,
    /// Until when the holder may use what it has.
    pub(crate) until: Millis,
}

/// A limit with its leases.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    stock: Stock,
    leases: BTreeMap<HolderId, Lease>,
    lent: u64,
    held: Held,
    hungry: Census,
    turned_away: TurnedAway,
}

impl Limit {
    /// A limit of a first start, or a new one.
    pub(crate) fn new(rule: &LimitRule, now: Millis) -> Self {
        Self::of(Stock::new(rule, Start::Full, now), Held::NOTHING)
    }

    /// A limit that an earlier life may have lent `units` of.
    pub(crate) fn after_restart(stock: Stock, units: u64, now: Millis) -> Self {
        let time = match stock {
            Stock::Places(_) => PLACE_TTL.plus(PLACE_GRACE),
            Stock::Bucket(_) | Stock::Days(_) => REQUEST_TTL,
        };
        Self::of(stock, Held { units, until: now.plus(time) })
    }

    fn of(stock: Stock, held: Held) -> Self {
        Self {
            stock,
            leases: BTreeMap::new(),
            lent: 0,
            held,
            hungry: Census::default(),
            turned_away: TurnedAway::default(),
        }
    }

    pub(crate) const fn stock(&self) -> &Stock {
        &self.stock
    }

    pub(crate) const fn lent(&self) -> u64 {
        self.lent
    }

    pub(crate) const fn held(&self) -> u64 {
        self.held.units
    }

    pub(crate) const fn leases(&self) -> &BTreeMap<HolderId, Lease> {
        &self.leases
    }

    pub(crate) fn view(&self, moment: &Moment) -> LimitView {
        LimitView {
            level: self.level(moment),
            lent: self.lent,
            used: self.stock.used(moment.day),
            held: self.held.units,
        }
    }

    /// Takes new figures. Says whether any is another.
    pub(crate) fn redefine(&mut self, rule: &LimitRule, moment: &Moment) -> bool {
        self.advance(moment.now);
        let changed = self.stock.redefine(rule, self.out());
        self.check();
        changed
    }

    /// Lets time pass, with what is held back until its time is over.
    pub(crate) fn advance(&mut self, now: Millis) {
        if self.held.units > 0 && self.held.until <= now {
            self.stock.advance(self.held.until, self.out());
            self.held.units = 0;
        }
        self.stock.advance(now, self.out());
    }

    /// Lets `holder`'s lease run out at `now`. Tells what was lent, and whether the lease is no
    /// more.
    pub(crate) fn lapse(&mut self, holder: HolderId, now: Millis) -> (u64, bool) {
        self.advance(now);
        let Some(mut lease) = self.leases.remove(&holder) else {
            return (0, true);
        };
        let units = self.run_out(&mut lease);
        lease.timer = None;
        let gone = lease.is_empty();
        if !gone {
            self.leases.insert(holder, lease);
        }
        self.check();
        (units, gone)
    }

    /// The holder has nothing of this life: lets all that it was lent run out, with no word to
    /// come. Tells how much that was.
    pub(crate) fn void(&mut self, holder: HolderId, now: Millis) -> u64 {
        self.advance(now);
        let Some(mut lease) = self.leases.remove(&holder) else {
            return 0;
        };
        let units = self.run_out(&mut lease);
        lease.lapsed = 0;
        self.leases.insert(holder, lease);
        self.check();
        units
    }

    /// Removes the lease of a holder that is to be forgotten.
    pub(crate) fn forget(&mut self, holder: HolderId) {
        let lease = self.leases.remove(&holder);
        assert!(
            lease.is_none_or(|lease| lease.lent == 0),
            "no lease is forgotten before it lapses"
        );
    }

    /// Books a line and answers it.
    pub(crate) fn serve(
        &mut self,
        holder: HolderId,
        line: &LeaseLine,
        standing: Standing,
        moment: &Moment,
    ) -> Served {
        self.advance(moment.now);
        self.stock.open(moment.day);
        let mut lease = self.leases.remove(&holder).unwrap_or_default();
        let (booking, spent_places) = match standing {
            Standing::Foreign | Standing::Newcomer => (Booking::default(), 0),
            Standing::Usual | Standing::Declares => self.book(&mut lease, line),
        };
        self.settle_the_past(&mut lease, moment);
        let wait = Self::since_it_asked(&mut lease, line.wants, moment.now);
        let gets = self.lend(&mut lease, line.wants, standing, wait, moment);
        let until = self.renew(&mut lease, moment);
        let short = self.note_shortage(holder, &mut lease, line.wants, gets, moment);
        let answer = LeaseAnswer {
            limit: line.limit.clone(),
            gets,
            ttl_ms: until.since(moment.now),
            recall: lease.lent > 0 && self.turned_away.besides(holder, moment.now),
            short,
            remaining: self.level(moment),
            resets_ms: self.resets(moment),
        };
        self.leases.insert(holder, lease);
        self.check();
        Served { answer, booking, spent_places, until }
    }

    /// Stops the process where the figures do not add up. The sum over all leases is for debug
    /// builds: in a release it would make every line as slow as there are holders.
    pub(crate) fn check(&self) {
        self.stock.check(self.lent, self.out());
        if cfg!(debug_assertions) {
            let sum: u64 = self.leases.values().map(|lease| lease.lent).sum();
            assert_eq!(sum, self.lent, "what is lent is the sum over the leases");
        }
    }

    fn book(&mut self, lease: &mut Lease, line: &LeaseLine) -> (Booking, u64) {
        let spent_places = if self.stock.is_places() { line.spent } else { 0 };
        let booking = lease.book(line.spent - spent_places, line.returned);
        self.lent -= booking.spent + booking.returned;
        self.stock.spend(booking.spent, lease.day);
        self.stock.give_back(booking.returned, lease.day, self.out());
        (booking, spent_places)
    }

    /// What is still lent from another day runs out: this day's loan has a lease of its own. Places
    /// whose lease lapsed while the calls in them ran on are lent again, as far as there are any.
    fn settle_the_past(&mut self, lease: &mut Lease, moment: &Moment) {
        match self.stock {
            Stock::Days(_) if lease.day != moment.day.map(|day| day.start) => {
                self.run_out(lease);
            }
            Stock::Places(_) => {
                let again = lease.lapsed.min(self.level(moment));
                lease.lapsed -= again;
                lease.lent += again;
                self.lent += again;
            }
            Stock::Days(_) | Stock::Bucket(_) => {}
        }
    }

    fn run_out(&mut self, lease: &mut Lease) -> u64 {
        let units = lease.lapse();
        self.lent -= units;
        self.stock.spend(units, lease.day);
        units
    }

    /// How long ago the holder asked last, in case it has kept asking: one that comes back has not
    /// waited.
    fn since_it_asked(lease: &mut Lease, wants: u64, now: Millis) -> Millis {
        if wants == 0 {
            return Millis::ZERO;
        }
        let waited = lease.asked.replace(now).map(|last| now.since(last));
        waited.filter(|wait| *wait < REQUEST_TTL).unwrap_or_default().min(ASK_AGAIN_MAX)
    }

    fn lend(
        &mut self,
        lease: &mut Lease,
        wants: u64,
        standing: Standing,
        wait: Millis,
        moment: &Moment,
    ) -> u64 {
        let gets = match (&self.stock, standing) {
            (Stock::Places(_), Standing::Foreign) => 0,
            (Stock::Places(places), Standing::Declares) => wants.min(places.level(self.lent)),
            _ => {
                let hungry = self.hungry.count(moment.now).max(1);
                let flowed = self.stock.flow(wait, hungry);
                Demand { wants, level: self.level(moment), flowed, hungry }.slice()
            }
        };
        self.stock.lend(gets, moment.day);
        lease.lent += gets;
        lease.day = moment.day.map(|day| day.start);
        self.lent += gets;
        if let Stock::Places(places) = &self.stock {
            self.held.units = self.held.units.min(places.level(self.lent));
        }
        gets
    }

    /// Gives all that the holder has its full time again; tells until when it may be used. A day's
    /// units are not good beyond the day.
    fn renew(&self, lease: &mut Lease, moment: &Moment) -> Millis {
        let (ttl, grace) = match &self.stock {
            Stock::Places(_) => (PLACE_TTL, PLACE_GRACE),
            Stock::Days(days) if lease.lent > 0 => {
                let rest = days.over_in(moment.day, moment.wall);
                (rest.unwrap_or(Millis::ZERO).min(REQUEST_TTL), Millis::ZERO)
            }
            Stock::Days(_) | Stock::Bucket(_) => (REQUEST_TTL, Millis::ZERO),
        };
        let until = moment.now.plus(ttl);
        lease.timer = Some(until.plus(grace));
        until
    }

    fn note_shortage(
        &mut self,
        holder: HolderId,
        lease: &mut Lease,
        wants: u64,
        gets: u64,
        moment: &Moment,
    ) -> Option<Shortage> {
        if gets >= wants {
            return None;
        }
        self.hungry.note(lease.hungry, moment.now);
        lease.hungry = Some(moment.now);
        if gets == 0 {
            self.turned_away.note(holder, moment.now);
        }
        let hungry = self.hungry.count(moment.now);
        let elsewhere = self.out() > lease.lent && self.level(moment) == 0;
        Some(Shortage {
            ask_again_ms: ask_again(self.wait_for_slice(hungry, elsewhere, moment)),
            retry_ms: self.wait_for_unit(elsewhere, moment),
            lent_elsewhere: elsewhere,
            undefined: false,
        })
    }

    fn level(&self, moment: &Moment) -> u64 {
        self.stock.level(self.out(), moment.day)
    }

    const fn out(&self) -> u64 {
        self.lent.saturating_add(self.held.units)
    }
}
