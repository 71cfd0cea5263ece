//! A row as typed values. What is not what it should be is an error that names table and row, never
//! a panic: the file may have been in other hands.

use std::fmt::Write;
use std::sync::Arc;

use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};
use wire::budget::Term;
use wire::ids::{BudgetName, HolderId};
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::store::error::Fault;

/// Reads the columns of one row.
#[derive(Clone, Copy)]
pub(in crate::store) struct Reader<'r, 's> {
    table: &'static str,
    key_columns: usize,
    row: &'r Row<'s>,
}

impl<'r, 's> Reader<'r, 's> {
    /// A row of `table`, whose key are its first columns.
    pub(in crate::store) const fn new(
        table: &'static str,
        key_columns: usize,
        row: &'r Row<'s>,
    ) -> Self {
        Self { table, key_columns, row }
    }

    pub(in crate::store) fn signed(&self, column: usize) -> Result<i64, Fault> {
        self.get(column)
    }

    pub(in crate::store) fn unsigned(&self, column: usize) -> Result<u64, Fault> {
        let value: i64 = self.get(column)?;
        u64::try_from(value).map_err(|_| self.wrong(column, "is less than zero"))
    }

    pub(in crate::store) fn nanos(&self, column: usize) -> Result<Nanos, Fault> {
        self.unsigned(column).map(Nanos)
    }

    pub(in crate::store) fn nanos_or_none(&self, column: usize) -> Result<Option<Nanos>, Fault> {
        self.unless_null(column, Self::nanos)
    }

    pub(in crate::store) fn instant(&self, column: usize) -> Result<UnixMillis, Fault> {
        self.unsigned(column).map(UnixMillis)
    }

    pub(in crate::store) fn instant_or_none(
        &self,
        column: usize,
    ) -> Result<Option<UnixMillis>, Fault> {
        self.unless_null(column, Self::instant)
    }

    pub(in crate::store) fn term(&self, column: usize) -> Result<Term, Fault> {
        self.unsigned(column).map(Term)
    }

    pub(in crate::store) fn text(&self, column: usize) -> Result<&'r str, Fault> {
        let value = self.row.get_ref(column).map_err(|error| self.wrong(column, error))?;
        value.as_str().map_err(|error| self.wrong(column, error))
    }

    pub(in crate::store) fn shared(&self, column: usize) -> Result<Arc<str>, Fault> {
        self.text(column).map(Arc::from)
    }

    pub(in crate::store) fn shared_or_none(
        &self,
        column: usize,
    ) -> Result<Option<Arc<str>>, Fault> {
        self.unless_null(column, Self::shared)
    }

    pub(in crate::store) fn budget(&self, column: usize) -> Result<BudgetName, Fault> {
        self.parsed(column, BudgetName::parse)
    }

    pub(in crate::store) fn budget_or_none(
        &self,
        column: usize,
    ) -> Result<Option<BudgetName>, Fault> {
        self.unless_null(column, Self::budget)
    }

    pub(in crate::store) fn holder(&self, column: usize) -> Result<HolderId, Fault> {
        self.get(column).map(|bytes| HolderId(u128::from_be_bytes(bytes)))
    }

    /// A text that must be something.
    pub(in crate::store) fn parsed<T, E: std::fmt::Display>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Fault> {
        parse(self.text(column)?).map_err(|error| self.wrong(column, error))
    }

    pub(in crate::store) fn unless_null<T>(
        &self,
        column: usize,
        read: impl FnOnce(&Self, usize) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        match self.row.get_ref(column) {
            Ok(ValueRef::Null) => Ok(None),
            _ => read(self, column).map(Some),
        }
    }

    /// The error that this column is not what it should be.
    pub(in crate::store) fn wrong(&self, column: usize, why: impl std::fmt::Display) -> Fault {
        let name = self.row.as_ref().column_name(column).unwrap_or("?");
        Fault::record(self.table, self.key(), format!("{name}: {why}"))
    }

    fn get<T: FromSql>(&self, column: usize) -> Result<T, Fault> {
        self.row.get(column).map_err(|error| self.wrong(column, error))
    }

    fn key(&self) -> String {
        let mut key = String::new();
        for column in 0..self.key_columns {
            let name = self.row.as_ref().column_name(column).unwrap_or("?");
            let comma = if column == 0 { "" } else { ", " };
            let value = self.row.get_ref(column).map_or_else(|_| "?".into(), as_people_read);
            // Writing to a string does not fail.
            let _ = write!(key, "{comma}{name} {value}");
        }
        key
    }
}

fn as_people_read(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
    }
}
