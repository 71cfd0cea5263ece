//! Who did something of late: asked for money of an account, or waits for it.
//!
//! Exact, and in logarithmic time, because it is asked for on every line. Memory only: after a
//! restart everybody who still wants something says so within a second.

use std::collections::{BTreeMap, BTreeSet};

use wire::budget::Term;
use wire::ids::HolderId;
use wire::units::{Millis, UnixMillis};

/// What "of late" is. Longer than the longest `ask_again_ms` of somebody who waits, or a waiting
/// holder would drop out between two of its words.
pub const RECENT_WITHIN: Millis = Millis(1_000);

/// One borrower of one budget.
pub(super) type Borrower = (HolderId, Term);

/// Borrowers, by when they did it last.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    last: BTreeMap<Borrower, UnixMillis>,
    order: BTreeSet<(UnixMillis, Borrower)>,
}

impl Recent {
    pub(super) fn note(&mut self, who: Borrower, now: UnixMillis) {
        self.forget(who);
        self.last.insert(who, now);
        self.order.insert((now, who));
    }

    pub(super) fn forget(&mut self, who: Borrower) {
        if let Some(when) = self.last.remove(&who) {
            self.order.remove(&(when, who));
        }
    }

    pub(super) fn count(&mut self, now: UnixMillis) -> u64 {
        self.drop_old(now);
        u64::try_from(self.last.len()).unwrap_or(u64::MAX)
    }

    /// Whether anybody but `who` is among them.
    pub(super) fn besides(&mut self, who: Borrower, now: UnixMillis) -> bool {
        self.drop_old(now);
        self.last.len() > usize::from(self.last.contains_key(&who))
    }

    fn drop_old(&mut self, now: UnixMillis) {
        while let Some((when, who)) = self.order.first().copied() {
            if now.since(when) <= RECENT_WITHIN {
                return;
            }
            self.order.pop_first();
            self.last.remove(&who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_borrower_counts_once_and_drops_out_after_a_second() {
        let mut recent = Recent::default();
        recent.note((HolderId(1), Term(1)), UnixMillis(0));
        recent.note((HolderId(1), Term(1)), UnixMillis(400));
        recent.note((HolderId(1), Term(2)), UnixMillis(500));
        assert_eq!(recent.count(UnixMillis(1_400)), 2);
        assert_eq!(recent.count(UnixMillis(1_401)), 1);
        recent.forget((HolderId(1), Term(2)));
        assert_eq!(recent.count(UnixMillis(1_401)), 0);
    }

    #[test]
    fn nobody_is_besides_himself_but_he_is_for_another_budget() {
        let mut recent = Recent::default();
        recent.note((HolderId(1), Term(1)), UnixMillis(0));
        assert!(!recent.besides((HolderId(1), Term(1)), UnixMillis(0)));
        assert!(recent.besides((HolderId(1), Term(2)), UnixMillis(0)));
        assert!(recent.besides((HolderId(2), Term(1)), UnixMillis(0)));
    }
}
