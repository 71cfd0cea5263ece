//! Does the host behave as Envoy 1.40 does? A wrong host would make wrong plugin tests pass.
//!
//! Each test is a module of a few lines of WebAssembly text that makes the host calls in question and
//! says what they returned. The answers expected here were seen on the real Envoy.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of a test stops where the test would"
)]

mod callouts;
mod faults;
mod maps;
mod numbers;
mod puppet;
mod streams;
mod vms;
mod workers;
