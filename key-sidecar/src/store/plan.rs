//! What a slice of changes comes to: of each record the last word, and the new entries in order.
//!
//! A group of syncs says the same account over and over; only what it says last needs writing. The
//! order in which a store writes follows from what names what: accounts, terms, leases, holders,
//! entries.

use std::collections::BTreeMap;

use ledger::money::record::{Account, Change, Entry, HolderRecord, LeaseRecord, TermRecord};
use wire::budget::Term;
use wire::ids::{BudgetName, HolderId};

use super::error::Fault;
use super::fits;

/// A slice of changes, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    /// By budget and period.
    pub(super) accounts: BTreeMap<(&'a BudgetName, &'a str), &'a Account>,
    /// New terms.
    pub(super) terms: Vec<&'a TermRecord>,
    /// `None` is no more.
    pub(super) leases: BTreeMap<(HolderId, Term), Option<&'a LeaseRecord>>,
    /// `None` is forgotten.
    pub(super) holders: BTreeMap<HolderId, Option<&'a HolderRecord>>,
    /// New entries, without a gap.
    pub(super) entries: Vec<&'a Entry>,
    /// The number of the last entry, these among them.
    pub(super) last_entry: u64,
}

impl<'a> Plan<'a> {
    /// What `changes` come to after entry `last_entry`.
    pub(super) fn of(changes: &'a [Change], last_entry: u64) -> Result<Self, Fault> {
        let mut plan = Self { last_entry, ..Self::default() };
        for change in changes {
            fits::change(change)?;
            plan.add(change)?;
        }
        Ok(plan)
    }

    fn add(&mut self, change: &'a Change) -> Result<(), Fault> {
        match change {
            Change::Account(account) => {
                self.accounts.insert((&account.budget, &account.period), account);
            }
            Change::Term(term) => self.terms.push(term),
            Change::Lease(lease) => {
                self.leases.insert((lease.holder, lease.term), Some(lease));
            }
            Change::LeaseGone(holder, term) => {
                self.leases.insert((*holder, *term), None);
            }
            Change::Holder(record) => {
                self.holders.insert(record.holder, Some(record));
            }
            Change::HolderGone(holder) => {
                self.holders.insert(*holder, None);
            }
            Change::Entry(entry) => return self.append(entry),
        }
        Ok(())
    }

    fn append(&mut self, entry: &'a Entry) -> Result<(), Fault> {
        let next = self.last_entry.saturating_add(1);
        if entry.number != next {
            let why = format!("entries are numbered without a gap: the next one is {next}");
            return Err(Fault::record("entry", format!("entry {}", entry.number), why));
        }
        self.last_entry = next;
        self.entries.push(entry);
        Ok(())
    }
}
