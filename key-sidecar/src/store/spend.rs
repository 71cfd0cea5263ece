//! Reading the ledger beside its service: for the command line, alerts and exports.
//!
//! A [`Spend`] has a connection of its own that cannot write, and holds up nobody. Every answer is
//! as of one moment; to get several of the same moment, take a [`Still`] first. Sums come from the
//! tallies where the time range allows (whole quarters of an hour), otherwise from the calls
//! themselves; both are exact. Read on: [`query`] (what can be asked), [`balances`], [`sums`],
//! [`entries`], [`agreement`] (whether accounts are the sum of their entries).

pub mod agreement;
pub mod balances;
pub mod entries;
pub mod query;
mod source;
pub mod sums;
pub mod terms;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Params, Transaction};

use self::query::Filter;
use super::error::{Fault, StoreError};
use super::sqlite::{self, Reader};

/// The grain of the tallies: the difference of any two time zones of today is a whole number of
/// quarters of an hour, so days and hours of all of them can be added up.
pub const QUARTER_MS: u64 = 15 * 60 * 1000;

/// A ledger, for reading.
#[derive(Debug)]
pub struct Spend {
    connection: Connection,
    path: PathBuf,
}

/// For as long as it lives, every answer of the [`Spend`] is as of the moment that it was taken.
#[derive(Debug)]
pub struct Still<'a>(#[expect(dead_code, reason = "held for its end")] Transaction<'a>);

impl Spend {
    /// Opens a ledger's file. Works while the service writes it, and when there is none; then the
    /// directory must be writable, because SQLite makes a file beside it.
    ///
    /// # Errors
    /// [`StoreError`], also where the file has another version than this binary.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: sqlite::read_only(path)?, path: path.to_owned() })
    }

    /// Opens the ledger of a state directory.
    ///
    /// # Errors
    /// As [`Spend::open`].
    pub fn in_state(state: &Path) -> Result<Self, StoreError> {
        Self::open(&state.join(sqlite::FILE))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Holds this moment still. Not for long: the service's log grows until it is dropped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn still(&self) -> Result<Still<'_>, StoreError> {
        let fail = |error: rusqlite::Error| StoreError::new(&self.path, Fault::of(&error));
        let moment = self.connection.unchecked_transaction().map_err(fail)?;
        // The moment is that of the first read, so there is one now.
        moment
            .query_row("SELECT count(*) FROM (SELECT 1 FROM entry LIMIT 1)", [], |_| Ok(()))
            .map_err(fail)?;
        Ok(Still(moment))
    }

    /// The number of the last entry; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn last_entry(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(number), 0) FROM entry";
        let found = self.rows(sql, [], ("entry", 0), |row| row.unsigned(0))?;
        Ok(found.first().copied().unwrap_or(0))
    }

    /// The rows of a query, each read by `read`; (table, number of key columns) name one in errors.
    fn rows<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        (table, key_columns): (&'static str, usize),
        read: impl FnMut(Reader<'_, '_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, StoreError> {
        let mut read = read;
        let mut found = Vec::new();
        self.each_row(sql, parameters, (table, key_columns), |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    fn each_row(
        &self,
        sql: &str,
        parameters: impl Params,
        (table, key_columns): (&'static str, usize),
        mut each: impl FnMut(Reader<'_, '_>) -> Result<(), Fault>,
    ) -> Result<(), StoreError> {
        let fail = |fault| StoreError::new(&self.path, fault);
        let of = |error: rusqlite::Error| fail(Fault::of_row(table, "a query".to_owned(), &error));
        let mut statement = self.connection.prepare_cached(sql).map_err(of)?;
        let mut rows = statement.query(parameters).map_err(of)?;
        while let Some(row) = rows.next().map_err(of)? {
            each(Reader::new(table, key_columns, row)).map_err(fail)?;
        }
        Ok(())
    }
}
