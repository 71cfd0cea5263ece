//! The host calls of ABI 0.2.1 that Envoy 1.40 answers, with its answers.
//!
//! What the module imports and nobody links here becomes a trap with the import's name.

mod general;
mod headers;
mod http;
mod numbers;

use wasmtime::Linker;

use super::guest::{Guest, Refusal};
use super::state::HostState;

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    general::link(linker)?;
    headers::link(linker)?;
    http::link(linker)?;
    numbers::link(linker)
}

/// Links one host call: `host_call!(linker, "name", |guest, argument: type, ...| body)`.
macro_rules! host_call {
    ($linker:expr, $name:literal, |$guest:ident $(, $argument:ident: $type:ty)*| $body:expr) => {
        $linker.func_wrap(
            "env",
            $name,
            |caller: wasmtime::Caller<'_, $crate::host::state::HostState>, $($argument: $type),*| {
                $crate::host::guest::Guest::enter(caller, $name, |$guest| $body)
            },
        )?
    };
}
use host_call;
