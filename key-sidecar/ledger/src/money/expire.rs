//! Silence: leases run out, and who is silent for very long is forgotten.

use wire::ids::HolderId;
use wire::money::Nanos;

use crate::money::holder::{NOBODY, Silence};
use crate::money::lease::Lease;
use crate::money::record::What;
use crate::money::state::MoneyLedger;

impl MoneyLedger {
    /// Draws all consequences of silence that are due.
    pub(super) fn expire(&mut self) {
        while let Some(due) = self.holders.next_due(self.clock) {
            match due {
                Silence::RunOut(holder) => self.run_out(holder),
                Silence::Forgotten(holder) => self.forget(holder),
            }
        }
    }

    /// What the holder was lent counts as spent until it speaks.
    fn run_out(&mut self, id: HolderId) {
        let Some(holder) = self.holders.get_mut(id) else {
            return;
        };
        let run_out = |(term, lease): (&_, &mut Lease)| (*term, lease.run_out());
        let amounts: Vec<_> = holder.leases.iter_mut().map(run_out).collect();
        for (term, amount) in amounts.into_iter().filter(|(_, amount)| *amount > Nanos::ZERO) {
            self.journal.leases.insert((id, term));
            for account in self.terms.path(term).into_iter().flat_map(|path| path.iter()) {
                self.accounts[*account].presume(amount);
                self.journal.accounts.insert(*account);
            }
            self.enter(What::Presumed { holder: id, term, amount });
        }
    }

    /// What is presumed of the holder stays presumed, under the name of nobody.
    fn forget(&mut self, id: HolderId) {
        let Some(holder) = self.holders.remove(id) else {
            return;
        };
        self.journal.holders.insert(id);
        for (term, lease) in holder.leases {
            assert_eq!(lease.lent, Nanos::ZERO, "who is forgotten was silent before");
            let unclaimed = self.unclaimed.entry(term).or_default();
            *unclaimed = unclaimed.saturating_plus(lease.presumed);
            self.journal.leases.extend([(id, term), (NOBODY, term)]);
        }
    }
}
