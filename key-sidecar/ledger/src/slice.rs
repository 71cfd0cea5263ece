//! How much is lent at once, and when a holder that went short should come back.
//!
//! A slice is what the holder asked for (its estimate of a quarter of a second), at most half of
//! its fair part of what is left, where those share who went short of late: a busy holder gets what
//! content ones leave. But where units flow in by themselves, at least its part of what has flowed
//! since it last asked, or a limit whose level is always low would never be used up. Near the end
//! slices are of one. Neighbours: `limit` gathers the figures, `bucket` and `places` know their own
//! pace.

use wire::units::Millis;

/// No holder is asked to come back sooner: 20 syncs a second are the most that one makes.
pub const ASK_AGAIN_MIN: Millis = Millis(50);

/// No holder is kept away longer, since a cap may be raised and lent units may come back at any
/// time.
pub const ASK_AGAIN_MAX: Millis = Millis(1_000);

/// For how long after a holder got nothing others are asked to give back.
pub const RECALL_WITHIN: Millis = Millis(1_000);

/// The figures that decide how much a holder gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// What the holder would like.
    pub(crate) wants: u64,
    /// What there is.
    pub(crate) level: u64,
    /// Its part of what has flowed in since it last asked.
    pub(crate) flowed: u64,
    /// How many holders went short of late; at least 1.
    pub(crate) hungry: u64,
}

impl Demand {
    /// What it gets.
    pub(crate) fn slice(self) -> u64 {
        let half_of_fair = self.level / self.hungry.max(1).saturating_mul(2);
        let most = half_of_fair.max(self.flowed).max(1);
        self.wants.min(most).min(self.level)
    }
}

/// Within what may be asked of a holder.
pub(crate) fn ask_again(wait: Millis) -> Millis {
    wait.clamp(ASK_AGAIN_MIN, ASK_AGAIN_MAX)
}

/// When one of `hungry` holders comes back to a limit that has a unit in `next` and then every
/// `emission`. They are spread over half the time that the units for all of them take: twice as
/// many come as are served, so that hardly a unit waits, and so that no number of holders makes
/// more syncs a second than twice what the limit gives out.
pub(crate) fn queue(next: Millis, emission: Millis, hungry: u64) -> Millis {
    let others = hungry.saturating_sub(1);
    next.plus(Millis(emission.0.saturating_mul(others) / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(wants: u64, level: u64, flowed: u64, hungry: u64) -> u64 {
        Demand { wants, level, flowed, hungry }.slice()
    }

    #[test]
    fn a_slice_is_what_is_wanted_while_there_is_plenty() {
        assert_eq!(slice(5, 100, 0, 4), 5);
        assert_eq!(slice(0, 100, 9, 4), 0);
    }

    #[test]
    fn it_shrinks_to_one_as_the_limit_nears() {
        assert_eq!(slice(50, 100, 0, 4), 12);
        assert_eq!(slice(50, 8, 0, 4), 1);
        assert_eq!(slice(50, 1, 0, 4), 1);
        assert_eq!(slice(50, 0, 9, 4), 0);
    }

    #[test]
    fn what_has_flowed_in_is_not_left_lying() {
        assert_eq!(slice(50, 10, 7, 8), 7);
        assert_eq!(slice(50, 4, 7, 8), 4);
    }

    #[test]
    fn more_hungry_holders_come_back_later_but_within_a_second() {
        let wait = |hungry| ask_again(queue(Millis(20), Millis(20), hungry));
        assert_eq!((wait(1), wait(8), wait(64)), (Millis(50), Millis(90), Millis(650)));
        assert_eq!(wait(10_000), ASK_AGAIN_MAX);
    }
}
