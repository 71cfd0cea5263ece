//! Judges every admission by the limit's own words, at the gate itself.

/// What was allowed, and how much of it was used.
#[derive(Clone, Debug)]
pub(crate) enum Auditor {
    /// A bucket that sees every call at its own instant: so for any interval of length t, no more than
    /// `burst + amount * t` pass.
    Rate {
        amount: u64,
        period_ms: u64,
        burst: u64,
        /// In calls times `period_ms`, so that nothing is rounded; below zero is over.
        level: i128,
        at_ms: u64,
        admitted: u64,
        over: u64,
    },
    /// Calls that run, and their time.
    Places { places: u64, running: u64, taken_ms: u64, over: u64 },
}

impl Auditor {
    pub(crate) fn rate(amount: u64, period_ms: u64, burst: u64) -> Self {
        let level = i128::from(burst) * i128::from(period_ms);
        Self::Rate { amount, period_ms, burst, level, at_ms: 0, admitted: 0, over: 0 }
    }

    pub(crate) const fn places(places: u64) -> Self {
        Self::Places { places, running: 0, taken_ms: 0, over: 0 }
    }

    /// A call passes the gate.
    pub(crate) fn admit(&mut self, now_ms: u64) {
        match self {
            Self::Rate { amount, period_ms, burst, level, at_ms, admitted, over } => {
                let period = i128::from(*period_ms);
                let refill = i128::from(now_ms - *at_ms) * i128::from(*amount);
                *level = (*level + refill).min(i128::from(*burst) * period) - period;
                *at_ms = now_ms;
                *admitted += 1;
                *over += u64::from(*level < 0);
            }
            Self::Places { places, running, over, .. } => {
                *running += 1;
                *over += u64::from(*running > *places);
            }
        }
    }

    /// A call is over.
    pub(crate) fn end(&mut self) {
        if let Self::Places { running, .. } = self {
            *running -= 1;
        }
    }

    /// A millisecond has passed.
    pub(crate) fn tick(&mut self) {
        if let Self::Places { running, taken_ms, .. } = self {
            *taken_ms += *running;
        }
    }

    /// How many admissions were too many.
    pub(crate) const fn over(&self) -> u64 {
        match self {
            Self::Rate { over, .. } | Self::Places { over, .. } => *over,
        }
    }

    /// What was used of what could have been, in `elapsed_ms`.
    pub(crate) fn use_per_mille(&self, elapsed_ms: u64) -> u64 {
        match self {
            Self::Rate { amount, period_ms, burst, admitted, .. } => {
                admitted * 1000 / (burst + amount * elapsed_ms / period_ms)
            }
            Self::Places { places, taken_ms, .. } => taken_ms * 1000 / (places * elapsed_ms),
        }
    }
}
