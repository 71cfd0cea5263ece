//! What is read at the start: the balances, and of the entries only the corrections and the last
//! number.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::money::command::Correction;
use ledger::money::record::{Account, HolderRecord, Image, LeaseRecord, TermRecord};
use rusqlite::{Connection, Params, Transaction};
use wire::budget::Term;
use wire::ids::BudgetName;

use super::row::Reader;
use crate::store::LATE_WORD_MAX;
use crate::store::error::Fault;

const ACCOUNTS: &str = "
SELECT budget, period, within, starts_at, ends_at, cap_nanos,
       settled_nanos, presumed_nanos, corrected_nanos, reserved_nanos
FROM account ORDER BY budget, period";

/// The terms that a lease or a late settlement can name, and the newest, after which the ledger
/// counts on.
const TERMS: &str = "
SELECT term.term, position, budget, period
FROM term LEFT JOIN term_account USING (term)
WHERE term.term = (SELECT max(term) FROM term)
   OR EXISTS (SELECT 1 FROM lease WHERE lease.term = term.term)
   OR NOT EXISTS (
       SELECT 1 FROM term_account AS one JOIN account USING (budget, period)
       WHERE one.term = term.term AND ends_at <= ?1)
ORDER BY term.term, position";

const LEASES: &str =
    "SELECT holder, term, lent_nanos, presumed_nanos FROM lease ORDER BY holder, term";

const HOLDERS: &str = "SELECT holder, sequence, answers, heard_at FROM holder ORDER BY holder";

const CORRECTIONS: &str = "
SELECT entry, id, budget, period, amount_nanos, who, why
FROM correction JOIN correction_account USING (entry)
WHERE position = 0 ORDER BY entry";

/// Everything, as of one moment.
pub(super) fn image(connection: &mut Connection) -> Result<Image, Fault> {
    let moment = connection.transaction().map_err(|error| Fault::of(&error))?;
    Ok(Image {
        accounts: rows(&moment, ACCOUNTS, [], "account", 2, account)?,
        terms: terms(&moment)?,
        leases: rows(&moment, LEASES, [], "lease", 2, lease)?,
        holders: rows(&moment, HOLDERS, [], "holder", 1, holder)?,
        corrections: rows(&moment, CORRECTIONS, [], "correction", 1, correction)?,
        last_entry: last_entry(&moment)?,
    })
}

/// The number of the last entry; 0 if there is none.
pub(super) fn last_entry(connection: &Connection) -> Result<u64, Fault> {
    one_number(connection, "SELECT coalesce(max(number), 0) FROM entry")
}

fn one_number(connection: &Connection, sql: &str) -> Result<u64, Fault> {
    let found = rows(connection, sql, [], "entry", 0, |row| row.unsigned(0))?;
    Ok(found.first().copied().unwrap_or(0))
}

/// The rows of a query, each read by `read`; the key of `table` are its first columns.
fn rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    table: &'static str,
    key_columns: usize,
    read: impl Fn(Reader<'_, '_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let fail = |error| Fault::of_row(table, "all of it".to_owned(), &error);
    let mut statement = connection.prepare_cached(sql).map_err(fail)?;
    let mut rows = statement.query(parameters).map_err(fail)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(fail)? {
        found.push(read(Reader::new(table, key_columns, row))?);
    }
    Ok(found)
}

pub(in crate::store) fn account(row: Reader<'_, '_>) -> Result<Account, Fault> {
    Ok(Account {
        budget: row.budget(0)?,
        period: row.shared(1)?,
        within: row.budget_or_none(2)?,
        starts: row.instant(3)?,
        ends: row.instant_or_none(4)?,
        cap: row.nanos_or_none(5)?,
        settled: row.nanos(6)?,
        presumed: row.nanos(7)?,
        corrected: row.signed(8)?,
        reserved: row.nanos(9)?,
    })
}

fn terms(moment: &Transaction<'_>) -> Result<Vec<TermRecord>, Fault> {
    let last = one_number(
        moment,
        "SELECT coalesce(max(at), 0) FROM entry WHERE number = (SELECT max(number) FROM entry)",
    )?;
    let horizon = i64::try_from(last.saturating_sub(LATE_WORD_MAX.0)).unwrap_or(i64::MAX);
    let found = rows(moment, TERMS, [horizon], "term_account", 2, |row| {
        Ok((row.term(0)?, (row.budget(2)?, row.shared(3)?)))
    })?;
    let mut terms: BTreeMap<Term, Vec<(BudgetName, Arc<str>)>> = BTreeMap::new();
    for (term, account) in found {
        terms.entry(term).or_default().push(account);
    }
    Ok(terms.into_iter().map(|(term, accounts)| TermRecord { term, accounts }).collect())
}

fn lease(row: Reader<'_, '_>) -> Result<LeaseRecord, Fault> {
    Ok(LeaseRecord {
        holder: row.holder(0)?,
        term: row.term(1)?,
        lent: row.nanos(2)?,
        presumed: row.nanos(3)?,
    })
}

fn holder(row: Reader<'_, '_>) -> Result<HolderRecord, Fault> {
    Ok(HolderRecord {
        holder: row.holder(0)?,
        sequence: row.unsigned(1)?,
        answers: row.parsed(2, |text| serde_json::from_str(text))?,
        heard: row.instant(3)?,
    })
}

fn correction(row: Reader<'_, '_>) -> Result<(u64, Correction), Fault> {
    let correction = Correction {
        id: row.shared(1)?,
        budget: row.budget(2)?,
        period: Some(row.shared(3)?),
        amount: row.signed(4)?,
        who: row.shared(5)?,
        why: row.shared(6)?,
    };
    Ok((row.unsigned(0)?, correction))
}
