//! Prices that differ: of long prompts, and of ways to be served.

use wire::tariff::{Tier, Variant};

use super::amount::whole;
use super::fields::{Fields, Shape};
use super::price::{has_any, items, with_prices};
use super::value::{list, named, wrong_type};
use crate::bounds::{PROMPT_TOKENS_MAX, SERVED_BYTES_MAX, TIERS_MAX, VARIANTS_MAX};
use crate::document::{Node, Value};
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

const TIER: Shape = Shape {
    what: "an entry of \"over\"",
    form: "{ \"total_input\": 200000, \"input_per_million\": \"0.50\" }",
    fields: with_prices!["total_input", "inclusive"],
    required: &["total_input"],
};

const VARIANT: Shape = Shape {
    what: "an entry of \"served\"",
    form: "{ \"input_per_million\": \"0.50\" }",
    fields: with_prices![],
    required: &[],
};

/// What answers say of how they were served; the meter reads no other field.
const SERVED_BY: [&str; 5] =
    ["service_tier", "serviceTier", "trafficType", "speed", "inference_geo"];

/// Prices of long prompts, in rising order.
pub(super) fn tiers(
    node: Option<&Node<'_>>,
    confirmed: bool,
    report: &mut Report<'_>,
) -> Option<Vec<Tier>> {
    let Some(node) = node else {
        return Some(Vec::new());
    };
    let entries = list(node, "a list of prices for long prompts", TIERS_MAX, report)?;
    let mut tiers: Vec<Tier> = Vec::with_capacity(entries.len());
    let mut last: Option<(u64, Spot)> = None;
    let mut good = true;
    for entry in entries {
        let tier = tier(entry, confirmed, report);
        let Some((tier, at)) = tier else {
            good = false;
            continue;
        };
        if let Some((_, before)) = last.filter(|(before, _)| *before >= tier.total_input) {
            good = false;
            report.push(
                Problem::new(Code::TierOrder, at, "the sizes of prompts do not rise")
                    .expected("more tokens than in the entry before")
                    .remedy("put the entries into the order of their \"total_input\", each once")
                    .other(before, "the entry before"),
            );
        }
        last = Some((tier.total_input, at));
        tiers.push(tier);
    }
    good.then_some(tiers)
}

fn tier(entry: &Node<'_>, confirmed: bool, report: &mut Report<'_>) -> Option<(Tier, Spot)> {
    let fields = Fields::open(entry, entry.at.opening(), &TIER, report)?;
    let at = fields.get("total_input").map_or(entry.at, |node| node.at);
    let total_input = fields.get("total_input").and_then(|node| {
        const REMEDY: &str = "write the tokens of the prompt above which these prices hold, \
                              in digits only, as in 200000";
        whole(node, 1..=PROMPT_TOKENS_MAX, REMEDY, report)
    });
    let inclusive = match fields.get("inclusive") {
        Some(node) => flag(node, report),
        None => Some(false),
    };
    let some = some_price(entry.at.opening(), &fields, report);
    let items = items(&fields, confirmed, report).filter(|_| some);
    Some((Tier { total_input: total_input?, inclusive: inclusive?, items: items? }, at))
}

/// Prices by what the answer says of how it was served.
pub(super) fn variants(
    node: Option<&Node<'_>>,
    confirmed: bool,
    report: &mut Report<'_>,
) -> Option<Vec<Variant>> {
    let Some(node) = node else {
        return Some(Vec::new());
    };
    let expected = "prices by what answers say, as in { \"service_tier=priority\": { … } }";
    let members = named(node, expected, report)?;
    if members.is_empty() || members.len() > VARIANTS_MAX {
        report.push(
            Problem::new(Code::TooMany, node.at, "this names no way to be served, or too many")
                .expected(format!("from 1 to {VARIANTS_MAX} of them"))
                .remedy("name those that have prices of their own, or delete \"served\""),
        );
        return None;
    }
    let mut variants = Vec::with_capacity(members.len());
    for member in members {
        let said = is_said(&member.name);
        if !said {
            let near = nearest(&member.name, report);
            report.push(not_said(member.name_at, &member.name, near));
        }
        let Some(fields) = Fields::open(&member.node, member.name_at, &VARIANT, report) else {
            continue;
        };
        let some = some_price(member.name_at, &fields, report);
        let items = items(&fields, confirmed, report).filter(|_| some && said);
        variants.extend(items.map(|items| Variant { when: member.name.to_string(), items }));
    }
    (variants.len() == members.len()).then_some(variants)
}

fn is_said(name: &str) -> bool {
    name.split_once('=').is_some_and(|(field, value)| {
        SERVED_BY.contains(&field)
            && (1..=SERVED_BYTES_MAX).contains(&value.len())
            && value.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// The field that was probably meant, with the same value.
fn nearest(name: &str, report: &mut Report<'_>) -> Option<String> {
    let (field, value) = name.split_once('=').unwrap_or(("service_tier", name));
    let near = report.nearest(field, SERVED_BY)?;
    let whole = format!("{near}={value}");
    is_said(&whole).then_some(whole)
}

fn not_said(at: Spot, written: &str, near: Option<String>) -> Problem {
    let message = format!("{} is nothing that an answer says of itself", quoted(written));
    Problem::new(Code::Served, at, message)
        .expected(format!("one of {}, '=' and its value", SERVED_BY.join(", ")))
        .remedy("copy the field and its value as they stand in an answer of the API")
        .near(near.as_deref())
}

fn some_price(at: Spot, fields: &Fields<'_, '_>, report: &mut Report<'_>) -> bool {
    let some = has_any(fields);
    if !some && fields.is_whole() {
        report.push(
            Problem::missing(Code::Empty, at, "nothing has another price here")
                .expected("at least one price, as \"input_per_million\"")
                .remedy("add the prices that differ, or delete the entry"),
        );
    }
    some
}

/// `true` or `false`.
fn flag(node: &Node<'_>, report: &mut Report<'_>) -> Option<bool> {
    if let Value::Flag(flag) = node.value {
        return Some(flag);
    }
    report.push(wrong_type(node, "true or false").remedy("write true or false, without quotes"));
    None
}
