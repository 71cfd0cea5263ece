//! Those who wait are decided on again: all of them at a tick or an answer of the sidecar's, and the
//! oldest as soon as a call ends and leaves a place.
//!
//! Envoy lets a stream go on after the callback in which it was told to. Neighbours: `waiting` keeps those
//! who wait, `stream` tells of the ends.

use admission::admit::Decision;
use admission::denial::{Denial, Reason};
use admission::money::toll::End;

use crate::host;
use crate::root::Shared;
use crate::seat::Seat;
use crate::stream;
use crate::waiting::Waiter;

/// So many requests at most take over from one that ends, before the next tick: the limits that one can
/// hold places of.
const HEIRS_MAX: usize = 3;

/// What became of one that waited and was decided on again.
enum LetGo {
    /// It goes on, or is gone.
    Done,
    /// It may go on and cannot.
    Failed(Waiter),
    /// It is to be refused.
    Refused(Waiter, Denial),
    /// It is too early to tell.
    MustWait(Waiter),
}

impl Shared {
    /// Decides again on everything that waits, and on what has waited too long for the last time.
    pub(super) fn wake(&self) {
        let Ok(now) = self.gate.try_borrow().map(|gate| gate.now()) else {
            return;
        };
        if let Ok(gate) = self.gate.try_borrow() {
            gate.recount();
        }
        let waiters = self.waiting.try_borrow_mut().map(|mut all| all.take_all(now));
        for waiter in waiters.unwrap_or_default() {
            self.decide_again(waiter);
        }
        let _ = host::set_effective_context(self.id);
    }

    fn decide_again(&self, waiter: Waiter) {
        match self.let_go(waiter) {
            LetGo::Done => {}
            LetGo::Failed(_) => self.answer(&Denial::new(Reason::HostFailure)),
            LetGo::Refused(_, denial) => self.answer(&denial),
            LetGo::MustWait(waiter) => {
                if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
                    waiting.put_back(waiter);
                }
            }
        }
    }

    /// The answer to a request that held places has ended: whoever has waited longest takes them over, now
    /// and not with the next tick. Envoy's timers go by a coarse clock, and one of 1 ms may take 5.
    ///
    /// Nobody is refused here, in the middle of another stream's end: that is left to the tick.
    pub(crate) fn pass_on(&self) {
        for _ in 0..HEIRS_MAX {
            let first = self.waiting.try_borrow_mut().ok().and_then(|mut all| all.take_first());
            let Some(waiter) = first else { return };
            let waiter = match self.let_go(waiter) {
                LetGo::Done => continue,
                LetGo::Failed(mut waiter) => {
                    waiter.failed = true;
                    waiter
                }
                LetGo::Refused(waiter, _) | LetGo::MustWait(waiter) => waiter,
            };
            if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
                waiting.put_back_first(waiter);
            }
            return;
        }
    }

    /// Decides again on one that waits, and lets it go if it may. Its context is in effect afterwards.
    fn let_go(&self, waiter: Waiter) -> LetGo {
        if host::set_effective_context(waiter.stream).is_err() {
            // The stream is gone; had it been admitted, dropping it would have told us.
            return LetGo::Done;
        }
        if waiter.failed {
            return LetGo::Failed(waiter);
        }
        let Ok(mut seat) = waiter.place.try_borrow_mut() else { return LetGo::Done };
        seat.attempt.last = waiter.last;
        if !seat.may_go_on() {
            // Its body has begun to come: it is decided on when that is there.
            return LetGo::Done;
        }
        let decision = self.decide_seated(&mut seat);
        match decision {
            Decision::Admit(mut admission) => match stream::apply(&admission) {
                Ok(()) => {
                    seat.admission = Some(admission);
                    // If it cannot go on, it stays paused; dropping the stream frees what it holds.
                    let _ = host::continue_request();
                    LetGo::Done
                }
                Err(_) => {
                    drop(seat);
                    self.release(&mut admission, End::NeverSent);
                    LetGo::Failed(waiter)
                }
            },
            Decision::Deny(denial) => {
                drop(seat);
                LetGo::Refused(waiter, denial)
            }
            // It is decided on when its body is there. That may take its time, if bodies come at all.
            Decision::Read if self.bodies_come.get() => LetGo::Done,
            Decision::Read if waiter.last => {
                drop(seat);
                LetGo::Refused(waiter, Denial::new(Reason::BodyWithheld))
            }
            Decision::Read | Decision::Await => {
                drop(seat);
                LetGo::MustWait(waiter)
            }
        }
    }

    /// Decides on a request that is held, and reads what is there of its body if that turns out to matter.
    pub(crate) fn decide_seated(&self, seat: &mut Seat) -> Decision {
        match self.decide(&mut seat.attempt) {
            Decision::Read if seat.has_ended() => match seat.catch_up() {
                Ok(()) => self.decide(&mut seat.attempt),
                Err(_) => Decision::Deny(Denial::new(Reason::HostFailure)),
            },
            decision => decision,
        }
    }
}
