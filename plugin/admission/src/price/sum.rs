//! The exact sum of a call's products, as one fraction that is rounded once.

use wire::money::{Nanos, PICOS_PER_NANO, Quantity};
use wire::tariff::Rate;
use wire::usage::Kind;

use super::PriceRow;

/// A fraction: pico-units times millionths, over `per`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    numerator: u128,
    per: u128,
}

impl Default for Sum {
    fn default() -> Self {
        Self { numerator: 0, per: 1 }
    }
}

/// Quantities are in these.
const MILLIONTHS: u128 = 1_000_000;

/// The product of a quantity and a price; `None` if it does not fit.
pub(super) fn row(kind: Kind, quantity: Quantity, rate: Rate) -> Option<PriceRow> {
    let quantity = begun_steps(quantity, rate.step)?;
    let per = rate.per.max(1);
    let product = u128::from(quantity.0).checked_mul(u128::from(rate.picos.0))?;
    let product = ceil(product, MILLIONTHS.checked_mul(u128::from(per))?)?;
    Some(PriceRow { kind, quantity, picos: rate.picos, per, product })
}

/// The quantity with its last step, if it is begun, counted whole.
fn begun_steps(quantity: Quantity, step: u64) -> Option<Quantity> {
    if step == 0 {
        return Some(quantity);
    }
    let step = step.checked_mul(Quantity::ONE.0)?;
    let steps = ceil(u128::from(quantity.0), u128::from(step))?;
    u64::try_from(steps).ok()?.checked_mul(step).map(Quantity)
}

impl Sum {
    /// Adds a product; `None`, and nothing added, if it does not fit.
    pub(super) fn add(&mut self, row: &PriceRow) -> Option<()> {
        let product = u128::from(row.quantity.0).checked_mul(u128::from(row.picos.0))?;
        let row_per = u128::from(row.per);
        let per = self.per.checked_div(gcd(self.per, row_per))?.checked_mul(row_per)?;
        let mine = self.numerator.checked_mul(per.checked_div(self.per)?)?;
        let other = product.checked_mul(per.checked_div(row_per)?)?;
        *self = Self { numerator: mine.checked_add(other)?, per };
        Some(())
    }

    /// The sum with so many pico-units more.
    pub(super) fn plus(self, picos: u128) -> Option<Self> {
        let more = picos.checked_mul(MILLIONTHS)?.checked_mul(self.per)?;
        Some(Self { numerator: self.numerator.checked_add(more)?, ..self })
    }

    /// In pico-units, a fraction rounded up.
    pub(super) fn picos(self) -> Option<u128> {
        ceil(self.numerator, MILLIONTHS.checked_mul(self.per)?)
    }

    /// In nano-units, a fraction rounded up: from the exact sum, not from rounded pico-units.
    pub(super) fn nanos(self) -> Option<Nanos> {
        let unit = MILLIONTHS.checked_mul(self.per)?.checked_mul(u128::from(PICOS_PER_NANO))?;
        let nanos = u64::try_from(ceil(self.numerator, unit)?).ok()?;
        Some(Nanos(nanos)).filter(|cost| *cost <= Nanos::MAX)
    }
}

/// The quotient, rounded up.
fn ceil(dividend: u128, divisor: u128) -> Option<u128> {
    let whole = dividend.checked_div(divisor)?;
    let rest = dividend.checked_rem(divisor)?;
    whole.checked_add(u128::from(rest > 0))
}

fn gcd(mut left: u128, mut right: u128) -> u128 {
    while let Some(rest) = left.checked_rem(right) {
        (left, right) = (right, rest);
    }
    left
}

#[cfg(test)]
mod tests {
    use wire::money::Picos;

    use super::*;

    fn rate(picos: u64, per: u64, step: u64) -> Rate {
        Rate { kind: Kind::BytesIn, picos: Picos(picos), per, step }
    }

    fn nanos(parts: &[(u64, Rate)]) -> Option<Nanos> {
        let mut sum = Sum::default();
        for (units, rate) in parts {
            sum.add(&row(rate.kind, Quantity::whole(*units)?, *rate)?)?;
        }
        sum.nanos()
    }

    #[test]
    fn fractions_are_added_exactly_and_rounded_once() {
        // Three thirds of a nano are one; rounded apart they would be three.
        let third = rate(1_000, 3, 0);
        assert_eq!(nanos(&[(1, third), (1, third), (1, third)]), Some(Nanos(1)));
        assert_eq!(nanos(&[(1, third), (1, rate(1_000, 2, 0))]), Some(Nanos(1)));
        assert_eq!(nanos(&[(2, third), (1, rate(1_000, 2, 0))]), Some(Nanos(2)));
        // 0.09 a gibibyte.
        let gibibyte = rate(90_000_000_000, 1 << 30, 0);
        assert_eq!(nanos(&[(1 << 30, gibibyte)]), Some(Nanos(90_000_000)));
        assert_eq!(nanos(&[(1, gibibyte)]), Some(Nanos(1)));
    }

    #[test]
    fn begun_steps_count_whole() {
        let step = rate(400_000, 65_536, 65_536);
        assert_eq!(nanos(&[(0, step)]), Some(Nanos(0)));
        assert_eq!(nanos(&[(1, step)]), Some(Nanos(400)));
        assert_eq!(nanos(&[(65_536, step)]), Some(Nanos(400)));
        assert_eq!(nanos(&[(65_537, step)]), Some(Nanos(800)));
    }

    #[test]
    fn what_does_not_fit_is_none() {
        assert_eq!(nanos(&[(18_000_000_000_000, rate(u64::MAX, 1, 0))]), None);
        assert_eq!(nanos(&[(u64::MAX, rate(1, 1, 0))]), None);
    }
}
