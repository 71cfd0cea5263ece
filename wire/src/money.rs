//! Money and prices: integers of fixed units, read from decimal text, never from a float.
//!
//! A price is in pico-units of the policy's currency per unit of use, so that 0.0375 per million
//! tokens is exact; what a call costs is rounded once, upward, to nano-units, which is what the ledger
//! holds (DESIGN section 3). All arithmetic is checked.

use alloc::format;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// Decimal places of [`Nanos`].
const NANO_DIGITS: u32 = 9;
/// Nano-units in one unit of currency.
const NANOS_PER_UNIT: u64 = 1_000_000_000;
/// Pico-units in one nano-unit.
pub const PICOS_PER_NANO: u64 = 1_000;

/// An amount of money, in nano-units (1e-9) of the policy's currency.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// More than any ledger holds: what "unlimited" is reckoned with. Fits a signed 64-bit column.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// The sum, if it is at most [`Nanos::MAX`].
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| *sum <= Self::MAX.0).map(Self)
    }

    /// The sum, at most [`Nanos::MAX`].
    #[must_use]
    pub fn saturating_plus(self, other: Self) -> Self {
        self.plus(other).unwrap_or(Self::MAX)
    }

    /// The difference, at least zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// As people write it.
    #[must_use]
    pub fn text(self) -> NanosText {
        NanosText::new(self)
    }

    /// Reads a decimal amount: `800.00`, `0.0137`, `1e-7`. At most nine places, and not negative.
    ///
    /// # Errors
    /// [`MoneyError`] says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let value = decimal(text, NANO_DIGITS)?;
        u64::try_from(value)
            .ok()
            .filter(|nanos| *nanos <= Self::MAX.0)
            .map(Self)
            .ok_or(MoneyError::TooLarge)
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text().as_str())
    }
}

/// An amount as people write money: at least two places, and no more than are needed.
///
/// It is made without allocation and without the formatting machinery, which would be a good part of
/// what money adds to a call.
#[derive(Clone, Copy, Debug)]
pub struct NanosText {
    digits: [u8; TEXT_BYTES],
    /// Zeros in front and at the end that are not written.
    before: usize,
    behind: usize,
}

/// Digits of the whole part of the largest number, the point, digits of the fraction.
const TEXT_BYTES: usize = 11 + 1 + 9;

impl NanosText {
    fn new(Nanos(amount): Nanos) -> Self {
        let whole = amount.checked_div(NANOS_PER_UNIT).unwrap_or_default();
        let fraction = amount.checked_rem(NANOS_PER_UNIT).unwrap_or_default();
        let mut digits = [b'0'; TEXT_BYTES];
        let (left, rest) = digits.split_at_mut(11);
        write_digits(whole, left);
        if let Some((point, right)) = rest.split_first_mut() {
            *point = b'.';
            write_digits(fraction, right);
        }
        let is_zero = |digit: &&u8| **digit == b'0';
        let before = digits.iter().take(10).take_while(is_zero).count();
        let behind = digits.iter().rev().take(7).take_while(is_zero).count();
        Self { digits, before, behind }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let text = self.digits.get(self.before..TEXT_BYTES.saturating_sub(self.behind));
        text.and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

/// Writes a number into the end of a field of zeros.
fn write_digits(mut number: u64, field: &mut [u8]) {
    for digit in field.iter_mut().rev() {
        if number == 0 {
            return;
        }
        let last = number.checked_rem(10).and_then(|last| u8::try_from(last).ok());
        *digit = b'0'.saturating_add(last.unwrap_or_default());
        number = number.checked_div(10).unwrap_or_default();
    }
}

/// What one unit of use costs, in pico-units (1e-12) of the currency.
///
/// `3000000` is 3.00 per million.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Picos(pub u64);

impl Picos {
    /// Reads a price that is written for so many units: `0.25` per 1 000 000 is 250 000.
    ///
    /// # Errors
    /// [`MoneyError::TooFine`] if it is no whole number of pico-units for one; otherwise as
    /// [`Nanos::parse`].
    pub fn parse(text: &str, for_units: u64) -> Result<Self, MoneyError> {
        let digits = for_units.checked_ilog10().ok_or(MoneyError::TooFine)?;
        let round = 10_u64.checked_pow(digits).is_some_and(|power| power == for_units);
        if !round || digits > 12 {
            return Err(MoneyError::TooFine);
        }
        let value = decimal(text, 12_u32.saturating_sub(digits))?;
        u64::try_from(value).map(Self).map_err(|_| MoneyError::TooLarge)
    }
}

/// Why a text is no amount of money.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MoneyError {
    /// It is not digits with at most one point between them.
    Form,
    /// It is less than zero.
    Negative,
    /// It is finer than the unit it is kept in.
    TooFine,
    /// It is more than can be kept.
    TooLarge,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Form => "money is written in digits with a point, as in \"800.00\"",
            Self::Negative => "an amount of money here is not negative",
            Self::TooFine => "the amount is finer than can be kept exactly",
            Self::TooLarge => "the amount is larger than can be kept (about 9 billion)",
        })
    }
}

impl core::error::Error for MoneyError {}

/// A use of something, in millionths of its unit, so that 5.71 request units are exact.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Quantity(pub u64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// What one unit is.
    pub const ONE: Self = Self(1_000_000);

    /// So many whole units; `None` beyond 18 billion billion millionths.
    #[must_use]
    pub fn whole(units: u64) -> Option<Self> {
        units.checked_mul(Self::ONE.0).map(Self)
    }

    /// Reads a decimal number of units: `210`, `5.71`, `6.0`.
    ///
    /// # Errors
    /// As [`Nanos::parse`], for millionths.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let value = decimal(text, 6)?;
        u64::try_from(value).map(Self).map_err(|_| MoneyError::TooLarge)
    }

    /// The sum, if there is one.
    #[must_use]
    pub const fn plus(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.checked_div(Self::ONE.0).unwrap_or_default();
        let rest = format!("{:06}", self.0.checked_rem(Self::ONE.0).unwrap_or_default());
        match rest.trim_end_matches('0') {
            "" => write!(out, "{whole}"),
            places => write!(out, "{whole}.{places}"),
        }
    }
}

/// The longest number that is read.
const TEXT_MAX: usize = 64;

/// Reads a decimal with an optional exponent, as a whole number of 10^-`places`.
///
/// # Errors
/// [`MoneyError`].
pub fn decimal(text: &str, places: u32) -> Result<u128, MoneyError> {
    if text.len() > TEXT_MAX {
        return Err(MoneyError::Form);
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => {
            (mantissa, exponent.parse::<i32>().map_err(|_| MoneyError::Form)?)
        }
    };
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = match mantissa.split_once('.') {
        None => (mantissa, ""),
        Some((_, "")) => return Err(MoneyError::Form),
        Some(parts) => parts,
    };
    let digits: String = [whole, fraction].concat();
    if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MoneyError::Form);
    }
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    if negative {
        return Err(MoneyError::Negative);
    }
    let value: u128 = significant.parse().map_err(|_| MoneyError::TooLarge)?;
    // The value is `value * 10^(exponent - fraction)`; wanted are units of `10^-places`.
    let shift = i64::from(exponent)
        .checked_add(i64::from(places))
        .and_then(|sum| sum.checked_sub(i64::try_from(fraction.len()).ok()?))
        .ok_or(MoneyError::TooLarge)?;
    let power = u32::try_from(shift.unsigned_abs()).map_err(|_| MoneyError::TooLarge)?;
    if shift >= 0 {
        10_u128
            .checked_pow(power)
            .and_then(|power| value.checked_mul(power))
            .ok_or(MoneyError::TooLarge)
    } else {
        let power = 10_u128.checked_pow(power).ok_or(MoneyError::TooFine)?;
        match (value.checked_div(power), value.checked_rem(power)) {
            (Some(quotient), Some(0)) => Ok(quotient),
            _ => Err(MoneyError::TooFine),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn money_is_read_from_text_and_exactly() {
        assert_eq!(Nanos::parse("0.0137"), Ok(Nanos(13_700_000)));
        assert_eq!(Nanos::parse("1e-7"), Ok(Nanos(100)));
        assert_eq!(Nanos::parse("1.5E2"), Ok(Nanos(150_000_000_000)));
        assert_eq!(Nanos::parse("0.0000000001"), Err(MoneyError::TooFine));
        assert_eq!(Nanos::parse("-0.01"), Err(MoneyError::Negative));
        assert_eq!(Nanos::parse("-0.00"), Ok(Nanos::ZERO));
        assert_eq!(Nanos::parse("10000000000"), Err(MoneyError::TooLarge));
        for text in ["", ".5", "5.", "1,5", "+1", "0x1", "1e", "1e1.5", " 1", "NaN"] {
            assert_eq!(Nanos::parse(text), Err(MoneyError::Form), "{text:?}");
        }
    }

    #[test]
    fn a_price_per_million_is_a_whole_number_of_picos() {
        assert_eq!(Picos::parse("0.0375", 1_000_000), Ok(Picos(37_500)));
        assert_eq!(Picos::parse("0.005", 1), Ok(Picos(5_000_000_000)));
        assert_eq!(Picos::parse("0.09", 1_000_000_000), Ok(Picos(90)));
        assert_eq!(Picos::parse("0.0000001", 1_000_000), Err(MoneyError::TooFine));
        assert_eq!(Picos::parse("1", 1 << 30), Err(MoneyError::TooFine));
    }

    #[test]
    fn people_read_money_with_two_places_or_more() {
        assert_eq!(Nanos(0).to_string(), "0.00");
        assert_eq!(Nanos(1_500_000_000).to_string(), "1.50");
        assert_eq!(Nanos(13_700_000).to_string(), "0.0137");
        assert_eq!(Nanos(1).to_string(), "0.000000001");
        assert_eq!(Nanos(u64::MAX).to_string(), "18446744073.709551615");
        assert_eq!(Nanos(10_000_000_000).to_string(), "10.00");
        assert_eq!(Nanos(100_000_000).to_string(), "0.10");
        assert_eq!(Quantity(5_710_000).to_string(), "5.71");
        assert_eq!(Quantity(210_000_000).to_string(), "210");
    }

    proptest! {
        #[test]
        fn an_amount_survives_its_text(nanos in 0..=Nanos::MAX.0) {
            prop_assert_eq!(Nanos::parse(&Nanos(nanos).to_string()), Ok(Nanos(nanos)));
        }

        #[test]
        fn no_text_is_a_panic(text in ".{0,80}", places in 0..20_u32) {
            let _ = decimal(&text, places);
        }
    }
}
