//! What holders say of money that they were lent: settled, or given back.
//!
//! A settlement is never refused and never lost. Its whole cost counts on all accounts of its term,
//! also beyond its hold, beyond what the holder has and beyond the cap: that debt is the account's,
//! which lends nothing until it is within its cap again. What it takes off the lease is its cost,
//! as far as there is so much; the rest of its hold stays the holder's until that returns it.
//!
//! Where it is booked, in order of precedence: on the term that it names; if this ledger does not
//! know that one as the budget's, on the budget's present term; if it has none now, on its latest
//! account and those above; if it has none, on an account of its name with the period
//! [`UNASSIGNED`] and no cap, where finance sees it. Only a ledger that was restored from a backup,
//! or lost, can come to these.

use std::sync::Arc;

use wire::budget::{MoneyLine, Settlement, Term};
use wire::ids::{BudgetName, HolderId};
use wire::limit::Mode;
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::money::account::OpenAccount;
use crate::money::command::{Definition, Period};
use crate::money::lease::Taken;
use crate::money::outcome::Fault;
use crate::money::record::What;
use crate::money::state::MoneyLedger;
use crate::money::term::Path;

/// The period of the account on which cost is booked that no account of its budget can take.
pub const UNASSIGNED: &str = "unassigned";

impl MoneyLedger {
    pub(super) fn settle(&mut self, holder: HolderId, sequence: u64, settlement: Settlement) {
        let named = settlement.term;
        let (term, path) = match self.own_term(&settlement.budget, named) {
            Some(path) => {
                self.take(holder, named, settlement.cost);
                (named, path)
            }
            None => {
                let (booked, path) = self.foster_term(&settlement.budget);
                let budget = settlement.budget.clone();
                self.journal.faults.push(Fault::UnknownTerm { holder, budget, named, booked });
                (booked, path)
            }
        };
        for id in path.iter() {
            let account = &mut self.accounts[*id];
            if !account.settle(settlement.cost) {
                let budget = account.record.budget.clone();
                let period = Arc::clone(&account.record.period);
                self.journal.faults.push(Fault::Saturated { budget, period });
            }
            self.journal.accounts.insert(*id);
        }
        let ended = UnixMillis(self.clock.0.saturating_sub(settlement.ago_ms.0));
        self.enter(What::Settled { holder, sequence, ended, term, settlement });
    }

    /// Books what a line gives back.
    pub(super) fn take_back(&mut self, holder: HolderId, line: &MoneyLine) {
        if line.returned == Nanos::ZERO {
            return;
        }
        let named = line.term.filter(|term| self.own_term(&line.budget, *term).is_some());
        let excess = match named {
            Some(term) => self.take(holder, term, line.returned).excess,
            None => line.returned,
        };
        if excess > Nanos::ZERO {
            let budget = line.budget.clone();
            self.journal.faults.push(Fault::ReturnedTooMuch { holder, budget, excess });
        }
    }

    /// Takes an amount off a lease and off what all accounts of its term have lent and presumed.
    fn take(&mut self, holder: HolderId, term: Term, amount: Nanos) -> Taken {
        let nothing = Taken { excess: amount, ..Taken::default() };
        let Some(leases) = self.holders.get_mut(holder).map(|holder| &mut holder.leases) else {
            return nothing;
        };
        let Some(lease) = leases.get_mut(&term) else {
            return nothing;
        };
        let taken = lease.take(amount);
        if lease.is_empty() {
            leases.remove(&term);
        }
        self.journal.leases.insert((holder, term));
        for id in self.terms.path(term).into_iter().flat_map(|path| path.iter()) {
            self.accounts[*id].unpresume(taken.presumed);
            self.accounts[*id].release(taken.lent);
            self.journal.accounts.insert(*id);
        }
        if taken.presumed > Nanos::ZERO {
            self.enter(What::Unpresumed { holder, term, amount: taken.presumed });
        }
        taken
    }

    /// The path of a term, if it is one of this budget.
    fn own_term(&self, budget: &BudgetName, term: Term) -> Option<Path> {
        let path = self.terms.path(term)?;
        let charged = path.first().map(|id| &self.accounts[*id].record.budget);
        (charged == Some(budget)).then(|| Arc::clone(path))
    }

    /// Where cost is booked that names no term of its budget.
    fn foster_term(&mut self, budget: &BudgetName) -> (Term, Path) {
        if let Ok(present) = self.present(budget) {
            return (present.term, present.path);
        }
        let latest =
            self.accounts.of_budget(budget).max_by_key(|id| self.accounts[*id].record.starts);
        if let Some(account) = latest {
            let path = self.accounts.and_above(account);
            return (self.open_term(&path), path);
        }
        let account = unassigned(budget);
        let name = (budget.clone(), Arc::clone(&account.record.period));
        let path = Path::from([self.open_account(name, account)]);
        (self.open_term(&path), path)
    }
}

fn unassigned(budget: &BudgetName) -> OpenAccount {
    let period = Period { label: Arc::from(UNASSIGNED), starts: UnixMillis(0), ends: None };
    let definition = Definition {
        name: budget.clone(),
        within: None,
        owner: Arc::from(""),
        cap: None,
        mode: Mode::Watch,
        periods: Vec::new(),
    };
    OpenAccount::new(&definition, &period)
}
