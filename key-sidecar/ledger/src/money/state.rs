//! The state machine of money: one command after another, each wholly or not at all.
//!
//! Whatever the command, what has run out by then is expired first. Then the command itself; a
//! refusal is the first that applies in the order of [`Refusal`](crate::money::command::Refusal),
//! and changes nothing. What was touched becomes the changes to store. Neighbours: `sync` (its
//! parts are `settle` and `lend`), `define`, `correct`, `expire` are the commands; `check` is what
//! must hold after each; `figures` shows what is.

use std::collections::BTreeMap;
use std::sync::Arc;

use wire::budget::Term;
use wire::ids::BudgetName;
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::money::account::{AccountId, AccountName, Accounts, OpenAccount};
use crate::money::command::{Command, Correction, Reply};
use crate::money::holder::Holders;
use crate::money::journal::Journal;
use crate::money::outcome::Outcome;
use crate::money::record::What;
use crate::money::term::{Path, Terms};
use crate::money::tree::{NoTerm, Present, Tree};

/// All accounts of money, and who has been lent what of them.
#[derive(Clone, Debug, Default)]
pub struct MoneyLedger {
    /// The wall clock, but that it never goes back.
    pub(super) clock: UnixMillis,
    pub(super) tree: Tree,
    pub(super) accounts: Accounts,
    pub(super) terms: Terms,
    pub(super) holders: Holders,
    /// What forgotten holders never settled, by term: kept under the name of nobody.
    pub(super) unclaimed: BTreeMap<Term, Nanos>,
    /// What people have corrected, by id, with the number of the entry.
    pub(super) corrections: BTreeMap<Arc<str>, (u64, Correction)>,
    pub(super) last_entry: u64,
    pub(super) journal: Journal,
}

impl MoneyLedger {
    /// A ledger in which nothing has happened. It lends nothing before budgets are defined.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does one thing.
    pub fn apply(&mut self, command: Command, now: UnixMillis) -> Outcome {
        assert!(self.journal.is_empty(), "the last command has been stored");
        // A clock that goes back would open periods anew that are over.
        self.clock = self.clock.max(now);
        self.expire();
        let reply = match command {
            Command::Define { budgets, by } => {
                self.define(budgets, by);
                Reply::Done
            }
            Command::Sync(sync) => match self.sync(sync) {
                Ok(answers) => Reply::Synced(answers),
                Err(refusal) => Reply::Refused(refusal),
            },
            Command::Correct(correction) => match self.correct(correction) {
                Ok(entry) => Reply::Corrected(entry),
                Err(refusal) => Reply::Refused(refusal),
            },
            Command::Expire => Reply::Done,
        };
        self.check();
        let (changes, faults) = self.take_changes();
        Outcome { reply, changes, faults }
    }

    // === Terms ===

    /// The present term of a budget, opened with its accounts where they are not yet.
    pub(super) fn present(&mut self, budget: &BudgetName) -> Result<Present, NoTerm> {
        if let Some(present) = self.tree.present(budget, self.clock) {
            return Ok(present.clone());
        }
        let mut ends = None;
        let mut opening = Vec::new();
        for (definition, period) in self.tree.path(budget, self.clock)? {
            let name = (definition.name.clone(), Arc::clone(&period.label));
            opening.push((name, OpenAccount::new(definition, period)));
            ends = [ends, period.ends].into_iter().flatten().min();
        }
        let path: Path =
            opening.into_iter().map(|(name, account)| self.open_account(name, account)).collect();
        let present = Present { term: self.open_term(&path), path, ends };
        self.tree.set_present(budget, present.clone());
        Ok(present)
    }

    /// The account of this name; it becomes `account` if there is none.
    pub(super) fn open_account(&mut self, name: AccountName, account: OpenAccount) -> AccountId {
        let (budget, period) = name.clone();
        let to = account.record.cap;
        let (id, opened) = self.accounts.find_or_open(name, || account);
        if opened {
            self.journal.accounts.insert(id);
            let by = Arc::clone(&self.tree.by);
            self.enter(What::Capped { budget, period, from: None, to, by });
        }
        id
    }

    pub(super) fn open_term(&mut self, path: &Path) -> Term {
        let (term, opened) = self.terms.find_or_open(path);
        if opened {
            self.journal.terms.insert(term);
        }
        term
    }
}
