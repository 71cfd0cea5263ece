//! What must hold after every command. A ledger that is wrong must not go on lending.
//!
//! Cheap assertions always; sums over everything in debug builds, while there is little of it.

use std::collections::BTreeMap;

use wire::money::Nanos;

use crate::money::account::AccountId;
use crate::money::state::MoneyLedger;

/// Up to how many holders a debug build adds everything up after each command.
const FULL_CHECK_HOLDERS_MAX: usize = 256;

impl MoneyLedger {
    /// Stops the process where the ledger does not add up.
    pub(super) fn check(&self) {
        self.holders.check(self.clock);
        for id in &self.journal.lent {
            let account = &self.accounts[*id];
            assert!(
                !account.is_over(),
                "nothing is lent beyond a cap: {} {}",
                account.record.budget,
                account.record.period
            );
        }
        if cfg!(debug_assertions) && self.holders.len() <= FULL_CHECK_HOLDERS_MAX {
            self.check_sums();
        }
    }

    fn check_sums(&self) {
        let sums = self.sums();
        for (id, account) in self.accounts.iter() {
            let (lent, presumed) = sums.get(&id).copied().unwrap_or_default();
            assert_eq!(account.record.reserved, lent, "what is reserved is lent");
            assert_eq!(account.record.presumed, presumed, "what is presumed is somebody's");
        }
        for lease in self.leases() {
            assert!(lease.lent.0 > 0 || lease.presumed.0 > 0, "an empty lease is no lease");
            assert!(self.terms.path(lease.term).is_some(), "a lease is of a term");
        }
    }

    /// What is lent and presumed of each account, by its leases.
    pub(super) fn sums(&self) -> BTreeMap<AccountId, (Nanos, Nanos)> {
        let mut sums: BTreeMap<AccountId, (Nanos, Nanos)> = BTreeMap::new();
        for lease in self.leases() {
            for id in self.terms.path(lease.term).into_iter().flat_map(|path| path.iter()) {
                let (lent, presumed) = sums.entry(*id).or_default();
                *lent = lent.saturating_plus(lease.lent);
                *presumed = presumed.saturating_plus(lease.presumed);
            }
        }
        sums
    }
}
