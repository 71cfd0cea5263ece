//! Since when each thread is inside the module. A PKCS#11 call can block for ever and cannot be
//! cancelled, so somebody outside must notice; the last resort is the end of the process.

use std::sync::atomic::{AtomicU64, Ordering};

use wire::units::Millis;

/// A thread that is this long in one errand is stuck: no deadline of ours lets a caller wait so
/// long.
const STUCK: Millis = Millis::from_secs(20);

/// One thread that is stuck so long makes the process end, also while others work.
const STUCK_ONE: Millis = Millis::from_secs(60);

const IDLE: u64 = u64::MAX;

/// The threads that call the module: the workers, and last the keeper.
pub(super) struct Busy {
    since: Box<[AtomicU64]>,
}

/// A thread is inside the module until this is dropped.
pub(super) struct Inside<'a>(&'a AtomicU64);

impl Busy {
    pub(super) fn new(threads: usize) -> Self {
        Self { since: (0..threads).map(|_| AtomicU64::new(IDLE)).collect() }
    }

    pub(super) fn enter(&self, thread: usize, now: Millis) -> Option<Inside<'_>> {
        let since = self.since.get(thread)?;
        since.store(now.0, Ordering::Release);
        Some(Inside(since))
    }

    /// Whether only a new process helps.
    pub(super) fn is_stuck(&self, now: Millis) -> bool {
        let longer = |since: &AtomicU64, than| {
            let since = since.load(Ordering::Acquire);
            since != IDLE && now.since(Millis(since)) >= than
        };
        let one = self.since.iter().any(|since| longer(since, STUCK_ONE));
        let mut workers = self.since.iter().rev().skip(1).peekable();
        one || workers.peek().is_some() && workers.all(|since| longer(since, STUCK))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.store(IDLE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stuck_worker_of_three_is_borne_for_a_minute() {
        let busy = Busy::new(4);
        let _one = busy.enter(0, Millis(0));
        assert!(!busy.is_stuck(Millis(59_999)));
        assert!(busy.is_stuck(Millis(60_000)));
    }

    #[test]
    fn all_workers_stuck_end_the_process_sooner() {
        let busy = Busy::new(3);
        let one = busy.enter(0, Millis(0));
        let _keeper = busy.enter(2, Millis(0));
        let _two = busy.enter(1, Millis(5_000));
        assert!(!busy.is_stuck(Millis(24_999)));
        assert!(busy.is_stuck(Millis(25_000)));
        drop(one);
        assert!(!busy.is_stuck(Millis(25_000)));
    }

    #[test]
    fn a_keeper_alone_is_borne_for_a_minute() {
        let busy = Busy::new(2);
        let _keeper = busy.enter(1, Millis(0));
        assert!(!busy.is_stuck(Millis(25_000)));
    }

    #[test]
    fn idle_threads_are_never_stuck() {
        let busy = Busy::new(1);
        assert!(!busy.is_stuck(Millis(u64::MAX - 1)));
        drop(busy.enter(0, Millis(0)));
        assert!(!busy.is_stuck(Millis(90_000)));
    }
}
