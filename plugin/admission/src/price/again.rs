//! What was counted, priced again: for reports that show a booked cost kind by kind.

use wire::money::Quantity;
use wire::tariff::{ModelPrices, Rate};
use wire::usage::Kind;

use super::{PriceRow, Prices, price};
use crate::meter::counts::Counts;

/// The products that these counts come to, at a route's `rates` and a model's prices, served in the
/// ways that `served` names (`service_tier=flex`). `None` if a kind has no price, or an amount does
/// not fit.
#[must_use]
pub fn products(
    rates: &[Rate],
    model: Option<&ModelPrices>,
    counted: &[(Kind, Quantity)],
    served: &[String],
) -> Option<Vec<PriceRow>> {
    let mut counts = Counts::default();
    for (kind, quantity) in counted {
        counts.add(*kind, u128::from(quantity.0));
    }
    let total_input = counts.total_input();
    let priced = price(&counts, 0, Prices { model, rates, served, total_input });
    (!priced.partial).then_some(priced.rows)
}
