//! Bytes to [`SyncRequest`] and [`SyncReply`] and back: JSON, bounded before it is parsed.

use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::sync::{
    CREDENTIALS_MAX, LEASES_MAX, MONEY_MAX, PROTOCOL, SETTLEMENTS_MAX, SyncReply, SyncRequest,
    WHO_MAX,
};

/// The longest request that the sidecar reads: all lists full, with room to spare.
pub const REQUEST_BYTES_MAX: usize = 2 << 20;
/// The longest answer that the plugin reads: a policy of some thousand routes.
pub const REPLY_BYTES_MAX: usize = 4 << 20;

/// Why bytes are no message.
#[derive(Debug)]
pub enum FrameError {
    /// More bytes than the bound.
    TooLong {
        /// The bound.
        bytes_max: usize,
    },
    /// A list has more entries than its bound.
    TooMany {
        /// Which list.
        list: &'static str,
    },
    /// The other side speaks another version.
    Protocol {
        /// Which.
        theirs: u16,
    },
    /// Not the JSON of the message.
    Form(serde_json::Error),
    /// The message could not be written.
    Write(serde_json::Error),
}

impl fmt::Display for FrameError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes_max } => {
                write!(out, "the message is longer than {bytes_max} bytes")
            }
            Self::TooMany { list } => write!(out, "the message has too many entries in {list:?}"),
            Self::Protocol { theirs } => write!(
                out,
                "the other side speaks version {theirs} of the sync protocol, this one {PROTOCOL}: \
                 use a plugin and a sidecar of one release"
            ),
            // Only where, never what: the text of a JSON error can quote the message.
            Self::Form(error) => write!(
                out,
                "the message is not a sync message (line {}, column {})",
                error.line(),
                error.column()
            ),
            Self::Write(_) => out.write_str("the message cannot be written as JSON"),
        }
    }
}

impl core::error::Error for FrameError {}

#[derive(Deserialize)]
struct ProtocolOnly {
    protocol: u16,
}

/// Writes a request.
///
/// # Errors
/// [`FrameError::Write`], which no request that this crate can express brings about.
pub fn encode_request(request: &SyncRequest) -> Result<Vec<u8>, FrameError> {
    serde_json::to_vec(request).map_err(FrameError::Write)
}

/// Writes an answer.
///
/// # Errors
/// [`FrameError::Write`], which no answer that this crate can express brings about.
pub fn encode_reply(reply: &SyncReply) -> Result<Vec<u8>, FrameError> {
    serde_json::to_vec(reply).map_err(FrameError::Write)
}

/// Reads a request.
///
/// # Errors
/// [`FrameError`]: too long, another version, or not of the form.
pub fn decode_request(bytes: &[u8]) -> Result<SyncRequest, FrameError> {
    let request: SyncRequest = decode(bytes, REQUEST_BYTES_MAX)?;
    for (list, len, max) in [
        ("who", request.who.len(), WHO_MAX),
        ("credentials", request.credentials.len(), CREDENTIALS_MAX),
        ("leases", request.leases.len(), LEASES_MAX),
        ("money", request.money.len(), MONEY_MAX),
        ("settlements", request.settlements.len(), SETTLEMENTS_MAX),
    ] {
        if len > max {
            return Err(FrameError::TooMany { list });
        }
    }
    Ok(request)
}

/// Reads an answer.
///
/// # Errors
/// [`FrameError`]: too long, another version, or not of the form.
pub fn decode_reply(bytes: &[u8]) -> Result<SyncReply, FrameError> {
    decode(bytes, REPLY_BYTES_MAX)
}

fn decode<T: DeserializeOwned>(bytes: &[u8], bytes_max: usize) -> Result<T, FrameError> {
    if bytes.len() > bytes_max {
        return Err(FrameError::TooLong { bytes_max });
    }
    // The version first: a newer side may have fields that this one does not know.
    let ProtocolOnly { protocol } = serde_json::from_slice(bytes).map_err(FrameError::Form)?;
    if protocol != PROTOCOL {
        return Err(FrameError::Protocol { theirs: protocol });
    }
    serde_json::from_slice(bytes).map_err(FrameError::Form)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;
    use crate::ids::{ClientKeyDigest, HolderId, ServiceName};
    use crate::sync::WhoIs;

    fn request() -> SyncRequest {
        SyncRequest {
            protocol: PROTOCOL,
            holder: HolderId(7),
            sequence: 1,
            epoch: None,
            policy: None,
            directory: 0,
            who: vec![],
            credentials: vec![],
            leases: vec![],
            money: vec![],
            settlements: vec![],
        }
    }

    #[test]
    fn a_request_survives_its_bytes() {
        let bytes = encode_request(&request()).unwrap();
        let back = decode_request(&bytes).unwrap();
        assert_eq!(encode_request(&back).unwrap(), bytes);
    }

    #[test]
    fn another_version_is_refused_by_name_even_with_fields_unknown_here() {
        let error = decode_request(br#"{"protocol":3,"new_field":[]}"#).unwrap_err();
        assert!(error.to_string().contains("version 3"), "{error}");
    }

    #[test]
    fn lists_are_bounded() {
        let who = WhoIs {
            digest: ClientKeyDigest([0; 32]),
            service: ServiceName::parse("openai").unwrap(),
        };
        let crowd = SyncRequest { who: vec![who; WHO_MAX + 1], ..request() };
        let bytes = encode_request(&crowd).unwrap();
        assert!(matches!(decode_request(&bytes), Err(FrameError::TooMany { list: "who" })));
        assert!(matches!(
            decode_request(&vec![b' '; REQUEST_BYTES_MAX + 1]),
            Err(FrameError::TooLong { .. })
        ));
    }

    #[test]
    fn an_error_never_quotes_the_message() {
        let error = decode_reply(br#"{"protocol":1,"sequence":"sk-canary"}"#).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = decode_request(&bytes);
            let _ = decode_reply(&bytes);
        }
    }
}
