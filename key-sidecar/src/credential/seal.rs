//! Sealing: AES-256-GCM in software, under a key that the HSM derives for one version of one
//! record.
//!
//! Key = HMAC(root, "tollkeeper/v1/seal", name, version). Associated data = format, name, version,
//! kind, hosts. Both are lists of length-prefixed fields, so no two records share either. GCM on
//! the token is not portable, and a bad ciphertext there looks like a dead HSM; an HMAC is neither.

use std::fmt;

use aes_gcm::aead::Payload;
use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::ids::CredentialName;
use wire::secret::Secret;
use zeroize::Zeroizing;

use super::{FORMAT, Kind, Record};
use crate::credential::secret;
use crate::hsm::{Hsm, HsmError, RootKey};

const NONCE_BYTES: usize = 12;

/// What a sealed secret is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The credential.
    pub name: &'a CredentialName,
    /// Which of its secrets.
    pub version: u32,
    /// Its kind.
    pub kind: Kind,
    /// Where it may go, in order.
    pub hosts: &'a [String],
}

/// Why a secret does not come out.
#[derive(Debug)]
pub enum UnsealError {
    /// The HSM did not derive the key.
    Hsm(HsmError),
    /// It is not in the form in which secrets are sealed.
    Malformed,
    /// The record has no such version, or it is revoked.
    NoSuchVersion,
    /// The record was changed after it was sealed, or sealed with another root key.
    Tampered,
}

impl fmt::Display for UnsealError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hsm(error) => write!(out, "{error}"),
            Self::Malformed => out.write_str("what was sealed is not in the form of a secret"),
            Self::NoSuchVersion => out.write_str("there is no such version, or it is revoked"),
            Self::Tampered => out.write_str(
                "the record was changed after it was sealed, or sealed under another root key: \
                 take it from the version control's history, or rotate the credential",
            ),
        }
    }
}

impl std::error::Error for UnsealError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Hsm(error) => Some(error),
            _ => None,
        }
    }
}

/// Seals a secret. One HSM call.
///
/// # Errors
/// [`UnsealError::Hsm`]; [`UnsealError::Malformed`] if the system has no random bytes or the cipher
/// refuses, which it has no reason to.
pub async fn seal(hsm: &Hsm, binding: Binding<'_>, secret: &Secret) -> Result<String, UnsealError> {
    let cipher = cipher(hsm, binding.name, binding.version).await?;
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| UnsealError::Malformed)?;
    let payload = Payload { msg: secret.expose(), aad: &binding.encode() };
    let sealed =
        cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| UnsealError::Malformed)?;
    Ok(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
}

/// Unseals one version of a record. One HSM call, and none if the version may not be used.
///
/// # Errors
/// [`UnsealError`].
pub async fn unseal(hsm: &Hsm, record: &Record, version: u32) -> Result<Secret, UnsealError> {
    let found = record
        .version(version)
        .filter(|_| !record.is_revoked(version))
        .ok_or(UnsealError::NoSuchVersion)?;
    let sealed = STANDARD.decode(&found.sealed).map_err(|_| UnsealError::Tampered)?;
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(UnsealError::Tampered)?;
    let binding =
        Binding { name: record.name(), version, kind: record.kind(), hosts: record.hosts() };
    let cipher = cipher(hsm, binding.name, version).await?;
    let payload = Payload { msg: sealed, aad: &binding.encode() };
    let opened =
        cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| UnsealError::Tampered)?;
    // Fit for a header when it was sealed; the plugin relies on it.
    secret::validate(&Zeroizing::new(opened)).map_err(|_| UnsealError::Malformed)
}

async fn cipher(hsm: &Hsm, name: &CredentialName, version: u32) -> Result<Aes256Gcm, UnsealError> {
    let purpose = Fields::new().text("tollkeeper/v1/seal").text(name.as_str()).number(version);
    let key = hsm.hmac(RootKey::Root, &purpose.0).await.map_err(UnsealError::Hsm)?;
    let key: &Key<Aes256Gcm> = (&*key).into();
    Ok(Aes256Gcm::new(key))
}

impl Binding<'_> {
    fn encode(&self) -> Vec<u8> {
        let hosts = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        let head = Fields::new()
            .text("tollkeeper/v1/record")
            .number(FORMAT)
            .text(self.name.as_str())
            .number(self.version)
            .text(self.kind.as_str())
            .number(hosts);
        self.hosts.iter().fold(head, |fields, host| fields.text(host)).0
    }
}

/// Fields, each behind its length in 8 bytes, so that no two lists have one encoding.
struct Fields(Vec<u8>);

impl Fields {
    const fn new() -> Self {
        Self(Vec::new())
    }

    fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    fn number(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.extend(length.to_be_bytes());
        self.0.extend(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn encode(name: &str, version: u32, hosts: &[&str]) -> Vec<u8> {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let binding = Binding {
            name: &CredentialName::parse(name).unwrap(),
            version,
            kind: Kind::Static,
            hosts: &hosts,
        };
        binding.encode()
    }

    #[test]
    fn no_two_bindings_have_one_encoding() {
        let all = [
            encode("a", 1, &["b.c"]),
            encode("a", 2, &["b.c"]),
            encode("ab", 1, &["b.c"]),
            encode("a", 1, &["b", "c"]),
            encode("a", 1, &["bc"]),
            encode("a", 1, &["c", "b"]),
            encode("a", 1, &["b.c", "b.c"]),
        ];
        let different: HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn the_encoding_never_changes_silently() {
        let hex: String = encode("a", 1, &["h"]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            concat!(
                "0000000000000014",
                "746f6c6c6b65657065722f76312f7265636f7264",
                "0000000000000004",
                "00000001",
                "0000000000000001",
                "61",
                "0000000000000004",
                "00000001",
                "0000000000000006",
                "737461746963",
                "0000000000000004",
                "00000001",
                "0000000000000001",
                "68",
            )
        );
    }
}
