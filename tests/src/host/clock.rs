//! The time that a VM sees: set by the test, shared by all VMs of one Envoy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A clock that stands still until it is moved. Copies show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Hands>>);

#[derive(Clone, Copy, Debug)]
struct Hands {
    wall: Duration,
    monotonic: Duration,
}

impl Default for Clock {
    /// 2026-01-01T00:00:00Z, on a machine that has been up for a day.
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Hands {
            wall: Duration::from_secs(1_767_225_600),
            monotonic: Duration::from_secs(86_400),
        })))
    }
}

impl Clock {
    /// Time goes by.
    pub fn advance(&self, by: Duration) {
        self.with(|hands| {
            hands.wall = hands.wall.saturating_add(by);
            hands.monotonic = hands.monotonic.saturating_add(by);
        });
    }

    /// Somebody sets the wall clock, to any time before or after; the monotonic clock does not move.
    pub fn set_wall(&self, since_1970: Duration) {
        self.with(|hands| hands.wall = since_1970);
    }

    /// Since 1970.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.with(|hands| hands.wall)
    }

    /// Since some moment.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.with(|hands| hands.monotonic)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Hands) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Nanoseconds, as the ABI counts.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
