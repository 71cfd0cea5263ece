//! What can go wrong with the ledger's file, in words that name the place and the remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// What went wrong with which ledger.
#[derive(Debug)]
pub struct StoreError {
    /// The file; `None` for a store in memory.
    pub path: Option<PathBuf>,
    /// What went wrong.
    pub fault: Fault,
}

/// What a ledger can have wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Somebody else writes and does not end.
    Busy,
    /// The file is damaged.
    Corrupt(String),
    /// It is another program's file.
    Foreign,
    /// The disk, or the quota, is full.
    Full,
    /// The system said no.
    Io(String),
    /// Another sidecar serves this ledger.
    Locked {
        /// Its process, where it says so.
        process: Option<u32>,
    },
    /// There is no ledger.
    Missing,
    /// A newer version wrote it.
    Newer {
        /// Its version.
        found: u32,
        /// The last version that is known here.
        known: u32,
    },
    /// An older version wrote it, and who reads does not migrate.
    Older {
        /// Its version.
        found: u32,
        /// The version that is read here.
        known: u32,
    },
    /// The file must not be written.
    ReadOnly,
    /// A record cannot be kept or read.
    Record {
        /// Which table.
        table: &'static str,
        /// Which row of it.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// What SQLite says, where none of the above fits.
    Sqlite(String),
    /// The target of a copy is there already.
    Taken,
}

impl StoreError {
    pub(crate) fn new(path: &Path, fault: Fault) -> Self {
        Self { path: Some(path.to_owned()), fault }
    }

    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        let fault = match error.kind() {
            io::ErrorKind::NotFound => Fault::Missing,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::Full,
            io::ErrorKind::ReadOnlyFilesystem => Fault::ReadOnly,
            io::ErrorKind::AlreadyExists => Fault::Taken,
            _ => Fault::Io(error.to_string()),
        };
        Self::new(path, fault)
    }

    /// Whether the same may succeed a little later without anybody doing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.fault, Fault::Busy)
    }
}

impl Fault {
    pub(crate) fn record(
        table: &'static str,
        key: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self::Record { table, key: key.into(), why: why.into() }
    }

    /// What SQLite's error means for who runs the service.
    pub(crate) fn of(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt(error.to_string()),
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied,
            ) => Self::Io(error.to_string()),
            _ => Self::Sqlite(error.to_string()),
        }
    }

    /// The same, of one row: what is not the whole file's fault is the row's.
    pub(crate) fn of_row(table: &'static str, key: String, error: &rusqlite::Error) -> Self {
        match Self::of(error) {
            Self::Sqlite(why) => Self::Record { table, key, why },
            fault => fault,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(out, "the ledger {}: {}", path.display(), self.fault),
            None => write!(out, "the ledger in memory: {}", self.fault),
        }
    }
}

impl std::error::Error for StoreError {}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => out.write_str(
                "another program writes to it and does not end; close whatever has it open for \
                 writing",
            ),
            Self::Corrupt(why) => write!(
                out,
                "the file is damaged ({why}); stop the service, keep the file aside, and restore \
                 the last backup"
            ),
            Self::Foreign => out.write_str(
                "this is no ledger of Tollkeeper, or its first page is damaged; name the right \
                 state directory, or restore the last backup",
            ),
            Self::Full => {
                out.write_str("the disk is full; make room, nothing needs to be repaired")
            }
            Self::Io(why) => {
                write!(out, "{why}; look at the disk, and at who may write file and directory")
            }
            Self::Locked { process: Some(process) } => write!(
                out,
                "process {process} serves it already; one ledger has one sidecar, stop the other \
                 one"
            ),
            Self::Locked { process: None } => out.write_str(
                "another sidecar serves it already; one ledger has one sidecar, stop the other one",
            ),
            Self::Missing => out.write_str(
                "there is none; it is made when the service starts with a policy that has budgets",
            ),
            Self::Newer { found, known } => write!(
                out,
                "it has version {found}, this key-sidecar knows versions up to {known}; install \
                 the newer key-sidecar again"
            ),
            Self::Older { found, known } => write!(
                out,
                "it has version {found}, this key-sidecar reads version {known}; start the service \
                 once, which brings it up to date"
            ),
            Self::ReadOnly => out.write_str(
                "it cannot be written; give the service's user write permission on file and \
                 directory",
            ),
            Self::Record { table, key, why } => write!(out, "table {table}, {key}: {why}"),
            Self::Sqlite(why) => out.write_str(why),
            Self::Taken => out.write_str("there is a file of this name; choose another one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_full_disk_is_told_with_its_remedy() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE a (x); PRAGMA max_page_count = 3;").unwrap();
        let error = connection.execute("INSERT INTO a VALUES (zeroblob(65536))", []).unwrap_err();
        let error = StoreError::new(Path::new("/state/ledger.sqlite"), Fault::of(&error));
        assert!(matches!(error.fault, Fault::Full), "{error}");
        assert_eq!(
            error.to_string(),
            "the ledger /state/ledger.sqlite: the disk is full; make room, nothing needs to be \
             repaired"
        );
    }
}
