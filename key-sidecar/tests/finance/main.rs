//! The binary as finance uses it: on a ledger that the store has written, without an HSM or a service.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fixture that does not start is a failed test, and this is where it stops"
)]

mod books;
mod charge;
mod correct;
mod desk;
mod export;
mod reconcile;
mod show;
