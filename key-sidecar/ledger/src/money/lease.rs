//! One holder's lease of one term.
//!
//! A lease **runs out** when its holder has been silent for [`MONEY_TTL`]: what was lent is
//! presumed spent, and stays the holder's until it speaks. So a holder that was only cut off may go
//! on where it was: its money has been given to nobody else. Its word takes from the presumption
//! first.

use wire::budget::Term;
use wire::ids::HolderId;
use wire::money::Nanos;
use wire::units::Millis;

use crate::money::record::LeaseRecord;

/// How long money may be spent without a word from the ledger, and how long a holder may be silent
/// before what it was lent is presumed spent. Twenty heartbeats, and more than a sidecar needs for
/// a restart: a presumption frees nothing, so there is no hurry.
pub const MONEY_TTL: Millis = Millis(10_000);

/// What one holder has of one term. `lent + presumed` is what the holder can still settle or
/// return.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Lease {
    /// Lent and not settled.
    pub(super) lent: Nanos,
    /// Ran out unsettled.
    pub(super) presumed: Nanos,
    /// The last hold that the holder named: slices are whole multiples of it. Not stored.
    pub(super) grain: Nanos,
}

/// What of an amount was taken from where.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Taken {
    pub(super) presumed: Nanos,
    pub(super) lent: Nanos,
    /// More than there was.
    pub(super) excess: Nanos,
}

impl Lease {
    /// Takes `amount` off: settled or given back, it is no longer the holder's.
    pub(super) fn take(&mut self, amount: Nanos) -> Taken {
        let presumed = amount.min(self.presumed);
        let lent = amount.minus(presumed).min(self.lent);
        self.presumed = self.presumed.minus(presumed);
        self.lent = self.lent.minus(lent);
        Taken { presumed, lent, excess: amount.minus(presumed).minus(lent) }
    }

    /// Lets it run out. Tells what was lent.
    pub(super) fn run_out(&mut self) -> Nanos {
        let lent = std::mem::take(&mut self.lent);
        self.presumed = self.presumed.saturating_plus(lent);
        lent
    }

    pub(super) const fn record(&self, holder: HolderId, term: Term) -> LeaseRecord {
        LeaseRecord { holder, term, lent: self.lent, presumed: self.presumed }
    }

    /// Whether nothing is to be remembered of it.
    pub(super) fn is_empty(&self) -> bool {
        self.lent == Nanos::ZERO && self.presumed == Nanos::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(lent: u64, presumed: u64) -> Lease {
        Lease { lent: Nanos(lent), presumed: Nanos(presumed), grain: Nanos::ZERO }
    }

    #[test]
    fn a_word_takes_from_the_presumption_first_and_never_more_than_there_is() {
        let mut lease = lease(5, 3);
        let taken = lease.take(Nanos(4));
        assert_eq!(taken, Taken { presumed: Nanos(3), lent: Nanos(1), excess: Nanos(0) });
        let taken = lease.take(Nanos(6));
        assert_eq!(taken, Taken { presumed: Nanos(0), lent: Nanos(4), excess: Nanos(2) });
        assert!(lease.is_empty());
    }

    #[test]
    fn running_out_twice_presumes_nothing_twice() {
        let mut lease = lease(5, 3);
        assert_eq!(lease.run_out(), Nanos(5));
        assert_eq!(lease.run_out(), Nanos(0));
        assert_eq!((lease.lent, lease.presumed), (Nanos(0), Nanos(8)));
    }
}
