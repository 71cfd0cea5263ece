//! A new policy: caps change, up or down, in the middle of a period; nothing is reset.
//!
//! Accounts of periods that are not over take the new cap and place in the tree; those that are
//! over keep theirs. What was spent and what is lent stays where it is. Where a cap is lowered
//! below that, nothing is lent and all is recalled until it fits. A budget that vanishes keeps its
//! accounts, and what was lent of it can be settled and given back.

use std::sync::Arc;

use wire::units::UnixMillis;

use crate::money::account::AccountId;
use crate::money::command::{Definition, Period};
use crate::money::record::What;
use crate::money::state::MoneyLedger;
use crate::money::tree::Tree;

impl MoneyLedger {
    pub(super) fn define(&mut self, definitions: Vec<Definition>, by: Arc<str>) {
        self.tree = Tree::new(definitions, by);
        let definitions: Vec<_> = self.tree.definitions().cloned().collect();
        for definition in &definitions {
            let accounts: Vec<_> = self.accounts.of_budget(&definition.name).collect();
            for id in accounts {
                self.redefine(id, definition);
            }
        }
    }

    fn redefine(&mut self, id: AccountId, definition: &Definition) {
        let account = &mut self.accounts[id];
        account.mode = definition.mode;
        account.owner = Arc::clone(&definition.owner);
        let label = &account.record.period;
        let Some(period) = definition.periods.iter().find(|period| period.label == *label) else {
            return;
        };
        let before = account.record.clone();
        (account.record.starts, account.record.ends) = (period.starts, period.ends);
        if !is_over(period, self.clock) {
            account.record.cap = definition.cap;
            account.record.within.clone_from(&definition.within);
        }
        let after = account.record.clone();
        if after != before {
            self.journal.accounts.insert(id);
        }
        if after.cap != before.cap {
            let (budget, period) = (after.budget, after.period);
            let by = Arc::clone(&self.tree.by);
            self.enter(What::Capped { budget, period, from: before.cap, to: after.cap, by });
        }
    }
}

fn is_over(period: &Period, now: UnixMillis) -> bool {
    period.ends.is_some_and(|ends| ends <= now)
}
