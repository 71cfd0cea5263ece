//! Prices of a route that do not depend on a model: of calls, units, sound and bytes.
//!
//! Each is kept for as many as it is written for, a minute or a gibibyte, so all are exact.

use wire::money::Picos;
use wire::tariff::Rate;
use wire::usage::Kind;

use super::super::amount::whole;
use super::super::fields::Fields;
use super::super::money;
use super::super::price::{one_of, one_price_of_sound};
use super::not_for_nothing;
use crate::bounds::STEP_BYTES_MAX;
use crate::error::Report;

const GIGABYTE: u64 = 1_000_000_000;
const GIBIBYTE: u64 = 1 << 30;

/// A field, what it counts, and of how many it is the price.
const FIELDS: [(&str, Kind, u64, &str); 9] = [
    ("per_call", Kind::Call, 1, "the price of one call, as in \"0.005\""),
    ("per_unit", Kind::Unit, 1, "the price of one unit, as in \"0.0015\""),
    ("audio_per_second", Kind::AudioSecond, 1, "the price of a second of sound, as in \"0.0001\""),
    ("audio_per_minute", Kind::AudioSecond, 60, "the price of a minute of sound, as in \"0.006\""),
    ("audio_per_hour", Kind::AudioSecond, 3_600, "the price of an hour of sound, as in \"0.111\""),
    ("per_gigabyte_in", Kind::BytesIn, GIGABYTE, OF_GIGABYTE),
    ("per_gigabyte_out", Kind::BytesOut, GIGABYTE, OF_GIGABYTE),
    ("per_gibibyte_in", Kind::BytesIn, GIBIBYTE, OF_GIBIBYTE),
    ("per_gibibyte_out", Kind::BytesOut, GIBIBYTE, OF_GIBIBYTE),
];

const OF_GIGABYTE: &str = "the price of 1,000,000,000 bytes, as in \"0.09\"";
const OF_GIBIBYTE: &str = "the price of 1,073,741,824 bytes, as in \"0.09\"";

/// Decimal places that a price may have: pico-units.
const PLACES: usize = 12;

/// Fields of which a route has one at most.
const PAIRS: [[&str; 2]; 2] =
    [["per_gigabyte_in", "per_gibibyte_in"], ["per_gigabyte_out", "per_gibibyte_out"]];

pub(super) fn rates(fields: &Fields<'_, '_>, report: &mut Report<'_>) -> Option<Vec<Rate>> {
    let step = match fields.get("count_in_steps_of") {
        Some(node) => {
            const REMEDY: &str = "write the bytes of which a begun step is billed whole, \
                                  in digits only, as in 65536";
            whole(node, 1..=STEP_BYTES_MAX, REMEDY, report)
        }
        None => Some(0),
    };
    let mut rates = Vec::new();
    let mut good = true;
    for (name, kind, per, expected) in FIELDS {
        let Some(node) = fields.get(name) else { continue };
        let price = money::price(node, PLACES, expected, report);
        let picos: Option<Picos> = price.and_then(|price| not_for_nothing(node, price, report));
        let of_bytes = matches!(kind, Kind::BytesIn | Kind::BytesOut);
        match (picos, step) {
            (Some(picos), Some(step)) => {
                rates.push(Rate { kind, picos, per, step: if of_bytes { step } else { 0 } });
            }
            _ => good = false,
        }
    }
    good &= one_price_of_sound(fields, report);
    for pair in &PAIRS {
        good &= one_of(fields, pair, report);
    }
    (good && step.is_some()).then_some(rates)
}
