//! All purses of this VM, and what the next sync has to say of money.
//!
//! As with [`crate::leases`], a request touches the one purse that it charges and looks at no others.

use std::collections::HashMap;
use std::rc::Rc;

use wire::budget::{MoneyAnswer, MoneyLine, Settlement, Term};
use wire::ids::BudgetName;
use wire::money::Nanos;
use wire::sync::{MONEY_MAX, SETTLEMENTS_MAX};
use wire::units::Millis;

use super::purse::Purse;
use super::unsaid::{Ended, Unsaid};

/// What a running call has reserved. It ends in [`Purses::settle`], and nowhere else.
#[derive(Debug)]
pub struct Held {
    pub(super) purse: Rc<Purse>,
    pub(super) term: Term,
    pub(super) amount: Nanos,
}

impl Held {
    pub(super) fn budget(&self) -> &BudgetName {
        self.purse.budget()
    }
}

/// All purses of this VM.
#[derive(Debug, Default)]
pub struct Purses {
    by_name: HashMap<BudgetName, Rc<Purse>>,
    /// Those that something happened to since their last line.
    touched: Vec<Rc<Purse>>,
    /// Whether one of them pressed when that happened. A request looks here, and not at all of them.
    pressing: bool,
    unsaid: Unsaid,
    running: u64,
}

impl Purses {
    /// The purse for a budget, made empty if it is new.
    pub fn of(&mut self, budget: &BudgetName, now: Millis) -> Rc<Purse> {
        if let Some(purse) = self.by_name.get(budget) {
            return Rc::clone(purse);
        }
        let purse = Rc::new(Purse::new(budget.clone(), now));
        self.by_name.insert(budget.clone(), Rc::clone(&purse));
        purse
    }

    /// Notes that a call wants to reserve `amount`.
    pub fn ask(&mut self, purse: &Rc<Purse>, amount: Nanos, now: Millis) {
        purse.ask(amount, now);
        self.note(purse, now);
    }

    /// Notes that a call waits to reserve `amount`.
    pub fn wait(&mut self, purse: &Rc<Purse>, amount: Nanos, now: Millis) {
        purse.wait(amount);
        self.note(purse, now);
    }

    /// Forgets who waits: all of them are about to be decided on anew.
    pub fn recount(&self) {
        self.touched.iter().for_each(|purse| purse.recount());
    }

    /// Reserves, after the purse said that there is enough. `None` if there was no term after all.
    pub fn reserve(&mut self, purse: &Rc<Purse>, amount: Nanos, now: Millis) -> Option<Held> {
        let term = purse.reserve(amount)?;
        self.running = self.running.saturating_add(1);
        self.note(purse, now);
        Some(Held { purse: Rc::clone(purse), term, amount })
    }

    /// A call is over.
    pub(super) fn settle(&mut self, held: Held, ended: Ended, now: Millis) {
        let Held { purse, term, amount } = held;
        purse.settle(term, amount, ended.cost());
        self.running = self.running.saturating_sub(1);
        self.note(&purse, now);
        self.unsaid.push(purse, ended, now);
    }

    /// Whether calls run that have reserved money, or costs are not told yet: a gate that is busy so does
    /// not fall asleep.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.running > 0 || self.unsaid.len() > 0
    }

    /// Whether the ledger should hear something soon, as of the last request.
    #[must_use]
    pub const fn pressing(&self) -> bool {
        self.pressing
    }

    /// Whether the ledger should hear something soon.
    pub fn presses(&mut self, now: Millis) -> bool {
        let full = self.unsaid.len() >= SETTLEMENTS_MAX;
        self.pressing = full || self.touched.iter().any(|purse| purse.presses(now));
        self.pressing
    }

    /// How long it is until a purse that calls wait for may be asked for; `None` if none wait.
    #[must_use]
    pub fn askable_in(&self, now: Millis) -> Option<Millis> {
        self.touched.iter().filter_map(|purse| purse.askable_in(now)).min()
    }

    /// Whether the ledger should hear something within its usual time.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.unsaid.len() > 0 || self.touched.iter().any(|purse| purse.owes())
    }

    /// What a sync says of money: settlements first, which are booked first, then lines for what was
    /// touched, or, in a heartbeat, for `all` that is held too, which renews it.
    pub fn say(&mut self, all: bool, now: Millis) -> (Vec<Settlement>, Vec<MoneyLine>) {
        if all {
            self.touch_held();
        }
        let mut settlements = Vec::new();
        for (purse, settlement) in self.unsaid.take(SETTLEMENTS_MAX, now) {
            purse.says(settlement.term, settlement.cost);
            settlements.push(settlement);
        }
        (settlements, self.lines(now))
    }

    fn lines(&mut self, now: Millis) -> Vec<MoneyLine> {
        let mut lines = Vec::new();
        let mut count = 0_usize;
        for purse in &self.touched {
            if lines.len().saturating_add(purse.lines_count()) > MONEY_MAX {
                break;
            }
            purse.lines(now, |line| lines.push(line));
            count = count.saturating_add(1);
        }
        self.touched.drain(..count);
        self.pressing = false;
        lines
    }

    /// Takes in the answers to a sync. Of several to one budget, one for each term, the last is to the line
    /// that wished for something.
    pub fn absorb(&mut self, answers: &[MoneyAnswer], sent_at: Millis, now: Millis) {
        let later = answers.iter().skip(1).map(Some).chain([None]);
        for (answer, later) in answers.iter().zip(later) {
            if later.is_some_and(|later| later.budget == answer.budget)
                && answer.gets == Nanos::ZERO
            {
                continue;
            }
            // What is lent to a budget that nobody here charges any longer goes back from an own purse.
            let purse = self.of(&answer.budget, now);
            purse.absorb(answer, sent_at, now);
            if purse.is_wanted_back() || purse.owes() {
                self.note(&purse, now);
            }
        }
    }

    /// Gives everything back: nobody calls.
    pub fn return_all(&mut self) {
        self.by_name.values().for_each(|purse| purse.give_back());
        self.touch_held();
    }

    fn note(&mut self, purse: &Rc<Purse>, now: Millis) {
        if purse.touch() {
            self.touched.push(Rc::clone(purse));
        }
        self.pressing |= purse.presses(now);
    }

    /// Forgets purses that nobody refers to and that hold nothing, touches the others that hold something.
    fn touch_held(&mut self) {
        self.by_name.retain(|_, purse| Rc::strong_count(purse) > 1 || purse.is_held());
        for purse in self.by_name.values().filter(|purse| purse.is_held()) {
            if purse.touch() {
                self.touched.push(Rc::clone(purse));
            }
        }
    }
}
