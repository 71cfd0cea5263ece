//! What a command has touched, and the changes that this makes: one record for each key.

use std::collections::BTreeSet;

use wire::budget::Term;
use wire::ids::HolderId;

use crate::money::account::AccountId;
use crate::money::outcome::Fault;
use crate::money::record::{Change, Entry, What};
use crate::money::state::MoneyLedger;

/// What a command has touched. Empty between commands: what is touched is stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    pub(super) accounts: BTreeSet<AccountId>,
    pub(super) terms: BTreeSet<Term>,
    pub(super) holders: BTreeSet<HolderId>,
    pub(super) leases: BTreeSet<(HolderId, Term)>,
    pub(super) entries: Vec<Entry>,
    pub(super) faults: Vec<Fault>,
    /// On which accounts something was lent: they are within their caps when the command is done.
    pub(super) lent: BTreeSet<AccountId>,
}

impl Journal {
    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.leases.is_empty() && self.entries.is_empty()
    }
}

impl MoneyLedger {
    /// Appends an entry. Tells its number.
    pub(super) fn enter(&mut self, what: What) -> u64 {
        self.last_entry += 1;
        let number = self.last_entry;
        self.journal.entries.push(Entry { number, at: self.clock, what });
        number
    }

    /// The changes of the command that is done, in the order of [`crate::money::Outcome::changes`].
    pub(super) fn take_changes(&mut self) -> (Vec<Change>, Vec<Fault>) {
        let journal = std::mem::take(&mut self.journal);
        let mut changes = Vec::new();
        let account = |id| Change::Account(self.accounts[id].record.clone());
        changes.extend(journal.accounts.into_iter().map(account));
        let term = |term| Some(Change::Term(self.term_record(term, self.terms.path(term)?)));
        changes.extend(journal.terms.into_iter().filter_map(term));
        let (kept, gone): (Vec<_>, Vec<_>) =
            journal.holders.into_iter().partition(|id| self.holders.get(*id).is_some());
        let holder = |id| Some(Change::Holder(self.holders.get(id)?.record.clone()));
        changes.extend(kept.into_iter().filter_map(holder));
        let lease = |(holder, term)| match self.lease_record(holder, term) {
            Some(lease) => Change::Lease(lease),
            None => Change::LeaseGone(holder, term),
        };
        changes.extend(journal.leases.into_iter().map(lease));
        changes.extend(gone.into_iter().map(Change::HolderGone));
        changes.extend(journal.entries.into_iter().map(Change::Entry));
        (changes, journal.faults)
    }
}
