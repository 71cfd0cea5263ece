//! What becomes of money at the gate, asked from outside, with a ledger of a few lines.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where it fails"
)]

mod accounts;
mod models;
mod refusals;
mod sidecar;
mod world;
