//! One login attempt for each PIN value, remembered across restarts.
//!
//! Tokens lock after a few wrong PINs, some for good, and a service that restarts in a loop tries
//! its PIN at each start. So before `C_Login` the attempt is written down and on the disk, with
//! argon2id(salt, PIN) to know the value again; afterwards its outcome is. A value that was
//! refused, or whose outcome nobody saw, is not tried again until the PIN source changes or an
//! operator says so. Neighbour: [`super::login`] makes the attempt.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use argon2::Argon2;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::HsmError;
use super::pin::Pin;
use crate::files::{self, FileError, Lock};

/// The file in the state directory.
const FILE: &str = "hsm-login.json";
const LOCK: &str = "hsm-login.lock";
const FORMAT: u32 = 1;

/// A PIN that this token has accepted before may be tried again after an attempt whose end nobody
/// saw (a hung HSM, a power cut), this often in a row. A human is asked before the third: the least
/// patient tokens lock after three.
const UNFINISHED_MAX: u32 = 2;

/// So many different PIN values may be refused before an operator must look. Luna and kryoptic lock
/// at 10.
const REFUSED_MAX: usize = 5;

/// Where attempts are remembered.
pub(super) struct AttemptLog {
    directory: PathBuf,
}

/// An attempt that has been written down. Dropped without an outcome, it stays as one that nobody
/// saw end.
pub(super) struct Attempt {
    path: PathBuf,
    before: Book,
    began: Book,
    entry: usize,
    _lock: Lock,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// Nobody saw it end.
    Pending,
    Accepted,
    Refused,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Book {
    format: u32,
    salt: String,
    pins: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    token_serial: String,
    /// argon2id(salt, PIN), base64.
    digest: String,
    outcome: Outcome,
    at: Timestamp,
    /// The token has accepted this value before.
    proven: bool,
    /// Attempts in a row whose end nobody saw.
    unfinished: u32,
}

impl AttemptLog {
    pub(super) fn in_state(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Writes down that `pin` is about to be tried on the token, or refuses.
    pub(super) fn begin(
        &self,
        serial: &str,
        pin: &Pin,
        now: Timestamp,
    ) -> Result<Attempt, HsmError> {
        let lock = files::lock_file(&self.directory.join(LOCK)).map_err(HsmError::State)?;
        let path = self.directory.join(FILE);
        let before = read_book(&path)?;
        let digest = digest(&before.salt, pin)?;
        let mut began = before.clone();
        let entry = began.enter(serial, digest, now)?;
        write_book(&path, &began)?;
        Ok(Attempt { path, before, began, entry, _lock: lock })
    }

    /// Forgets every refused and unfinished attempt: an operator answers for the PIN.
    pub(super) fn forget(&self) -> Result<(), FileError> {
        let _lock = files::lock_file(&self.directory.join(LOCK))?;
        let path = self.directory.join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FileError::io(&path, "remove", error))
            }
            _ => Ok(()),
        }
    }
}

impl Attempt {
    /// The token took the PIN.
    pub(super) fn accepted(self) -> Result<(), HsmError> {
        self.end(Outcome::Accepted)
    }

    /// The token refused the PIN.
    pub(super) fn refused(self) -> Result<(), HsmError> {
        self.end(Outcome::Refused)
    }

    /// The token did not judge the PIN: the device failed before. As if it had not been tried.
    pub(super) fn not_judged(self) -> Result<(), HsmError> {
        write_book(&self.path, &self.before)
    }

    fn end(mut self, outcome: Outcome) -> Result<(), HsmError> {
        if let Some(entry) = self.began.pins.get_mut(self.entry) {
            entry.outcome = outcome;
            entry.unfinished = 0;
            entry.proven = outcome == Outcome::Accepted;
        }
        if outcome == Outcome::Accepted {
            self.began.keep_only(self.entry);
        }
        write_book(&self.path, &self.began)
    }
}

impl Book {
    fn new() -> Result<Self, HsmError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| HsmError::PinUnreadable {
            place: "the system's random source, for the salt of its memory".into(),
            why: error.to_string(),
        })?;
        Ok(Self { format: FORMAT, salt: STANDARD.encode(salt), pins: Vec::new() })
    }

    /// The place of the entry for this attempt, pending.
    fn enter(&mut self, serial: &str, digest: String, now: Timestamp) -> Result<usize, HsmError> {
        let refuse = |why: String| HsmError::PinNotTried { serial: serial.to_owned(), why };
        let ours = |entry: &Entry| entry.token_serial == serial;
        let known = self.pins.iter().position(|entry| ours(entry) && entry.digest == digest);
        let Some(place) = known else {
            let failed =
                self.pins.iter().filter(|entry| ours(entry) && entry.outcome != Outcome::Accepted);
            if failed.count() >= REFUSED_MAX {
                return Err(refuse(format!("{REFUSED_MAX} other values were refused")));
            }
            self.pins.push(Entry {
                token_serial: serial.to_owned(),
                digest,
                outcome: Outcome::Pending,
                at: now,
                proven: false,
                unfinished: 1,
            });
            return Ok(self.pins.len().saturating_sub(1));
        };
        let Some(entry) = self.pins.get_mut(place) else {
            return Ok(place);
        };
        match entry.outcome {
            Outcome::Refused => {
                return Err(refuse(format!("the token refused it at {}", entry.at)));
            }
            Outcome::Pending if !entry.proven || entry.unfinished >= UNFINISHED_MAX => {
                return Err(refuse(format!(
                    "an attempt that began at {} never ended, so nobody knows whether the token \
                     counted it as wrong",
                    entry.at
                )));
            }
            Outcome::Pending | Outcome::Accepted => {}
        }
        entry.outcome = Outcome::Pending;
        entry.unfinished = entry.unfinished.saturating_add(1);
        entry.at = now;
        Ok(place)
    }

    /// What the token accepted makes all earlier failures on that token void.
    fn keep_only(&mut self, place: usize) {
        let Some(kept) = self.pins.get(place).cloned() else {
            return;
        };
        self.pins.retain(|entry| entry.token_serial != kept.token_serial);
        self.pins.push(kept);
    }
}

fn read_book(path: &Path) -> Result<Book, HsmError> {
    match files::read_json::<Book>(path) {
        Ok(Some(book)) if book.format == FORMAT => Ok(book),
        Ok(None) => Book::new(),
        // What cannot be read may hold a refusal: it counts as one.
        Ok(Some(_)) => Err(unreadable(path, "it is of another release")),
        Err(error) => Err(unreadable(path, &error.to_string())),
    }
}

fn unreadable(path: &Path, why: &str) -> HsmError {
    HsmError::PinNotTried {
        serial: "(any)".into(),
        why: format!("the memory of earlier attempts, {}, cannot be used: {why}", path.display()),
    }
}

fn write_book(path: &Path, book: &Book) -> Result<(), HsmError> {
    files::write_json(path, book).map_err(HsmError::State)
}

fn digest(salt: &str, pin: &Pin) -> Result<String, HsmError> {
    let mut digest = [0; 32];
    Argon2::default().hash_password_into(pin.expose(), salt.as_bytes(), &mut digest).map_err(
        |error| HsmError::PinUnreadable {
            place: "its source".into(),
            why: format!("argon2id: {error}"),
        },
    )?;
    Ok(STANDARD.encode(digest))
}

#[cfg(test)]
mod tests;
