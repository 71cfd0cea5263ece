//! A connection to a ledger: is it one, is it ours to write, and is it durable?

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{APPLICATION_ID, migrate};
use crate::files;
use crate::store::error::{Fault, StoreError};

/// How long a commit waits for another writer. There is none but a person with the `sqlite3` shell.
const BUSY: Duration = Duration::from_secs(5);

/// Statements that stay prepared: all that a commit uses.
const STATEMENTS: usize = 64;

/// Pages of the file that stay in memory, in KiB. Serves the tallies; entries are only appended.
const CACHE_KIB: i64 = 32 << 10;

/// Pages in the write-ahead log before they are copied into the file: 16 MiB. A group commit of
/// some hundred syncs writes about 300 pages, so the copy is made once in a dozen of them.
const CHECKPOINT_PAGES: i64 = 4_096;

/// What is kept of the write-ahead log's file after a long reader has let it grow.
const LOG_BYTES_KEPT: i64 = 64 << 20;

/// Opens the ledger for the one who serves it, and makes it if there is none.
pub(super) fn for_serving(path: &Path) -> Result<Connection, StoreError> {
    make_file(path).map_err(|error| StoreError::io(path, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let fail = |error: rusqlite::Error| StoreError::new(path, Fault::of(&error));
    let mut connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    prepare(&connection).map_err(fail)?;
    migrate::up_to_date(&mut connection).map_err(|fault| StoreError::new(path, fault))?;
    Ok(connection)
}

/// Opens a ledger for reading beside its service.
pub(in crate::store) fn read_only(path: &Path) -> Result<Connection, StoreError> {
    fs::metadata(path).map_err(|error| StoreError::io(path, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let fail = |error: rusqlite::Error| StoreError::new(path, Fault::of(&error));
    let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    connection.busy_timeout(BUSY).map_err(fail)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "query_only", true).map_err(fail)?;
    migrate::is_present_version(&connection).map_err(|fault| StoreError::new(path, fault))?;
    Ok(connection)
}

/// An empty file of the right mode and owner: SQLite gives both to the files that it makes beside
/// it.
fn make_file(path: &Path) -> io::Result<()> {
    let made = File::options().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(file) => {
            let directory = path.parent().unwrap_or(Path::new("."));
            files::give_to_owner_of(directory, &file)?;
            file.sync_all()?;
            // The name is an entry of the directory, and durable once the directory is.
            File::open(directory)?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Said by the mode, not found out by a write: root may write what nobody should.
            match fs::metadata(path)?.permissions().readonly() {
                true => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
                false => Ok(()),
            }
        }
        Err(error) => Err(error),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id != APPLICATION_ID && id != 0 {
        // Somebody else's file: nothing of it is changed, not even its journal mode.
        return Ok(());
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_on_the_disk_when_it_returns() {
        let state = tempfile::tempdir().unwrap();
        let connection = for_serving(&state.path().join("ledger.sqlite")).unwrap();
        let pragma =
            |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        // 2 is FULL: the log is flushed at every commit. A kill does not show it, only a power cut
        // would.
        assert_eq!((pragma("synchronous"), pragma("foreign_keys")), (2, 1));
        let mode: String =
            connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
}
