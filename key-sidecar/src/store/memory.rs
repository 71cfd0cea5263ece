//! The store of tests: the same rules as the one on disk, and nothing survives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger::money::command::Correction;
use ledger::money::record::{
    Account, Change, Entry, HolderRecord, Image, LeaseRecord, TermRecord, What,
};
use wire::budget::Term;
use wire::ids::{BudgetName, HolderId};
use wire::units::UnixMillis;

use super::error::{Fault, StoreError};
use super::fits;
use super::plan::Plan;
use super::{LATE_WORD_MAX, Store};

type AccountKey = (BudgetName, Arc<str>);

/// A ledger in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    accounts: BTreeMap<AccountKey, Account>,
    terms: BTreeMap<Term, TermRecord>,
    leases: BTreeMap<(HolderId, Term), LeaseRecord>,
    holders: BTreeMap<HolderId, HolderRecord>,
    entries: Vec<Entry>,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn last_entry(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.number)
    }

    fn book(&mut self, changes: &[Change]) -> Result<(), Fault> {
        let plan = Plan::of(changes, self.last_entry())?;
        self.check(&plan)?;
        self.apply(plan);
        Ok(())
    }

    /// What SQLite's constraints check: that all that is named is there, and nothing is there
    /// twice.
    fn check(&self, plan: &Plan<'_>) -> Result<(), Fault> {
        let is_account = |key: &AccountKey| {
            self.accounts.contains_key(key) || plan.accounts.contains_key(&(&key.0, &*key.1))
        };
        let mut new_terms = BTreeSet::new();
        for record in &plan.terms {
            let key = || format!("term {}", record.term.0);
            if self.terms.contains_key(&record.term) || !new_terms.insert(record.term) {
                return Err(Fault::record("term", key(), "is there already"));
            }
            all_there("term_account", key, &record.accounts, is_account)?;
        }
        let is_term = |term: &Term| self.terms.contains_key(term) || new_terms.contains(term);
        for ((holder, term), record) in &plan.leases {
            if record.is_some() && !is_term(term) {
                let key = format!("holder {holder}, term {}", term.0);
                return Err(Fault::record("lease", key, "names a term that is not there"));
            }
        }
        let mut ids = self.correction_ids();
        for entry in &plan.entries {
            check_entry(entry, &mut ids, &is_term, &is_account)?;
        }
        Ok(())
    }

    fn correction_ids(&self) -> BTreeSet<&str> {
        let ids = self.entries.iter().filter_map(|entry| match &entry.what {
            What::Corrected { id, .. } => Some(&**id),
            _ => None,
        });
        ids.collect()
    }

    fn apply(&mut self, plan: Plan<'_>) {
        for ((budget, period), account) in plan.accounts {
            self.accounts.insert((budget.clone(), period.into()), account.clone());
        }
        self.terms.extend(plan.terms.into_iter().map(|record| (record.term, record.clone())));
        for (key, lease) in plan.leases {
            replace(&mut self.leases, key, lease.cloned());
        }
        for (key, holder) in plan.holders {
            replace(&mut self.holders, key, holder.cloned());
        }
        self.entries.extend(plan.entries.into_iter().cloned());
    }

    /// Whether a lease or a late settlement can still name it.
    fn is_still_named(&self, record: &TermRecord) -> bool {
        let last = self.entries.last().map_or(UnixMillis(0), |entry| entry.at);
        let horizon = last.0.saturating_sub(LATE_WORD_MAX.0);
        let over = record.accounts.iter().any(|key| {
            self.accounts
                .get(key)
                .and_then(|account| account.ends)
                .is_some_and(|ends| ends.0 <= horizon)
        });
        let lent = self.leases.keys().any(|(_, term)| *term == record.term);
        let newest = self.terms.keys().next_back() == Some(&record.term);
        !over || lent || newest
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Image, StoreError> {
        Ok(Image {
            accounts: self.accounts.values().cloned().collect(),
            terms: self.terms.values().filter(|term| self.is_still_named(term)).cloned().collect(),
            leases: self.leases.values().cloned().collect(),
            holders: self.holders.values().cloned().collect(),
            corrections: self.entries.iter().filter_map(correction).collect(),
            last_entry: self.last_entry(),
        })
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.book(changes).map_err(|fault| StoreError { path: None, fault })
    }
}

fn replace<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

fn check_entry<'a>(
    entry: &'a Entry,
    ids: &mut BTreeSet<&'a str>,
    is_term: &impl Fn(&Term) -> bool,
    is_account: &impl Fn(&AccountKey) -> bool,
) -> Result<(), Fault> {
    let key = || format!("entry {}", entry.number);
    match &entry.what {
        What::Settled { term, .. } if !is_term(term) => {
            Err(Fault::record("settlement", key(), "names a term that is not there"))
        }
        What::Presumed { term, .. } | What::Unpresumed { term, .. } if !is_term(term) => {
            Err(Fault::record("presumption", key(), "names a term that is not there"))
        }
        What::Settled { .. } | What::Presumed { .. } | What::Unpresumed { .. } => Ok(()),
        What::Corrected { id, accounts, .. } => {
            if !ids.insert(id) {
                return Err(Fault::record("correction", key(), "its id is there already"));
            }
            all_there("correction_account", key, accounts, is_account)
        }
        What::Capped { budget, period, .. } => {
            let account = [(budget.clone(), Arc::clone(period))];
            all_there("cap_change", key, &account, is_account)
        }
    }
}

fn all_there(
    table: &'static str,
    key: impl Fn() -> String,
    accounts: &[AccountKey],
    is_account: impl Fn(&AccountKey) -> bool,
) -> Result<(), Fault> {
    match accounts.iter().find(|account| !is_account(account)) {
        None => Ok(()),
        Some((budget, period)) => {
            let why = format!("names the account {} that is not there", fits::name(budget, period));
            Err(Fault::record(table, key(), why))
        }
    }
}

/// The correction that an entry is.
fn correction(entry: &Entry) -> Option<(u64, Correction)> {
    let What::Corrected { id, accounts, amount, who, why } = &entry.what else { return None };
    let (budget, period) = accounts.first()?;
    let correction = Correction {
        id: Arc::clone(id),
        budget: budget.clone(),
        period: Some(Arc::clone(period)),
        amount: *amount,
        who: Arc::clone(who),
        why: Arc::clone(why),
    };
    Some((entry.number, correction))
}
