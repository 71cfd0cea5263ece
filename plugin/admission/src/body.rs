//! A request's body, as far as a decision needs it: looked at in pieces as they come, and not kept.
//!
//! The head of the request is held until the body has ended: of two models in it a server may take the
//! second. What was found stays for the decisions that follow, since the request may have to wait for
//! the sidecar as well. Neighbours: [`crate::money::fare`] says whether a body must be read,
//! [`crate::ask`] reads it, [`crate::admit`] decides.

use crate::ask::{self, AskReader, Asked};
use crate::money::fare::Fare;

/// Where the gate stands with a request's body.
#[derive(Debug, Default)]
pub enum Body {
    /// The request has none.
    #[default]
    None,
    /// It can be read, and nobody has begun.
    Unread,
    /// It can no longer be read before the request goes: the request is held as a whole.
    Sealed,
    /// It is being read, or has been.
    Reading(Box<Reading>),
}

/// A body that is being read.
#[derive(Debug)]
pub struct Reading {
    reader: AskReader,
    asks_for_usage: bool,
    bytes_max: u64,
    ended: bool,
}

impl Reading {
    pub(crate) fn new(reader: AskReader, fare: &Fare, bytes_max: u64) -> Self {
        Self { reader, asks_for_usage: fare.must_ask_for_usage(), bytes_max, ended: false }
    }

    /// The next bytes of the body.
    pub fn piece(&mut self, piece: &[u8]) {
        self.reader.body(piece);
    }

    /// The body is over.
    pub const fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the decision can be made.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.ended || self.is_too_long()
    }

    /// Whether it is longer than the gate reads.
    #[must_use]
    pub const fn is_too_long(&self) -> bool {
        self.asked().bytes > self.bytes_max
    }

    /// What the request asks for.
    #[must_use]
    pub const fn asked(&self) -> &Asked {
        self.reader.asked()
    }

    /// Whether another body has to go in place of the one that came.
    #[must_use]
    pub fn must_be_rewritten(&self) -> bool {
        let asked = self.asked();
        let says_nothing = asked.stream == Some(true) && asked.include_usage != Some(true);
        self.ended && !self.is_too_long() && self.asks_for_usage && says_nothing
    }

    /// The body to send in place of `whole`: the same, asking for the usage at the end of the stream.
    #[must_use]
    pub fn rewritten(&self, whole: &[u8]) -> Option<Vec<u8>> {
        self.must_be_rewritten().then(|| ask::with_include_usage(whole)).flatten()
    }
}
