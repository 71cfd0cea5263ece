//! Calendar windows: one account for each day, named by the day's beginning.
//!
//! Nothing is ever reset; a new day is a new account. What was lent belongs to the day that lent
//! it, whenever the word of it comes. Where days overlap (the time zone changed), what any of them
//! gave out counts for all. Invariant: `used + lent <= amount` whenever something is lent.

use std::collections::BTreeMap;

use wire::units::{Millis, UnixMillis};

/// The most accounts that a limit keeps: today, and enough of the past that a wall clock which is
/// set back finds what it had used. A day that is older than those lends nothing.
const ACCOUNTS_MAX: usize = 4;

/// A calendar day, as two instants. The second one is the next day's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Day {
    /// Its first instant.
    pub start: UnixMillis,
    /// The first instant after it.
    pub end: UnixMillis,
}

impl Day {
    /// The day that `wall` is in, by ascending `boundaries`; `None` before the first and after the
    /// last.
    pub(crate) fn of(wall: UnixMillis, boundaries: &[UnixMillis]) -> Option<Self> {
        let next = boundaries.partition_point(|boundary| *boundary <= wall);
        let start = *boundaries.get(next.checked_sub(1)?)?;
        Some(Self { start, end: *boundaries.get(next)? })
    }

    const fn overlaps(self, other: Self) -> bool {
        self.start.0 < other.end.0 && other.start.0 < self.end.0
    }
}

/// What one day gave out.
#[derive(Clone, Copy, Debug)]
struct Account {
    end: UnixMillis,
    used: u64,
    lent: u64,
}

/// The days of one limit.
#[derive(Clone, Debug)]
pub(crate) struct Days {
    amount: u64,
    accounts: BTreeMap<UnixMillis, Account>,
    /// Accounts of days before this are no more.
    forgotten_before: UnixMillis,
}

impl Days {
    pub(crate) const fn new(amount: u64) -> Self {
        Self { amount, accounts: BTreeMap::new(), forgotten_before: UnixMillis(0) }
    }

    /// Books what an earlier life of the ledger had given out.
    pub(crate) fn restore(&mut self, day: Day, used: u64) {
        self.accounts.insert(day.start, Account { end: day.end, used, lent: 0 });
    }

    /// What must outlive a restart: each day, with all that it gave out.
    pub(crate) fn given_out(&self) -> impl Iterator<Item = (Day, u64)> + '_ {
        self.accounts.iter().map(|(start, account)| {
            let day = Day { start: *start, end: account.end };
            (day, account.used.saturating_add(account.lent))
        })
    }

    /// Opens the account of `day`, if there is none.
    pub(crate) fn open(&mut self, day: Day) {
        if day.start < self.forgotten_before {
            return;
        }
        if let Some(account) = self.accounts.get_mut(&day.start) {
            account.end = day.end;
            return;
        }
        self.accounts.insert(day.start, Account { end: day.end, used: 0, lent: 0 });
        self.forget();
    }

    /// Says whether that is a change.
    pub(crate) fn redefine(&mut self, amount: u64) -> bool {
        std::mem::replace(&mut self.amount, amount) != amount
    }

    /// What the day has left; nothing of a day that is no day, or that was forgotten.
    pub(crate) fn level(&self, day: Option<Day>) -> u64 {
        let day = day.filter(|day| day.start >= self.forgotten_before);
        day.map_or(0, |day| {
            let given_out = self.given_out().filter(|(other, _)| other.overlaps(day));
            given_out.fold(self.amount, |left, (_, given)| left.saturating_sub(given))
        })
    }

    /// What was used of the day, by whichever account counts for it.
    pub(crate) fn used(&self, day: Option<Day>) -> u64 {
        let counts = |start: &UnixMillis, account: &Account| {
            day.is_some_and(|day| day.overlaps(Day { start: *start, end: account.end }))
        };
        let accounts = self.accounts.iter().filter(|(start, account)| counts(start, account));
        accounts.fold(0, |sum, (_, account)| sum.saturating_add(account.used))
    }

    pub(crate) fn lend(&mut self, units: u64, day: Option<Day>) {
        assert!(units <= self.level(day), "a day lends what it has");
        if let Some(account) = day.and_then(|day| self.accounts.get_mut(&day.start)) {
            account.lent += units;
        }
    }

    /// Books what was lent on `day` as used.
    pub(crate) fn spend(&mut self, units: u64, day: Option<UnixMillis>) {
        self.give_back(units, day);
        if let Some(account) = day.and_then(|day| self.accounts.get_mut(&day)) {
            account.used = account.used.saturating_add(units);
        }
    }

    /// Takes back what was lent on `day`.
    pub(crate) fn give_back(&mut self, units: u64, day: Option<UnixMillis>) {
        let account = day.and_then(|day| self.accounts.get_mut(&day));
        assert!(units == 0 || account.is_some(), "a day with leases keeps its account");
        if let Some(account) = account {
            assert!(units <= account.lent, "a day takes back what it lent");
            account.lent -= units;
        }
    }

    pub(crate) fn check(&self, lent: u64) {
        let sum: u64 = self.accounts.values().map(|account| account.lent).sum();
        assert_eq!(sum, lent, "what is lent was lent on some day");
        assert!(
            self.accounts.keys().all(|start| *start >= self.forgotten_before),
            "no day is both kept and forgotten"
        );
    }

    /// How long until `day` is over; `None` where there is no such account.
    pub(crate) fn over_in(&self, day: Option<Day>, wall: UnixMillis) -> Option<Millis> {
        day.filter(|day| self.accounts.contains_key(&day.start)).map(|day| day.end.since(wall))
    }

    /// Drops the oldest days that have nothing lent.
    fn forget(&mut self) {
        while self.accounts.len() > ACCOUNTS_MAX {
            let Some(oldest) = self.accounts.first_entry() else {
                return;
            };
            if oldest.get().lent > 0 {
                return;
            }
            self.forgotten_before = UnixMillis(oldest.key().0.saturating_add(1));
            oldest.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    fn day(number: u64) -> Day {
        Day { start: UnixMillis(number * DAY), end: UnixMillis((number + 1) * DAY) }
    }

    #[test]
    fn outside_the_boundaries_there_is_no_day() {
        let boundaries = [UnixMillis(10), UnixMillis(20), UnixMillis(30)];
        let of = |wall| Day::of(UnixMillis(wall), &boundaries).map(|day| (day.start.0, day.end.0));
        assert_eq!(of(9), None);
        assert_eq!(of(10), Some((10, 20)));
        assert_eq!(of(29), Some((20, 30)));
        assert_eq!(of(30), None);
    }

    #[test]
    fn what_is_spent_late_belongs_to_the_day_that_lent_it() {
        let mut days = Days::new(10);
        days.open(day(1));
        days.lend(4, Some(day(1)));
        days.open(day(2));
        days.spend(4, Some(day(1).start));
        assert_eq!((days.used(Some(day(1))), days.used(Some(day(2)))), (4, 0));
        days.check(0);
    }

    #[test]
    fn a_day_that_begins_elsewhere_does_not_give_it_all_out_again() {
        let mut days = Days::new(10);
        days.open(day(1));
        days.lend(7, Some(day(1)));
        let moved =
            Day { start: UnixMillis(DAY + 3_600_000), end: UnixMillis(2 * DAY + 3_600_000) };
        days.open(moved);
        assert_eq!(days.level(Some(moved)), 3);
        days.lend(2, Some(moved));
        assert_eq!(days.level(Some(day(1))), 1);
        days.check(9);
    }

    #[test]
    fn a_day_that_was_forgotten_lends_nothing() {
        let mut days = Days::new(10);
        for number in 1..=5 {
            days.open(day(number));
        }
        days.open(day(1));
        assert_eq!(days.level(Some(day(1))), 0);
        assert_eq!(days.level(Some(day(2))), 10);
        days.check(0);
    }

    #[test]
    fn a_lowered_amount_is_never_negative() {
        let mut days = Days::new(10);
        days.open(day(1));
        days.lend(8, Some(day(1)));
        assert!(days.redefine(5));
        assert_eq!(days.level(Some(day(1))), 0);
    }
}
