//! Units as types, with checked or saturating arithmetic only.
//!
//! Durations cross the wire as [`Millis`]: relative, because the two sides share no clock.

use serde::{Deserialize, Serialize};

/// A duration, or a point on a monotonic clock, in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// Nothing, or the start of a clock.
    pub const ZERO: Self = Self(0);
    /// The end of every clock.
    pub const MAX: Self = Self(u64::MAX);

    /// `seconds` as milliseconds, at most [`Millis::MAX`].
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Later by `other`, at most [`Millis::MAX`].
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What lies between `earlier` and `self`; zero when the clock went backwards.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds, rounded up: what `Retry-After` is made of.
    #[must_use]
    pub const fn div_ceil_secs(self) -> u64 {
        self.0.div_ceil(1000)
    }
}

/// An instant of the calendar: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// What lies between `earlier` and `self`; zero when `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_is_never_too_early() {
        assert_eq!(Millis(1).div_ceil_secs(), 1);
        assert_eq!(Millis(1000).div_ceil_secs(), 1);
        assert_eq!(Millis(1001).div_ceil_secs(), 2);
    }

    #[test]
    fn a_clock_that_goes_backwards_is_no_negative_time() {
        assert_eq!(Millis(5).since(Millis(9)), Millis::ZERO);
        assert_eq!(Millis::MAX.plus(Millis(1)), Millis::MAX);
    }
}
