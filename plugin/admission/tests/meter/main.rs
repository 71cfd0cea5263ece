//! What answers cost, asked of the meter from outside: the shared cases, cut in every way, and the ones that
//! other gateways got wrong.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where it fails"
)]

mod answers;
mod any_bytes;
mod asked;
mod cases;
mod errors;
mod forms;
mod holds;
mod route;
mod streams;
