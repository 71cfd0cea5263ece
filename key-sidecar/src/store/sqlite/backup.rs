//! A copy of the ledger while it is served, and the way back.
//!
//! The copy is what was committed at one moment, every transaction before it and none after. It is
//! checked before it gets its name, and is one file without a log beside it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tempfile::TempPath;

use super::lock::Lock;
use super::{FILE, load, open};
use crate::files;
use crate::store::error::{Fault, StoreError};

/// What a copy holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Copied {
    /// The number of its last entry.
    pub last_entry: u64,
    /// Its size.
    pub bytes: u64,
}

/// Copies a ledger to `to`, where nothing must be yet. Works while the ledger is served, and holds
/// up nobody; the service's log grows until the copy is made.
///
/// # Errors
/// [`StoreError`], also if the copy is not sound; there is no file then.
pub fn backup(ledger: &Path, to: &Path) -> Result<Copied, StoreError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(StoreError::new(to, Fault::Taken));
    }
    let from = open::read_only(ledger)?;
    let unnamed = copy(&from, ledger, to)?;
    let copied = check(&unnamed)?;
    give_name(unnamed, to)?;
    Ok(copied)
}

/// Puts a copy in the place of a state directory's ledger, which must not be served. The one that
/// was there is kept beside it, and its new path is returned.
///
/// # Errors
/// [`StoreError`]; the ledger is then as it was.
pub fn restore(copy_path: &Path, state: &Path) -> Result<Option<PathBuf>, StoreError> {
    let ledger = state.join(FILE);
    let _lock = Lock::take(&ledger)?;
    let from = open::read_only(copy_path)?;
    let unnamed = copy(&from, copy_path, &ledger)?;
    let copied = check(&unnamed)?;
    let kept = set_aside(&ledger, copied.last_entry)?;
    give_name(unnamed, &ledger)?;
    Ok(kept)
}

/// All pages, as of the moment of the first, in a file beside `to`.
fn copy(from: &Connection, of: &Path, to: &Path) -> Result<TempPath, StoreError> {
    let directory = directory_of(to);
    let fail = |error: std::io::Error| StoreError::io(directory, &error);
    // Such a file has mode 0600.
    let file =
        tempfile::Builder::new().prefix(".tmp-ledger-").tempfile_in(directory).map_err(fail)?;
    files::give_to_owner_of(directory, file.as_file()).map_err(fail)?;
    let unnamed = file.into_temp_path();
    let failed = |error: rusqlite::Error| StoreError::new(of, Fault::of(&error));
    let mut target =
        Connection::open_with_flags(&unnamed, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    let step = Backup::new(from, &mut target).and_then(|backup| backup.step(-1)).map_err(failed)?;
    if step != StepResult::Done {
        return Err(StoreError::new(of, Fault::Busy));
    }
    // Out of WAL mode, so that the copy is one file.
    target.pragma_update(None, "journal_mode", "delete").map_err(failed)?;
    target.close().map_err(|(_, error)| failed(error))?;
    Ok(unnamed)
}

/// Whether a copy is sound: its pages, and what its rows name. Not whether accounts are the sum of
/// their entries: a copy must be true to what it copies, and [`Spend::agreement`] tells of both
/// alike.
///
/// [`Spend::agreement`]: crate::store::spend::Spend::agreement
fn check(copy: &Path) -> Result<Copied, StoreError> {
    let connection = open::read_only(copy)?;
    let fail = |fault| StoreError::new(copy, fault);
    let first = |sql, column| {
        let found = connection.query_row(sql, [], |row| row.get::<_, String>(column)).optional();
        found.map_err(|error| fail(Fault::of(&error)))
    };
    let pages = first("PRAGMA integrity_check(1)", 0)?.filter(|text| text != "ok");
    let names = first("PRAGMA foreign_key_check", 0)?
        .map(|table| format!("a row of table {table} names another that is not there"));
    if let Some(why) = pages.or(names) {
        return Err(fail(Fault::Corrupt(why)));
    }
    let last_entry = load::last_entry(&connection).map_err(fail)?;
    let bytes = fs::metadata(copy).map_err(|error| StoreError::io(copy, &error))?.len();
    Ok(Copied { last_entry, bytes })
}

/// Moves the ledger away, with its log: what is in the log belongs to that file and no other.
fn set_aside(ledger: &Path, restored: u64) -> Result<Option<PathBuf>, StoreError> {
    if fs::symlink_metadata(ledger).is_err() {
        return Ok(None);
    }
    let kept = (0_u32..)
        .map(|count| ledger.with_extension(format!("before-{restored}-{count}.sqlite")))
        .find(|path| fs::symlink_metadata(path).is_err())
        .unwrap_or_else(|| ledger.with_extension("before"));
    for end in ["-wal", "-shm", ""] {
        let (from, to) = (with_end(ledger, end), with_end(&kept, end));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io(&from, &error));
            }
            _ => {}
        }
    }
    Ok(Some(kept))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn give_name(unnamed: TempPath, to: &Path) -> Result<(), StoreError> {
    let fail = |error: std::io::Error| StoreError::io(to, &error);
    File::open(&unnamed).and_then(|file| file.sync_all()).map_err(fail)?;
    unnamed.persist_noclobber(to).map_err(|error| fail(error.error))?;
    File::open(directory_of(to)).and_then(|directory| directory.sync_all()).map_err(fail)
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
