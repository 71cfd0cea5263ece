//! What calls have cost and the ledger has not heard yet.
//!
//! Nothing is ever dropped: a sync takes as many as it may carry, and the rest waits for the next.
//! There are no more than calls that have ended since the sidecar answered last, which the gate stops
//! admitting after [`crate::conversation`]'s silence.
//!
//! Calls of one price are the many, so they are only counted here, as long as they are alike; what the
//! ledger is told of them is put together when a sync takes them.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use wire::budget::{Basis, Settlement, Term};
use wire::ids::{BudgetName, ClientName};
use wire::money::{Nanos, Quantity};
use wire::units::Millis;
use wire::usage::Kind;

use super::fare::Fare;
use super::purse::Purse;

/// A call is counted with one of the last so many. On a gate of few busy routes that is all of them.
const LOOK_BACK: usize = 8;

/// A call that is over.
#[derive(Debug)]
pub(super) enum Ended {
    /// Its price was known in advance, or it never left.
    Plain(Plain),
    /// It was metered. Its `ago_ms` is not set: the sync that takes it does that.
    Metered(Box<Settlement>),
}

/// A call of which there is no more to be told than this.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) fare: Rc<Fare>,
    pub(super) client: ClientName,
    pub(super) term: Term,
    pub(super) hold: Nanos,
    pub(super) cost: Nanos,
    pub(super) basis: Basis,
    pub(super) status: u16,
}

/// Settlements that no sync has taken yet.
#[derive(Debug, Default)]
pub(super) struct Unsaid(VecDeque<Entry>);

#[derive(Debug)]
struct Entry {
    purse: Rc<Purse>,
    ended: Ended,
    /// How many calls; more than one only if they are plain and alike.
    calls: u64,
    /// What they had reserved together. No plain call costs more than it had reserved.
    holds: Nanos,
    /// When the last of them ended.
    ended_at: Millis,
}

impl Unsaid {
    pub(super) fn push(&mut self, purse: Rc<Purse>, ended: Ended, now: Millis) {
        if let Ended::Plain(call) = &ended {
            let mut last = self.0.iter_mut().rev().take(LOOK_BACK);
            if let Some(alike) = last.find(|entry| entry.is_of(&purse, call)) {
                alike.calls = alike.calls.saturating_add(1);
                alike.holds = alike.holds.saturating_plus(call.hold);
                alike.ended_at = now;
                return;
            }
        }
        let holds = ended.hold();
        self.0.push_back(Entry { purse, ended, calls: 1, holds, ended_at: now });
    }

    /// Takes the oldest, at most `max`, for a sync that is written now.
    pub(super) fn take(&mut self, max: usize, now: Millis) -> Vec<(Rc<Purse>, Settlement)> {
        let count = self.0.len().min(max);
        self.0.drain(..count).map(|entry| entry.settlement(now)).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Entry {
    /// Whether this call can be counted here. What is most likely to differ comes first.
    fn is_of(&self, purse: &Rc<Purse>, call: &Plain) -> bool {
        let Ended::Plain(own) = &self.ended else { return false };
        Rc::ptr_eq(&own.fare, &call.fare)
            && Rc::ptr_eq(&self.purse, purse)
            && own.status == call.status
            && own.basis == call.basis
            && own.cost == call.cost
            && own.hold == call.hold
            && own.term == call.term
            && own.client == call.client
            && self.holds.plus(call.hold).is_some()
    }

    fn settlement(self, now: Millis) -> (Rc<Purse>, Settlement) {
        let Self { purse, ended, calls, holds, ended_at } = self;
        let mut settlement = match ended {
            Ended::Metered(settlement) => *settlement,
            Ended::Plain(call) => call.times(calls, holds, purse.budget()),
        };
        settlement.ago_ms = now.since(ended_at);
        (purse, settlement)
    }
}

impl Ended {
    /// What it has cost.
    pub(super) fn cost(&self) -> Nanos {
        match self {
            Self::Plain(call) => call.cost,
            Self::Metered(settlement) => settlement.cost,
        }
    }

    fn hold(&self) -> Nanos {
        match self {
            Self::Plain(call) => call.hold,
            Self::Metered(settlement) => settlement.hold,
        }
    }
}

impl Plain {
    /// What the ledger is told of so many of them, which had reserved `holds` together.
    fn times(self, calls: u64, holds: Nanos, budget: &BudgetName) -> Settlement {
        let counted = Quantity::whole(calls).filter(|_| self.basis != Basis::Zero);
        Settlement {
            budget: budget.clone(),
            term: self.term,
            client: self.client,
            service: self.fare.service().clone(),
            route: Arc::clone(self.fare.route()),
            model: None,
            calls,
            cost: Nanos(self.cost.0.saturating_mul(calls)),
            hold: holds,
            basis: self.basis,
            counts: counted.map(|calls| (Kind::Call, calls)).into_iter().collect(),
            prices: self.fare.list().cloned(),
            status: self.status,
            upstream_id: None,
            ago_ms: Millis::ZERO,
        }
    }
}
