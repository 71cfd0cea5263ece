//! What a secret must look like to be fit for a header: 0x20 to 0x7E, nothing around it.
//!
//! A line end at the end of a file is the common case and is taken off. Anything else that a proxy
//! would refuse is refused here, before it is an outage.

use std::fmt;

use wire::secret::Secret;
use zeroize::Zeroizing;

/// Longer secrets do not fit the headers that they are made for.
pub const SECRET_BYTES_MAX: usize = 8192;

/// Why bytes are no secret. Says where, never what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecretError {
    /// Nothing is left after trimming.
    Empty,
    /// A byte that no header may carry.
    Byte {
        /// Its place in the trimmed secret, from 1.
        place: usize,
    },
    /// More than [`SECRET_BYTES_MAX`] bytes.
    TooLong,
}

impl fmt::Display for SecretError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("the secret is empty"),
            Self::Byte { place } => write!(
                out,
                "byte {place} of the secret cannot be part of a header: only printable ASCII can. \
                 (A line break in the middle, or a text that was copied with formatting?)"
            ),
            Self::TooLong => write!(out, "the secret is longer than {SECRET_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for SecretError {}

/// The secret in `raw`, without the white space around it.
///
/// # Errors
/// [`SecretError`].
pub fn validate(raw: &Zeroizing<Vec<u8>>) -> Result<Secret, SecretError> {
    let trimmed = raw.trim_ascii();
    if trimmed.is_empty() {
        return Err(SecretError::Empty);
    }
    if trimmed.len() > SECRET_BYTES_MAX {
        return Err(SecretError::TooLong);
    }
    if let Some(place) = trimmed.iter().position(|byte| !(0x20..=0x7e).contains(byte)) {
        return Err(SecretError::Byte { place: place.saturating_add(1) });
    }
    Ok(Secret::new(trimmed.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &[u8]) -> Result<Vec<u8>, SecretError> {
        validate(&Zeroizing::new(raw.to_vec())).map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn white_space_around_a_secret_is_not_part_of_it() {
        assert_eq!(check(b"sk-1\n").unwrap(), b"sk-1");
        assert_eq!(check(b" \t\r\nsk-1 2\r\n\r\n").unwrap(), b"sk-1 2");
    }

    #[test]
    fn a_bad_byte_is_told_by_its_place() {
        assert_eq!(check(b" a\nb"), Err(SecretError::Byte { place: 2 }));
        assert_eq!(check(b"abc\x7f"), Err(SecretError::Byte { place: 4 }));
        assert_eq!(check("\u{a0}".as_bytes()), Err(SecretError::Byte { place: 1 }));
        assert_eq!(check(b"a\0b"), Err(SecretError::Byte { place: 2 }));
    }

    #[test]
    fn every_byte_is_either_printable_or_refused() {
        for byte in 0..=u8::MAX {
            let whole = check(&[b'a', byte, b'z']);
            assert_eq!(whole.is_ok(), (0x20..=0x7e).contains(&byte), "{byte:#x}");
        }
    }

    #[test]
    fn length_has_bounds_on_both_sides() {
        assert_eq!(check(b" \n"), Err(SecretError::Empty));
        assert!(check(&[b'x'; SECRET_BYTES_MAX]).is_ok());
        assert_eq!(check(&[b'x'; SECRET_BYTES_MAX + 1]), Err(SecretError::TooLong));
    }
}
