//! Who else wants this limit: how many holders went short of late, and who got nothing.
//!
//! Counted in whole seconds (this one and the last), in constant time and space, because it is
//! asked for on every line. A holder is counted once a second: its lease remembers when it was.

use wire::ids::HolderId;
use wire::units::Millis;

use crate::slice::RECALL_WITHIN;

/// The length of a slot. No shorter than the longest `ask_again_ms`, or a hungry holder would drop
/// out.
const SLOT_MS: u64 = 1_000;

/// How many different holders did something in this second or the last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Census {
    slot: u64,
    current: u64,
    previous: u64,
}

impl Census {
    /// Counts a holder that did it last at `last`.
    pub(crate) fn note(&mut self, last: Option<Millis>, now: Millis) {
        self.turn(now);
        if last.is_none_or(|last| last.0 / SLOT_MS != self.slot) {
            self.current += 1;
        }
    }

    /// The larger of this second's and the last one's number: this one's is not complete.
    pub(crate) fn count(&mut self, now: Millis) -> u64 {
        self.turn(now);
        self.current.max(self.previous)
    }

    fn turn(&mut self, now: Millis) {
        let slot = now.0 / SLOT_MS;
        if slot == self.slot {
            return;
        }
        self.previous = if slot == self.slot + 1 { self.current } else { 0 };
        self.current = 0;
        self.slot = slot;
    }
}

/// The last two different holders that got nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TurnedAway {
    last: Option<(HolderId, Millis)>,
    other: Option<(HolderId, Millis)>,
}

impl TurnedAway {
    pub(crate) fn note(&mut self, holder: HolderId, now: Millis) {
        if self.last.is_some_and(|(last, _)| last != holder) {
            self.other = self.last;
        }
        self.last = Some((holder, now));
    }

    /// Whether anybody but `holder` got nothing of late.
    pub(crate) fn besides(&self, holder: HolderId, now: Millis) -> bool {
        [self.last, self.other]
            .into_iter()
            .flatten()
            .any(|(who, when)| who != holder && now.since(when) <= RECALL_WITHIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_counts_once_a_second_and_is_gone_after_two() {
        let mut census = Census::default();
        census.note(None, Millis(100));
        census.note(Some(Millis(100)), Millis(200));
        census.note(None, Millis(300));
        assert_eq!(census.count(Millis(999)), 2);
        census.note(Some(Millis(200)), Millis(1000));
        assert_eq!(census.count(Millis(1999)), 2);
        assert_eq!(census.count(Millis(2000)), 1);
        assert_eq!(census.count(Millis(4000)), 0);
    }

    #[test]
    fn nobody_is_recalled_for_himself() {
        let (one, two) = (HolderId(1), HolderId(2));
        let mut turned = TurnedAway::default();
        turned.note(one, Millis(0));
        turned.note(one, Millis(10));
        assert!(!turned.besides(one, Millis(10)));
        assert!(turned.besides(two, Millis(1010)));
        assert!(!turned.besides(two, Millis(1011)));
        turned.note(two, Millis(500));
        assert!(turned.besides(one, Millis(600)));
        assert!(turned.besides(two, Millis(600)));
    }
}
