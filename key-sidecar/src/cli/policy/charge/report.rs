//! A bill, for programs and for people.

use admission::meter::Bill;
use admission::price::PriceRow;
use serde_json::{Map, Number, Value, json};
use wire::budget::Basis;
use wire::money::{Nanos, Quantity};

use super::super::super::spend::decimal;

/// Pico-units in a unit of currency.
const PICOS: u128 = 1_000_000_000_000;

/// Why a free route costs nothing.
const FREE: &str = "the policy says that calls of this route are not billed";

/// The bill as JSON; `None` is that of a free route.
pub(super) fn json(bill: &Option<Bill>, hold: Nanos, currency: &str) -> Value {
    let Some(bill) = bill else {
        return json!({
            "settle": Basis::Zero,
            "cost_nanos": 0,
            "cost": Nanos::ZERO.to_string(),
            "currency": currency,
            "counts": {},
            "total_input": 0,
            "usage_complete": true,
            "model": null,
            "variant": null,
            "hold": Nanos::ZERO.to_string(),
            "prices": [],
            "why": [FREE],
        });
    };
    let counts: Map<String, Value> =
        bill.counts.iter().map(|(kind, count)| (kind.to_string(), number(*count))).collect();
    json!({
        "settle": bill.basis,
        "cost_nanos": bill.cost,
        "cost": bill.cost.to_string(),
        "currency": currency,
        "counts": counts,
        "total_input": bill.total_input,
        "usage_complete": bill.usage_complete,
        "measured": bill.measured.map(|measured| measured.to_string()),
        "model": bill.model,
        "variant": bill.variant,
        "upstream_id": bill.upstream_id,
        "hold": hold.to_string(),
        "prices": bill.rows.iter().map(row).collect::<Vec<_>>(),
        "why": why(bill),
    })
}

fn row(row: &PriceRow) -> Value {
    json!({
        "kind": row.kind,
        "quantity": number(row.quantity),
        "price": price(row),
        "per": row.per,
        "product": product(row),
    })
}

/// A number where it is whole, decimal text where it is not.
fn number(quantity: Quantity) -> Value {
    match quantity.0.checked_div(Quantity::ONE.0) {
        Some(whole) if quantity.0.is_multiple_of(Quantity::ONE.0) => {
            Value::Number(Number::from(whole))
        }
        _ => Value::String(quantity.to_string()),
    }
}

/// What `per` cost, in units of currency.
fn price(row: &PriceRow) -> String {
    decimal(row.picos.0.into(), PICOS).unwrap_or_default()
}

/// The product to its last digit; where it has none, rounded up to pico-units.
fn product(row: &PriceRow) -> String {
    let exact = || {
        let numerator = u128::from(row.quantity.0).checked_mul(row.picos.0.into())?;
        let millionths = u128::from(Quantity::ONE.0).checked_mul(PICOS)?;
        decimal(numerator, millionths.checked_mul(row.per.into())?)
    };
    exact().or_else(|| decimal(row.product, PICOS)).unwrap_or_default()
}

fn why(bill: &Bill) -> Vec<String> {
    bill.notes.iter().map(ToString::to_string).collect()
}

/// The bill as people read it.
pub(super) fn text(bill: &Option<Bill>, hold: Nanos, currency: &str) -> String {
    let Some(bill) = bill else {
        return format!("0.00 {currency}: {FREE}");
    };
    let mut lines = vec![format!("{} {currency}, settled by {}", bill.cost, words(bill.basis))];
    for row in &bill.rows {
        let per = match row.per {
            1 => String::new(),
            per => format!(" for {per}"),
        };
        lines.push(format!(
            "  {} {} at {}{per} is {}",
            row.quantity,
            row.kind,
            price(row),
            product(row)
        ));
    }
    if let Some(model) = &bill.model {
        let variant = bill.variant.as_ref().map_or(String::new(), |by| format!(", {by}"));
        lines.push(format!("  model {model}{variant}"));
    }
    if bill.basis.is_estimate() {
        let measured = bill.measured.map_or("nothing".to_owned(), |cost| cost.to_string());
        lines.push(format!("  hold {hold}, measured {measured}"));
    }
    lines.extend(why(bill).into_iter().map(|why| format!("  {why}")));
    lines.join("\n")
}

const fn words(basis: Basis) -> &'static str {
    match basis {
        Basis::Usage => "the usage that the answer reports (usage)",
        Basis::ProviderCost => "the cost that the provider states (provider_cost)",
        Basis::HeaderUnits => "the units that a header reports (header_units)",
        Basis::Flat => "the price of a call (flat)",
        Basis::Bytes => "the bytes that went by (bytes)",
        Basis::Reserve => "the hold, as nothing was reported (reserve)",
        Basis::MaxUsageReserve => "the larger of hold and usage (max_usage_reserve)",
        Basis::Zero => "nothing, as it is not billed (zero)",
    }
}

#[cfg(test)]
mod tests {
    use wire::money::Picos;
    use wire::usage::Kind;

    use super::*;

    #[test]
    fn a_count_is_a_number_where_it_is_whole() {
        assert_eq!(number(Quantity(263_000_000)), json!(263));
        assert_eq!(number(Quantity(5_710_000)), json!("5.71"));
        assert_eq!(number(Quantity(0)), json!(0));
    }

    #[test]
    fn a_product_has_all_its_digits() {
        let row = |quantity, picos, per| PriceRow {
            kind: Kind::Unit,
            quantity: Quantity(quantity),
            picos: Picos(picos),
            per,
            product: 334,
        };
        assert_eq!(product(&row(5_710_000, 250_000, 1)), "0.0000014275");
        assert_eq!(price(&row(1, 250_000, 1)), "0.00000025");
        // A third has no last digit: rounded up, as the row has it.
        assert_eq!(product(&row(1_000_000, 1_000, 3)), "0.000000000334");
    }
}
