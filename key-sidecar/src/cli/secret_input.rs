//! Where a secret comes from: standard input, or a prompt without echo. Never an argument, which
//! every user of the machine can see.

use std::io::{self, IsTerminal, Read};

use wire::secret::Secret;
use zeroize::Zeroizing;

use super::output::Failure;
use crate::credential::secret::SECRET_BYTES_MAX;
use crate::credential::validate;

/// A secret and a page of white space around it. Somebody who pipes more has the wrong file.
const INPUT_BYTES_MAX: usize = SECRET_BYTES_MAX + 4096;

/// Reads the secret of `what`.
pub(super) fn read(what: &str) -> Result<Secret, Failure> {
    let raw = match io::stdin().is_terminal() {
        true => prompt(what)?,
        false => read_all(io::stdin().lock())?,
    };
    Ok(validate(&raw)?)
}

fn prompt(what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = rpassword::prompt_password(format!("Secret of {what} (is not shown): "))?;
    Ok(Zeroizing::new(text.into_bytes()))
}

fn read_all(from: impl Read) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(INPUT_BYTES_MAX));
    let limit = u64::try_from(INPUT_BYTES_MAX).unwrap_or(u64::MAX);
    from.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
