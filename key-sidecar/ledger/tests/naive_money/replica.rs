//! A store that does the least a store must: it keeps records by key, and entries.
//!
//! What it holds is at every moment what the ledger is; it shares no code with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::money::command::Correction;
use ledger::money::record::{
    Account, Change, Entry, HolderRecord, Image, LeaseRecord, TermRecord, What,
};
use wire::budget::Term;
use wire::ids::{BudgetName, HolderId};

#[derive(Clone, Debug, Default)]
pub(crate) struct Replica {
    accounts: BTreeMap<(BudgetName, Arc<str>), Account>,
    terms: BTreeMap<Term, TermRecord>,
    leases: BTreeMap<(HolderId, Term), LeaseRecord>,
    holders: BTreeMap<HolderId, HolderRecord>,
    pub(crate) entries: Vec<Entry>,
}

impl Replica {
    /// Stores what a command has changed: each key once, and nothing that names what is not there.
    pub(crate) fn store(&mut self, changes: &[Change]) {
        let mut keys = Vec::new();
        for change in changes {
            let key = self.put(change);
            assert!(!keys.contains(&key), "{key} is changed twice");
            keys.push(key);
        }
    }

    fn put(&mut self, change: &Change) -> String {
        match change {
            Change::Account(account) => {
                let key = (account.budget.clone(), Arc::clone(&account.period));
                self.accounts.insert(key.clone(), account.clone());
                format!("{key:?}")
            }
            Change::Term(term) => {
                let there = |name| assert!(self.accounts.contains_key(name), "{name:?}");
                term.accounts.iter().for_each(there);
                assert_eq!(self.terms.insert(term.term, term.clone()), None, "written once");
                format!("{:?}", term.term)
            }
            Change::Lease(lease) => {
                assert!(self.terms.contains_key(&lease.term));
                self.leases.insert((lease.holder, lease.term), lease.clone());
                format!("{:?}", (lease.holder, lease.term))
            }
            Change::LeaseGone(holder, term) => {
                self.leases.remove(&(*holder, *term));
                format!("{:?}", (holder, term))
            }
            Change::Holder(holder) => {
                self.holders.insert(holder.holder, holder.clone());
                format!("{:?}", holder.holder)
            }
            Change::HolderGone(holder) => {
                assert!(self.holders.remove(holder).is_some());
                format!("{holder:?}")
            }
            Change::Entry(entry) => {
                let last = self.entries.last().map_or(0, |entry| entry.number);
                assert_eq!(entry.number, last + 1, "without a gap");
                self.entries.push(entry.clone());
                format!("entry {}", entry.number)
            }
        }
    }

    pub(crate) fn image(&self) -> Image {
        Image {
            accounts: self.accounts.values().cloned().collect(),
            terms: self.terms.values().cloned().collect(),
            leases: self.leases.values().cloned().collect(),
            holders: self.holders.values().cloned().collect(),
            corrections: self.entries.iter().filter_map(correction).collect(),
            last_entry: self.entries.last().map_or(0, |entry| entry.number),
        }
    }
}

fn correction(entry: &Entry) -> Option<(u64, Correction)> {
    let What::Corrected { id, accounts, amount, who, why } = &entry.what else {
        return None;
    };
    let (budget, period) = accounts.first()?.clone();
    let (id, who, why) = (Arc::clone(id), Arc::clone(who), Arc::clone(why));
    let correction = Correction { id, budget, period: Some(period), amount: *amount, who, why };
    Some((entry.number, correction))
}
