//! What can be kept at all: the bounds of a row, checked before anything is written.
//!
//! The ledger must not book what the store cannot keep, or one absurd settlement would hold up all
//! that is committed with it, again and again. So the service asks [`sync`] first, and refuses the
//! holder; [`change`] asserts the same of every commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::money::command;
use ledger::money::record::{Account, Change, Entry, TermRecord, What};
use wire::budget::{Settlement, Term};
use wire::ids::BudgetName;
use wire::money::Nanos;
use wire::units::UnixMillis;

use super::error::Fault;

/// The largest number of a column.
const INTEGER_MAX: u64 = i64::MAX.unsigned_abs();

/// The most calls in one settlement. A plugin merges what ended between two syncs.
pub const CALLS_MAX: u64 = 1 << 32;

/// Whether what a holder says can be kept.
///
/// # Errors
/// [`Fault::Record`] names what cannot.
pub fn sync(sync: &command::Sync) -> Result<(), Fault> {
    integer("holder", || sync.holder.to_string(), "sequence", sync.sequence)?;
    sync.settlements.iter().try_for_each(settlement)
}

/// Whether a settlement can be kept.
///
/// # Errors
/// [`Fault::Record`] names what cannot.
pub fn settlement(said: &Settlement) -> Result<(), Fault> {
    let key = || format!("client {}, route {}", said.client, said.route);
    let Nanos(cost) = said.cost;
    let Nanos(hold) = said.hold;
    let Term(term) = said.term;
    integer("settlement", key, "cost", cost)?;
    integer("settlement", key, "hold", hold)?;
    integer("settlement", key, "term", term)?;
    if said.calls > CALLS_MAX {
        return Err(Fault::record("settlement", key(), "too many calls in one settlement"));
    }
    let kinds: BTreeSet<_> = said.counts.iter().map(|(kind, _)| kind).collect();
    if kinds.len() == said.counts.len() {
        Ok(())
    } else {
        Err(Fault::record("settlement", key(), "one kind is counted twice"))
    }
}

/// Whether a change can be kept.
pub(super) fn change(change: &Change) -> Result<(), Fault> {
    match change {
        Change::Account(record) => account(record),
        Change::Term(record) => term(record),
        Change::Lease(record) => {
            let key = || format!("holder {}, term {}", record.holder, record.term.0);
            integer("lease", key, "term", record.term.0)?;
            integer("lease", key, "lent", record.lent.0)?;
            integer("lease", key, "presumed", record.presumed.0)
        }
        Change::LeaseGone(..) | Change::HolderGone(_) => Ok(()),
        Change::Holder(record) => {
            let key = || record.holder.to_string();
            integer("holder", key, "sequence", record.sequence)?;
            instant("holder", key, record.heard)
        }
        Change::Entry(record) => entry(record),
    }
}

fn account(record: &Account) -> Result<(), Fault> {
    let key = || name(&record.budget, &record.period);
    instant("account", key, record.starts)?;
    record.ends.map_or(Ok(()), |ends| instant("account", key, ends))?;
    record.cap.map_or(Ok(()), |Nanos(cap)| integer("account", key, "cap", cap))?;
    integer("account", key, "settled", record.settled.0)?;
    integer("account", key, "presumed", record.presumed.0)?;
    integer("account", key, "reserved", record.reserved.0)
}

fn term(record: &TermRecord) -> Result<(), Fault> {
    let key = || format!("term {}", record.term.0);
    integer("term", key, "term", record.term.0)?;
    some_accounts("term", key, &record.accounts)
}

fn entry(record: &Entry) -> Result<(), Fault> {
    let key = || format!("entry {}", record.number);
    integer("entry", key, "number", record.number)?;
    instant("entry", key, record.at)?;
    match &record.what {
        What::Settled { sequence, ended, settlement: said, .. } => {
            integer("settlement", key, "sequence", *sequence)?;
            instant("settlement", key, *ended)?;
            settlement(said)
        }
        What::Presumed { amount, .. } | What::Unpresumed { amount, .. } => {
            integer("presumption", key, "amount", amount.0)
        }
        What::Corrected { accounts, .. } => some_accounts("correction", key, accounts),
        What::Capped { from, to, .. } => [from, to]
            .into_iter()
            .flatten()
            .try_for_each(|Nanos(cap)| integer("cap_change", key, "cap", *cap)),
    }
}

fn some_accounts(
    table: &'static str,
    key: impl Fn() -> String,
    accounts: &[(BudgetName, Arc<str>)],
) -> Result<(), Fault> {
    match accounts {
        [] => Err(Fault::record(table, key(), "has no account")),
        _ => Ok(()),
    }
}

fn instant(
    table: &'static str,
    key: impl Fn() -> String,
    UnixMillis(at): UnixMillis,
) -> Result<(), Fault> {
    integer(table, key, "instant", at)
}

fn integer(
    table: &'static str,
    key: impl Fn() -> String,
    what: &str,
    value: u64,
) -> Result<(), Fault> {
    if value <= INTEGER_MAX {
        Ok(())
    } else {
        Err(Fault::record(table, key(), format!("the {what} is larger than can be kept")))
    }
}

/// An account as errors name it.
pub(super) fn name(budget: &BudgetName, period: &str) -> String {
    format!("{budget} {period}")
}
