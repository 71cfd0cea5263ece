//! The ledger in SQLite: `ledger.sqlite` in the state directory, for one writer and many readers.
//!
//! In WAL mode a commit is one append and one flush; whoever reads (`spend`, the `sqlite3` shell, a
//! backup) never holds up the writer. [`open`](SqliteStore::open) takes a lock beside the file, so
//! that two sidecars never serve the same ledger.
//!
//! Read on: `open` (checks and pragmas), `migrate` (versions of the schema), `commit` (what a
//! transaction writes), `load` (what is read at the start), [`backup`] (copy and restore).

pub mod backup;
mod commit;
mod kinds;
mod load;
mod lock;
mod migrate;
mod open;
mod row;

use std::path::{Path, PathBuf};

use ledger::money::record::{Change, Image};
use rusqlite::Connection;

pub(super) use load::account;
pub(super) use open::read_only;
pub(super) use row::Reader;

use self::lock::Lock;
use super::Store;
use super::error::{Fault, StoreError};
use super::plan::Plan;

/// The ledger's file in the state directory.
pub const FILE: &str = "ledger.sqlite";

/// What marks a SQLite file as a ledger of ours: "toll".
const APPLICATION_ID: i32 = 0x746f_6c6c;

/// A ledger on disk, for the one who serves it.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    last_entry: u64,
    _lock: Lock,
}

impl SqliteStore {
    /// Opens the ledger of a state directory; makes one if there is none, and brings an older one
    /// up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let path = state.join(FILE);
        let lock = Lock::take(&path)?;
        let connection = open::for_serving(&path)?;
        let last_entry =
            load::last_entry(&connection).map_err(|fault| StoreError::new(&path, fault))?;
        Ok(Self { connection, path, last_entry, _lock: lock })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn book(&mut self, changes: &[Change]) -> Result<(), Fault> {
        let plan = Plan::of(changes, self.last_entry)?;
        let last_entry = plan.last_entry;
        commit::write(&mut self.connection, &plan)?;
        self.last_entry = last_entry;
        Ok(())
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Image, StoreError> {
        let loaded = load::image(&mut self.connection);
        let image = loaded.map_err(|fault| StoreError::new(&self.path, fault))?;
        self.last_entry = image.last_entry;
        Ok(image)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.book(changes).map_err(|fault| StoreError::new(&self.path, fault))
    }
}
