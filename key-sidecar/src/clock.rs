//! The only place of this crate that reads a clock. Everything else is handed the time.
//!
//! Two clocks, because they answer two questions: the monotonic one never goes back and measures
//! durations (deadlines, back-off, leases); the wall clock is the calendar's and may be set. Tests
//! turn a [`Hand`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ledger::Now;
use wire::units::{Millis, UnixMillis};

/// Where time comes from. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Machine { start: Instant },
    Hand(Hand),
}

/// Turns a clock that stands still otherwise.
#[derive(Clone, Debug)]
pub struct Hand(Arc<Mutex<Now>>);

impl Clock {
    /// The machine's clocks. Monotonic time begins now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock module: the one place that asks the machine"
    )]
    pub fn system() -> Self {
        Self(Source::Machine { start: Instant::now() })
    }

    /// A clock for tests: it stands still until its hand is turned.
    #[must_use]
    pub fn by_hand(wall: UnixMillis) -> (Self, Hand) {
        let hand = Hand(Arc::new(Mutex::new(Now { monotonic: Millis::ZERO, wall })));
        (Self(Source::Hand(hand.clone())), hand)
    }

    /// Both times of this moment.
    #[must_use]
    pub fn now(&self) -> Now {
        match &self.0 {
            Source::Machine { start } => Now {
                monotonic: Millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)),
                wall: machine_wall(),
            },
            Source::Hand(hand) => *hand.0.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The monotonic time of this moment, finely: for measuring how long something took. A clock by
    /// hand tells what its hand was turned to.
    #[must_use]
    pub fn precise(&self) -> Duration {
        match &self.0 {
            Source::Machine { start } => start.elapsed(),
            Source::Hand(_) => Duration::from_millis(self.monotonic().0),
        }
    }

    /// The monotonic time of this moment.
    #[must_use]
    pub fn monotonic(&self) -> Millis {
        self.now().monotonic
    }

    /// The calendar's time of this moment.
    #[must_use]
    pub fn wall(&self) -> UnixMillis {
        self.now().wall
    }
}

impl Hand {
    /// Turns both clocks forward.
    pub fn advance(&self, by: Millis) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.monotonic = now.monotonic.plus(by);
        now.wall = UnixMillis(now.wall.0.saturating_add(by.0));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock module: the one place that asks the machine"
)]
fn machine_wall() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// An instant as people read it, to the second: `2026-11-25T03:56:01Z`.
#[must_use]
pub fn timestamp(at: UnixMillis) -> jiff::Timestamp {
    i64::try_from(at.0 / 1000)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .unwrap_or(jiff::Timestamp::MAX)
}

/// The way back from a file. What lies before 1970 is 1970.
#[must_use]
pub fn unix_millis(at: jiff::Timestamp) -> UnixMillis {
    UnixMillis(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_its_text_to_the_second() {
        let at = UnixMillis(1_795_000_000_000);
        let text = timestamp(at).to_string();
        assert_eq!(text, "2026-11-18T11:06:40Z");
        assert_eq!(unix_millis(text.parse().unwrap()), at);
    }

    #[test]
    fn a_hand_turns_both_clocks() {
        let (clock, hand) = Clock::by_hand(UnixMillis(5));
        hand.advance(Millis(7));
        assert_eq!((clock.monotonic(), clock.wall()), (Millis(7), UnixMillis(12)));
    }
}
