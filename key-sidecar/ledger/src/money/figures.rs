//! What is: balances for metrics and tests, and the budgets that answers name, in figures.

use std::sync::Arc;

use wire::budget::{BudgetView, Term};
use wire::ids::{BudgetName, HolderId};
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::money::account::{AccountId, AccountName, OpenAccount};
use crate::money::command::Period;
use crate::money::holder::NOBODY;
use crate::money::record::{Account, LeaseRecord, TermRecord};
use crate::money::state::MoneyLedger;
use crate::money::tree::{Present, period_at};

impl MoneyLedger {
    /// All accounts, by budget and period.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().map(|(_, account)| &account.record)
    }

    /// One account.
    #[must_use]
    pub fn account(&self, budget: &BudgetName, period: &Arc<str>) -> Option<&Account> {
        let id = self.accounts.find(&(budget.clone(), Arc::clone(period)))?;
        Some(&self.accounts[id].record)
    }

    /// The account of a budget at the time of the last command, if it has been opened.
    #[must_use]
    pub fn present_account(&self, budget: &BudgetName) -> Option<&Account> {
        let period = period_at(self.tree.definition(budget)?, self.clock)?;
        self.account(budget, &period.label)
    }

    /// All leases, those of [`NOBODY`] last.
    pub fn leases(&self) -> impl Iterator<Item = LeaseRecord> {
        let held = self.holders.iter().flat_map(|(id, holder)| {
            holder.leases.iter().map(move |(term, lease)| lease.record(id, *term))
        });
        held.chain(self.unclaimed.iter().map(|(term, presumed)| of_nobody(*term, *presumed)))
    }

    /// How many holders are remembered.
    #[must_use]
    pub fn holders(&self) -> usize {
        self.holders.len()
    }

    /// The number of the last entry; 0 if there is none.
    #[must_use]
    pub const fn last_entry(&self) -> u64 {
        self.last_entry
    }

    /// When [`Command::Expire`](crate::money::command::Command::Expire) has something to do next.
    #[must_use]
    pub fn next_expiry(&self) -> Option<UnixMillis> {
        self.holders.next_timer()
    }

    // === Records ===

    pub(super) fn lease_record(&self, holder: HolderId, term: Term) -> Option<LeaseRecord> {
        if holder == NOBODY {
            return Some(of_nobody(term, *self.unclaimed.get(&term)?));
        }
        let lease = self.holders.get(holder)?.leases.get(&term)?;
        Some(lease.record(holder, term))
    }

    pub(super) fn term_record(&self, term: Term, path: &[AccountId]) -> TermRecord {
        TermRecord { term, accounts: self.names(path) }
    }

    pub(super) fn names(&self, path: &[AccountId]) -> Vec<AccountName> {
        path.iter().map(|id| self.accounts[*id].name()).collect()
    }

    // === Views ===

    /// Of the accounts with a cap that refuses, the one with the least unspent; where no cap
    /// refuses, of those that are watched. Of equals the one nearest to the charged budget.
    pub(super) fn tightest(&self, present: &Present) -> Option<BudgetView> {
        let capped = |id: &&AccountId| self.accounts[**id].record.cap.is_some();
        let by = |id: &&AccountId| {
            let account = &self.accounts[**id];
            let cap = i128::from(account.record.cap.unwrap_or(Nanos::MAX).0);
            (account.enforced().is_none(), cap - account.spent())
        };
        let id = present.path.iter().filter(capped).min_by_key(by)?;
        Some(self.accounts[*id].view(self.clock))
    }

    /// A budget that has no period now: its next one, or else its last, and when the next begins.
    pub(super) fn view_closed(&self, budget: &BudgetName) -> Option<BudgetView> {
        let definition = self.tree.definition(budget)?;
        let next = definition.periods.iter().find(|period| period.starts > self.clock);
        let period = next.or(definition.periods.last())?;
        let name = (budget.clone(), Arc::clone(&period.label));
        let account = match self.accounts.find(&name) {
            Some(id) => self.accounts[id].clone(),
            None => OpenAccount::new(definition, period),
        };
        let resets = |next: &Period| next.starts.since(self.clock);
        let resets_ms = next.map(resets);
        Some(BudgetView { resets_ms, ..account.view(UnixMillis(0)) })
    }
}

fn of_nobody(term: Term, presumed: Nanos) -> LeaseRecord {
    LeaseRecord { holder: NOBODY, term, lent: Nanos::ZERO, presumed }
}
