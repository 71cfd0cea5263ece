//! The ledger: one truth about every shared limit, as a pure state machine of leases (DESIGN
//! section 2).
//!
//! [`Ledger::apply`] is a function of (state, command, time): no clock, no I/O, no randomness, so
//! the same commands give the same answers, always. What a holder has been lent counts as gone, so
//! over all holders, at every moment, what is used and what is lent never exceed what a limit gave
//! out; that is asserted after each command. An assertion may stop this crate: a ledger that is
//! wrong must not go on lending.
//!
//! Read on in this order: [`Command`] and [`Outcome`] (what is said), `state` (the control flow),
//! `limit` (one limit and its leases), `bucket`, `days` and `places` (the three kinds of stock),
//! `slice` (how much is lent, and when to come back), [`Snapshot`] (what outlives a restart).
//! Neighbours: `wire::sync` is what holders speak; the sidecar's service owns the clock and the
//! socket.

mod bucket;
mod census;
mod command;
mod days;
mod holder;
mod lease;
mod limit;
pub mod money;
mod outcome;
mod places;
mod slice;
mod snapshot;
mod state;
mod stock;

pub use command::{Command, Definition, Now, Start, Sync};
pub use days::Day;
pub use holder::{HOLDER_FORGOTTEN_AFTER, HOLDER_LEASES_MAX, HOLDERS_MAX};
pub use lease::{PLACE_GRACE, PLACE_TTL, REQUEST_TTL};
pub use outcome::{Defined, Fault, FaultKind, Lapses, LimitView, Outcome, Refusal, Reply, Synced};
pub use slice::{ASK_AGAIN_MAX, ASK_AGAIN_MIN, RECALL_WITHIN};
pub use snapshot::{RestoreError, SNAPSHOT_FORMAT, Snapshot};
pub use state::Ledger;
