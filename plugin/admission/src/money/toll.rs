//! What an admitted call owes: its hold, its meter, and the names that its settlement carries.
//!
//! Most calls are priced in advance: such a one has no meter, and owes its price or nothing as soon as
//! the status of its answer is there.
//!
//! A toll is settled exactly once, whichever end comes first: the answer's end, a reset, a local reply.
//! Settling consumes it, so the compiler counts.

use std::rc::Rc;
use std::sync::Arc;

use wire::budget::{Basis, Settlement};
use wire::ids::ClientName;
use wire::money::Nanos;
use wire::units::Millis;

use super::fare::Fare;
use super::purses::{Held, Purses};
use super::unsaid::{Ended, Plain};
use crate::meter::{Bill, Meter};

/// What this call has cost, where that is known with the answer's head.
pub const COST_HEADER: &str = "x-tollkeeper-cost";

/// What the tightest budget of the call has left.
pub const REMAINING_HEADER: &str = "x-tollkeeper-budget-remaining";

/// What a call owes.
#[derive(Debug)]
pub struct Toll {
    held: Held,
    fare: Rc<Fare>,
    client: ClientName,
    count: Count,
}

/// How it is found out what a call has cost.
#[derive(Debug)]
enum Count {
    /// By the status of its answer, once that is there: the rest was known in advance.
    Flat(Option<u16>),
    /// From its answer as it goes by.
    Metered(Box<Meter>),
}

/// How a call came to its end, as far as the proxy knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The whole answer has gone by.
    Whole,
    /// The answer was cut off, or never came: what the upstream bills is not known.
    CutOff,
    /// The request never reached the upstream.
    NeverSent,
}

impl Toll {
    pub(crate) const fn flat(held: Held, fare: Rc<Fare>, client: ClientName) -> Self {
        Self { held, fare, client, count: Count::Flat(None) }
    }

    pub(crate) fn metered(held: Held, fare: Rc<Fare>, client: ClientName, meter: Meter) -> Self {
        Self { held, fare, client, count: Count::Metered(Box::new(meter)) }
    }

    /// Whether the meter must see the answer's body.
    #[must_use]
    pub fn reads_answer(&self) -> bool {
        self.fare.reads_answer()
    }

    /// The answer's status and all its headers, names in lower case. Returns what the call has cost, if
    /// that is known already.
    pub fn answered<'a>(
        &mut self,
        status: u16,
        pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Option<Nanos> {
        match &mut self.count {
            Count::Flat(answer) => {
                *answer = Some(status);
                Some(self.fare.flat_cost(status))
            }
            Count::Metered(meter) => {
                meter.headers(pairs);
                meter.known_cost()
            }
        }
    }

    /// Whether the rest of the answer changes nothing, however it ends.
    #[must_use]
    pub const fn is_decided(&self) -> bool {
        matches!(self.count, Count::Flat(Some(_)))
    }

    /// The meter that the call goes by, if its price is not known in advance.
    pub fn meter(&mut self) -> Option<&mut Meter> {
        match &mut self.count {
            Count::Flat(_) => None,
            Count::Metered(meter) => Some(meter),
        }
    }

    /// What the tightest budget on its path has left for a caller here; `None` if none is limited.
    #[must_use]
    pub fn remaining(&self) -> Option<Nanos> {
        self.held.purse.remaining()
    }

    /// Ends it.
    pub(crate) fn settle(self, end: End, purses: &mut Purses, now: Millis) -> Basis {
        let Self { held, fare, client, count } = self;
        let (cost, basis, status) = match (end, count) {
            (End::NeverSent, _) => (Nanos::ZERO, Basis::Zero, 0),
            (_, Count::Flat(None)) => (held.amount, Basis::Reserve, 0),
            (_, Count::Flat(Some(status))) => match fare.flat_cost(status) {
                Nanos::ZERO => (Nanos::ZERO, Basis::Zero, status),
                cost => (cost, Basis::Flat, status),
            },
            (End::Whole | End::CutOff, Count::Metered(mut meter)) => {
                let bill = meter.settle(end == End::Whole);
                let basis = bill.basis;
                let settlement = Box::new(settlement(&held, &fare, client, bill));
                purses.settle(held, Ended::Metered(settlement), now);
                return basis;
            }
        };
        let (term, hold) = (held.term, held.amount);
        let call = Plain { fare, client, term, hold, cost, basis, status };
        purses.settle(held, Ended::Plain(call), now);
        basis
    }
}

/// What the ledger is told of a metered call.
fn settlement(held: &Held, fare: &Fare, client: ClientName, bill: Bill) -> Settlement {
    Settlement {
        budget: held.budget().clone(),
        term: held.term,
        client,
        service: fare.service().clone(),
        route: Arc::clone(fare.route()),
        model: bill.model,
        calls: 1,
        cost: bill.cost,
        hold: held.amount,
        basis: bill.basis,
        counts: bill.counts,
        prices: fare.list().cloned(),
        status: bill.status,
        upstream_id: bill.upstream_id,
        ago_ms: Millis::ZERO,
    }
}
