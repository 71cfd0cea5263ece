//! Requests that wait for an answer of the sidecar, at most [`DEADLINE`] each.

use std::cell::RefCell;
use std::rc::Rc;

use admission::admit::Attempt;
use admission::conversation::DEADLINE;
use admission::inject::Admission;
use wire::units::Millis;

/// Requests of one worker that may wait at the same time. Whoever comes then is refused.
const WAITING_MAX: usize = 10_000;

/// Where a waiting request finds what was decided for it.
pub(crate) type Place = Rc<RefCell<Option<Box<Admission>>>>;

/// A request that waits.
pub(crate) struct Waiter {
    pub(crate) stream: u32,
    pub(crate) attempt: Attempt,
    pub(crate) place: Place,
    deadline: Millis,
}

/// All requests that wait.
#[derive(Default)]
pub(crate) struct Waiting(Vec<Waiter>);

impl Waiting {
    /// Adds one, if there is room.
    pub(crate) fn add(&mut self, stream: u32, attempt: Attempt, now: Millis) -> Option<Place> {
        if self.0.len() >= WAITING_MAX {
            return None;
        }
        let place = Place::default();
        let deadline = now.plus(DEADLINE);
        self.0.push(Waiter { stream, attempt, place: Rc::clone(&place), deadline });
        Some(place)
    }

    /// Takes all, with the word `last` for those whose time is over.
    pub(crate) fn take_all(&mut self, now: Millis) -> Vec<Waiter> {
        let mut all = std::mem::take(&mut self.0);
        for waiter in &mut all {
            waiter.attempt.last = now >= waiter.deadline;
        }
        all
    }

    /// Puts back one that must go on waiting.
    pub(crate) fn put_back(&mut self, waiter: Waiter) {
        self.0.push(waiter);
    }

    /// Whether one's time is over.
    pub(crate) fn any_overdue(&self, now: Millis) -> bool {
        self.0.iter().any(|waiter| now >= waiter.deadline)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets a request that is gone.
    pub(crate) fn remove(&mut self, stream: u32) {
        self.0.retain(|waiter| waiter.stream != stream);
    }
}
