//! One HTTP stream: Envoy's callbacks in, a decision applied.
//!
//! A stream is in exactly one state, and what it holds goes back when the state is dropped, however
//! the stream ends: answered, reset, refused by the codec before it had headers.

use std::rc::Rc;

use admission::admit::{Attempt, Decision};
use admission::counters::Counter;
use admission::denial::{Denial, Reason};
use admission::inject::{Admission, Edit};
use admission::scrub::{self, Verdict};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host::{self, HostError, Map};
use crate::root::Shared;
use crate::waiting::Place;

/// A stream of Envoy's.
pub(crate) struct Stream {
    id: u32,
    shared: Rc<Shared>,
    state: State,
    /// The upstream's answer was replaced: what comes back now is our own.
    replaced: bool,
}

enum State {
    /// No request headers yet; some streams never have any.
    New,
    /// Admitted at once.
    Open(Box<Admission>),
    /// It waited; here is or will be its admission.
    Waited(Place),
    /// Answered by the gate.
    Answered,
}

impl Stream {
    pub(crate) const fn new(id: u32, shared: Rc<Shared>) -> Self {
        Self { id, shared, state: State::New, replaced: false }
    }

    fn wait(&mut self, attempt: Attempt) -> Action {
        match self.shared.wait(self.id, attempt) {
            Some(place) => self.state = State::Waited(place),
            None => self.answer(&Denial::new(Reason::Crowded)),
        }
        Action::Pause
    }

    fn answer(&mut self, denial: &Denial) {
        self.shared.answer(denial);
        self.state = State::Answered;
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let mut attempt = Attempt::default();
        match self.shared.decide(&mut attempt) {
            Decision::Admit(mut admission) => match apply(&admission) {
                Ok(()) => {
                    self.state = State::Open(admission);
                    Action::Continue
                }
                Err(_) => {
                    self.shared.release(&mut admission);
                    self.answer(&Denial::new(Reason::HostFailure));
                    Action::Pause
                }
            },
            Decision::Await => self.wait(attempt),
            Decision::Deny(denial) => {
                self.answer(&denial);
                Action::Pause
            }
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let verdict = match &self.state {
            _ if self.replaced => None,
            State::New | State::Answered => None,
            State::Open(admission) => examine(&self.shared, admission),
            State::Waited(place) => {
                place.borrow().as_deref().and_then(|admission| examine(&self.shared, admission))
            }
        };
        let Some(denial) = verdict else {
            return Action::Continue;
        };
        self.replaced = true;
        self.shared.answer(&denial);
        Action::Pause
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, State::Answered) {
            State::New | State::Answered => {}
            State::Open(mut admission) => self.shared.release(&mut admission),
            State::Waited(place) => {
                self.shared.forget_waiter(self.id);
                if let Some(mut admission) = place.borrow_mut().take() {
                    self.shared.release(&mut admission);
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

/// Takes the credential out of the answer's headers; returns what to answer instead, if anything.
fn examine(shared: &Shared, admission: &Admission) -> Option<Denial> {
    let Ok(packed) = host::headers(Map::Response) else {
        shared.count(Counter::HostFailures);
        return Some(Denial::new(Reason::HostFailure));
    };
    match scrub::inspect(host::pairs(&packed), admission.credential()) {
        Verdict::Replace(denial) => Some(denial),
        Verdict::Pass(remove) => {
            for name in remove {
                shared.count(Counter::Scrubbed);
                if host::remove_header(Map::Response, name).is_err() {
                    return Some(Denial::new(Reason::HostFailure));
                }
            }
            None
        }
    }
}
