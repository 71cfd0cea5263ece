//! The most that a call can cost, before it is made.
//!
//! A text has at most as many tokens as bytes, since tokens are made of bytes. A picture that a request
//! only points to is not bounded by its size; routes that allow such need a hold of a fixed amount.

use wire::money::{Nanos, Picos, Quantity};
use wire::tariff::{Hold, ModelPrices, Tariff};
use wire::usage::Kind;

use super::{Prices, price};
use crate::ask::Asked;
use crate::meter::counts::Counts;

/// The hold `worst`: by the size of the request, its output limit, and the dearest prices that can apply.
/// `None` if the tariff holds an amount, if there is no price, or if it is more than can be kept.
#[must_use]
pub fn worst(
    tariff: &Tariff,
    prices: Option<&ModelPrices>,
    asked: &Asked,
    request_bytes: u64,
) -> Option<Nanos> {
    let Hold::Worst { output } = tariff.hold else { return None };
    let answers = asked.n.unwrap_or(1).max(1);
    let output = asked.output_limit.unwrap_or(output).checked_mul(answers)?;
    let dearest = |input| {
        let listed = prices.map(|model| dearest(model, input, request_bytes));
        let fixed = tariff
            .rates
            .iter()
            .filter(|rate| side(rate.kind) == Some(input))
            .map(|rate| Picos(rate.picos.0.div_ceil(rate.per.max(1))))
            .max();
        listed.flatten().max(fixed)
    };
    let (input_price, output_price) = (dearest(true), dearest(false));
    let by_call = tariff.rates.iter().any(|rate| side(rate.kind).is_none());
    if input_price.is_none() && output_price.is_none() && !by_call {
        return None;
    }
    let model = ModelPrices {
        items: [(Kind::Input, input_price), (Kind::Output, output_price)]
            .into_iter()
            .filter_map(|(kind, picos)| Some((kind, picos?)))
            .collect(),
        ..ModelPrices::default()
    };
    let mut counts = Counts::default();
    let mut add = |kind, units: u64| {
        counts.add(kind, u128::from(units).saturating_mul(u128::from(Quantity::ONE.0)));
    };
    if input_price.is_some() {
        add(Kind::Input, request_bytes);
    }
    if output_price.is_some() {
        add(Kind::Output, output);
    }
    let others: Vec<_> =
        tariff.rates.iter().filter(|rate| side(rate.kind).is_none()).copied().collect();
    for (kind, units) in [(Kind::Call, 1), (Kind::BytesIn, request_bytes)] {
        if others.iter().any(|rate| rate.kind == kind) {
            add(kind, units);
        }
    }
    let prices = Prices { model: Some(&model), rates: &others, served: &[], total_input: 0 };
    let priced = price(&counts, 0, prices);
    priced.cost.filter(|_| !priced.partial)
}

/// Whether tokens of this kind are of the prompt or of the answer; `None` for what is neither.
const fn side(kind: Kind) -> Option<bool> {
    match kind {
        Kind::Output | Kind::OutputReasoning | Kind::OutputAudio | Kind::OutputImage => Some(false),
        kind if kind.is_input() => Some(true),
        _ => None,
    }
}

/// The dearest price of either side, in any variant, and in any tier that so long a prompt can reach.
fn dearest(model: &ModelPrices, input: bool, request_bytes: u64) -> Option<Picos> {
    let reached =
        |total: u64, inclusive| request_bytes > total || (inclusive && request_bytes == total);
    let variants = model.variants.iter().flat_map(|variant| &variant.items);
    let tiers = model
        .tiers
        .iter()
        .filter(|tier| reached(tier.total_input, tier.inclusive))
        .flat_map(|tier| &tier.items);
    model
        .items
        .iter()
        .chain(variants)
        .chain(tiers)
        .filter(|(kind, _)| side(*kind) == Some(input))
        .map(|(_, picos)| *picos)
        .max()
}
