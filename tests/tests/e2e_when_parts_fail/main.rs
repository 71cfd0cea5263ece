//! What becomes of calls when a part of the gate is not there, dies, or answers wrongly?
//!
//! Nothing passes that may not, and what is mended works again by itself. Each test has a world of its
//! own, because it breaks it.

#![expect(clippy::unwrap_used, reason = "a helper of a test stops where the test would")]

mod filter;
mod hsm;
mod probe;
mod sidecar;

use serde_json::{Value, json};

/// More than any test here offers.
fn plenty() -> Value {
    json!([{ "requests": 100_000, "per": "second" }])
}
