//! All leases of this VM: found by name, noted when something happens to them, settled in one sync.
//!
//! A request touches the leases that bind it and looks at no others. Neighbours: [`crate::lease`] is one
//! of them, [`crate::conversation`] sends what they have to say.

use std::collections::HashMap;
use std::rc::Rc;

use wire::facts::LimitFacts;
use wire::limit::LimitKey;
use wire::sync::{LeaseAnswer, LeaseLine};
use wire::units::Millis;

use crate::lease::Lease;

/// The places that an admitted request holds; dropping it, however the request ended, frees them.
/// At most one concurrency limit stands on a client, a service and a use each.
#[derive(Debug, Default)]
pub struct Places([Option<Rc<Lease>>; 3]);

impl Places {
    fn keep(&mut self, lease: &Rc<Lease>) {
        if let Some(slot) = self.0.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(Rc::clone(lease));
        }
    }
}

/// All leases of this VM.
#[derive(Debug, Default)]
pub struct Leases {
    by_key: HashMap<LimitKey, Rc<Lease>>,
    /// Those that something happened to since they were last settled.
    touched: Vec<Rc<Lease>>,
    /// Whether one of them pressed when that happened. A request looks here, and not at all of them.
    pressing: bool,
}

impl Leases {
    /// The lease for a limit, made empty if it is new.
    pub fn of(&mut self, facts: &LimitFacts, now: Millis) -> Rc<Lease> {
        let new = || Rc::new(Lease::new(facts, now));
        let lease = self.by_key.entry(facts.key.clone()).or_insert_with(new);
        lease.redefine(facts);
        Rc::clone(lease)
    }

    /// Notes that a request asks for one of each.
    pub fn ask<'a>(&mut self, leases: impl Iterator<Item = &'a Rc<Lease>>, now: Millis) {
        for lease in leases {
            lease.ask(now);
            self.note(lease, now);
        }
    }

    /// Notes that a request waits for a lease.
    pub fn wait(&mut self, lease: &Rc<Lease>, now: Millis) {
        lease.wait();
        self.note(lease, now);
    }

    /// Takes one of each, after all said that they are ready.
    pub fn take<'a>(&mut self, leases: impl Iterator<Item = &'a Rc<Lease>>, now: Millis) -> Places {
        let mut places = Places::default();
        for lease in leases {
            lease.take();
            self.pressing |= lease.presses(now);
            if lease.has_places() {
                places.keep(lease);
            }
        }
        places
    }

    /// Frees places, once.
    pub fn release(&mut self, places: &mut Places, now: Millis) {
        for lease in places.0.iter_mut().filter_map(Option::take) {
            lease.release(now);
            self.note(&lease, now);
        }
    }

    /// Whether a slice should be fetched or given back soon, as of the last request.
    #[must_use]
    pub const fn pressing(&self) -> bool {
        self.pressing
    }

    /// Whether a slice should be fetched or given back soon.
    pub fn presses(&mut self, now: Millis) -> bool {
        self.pressing = self.touched.iter().any(|lease| lease.presses(now));
        self.pressing
    }

    /// How long it is until a lease that requests wait for may be asked for; `None` if none wait.
    #[must_use]
    pub fn askable_in(&self, now: Millis) -> Option<Millis> {
        self.touched.iter().filter_map(|lease| lease.askable_in(now)).min()
    }

    /// Whether the ledger should hear something within its usual time.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.touched.iter().any(|lease| lease.owes())
    }

    /// The lines of a sync: what was touched. At most `lines_max`; the rest waits for the next.
    pub fn settle(&mut self, now: Millis, lines_max: usize) -> Vec<LeaseLine> {
        self.lines(now, false, lines_max)
    }

    /// The lines of a sync: what was touched and everything that is held, which renews it. If it
    /// `declares`, the ledger's life is new and it must hear what runs.
    pub fn settle_all(&mut self, now: Millis, declares: bool, lines_max: usize) -> Vec<LeaseLine> {
        self.touch_all();
        self.lines(now, declares, lines_max)
    }

    fn lines(&mut self, now: Millis, declares: bool, lines_max: usize) -> Vec<LeaseLine> {
        let count = self.touched.len().min(lines_max);
        self.pressing = false;
        self.touched.drain(..count).map(|lease| lease.settle(now, declares)).collect()
    }

    /// Takes in the answers to a sync.
    pub fn absorb(&mut self, answers: &[LeaseAnswer], sent_at: Millis, now: Millis) {
        for answer in answers {
            if let Some(lease) = self.by_key.get(&answer.limit) {
                lease.absorb(answer, sent_at, now);
            }
        }
    }

    /// The ledger has begun a new life.
    pub fn void(&mut self) {
        self.by_key.values().for_each(|lease| lease.void());
    }

    /// Gives everything back: nobody calls.
    pub fn return_all(&mut self) {
        self.by_key.values().for_each(|lease| lease.give_back());
        self.touch_all();
    }

    fn note(&mut self, lease: &Rc<Lease>, now: Millis) {
        self.touch(lease);
        self.pressing |= lease.presses(now);
    }

    fn touch(&mut self, lease: &Rc<Lease>) {
        if lease.touch() {
            self.touched.push(Rc::clone(lease));
        }
    }

    /// Forgets leases that nobody refers to and that hold nothing, touches the others that hold something.
    fn touch_all(&mut self) {
        self.by_key.retain(|_, lease| Rc::strong_count(lease) > 1 || lease.is_held());
        let holding: Vec<_> = self.by_key.values().filter(|one| one.is_held()).cloned().collect();
        holding.iter().for_each(|lease| self.touch(lease));
    }
}

#[cfg(test)]
mod tests {
    use wire::ids::ClientName;
    use wire::limit::{LimitRule, LimitScope, Mode};

    use super::*;

    fn places(places: u64) -> LimitFacts {
        let scope = LimitScope::Client(ClientName::parse("checkout").unwrap());
        let rule = LimitRule::Concurrent { places };
        LimitFacts { key: LimitKey::new(&scope, &rule), rule, mode: Mode::Enforce }
    }

    fn lent(gets: u64) -> LeaseAnswer {
        LeaseAnswer {
            limit: places(1).key,
            gets,
            ttl_ms: Millis(2_000),
            recall: false,
            short: None,
            remaining: 0,
            resets_ms: Millis(0),
        }
    }

    #[test]
    fn what_runs_is_declared_to_a_new_ledger_even_if_the_limit_has_changed_since() {
        let mut leases = Leases::default();
        let before = leases.of(&places(4), Millis(0));
        leases.absorb(&[lent(2)], Millis(0), Millis(0));
        let mut running = leases.take([&before, &before].into_iter(), Millis(0));
        let after = leases.of(&places(8), Millis(10));
        assert_eq!(after.rule(), LimitRule::Concurrent { places: 8 });

        leases.void();
        let lines = leases.settle_all(Millis(20), true, 10);
        assert_eq!(lines.iter().map(|line| line.wants).collect::<Vec<_>>(), [2]);
        leases.absorb(&[lent(2)], Millis(20), Millis(20));
        leases.release(&mut running, Millis(30));
        let lines = leases.settle_all(Millis(10_000), false, 10);
        assert_eq!(lines.iter().map(|line| line.returned).sum::<u64>(), 2);
    }
}
