//! One account, and all of them: balances that only move by the verbs below.
//!
//! `spent = settled + presumed + corrected` is signed and reckoned in 128 bits, so no sum of what
//! is kept can wrap. Accounts are opened and never closed or removed: an [`AccountId`] is good for
//! ever. Neighbours: `term` joins accounts, `settle`, `lend`, `expire` and `correct` move money.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use wire::budget::BudgetView;
use wire::ids::BudgetName;
use wire::limit::Mode;
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::money::command::{Definition, Period};
use crate::money::recent::Recent;
use crate::money::record::Account;
use crate::money::term::Path;
use crate::money::tree::PATH_MAX;

/// Budget and period: what people call an account.
pub(super) type AccountName = (BudgetName, Arc<str>);

/// An account's place in [`Accounts`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct AccountId(usize);

/// An account, with what is not stored of it.
#[derive(Clone, Debug)]
pub(super) struct OpenAccount {
    pub(super) record: Account,
    /// As the budget was last defined.
    pub(super) mode: Mode,
    /// As the budget was last defined.
    pub(super) owner: Arc<str>,
    /// Who wanted money of it of late.
    pub(super) askers: Recent,
    /// Whom it had no room for of late, because its money is lent to others.
    pub(super) waiters: Recent,
}

impl OpenAccount {
    /// An account as it was stored: of a budget of which no policy has spoken yet.
    pub(super) fn of(record: Account) -> Self {
        Self {
            record,
            mode: Mode::Enforce,
            owner: Arc::from(""),
            askers: Recent::default(),
            waiters: Recent::default(),
        }
    }

    /// A new account of a budget.
    pub(super) fn new(definition: &Definition, period: &Period) -> Self {
        let record = Account {
            budget: definition.name.clone(),
            period: Arc::clone(&period.label),
            within: definition.within.clone(),
            starts: period.starts,
            ends: period.ends,
            cap: definition.cap,
            settled: Nanos::ZERO,
            presumed: Nanos::ZERO,
            corrected: 0,
            reserved: Nanos::ZERO,
        };
        Self { mode: definition.mode, owner: Arc::clone(&definition.owner), ..Self::of(record) }
    }

    pub(super) fn name(&self) -> AccountName {
        (self.record.budget.clone(), Arc::clone(&self.record.period))
    }

    // === Figures ===

    /// What counts as spent. Below zero where more was refunded than had been spent.
    pub(super) fn spent(&self) -> i128 {
        i128::from(self.record.settled.0)
            + i128::from(self.record.presumed.0)
            + i128::from(self.record.corrected)
    }

    /// The cap, if it refuses.
    pub(super) fn enforced(&self) -> Option<Nanos> {
        self.record.cap.filter(|_| self.mode == Mode::Enforce)
    }

    /// What may be lent now. Without a cap that refuses it is what can be counted.
    pub(super) fn room(&self) -> Nanos {
        let out = self.spent() + i128::from(self.record.reserved.0);
        let counted = i128::from(self.record.settled.0)
            + i128::from(self.record.presumed.0)
            + i128::from(self.record.reserved.0)
            + i128::from(self.record.corrected.max(0));
        let countable = positive(i128::from(Nanos::MAX.0) - counted);
        match self.enforced() {
            Some(cap) => positive(i128::from(cap.0) - out).min(countable),
            None => countable,
        }
    }

    /// What could be lent if everything lent came back unused.
    pub(super) fn unspent(&self) -> Nanos {
        positive(i128::from(self.enforced().unwrap_or(Nanos::MAX).0) - self.spent())
    }

    /// Whether more is spent and lent than the cap allows: by a debt, a correction or a lowered
    /// cap.
    pub(super) fn is_over(&self) -> bool {
        let out = self.spent() + i128::from(self.record.reserved.0);
        self.enforced().is_some_and(|cap| out > i128::from(cap.0))
    }

    /// The account in figures, for refusals and headers.
    pub(super) fn view(&self, now: UnixMillis) -> BudgetView {
        BudgetView {
            budget: self.record.budget.clone(),
            owner: Arc::clone(&self.owner),
            period: Arc::clone(&self.record.period),
            cap: self.record.cap.unwrap_or(Nanos::MAX),
            spent: positive(self.spent()),
            reserved: self.record.reserved,
            resets_ms: self.record.ends.map(|ends| ends.since(now)),
        }
    }

    // === Verbs ===

    /// From the room to a holder.
    pub(super) fn lend(&mut self, amount: Nanos) {
        assert!(amount <= self.room(), "no more is lent than there is room for");
        self.record.reserved = self.record.reserved.saturating_plus(amount);
    }

    /// From holders back to the room.
    pub(super) fn release(&mut self, amount: Nanos) {
        assert!(amount <= self.record.reserved, "what comes back has been lent");
        self.record.reserved = self.record.reserved.minus(amount);
    }

    /// From lent to presumed spent.
    pub(super) fn presume(&mut self, amount: Nanos) {
        self.release(amount);
        self.record.presumed = self.record.presumed.saturating_plus(amount);
    }

    /// From presumed spent back to the room: a word has come that replaces the presumption.
    pub(super) fn unpresume(&mut self, amount: Nanos) {
        assert!(amount <= self.record.presumed, "what is taken back was presumed");
        self.record.presumed = self.record.presumed.minus(amount);
    }

    /// From the world. Says whether the account could count it.
    #[must_use]
    pub(super) fn settle(&mut self, cost: Nanos) -> bool {
        let sum = self.record.settled.plus(cost);
        self.record.settled = sum.unwrap_or(Nanos::MAX);
        sum.is_some()
    }

    /// What `corrected` would be, if that can be kept.
    pub(super) fn with_correction(&self, amount: i64) -> Option<i64> {
        let countable = self.spent() + i128::from(amount) <= i128::from(Nanos::MAX.0);
        self.record.corrected.checked_add(amount).filter(|_| countable)
    }
}

/// All accounts.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts {
    all: Vec<OpenAccount>,
    by_name: BTreeMap<AccountName, AccountId>,
}

impl Accounts {
    /// The account of this name, opened by `open` if there is none. Says whether it was.
    pub(super) fn find_or_open(
        &mut self,
        name: AccountName,
        open: impl FnOnce() -> OpenAccount,
    ) -> (AccountId, bool) {
        let next = AccountId(self.all.len());
        let id = *self.by_name.entry(name).or_insert(next);
        if id == next {
            self.all.push(open());
        }
        (id, id == next)
    }

    pub(super) fn find(&self, name: &AccountName) -> Option<AccountId> {
        self.by_name.get(name).copied()
    }

    pub(super) fn of_budget(&self, budget: &BudgetName) -> impl Iterator<Item = AccountId> {
        let first = (budget.clone(), Arc::from(""));
        let budget = budget.clone();
        self.by_name.range(first..).take_while(move |((of, _), _)| *of == budget).map(|(_, id)| *id)
    }

    /// An account that is not the present one, and those above it: of each budget upwards the one
    /// that shares the most time with the one below, of equals the latest.
    pub(super) fn and_above(&self, account: AccountId) -> Path {
        let mut path = vec![account];
        let mut child = &self[account].record;
        while let Some(within) = child.within.as_ref().filter(|_| path.len() < PATH_MAX) {
            let shared = |id: &AccountId| shared_ms(&self[*id].record, child);
            let parent = self
                .of_budget(within)
                .filter(|id| shared(id) > 0)
                .max_by_key(|id| (shared(id), self[*id].record.starts));
            let Some(parent) = parent else {
                break;
            };
            path.push(parent);
            child = &self[parent].record;
        }
        Path::from(path)
    }

    /// All of them, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (AccountId, &OpenAccount)> {
        self.by_name.values().map(|id| (*id, &self[*id]))
    }
}

impl Index<AccountId> for Accounts {
    type Output = OpenAccount;

    fn index(&self, id: AccountId) -> &OpenAccount {
        &self.all[id.0]
    }
}

impl IndexMut<AccountId> for Accounts {
    fn index_mut(&mut self, id: AccountId) -> &mut OpenAccount {
        &mut self.all[id.0]
    }
}

/// How long both accounts' periods are.
fn shared_ms(one: &Account, other: &Account) -> u64 {
    let never = UnixMillis(u64::MAX);
    let [one_ends, other_ends] = [one, other].map(|account| account.ends.unwrap_or(never));
    one_ends.min(other_ends).since(one.starts.max(other.starts)).0
}

/// The amount, at least zero and at most what is kept.
fn positive(amount: i128) -> Nanos {
    Nanos(u64::try_from(amount.max(0)).unwrap_or(u64::MAX)).min(Nanos::MAX)
}
