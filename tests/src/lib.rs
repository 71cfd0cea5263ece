//! What the suites of Tollkeeper are written with.
//!
//! `host` drives the built `.wasm` without Envoy.

pub mod artifacts;
pub mod books;
pub mod cases;
pub mod client;
pub mod deployment;
pub mod envoy;
pub mod host;
pub mod load;
pub mod process;
pub mod rate;
pub mod shared;
pub mod sidecar;
pub mod softhsm;
pub mod upstream;
pub mod wait;
pub mod world;
