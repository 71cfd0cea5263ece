//! A request that is held: what was decided so far, and what came of its body.
//!
//! Envoy holds a request in one of two ways ([`host::Pause`]): as a whole, out of sight, or its head alone,
//! and then it shows the body, all that has come so far with each piece. In that case the request may
//! be let go within its own callbacks, or after the last of them; if it were let go between two pieces,
//! Envoy would keep what it has for good. [`Seat::may_go_on`] says so.

use std::cell::RefCell;
use std::rc::Rc;

use admission::admit::Attempt;
use admission::body::Body;
use admission::inject::Admission;

use crate::host::{self, HostError, Map, Pause};

/// Where a request is held, shared by its stream and the list of those that wait.
pub(crate) type Place = Rc<RefCell<Seat>>;

/// A request that is held.
pub(crate) struct Seat {
    pub(crate) attempt: Attempt,
    /// It may go, or has gone.
    pub(crate) admission: Option<Box<Admission>>,
    /// Bytes of its body that Envoy shows.
    shown: usize,
    shows: bool,
    ended: bool,
}

impl Seat {
    pub(crate) fn new(attempt: Attempt) -> Place {
        let seat = Self { attempt, admission: None, shown: 0, shows: false, ended: false };
        Rc::new(RefCell::new(seat))
    }

    /// How its head is to be held. Only what must be read, or may have to be, is held in sight: the rest
    /// Envoy keeps better.
    pub(crate) fn pause(&mut self) -> Pause {
        if self.reads() || self.attempt.blind {
            Pause::Head
        } else {
            self.attempt.seal();
            Pause::Whole
        }
    }

    /// Whether its body is being read and more of it is needed.
    pub(crate) fn reads(&self) -> bool {
        matches!(&self.attempt.body, Body::Reading(reading) if !reading.is_done())
    }

    /// Whether its body is longer than the gate reads.
    pub(crate) fn is_too_long(&self) -> bool {
        matches!(&self.attempt.body, Body::Reading(reading) if reading.is_too_long())
    }

    /// Whether it may be let go outside of the callbacks of its body.
    pub(crate) const fn may_go_on(&self) -> bool {
        self.ended || !self.shows
    }

    /// Takes note of a piece of the body: `size` bytes are shown, those of earlier pieces included.
    pub(crate) fn piece(&mut self, size: usize, end: bool) -> Result<(), HostError> {
        self.shows = true;
        let from = std::mem::replace(&mut self.shown, size);
        self.ended = end;
        self.read(from)
    }

    /// The body is over, with trailers.
    pub(crate) fn end(&mut self) -> Result<(), HostError> {
        self.ended = true;
        self.read(self.shown)
    }

    /// Reads all that is shown, where it turns out only now that the body matters.
    pub(crate) fn catch_up(&mut self) -> Result<(), HostError> {
        self.read(0)
    }

    /// Whether the body is all there.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    fn read(&mut self, from: usize) -> Result<(), HostError> {
        let Body::Reading(reading) = &mut self.attempt.body else { return Ok(()) };
        if reading.is_done() {
            return Ok(());
        }
        reading.piece(&host::request_body(from, self.shown.saturating_sub(from))?);
        if !self.ended {
            return Ok(());
        }
        reading.end();
        if reading.must_be_rewritten()
            && let Some(body) = reading.rewritten(&host::request_body(0, self.shown)?)
        {
            host::replace_request_body(self.shown, &body)?;
            let length = body.len().to_string();
            host::set_header(Map::Request, "content-length", length.as_bytes())?;
            self.shown = body.len();
        }
        Ok(())
    }
}
