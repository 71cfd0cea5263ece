//! A token bucket in exact integers: short windows (second, minute, hour).
//!
//! The level is scaled by the period in milliseconds, so that a millisecond's refill is `amount`
//! scaled units and nothing is ever rounded. What is out (lent and not reported spent) takes room
//! in the bucket:
//!
//! `level + out <= burst`, always. So for any interval of length t, from any instant on: what can
//! be admitted in it was out at its beginning, or was in the bucket then, or was refilled during
//! it, which together is at most `burst + amount * t / period`. Not only since the start, and
//! however late holders spend, report, give back or die; `tests/interval.rs` tries to break it.
//!
//! Conservation, asserted: `given == level + (lent + used) * period`.

use wire::limit::Per;
use wire::units::Millis;

/// The state of one bucket. What is out is its owner's knowledge, and comes with each call.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    amount: u64,
    burst: u64,
    per: Per,
    /// Scaled by the period.
    level: u128,
    /// All that ever went into the level, less what a lowered burst took out; scaled.
    given: u128,
    used: u128,
    /// The level is as of this moment.
    at: Millis,
}

impl Bucket {
    pub(crate) fn new(amount: u64, per: Per, burst: u64, level: u64, now: Millis) -> Self {
        let mut bucket = Self { amount, burst, per, level: 0, given: 0, used: 0, at: now };
        bucket.level = bucket.scaled(level.min(burst));
        bucket.given = bucket.level;
        bucket
    }

    pub(crate) const fn per(&self) -> Per {
        self.per
    }

    /// Refills up to `now`. While it is full, or what is out fills it, the time brings nothing.
    pub(crate) fn advance(&mut self, now: Millis, out: u64) {
        let elapsed = now.since(self.at);
        self.at = self.at.max(now);
        let refill = u128::from(elapsed.0) * u128::from(self.amount);
        let room = self.capacity(out).saturating_sub(self.level);
        self.level += refill.min(room);
        self.given += refill.min(room);
    }

    /// New figures, from now on. A raised burst is room and fills with time; a lowered one is cut
    /// off at once. So a policy that goes to and fro gives nothing away. Says whether anything
    /// changed.
    pub(crate) fn redefine(&mut self, amount: u64, burst: u64, out: u64) -> bool {
        let changed = (self.amount, self.burst) != (amount, burst);
        (self.amount, self.burst) = (amount, burst);
        self.cut(out);
        changed
    }

    /// Whole units in it.
    pub(crate) fn level(&self) -> u64 {
        u64::try_from(self.level / self.period()).unwrap_or(u64::MAX)
    }

    pub(crate) fn used(&self) -> u64 {
        u64::try_from(self.used).unwrap_or(u64::MAX)
    }

    pub(crate) fn lend(&mut self, units: u64) {
        assert!(units <= self.level(), "a bucket lends what it has");
        self.level -= self.scaled(units);
    }

    pub(crate) fn spend(&mut self, units: u64) {
        self.used += u128::from(units);
    }

    /// Takes back what was lent. `out` is what is out after that.
    pub(crate) fn give_back(&mut self, units: u64, out: u64) {
        self.level += self.scaled(units);
        self.cut(out);
    }

    /// How long until the next whole unit; `None` while what is out leaves it no room.
    pub(crate) fn next_unit(&self, out: u64) -> Option<Millis> {
        let missing = self.period() - self.level % self.period();
        (self.level + missing <= self.capacity(out)).then(|| self.time_for(missing))
    }

    /// The time of one unit at full flow.
    pub(crate) fn emission(&self) -> Millis {
        self.time_for(self.period())
    }

    /// How long until it is full, if nothing more is lent.
    pub(crate) fn full_in(&self) -> Millis {
        self.time_for(self.scaled(self.burst).saturating_sub(self.level))
    }

    /// The part of one of `sharers` in what flows in during `time`, rounded up: what is rounded
    /// down for everybody is used by nobody.
    pub(crate) fn flow(&self, time: Millis, sharers: u64) -> u64 {
        let flowing = u128::from(time.0) * u128::from(self.amount);
        let part = flowing.div_ceil(self.period() * u128::from(sharers.max(1)));
        u64::try_from(part).unwrap_or(u64::MAX)
    }

    pub(crate) fn check(&self, lent: u64, out: u64) {
        assert!(out >= lent, "what is lent is out");
        let accounted = self.level + (u128::from(lent) + self.used) * self.period();
        assert_eq!(self.given, accounted, "level + lent + used == given out");
        let room = self.scaled(self.burst).max(self.scaled(out));
        assert!(self.level + self.scaled(out) <= room, "level + out <= burst");
    }

    fn cut(&mut self, out: u64) {
        let over = self.level.saturating_sub(self.capacity(out));
        self.level -= over;
        self.given -= over;
    }

    fn capacity(&self, out: u64) -> u128 {
        self.scaled(self.burst.saturating_sub(out))
    }

    fn time_for(&self, scaled: u128) -> Millis {
        let time = scaled.div_ceil(u128::from(self.amount.max(1)));
        Millis(u64::try_from(time).unwrap_or(u64::MAX))
    }

    fn scaled(&self, units: u64) -> u128 {
        u128::from(units) * self.period()
    }

    fn period(&self) -> u128 {
        u128::from(self.per.duration().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(amount: u64, burst: u64) -> Bucket {
        Bucket::new(amount, Per::Second, burst, burst, Millis(0))
    }

    #[test]
    fn a_third_of_a_unit_is_not_lost() {
        let mut bucket = Bucket::new(3, Per::Second, 3, 0, Millis(0));
        for now in 1..=1000 {
            bucket.advance(Millis(now), 0);
        }
        assert_eq!(bucket.level(), 3);
        bucket.check(0, 0);
    }

    #[test]
    fn the_next_unit_comes_exactly_when_promised() {
        let mut bucket = full(7, 1);
        bucket.lend(1);
        bucket.spend(1);
        let wait = bucket.next_unit(0).unwrap();
        assert_eq!(wait, Millis(143));
        bucket.advance(Millis(142), 0);
        assert_eq!(bucket.level(), 0);
        bucket.advance(wait, 0);
        assert_eq!(bucket.level(), 1);
    }

    #[test]
    fn what_is_out_takes_room() {
        let mut bucket = full(100, 10);
        bucket.lend(10);
        bucket.advance(Millis(1000), 10);
        assert_eq!((bucket.level(), bucket.next_unit(10)), (0, None));
        bucket.spend(4);
        bucket.advance(Millis(2000), 6);
        assert_eq!(bucket.level(), 4);
        bucket.check(6, 6);
    }

    #[test]
    fn a_burst_that_goes_to_and_fro_gives_nothing_away() {
        let mut bucket = full(1, 10);
        bucket.lend(10);
        bucket.spend(10);
        for _ in 0..5 {
            assert!(bucket.redefine(1, 100, 0));
            assert!(bucket.redefine(1, 10, 0));
        }
        assert_eq!(bucket.level(), 0);
        assert!(!bucket.redefine(1, 10, 0));
    }

    #[test]
    fn a_lowered_burst_counts_at_once_for_what_is_not_lent() {
        let mut bucket = full(1, 10);
        bucket.lend(4);
        bucket.redefine(1, 5, 4);
        assert_eq!(bucket.level(), 1);
        bucket.give_back(4, 0);
        assert_eq!(bucket.level(), 5);
        bucket.check(0, 0);
    }

    #[test]
    fn the_largest_figures_do_not_overflow() {
        let mut bucket = Bucket::new(u64::MAX, Per::Hour, u64::MAX, u64::MAX, Millis(0));
        bucket.lend(u64::MAX);
        bucket.spend(u64::MAX);
        bucket.advance(Millis(u64::MAX / 2), 0);
        bucket.check(0, 0);
        assert_eq!(bucket.level(), u64::MAX);
    }
}
