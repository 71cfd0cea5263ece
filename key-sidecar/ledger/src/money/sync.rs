//! A sync: who speaks, whether it is new; then what was spent, what comes back, and what is lent.
//!
//! A request is booked once, by (holder, sequence). Settlements come first, then all that is given
//! back, then the wishes, each in the order of the request, so that what comes back is there to be
//! lent to the same holder.

use wire::budget::{MoneyAnswer, Term};
use wire::ids::HolderId;
use wire::sync::{MONEY_MAX, SETTLEMENTS_MAX};
use wire::units::{Millis, UnixMillis};

use crate::money::command::{Refusal, Sync};
use crate::money::holder::{HOLDERS_MAX, NOBODY};
use crate::money::state::MoneyLedger;

impl MoneyLedger {
    pub(super) fn sync(&mut self, sync: Sync) -> Result<Vec<MoneyAnswer>, Refusal> {
        let id = sync.holder;
        if self.is_repeated(&sync)? {
            return Ok(self.repeat(id));
        }
        if sync.lines.len() > MONEY_MAX || sync.settlements.len() > SETTLEMENTS_MAX {
            return Err(Refusal::TooMany);
        }
        let now = self.clock;
        self.holders.hear(id, now);
        self.journal.holders.insert(id);
        for settlement in sync.settlements {
            self.settle(id, sync.sequence, settlement);
        }
        for line in &sync.lines {
            self.take_back(id, line);
        }
        let answers: Vec<_> = sync.lines.iter().map(|line| self.serve(id, line)).collect();
        let record = &mut self.holders.hear(id, now).record;
        record.sequence = sync.sequence;
        record.answers.clone_from(&answers);
        Ok(answers)
    }

    /// Whether the holder repeats its last request. [`NOBODY`]'s sequences are all used up.
    fn is_repeated(&self, sync: &Sync) -> Result<bool, Refusal> {
        if sync.holder == NOBODY {
            return Err(Refusal::Stale { last: u64::MAX });
        }
        match self.holders.get(sync.holder).map(|holder| holder.record.sequence) {
            Some(last) if sync.sequence < last => Err(Refusal::Stale { last }),
            Some(last) => Ok(sync.sequence == last),
            None if self.holders.len() >= HOLDERS_MAX => Err(Refusal::Crowded),
            None => Ok(false),
        }
    }

    /// The same answer again, but that no lease is good beyond the end of its term. Nothing that it
    /// lent is gone: what has run out since is presumed spent, and so is nobody else's.
    fn repeat(&mut self, id: HolderId) -> Vec<MoneyAnswer> {
        let answers = self.holders.hear(id, self.clock).record.answers.clone();
        self.journal.holders.insert(id);
        let again = |answer: MoneyAnswer| {
            let left = answer.term.and_then(|term| self.ends(term));
            let left = left.map_or(Millis::MAX, |ends| ends.since(self.clock));
            MoneyAnswer { ttl_ms: answer.ttl_ms.min(left), ..answer }
        };
        answers.into_iter().map(again).collect()
    }

    /// When the first of a term's periods ends.
    fn ends(&self, term: Term) -> Option<UnixMillis> {
        let path = self.terms.path(term)?;
        path.iter().filter_map(|id| self.accounts[*id].record.ends).min()
    }
}
