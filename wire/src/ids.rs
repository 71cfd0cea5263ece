//! Names and ids, each its own type, so that a client cannot be passed for a service.
//!
//! A name is written by people in policy files and travels in headers, URLs and file names, so it is
//! short, lower case and free of anything that would need escaping.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest name, in bytes: what fits a DNS label, so a name can be a host or a path segment.
pub const NAME_BYTES_MAX: usize = 63;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameError {
    /// It has no characters.
    Empty,
    /// It has more than [`NAME_BYTES_MAX`] bytes.
    TooLong,
    /// It has a character other than `a-z`, `0-9`, `-`, `_`, `.`, or does not begin with `a-z` or `0-9`.
    Character,
}

impl fmt::Display for NameError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Empty => "a name has at least one character",
            Self::TooLong => "a name has at most 63 characters",
            Self::Character => {
                "a name is made of a-z, 0-9, '-', '_' and '.', and begins with a letter or digit"
            }
        })
    }
}

impl core::error::Error for NameError {}

fn check_name(text: &str) -> Result<(), NameError> {
    let first = text.bytes().next().ok_or(NameError::Empty)?;
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if plain(first) && text.bytes().all(|b| plain(b) || matches!(b, b'-' | b'_' | b'.')) {
        Ok(())
    } else {
        Err(NameError::Character)
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $Name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $Name(Arc<str>);

        impl $Name {
            /// Takes `text` if it is a name.
            ///
            /// # Errors
            /// [`NameError`] says which rule it breaks.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check_name(text).map(|()| Self(Arc::from(text)))
            }

            /// The name as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    };
}

name! {
    /// A calling program, as policy names it.
    ClientName
}
name! {
    /// An upstream API, as policy names it.
    ServiceName
}
name! {
    /// An upstream's secret, as policy and the key directory name it.
    CredentialName
}
name! {
    /// An amount of money per period, as policy names it.
    BudgetName
}
name! {
    /// A list of prices, as policy names it.
    PriceListName
}
name! {
    /// Which policy is meant: the head of the SHA-256 over its files, in hex.
    PolicyVersion
}

/// One borrower: a root context of the plugin in one VM of one Envoy worker. Random, never reused.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HolderId(pub u128);

/// One life of the ledger's memory. What was lent in another life is void.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// The SHA-256 of a client key: all that is ever stored of one.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientKeyDigest(pub [u8; 32]);

impl ClientKeyDigest {
    /// Reads 64 hex digits of either case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = hex_digit(*high)?.checked_shl(4)? | hex_digit(*low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for ClientKeyDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for ClientKeyDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "sha256:{self}")
    }
}

impl Serialize for ClientKeyDigest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for ClientKeyDigest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::from_hex(&text).ok_or_else(|| de::Error::custom("expected 64 hex digits"))
    }
}

impl fmt::Display for HolderId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

impl fmt::Debug for HolderId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for HolderId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for HolderId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(|_| de::Error::custom("expected 32 hex digits"))
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_no_escaping_anywhere() {
        for good in ["openai", "team-7", "gpt-5.1_eu", "0"] {
            assert!(ServiceName::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", NameError::Empty),
            ("Open AI", NameError::Character),
            ("-x", NameError::Character),
            ("a/b", NameError::Character),
            ("é", NameError::Character),
        ] {
            assert_eq!(ServiceName::parse(bad), Err(why), "{bad}");
        }
        assert_eq!(ServiceName::parse(&"x".repeat(64)), Err(NameError::TooLong));
    }

    #[test]
    fn a_digest_survives_its_text() {
        let digest = ClientKeyDigest([0xab; 32]);
        assert_eq!(ClientKeyDigest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(ClientKeyDigest::from_hex("ab"), None);
        assert_eq!(ClientKeyDigest::from_hex(&"g".repeat(64)), None);
    }
}
