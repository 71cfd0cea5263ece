//! The numbers of the proxy-wasm ABI 0.2.1, as types.

use std::fmt;

/// What a host call returns.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct Status(pub u32);

impl Status {
    /// Done.
    pub const OK: Self = Self(0);
    /// There is no such thing.
    pub const NOT_FOUND: Self = Self(1);
    /// Wrong at this moment, or wrong at any.
    pub const BAD_ARGUMENT: Self = Self(2);
    /// A map that is not in the ABI's form.
    pub const SERIALIZATION_FAILURE: Self = Self(3);
    /// A pointer to somewhere outside the memory.
    pub const INVALID_MEMORY_ACCESS: Self = Self(6);
    /// Somebody else was faster.
    pub const CAS_MISMATCH: Self = Self(8);
    /// Envoy could not.
    pub const INTERNAL_FAILURE: Self = Self(10);

    /// Every status that the ABI defines.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=12).map(Self)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.get(self.0 as usize).copied();
        write!(out, "{} ({})", name.unwrap_or("no status of the ABI"), self.0)
    }
}

const NAMES: [&str; 13] = [
    "Ok",
    "NotFound",
    "BadArgument",
    "SerializationFailure",
    "ParseFailure",
    "BadExpression",
    "InvalidMemoryAccess",
    "Empty",
    "CasMismatch",
    "ResultMismatch",
    "InternalFailure",
    "BrokenConnection",
    "Unimplemented",
];

/// What a headers callback returns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Go on.
    Continue,
    /// Wait for `proxy_continue_stream`, or for a local reply.
    Pause,
}

/// Which of the maps of headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum MapKind {
    Request,
    Response,
    CalloutHeaders,
    CalloutTrailers,
    /// One that this host never fills: trailers of streams, gRPC metadata.
    Empty,
}

impl MapKind {
    pub(super) fn parse(number: u32) -> Result<Self, Status> {
        match number {
            0 => Ok(Self::Request),
            2 => Ok(Self::Response),
            6 => Ok(Self::CalloutHeaders),
            7 => Ok(Self::CalloutTrailers),
            1 | 3 | 4 | 5 => Ok(Self::Empty),
            _ => Err(Status::BAD_ARGUMENT),
        }
    }
}
