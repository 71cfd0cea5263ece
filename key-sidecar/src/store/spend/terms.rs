//! Which accounts each term joins: what a call that was booked on it counts in.

use ledger::money::record::TermRecord;

use super::Spend;
use crate::store::error::StoreError;

impl Spend {
    /// All terms, each with its accounts from the charged one up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn terms(&self) -> Result<Vec<TermRecord>, StoreError> {
        let sql = "SELECT term, position, budget, period FROM term_account ORDER BY term, position";
        let rows = self.rows(sql, [], ("term_account", 2), |row| {
            Ok((row.term(0)?, (row.budget(2)?, row.shared(3)?)))
        })?;
        let mut terms: Vec<TermRecord> = Vec::new();
        for (term, account) in rows {
            match terms.last_mut() {
                Some(last) if last.term == term => last.accounts.push(account),
                _ => terms.push(TermRecord { term, accounts: vec![account] }),
            }
        }
        Ok(terms)
    }
}
