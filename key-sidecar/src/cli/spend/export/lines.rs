//! A charge as the lines of a bill: each kind with its quantity, price and product, and the rest.
//!
//! A call's cost is rounded up once, so the products of its kinds fall short of it by less than a
//! nano-unit: that is a line of its own, `rounding`. A cost that is no sum of products (the hold of a
//! call that never said what it used, the cost that a provider stated, a price that policy no longer
//! has) is one line with all of it. So the lines of any charges add up to the ledger, to the last
//! digit. Neighbours: `prices` finds what a settlement was priced with.

use wire::budget::{Basis, Settlement};
use wire::usage::Kind;

use super::super::amount::{Exact, Money};
use super::super::charge::{Charge, Spent};
use super::prices::Prices;

/// What a line of a bill is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Item {
    /// A quantity of a kind, at a price in pico-units for so many.
    Metered {
        /// What was used.
        kind: Kind,
        /// The price.
        picos: u64,
        /// What the price is for.
        per: u64,
    },
    /// The cost as the provider stated it.
    ProviderCost,
    /// The hold of calls that are billed and did not say, or not wholly, what they used.
    Reserve,
    /// A cost whose prices policy does not have any longer.
    Unsplit,
    /// What rounding each call up to nano-units has added.
    Rounding,
    /// Lent, never settled: counts as spent until the holder speaks.
    Presumed,
    /// The correction of this entry.
    Correction(u64),
}

impl Item {
    /// The word of reports.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Metered { kind, .. } => kind.as_str(),
            Self::ProviderCost => "provider_cost",
            Self::Reserve => "reserve",
            Self::Unsplit => "unsplit",
            Self::Rounding => "rounding",
            Self::Presumed => "presumed",
            Self::Correction(_) => "correction",
        }
    }
}

/// A line of a bill.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Line {
    pub(super) item: Item,
    /// The use, in millionths of what is counted; 0 where nothing is.
    pub(super) micros: u128,
    pub(super) cost: Exact,
    /// The calls, on the first line of each charge only, so that they can be added up.
    pub(super) calls: u64,
}

/// The lines of a charge; `None` if an amount is beyond what can be held, which no ledger's is.
pub(super) fn lines(charge: &Charge<'_>, prices: &Prices) -> Option<Vec<Line>> {
    let whole = |item, cost: Money, calls| {
        Some(vec![Line { item, micros: 0, cost: Exact::of(cost)?, calls }])
    };
    match charge.what {
        Spent::Presumed(amount) => whole(Item::Presumed, amount, 0),
        Spent::Corrected { amount, .. } => whole(Item::Correction(charge.number), amount, 0),
        Spent::Call(settlement) => {
            let cost = charge.cost();
            match settlement.basis {
                Basis::Zero => Some(Vec::new()),
                Basis::ProviderCost => whole(Item::ProviderCost, cost, settlement.calls),
                Basis::Reserve | Basis::MaxUsageReserve => {
                    whole(Item::Reserve, cost, settlement.calls)
                }
                Basis::Usage | Basis::HeaderUnits | Basis::Flat | Basis::Bytes => {
                    match split(settlement, prices) {
                        Some(lines) => Some(lines),
                        None => whole(Item::Unsplit, cost, settlement.calls),
                    }
                }
            }
        }
    }
}

/// The products that explain a cost, and what rounding added; `None` if none do.
fn split(settlement: &Settlement, prices: &Prices) -> Option<Vec<Line>> {
    let cost = Exact::of(settlement.cost.into())?;
    prices.candidates(settlement).find_map(|products| {
        let sum = products.iter().try_fold(Exact::ZERO, |sum, line| sum.plus(line.cost))?;
        let rest = cost.minus(sum)?;
        let explained = rest >= Exact::ZERO && rest.ceil() <= most_rounding(settlement, rest);
        explained.then(|| finish(products, rest, settlement.calls))
    })
}

/// Each call is rounded up by less than a nano-unit.
fn most_rounding(settlement: &Settlement, rest: Exact) -> Money {
    let calls = i128::from(settlement.calls);
    // A rest of exactly one nano-unit a call is a cost that was not rounded up to.
    let whole = Exact::of(rest.ceil()) == Some(rest);
    Money(if whole { calls.saturating_sub(1) } else { calls })
}

fn finish(mut lines: Vec<Line>, rest: Exact, calls: u64) -> Vec<Line> {
    if !rest.is_zero() {
        lines.push(Line { item: Item::Rounding, micros: 0, cost: rest, calls: 0 });
    }
    if let Some(first) = lines.first_mut() {
        first.calls = calls;
    }
    lines
}

#[cfg(test)]
pub(super) mod tests;
