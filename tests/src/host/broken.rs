//! How a VM ends.

use std::fmt;

/// Why a callback did not come to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Broken {
    /// The module trapped: a panic, no more fuel, or something that would bring Envoy down.
    Trap {
        /// In which callback.
        callback: &'static str,
        /// What wasmtime and the module say about it.
        reason: String,
        /// The functions that it was in, innermost first.
        trace: String,
    },
    /// The VM trapped earlier, and takes no calls any more.
    Dead {
        /// In which callback it trapped.
        since: &'static str,
    },
    /// The callback returned false. Envoy then does without the filter, or does not start.
    Refused {
        /// Which.
        callback: &'static str,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap { callback, reason, .. } => write!(out, "trap in {callback}: {reason}"),
            Self::Dead { since } => write!(out, "the VM is dead since its trap in {since}"),
            Self::Refused { callback } => write!(out, "{callback} returned false"),
        }
    }
}

impl std::error::Error for Broken {}
