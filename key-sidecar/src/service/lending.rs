//! The ledger on the real clock, and what of it outlives a restart.
//!
//! A snapshot is written every second while something changes, and once more, marked as clean, at the
//! end. After an unclean end the ledger starts in the strict direction: buckets empty, places held back.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use ledger::{
    Command, Definition, Ledger, Now, Refusal, Reply, RestoreError, Snapshot, Start, Sync,
};
use serde::{Deserialize, Serialize};
use wire::ids::Epoch;
use wire::sync::{LeaseAnswer, LeaseLine, SyncRequest};
use wire::units::UnixMillis;

use crate::files;
use crate::service::desk::DeskError;

/// The ledger and its file.
pub struct Lending {
    ledger: Ledger,
    file: PathBuf,
    changed: bool,
}

/// The file's form.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    /// Whether the ledger did nothing afterwards.
    clean: bool,
    snapshot: Snapshot,
}

/// Why a sync was not served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// By the ledger of limits.
    Ledger(Refusal),
    /// By the ledger of money.
    Money(DeskError),
    /// An invariant of the ledger was broken; it lends nothing any longer.
    Stopped,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger(Refusal::Crowded) => out.write_str("too many holders"),
            Self::Ledger(Refusal::Stale { last }) => {
                write!(out, "sequence {last} has been answered already")
            }
            Self::Ledger(Refusal::TooManyLines) => out.write_str("too many lease lines"),
            Self::Money(error) => write!(out, "{error}"),
            Self::Stopped => out.write_str("the ledger has stopped: an invariant was broken"),
        }
    }
}

impl Refused {
    /// Whether the same request may be served when it is repeated.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Money(DeskError::Busy | DeskError::Store | DeskError::Closed))
    }
}

/// Why the ledger could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The file cannot be read.
    Read(PathBuf, io::Error),
    /// The file is no snapshot.
    Form(PathBuf, serde_json::Error),
    /// The snapshot is of another version.
    Restore(PathBuf, RestoreError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(out, "{}: cannot be read: {error}", path.display()),
            Self::Form(path, error) => write!(
                out,
                "{}: is no snapshot of the ledger ({error}); remove it to start with empty buckets",
                path.display()
            ),
            Self::Restore(path, error) => write!(out, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

impl Lending {
    /// Goes on where the last life ended. `epoch` must be new.
    ///
    /// # Errors
    /// [`OpenError`] with the file and the remedy.
    pub fn open(state: &Path, epoch: Epoch) -> Result<Self, OpenError> {
        let file = state.join("ledger.json");
        let ledger = match std::fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ledger::new(epoch, Start::Full)
            }
            Err(error) => return Err(OpenError::Read(file, error)),
            Ok(bytes) => {
                let saved: Saved = serde_json::from_slice(&bytes)
                    .map_err(|error| OpenError::Form(file.clone(), error))?;
                let start = if saved.clean { Start::Full } else { Start::Empty };
                Ledger::restore(epoch, saved.snapshot, start)
                    .map_err(|error| OpenError::Restore(file.clone(), error))?
            }
        };
        Ok(Self { ledger, file, changed: true })
    }

    /// The name of the ledger's present life.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.ledger.epoch()
    }

    /// Sets the limits.
    pub fn define(&mut self, limits: Vec<Definition>, day_boundaries: Vec<UnixMillis>, now: Now) {
        self.changed = true;
        self.ledger.apply(Command::Define { limits, day_boundaries }, now);
    }

    /// Books what a plugin says and lends what it gets.
    ///
    /// # Errors
    /// [`Refused::Ledger`]; then nothing was booked.
    pub fn sync(
        &mut self,
        request: &SyncRequest,
        lines: Vec<LeaseLine>,
        now: Now,
    ) -> Result<Vec<LeaseAnswer>, Refused> {
        self.changed |= !lines.is_empty();
        let sync = Sync {
            holder: request.holder,
            sequence: request.sequence,
            epoch: request.epoch,
            lines,
        };
        match self.ledger.apply(Command::Sync(sync), now).reply {
            Reply::Synced(synced) => {
                for fault in &synced.faults {
                    tracing::debug!(?fault, "a holder said what was not booked");
                }
                Ok(synced.answers)
            }
            Reply::Refused(refusal) => Err(Refused::Ledger(refusal)),
            Reply::Defined(_) | Reply::Expired => Err(Refused::Stopped),
        }
    }

    /// Lets what has run out expire, and gives what must be written, if anything changed.
    ///
    /// # Errors
    /// If the snapshot cannot be written as JSON.
    pub fn tick(&mut self, now: Now) -> Result<Option<(PathBuf, Vec<u8>)>, serde_json::Error> {
        self.ledger.apply(Command::Expire, now);
        if !std::mem::take(&mut self.changed) {
            return Ok(None);
        }
        self.saved(false).map(|bytes| Some((self.file.clone(), bytes)))
    }

    /// Writes the last snapshot. Nothing may be lent afterwards.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn close(&mut self) -> io::Result<()> {
        files::write_atomically(&self.file, &self.saved(true)?)
    }

    fn saved(&self, clean: bool) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Saved { clean, snapshot: self.ledger.snapshot() })
    }
}
