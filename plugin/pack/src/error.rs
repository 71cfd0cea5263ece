//! Why a module cannot ship, each with what to do about it.

use std::fmt;

/// Why [`crate::pack`] refuses.
#[derive(Debug)]
pub enum PackError {
    /// Not WebAssembly, or not valid.
    NotAModule(anyhow::Error),
    /// Exports that Envoy needs are not there.
    ExportsMissing(Vec<&'static str>),
    /// The module asks the host for more than the contract allows.
    ImportsRefused(Vec<String>),
}

impl fmt::Display for PackError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAModule(_) => out.write_str("this is not a valid WebAssembly module"),
            Self::ExportsMissing(names) => write!(
                out,
                "the module does not export {}: build it as a cdylib for wasm32-wasip1, with \
                 proxy_wasm::main! in it",
                names.join(", ")
            ),
            Self::ImportsRefused(names) => write!(
                out,
                "the module imports {}: take the call out, or put it on a list of \
                 plugin/pack/src/contract.rs with its reason and into the \
                 capability_restriction_config of the samples",
                names.join(", ")
            ),
        }
    }
}

impl std::error::Error for PackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotAModule(cause) => Some(cause.as_ref()),
            Self::ExportsMissing(_) | Self::ImportsRefused(_) => None,
        }
    }
}
