//! Money that can be negative, and money finer than the ledger's: both exact, both as text.
//!
//! [`Money`] is what balances and corrections are: whole nano-units. [`Exact`] is what a quantity
//! times its price comes to before the one rounding of a call, which an export has to show to the
//! last digit. Neither is ever a float. Neighbours: `wire::money` has what the gate counts with.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Serialize, Serializer};
use wire::money::{self, MoneyError, Nanos};

/// Nano-units in one unit of currency.
const NANOS_PER_UNIT: u128 = 1_000_000_000;
/// Decimal places of a nano-unit.
const NANO_PLACES: u32 = 9;

/// An amount in nano-units, negative for a refund or a debt.
///
/// 128 bits hold the sum of more amounts than a ledger can have, so that adding never overflows.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Money(pub(super) i128);

impl Money {
    pub(super) const ZERO: Self = Self(0);

    /// Reads a decimal amount with an optional sign: `-12.50`.
    pub(super) fn parse(text: &str) -> Result<Self, MoneyError> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        if digits.starts_with('-') {
            return Err(MoneyError::Form);
        }
        let value = money::decimal(digits, NANO_PLACES)?;
        let value = i128::try_from(value).map_err(|_| MoneyError::TooLarge)?;
        Ok(Self(value.checked_mul(sign).ok_or(MoneyError::TooLarge)?))
    }

    /// Without its sign.
    pub(super) const fn magnitude(self) -> u128 {
        self.0.unsigned_abs()
    }

    /// Written with exactly so many places, of which it needs no more.
    pub(super) fn with_places(self, places: usize) -> String {
        let text = self.to_string();
        let has = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        format!("{text}{}", "0".repeat(places.saturating_sub(has)))
    }

    /// How many decimal places it needs, at least two.
    pub(super) fn places(self) -> usize {
        self.to_string().split_once('.').map_or(0, |(_, fraction)| fraction.len())
    }
}

impl From<Nanos> for Money {
    fn from(nanos: Nanos) -> Self {
        Self(nanos.0.into())
    }
}

impl fmt::Display for Money {
    /// As people write money: at least two places, and no more than are needed.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = split(self.magnitude(), NANOS_PER_UNIT);
        let digits = format!("{rest:09}");
        write!(out, "{sign}{whole}.{:0<2}", digits.trim_end_matches('0'))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// The finest use that is counted, in 1e-6 of a unit, times the finest price, in 1e-12.
const ATTOS_PER_UNIT: u128 = 1_000_000_000_000_000_000;
/// Prices are for one, for a power of ten, or for a power of two up to a gibibyte.
const BINARY_PLACES: u32 = 30;
/// How many of the smallest amount make a unit of currency: 10^18 * 2^30.
const EXACT_PER_UNIT: u128 = ATTOS_PER_UNIT << BINARY_PLACES;
const EXACT_PER_NANO: i128 = (1_000_000_000_i128) << BINARY_PLACES;

/// An amount to the last digit: a quantity times its price, and sums of such.
///
/// Holds up to 158 billion units of currency, more than a ledger does.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Exact(i128);

impl Exact {
    pub(super) const ZERO: Self = Self(0);

    /// `micros` millionths of a unit at `picos` for `per` units; `None` if that has no exact
    /// decimal here.
    pub(super) fn product(picos: u64, micros: u128, per: u64) -> Option<Self> {
        let attos = u128::from(picos).checked_mul(micros)?;
        let shared = greatest_common_divisor(1 << BINARY_PLACES, per.into());
        let factor = (1_u128 << BINARY_PLACES).checked_div(shared)?;
        let divisor = u128::from(per).checked_div(shared)?;
        let scaled = attos.checked_mul(factor)?;
        if scaled.checked_rem(divisor)? != 0 {
            return None;
        }
        i128::try_from(scaled.checked_div(divisor)?).ok().map(Self)
    }

    /// The sum; `None` beyond what can be held.
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` beyond what can be held.
    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The same amount of the ledger's money; `None` beyond what can be held.
    pub(super) fn of(money: Money) -> Option<Self> {
        money.0.checked_mul(EXACT_PER_NANO).map(Self)
    }

    /// Rounded up to whole nano-units, as a call's cost is, once.
    pub(super) fn ceil(self) -> Money {
        let floor = self.0.div_euclid(EXACT_PER_NANO);
        let up = i128::from(self.0.rem_euclid(EXACT_PER_NANO) != 0);
        Money(floor.saturating_add(up))
    }

    pub(super) const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        // The denominator has no factors but 2 and 5.
        let text = decimal(self.0.unsigned_abs(), EXACT_PER_UNIT).unwrap_or_default();
        write!(out, "{sign}{text}")
    }
}

/// More places than any quotient of this file has: 18 of the tens, 30 of the twos.
const PLACES_MAX: usize = 64;

/// A fraction as a decimal, to the last digit; `None` if it has no last one.
pub(in crate::cli) fn decimal(numerator: u128, denominator: u128) -> Option<String> {
    let whole = numerator.checked_div(denominator)?;
    let mut rest = numerator.checked_rem(denominator)?;
    let mut text = whole.to_string();
    let mut places = 0_usize;
    while rest != 0 {
        if places == PLACES_MAX {
            return None;
        }
        if places == 0 {
            text.push('.');
        }
        rest = rest.checked_mul(10)?;
        text.push_str(&rest.checked_div(denominator)?.to_string());
        rest = rest.checked_rem(denominator)?;
        places = places.saturating_add(1);
    }
    Some(text)
}

/// A share as people read it, in percent, rounded to one place; `None` of nothing.
pub(super) fn percent(part: i128, whole: i128) -> Option<String> {
    const TENTHS: i128 = 1000;
    let whole_magnitude = i128::try_from(whole.unsigned_abs()).ok().filter(|whole| *whole > 0)?;
    let part = if whole < 0 { part.checked_neg()? } else { part };
    let doubled = part.checked_mul(TENTHS.checked_mul(2)?)?.checked_add(whole_magnitude)?;
    let tenths = doubled.div_euclid(whole_magnitude.checked_mul(2)?);
    let sign = if tenths < 0 { "-" } else { "" };
    let (whole, tenth) = split(tenths.unsigned_abs(), 10);
    Some(format!("{sign}{whole}.{tenth}%"))
}

fn split(value: u128, by: u128) -> (u128, u128) {
    (value.checked_div(by).unwrap_or_default(), value.checked_rem(by).unwrap_or_default())
}

fn greatest_common_divisor(mut one: u128, mut other: u128) -> u128 {
    while other != 0 {
        (one, other) = (other, one.checked_rem(other).unwrap_or_default());
    }
    one
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refund_is_read_and_written_with_its_sign() {
        assert_eq!(Money::parse("-12.50"), Ok(Money(-12_500_000_000)));
        assert_eq!(Money::parse("-0.5").unwrap().to_string(), "-0.50");
        assert_eq!(Money::parse("0.000000001").unwrap().to_string(), "0.000000001");
        for text in ["--1", "+1", "-", "1,50", "-+1"] {
            assert_eq!(Money::parse(text), Err(MoneyError::Form), "{text}");
        }
    }

    #[test]
    fn a_column_of_money_can_have_one_number_of_places() {
        assert_eq!(Money(1_500_000_000).with_places(5), "1.50000");
        assert_eq!(Money(13_700_000).places(), 4);
    }

    #[test]
    fn a_product_is_exact_to_the_last_digit() {
        // 3 tokens at 0.0025 per million.
        assert_eq!(Exact::product(2_500, 3_000_000, 1).unwrap().to_string(), "0.0000000075");
        // One byte at 0.09 for a gibibyte.
        let byte = Exact::product(90_000_000_000, 1_000_000, 1 << 30).unwrap();
        assert_eq!(byte.to_string(), "0.00000000008381903171539306640625");
        // Millionths of a unit at a price of picos.
        assert_eq!(Exact::product(1, 1, 1).unwrap().to_string(), "0.000000000000000001");
        // A third has no last digit.
        assert_eq!(Exact::product(1, 1_000_000, 3), None);
        assert_eq!(Exact::product(3, 1_000_000, 1000).unwrap().to_string(), "0.000000000000003");
    }

    #[test]
    fn a_cost_is_rounded_up_and_only_if_there_is_something_to_round() {
        let nano = |text: &str| Exact::of(Money::parse(text).unwrap()).unwrap();
        assert_eq!(nano("0.000000068").ceil(), Money(68));
        let above = nano("0.000000068").plus(Exact(1)).unwrap();
        assert_eq!(above.ceil(), Money(69));
    }

    #[test]
    fn a_share_is_rounded_for_people_and_never_of_nothing() {
        assert_eq!(percent(1, 3).unwrap(), "33.3%");
        assert_eq!(percent(-1, 8).unwrap(), "-12.5%");
        assert_eq!(percent(2, 3).unwrap(), "66.7%");
        assert_eq!(percent(5, -10).unwrap(), "-50.0%");
        assert_eq!(percent(1, 0), None);
    }

    proptest! {
        #[test]
        fn an_amount_survives_its_text(nanos in -(1_i128 << 63)..(1_i128 << 63)) {
            prop_assert_eq!(Money::parse(&Money(nanos).to_string()), Ok(Money(nanos)));
        }
    }
}
