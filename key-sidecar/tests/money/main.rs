//! Money in the running sidecar: is what was answered stored, is what was stored answered again, and
//! does who should hear of it?
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing test is supposed to stop there"
)]

mod administration;
mod alerts;
mod desk;
mod failing_disk;
#[path = "../it/fixture.rs"]
#[allow(dead_code, reason = "shared with the tests of the command line, which use all of it")]
mod fixture;
mod flaky;
mod holder;
mod policy_changes;
mod receiver;
mod restarts;
mod serving;
mod wait;
