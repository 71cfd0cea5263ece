//! Requests that wait for an answer of the sidecar, at most [`DEADLINE`] each.

use std::collections::VecDeque;
use std::rc::Rc;

use admission::conversation::DEADLINE;
use wire::units::Millis;

use crate::seat::Place;

/// Requests of one worker that may wait at the same time. Whoever comes then is refused.
const WAITING_MAX: usize = 10_000;

/// A request that waits.
pub(crate) struct Waiter {
    pub(crate) stream: u32,
    pub(crate) place: Place,
    /// Its time is over: what is not known now is refused.
    pub(crate) last: bool,
    /// It was to go on, and its request could not be changed: what is left to do is to refuse it.
    pub(crate) failed: bool,
    deadline: Millis,
}

/// All requests that wait, those first that came first.
#[derive(Default)]
pub(crate) struct Waiting(VecDeque<Waiter>);

impl Waiting {
    /// Adds one, if there is room; returns whether there was.
    pub(crate) fn add(&mut self, stream: u32, place: &Place, now: Millis) -> bool {
        if self.0.len() >= WAITING_MAX {
            return false;
        }
        let deadline = now.plus(DEADLINE);
        let place = Rc::clone(place);
        self.0.push_back(Waiter { stream, place, last: false, failed: false, deadline });
        true
    }

    /// Takes all, with the word `last` for those whose time is over.
    pub(crate) fn take_all(&mut self, now: Millis) -> VecDeque<Waiter> {
        let mut all = std::mem::take(&mut self.0);
        for waiter in &mut all {
            waiter.last = now >= waiter.deadline;
        }
        all
    }

    /// Puts back one that must go on waiting, behind those that were put back before it.
    pub(crate) fn put_back(&mut self, waiter: Waiter) {
        self.0.push_back(waiter);
    }

    /// Takes the one that has waited longest.
    pub(crate) fn take_first(&mut self) -> Option<Waiter> {
        self.0.pop_front()
    }

    /// Puts back what [`Waiting::take_first`] took.
    pub(crate) fn put_back_first(&mut self, waiter: Waiter) {
        self.0.push_front(waiter);
    }

    /// Whether one's time is over.
    pub(crate) fn any_overdue(&self, now: Millis) -> bool {
        self.0.iter().any(|waiter| now >= waiter.deadline)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets a request that is gone.
    pub(crate) fn remove(&mut self, stream: u32) {
        self.0.retain(|waiter| waiter.stream != stream);
    }
}
