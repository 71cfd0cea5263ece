//! What an answer may not carry back: the credential that the request carried.
//!
//! Providers quote keys in their errors. So header values that hold the injected value are
//! removed, and an answer 401 or 403 has its body replaced by ours.

use crate::credential::Credential;
use crate::denial::{Denial, Reason};

/// What to do with an answer.
#[derive(Debug, Eq, PartialEq)]
pub enum Verdict<'a> {
    /// Pass it, without these headers.
    Pass(Vec<&'a str>),
    /// Replace it.
    Replace(Denial),
}

/// Looks at the head of an answer to a request that carried `credential`.
#[must_use]
pub fn inspect<'a>(
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    credential: &Credential,
) -> Verdict<'a> {
    let mut remove = Vec::new();
    for (name, value) in pairs {
        match (name, value) {
            (b":status", b"401") => return Verdict::Replace(refused(401)),
            (b":status", b"403") => return Verdict::Replace(refused(403)),
            _ if credential.is_in(value) => {
                remove.extend(std::str::from_utf8(name).ok());
            }
            _ => {}
        }
    }
    Verdict::Pass(remove)
}

const fn refused(status: u16) -> Denial {
    Denial::new(Reason::CredentialRefused(status))
}
