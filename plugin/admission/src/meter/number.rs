//! Numbers of answers: decimal text, kept exactly, never a float.

use wire::money::{MoneyError, decimal};

/// Decimal places of a count (`wire::money::Quantity`).
pub(crate) const COUNT_PLACES: u32 = 6;
/// Decimal places of a stated cost, in pico-units.
pub(crate) const COST_PLACES: u32 = 12;

/// Providers that reckon in floats write more digits than mean anything; so many are read beyond
/// those that are kept.
const DUST_PLACES: u32 = 20;

/// Why a number cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unusable {
    /// It is no number, or negative where there is no less than nothing.
    Form,
    /// It is larger than can be kept.
    TooLarge,
}

/// The number as a whole of 10^-`places`, rounded up if it is finer than that.
pub(crate) fn fixed(text: &[u8], places: u32) -> Result<u128, Unusable> {
    let text = std::str::from_utf8(text).map_err(|_| Unusable::Form)?.trim();
    let read = match decimal(text, places) {
        Err(MoneyError::TooFine) => {
            let dust = 10_u128.checked_pow(DUST_PLACES).ok_or(Unusable::TooLarge)?;
            decimal(text, places.saturating_add(DUST_PLACES)).map(|value| value.div_ceil(dust))
        }
        read => read,
    };
    read.map_err(|error| match error {
        MoneyError::TooLarge => Unusable::TooLarge,
        MoneyError::Form | MoneyError::Negative | MoneyError::TooFine => Unusable::Form,
    })
}

/// A count, in millionths.
pub(crate) fn count(text: &[u8]) -> Result<u128, Unusable> {
    // Nearly all are a few digits, and this is done for every chunk of some streams.
    if (1..=12).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
        let units = text.iter().fold(0_u64, |units, digit| {
            units.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0')))
        });
        return Ok(u128::from(units).saturating_mul(1_000_000));
    }
    fixed(text, COUNT_PLACES)
        .and_then(|value| u64::try_from(value).map_err(|_| Unusable::TooLarge))
        .map(u128::from)
}

/// A stated cost, in pico-units. Some state what is charged as a negative number, as Twilio does: a
/// cost is its magnitude.
pub(crate) fn cost(text: &[u8]) -> Result<u128, Unusable> {
    let text = text.trim_ascii();
    fixed(text.strip_prefix(b"-").unwrap_or(text), COST_PLACES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_rounded_up() {
        assert_eq!(count(b"2048"), Ok(2_048_000_000));
        assert_eq!(count(b"6.0"), Ok(6_000_000));
        assert_eq!(count(b" 5.71 "), Ok(5_710_000));
        assert_eq!(count(b"7.0000001"), Ok(7_000_001));
        assert_eq!(count(b"1.5e3"), Ok(1_500_000_000));
        assert_eq!(cost(b"0.0007312"), Ok(731_200_000));
        assert_eq!(cost(b"1.0320000000000001e-05"), Ok(10_320_001));
        assert_eq!(cost(b"-0.01580"), Ok(15_800_000_000));
    }

    #[test]
    fn what_is_no_number_says_so() {
        for text in ["", "x", "-3", "+5", "NaN", "0x10", "1.2.3"] {
            assert_eq!(count(text.as_bytes()), Err(Unusable::Form), "{text}");
        }
        assert_eq!(count(b"1e400"), Err(Unusable::TooLarge));
        assert_eq!(count(b"99999999999999999999"), Err(Unusable::TooLarge));
    }
}
