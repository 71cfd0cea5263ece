//! How a receiver knows that an alert is ours: HMAC-SHA256 over time and body.
//!
//! `x-tollkeeper-signature: t=SECONDS,v1=HEX`, the MAC being over `SECONDS.BODY`. The time is under
//! the MAC so that a receiver can refuse what was recorded and is played back.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The header.
pub(super) const HEADER: &str = "x-tollkeeper-signature";

/// A key shorter than this can be found by trying.
const SECRET_BYTES_MIN: usize = 16;
const SECRET_BYTES_MAX: usize = 4_096;

/// The key of the signature.
pub(super) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Reads it from its file; one line end at its end is not part of it.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let mut bytes = Zeroizing::new(fs::read(path).map_err(|error| error.to_string())?);
        for end in [b'\n', b'\r'] {
            if bytes.last() == Some(&end) {
                bytes.pop();
            }
        }
        match bytes.len() {
            ..SECRET_BYTES_MIN => Err(format!("has fewer than {SECRET_BYTES_MIN} bytes")),
            SECRET_BYTES_MIN..=SECRET_BYTES_MAX => Ok(Self(bytes)),
            _ => Err(format!("has more than {SECRET_BYTES_MAX} bytes")),
        }
    }

    /// The value of the header.
    pub(super) fn sign(&self, seconds: u64, body: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{seconds}.{body}").as_bytes());
        let mut value = format!("t={seconds},v1=");
        for byte in mac.finalize().into_bytes() {
            // Writing to a string cannot fail.
            let _ = write!(value, "{byte:02x}");
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: &[u8]) -> Result<Secret, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, bytes).unwrap();
        Secret::read(&path)
    }

    /// Held against `printf '1795000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef`.
    #[test]
    fn the_signature_is_the_documented_hmac() {
        let secret = secret(b"0123456789abcdef\n").unwrap();
        assert_eq!(
            secret.sign(1_795_000_000, "{}").unwrap(),
            "t=1795000000,v1=0e41ae18dec0c98f9ccccdfc9da1d6b897e12bde7815a6055d8739af8b38df59"
        );
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(secret(b"0123456789abcde\n").is_err_and(|why| why.contains("fewer than 16")));
        assert!(secret(&[b'x'; 5_000]).is_err());
    }
}
