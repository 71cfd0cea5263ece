//! `unlisted`: what calls cost that no route of the service names.

use std::sync::Arc;

use wire::money::Picos;
use wire::tariff::{Charge, Hold, Rate, Tariff};
use wire::usage::Kind;

use super::super::fields::{Fields, Shape};
use super::super::money;
use super::super::value::plain_text;
use super::{REASON, not_for_nothing, of_call};
use crate::document::Node;
use crate::error::{Code, Problem, Report};
use crate::source::Spot;

const UNLISTED: Shape = Shape {
    what: "\"unlisted\"",
    form: "{ \"per_call\": \"0.01\" } or { \"free\": \"…\" }",
    fields: &["per_call", "free"],
    required: &[],
};

/// What calls cost that no route names.
pub(in crate::validate) fn unlisted(
    node: &Node<'_>,
    named_at: Spot,
    report: &mut Report<'_>,
) -> Option<Charge> {
    let fields = Fields::open(node, named_at, &UNLISTED, report)?;
    match (fields.member("per_call"), fields.member("free")) {
        (Some(price), None) => {
            let picos = price_of_call(&price.node, report)?;
            let rates = vec![Rate { kind: Kind::Call, picos, per: 1, step: 0 }];
            let hold = Hold::Amount(of_call(&rates));
            let tariff = Tariff { usage: None, prices: None, rates, hold, billable: Vec::new() };
            Some(Charge::Priced(Arc::new(tariff)))
        }
        (None, Some(free)) => plain_text(&free.node, REASON, report).map(|_| Charge::Free),
        (Some(price), Some(free)) => {
            report.push(
                Problem::missing(
                    Code::FreeAndPriced,
                    free.name_at,
                    "calls that no route names are free and have a price",
                )
                .expected("either \"free\" with a reason, or \"per_call\"")
                .remedy("delete the one that is wrong")
                .other(price.name_at, "what makes them cost something"),
            );
            None
        }
        (None, None) => {
            if fields.is_whole() {
                report.push(
                    Problem::missing(
                        Code::NoPrice,
                        named_at,
                        "\"unlisted\" does not say what calls cost that no route names",
                    )
                    .expected(UNLISTED.form)
                    .remedy(
                        "add the price of a call, or delete \"unlisted\": \
                         such calls are then refused",
                    ),
                );
            }
            None
        }
    }
}

fn price_of_call(node: &Node<'_>, report: &mut Report<'_>) -> Option<Picos> {
    let price = money::price(node, 12, "the price of one call, as in \"0.005\"", report)?;
    not_for_nothing(node, price, report)
}
