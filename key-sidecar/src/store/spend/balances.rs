//! The accounts as they stand: what alerts and `spend show` look at first. Reads no entries.

use ledger::money::record::Account;
use wire::money::Nanos;

use super::{Filter, Spend};
use crate::store::error::StoreError;
use crate::store::spend::source::Conditions;
use crate::store::sqlite;

/// An account as it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Balance {
    /// Its figures.
    pub account: Account,
}

impl Balance {
    /// What was spent: settled, presumed and corrected, in nano-units. Below zero where more was
    /// refunded than spent.
    #[must_use]
    pub fn spent(&self) -> i128 {
        let (Nanos(settled), Nanos(presumed)) = (self.account.settled, self.account.presumed);
        i128::from(settled)
            .saturating_add(i128::from(presumed))
            .saturating_add(i128::from(self.account.corrected))
    }

    /// What is spent or lent, in nano-units.
    #[must_use]
    pub fn committed(&self) -> i128 {
        self.spent().saturating_add(i128::from(self.account.reserved.0))
    }

    /// What can still be lent, in nano-units, below zero if there is debt; `None` is unlimited.
    #[must_use]
    pub fn remaining(&self) -> Option<i128> {
        self.account.cap.map(|Nanos(cap)| i128::from(cap).saturating_sub(self.committed()))
    }
}

impl Spend {
    /// The accounts of the filter's budgets and periods, by budget and first instant; nothing else
    /// of the filter is looked at.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn balances(&self, filter: &Filter) -> Result<Vec<Balance>, StoreError> {
        let mut conditions = Conditions::default();
        conditions.about_account(filter);
        let sql = format!(
            "SELECT budget, period, within, starts_at, ends_at, cap_nanos,
                    settled_nanos, presumed_nanos, corrected_nanos, reserved_nanos
             FROM account WHERE {} ORDER BY budget, starts_at, period",
            conditions.all()
        );
        let parameters = rusqlite::params_from_iter(&conditions.values);
        self.rows(&sql, parameters, ("account", 2), |row| {
            sqlite::account(row).map(|account| Balance { account })
        })
    }
}
