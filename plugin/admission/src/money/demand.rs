//! How much money the next moment needs, from what calls have asked for.
//!
//! Demand is counted from one line of a sync to the next and looked ahead by [`AHEAD_MS`]. Who waits is
//! counted apart: what they need is certain, and the least of it is of use to somebody.

use std::cell::Cell;

use wire::units::Millis;

use super::purse::add;

/// Demand is looked ahead this far, in milliseconds: half of it is gone when more is asked for, so a
/// steady worker needs no other syncs than those that tell what calls have cost.
const AHEAD_MS: i64 = 500;

/// About as many syncs at full pace fit into that.
const SYNCS_AHEAD: i64 = 10;

/// Fewer calls than this are no rate.
const RATE_CALLS_MIN: u64 = 4;

#[derive(Debug)]
pub(super) struct Demand {
    /// Asked for since the last line: together, how often, and the most at once.
    asked: Cell<i64>,
    calls: Cell<u64>,
    most: Cell<i64>,
    /// The most at once before that: what a call is likely to want.
    usual: Cell<i64>,
    /// What calls wait for, together, and the least of it.
    waits: Cell<i64>,
    least: Cell<Option<i64>>,
    /// What is expected in [`AHEAD_MS`].
    expected: Cell<i64>,
    counted_from: Cell<Millis>,
    asked_at: Cell<Millis>,
}

impl Demand {
    pub(super) fn new(now: Millis) -> Self {
        Self {
            asked: Cell::default(),
            calls: Cell::default(),
            most: Cell::default(),
            usual: Cell::default(),
            waits: Cell::default(),
            least: Cell::default(),
            expected: Cell::default(),
            counted_from: Cell::new(now),
            asked_at: Cell::new(now),
        }
    }

    pub(super) fn ask(&self, amount: i64, now: Millis) {
        add(&self.asked, amount);
        self.calls.set(self.calls.get().saturating_add(1));
        self.most.set(self.most.get().max(amount));
        self.asked_at.set(now);
    }

    pub(super) fn wait(&self, amount: i64) {
        add(&self.waits, amount);
        self.least.set(Some(self.least.get().map_or(amount, |least| least.min(amount))));
    }

    pub(super) fn recount(&self) {
        self.waits.set(0);
        self.least.set(None);
    }

    /// The least that a call waits for; `None` if none waits.
    pub(super) fn least(&self) -> Option<i64> {
        self.least.get()
    }

    fn usual_call(&self) -> i64 {
        if self.calls.get() > 0 { self.most.get() } else { self.usual.get() }
    }

    /// Whether `free` will not last until the next sync, or does not pay for anyone who waits.
    pub(super) fn outruns(&self, free: i64) -> bool {
        let asked = self.asked.get();
        let low = self.calls.get() > 0 && free <= asked.max(self.expected.get()) >> 1;
        low || self.least.get().is_some_and(|least| least > free)
    }

    /// Asked for in [`AHEAD_MS`]: at the present rate, or what is left of the one before.
    fn ahead(&self, now: Millis) -> i64 {
        let elapsed =
            i64::try_from(now.since(self.counted_from.get()).0).unwrap_or(i64::MAX).max(50);
        let present = match self.calls.get() {
            0..RATE_CALLS_MIN => self.asked.get(),
            _ => part(self.asked.get(), AHEAD_MS, elapsed),
        };
        present.max(part(self.expected.get(), 3, 4))
    }

    /// Enough for the next moment and one call more.
    pub(super) fn ample(&self, now: Millis) -> i64 {
        self.ahead(now).saturating_add(self.usual_call()).max(self.waits.get())
    }

    /// What is needed until the next sync, and no more.
    pub(super) fn modest(&self, now: Millis) -> i64 {
        part(self.ahead(now), 1, SYNCS_AHEAD).max(self.waits.get())
    }

    /// Whether the first call has not come yet, and may still.
    pub(super) fn is_awaited(&self, now: Millis, after: Millis) -> bool {
        self.usual_call() == 0 && !self.is_idle(now, after)
    }

    pub(super) fn is_idle(&self, now: Millis, after: Millis) -> bool {
        now.since(self.asked_at.get()) > after && self.least.get().is_none()
    }

    /// A line of a sync was written: counts anew from here.
    pub(super) fn settle(&self, now: Millis) {
        self.expected.set(self.ahead(now));
        if self.calls.take() > 0 {
            self.usual.set(self.most.take());
        }
        self.asked.set(0);
        self.counted_from.set(now);
        self.recount();
    }
}

/// `amount * times / of`, rounded down; all of it if the product is too large.
fn part(amount: i64, times: i64, of: i64) -> i64 {
    amount.checked_mul(times).and_then(|product| product.checked_div(of)).unwrap_or(amount)
}
