//! What the ledger remembers of a holder: its last request, as answered, and where it has leases.
//!
//! Invariant: a holder that is not remembered has no leases. One request back is enough, because a
//! holder repeats a request until it is answered before it makes the next.

use std::collections::BTreeSet;

use wire::limit::LimitKey;
use wire::sync::LeaseAnswer;
use wire::units::Millis;

/// The most holders at a time. An Envoy has a holder per worker (and another while a configuration
/// drains), so this is some hundred Envoys on one sidecar. A newcomer beyond it is refused.
pub const HOLDERS_MAX: usize = 10_000;

/// The most limits on which one holder has a lease: more than the clients that a plugin remembers.
/// A line beyond it gets nothing, and is told to come back in a second.
pub const HOLDER_LEASES_MAX: usize = 32_768;

/// How long a holder is remembered after its last word. An idle one speaks once a second, and the
/// longest lease is over after five; the rest of the minute is for the word of a call that outlived
/// its lease.
pub const HOLDER_FORGOTTEN_AFTER: Millis = Millis(60_000);

/// An answer as given, and until when its lease was told to be good.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) answer: LeaseAnswer,
    pub(crate) until: Millis,
}

/// One borrower.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    /// Of its last request that was served.
    pub(crate) sequence: u64,
    /// Whether that request spoke of another life.
    pub(crate) void: bool,
    /// What it was told then.
    pub(crate) given: Vec<Given>,
    /// When it last said something new.
    pub(crate) seen: Millis,
    /// The limits on which it has a lease, be it an empty one.
    pub(crate) leases: BTreeSet<LimitKey>,
    /// It comes from another life of the ledger: in its next request in this one, what it wants of
    /// places is what already runs.
    pub(crate) declares: bool,
}

impl Holder {
    pub(crate) const fn new(now: Millis) -> Self {
        Self {
            sequence: 0,
            void: false,
            given: Vec::new(),
            seen: now,
            leases: BTreeSet::new(),
            declares: false,
        }
    }
}
