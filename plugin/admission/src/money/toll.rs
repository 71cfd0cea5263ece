//! What an admitted call owes: its hold, its meter, and the names that its settlement carries.
//!
//! A toll is settled exactly once, whichever end comes first: the answer's end, a reset, a local reply.
//! Settling consumes it, so the compiler counts.

use std::rc::Rc;
use std::str;
use std::sync::Arc;

use wire::budget::{Basis, Settlement};
use wire::ids::{ClientName, ServiceName};
use wire::money::{Nanos, Quantity};
use wire::units::Millis;
use wire::usage::Kind;

use super::fare::Fare;
use super::purses::{Held, Purses};
use crate::meter::{Bill, Meter};

/// What this call has cost, where that is known with the answer's head.
pub const COST_HEADER: &str = "x-tollkeeper-cost";

/// What the tightest budget of the call has left.
pub const REMAINING_HEADER: &str = "x-tollkeeper-budget-remaining";

/// What a call owes.
#[derive(Debug)]
pub struct Toll {
    held: Held,
    meter: Meter,
    fare: Rc<Fare>,
    client: ClientName,
    service: ServiceName,
    /// Of a call that is priced in advance: what it has cost, once the head of its answer is there.
    flat: Option<Charged>,
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
    pub(crate) const fn new(
        held: Held,
        meter: Meter,
        fare: Rc<Fare>,
        client: ClientName,
        service: ServiceName,
    ) -> Self {
        Self { held, meter, fare, client, service, flat: None }
    }

    /// Whether the meter must see the answer's body.
    #[must_use]
    pub fn reads_answer(&self) -> bool {
        self.fare.reads_answer()
    }

    /// The answer's status and headers, names in lower case. Returns what the call has cost, if that is
    /// known already.
    pub fn answered<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Option<Nanos> {
        self.meter.headers(pairs.clone());
        let cost = self.meter.known_cost()?;
        if self.fare.is_flat() {
            self.flat = Some(Charged::flat(cost, status(pairs)));
        }
        Some(cost)
    }

    /// The meter, which the answer goes by.
    pub const fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    /// What the tightest budget on its path has left for a caller here; `None` if none is limited.
    #[must_use]
    pub fn remaining(&self) -> Option<Nanos> {
        self.held.purse.remaining()
    }

    /// Ends it.
    pub(crate) fn settle(self, end: End, purses: &mut Purses, now: Millis) -> Basis {
        let Self { held, mut meter, fare, client, service, flat } = self;
        let charged = match (end, flat) {
            (End::NeverSent, _) => Charged::default(),
            (_, Some(flat)) => flat,
            (End::Whole, None) => Charged::from(meter.settle(true)),
            (End::CutOff, None) => Charged::from(meter.settle(false)),
        };
        let basis = charged.basis;
        let settlement = Settlement {
            budget: held.budget().clone(),
            term: held.term,
            client,
            service,
            route: Arc::clone(fare.route()),
            model: charged.model,
            calls: 1,
            cost: charged.cost,
            hold: held.amount,
            basis,
            counts: charged.counts,
            prices: fare.list().cloned(),
            status: charged.status,
            upstream_id: charged.upstream_id,
            ago_ms: Millis::ZERO,
        };
        purses.settle(held, settlement, now);
        basis
    }
}

/// What a settlement takes of a bill.
#[derive(Debug)]
struct Charged {
    cost: Nanos,
    basis: Basis,
    counts: Vec<(Kind, Quantity)>,
    model: Option<Arc<str>>,
    upstream_id: Option<String>,
    status: u16,
}

impl Default for Charged {
    /// Of a call that nobody will bill.
    fn default() -> Self {
        Self {
            cost: Nanos::ZERO,
            basis: Basis::Zero,
            counts: Vec::new(),
            model: None,
            upstream_id: None,
            status: 0,
        }
    }
}

impl Charged {
    /// Of a call that is priced in advance: all there is to its bill. The upstream's id of the answer is left
    /// out, so that calls that are otherwise alike can be told together.
    fn flat(cost: Nanos, status: u16) -> Self {
        if cost == Nanos::ZERO {
            return Self { status, ..Self::default() };
        }
        let counts = vec![(Kind::Call, Quantity::ONE)];
        Self { cost, basis: Basis::Flat, counts, status, ..Self::default() }
    }
}

fn status<'a>(mut pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> u16 {
    let status = pairs.find(|(name, _)| *name == b":status");
    status.and_then(|(_, value)| str::from_utf8(value).ok()?.parse().ok()).unwrap_or(0)
}

impl From<Bill> for Charged {
    fn from(bill: Bill) -> Self {
        let Bill { cost, basis, counts, model, upstream_id, status, .. } = bill;
        Self { cost, basis, counts, model, upstream_id, status }
    }
}
