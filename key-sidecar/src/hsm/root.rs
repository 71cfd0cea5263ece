//! The check value: how a start knows that the token holds the root key that the records need.
//!
//! `init` stores HMAC(root, [`CHECK_INPUT`]) in `STATE/root.json`. It says nothing about the root
//! key. At every login the token is asked for it again; another answer is another token, another
//! partition or a root key made anew, and nothing is unsealed with it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::connection::Mac;
use super::error::HsmError;
use crate::files;

/// What is asked. Sealing keys are derived from length-prefixed fields, whose first byte is 0, so
/// no record can ever ask for the same.
pub(super) const CHECK_INPUT: &[u8] = b"tollkeeper/v1/check";

const FILE: &str = "root.json";
const FORMAT: u32 = 1;

/// `STATE/root.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RootRecord {
    format: u32,
    /// The label of the token that `init` saw.
    pub token_label: String,
    /// Its serial number.
    pub token_serial: String,
    /// When `init` saw it first.
    pub created: Timestamp,
    check: String,
}

impl RootRecord {
    pub(super) fn new(label: &str, serial: &str, check: &Mac, created: Timestamp) -> Self {
        Self {
            format: FORMAT,
            token_label: label.to_owned(),
            token_serial: serial.to_owned(),
            created,
            check: hex(check),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(state: &Path) -> PathBuf {
        state.join(FILE)
    }

    /// Reads it; `None` if `init` was not run yet.
    ///
    /// # Errors
    /// [`HsmError::State`].
    pub fn load(state: &Path) -> Result<Option<Self>, HsmError> {
        let path = Self::path(state);
        match files::read_json::<Self>(&path).map_err(HsmError::State)? {
            Some(record) if record.format != FORMAT => Err(HsmError::State(
                files::FileError::content(&path, "of another release of key-sidecar"),
            )),
            record => Ok(record),
        }
    }

    pub(super) fn store(&self, state: &Path) -> Result<(), HsmError> {
        files::write_json(&Self::path(state), self).map_err(HsmError::State)
    }

    /// Whether this is what the token answered when `init` saw it.
    pub(super) fn is_met_by(&self, check: &Mac) -> bool {
        self.check == hex(check)
    }

    /// The token that `init` saw, for messages.
    pub(super) fn describe(&self) -> String {
        format!("{:?} (serial number {})", self.token_label, self.token_serial)
    }
}

fn hex(bytes: &Mac) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
