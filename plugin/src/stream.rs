//! One HTTP stream: Envoy's callbacks in, a decision applied.
//!
//! A stream is in exactly one state, and what it holds goes back when the state is dropped, however
//! the stream ends: answered, reset, refused by the codec before it had headers.

use std::rc::Rc;

use admission::admit::{Attempt, Decision};
use admission::denial::{Denial, Reason};
use admission::inject::{Admission, Edit};
use admission::money::toll::End;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::answer;
use crate::host::{self, HostError, Map};
use crate::root::Shared;
use crate::seat::{Place, Seat};

/// A stream of Envoy's.
pub(crate) struct Stream {
    id: u32,
    shared: Rc<Shared>,
    state: State,
    /// The answer has begun.
    answered: bool,
    /// The upstream's answer was replaced: what comes back now is our own.
    replaced: bool,
}

enum State {
    /// No request headers yet; some streams never have any.
    New,
    /// Admitted at once.
    Open(Box<Admission>),
    /// It is held, or was; here is or will be its admission.
    Held(Place),
    /// Answered by the gate.
    Answered,
}

impl Stream {
    pub(crate) const fn new(id: u32, shared: Rc<Shared>) -> Self {
        Self { id, shared, state: State::New, answered: false, replaced: false }
    }

    /// Makes the edits and lets it go.
    fn open(&mut self, mut admission: Box<Admission>) -> Action {
        if apply(&admission).is_ok() {
            self.state = State::Open(admission);
            return Action::Continue;
        }
        self.shared.release(&mut admission, End::NeverSent);
        self.answer(&Denial::new(Reason::HostFailure))
    }

    /// Holds it for the sidecar, or until its body is there.
    fn hold(&mut self, attempt: Attempt) -> Action {
        let place = Seat::new(attempt);
        let Ok((how, reads)) = place.try_borrow_mut().map(|mut seat| (seat.pause(), seat.reads()))
        else {
            return self.answer(&Denial::new(Reason::HostFailure));
        };
        let waits = match reads {
            true => self.shared.wait_for_body(self.id, &place),
            false => self.shared.wait(self.id, &place),
        };
        if !waits {
            return self.answer(&Denial::new(Reason::Crowded));
        }
        self.state = State::Held(place);
        host::pause(how)
    }

    /// Decides again on one that is held, when its body is there.
    fn decide_held(&mut self, place: &Place) -> Action {
        let Ok(mut seat) = place.try_borrow_mut() else { return Action::Pause };
        let decision = self.shared.decide_seated(&mut seat);
        drop(seat);
        match decision {
            Decision::Admit(admission) => {
                self.shared.forget_waiter(self.id);
                self.open(admission)
            }
            Decision::Deny(denial) => {
                self.shared.forget_waiter(self.id);
                self.answer(&denial)
            }
            Decision::Await => {
                self.shared.forget_waiter(self.id);
                match self.shared.wait(self.id, place) {
                    true => Action::Pause,
                    false => self.answer(&Denial::new(Reason::Crowded)),
                }
            }
            Decision::Read => Action::Pause,
        }
    }

    fn answer(&mut self, denial: &Denial) -> Action {
        self.shared.answer(denial);
        self.state = State::Answered;
        Action::Pause
    }

    /// Its admission, if it has been let go.
    fn with_admission<T>(&mut self, work: impl FnOnce(&Shared, &mut Admission) -> T) -> Option<T> {
        let shared = &self.shared;
        match &mut self.state {
            State::New | State::Answered => None,
            State::Open(admission) => Some(work(shared, admission)),
            State::Held(place) => {
                let mut seat = place.try_borrow_mut().ok()?;
                seat.admission.as_deref_mut().map(|admission| work(shared, admission))
            }
        }
    }

    /// Where it is held, if it still is.
    fn place(&self) -> Option<Place> {
        match &self.state {
            State::Held(place) => {
                let held = place.try_borrow().is_ok_and(|seat| seat.admission.is_none());
                held.then(|| Rc::clone(place))
            }
            _ => None,
        }
    }

    /// Frees what it held, for the next one.
    fn leave(&self, mut admission: Box<Admission>) {
        let end = match admission.toll {
            Some(_) => answer::end_without(self.answered),
            None => End::Whole,
        };
        self.shared.release(&mut admission, end);
        // Without an answer, its connection has broken. Those who wait on the same one are about to end too,
        // and one after the other would be sent upstream just before.
        if self.answered {
            self.shared.pass_on();
        }
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let mut attempt = Attempt::new(!end_of_stream);
        match self.shared.decide(&mut attempt) {
            Decision::Admit(admission) => self.open(admission),
            Decision::Await | Decision::Read => self.hold(attempt),
            Decision::Deny(denial) => self.answer(&denial),
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let Some(place) = self.place() else {
            let count = |_: &Shared, admission: &mut Admission| {
                if let Some(meter) = admission.toll.as_mut().and_then(|toll| toll.meter()) {
                    meter.request_bytes(u64::try_from(size).unwrap_or(u64::MAX));
                }
            };
            return match self.with_admission(count) {
                Some(()) => Action::Continue,
                None => Action::Pause,
            };
        };
        self.shared.body_came();
        let Ok(mut seat) = place.try_borrow_mut() else { return Action::Pause };
        if seat.piece(size, end_of_stream).is_err() {
            drop(seat);
            self.shared.forget_waiter(self.id);
            return self.answer(&Denial::new(Reason::HostFailure));
        }
        let more = seat.reads() || !end_of_stream && !seat.is_too_long();
        drop(seat);
        if more { Action::Pause } else { self.decide_held(&place) }
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        let Some(place) = self.place() else { return Action::Continue };
        let ended = place.try_borrow_mut().is_ok_and(|mut seat| seat.end().is_ok());
        if ended {
            return self.decide_held(&place);
        }
        self.shared.forget_waiter(self.id);
        self.answer(&Denial::new(Reason::HostFailure))
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.answered = true;
        if self.replaced {
            return Action::Continue;
        }
        let instead = self
            .with_admission(|shared, admission| answer::head(shared, admission, end_of_stream))
            .flatten();
        let Some(denial) = instead else {
            return Action::Continue;
        };
        self.replaced = true;
        self.shared.answer(&denial);
        Action::Pause
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.with_admission(|shared, admission| {
            answer::body(shared, admission, size, end_of_stream);
        });
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.with_admission(|shared, admission| shared.settle(admission, End::Whole));
        Action::Continue
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, State::Answered) {
            State::New | State::Answered => {}
            State::Open(admission) => self.leave(admission),
            State::Held(place) => {
                self.shared.forget_waiter(self.id);
                let admission =
                    place.try_borrow_mut().ok().and_then(|mut seat| seat.admission.take());
                if let Some(admission) = admission {
                    self.leave(admission);
                }
            }
        }
    }
}

/// Makes the changes on the request of the effective context.
pub(crate) fn apply(admission: &Admission) -> Result<(), HostError> {
    admission.edits(|edit| match edit {
        Edit::Remove(name) => host::remove_header(Map::Request, name),
        Edit::Set(name, value) => host::set_header(Map::Request, name, value),
    })
}
