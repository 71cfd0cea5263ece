//! Bytes that nobody may see: no `Debug`, no `Display`, wiped when dropped.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

/// A secret value. It crosses the wire as base64, inside the sidecar's Unix socket only.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes; the caller wipes its own copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the one place that uses them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let text = Zeroizing::new(STANDARD.encode(self.expose()));
        to.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        let bytes = STANDARD.decode(text.as_bytes());
        bytes.map(Self::new).map_err(|_| de::Error::custom("expected base64"))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_secret_has_no_debug_text() {
        let secret = Secret::new(b"sk-canary".to_vec());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[redacted] Some([redacted])");
    }

    #[test]
    fn a_secret_crosses_the_wire_whole() {
        let text = serde_json::to_string(&Secret::new(alloc::vec![0, 255, 10])).unwrap();
        let back: Secret = serde_json::from_str(&text).unwrap();
        assert_eq!(back.expose(), [0, 255, 10]);
        assert!(serde_json::from_str::<Secret>("\"%\"").is_err());
    }
}
