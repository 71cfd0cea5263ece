//! Whether each account is the sum of its entries: what an export's totals must equal, to the last
//! digit. Reads every entry.

use std::sync::Arc;

use wire::ids::BudgetName;

use super::Spend;
use crate::store::error::StoreError;

/// An account beside the sums of its entries, all in nano-units.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agreement {
    /// Which budget.
    pub budget: BudgetName,
    /// Which period.
    pub period: Arc<str>,
    /// What the account says.
    pub account: Totals,
    /// What its entries come to.
    pub entries: Totals,
    /// What the tallies say was settled.
    pub tallied: i64,
}

/// What makes up what was spent, in nano-units.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// What calls have cost.
    pub settled: i64,
    /// What is presumed.
    pub presumed: i64,
    /// The sum of the corrections.
    pub corrected: i64,
}

impl Agreement {
    /// Whether all three say the same.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.account == self.entries && self.tallied == self.account.settled
    }
}

impl Spend {
    /// Each account beside its entries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn agreement(&self) -> Result<Vec<Agreement>, StoreError> {
        let sql = "
SELECT budget, period, settled_nanos, presumed_nanos, corrected_nanos,
       entries_settled_nanos, entries_presumed_nanos, entries_corrected_nanos, tallied_nanos
FROM ledger_check ORDER BY budget, period";
        self.rows(sql, [], ("ledger_check", 2), |row| {
            let totals = |first: usize| {
                Ok(Totals {
                    settled: row.signed(first)?,
                    presumed: row.signed(first.saturating_add(1))?,
                    corrected: row.signed(first.saturating_add(2))?,
                })
            };
            Ok(Agreement {
                budget: row.budget(0)?,
                period: row.shared(1)?,
                account: totals(2)?,
                entries: totals(5)?,
                tallied: row.signed(8)?,
            })
        })
    }
}
