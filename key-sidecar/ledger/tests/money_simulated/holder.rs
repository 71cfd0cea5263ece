//! A simulated holder of money: how a plugin has to behave so that caps are kept and used up.
//!
//! The rules are those of `ledger::money`. It syncs when a caller waits, when it runs low or when
//! it is recalled, 55 ms after its last sync at the soonest, and twice a second otherwise. It
//! repeats a request to the byte until it is answered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ledger::money::command::Sync;
use wire::budget::{Basis, MoneyAnswer, MoneyLine, Settlement, Term};
use wire::ids::{BudgetName, ClientName, HolderId, ServiceName};
use wire::money::Nanos;
use wire::units::Millis;

const SYNC_MS_MIN: u64 = 55;
const SYNC_MS_MAX: u64 = 500;
const REPEAT_MS: u64 = 250;
/// How far ahead demand is looked.
const AHEAD_MS: u64 = 250;
/// How long a call waits.
const WAIT_MS: u64 = 250;
/// For how long after a shortage it wants no more than it needs until the next sync.
const MODEST_MS: u64 = 1_000;
/// When it gives back what nobody asked for.
const IDLE_MS: u64 = 5_000;

/// A call that has been admitted.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) budget: BudgetName,
    pub(crate) term: Term,
    pub(crate) hold: i64,
}

#[derive(Debug, Default)]
struct Purse {
    term: Option<Term>,
    free: i64,
    /// What the ledger has lent, as of its last answer, and what the sync under way says of it.
    lent: i64,
    saying: i64,
    returned: i64,
    /// What is left of old terms.
    left: Vec<(Term, i64)>,
    good_until: u64,
    recalled: bool,
    short_until: u64,
    short_from: i64,
    modest_until: u64,
    /// What each waiting call would reserve, and when it gives up.
    waiting: VecDeque<(i64, u64)>,
    asked: VecDeque<(u64, i64)>,
}

pub(crate) struct Holder {
    pub(crate) id: HolderId,
    sequence: u64,
    last_sync: Option<u64>,
    under_way: Option<Sync>,
    purses: BTreeMap<BudgetName, Purse>,
    settlements: Vec<Settlement>,
    pub(crate) syncs: u64,
}

impl Holder {
    pub(crate) fn new(id: u128) -> Self {
        Self {
            id: HolderId(id),
            sequence: 0,
            last_sync: None,
            under_way: None,
            purses: BTreeMap::new(),
            settlements: Vec::new(),
            syncs: 0,
        }
    }

    /// A call comes: it runs, or waits for an answer, or is refused.
    pub(crate) fn call(&mut self, budget: &BudgetName, hold: i64, now: u64) -> Option<Running> {
        let purse = self.purses.entry(budget.clone()).or_default();
        purse.asked.push_back((now, hold));
        let running = purse.reserve(budget, hold, now);
        if running.is_none() && purse.may_ask(hold, now) {
            purse.waiting.push_back((hold, now + WAIT_MS));
        }
        running
    }

    /// A call has ended and cost this.
    pub(crate) fn end(&mut self, call: &Running, cost: i64) {
        let purse = self.purses.get_mut(&call.budget).unwrap();
        if purse.term == Some(call.term) {
            purse.free += call.hold - cost;
        } else if call.hold > cost {
            purse.left.push((call.term, call.hold - cost));
        }
        self.settlements.push(settlement(call, cost));
    }

    /// What is in memory and may be reserved, over all budgets.
    pub(crate) fn free(&self) -> i64 {
        self.purses.values().map(|purse| purse.free.max(0)).sum()
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.purses.values().any(|purse| !purse.waiting.is_empty())
    }

    /// The request to send now, if it is time for one.
    pub(crate) fn sync(&mut self, now: u64) -> Option<Sync> {
        let since = self.last_sync.map_or(u64::MAX, |last| now - last);
        if let Some(under_way) = &self.under_way {
            let again = (since >= REPEAT_MS).then(|| under_way.clone())?;
            self.last_sync = Some(now);
            self.syncs += 1;
            return Some(again);
        }
        self.purses.values_mut().for_each(|purse| purse.tire(now));
        let pressing = self.purses.values_mut().any(|purse| purse.presses(now));
        let has = self.purses.values().any(Purse::is_held) || !self.settlements.is_empty();
        if !(pressing && since >= SYNC_MS_MIN || has && since >= SYNC_MS_MAX) {
            return None;
        }
        let settlements: Vec<_> = self.settlements.drain(..).collect();
        for one in &settlements {
            let purse = self.purses.get_mut(&one.budget).unwrap();
            if purse.term == Some(one.term) {
                purse.saying += i64::try_from(one.cost.0).unwrap();
            }
        }
        let mut lines = Vec::new();
        for (budget, purse) in &mut self.purses {
            purse.lines(budget, now, &mut lines);
        }
        self.sequence += 1;
        self.last_sync = Some(now);
        self.syncs += 1;
        let sync = Sync { holder: self.id, sequence: self.sequence, lines, settlements };
        self.under_way = Some(sync.clone());
        Some(sync)
    }

    /// The answer to the request that was sent at `sent`. Tells which waiting calls run now.
    pub(crate) fn answer(
        &mut self,
        sequence: u64,
        sent: u64,
        answers: &[MoneyAnswer],
        now: u64,
    ) -> Vec<Running> {
        if self.under_way.as_ref().is_none_or(|sync| sync.sequence != sequence) {
            return Vec::new();
        }
        self.under_way = None;
        self.purses.values_mut().for_each(Purse::heard);
        let mut admitted = Vec::new();
        for answer in answers {
            let purse = self.purses.get_mut(&answer.budget).unwrap();
            purse.absorb(answer, sent, now);
            while let Some((hold, _)) = purse.waiting.front().copied() {
                let Some(running) = purse.reserve(&answer.budget, hold, now) else {
                    break;
                };
                purse.waiting.pop_front();
                admitted.push(running);
            }
            let (short_until, short_from) = (purse.short_until, purse.short_from);
            purse.waiting.retain(|(hold, _)| now >= short_until || *hold < short_from);
        }
        admitted
    }
}

impl Purse {
    fn reserve(&mut self, budget: &BudgetName, hold: i64, now: u64) -> Option<Running> {
        let term = self.term.filter(|_| now <= self.good_until && self.free >= hold)?;
        self.free -= hold;
        Some(Running { budget: budget.clone(), term, hold })
    }

    fn may_ask(&self, hold: i64, now: u64) -> bool {
        now >= self.short_until || hold < self.short_from
    }

    fn tire(&mut self, now: u64) {
        self.waiting.retain(|(_, until)| *until > now);
        while self.asked.front().is_some_and(|(at, _)| at + AHEAD_MS <= now) {
            self.asked.pop_front();
        }
    }

    fn least(&self) -> Option<i64> {
        self.waiting.iter().map(|(hold, _)| *hold).min()
    }

    fn demand(&self) -> i64 {
        self.asked.iter().map(|(_, hold)| *hold).sum()
    }

    fn target(&self, now: u64) -> i64 {
        let waits: i64 = self.waiting.iter().map(|(hold, _)| *hold).sum();
        let part = if self.recalled || now < self.modest_until { 5 } else { 1 };
        (self.demand() / part).max(waits)
    }

    /// What is free and goes back. Of what does not pay for the smallest call that waits, all.
    fn surplus(&self, now: u64) -> i64 {
        let useless = self.least().is_some_and(|least| least > self.free);
        let idle = now >= self.asked.back().map_or(0, |(at, _)| at + IDLE_MS) && self.demand() == 0;
        let keep = match (useless, self.recalled) {
            (true, _) => 0,
            (false, true) => self.target(now),
            (false, false) if idle => 0,
            (false, false) => return 0,
        };
        (self.free - keep).max(0)
    }

    fn presses(&mut self, now: u64) -> bool {
        let may_ask = self.may_ask(self.least().unwrap_or(i64::MAX), now);
        let low = self.free < self.target(now) / 2 || self.least().is_some_and(|l| l > self.free);
        low && may_ask || self.recalled && self.surplus(now) > 0
    }

    fn is_held(&self) -> bool {
        self.free != 0 || self.lent > 0 || !self.left.is_empty()
    }

    fn lines(&mut self, budget: &BudgetName, now: u64, lines: &mut Vec<MoneyLine>) {
        let nanos = |amount: i64| Nanos(u64::try_from(amount).unwrap());
        let line = |term, returned, wants, least| MoneyLine {
            budget: budget.clone(),
            term,
            returned: nanos(returned),
            wants: nanos(wants),
            least: nanos(least),
        };
        for (term, amount) in self.left.drain(..) {
            lines.push(line(Some(term), amount, 0, 0));
        }
        let back = self.surplus(now);
        self.free -= back;
        self.returned += back;
        let may_ask = self.may_ask(self.least().unwrap_or(i64::MAX), now);
        let wants = if may_ask { (self.target(now) - self.free).max(0) } else { 0 };
        let least = self.least().map_or(0, |least| (least - self.free).max(0)).min(wants);
        let returned = std::mem::take(&mut self.returned);
        self.saying += returned;
        self.short_from = least.max(1);
        lines.push(line(self.term, returned, wants, least));
    }

    /// What was said beyond what the ledger had lent is a debt of the account.
    fn heard(&mut self) {
        let said = std::mem::take(&mut self.saying);
        self.free += (said - self.lent).max(0);
        self.lent = (self.lent - said).max(0);
    }

    fn absorb(&mut self, answer: &MoneyAnswer, sent: u64, now: u64) {
        if answer.term != self.term {
            if let Some(old) = self.term.filter(|_| self.free > 0) {
                self.left.push((old, self.free));
            }
            (self.term, self.free, self.lent) = (answer.term, 0, 0);
        }
        let gets = i64::try_from(answer.gets.0).unwrap();
        self.free += gets;
        self.lent += gets;
        self.good_until = sent + answer.ttl_ms.0;
        self.recalled = answer.recall;
        if let Some(short) = &answer.short {
            self.short_until = sent + short.ask_again_ms.0;
            self.modest_until = now + MODEST_MS;
        }
    }
}

fn settlement(call: &Running, cost: i64) -> Settlement {
    Settlement {
        budget: call.budget.clone(),
        term: call.term,
        client: ClientName::parse("client").unwrap(),
        service: ServiceName::parse("service").unwrap(),
        route: Arc::from("POST /v1/things"),
        model: None,
        calls: 1,
        cost: Nanos(u64::try_from(cost).unwrap()),
        hold: Nanos(u64::try_from(call.hold).unwrap()),
        basis: Basis::Flat,
        counts: Vec::new(),
        prices: None,
        status: 200,
        upstream_id: None,
        ago_ms: Millis(0),
    }
}
