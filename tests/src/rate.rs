//! Whether a rate was kept, judged from outside.
//!
//! Nobody outside sees when a call was admitted. But it was after its caller sent it, and before the
//! upstream saw it: calls that were sent after one moment and had arrived by another were admitted
//! in between. So what is found here is an excess, and what is not found was none that could be seen.

use std::time::Instant;

/// A limit of requests, as a token bucket.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// So many flow in each second.
    pub per_second: u64,
    /// So many at most are kept.
    pub burst: u64,
}

/// A call's sending and its arrival upstream.
pub type Call = (Instant, Instant);

/// By how much the admitted calls of the worst interval exceed what `rate` gives out in it; negative
/// where there always was room for another.
///
/// # Panics
/// If there are more calls than a number can hold.
#[must_use]
pub fn worst_excess(calls: &[Call], rate: Rate) -> i128 {
    let mut calls = calls.to_vec();
    calls.sort_unstable();
    let from_each = (0..calls.len()).map(|place| excess_from(&calls[place..], rate));
    from_each.max().unwrap_or(0)
}

/// The same for the intervals that begin with the sending of the first of `calls`.
fn excess_from(calls: &[Call], rate: Rate) -> i128 {
    let Some((begin, _)) = calls.first() else { return 0 };
    let mut arrivals: Vec<_> = calls.iter().map(|(_, arrived)| *arrived).collect();
    arrivals.sort_unstable();
    let excess = (1..).zip(arrivals).map(|(count, end): (i128, _)| {
        // The ledger's clock has whole milliseconds: the interval is rounded up to those.
        let millis = (end - *begin).as_millis().saturating_add(1);
        let given = u128::from(rate.burst) + u128::from(rate.per_second) * millis / 1_000;
        count.saturating_sub_unsigned(given)
    });
    excess.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wait;

    const RATE: Rate = Rate { per_second: 10, burst: 2 };

    fn calls(millis: &[u64]) -> Vec<Call> {
        let start = wait::now();
        let at = |ms| start + Duration::from_millis(ms);
        millis.iter().map(|ms| (at(*ms), at(ms + 5))).collect()
    }

    #[test]
    fn one_call_too_many_is_found_wherever_it_is() {
        assert!(worst_excess(&calls(&[0, 1, 100, 200, 300]), RATE) <= 0);
        assert_eq!(worst_excess(&calls(&[0, 1, 2]), RATE), 1);
        assert_eq!(worst_excess(&calls(&[0, 5_000, 5_001, 5_002, 5_003]), RATE), 2);
    }
}
