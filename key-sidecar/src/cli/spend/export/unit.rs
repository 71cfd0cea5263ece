//! What finance calls a kind: its meter, the unit that is counted, the unit that is priced.
//!
//! Prices are shown for the unit that people know them by: a million tokens, a gigabyte, a request.

use wire::usage::Kind;

use super::super::amount::decimal;

/// Millionths, which quantities are counted in.
const MICROS: u128 = 1_000_000;
/// Pico-units, which prices are counted in.
const PICOS: u128 = 1_000_000_000_000;
const GIBI: u64 = 1 << 30;

/// The unit that a price is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PricingUnit {
    /// As FOCUS writes units: `1000000 Tokens`, `GB`, `Requests`.
    pub(super) name: String,
    /// How many of the counted unit it is.
    scale: u64,
    /// How many of the counted unit the price list's price is for.
    per: u64,
}

impl PricingUnit {
    pub(super) fn of(kind: Kind, per: u64) -> Self {
        let noun = counted(kind);
        let (name, scale) = match (noun, per) {
            ("Tokens", 1) => ("1000000 Tokens".to_owned(), 1_000_000),
            ("Bytes", 1) => ("GB".to_owned(), 1_000_000_000),
            ("Bytes", GIBI) => ("GiB".to_owned(), GIBI),
            (noun, 1) => (noun.to_owned(), 1),
            (noun, per) => (format!("{per} {noun}"), per),
        };
        Self { name, scale, per }
    }

    /// So much of the counted unit, in this one; `None` if that has no exact decimal.
    pub(super) fn quantity(&self, micros: u128) -> Option<String> {
        decimal(micros, MICROS.checked_mul(self.scale.into())?)
    }

    /// What one of this unit costs; `None` if that has no exact decimal.
    pub(super) fn price(&self, picos: u64) -> Option<String> {
        let numerator = u128::from(picos).checked_mul(self.scale.into())?;
        decimal(numerator, PICOS.checked_mul(self.per.into())?)
    }
}

/// So much of the counted unit.
pub(super) fn quantity(micros: u128) -> String {
    decimal(micros, MICROS).unwrap_or_default()
}

/// The unit that a kind is counted in.
pub(super) const fn counted(kind: Kind) -> &'static str {
    match kind {
        Kind::Input
        | Kind::CacheRead
        | Kind::CacheWrite
        | Kind::CacheWrite5m
        | Kind::CacheWrite1h
        | Kind::InputAudio
        | Kind::InputImage
        | Kind::Output
        | Kind::OutputReasoning
        | Kind::OutputAudio
        | Kind::OutputImage => "Tokens",
        Kind::WebSearch => "Searches",
        Kind::AudioSecond => "Seconds",
        Kind::Call => "Requests",
        Kind::Unit => "Units",
        Kind::BytesIn | Kind::BytesOut => "Bytes",
    }
}

/// What is metered, in words.
pub(super) const fn meter(kind: Kind) -> &'static str {
    match kind {
        Kind::Input => "Input tokens",
        Kind::CacheRead => "Cached input tokens",
        Kind::CacheWrite => "Cache write tokens",
        Kind::CacheWrite5m => "Cache write tokens, 5 minutes",
        Kind::CacheWrite1h => "Cache write tokens, 1 hour",
        Kind::InputAudio => "Audio input tokens",
        Kind::InputImage => "Image input tokens",
        Kind::Output => "Output tokens",
        Kind::OutputReasoning => "Reasoning output tokens",
        Kind::OutputAudio => "Audio output tokens",
        Kind::OutputImage => "Image output tokens",
        Kind::WebSearch => "Web searches",
        Kind::AudioSecond => "Seconds of audio",
        Kind::Call => "Requests",
        Kind::Unit => "Units",
        Kind::BytesIn => "Bytes sent",
        Kind::BytesOut => "Bytes received",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::amount::Exact;
    use super::*;

    /// Multiplies two decimals as text, so that no code of ours is asked about itself.
    fn multiplied(one: &str, other: &str) -> String {
        let parts = |text: &str| {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            (format!("{whole}{fraction}").parse::<u128>().unwrap(), fraction.len())
        };
        let ((one, places), (other, more)) = (parts(one), parts(other));
        let (product, places) = (one.checked_mul(other).unwrap(), places + more);
        let digits = format!("{product:0>width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }

    #[test]
    fn price_times_quantity_is_the_cost_to_the_last_digit() {
        for (kind, picos, micros, per, unit) in [
            (Kind::Input, 37_500, 263_000_000, 1, "1000000 Tokens"),
            (Kind::Output, 10_000_001, 7_000_000, 1, "1000000 Tokens"),
            (Kind::Call, 5_400_000, 3_000_000, 1, "Requests"),
            (Kind::Unit, 250_000, 5_710_000, 1, "Units"),
            (Kind::BytesOut, 90, 1_234_567_000_000, 1, "GB"),
            (Kind::BytesOut, 90_000_000_000, 3_000_000, 1 << 30, "GiB"),
            (Kind::Call, 400_000_000, 3_000_000, 1000, "1000 Requests"),
        ] {
            let priced = PricingUnit::of(kind, per);
            let price = priced.price(picos).unwrap();
            let quantity = priced.quantity(micros).unwrap();
            let cost = Exact::product(picos, micros, per).unwrap().to_string();
            assert_eq!(multiplied(&price, &quantity), cost, "{kind} {price} x {quantity}");
            assert_eq!(priced.name, unit);
        }
    }

    #[test]
    fn a_price_is_shown_as_people_know_it() {
        assert_eq!(PricingUnit::of(Kind::Input, 1).price(250_000).unwrap(), "0.25");
        assert_eq!(PricingUnit::of(Kind::BytesOut, 1).price(90).unwrap(), "0.09");
        assert_eq!(PricingUnit::of(Kind::Call, 1).price(5_000_000_000).unwrap(), "0.005");
        assert_eq!(quantity(5_710_000), "5.71");
    }
}
