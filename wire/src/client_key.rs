//! The client key: `tk_` and 48 characters of base64url, which hold 256 random bits and a check.
//!
//! The check lets the plugin turn away made-up and mistyped keys without asking anybody. It is no
//! secret: who knows this format can make keys that pass it, and meets the directory next. Only
//! the SHA-256 of a key is ever stored.

use alloc::string::String;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::ids::ClientKeyDigest;

/// What every issued key begins with, so that people and leak scanners know one when they see it.
pub const PREFIX: &str = "tk_";

/// Bytes of the check. 2^-32 of made-up keys get past it.
const CHECK_BYTES: usize = 4;
const RANDOM_BYTES: usize = 32;
/// All of them in base64url: 36 bytes need no padding.
const KEY_CHARS: usize = PREFIX.len() + 48;

/// What [`inspect`] can tell about a key by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// Begins with [`PREFIX`] and its check is right.
    Issued,
    /// Begins with [`PREFIX`] and is not one of ours: mistyped, cut off or made up.
    Broken,
    /// Does not begin with [`PREFIX`]: a key that policy knows by its digest, or none.
    Foreign,
}

/// Makes the key that holds `random`. The caller takes the bytes from a random source fit for keys.
#[must_use]
pub fn issue(random: &[u8; RANDOM_BYTES]) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES + CHECK_BYTES]);
    let check = check_of(random);
    for (to, from) in bytes.iter_mut().zip(random.iter().chain(&check)) {
        *to = *from;
    }
    let mut key = Zeroizing::new(String::with_capacity(KEY_CHARS));
    key.push_str(PREFIX);
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut key);
    key
}

/// Looks at a key without asking anybody.
#[must_use]
pub fn inspect(key: &[u8]) -> Shape {
    let Some(encoded) = key.strip_prefix(PREFIX.as_bytes()) else {
        return Shape::Foreign;
    };
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES + CHECK_BYTES]);
    let decoded = URL_SAFE_NO_PAD.decode_slice(encoded, bytes.as_mut_slice());
    if decoded != Ok(RANDOM_BYTES + CHECK_BYTES) {
        return Shape::Broken;
    }
    match bytes.split_first_chunk::<RANDOM_BYTES>() {
        Some((random, check)) if check == check_of(random) => Shape::Issued,
        _ => Shape::Broken,
    }
}

/// What is stored and looked up.
#[must_use]
pub fn digest(key: &[u8]) -> ClientKeyDigest {
    ClientKeyDigest(Sha256::digest(key).into())
}

fn check_of(random: &[u8; RANDOM_BYTES]) -> [u8; CHECK_BYTES] {
    let mut hash = Sha256::new();
    hash.update(b"tollkeeper client key v1");
    hash.update(random);
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_51_characters_and_passes_its_own_check() {
        let key = issue(&[7; 32]);
        assert_eq!(key.len(), 51);
        assert_eq!(inspect(key.as_bytes()), Shape::Issued);
    }

    #[test]
    fn every_one_character_slip_is_noticed() {
        let key = issue(&[7; 32]);
        for place in PREFIX.len()..key.len() {
            let mut slip = key.as_bytes().to_vec();
            slip[place] = if slip[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(inspect(&slip), Shape::Broken, "at {place}");
        }
        assert_eq!(inspect(&key.as_bytes()[..50]), Shape::Broken);
        assert_eq!(inspect(b"tk_"), Shape::Broken);
        assert_eq!(inspect(b"tk_\xff\xfe"), Shape::Broken);
    }

    #[test]
    fn a_key_of_somebody_else_is_foreign() {
        assert_eq!(inspect(b"sk-proj-1234"), Shape::Foreign);
        assert_eq!(inspect(b""), Shape::Foreign);
    }

    #[test]
    fn the_format_never_changes_silently() {
        let key = issue(&[0; 32]);
        assert_eq!(key.as_str(), "tk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACyzOkc");
    }
}
