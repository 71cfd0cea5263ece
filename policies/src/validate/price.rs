//! Prices: the fields that name what they are for, and what they are for one.
//!
//! The unit is part of a field's name, so that no price is read for a thousand that was meant for a
//! million. What is kept is exact: a price that is no whole number of pico-units for one is refused.
//! A price that only makes sense in another unit is refused too, unless somebody confirms it.

use wire::money::{Nanos, Picos};
use wire::usage::Kind;

use super::fields::Fields;
use super::money;
use crate::document::Member;
use crate::error::{Code, Problem, Report, quoted};

/// The names of all price fields, with others after them.
macro_rules! with_prices {
    ($($other:literal),* $(,)?) => {
        &[
            "input_per_million",
            "cache_read_per_million",
            "cache_write_per_million",
            "cache_write_5m_per_million",
            "cache_write_1h_per_million",
            "input_audio_per_million",
            "input_image_per_million",
            "output_per_million",
            "output_reasoning_per_million",
            "output_audio_per_million",
            "output_image_per_million",
            "web_search_per_thousand",
            "audio_per_second",
            "audio_per_minute",
            "audio_per_hour",
            "per_call",
            "per_unit",
            $($other,)*
        ]
    };
}
pub(super) use with_prices;

/// What a price field is for.
#[derive(Clone, Copy, Debug)]
struct Unit {
    kind: Kind,
    /// So many of the kind.
    per: u64,
    /// Decimal places that a price may have.
    places: usize,
    expected: &'static str,
}

const MILLION: u64 = 1_000_000;
const PICOS_PER_UNIT: u64 = 1_000_000_000_000;

/// Below, it is the price of one token: the dearest tokens that are sold cost a thousandth of a
/// unit of any currency that is near the dollar, and the cheapest million costs more than that.
const MILLION_MIN: Picos = Picos(PICOS_PER_UNIT / 1_000);
/// Above, it is in cents or in millionths: the dearest million that is sold costs some hundreds.
const MILLION_MAX: Picos = Picos(PICOS_PER_UNIT * 10_000);

fn unit(name: &str) -> Option<Unit> {
    let (kind, per, places, expected) = match name {
        "web_search_per_thousand" => {
            (Kind::WebSearch, 1_000, 9, "the price of 1,000 searches, as in \"10.00\"")
        }
        "audio_per_second" => {
            (Kind::AudioSecond, 1, 12, "the price of a second of sound, as in \"0.0001\"")
        }
        "audio_per_minute" => {
            (Kind::AudioSecond, 60, 12, "the price of a minute of sound, as in \"0.006\"")
        }
        "audio_per_hour" => {
            (Kind::AudioSecond, 3_600, 12, "the price of an hour of sound, as in \"0.36\"")
        }
        "per_call" => (Kind::Call, 1, 12, "the price of one call, as in \"0.005\""),
        "per_unit" => (Kind::Unit, 1, 12, "the price of one unit, as in \"0.0015\""),
        _ => {
            let kind = name.strip_suffix("_per_million").and_then(Kind::of_word)?;
            (kind, MILLION, 6, "the price of 1,000,000 tokens, as in \"0.25\"")
        }
    };
    Some(Unit { kind, per, places, expected })
}

/// The price fields of an object, as prices for one. `confirmed` lets odd ones pass.
pub(super) fn items(
    fields: &Fields<'_, '_>,
    confirmed: bool,
    report: &mut Report<'_>,
) -> Option<Vec<(Kind, Picos)>> {
    let priced = fields.members().iter().filter_map(|member| Some((member, unit(&member.name)?)));
    let mut items: Vec<(Kind, Picos)> = Vec::new();
    let mut good = true;
    for (member, unit) in priced {
        match item(member, unit, confirmed, report) {
            Some(picos) => items.push((unit.kind, picos)),
            None => good = false,
        }
    }
    good &= one_price_of_sound(fields, report);
    items.sort_unstable_by_key(|(kind, _)| *kind);
    good.then_some(items)
}

/// Whether any field of the object is a price.
pub(super) fn has_any(fields: &Fields<'_, '_>) -> bool {
    fields.members().iter().any(|member| unit(&member.name).is_some())
}

/// Whether a field is a price of tokens.
pub(super) fn is_of_tokens(name: &str) -> bool {
    unit(name).is_some_and(|unit| unit.per == MILLION)
}

fn item(
    member: &Member<'_>,
    unit: Unit,
    confirmed: bool,
    report: &mut Report<'_>,
) -> Option<Picos> {
    let node = &member.node;
    let price = money::price(node, unit.places, unit.expected, report)?;
    let odd = (unit.per == MILLION && !confirmed).then(|| implausible(member, price)).flatten();
    if let Some(problem) = odd {
        report.push(problem);
        return None;
    }
    let one = price.0.checked_div(unit.per).map(Picos);
    let exact = one.filter(|one| one.0.checked_mul(unit.per) == Some(price.0));
    if exact.is_none() {
        report.push(
            Problem::new(
                Code::Inexact,
                node.at,
                "this price of sound is no exact price of one second, in which a model's is kept",
            )
            .expected("a price that can be divided by its seconds within twelve decimal places")
            .remedy(
                "write the price on the route instead of the model: \
                 there it is kept for the whole minute or hour, exactly",
            ),
        );
    }
    exact
}

fn implausible(member: &Member<'_>, price: Picos) -> Option<Problem> {
    let written = member.node.value.as_text().unwrap_or_default();
    let (message, near, hint) = if price.0 != 0 && price < MILLION_MIN {
        (
            format!("{} for a million tokens is next to nothing", quoted(written)),
            price.0.checked_mul(MILLION).map(shown),
            "this looks like the price of one token: write the price of a million",
        )
    } else if price > MILLION_MAX {
        (
            format!(
                "{} for a million tokens makes a call of 10,000 tokens cost {}",
                quoted(written),
                price.0.checked_div(100).map(shown).unwrap_or_default()
            ),
            price.0.checked_div(MILLION).filter(|price| *price > MILLION_MIN.0).map(shown),
            "this looks like a price in cents or in millionths: write it in the currency itself",
        )
    } else {
        return None;
    };
    Some(
        Problem::new(Code::Implausible, member.node.at, message)
            .expected("the price of 1,000,000 tokens, from 0.001 to 10,000")
            .remedy(format!("{hint}; if it is right, add \"confirmed\" with a reason to the model"))
            .near(near.as_deref()),
    )
}

/// Pico-units as people write money.
pub(super) fn shown(picos: u64) -> String {
    Nanos(picos.div_ceil(wire::money::PICOS_PER_NANO)).to_string()
}

/// Reports fields that are prices of one thing.
pub(super) fn one_of(
    fields: &Fields<'_, '_>,
    names: &[&'static str],
    report: &mut Report<'_>,
) -> bool {
    let mut written = names.iter().filter_map(|name| fields.member(name));
    let (Some(first), Some(second)) = (written.next(), written.next()) else {
        return true;
    };
    let message = format!("\"{}\" and \"{}\" are two prices of one thing", first.name, second.name);
    report.push(
        Problem::new(Code::PriceForm, second.name_at, message)
            .expected("one of the two")
            .remedy("keep the one that stands on the provider's price page")
            .other(first.name_at, "the other of them"),
    );
    false
}

/// Reports prices of sound in two units.
pub(super) fn one_price_of_sound(fields: &Fields<'_, '_>, report: &mut Report<'_>) -> bool {
    one_of(fields, &["audio_per_second", "audio_per_minute", "audio_per_hour"], report)
}
