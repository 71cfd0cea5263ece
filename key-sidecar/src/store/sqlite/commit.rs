//! One transaction: the last word of each record, the new entries, and the tallies that they add
//! to.
//!
//! What is named is written before what names it. Each statement is prepared once and stays so.

mod entries;
mod tally;

use rusqlite::{CachedStatement, Connection, Params, Transaction, TransactionBehavior, params};
use wire::budget::Term;
use wire::ids::HolderId;

use crate::store::error::Fault;
use crate::store::fits;
use crate::store::plan::Plan;

const ACCOUNT: &str = "
INSERT INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT DO UPDATE SET
    within = excluded.within, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    cap_nanos = excluded.cap_nanos, settled_nanos = excluded.settled_nanos,
    presumed_nanos = excluded.presumed_nanos, corrected_nanos = excluded.corrected_nanos,
    reserved_nanos = excluded.reserved_nanos";

const TERM: &str = "INSERT INTO term VALUES (?1)";

const TERM_ACCOUNT: &str = "INSERT INTO term_account VALUES (?1, ?2, ?3, ?4)";

const LEASE: &str = "
INSERT INTO lease VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET
    lent_nanos = excluded.lent_nanos, presumed_nanos = excluded.presumed_nanos";

const LEASE_GONE: &str = "DELETE FROM lease WHERE holder = ?1 AND term = ?2";

const HOLDER: &str = "
INSERT INTO holder VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET
    sequence = excluded.sequence, heard_at = excluded.heard_at, answers = excluded.answers";

const HOLDER_GONE: &str = "DELETE FROM holder WHERE holder = ?1";

/// Writes all of a plan, or nothing; it is on the disk when this returns.
pub(super) fn write(connection: &mut Connection, plan: &Plan<'_>) -> Result<(), Fault> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| Fault::of(&error))?;
    accounts(&transaction, plan)?;
    terms(&transaction, plan)?;
    leases(&transaction, plan)?;
    holders(&transaction, plan)?;
    entries::write(&transaction, &plan.entries)?;
    tally::add(&transaction, &plan.entries)?;
    transaction.commit().map_err(|error| Fault::of(&error))
}

fn accounts(to: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Fault> {
    let mut statement = Write::prepare(to, "account", ACCOUNT)?;
    for ((budget, period), account) in &plan.accounts {
        let row = params![
            budget.as_str(),
            period,
            account.within.as_ref().map(|within| within.as_str()),
            integer(account.starts.0),
            account.ends.map(|ends| integer(ends.0)),
            account.cap.map(|cap| integer(cap.0)),
            integer(account.settled.0),
            integer(account.presumed.0),
            account.corrected,
            integer(account.reserved.0),
        ];
        statement.row(row, || fits::name(budget, period))?;
    }
    Ok(())
}

fn terms(to: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Fault> {
    let mut term = Write::prepare(to, "term", TERM)?;
    let mut account = Write::prepare(to, "term_account", TERM_ACCOUNT)?;
    for record in &plan.terms {
        let Term(number) = record.term;
        let key = || format!("term {number}");
        term.row([integer(number)], key)?;
        for (position, (budget, period)) in (0_i64..).zip(&record.accounts) {
            account.row(params![integer(number), position, budget.as_str(), period], key)?;
        }
    }
    Ok(())
}

fn leases(to: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Fault> {
    let mut write = Write::prepare(to, "lease", LEASE)?;
    let mut remove = Write::prepare(to, "lease", LEASE_GONE)?;
    for ((holder, term), lease) in &plan.leases {
        let key = || format!("holder {holder}, term {}", term.0);
        let (id, term) = (bytes(*holder), integer(term.0));
        match lease {
            Some(lease) => {
                let (lent, presumed) = (integer(lease.lent.0), integer(lease.presumed.0));
                write.row(params![id, term, lent, presumed], key)?;
            }
            None => remove.row(params![id, term], key)?,
        }
    }
    Ok(())
}

fn holders(to: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Fault> {
    let mut write = Write::prepare(to, "holder", HOLDER)?;
    let mut remove = Write::prepare(to, "holder", HOLDER_GONE)?;
    for (holder, record) in &plan.holders {
        let key = || holder.to_string();
        match record {
            Some(record) => {
                let answers = serde_json::to_string(&record.answers)
                    .map_err(|error| Fault::record("holder", key(), error.to_string()))?;
                let (sequence, heard) = (integer(record.sequence), integer(record.heard.0));
                write.row(params![bytes(*holder), sequence, heard, answers], key)?;
            }
            None => remove.row([bytes(*holder)], key)?,
        }
    }
    Ok(())
}

/// A statement that writes rows of one table.
struct Write<'t> {
    table: &'static str,
    statement: CachedStatement<'t>,
}

impl<'t> Write<'t> {
    fn prepare(to: &'t Transaction<'_>, table: &'static str, sql: &str) -> Result<Self, Fault> {
        let statement = to.prepare_cached(sql).map_err(|error| Fault::of(&error))?;
        Ok(Self { table, statement })
    }

    fn row(&mut self, row: impl Params, key: impl Fn() -> String) -> Result<(), Fault> {
        let done = self.statement.execute(row);
        done.map(|_| ()).map_err(|error| Fault::of_row(self.table, key(), &error))
    }
}

/// A number as a column has it. What is larger was refused by [`fits::change`].
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

const fn bytes(HolderId(holder): HolderId) -> [u8; 16] {
    holder.to_be_bytes()
}
