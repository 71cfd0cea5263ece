//! The balances as they were last stored, for those who only look: statistics and alerts.
//!
//! The desk puts accounts here after their transaction, so what stands here is durable. Nobody who
//! reads holds up the desk for longer than a copy takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use ledger::money::record::Account;
use wire::ids::BudgetName;
use wire::units::UnixMillis;

/// An account of a period that ended this long ago is shown and watched no longer.
pub const KEPT_AFTER_END_MS: u64 = 7 * 24 * 3_600_000;

type Key = (BudgetName, Arc<str>);

/// The latest of each account.
#[derive(Debug)]
pub struct Figures {
    inner: Mutex<Inner>,
    bell: Sender<()>,
    rung: Receiver<()>,
}

#[derive(Debug, Default)]
struct Inner {
    accounts: BTreeMap<Key, Account>,
    touched: BTreeSet<Key>,
}

impl Default for Figures {
    fn default() -> Self {
        let (bell, rung) = bounded(1);
        Self { inner: Mutex::default(), bell, rung }
    }
}

impl Figures {
    /// Takes over accounts that have changed.
    pub fn update<'a>(&self, accounts: impl Iterator<Item = &'a Account>) {
        let mut inner = self.lock();
        for account in accounts {
            let key = key(account);
            inner.touched.insert(key.clone());
            inner.accounts.insert(key, account.clone());
        }
        drop(inner);
        self.ring();
    }

    /// Takes over all accounts there are.
    pub fn replace(&self, accounts: &[Account]) {
        self.lock().accounts.clear();
        self.update(accounts.iter());
    }

    /// Rings at every change; a bell that nobody has heard yet rings once.
    #[must_use]
    pub fn bell(&self) -> Receiver<()> {
        self.rung.clone()
    }

    /// Marks every account as changed: the rules by which they are watched are new.
    pub fn touch_all(&self) {
        let mut inner = self.lock();
        inner.touched = inner.accounts.keys().cloned().collect();
        drop(inner);
        self.ring();
    }

    /// Marks an account as changed, without ringing: it was looked at in vain.
    pub fn touch(&self, account: &Account) {
        self.lock().touched.insert(key(account));
    }

    /// The accounts that have changed since the last time.
    #[must_use]
    pub fn take_touched(&self) -> Vec<Account> {
        let mut inner = self.lock();
        let touched = std::mem::take(&mut inner.touched);
        touched.iter().filter_map(|key| inner.accounts.get(key).cloned()).collect()
    }

    /// The accounts whose period is now, by budget.
    #[must_use]
    pub fn present(&self, now: UnixMillis) -> Vec<Account> {
        let inner = self.lock();
        let is_present = |one: &&Account| one.starts <= now && one.ends.is_none_or(|end| now < end);
        inner.accounts.values().filter(is_present).cloned().collect()
    }

    /// Forgets what ended long ago.
    pub fn forget(&self, now: UnixMillis) {
        let is_kept = |one: &Account| one.ends.is_none_or(|end| !is_long_over(end, now));
        self.lock().accounts.retain(|_, account| is_kept(account));
    }

    fn ring(&self) {
        // Full: it has been rung already.
        let _ = self.bell.try_send(());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a period with this end is of no interest any longer.
#[must_use]
pub const fn is_long_over(end: UnixMillis, now: UnixMillis) -> bool {
    end.0.saturating_add(KEPT_AFTER_END_MS) <= now.0
}

fn key(account: &Account) -> Key {
    (account.budget.clone(), Arc::clone(&account.period))
}
