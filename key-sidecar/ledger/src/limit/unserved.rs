//! Answers to lines that no lease stands behind: the limit is not defined, or the holder has too
//! many.

use wire::limit::LimitKey;
use wire::sync::{LeaseAnswer, LeaseLine, Shortage};
use wire::units::Millis;

use crate::limit::Limit;
use crate::slice::ASK_AGAIN_MAX;
use crate::stock::Moment;

impl Limit {
    /// What the limit says to a holder that has no room for one more lease.
    pub(crate) fn turn_away(&mut self, line: &LeaseLine, moment: &Moment) -> LeaseAnswer {
        self.advance(moment.now);
        LeaseAnswer {
            limit: line.limit.clone(),
            gets: 0,
            ttl_ms: Millis::ZERO,
            recall: false,
            short: Some(Shortage {
                ask_again_ms: ASK_AGAIN_MAX,
                retry_ms: ASK_AGAIN_MAX,
                lent_elsewhere: false,
                undefined: false,
            }),
            remaining: self.level(moment),
            resets_ms: self.resets(moment),
        }
    }
}

/// What is said of a limit that is not defined.
pub(crate) fn undefined(key: &LimitKey) -> LeaseAnswer {
    LeaseAnswer {
        limit: key.clone(),
        gets: 0,
        ttl_ms: Millis::ZERO,
        recall: false,
        short: Some(Shortage {
            ask_again_ms: ASK_AGAIN_MAX,
            retry_ms: ASK_AGAIN_MAX,
            lent_elsewhere: false,
            undefined: true,
        }),
        remaining: 0,
        resets_ms: Millis::ZERO,
    }
}
