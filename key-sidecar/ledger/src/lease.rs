//! One holder's lease on one limit.
//!
//! A lease **lapses** when the ledger has not heard of it for its time. What was lent then leaves
//! `lent` and is remembered as `lapsed`, because the word of it may still come: the holder counts
//! from when it *sent* its request, so it stopped earlier, but a sync may have been under way. What
//! the holder reports is matched against the lapsed part first (what it gives back, then what it
//! spent). That order is exact for a holder that keeps the rules in `tests/simulated/holder.rs`: it
//! has accounted for all of a lapsed lease before it can report on a newer one.

use wire::units::{Millis, UnixMillis};

/// How long requests may be spent without a word from the ledger. Twice the second in which even an
/// idle holder syncs, so one lost sync loses no lease; and short, for a dead holder's is stranded
/// so long.
pub const REQUEST_TTL: Millis = Millis(2_000);

/// How long places may be taken without a word from the ledger.
pub const PLACE_TTL: Millis = Millis(2_000);

/// How much longer the ledger waits before it lends a silent holder's places to others. Longer than
/// any lease: the calls that ran when the holder fell silent have that time to end.
pub const PLACE_GRACE: Millis = Millis(3_000);

const _: () = assert!(PLACE_GRACE.0 > PLACE_TTL.0 && PLACE_GRACE.0 > REQUEST_TTL.0);

/// What one holder has of one limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lease {
    /// Lent, and neither reported spent nor given back.
    pub(crate) lent: u64,
    /// Lapsed, and not yet accounted for by the holder.
    pub(crate) lapsed: u64,
    /// The day that lent it.
    pub(crate) day: Option<UnixMillis>,
    /// When it lapses, or is forgotten if it is empty.
    pub(crate) timer: Option<Millis>,
    /// When the holder last wanted something.
    pub(crate) asked: Option<Millis>,
    /// When the holder last got less than it wanted.
    pub(crate) hungry: Option<Millis>,
}

/// What of a line moves where.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Booking {
    /// From lent to used.
    pub(crate) spent: u64,
    /// From lent to the level.
    pub(crate) returned: u64,
    /// Accounted for, of what had lapsed.
    pub(crate) late: u64,
    /// More than there was.
    pub(crate) excess: u64,
}

impl Lease {
    /// Books what its holder says: takes it off the lease, and tells what is to be moved. Where a
    /// holder says too much, spent goes before returned: the strict direction.
    pub(crate) fn book(&mut self, spent: u64, returned: u64) -> Booking {
        let returned_late = returned.min(self.lapsed);
        let spent_late = spent.min(self.lapsed - returned_late);
        let late = returned_late + spent_late;
        self.lapsed -= late;
        let (spent, returned) = (spent - spent_late, returned - returned_late);
        let booked_spent = spent.min(self.lent);
        self.lent -= booked_spent;
        let booked_returned = returned.min(self.lent);
        self.lent -= booked_returned;
        let excess = (spent - booked_spent).saturating_add(returned - booked_returned);
        Booking { spent: booked_spent, returned: booked_returned, late, excess }
    }

    /// Lets it run out; tells what was lent.
    pub(crate) fn lapse(&mut self) -> u64 {
        let units = std::mem::take(&mut self.lent);
        self.lapsed = self.lapsed.saturating_add(units);
        units
    }

    /// Whether nothing is to be remembered of it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.lent == 0 && self.lapsed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(lent: u64, lapsed: u64) -> Lease {
        Lease { lent, lapsed, ..Lease::default() }
    }

    #[test]
    fn what_is_said_too_much_is_not_booked_and_spent_goes_first() {
        let mut lease = lease(5, 0);
        let booking = lease.book(4, 3);
        assert_eq!(booking, Booking { spent: 4, returned: 1, late: 0, excess: 2 });
        assert_eq!(lease.lent, 0);
    }

    #[test]
    fn the_word_of_a_lapsed_lease_does_not_touch_the_next_one() {
        // 5 had lapsed: 2 were spent before, 3 dropped. Of the 4 lent since, 1 was spent.
        let mut lease = lease(4, 5);
        let booking = lease.book(3, 3);
        assert_eq!(booking, Booking { spent: 1, returned: 0, late: 5, excess: 0 });
        assert_eq!((lease.lent, lease.lapsed), (3, 0));
    }

    #[test]
    fn a_lapse_forgets_nothing() {
        let mut lease = lease(4, 1);
        assert_eq!(lease.lapse(), 4);
        assert_eq!((lease.lent, lease.lapsed), (0, 5));
        assert!(!lease.is_empty());
    }

    #[test]
    fn the_largest_words_do_not_overflow() {
        let booking = lease(1, 1).book(u64::MAX, u64::MAX);
        assert_eq!(booking.excess, u64::MAX);
    }
}
