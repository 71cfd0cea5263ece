//! What this VM has been lent of one limit, and spends from memory.
//!
//! A lease is shared by everybody whom its limit binds, so it lives behind an `Rc` and in cells: a
//! request that checks and commits allocates nothing. All its amounts are small integers; what the
//! ledger hears of them is in `Lease::settle`. All leases together are in [`crate::leases`].

use std::cell::Cell;

use wire::facts::LimitFacts;
use wire::limit::{LimitKey, LimitRule, Mode};
use wire::sync::{LeaseAnswer, LeaseLine};
use wire::units::Millis;

use crate::conversation::PACE;

/// Demand is looked ahead this far: a slice shall last about as long as five syncs at full pace.
const AHEAD: Millis = Millis(250);

/// A lease that nobody asked for in this time is given back, so that idle workers strand nothing.
const IDLE: Millis = Millis(5_000);

/// After the ledger was short of a limit, a holder wants little of it for this long.
const MODEST: Millis = Millis(1_000);

/// A recalled concurrency limit gives back one place in this time, so that busy holders take turns.
const BACK_EVERY: Millis = Millis(4_000);

/// After a place went back on recall, it is left to others for this long.
const BACK_PAUSE: Millis = Millis(250);

/// A holder that has places, while others wait for them, asks for more no sooner than after this.
const ASK_IN_TURN: Millis = Millis(250);

/// The clock is read at ticks, so a lease ends this much sooner here than it was promised to last:
/// twice the longest time between two ticks of a gate in use.
const TICK_SLACK: Millis = Millis(200);

/// One limit's slice.
#[derive(Debug)]
pub struct Lease {
    key: LimitKey,
    /// The amounts may change with the policy; what kind of limit it is stands in the key.
    rule: Cell<LimitRule>,
    mode: Cell<Mode>,
    /// May be spent until `good_until`.
    available: Cell<u64>,
    /// Places taken by running requests; concurrency only.
    running: Cell<u64>,
    /// Running places that the present ledger did not lend: it forgot them in a restart.
    undeclared: Cell<u64>,
    spent: Cell<u64>,
    returned: Cell<u64>,
    /// Requests that asked since the last [`Lease::settle`], admitted or not.
    asked: Cell<u64>,
    /// Requests that wait for this lease since then.
    waits: Cell<u64>,
    /// What `asked` is expected to be in [`AHEAD`].
    demand: Cell<u64>,
    settled_at: Cell<Millis>,
    asked_at: Cell<Millis>,
    good_until: Cell<Millis>,
    /// The ledger had nothing more: refuse without asking until then.
    short_until: Cell<Millis>,
    /// The ledger was short of it lately: want no more than the next moment needs until then.
    modest_until: Cell<Millis>,
    /// A recalled place goes back no sooner than this.
    next_back: Cell<Millis>,
    shortage: Cell<Shortage>,
    recall: Cell<bool>,
    touched: Cell<bool>,
}

/// What a refusal says of a lease that is empty.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shortage {
    /// When a place may be expected, on this VM's clock.
    pub retry_at: Millis,
    /// The limit is not used up; other workers have what is left.
    pub lent_elsewhere: bool,
    /// What the ledger had left at the last answer.
    pub remaining: u64,
    /// When the limit is whole again, on this VM's clock.
    pub resets_at: Millis,
}

/// Whether a lease has something to spend.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ready {
    /// It has.
    Yes,
    /// Not now, and asking would bring nothing.
    Short(Shortage),
    /// It must ask first.
    Ask,
}

impl Lease {
    pub(crate) fn new(facts: &LimitFacts, now: Millis) -> Self {
        Self {
            key: facts.key.clone(),
            rule: Cell::new(facts.rule),
            mode: Cell::new(facts.mode),
            available: Cell::default(),
            running: Cell::default(),
            undeclared: Cell::default(),
            spent: Cell::default(),
            returned: Cell::default(),
            asked: Cell::default(),
            waits: Cell::default(),
            demand: Cell::default(),
            settled_at: Cell::new(now),
            asked_at: Cell::new(now),
            good_until: Cell::default(),
            short_until: Cell::default(),
            modest_until: Cell::default(),
            next_back: Cell::default(),
            shortage: Cell::default(),
            recall: Cell::default(),
            touched: Cell::default(),
        }
    }

    /// The name of the limit that it is a slice of.
    #[must_use]
    pub const fn key(&self) -> &LimitKey {
        &self.key
    }

    /// What the limit allows.
    #[must_use]
    pub const fn rule(&self) -> LimitRule {
        self.rule.get()
    }

    /// Whether the limit refuses.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode.get()
    }

    /// Takes over what a new policy says of the limit. What was lent and runs stays: the ledger keeps
    /// account by name.
    pub(crate) fn redefine(&self, facts: &LimitFacts) {
        self.rule.set(facts.rule);
        self.mode.set(facts.mode);
    }

    /// Whether a request that finds nothing may find something within its deadline: a place can come free at
    /// any moment, here even, and what the ledger has left is shared out anew with each sync. A rate that is
    /// used up gives nothing so soon.
    #[must_use]
    pub const fn is_worth_waiting_for(&self, shortage: &Shortage) -> bool {
        self.has_places() || shortage.remaining > 0
    }

    /// Whether it is about requests at the same moment.
    #[must_use]
    pub const fn has_places(&self) -> bool {
        matches!(self.rule.get(), LimitRule::Concurrent { .. })
    }

    /// Whether a request could take one now. Takes nothing.
    #[must_use]
    pub fn ready(&self, now: Millis) -> Ready {
        if self.available.get() > 0 && now <= self.good_until.get() {
            Ready::Yes
        } else if now < self.short_until.get() {
            Ready::Short(self.shortage.get())
        } else {
            Ready::Ask
        }
    }

    /// How short the limit was lately; `None` if the ledger had enough of it when last asked.
    #[must_use]
    pub fn lately_short(&self, now: Millis) -> Option<Shortage> {
        (now < self.modest_until.get()).then(|| self.shortage.get())
    }

    /// Takes one, after [`Lease::ready`] said [`Ready::Yes`].
    pub(crate) fn take(&self) {
        self.available.set(self.available.get().saturating_sub(1));
        match self.rule.get() {
            LimitRule::Requests { .. } => add(&self.spent, 1),
            LimitRule::Concurrent { .. } => add(&self.running, 1),
        }
    }

    /// A running request has ended: its place is free for the next here, or goes back.
    pub(crate) fn release(&self, now: Millis) {
        self.running.set(self.running.get().saturating_sub(1));
        if self.undeclared.get() > self.running.get() {
            // More places are undeclared than running: this one was never lent by this ledger.
            self.undeclared.set(self.running.get());
        } else if now > self.good_until.get() {
            add(&self.returned, 1);
        } else if self.recall.get() && now >= self.next_back.get() {
            // One at a time, and not asked for again at once, or it would be the same one that comes.
            add(&self.returned, 1);
            self.next_back.set(now.plus(BACK_EVERY));
            self.short_until.set(self.short_until.get().max(now.plus(BACK_PAUSE)));
        } else {
            add(&self.available, 1);
        }
    }

    /// Counts a request that wants one, whatever becomes of it.
    pub(crate) fn ask(&self, now: Millis) {
        add(&self.asked, 1);
        self.asked_at.set(now);
    }

    /// Notes that a request waits for this.
    pub(crate) fn wait(&self) {
        add(&self.waits, 1);
    }

    /// Whether the slice will not last until the next sync at the present demand.
    fn runs_low(&self, now: Millis) -> bool {
        let asked = self.asked.get();
        let low = asked > 0 && self.available.get() <= asked.max(self.demand.get()) >> 1
            || self.waits.get() > 0 && self.available.get() == 0;
        low && now >= self.short_until.get()
    }

    /// How long it is until the ledger may be asked for what requests wait for; `None` if none wait.
    pub(crate) fn askable_in(&self, now: Millis) -> Option<Millis> {
        let waits = self.waits.get() > 0 && self.available.get() == 0;
        waits.then(|| self.short_until.get().since(now))
    }

    /// Whether others wait for what comes back from here: the ledger should have it at once.
    fn gives_back(&self) -> bool {
        self.recall.get() && self.returned.get() > 0
    }

    /// Whether the ledger should hear of it as soon as the pace allows.
    pub(crate) fn presses(&self, now: Millis) -> bool {
        self.gives_back() || self.runs_low(now)
    }

    /// Whether there is something that the ledger wants back or must hear of.
    pub(crate) fn owes(&self) -> bool {
        self.recall.get() && self.available.get() > 0
            || self.spent.get() > 0
            || self.returned.get() > 0
    }

    /// Requests expected in [`AHEAD`]: the present rate, or what is left of the one before.
    fn expected(&self, now: Millis) -> u64 {
        let elapsed = now.since(self.settled_at.get()).0.max(50);
        let present = match self.asked.get() {
            few @ 0..4 => few,
            many => many.saturating_mul(AHEAD.0).div_ceil(elapsed),
        };
        present.max(self.demand.get().saturating_mul(3).div_ceil(4).saturating_sub(1))
    }

    fn is_idle(&self, now: Millis) -> bool {
        now.since(self.asked_at.get()) > IDLE
    }

    /// What it should have until the next sync but one.
    fn target(&self, demand: u64, now: Millis) -> u64 {
        if now < self.modest_until.get() {
            // Where there is little, what lies here idle is missed elsewhere.
            demand.div_ceil(AHEAD.0.div_ceil(PACE.0)).max(self.waits.get())
        } else if self.is_idle(now) {
            0
        } else {
            demand.saturating_add(1).max(self.waits.get())
        }
    }

    /// The line that a sync carries: what was spent and comes back is taken off here, so a line is
    /// built once and repeated to the byte.
    pub(crate) fn settle(&self, now: Millis, declares: bool) -> LeaseLine {
        let demand = self.expected(now);
        let target = self.target(demand, now);
        let keep = match (now > self.good_until.get(), self.recall.get()) {
            (true, _) => 0,
            (false, true) => target,
            (false, false) => target.saturating_mul(2),
        };
        let surplus = self.available.get().saturating_sub(keep);
        self.available.set(self.available.get().saturating_sub(surplus));
        add(&self.returned, surplus);
        let wants = match self.undeclared.get() {
            // What is wanted of places in a declaration is taken for what runs.
            0 if declares && self.has_places() || now < self.short_until.get() => 0,
            0 => target.saturating_sub(self.available.get()),
            undeclared => undeclared,
        };
        self.demand.set(demand);
        self.asked.set(0);
        self.waits.set(0);
        self.settled_at.set(now);
        self.touched.set(false);
        LeaseLine {
            limit: self.key.clone(),
            spent: self.spent.take(),
            returned: self.returned.take(),
            wants,
        }
    }

    /// Takes in what the ledger answered to a request sent at `sent_at`, from when its times count.
    pub(crate) fn absorb(&self, answer: &LeaseAnswer, sent_at: Millis, now: Millis) {
        let declared = answer.gets.min(self.undeclared.get());
        self.undeclared.set(self.undeclared.get().saturating_sub(declared));
        add(&self.available, answer.gets.saturating_sub(declared));
        let until = sent_at.plus(answer.ttl_ms);
        self.good_until.set(Millis(until.0.saturating_sub(TICK_SLACK.0)));
        self.recall.set(answer.recall);
        if let Some(short) = answer.short {
            // Given a part of what is there, the rest is to be had at the next sync.
            if answer.gets == 0 || answer.remaining == 0 {
                self.short_until.set(sent_at.plus(self.ask_again(answer, short.ask_again_ms)));
            }
            self.modest_until.set(now.plus(MODEST));
        }
        let short = answer.short;
        self.shortage.set(Shortage {
            retry_at: now.plus(short.map_or(Millis::ZERO, |short| short.retry_ms)),
            lent_elsewhere: short.is_some_and(|short| short.lent_elsewhere),
            remaining: answer.remaining,
            resets_at: now.plus(answer.resets_ms),
        });
    }

    /// When to ask again. Whoever has places that others wait for asks seldom for more, and keeps its
    /// allowance of syncs for giving back: a place on its way back is used by nobody.
    fn ask_again(&self, answer: &LeaseAnswer, told: Millis) -> Millis {
        let has_its_turn = answer.recall && self.running.get() > 0;
        if has_its_turn { told.max(ASK_IN_TURN) } else { told }
    }

    /// Whether something is held that a sync must renew or give back.
    pub(crate) fn is_held(&self) -> bool {
        self.available.get() > 0 || self.running.get() > 0 || self.owes()
    }

    /// Notes that something happened since it was last settled. Returns whether it is the first thing.
    pub(crate) fn touch(&self) -> bool {
        !self.touched.replace(true)
    }

    /// Gives back what is not in use: nobody calls.
    pub(crate) fn give_back(&self) {
        add(&self.returned, self.available.take());
    }

    /// The ledger that lent this is gone: nothing here may be spent, and it must hear what runs.
    pub(crate) fn void(&self) {
        self.available.set(0);
        self.spent.set(0);
        self.returned.set(0);
        self.good_until.set(Millis::ZERO);
        self.short_until.set(Millis::ZERO);
        self.undeclared.set(self.running.get());
    }
}

fn add(cell: &Cell<u64>, amount: u64) {
    cell.set(cell.get().saturating_add(amount));
}
