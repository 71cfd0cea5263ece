//! What this VM has been lent of one budget, and reserves from memory.
//!
//! The counterpart of [`crate::lease`] for money: amounts instead of units, and each belongs to a
//! [`Term`]. What was reserved in an old term settles there and what is left of it goes back there.
//!
//! Invariant: `free` and what running calls hold are together what the ledger has lent here in this
//! term, but for what it has not heard yet. `free` is less than zero after a call that cost more than it
//! had reserved and more than there was; the next loan pays for that first.

use std::cell::{Cell, RefCell};

use wire::budget::{BudgetView, MoneyAnswer, MoneyLine, MoneyShortage, MoneyWhy, Term};
use wire::ids::BudgetName;
use wire::money::Nanos;
use wire::units::Millis;

use super::demand::Demand;

/// A purse that nobody asked in this time is given back, so that idle workers strand nothing.
const IDLE: Millis = Millis(5_000);

/// After the ledger was short of it, a holder wants little of a budget for this long.
const MODEST: Millis = Millis(1_000);

/// The clock is read at ticks, so a lease ends this much sooner here than it was promised to last:
/// twice the longest time between two ticks of a gate in use.
const TICK_SLACK: Millis = Millis(200);

/// One budget's slice.
#[derive(Debug)]
pub struct Purse {
    budget: BudgetName,
    term: Cell<Option<Term>>,
    /// May be reserved until `good_until`.
    free: Cell<i64>,
    /// Calls of the present term that run.
    running: Cell<u64>,
    good_until: Cell<Millis>,
    /// Goes back with the next line.
    returned: Cell<i64>,
    /// Terms that are over and have not been heard of for the last time.
    old: RefCell<Vec<Old>>,
    /// What the ledger has lent here once it has heard the last sync.
    lent: Cell<i64>,
    /// Costs of the present term in the sync that is being written.
    said: Cell<i64>,
    demand: Demand,
    /// The least that was asked for in the sync under way.
    least: Cell<i64>,
    /// The ledger had nothing for `short_from` or more: refuse those without asking until then.
    short_until: Cell<Millis>,
    short_from: Cell<i64>,
    modest_until: Cell<Millis>,
    shortage: RefCell<Option<Told<MoneyShortage>>>,
    tightest: RefCell<Option<BudgetView>>,
    recall: Cell<bool>,
    touched: Cell<bool>,
}

/// A term that is over.
#[derive(Debug)]
struct Old {
    term: Term,
    /// Goes back; less than zero if calls have cost more than they had reserved.
    left: i64,
    /// Calls that it admitted and that still run.
    running: u64,
    /// As in the present term.
    lent: i64,
}

impl Old {
    /// As [`Purse::forgive`].
    fn says(&mut self, cost: i64) {
        self.left = self.left.saturating_add(cost.saturating_sub(self.lent).max(0));
        self.lent = self.lent.saturating_sub(cost).max(0);
    }

    fn give_back(&mut self) -> i64 {
        let left = std::mem::take(&mut self.left);
        self.lent = self.lent.saturating_sub(left);
        left
    }
}

/// What the ledger told, and when: its durations count from there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told<T> {
    /// What.
    pub what: T,
    /// When, on this VM's clock.
    pub at: Millis,
}

/// Whether a purse has enough for a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Funds {
    /// It has.
    Enough,
    /// Not now, and asking would bring nothing yet.
    Short,
    /// It must ask first.
    Ask,
}

impl Purse {
    pub(super) fn new(budget: BudgetName, now: Millis) -> Self {
        Self {
            budget,
            term: Cell::default(),
            free: Cell::default(),
            running: Cell::default(),
            good_until: Cell::default(),
            returned: Cell::default(),
            old: RefCell::default(),
            lent: Cell::default(),
            said: Cell::default(),
            demand: Demand::new(now),
            least: Cell::default(),
            short_until: Cell::default(),
            short_from: Cell::default(),
            modest_until: Cell::default(),
            shortage: RefCell::default(),
            tightest: RefCell::default(),
            recall: Cell::default(),
            touched: Cell::default(),
        }
    }

    /// The budget that it is a slice of.
    #[must_use]
    pub const fn budget(&self) -> &BudgetName {
        &self.budget
    }

    /// Whether a call could reserve `amount` now. Reserves nothing.
    #[must_use]
    pub fn funds(&self, amount: Nanos, now: Millis) -> Funds {
        if self.term.get().is_some() && self.lasts(now) && self.free.get() >= signed(amount) {
            Funds::Enough
        } else if now < self.short_until.get() && signed(amount) >= self.short_from.get() {
            Funds::Short
        } else {
            Funds::Ask
        }
    }

    fn lasts(&self, now: Millis) -> bool {
        now <= self.good_until.get()
    }

    /// What may be reserved: nothing that has lapsed.
    fn usable(&self, now: Millis) -> i64 {
        if self.lasts(now) { self.free.get() } else { self.free.get().min(0) }
    }

    /// Why there was too little when the ledger was asked last; `None` if there was enough.
    #[must_use]
    pub fn shortage(&self) -> Option<Told<MoneyShortage>> {
        self.shortage.borrow().clone()
    }

    /// Whether the money may be there in a moment: it is with other workers, or with calls that run.
    #[must_use]
    pub fn is_worth_waiting_for(&self) -> bool {
        let told = self.shortage.borrow();
        told.as_ref().is_none_or(|told| told.what.why == MoneyWhy::LentElsewhere)
    }

    /// What the tightest budget on the path has left for a caller here: what nobody was lent as of the
    /// last answer, and what is free in this purse. `None` if all are unlimited.
    #[must_use]
    pub fn remaining(&self) -> Option<Nanos> {
        let tightest = self.tightest.borrow();
        let view = tightest.as_ref()?;
        Some(
            view.cap
                .minus(view.spent)
                .minus(view.reserved)
                .saturating_plus(unsigned(self.free.get())),
        )
    }

    /// Counts a call that wants to reserve `amount`, whatever becomes of it.
    pub(super) fn ask(&self, amount: Nanos, now: Millis) {
        self.demand.ask(signed(amount), now);
    }

    /// Notes that a call waits to reserve `amount`.
    pub(super) fn wait(&self, amount: Nanos) {
        self.demand.wait(signed(amount));
    }

    /// Forgets who waits: all are asked anew.
    pub(super) fn recount(&self) {
        self.demand.recount();
    }

    /// Reserves, after [`Purse::funds`] said [`Funds::Enough`]. Returns the term that it belongs to.
    pub(super) fn reserve(&self, amount: Nanos) -> Option<Term> {
        let term = self.term.get()?;
        add(&self.free, signed(amount).saturating_neg());
        self.running.set(self.running.get().saturating_add(1));
        Some(term)
    }

    /// A call is over that had reserved `hold` in `term`. What it did not cost is free again, or goes
    /// back to its old term; what it cost beyond is taken from what is free.
    pub(super) fn settle(&self, term: Term, hold: Nanos, cost: Nanos) {
        let left = signed(hold).saturating_sub(signed(cost));
        if self.term.get() == Some(term) {
            self.running.set(self.running.get().saturating_sub(1));
            add(&self.free, left);
        } else if let Some(old) = self.old.borrow_mut().iter_mut().find(|old| old.term == term) {
            old.running = old.running.saturating_sub(1);
            old.left = old.left.saturating_add(left);
        }
    }

    /// Whether it will not last until the next sync at the present demand, or somebody waits for more.
    fn runs_low(&self, now: Millis) -> bool {
        self.demand.outruns(self.usable(now)) && self.may_ask(now)
    }

    /// Whether the ledger may have something: it was not short lately, or not for as little as this.
    fn may_ask(&self, now: Millis) -> bool {
        now >= self.short_until.get()
            || self.demand.least().is_some_and(|least| least < self.short_from.get())
    }

    /// How long it is until the ledger may be asked for what calls wait for; `None` if none wait.
    pub(super) fn askable_in(&self, now: Millis) -> Option<Millis> {
        let least = self.demand.least().filter(|least| *least > self.usable(now))?;
        let barred = least >= self.short_from.get();
        Some(if barred { self.short_until.get().since(now) } else { Millis::ZERO })
    }

    /// Whether the ledger should hear of it as soon as the pace allows: more is needed, or others wait
    /// for what lies here.
    pub(super) fn presses(&self, now: Millis) -> bool {
        let wanted_back = self.recall.get() && (self.returned.get() > 0 || self.surplus(now) > 0);
        wanted_back || self.runs_low(now)
    }

    /// Whether there is something that the ledger wants back.
    pub(super) fn owes(&self) -> bool {
        self.returned.get() > 0
            || self.old.borrow().iter().any(|old| old.left > 0)
            || self.recall.get() && self.free.get() > 0
    }

    /// What it should have until the next sync but one.
    fn target(&self, now: Millis) -> i64 {
        if self.recall.get() || now < self.modest_until.get() {
            // Where there is little, what lies here idle is missed elsewhere.
            self.demand.modest(now)
        } else if self.demand.is_idle(now, IDLE) {
            0
        } else {
            self.demand.ample(now)
        }
    }

    /// What is free and not needed here.
    fn surplus(&self, now: Millis) -> i64 {
        let target = self.target(now);
        let keep = match (self.lasts(now), self.recall.get()) {
            (false, _) => 0,
            (true, true) => target,
            // The first money comes before the first call: it is for that.
            (true, false) if self.demand.is_awaited(now, IDLE) => self.free.get(),
            (true, false) => target.saturating_mul(2),
        };
        self.free.get().saturating_sub(keep).max(0)
    }

    /// The lines that a sync carries, one for each term in which something goes back and last the one for
    /// the present term. They are built once and repeated to the byte. What the same sync settles has
    /// been told to [`Purse::says`] before.
    pub(super) fn lines(&self, now: Millis, mut push: impl FnMut(MoneyLine)) {
        for old in self.old.borrow_mut().iter_mut().filter(|old| old.left > 0) {
            push(self.line(Some(old.term), old.give_back(), 0, 0));
        }
        self.old.borrow_mut().retain(|old| old.running > 0 || old.lent > 0);
        self.forgive();
        let target = self.target(now);
        let smallest = self.demand.least();
        // Of what does not pay for the smallest call that waits nothing is kept: a whole hold is asked
        // for instead. So the ledger can tell "spent" from "lent elsewhere", also if it is lent to us.
        let useless = smallest.is_some_and(|least| least > self.free.get());
        let back = if useless { self.free.get().max(0) } else { self.surplus(now) };
        add(&self.free, back.saturating_neg());
        add(&self.returned, back);
        let returned = self.returned.take();
        add(&self.lent, returned.saturating_neg());
        let wants =
            if self.may_ask(now) { target.saturating_sub(self.free.get()).max(0) } else { 0 };
        // Without anybody who waits, nothing is the least: the ledger takes who names one for waiting.
        let least =
            smallest.map_or(0, |least| least.saturating_sub(self.free.get())).clamp(0, wants);
        self.demand.settle(now);
        self.least.set(least);
        self.touched.set(false);
        push(self.line(self.term.get(), returned, wants, least));
    }

    /// What was settled beyond all that was lent here is debt in the account, and not to be paid a second
    /// time from the next loan.
    fn forgive(&self) {
        let said = self.said.take();
        add(&self.free, said.saturating_sub(self.lent.get()).max(0));
        self.lent.set(self.lent.get().saturating_sub(said).max(0));
    }

    fn line(&self, term: Option<Term>, returned: i64, wants: i64, least: i64) -> MoneyLine {
        MoneyLine {
            budget: self.budget.clone(),
            term,
            returned: unsigned(returned),
            wants: unsigned(wants),
            least: unsigned(least),
        }
    }

    /// How many lines [`Purse::lines`] makes.
    pub(super) fn lines_count(&self) -> usize {
        self.old.borrow().len().saturating_add(1)
    }

    /// A sync says that a call of `term` has cost so much.
    pub(super) fn says(&self, term: Term, cost: Nanos) {
        if self.term.get() == Some(term) {
            add(&self.said, signed(cost));
        } else if let Some(old) = self.old.borrow_mut().iter_mut().find(|old| old.term == term) {
            old.says(signed(cost));
        }
    }

    /// Takes in what the ledger answered to a request sent at `sent_at`, from when its times count.
    pub(super) fn absorb(&self, answer: &MoneyAnswer, sent_at: Millis, now: Millis) {
        if answer.term != self.term.get() {
            self.begin(answer.term);
        }
        let gets = signed(answer.gets);
        add(&self.free, gets);
        add(&self.lent, gets);
        let until = sent_at.plus(answer.ttl_ms);
        self.good_until.set(Millis(until.0.saturating_sub(TICK_SLACK.0)));
        self.recall.set(answer.recall);
        self.tightest.replace(answer.tightest.clone());
        match &answer.short {
            Some(short) => {
                self.short_until.set(sent_at.plus(short.ask_again_ms));
                self.short_from.set(self.least.get());
                self.modest_until.set(now.plus(MODEST));
                self.shortage.replace(Some(Told { what: short.clone(), at: now }));
            }
            // Until it may be asked again nothing is asked for, and no answer to that says that there
            // is money: why there is none still stands.
            None if now < self.short_until.get() => {}
            None => {
                self.shortage.replace(None);
            }
        }
        if answer.short.is_none() && answer.term.is_some() && answer.ttl_ms <= TICK_SLACK {
            // The term ends, and nothing of it can be spent here any more: the next one must have begun
            // before anything is asked for. Counted from now, so that no request comes too early.
            self.short_until.set(now.plus(answer.ttl_ms));
            self.short_from.set(0);
        }
    }

    /// A new term begins, or one anew that a policy had ended for a while. What runs settles in the old
    /// one, and what is free goes back there.
    fn begin(&self, term: Option<Term>) {
        let mut all = self.old.borrow_mut();
        if let Some(old) = self.term.replace(term) {
            let left = self.free.get().saturating_add(self.returned.get());
            let (running, lent) = (self.running.get(), self.lent.get());
            all.push(Old { term: old, left, running, lent });
        }
        let resumed = all.iter().position(|old| Some(old.term) == term);
        let resumed = resumed.map(|place| all.remove(place));
        let (free, running, lent) =
            resumed.map_or((0, 0, 0), |old| (old.left, old.running, old.lent));
        self.free.set(free);
        self.returned.set(0);
        self.running.set(running);
        self.lent.set(lent);
        self.short_until.set(Millis::ZERO);
    }

    /// Whether something is held that a sync must renew or give back.
    pub(super) fn is_held(&self) -> bool {
        let runs = self.running.get() > 0 || self.old.borrow().iter().any(|old| old.running > 0);
        self.free.get() != 0 || runs || self.owes()
    }

    /// Whether others wait for what lies here.
    pub(super) fn is_wanted_back(&self) -> bool {
        self.recall.get() && self.free.get() > 0
    }

    /// Notes that something happened since its last line. Returns whether it is the first thing.
    pub(super) fn touch(&self) -> bool {
        !self.touched.replace(true)
    }

    /// Gives back what is not in use: nobody calls.
    pub(super) fn give_back(&self) {
        let free = self.free.get().max(0);
        add(&self.free, free.saturating_neg());
        add(&self.returned, free);
    }
}

/// An amount as a signed number. No amount is larger than [`Nanos::MAX`], which fits.
pub(super) fn signed(amount: Nanos) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

/// A signed number as an amount, at least zero.
pub(super) fn unsigned(amount: i64) -> Nanos {
    Nanos(u64::try_from(amount).unwrap_or(0))
}

pub(super) fn add(cell: &Cell<i64>, amount: i64) {
    cell.set(cell.get().saturating_add(amount));
}
