//! A person corrects an account and all above it: up for what was missed, down for a refund.
//!
//! By id: a repetition books nothing, and is answered with the entry that the first one made. A
//! correction that names no period is of the one that was present when it was first made.

use std::sync::Arc;

use wire::ids::BudgetName;

use crate::money::account::{AccountId, AccountName};
use crate::money::command::{Correction, Definition, Period, Refusal};
use crate::money::record::What;
use crate::money::state::MoneyLedger;

impl MoneyLedger {
    /// Tells the number of the entry.
    pub(super) fn correct(&mut self, correction: Correction) -> Result<u64, Refusal> {
        if let Some((number, first)) = self.corrections.get(&correction.id) {
            let again = is_same(first, &correction);
            return if again { Ok(*number) } else { Err(Refusal::IdReused) };
        }
        let names = self.accounts_to_correct(&correction)?;
        let existing = names.iter().filter_map(|name| self.accounts.find(name));
        let fits = |id: AccountId| self.accounts[id].with_correction(correction.amount).is_some();
        if !existing.into_iter().all(fits) {
            return Err(Refusal::TooLarge);
        }
        Ok(self.book(names, correction))
    }

    fn book(&mut self, names: Vec<AccountName>, correction: Correction) -> u64 {
        if names.iter().any(|name| self.accounts.find(name).is_none()) {
            // The present period, which nobody has spent of yet: opened, as by a holder.
            let _ = self.present(&correction.budget);
        }
        let accounts: Vec<_> = names.iter().filter_map(|name| self.accounts.find(name)).collect();
        assert_eq!(accounts.len(), names.len(), "what is corrected is there");
        for id in accounts {
            let account = &mut self.accounts[id];
            let corrected = account.with_correction(correction.amount);
            account.record.corrected = corrected.unwrap_or(account.record.corrected);
            self.journal.accounts.insert(id);
        }
        let period = names.first().map(|(_, period)| Arc::clone(period));
        let number = self.enter(What::Corrected {
            id: Arc::clone(&correction.id),
            accounts: names,
            amount: correction.amount,
            who: Arc::clone(&correction.who),
            why: Arc::clone(&correction.why),
        });
        let id = Arc::clone(&correction.id);
        self.corrections.insert(id, (number, Correction { period, ..correction }));
        number
    }

    /// The account that is meant and those above it. A closed one's are found by time.
    fn accounts_to_correct(&self, correction: &Correction) -> Result<Vec<AccountName>, Refusal> {
        let budget = &correction.budget;
        let known = self.tree.definition(budget).is_some()
            || self.accounts.of_budget(budget).next().is_some();
        if !known {
            return Err(Refusal::NoBudget);
        }
        let present = self.present_names(budget);
        let Some(period) = &correction.period else {
            return present.ok_or(Refusal::NoPeriod);
        };
        let is_meant = |names: &Vec<AccountName>| names.first().is_some_and(|(_, p)| p == period);
        if let Some(names) = present.filter(is_meant) {
            return Ok(names);
        }
        let name = (budget.clone(), Arc::clone(period));
        let id = self.accounts.find(&name).ok_or(Refusal::NoPeriod)?;
        Ok(self.names(&self.accounts.and_above(id)))
    }

    fn present_names(&self, budget: &BudgetName) -> Option<Vec<AccountName>> {
        let path = self.tree.path(budget, self.clock).ok()?;
        let name = |(definition, period): (&Definition, &Period)| {
            (definition.name.clone(), Arc::clone(&period.label))
        };
        Some(path.into_iter().map(name).collect())
    }
}

/// Whether a correction is the first one again. A period that one of them leaves open is no
/// difference.
fn is_same(first: &Correction, again: &Correction) -> bool {
    let open = first.period.is_none() || again.period.is_none();
    let period = if open { &again.period } else { &first.period };
    *again == Correction { period: period.clone(), ..first.clone() }
}
