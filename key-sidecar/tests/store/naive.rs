//! A replica that does with each change what its documentation says, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::money::command::Correction;
use ledger::money::record::{
    Account, Change, Entry, HolderRecord, Image, LeaseRecord, TermRecord, What,
};
use wire::budget::Term;
use wire::ids::{BudgetName, HolderId};

/// All that was ever said.
#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) accounts: BTreeMap<(BudgetName, Arc<str>), Account>,
    pub(crate) terms: BTreeMap<Term, TermRecord>,
    pub(crate) leases: BTreeMap<(HolderId, Term), LeaseRecord>,
    pub(crate) holders: BTreeMap<HolderId, HolderRecord>,
    pub(crate) entries: Vec<Entry>,
}

impl Naive {
    pub(crate) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            match change.clone() {
                Change::Account(one) => {
                    self.accounts.insert((one.budget.clone(), Arc::clone(&one.period)), one);
                }
                Change::Term(one) => {
                    self.terms.insert(one.term, one);
                }
                Change::Lease(one) => {
                    self.leases.insert((one.holder, one.term), one);
                }
                Change::LeaseGone(holder, term) => {
                    self.leases.remove(&(holder, term));
                }
                Change::Holder(one) => {
                    self.holders.insert(one.holder, one);
                }
                Change::HolderGone(holder) => {
                    self.holders.remove(&holder);
                }
                Change::Entry(one) => self.entries.push(one),
            }
        }
    }

    /// What a store must give back, if no term is too old to be named.
    pub(crate) fn image(&self) -> Image {
        let corrections = self.entries.iter().filter_map(|entry| {
            let What::Corrected { id, accounts, amount, who, why } = &entry.what else {
                return None;
            };
            let (budget, period) = accounts[0].clone();
            let (id, who, why) = (Arc::clone(id), Arc::clone(who), Arc::clone(why));
            let period = Some(period);
            Some((entry.number, Correction { id, budget, period, amount: *amount, who, why }))
        });
        Image {
            accounts: self.accounts.values().cloned().collect(),
            terms: self.terms.values().cloned().collect(),
            leases: self.leases.values().cloned().collect(),
            holders: self.holders.values().cloned().collect(),
            corrections: corrections.collect(),
            last_entry: self.entries.last().map_or(0, |entry| entry.number),
        }
    }
}
