//! What usage costs: prices per kind, one exact sum, one rounding.
//!
//! [`PriceIndex`] finds a model's prices; [`price`] multiplies and adds in pico-units as one fraction and
//! rounds up once, to nano-units. [`worst`] is the most that a call can cost before it is made. Pure
//! integers; what does not fit is said, never wrapped. Neighbour: [`crate::meter`] counts.

use wire::money::{Nanos, Picos, Quantity};
use wire::tariff::{ModelPrices, Rate, Tariff};
use wire::usage::Kind;

use crate::meter::counts::Counts;
use crate::meter::note::Note;

pub use self::again::products;
pub use self::index::PriceIndex;
pub use self::worst::worst;

mod again;
mod index;
mod rates;
mod sum;
mod worst;

/// One product of the sum.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PriceRow {
    /// What was used.
    pub kind: Kind,
    /// How much of it, begun steps counted whole.
    pub quantity: Quantity,
    /// What `per` of it cost.
    pub picos: Picos,
    /// How many that is for.
    pub per: u64,
    /// The product in pico-units; a fraction is shown rounded up, and added exactly.
    pub product: u128,
}

/// What something costs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Priced {
    pub(crate) rows: Vec<PriceRow>,
    /// In pico-units, rounded up if it is a fraction; without the rows that do not fit.
    pub(crate) picos: Option<u128>,
    /// The same, in nano-units.
    pub(crate) cost: Option<Nanos>,
    pub(crate) notes: Vec<Note>,
    /// The prices of this way to be served were taken.
    pub(crate) variant: Option<String>,
    /// Something has no price, or is too large to be reckoned: the cost is at least this.
    pub(crate) partial: bool,
}

/// What prices apply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices<'a> {
    pub(crate) model: Option<&'a ModelPrices>,
    pub(crate) rates: &'a [Rate],
    /// How the answer says it was served: `service_tier=priority`.
    pub(crate) served: &'a [String],
    pub(crate) total_input: u64,
}

/// The price of a call that is priced in advance: by the call, whatever it uses.
#[must_use]
pub fn flat_cost(tariff: &Tariff) -> Option<Nanos> {
    let by_call = tariff.rates.iter().all(|rate| rate.kind == Kind::Call);
    if tariff.usage.is_some() || tariff.rates.is_empty() || !by_call {
        return None;
    }
    let mut counts = Counts::default();
    counts.add(Kind::Call, u128::from(Quantity::ONE.0));
    let prices = Prices { model: None, rates: &tariff.rates, served: &[], total_input: 0 };
    price(&counts, 0, prices).cost
}

/// Prices `counts`, on top of `stated` pico-units.
pub(crate) fn price(counts: &Counts, stated: u128, prices: Prices<'_>) -> Priced {
    let mut priced = Priced::default();
    prices.explain(&mut priced);
    let mut sum = sum::Sum::default();
    for (kind, quantity) in counts.iter() {
        let Some(quantity) = quantity else {
            priced.partial = true;
            priced.notes.push(Note::TooLarge);
            continue;
        };
        let Some((taken, rates)) = prices.of(kind) else {
            priced.partial = true;
            priced.notes.push(Note::NoPriceOf(kind));
            continue;
        };
        if taken != kind {
            priced.notes.push(Note::PriceOf { kind, taken });
        }
        for rate in rates {
            match sum::row(kind, quantity, rate) {
                Some(row) if sum.add(&row).is_some() => priced.rows.push(row),
                _ => {
                    priced.partial = true;
                    priced.notes.push(Note::TooLarge);
                }
            }
        }
    }
    let whole = sum.plus(stated);
    priced.picos = whole.and_then(|whole| whole.picos());
    priced.cost = whole.and_then(|whole| whole.nanos());
    if priced.cost.is_none() {
        priced.partial = true;
        priced.notes.push(Note::TooLarge);
    }
    priced
}
