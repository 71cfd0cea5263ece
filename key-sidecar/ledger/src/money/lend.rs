//! One line's wish: how much is lent, whether others wait, and why there is less than is needed.
//!
//! A wish is served wholly or not at all up to `least`: a part of a hold admits no call. Whether
//! there is room is asked of every account on the path before any is touched. Why there is none, in
//! order of precedence: *undefined* (the budget or one above it is not in the policy), *closed*
//! (one of them has no period now), *spent* (one of them would not have enough even if all came
//! back), *lent elsewhere*; of several budgets the first from the charged one up is named.
//! Neighbours: `share` decides how much, `figures` shows the accounts that answers and refusals
//! name.

use wire::budget::{BudgetView, MoneyAnswer, MoneyLine, MoneyShortage, MoneyWhy};
use wire::ids::HolderId;
use wire::money::Nanos;
use wire::units::Millis;

use crate::money::account::OpenAccount;
use crate::money::holder::Holder;
use crate::money::lease::MONEY_TTL;
use crate::money::share::{Demand, ask_again, ask_again_elsewhere};
use crate::money::state::MoneyLedger;
use crate::money::tree::{NoTerm, Present};

impl MoneyLedger {
    pub(super) fn serve(&mut self, holder: HolderId, line: &MoneyLine) -> MoneyAnswer {
        match self.present(&line.budget) {
            Ok(present) => self.serve_open(holder, line, &present),
            Err(NoTerm::Undefined) => nothing(line, MoneyWhy::Undefined, None),
            Err(NoTerm::Closed(budget)) => {
                nothing(line, MoneyWhy::Closed, self.view_closed(&budget))
            }
        }
    }

    fn serve_open(&mut self, holder: HolderId, line: &MoneyLine, present: &Present) -> MoneyAnswer {
        let who = (holder, present.term);
        let least = line.least.min(line.wants);
        let need = if line.wants == Nanos::ZERO { Nanos::ZERO } else { least.max(Nanos(1)) };
        for id in present.path.iter() {
            self.accounts[*id].waiters.forget(who);
            if line.wants > Nanos::ZERO {
                self.accounts[*id].askers.note(who, self.clock);
            }
        }
        let room = present.path.iter().map(|id| self.accounts[*id].room()).min();
        let room = room.unwrap_or(Nanos::ZERO);
        let is_short = room < need;
        let gets = if is_short || line.wants == Nanos::ZERO {
            Nanos::ZERO
        } else {
            self.slice(holder, line, least, present)
        };
        self.lend(holder, present, gets, least);
        let left = present.ends.map_or(Millis::MAX, |ends| ends.since(self.clock));
        MoneyAnswer {
            budget: line.budget.clone(),
            term: Some(present.term),
            gets,
            ttl_ms: MONEY_TTL.min(left),
            recall: self.is_recalled(holder, present),
            short: is_short.then(|| self.shortage(holder, present, need)),
            tightest: self.tightest(present),
        }
    }

    fn slice(
        &mut self,
        holder: HolderId,
        line: &MoneyLine,
        least: Nanos,
        present: &Present,
    ) -> Nanos {
        let who = (holder, present.term);
        let lease = self.holders.get(holder).and_then(|holder| holder.leases.get(&present.term));
        let grain = lease.map_or(Nanos::ZERO, |lease| lease.grain);
        let now = self.clock;
        let mut fair = Nanos::MAX;
        let mut contended = false;
        for id in present.path.iter() {
            let account = &mut self.accounts[*id];
            let askers = account.askers.count(now).max(1);
            fair = fair.min(Nanos(account.room().0 / askers.saturating_mul(2)));
            contended |= account.waiters.besides(who, now);
        }
        let grain = if least > Nanos::ZERO { least } else { grain };
        Demand { wants: line.wants, least, grain, fair, contended }.slice()
    }

    fn lend(&mut self, holder: HolderId, present: &Present, gets: Nanos, least: Nanos) {
        let borrower = self.holders.get_mut(holder).filter(|_| gets > Nanos::ZERO);
        let Some(known) = borrower else {
            return;
        };
        let lease = known.leases.entry(present.term).or_default();
        lease.lent = lease.lent.saturating_plus(gets);
        if least > Nanos::ZERO {
            lease.grain = least;
        }
        self.journal.leases.insert((holder, present.term));
        for id in present.path.iter() {
            self.accounts[*id].lend(gets);
            self.journal.accounts.insert(*id);
            self.journal.lent.insert(*id);
        }
    }

    /// Whether the holder has something of this term that others wait for, or that was lent before
    /// the cap was lowered.
    fn is_recalled(&mut self, holder: HolderId, present: &Present) -> bool {
        let who = (holder, present.term);
        let has = |holder: &Holder| holder.leases.contains_key(&present.term);
        let now = self.clock;
        self.holders.get(holder).is_some_and(has)
            && present.path.iter().any(|id| {
                let account = &mut self.accounts[*id];
                account.is_over() || account.waiters.besides(who, now)
            })
    }

    /// Spent, if what is left would not do even if everything lent came back; else lent elsewhere,
    /// and then the holder waits.
    fn shortage(&mut self, holder: HolderId, present: &Present, need: Nanos) -> MoneyShortage {
        let first = |lacks: &dyn Fn(&OpenAccount) -> bool| {
            present.path.iter().copied().find(|id| lacks(&self.accounts[*id]))
        };
        let left = present.ends.map(|ends| ends.since(self.clock));
        if let Some(id) = first(&|account| account.unspent() < need) {
            let refused_by = Some(self.accounts[id].view(self.clock));
            return MoneyShortage {
                why: MoneyWhy::Spent,
                ask_again_ms: ask_again(left),
                refused_by,
            };
        }
        let refused_by = first(&|account| account.room() < need);
        let refused_by = refused_by.map(|id| self.accounts[id].view(self.clock));
        let mut waiters = 0;
        for id in present.path.iter() {
            let account = &mut self.accounts[*id];
            if account.room() < need {
                account.waiters.note((holder, present.term), self.clock);
                waiters = account.waiters.count(self.clock).max(waiters);
            }
        }
        let ask_again_ms = ask_again_elsewhere(waiters).min(ask_again(left));
        MoneyShortage { why: MoneyWhy::LentElsewhere, ask_again_ms, refused_by }
    }
}

/// The answer where there is no term.
fn nothing(line: &MoneyLine, why: MoneyWhy, refused_by: Option<BudgetView>) -> MoneyAnswer {
    let opens = refused_by.as_ref().and_then(|view| view.resets_ms);
    let short = MoneyShortage { why, ask_again_ms: ask_again(opens), refused_by };
    MoneyAnswer {
        budget: line.budget.clone(),
        term: None,
        gets: Nanos::ZERO,
        ttl_ms: Millis::ZERO,
        // What it still has of a term that is no more is of no use to it.
        recall: line.term.is_some(),
        tightest: None,
        short: (line.wants > Nanos::ZERO).then_some(short),
    }
}
