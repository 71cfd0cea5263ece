//! What the calls of a route cost: `free` with a reason, or prices, and what a call reserves.
//!
//! A route that says neither is a mistake: what has no price is not free. Which fields belong
//! together is checked in two steps, because a schema can know the first: fields that need one
//! another in `together`, and prices that fit what the answers say in `fit`.

mod billable;
mod fit;
mod hold;
mod rates;
mod together;
mod unlisted;
mod usage;

use std::sync::Arc;

use wire::ids::PriceListName;
use wire::money::{Nanos, PICOS_PER_NANO, Picos};
use wire::tariff::{Charge, Hold, Rate, Tariff};
use wire::usage::{Kind, Usage};

use self::billable::billable;
use self::hold::{HoldWords, hold};
use self::rates::rates;
pub(super) use self::unlisted::unlisted;
use self::usage::usage;
use super::fields::Fields;
use super::prices::Lists;
use super::value::{plain_text, text};
use crate::document::Node;
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

/// The fields of a route that are about its price.
pub(super) const PRICE_FIELDS: [&str; 15] = [
    "usage",
    "prices",
    "hold",
    "hold_output_tokens",
    "per_call",
    "per_unit",
    "audio_per_second",
    "audio_per_minute",
    "audio_per_hour",
    "per_gigabyte_in",
    "per_gigabyte_out",
    "per_gibibyte_in",
    "per_gibibyte_out",
    "count_in_steps_of",
    "billable",
];

/// Prices of bytes.
const OF_BYTES: [&str; 4] =
    ["per_gigabyte_in", "per_gigabyte_out", "per_gibibyte_in", "per_gibibyte_out"];

/// What `free` says.
const REASON: &str = "the reason why these calls are not billed";

/// What a route says of its price, as far as others must know it.
#[derive(Debug)]
pub(super) struct Cost<'d> {
    /// `None` where a mistake hides it.
    pub(super) charge: Option<Charge>,
    /// Whether it is, or seems to be, anything else than free.
    pub(super) costs: bool,
    /// The price list that it names.
    pub(super) prices: Option<&'d str>,
}

/// Reads what a route costs. `at` stands for the route in errors about what is not there.
pub(super) fn cost<'d>(
    fields: &Fields<'d, '_>,
    at: Spot,
    lists: &Lists<'_>,
    report: &mut Report<'_>,
) -> Cost<'d> {
    let priced = PRICE_FIELDS.iter().find_map(|name| fields.member(name));
    match (fields.member("free"), priced) {
        (Some(free), Some(priced)) => {
            report.push(
                Problem::missing(
                    Code::FreeAndPriced,
                    free.name_at,
                    "this route is free and has a price",
                )
                .expected("either \"free\" with a reason, or prices")
                .remedy("delete \"free\" if its calls are billed, or the prices if they are not")
                .other(priced.name_at, "what makes it cost something"),
            );
            Cost { charge: None, costs: true, prices: None }
        }
        (Some(free), None) => {
            let reason = plain_text(&free.node, REASON, report);
            Cost { charge: reason.map(|_| Charge::Free), costs: false, prices: None }
        }
        (None, Some(_)) => {
            let prices = fields.get("prices").and_then(|node| node.value.as_text());
            let charge = tariff(fields, at, lists, report);
            Cost { charge: charge.map(|it| Charge::Priced(Arc::new(it))), costs: true, prices }
        }
        (None, None) => {
            if fields.is_whole() {
                report.push(no_price(at, "this route does not say what its calls cost"));
            }
            Cost { charge: None, costs: false, prices: None }
        }
    }
}

fn no_price(at: Spot, message: &'static str) -> Problem {
    Problem::missing(Code::NoPrice, at, message)
        .expected("\"usage\", \"per_call\" or \"per_gigabyte_out\" with a price, or \"free\"")
        .remedy(
            "add what a call costs; if the provider does not bill it, \
             write \"free\" and the reason, as in \"free\": \"lists models, is not billed\"",
        )
}

/// The fields as read, before it is known whether they fit.
struct Read<'d> {
    usage: Option<Usage>,
    rates: Vec<Rate>,
    hold: Option<HoldWords>,
    prices: Option<(&'d str, Spot)>,
}

fn tariff(
    fields: &Fields<'_, '_>,
    at: Spot,
    lists: &Lists<'_>,
    report: &mut Report<'_>,
) -> Option<Tariff> {
    let together = together::check(fields, at, report);
    let usage = match fields.get("usage") {
        Some(node) => usage(node, report).map(Some),
        None => Some(None),
    };
    let rates = rates(fields, report);
    let hold = hold(fields, report);
    let billable = match fields.get("billable") {
        Some(node) => billable(node, report),
        None => Some(Vec::new()),
    };
    let prices = match fields.get("prices") {
        Some(node) => price_list(node, lists, report).map(Some),
        None => Some(None),
    };
    let read = Read { usage: usage?, rates: rates?, hold: hold?, prices: prices? };
    let fits = together && fit::check(fields, &read, lists, report);
    let name = read.prices.map(|(name, _)| PriceListName::parse(name));
    let hold = match read.hold {
        Some(HoldWords::Amount(amount)) => Hold::Amount(amount),
        Some(HoldWords::Worst(output)) => Hold::Worst { output },
        None => Hold::Amount(of_call(&read.rates)),
    };
    let name = match name {
        Some(name) => Some(name.ok()?),
        None => None,
    };
    Some(Tariff { usage: read.usage, prices: name, rates: read.rates, hold, billable: billable? })
        .filter(|_| fits)
}

/// What is paid for a call whatever it does, rounded up as a call's cost is.
fn of_call(rates: &[Rate]) -> Nanos {
    let picos = rates.iter().find(|rate| rate.kind == Kind::Call).map_or(0, |rate| rate.picos.0);
    Nanos(picos.div_ceil(PICOS_PER_NANO))
}

fn price_list<'d>(
    node: &'d Node<'_>,
    lists: &Lists<'_>,
    report: &mut Report<'_>,
) -> Option<(&'d str, Spot)> {
    let written = text(node, "the name of a price list", report)?;
    if lists.models.contains_key(written) {
        return Some((written, node.at));
    }
    if PriceListName::parse(written).is_err() {
        report.push(super::value::not_a_name(node.at, written));
    } else if !lists.incomplete {
        let near = report.nearest(written, lists.models.keys().copied());
        report.push(
            Problem::new(
                Code::UnknownPrices,
                node.at,
                format!("there is no price list {}", quoted(written)),
            )
            .expected("the name of a list that stands under \"prices\" in one of the files")
            .remedy("correct the name, or add the list")
            .near(near),
        );
    }
    None
}

/// A route's price is never zero: what costs nothing says why.
fn not_for_nothing(node: &Node<'_>, price: Picos, report: &mut Report<'_>) -> Option<Picos> {
    if price.0 > 0 {
        return Some(price);
    }
    report.push(
        Problem::new(Code::Money, node.at, "a route that costs nothing does not say so by a price")
            .expected("a price above zero")
            .remedy("write \"free\" with the reason instead, or the price"),
    );
    None
}
