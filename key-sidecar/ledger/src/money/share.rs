//! How much is lent at once, and when a holder that went short should come back.
//!
//! A slice is what the holder asked for (its estimate of a quarter of a second), at most half of
//! its fair part of the room, in whole holds: so slices shrink as the cap comes near, down to one
//! hold, and what is left is always what somebody can use. While another waits, nobody gets more
//! than the call that waits with it.

use wire::money::Nanos;
use wire::units::Millis;

/// No holder is asked to come back sooner: 20 syncs a second are the most that one makes.
pub const ASK_AGAIN_MIN: Millis = Millis(50);

/// When a holder comes back that found the money lent elsewhere, at the latest. Shorter than what
/// "of late" means, so that it counts as waiting all the time.
pub const ASK_AGAIN_ELSEWHERE_MAX: Millis = Millis(500);

/// When a holder comes back to a budget that is spent, closed or undefined: a cap may be raised at
/// any time, and that takes effect within a second, of which a part goes by on the way.
pub const ASK_AGAIN_MAX: Millis = Millis(500);

/// By how much later each further one that waits comes back: so many that wait do not crowd the
/// ledger.
const ASK_AGAIN_EACH: Millis = Millis(10);

/// The figures that decide how much a holder gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// What the holder would like.
    pub(super) wants: Nanos,
    /// The least that is of use to it.
    pub(super) least: Nanos,
    /// Its usual hold; 0 where it is not known.
    pub(super) grain: Nanos,
    /// Half of its fair part of the room of the tightest account.
    pub(super) fair: Nanos,
    /// Somebody else waits.
    pub(super) contended: bool,
}

impl Demand {
    /// What it gets, where there is room for `least`.
    pub(super) fn slice(self) -> Nanos {
        if self.contended {
            return self.least;
        }
        if self.wants <= self.fair {
            return self.wants;
        }
        let grain = self.grain.0.max(1);
        Nanos(self.fair.0 / grain * grain).max(self.least)
    }
}

/// When to come back where nothing helps but another policy or what begins so much later.
pub(super) fn ask_again(begins: Option<Millis>) -> Millis {
    begins.unwrap_or(ASK_AGAIN_MAX).clamp(ASK_AGAIN_MIN, ASK_AGAIN_MAX)
}

/// When to come back, of so many that wait.
pub(super) fn ask_again_elsewhere(waiters: u64) -> Millis {
    Millis(ASK_AGAIN_EACH.0.saturating_mul(waiters)).clamp(ASK_AGAIN_MIN, ASK_AGAIN_ELSEWHERE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(wants: u64, least: u64, fair: u64, contended: bool) -> u64 {
        let [wants, least, fair] = [wants, least, fair].map(Nanos);
        Demand { wants, least, grain: Nanos(10), fair, contended }.slice().0
    }

    #[test]
    fn a_slice_is_what_is_wanted_while_there_is_plenty() {
        assert_eq!(slice(55, 10, 1_000, false), 55);
    }

    #[test]
    fn it_is_whole_holds_of_a_fair_part_and_one_hold_in_the_end() {
        assert_eq!(slice(500, 10, 99, false), 90);
        assert_eq!(slice(500, 10, 9, false), 10);
        assert_eq!(slice(500, 0, 9, false), 0);
    }

    #[test]
    fn while_another_waits_it_is_what_waits_here() {
        assert_eq!(slice(55, 10, 1_000, true), 10);
        assert_eq!(slice(55, 0, 1_000, true), 0);
    }

    #[test]
    fn who_went_short_comes_back_when_a_new_period_begins() {
        let after = |begins| ask_again(begins).0;
        assert_eq!(
            [Some(0), Some(120), Some(9_000)].map(|ms| after(ms.map(Millis))),
            [50, 120, 500]
        );
        assert_eq!(after(None), 500);
    }

    #[test]
    fn many_that_wait_come_back_later_but_stay_in_mind() {
        assert_eq!([1, 20, 1_000].map(|n| ask_again_elsewhere(n).0), [50, 200, 500]);
        assert!(ASK_AGAIN_ELSEWHERE_MAX < crate::money::recent::RECENT_WITHIN);
    }
}
