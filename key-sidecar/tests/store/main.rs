//! The store of the money ledger: one suite for all stores, then what only a file on a disk can
//! suffer.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that does not start is a failed test, and this is where it stops"
)]

mod conformance;
mod copies;
mod crash;
mod events;
mod naive;
mod random;
mod sample;
mod schema;
mod spend;
mod troubles;
