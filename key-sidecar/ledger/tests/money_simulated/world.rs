//! A simulated world: one ledger, many holders, callers, a clock in milliseconds, and an auditor.
//!
//! The auditor knows what the holders really let through: at every millisecond, of every account,
//! what running calls have reserved and what ended calls have cost is at most the cap (but for
//! debt, where calls cost more than their hold), and so is what the ledger says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger::money::MoneyLedger;
use ledger::money::command::{Command, Definition, Period, Reply, Sync};
use ledger::money::record::Change;
use wire::budget::{MoneyAnswer, Term};
use wire::ids::BudgetName;
use wire::limit::Mode;
use wire::money::Nanos;
use wire::units::UnixMillis;

use super::holder::{Holder, Running};
use super::replica::Replica;

pub(crate) fn name(text: &str) -> BudgetName {
    BudgetName::parse(text).unwrap()
}

/// A budget of the simulated policy: name, what it lies in, cap.
pub(crate) type Budget = (&'static str, Option<&'static str>, Option<u64>);

/// Budget and period.
type Account = (BudgetName, Arc<str>);

/// How many periods policy knows.
const PERIODS: u64 = 20;

/// Who calls what, and how.
#[derive(Clone)]
pub(crate) struct Traffic {
    /// The budgets that calls are charged to, in turn by chance.
    pub(crate) leaves: Vec<&'static str>,
    /// Holds, and what a call of each costs.
    pub(crate) calls: Vec<(i64, i64)>,
    /// Calls a second at each holder.
    pub(crate) per_second: u64,
    /// How long calls run, at most.
    pub(crate) lasts_ms: u64,
    /// Of a thousand answers, how many are lost.
    pub(crate) lost_per_mille: u64,
}

/// An answer on its way back.
struct Answer {
    at: u64,
    holder: usize,
    sequence: u64,
    sent: u64,
    answers: Vec<MoneyAnswer>,
}

pub(crate) struct World {
    pub(crate) ledger: MoneyLedger,
    pub(crate) holders: Vec<Holder>,
    pub(crate) now: u64,
    policy: Vec<Definition>,
    store: Replica,
    dead: BTreeSet<usize>,
    chance: u64,
    running: BTreeMap<u64, Vec<(usize, Running, i64)>>,
    answers: Vec<Answer>,
    pub(crate) admitted: BTreeMap<BudgetName, u64>,
    pub(crate) last_admission: u64,
    terms: BTreeMap<Term, Vec<Account>>,
    /// What runs and what has ended: reserved or paid.
    out: BTreeMap<Account, i64>,
    /// What calls have cost beyond their hold: the only debt there can be.
    debt: BTreeMap<Account, i64>,
}

impl World {
    /// A world with so many holders, and periods of this length.
    pub(crate) fn new(holders: usize, budgets: &[Budget], period_ms: u64, chance: u64) -> Self {
        let mut world = Self {
            ledger: MoneyLedger::new(),
            holders: (1..=holders).map(|id| Holder::new(u128::try_from(id).unwrap())).collect(),
            now: 0,
            policy: definitions(budgets, period_ms),
            store: Replica::default(),
            dead: BTreeSet::new(),
            chance,
            running: BTreeMap::new(),
            answers: Vec::new(),
            admitted: BTreeMap::new(),
            last_admission: 0,
            terms: BTreeMap::new(),
            out: BTreeMap::new(),
            debt: BTreeMap::new(),
        };
        world.define();
        world
    }

    fn define(&mut self) {
        let (budgets, by) = (self.policy.clone(), Arc::from("v1"));
        self.apply(Command::Define { budgets, by });
    }

    fn apply(&mut self, command: Command) -> Reply {
        let outcome = self.ledger.apply(command, UnixMillis(self.now));
        assert_eq!(outcome.faults, [], "holders keep the rules");
        self.store.store(&outcome.changes);
        for change in outcome.changes {
            if let Change::Term(record) = change {
                self.terms.insert(record.term, record.accounts);
            }
        }
        outcome.reply
    }

    /// The ledger's process dies and starts again. Answers under way are lost.
    pub(crate) fn restart_ledger(&mut self) {
        self.answers.clear();
        self.ledger = MoneyLedger::load(self.store.image(), UnixMillis(self.now)).unwrap();
        self.define();
    }

    /// A holder dies. Its calls run on upstream, and nobody hears what they cost.
    pub(crate) fn kill(&mut self, holder: usize) {
        self.dead.insert(holder);
    }

    /// A number below `below`: xorshift, so that each run is the same.
    pub(crate) fn draw(&mut self, below: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % below
    }

    /// Lets a millisecond pass, with calls at these holders.
    pub(crate) fn step(&mut self, traffic: &Traffic, callers: std::ops::Range<usize>) {
        self.now += 1;
        if self.ledger.next_expiry().is_some_and(|at| at.0 <= self.now) {
            self.apply(Command::Expire);
        }
        self.end_calls();
        self.deliver(traffic);
        for holder in callers.filter(|holder| !self.dead.contains(holder)).collect::<Vec<_>>() {
            if self.draw(1_000) < traffic.per_second {
                let leaf = self.draw(traffic.leaves.len() as u64);
                let kind = self.draw(traffic.calls.len() as u64);
                let leaf = name(traffic.leaves[usize::try_from(leaf).unwrap()]);
                let (hold, cost) = traffic.calls[usize::try_from(kind).unwrap()];
                let call = self.holders[holder].call(&leaf, hold, self.now);
                self.admit(holder, call.into_iter().collect(), traffic, Some(cost));
            }
        }
        for holder in
            (0..self.holders.len()).filter(|one| !self.dead.contains(one)).collect::<Vec<_>>()
        {
            if let Some(sync) = self.holders[holder].sync(self.now) {
                self.send(holder, sync, traffic);
            }
        }
        self.audit();
    }

    /// A hold pays what calls of it cost; the first kind of that hold says so.
    fn admit(&mut self, holder: usize, calls: Vec<Running>, traffic: &Traffic, cost: Option<i64>) {
        for call in calls {
            let usual = traffic.calls.iter().find(|(hold, _)| *hold == call.hold);
            let cost = cost.or(usual.map(|(_, cost)| *cost)).unwrap();
            *self.admitted.entry(call.budget.clone()).or_default() += 1;
            self.last_admission = self.now;
            self.move_out(call.term, call.hold, 0);
            let ends = self.now + 1 + self.draw(traffic.lasts_ms);
            self.running.entry(ends).or_default().push((holder, call, cost));
        }
    }

    fn end_calls(&mut self) {
        for (holder, call, cost) in self.running.remove(&self.now).unwrap_or_default() {
            self.move_out(call.term, cost - call.hold, (cost - call.hold).max(0));
            if !self.dead.contains(&holder) {
                self.holders[holder].end(&call, cost);
            }
        }
    }

    fn move_out(&mut self, term: Term, amount: i64, debt: i64) {
        for account in &self.terms[&term] {
            *self.out.entry(account.clone()).or_default() += amount;
            *self.debt.entry(account.clone()).or_default() += debt;
        }
    }

    fn send(&mut self, holder: usize, sync: Sync, traffic: &Traffic) {
        let sequence = sync.sequence;
        let reply = self.apply(Command::Sync(sync));
        let Reply::Synced(answers) = reply else {
            panic!("{reply:?}");
        };
        let lost = self.draw(1_000) < traffic.lost_per_mille;
        let at = self.now + 1 + self.draw(4);
        if !lost {
            self.answers.push(Answer { at, holder, sequence, sent: self.now, answers });
        }
    }

    fn deliver(&mut self, traffic: &Traffic) {
        let now = self.now;
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.answers).into_iter().partition(|answer| answer.at <= now);
        self.answers = later;
        for Answer { holder, sequence, sent, answers, .. } in due {
            if self.dead.contains(&holder) {
                continue;
            }
            let calls = self.holders[holder].answer(sequence, sent, &answers, now);
            self.admit(holder, calls, traffic, None);
        }
    }

    fn audit(&self) {
        for account in self.ledger.accounts() {
            let Some(cap) = account.cap else {
                continue;
            };
            let key = (account.budget.clone(), Arc::clone(&account.period));
            let debt = self.debt.get(&key).copied().unwrap_or_default();
            let most = i64::try_from(cap.0).unwrap() + debt;
            let out = self.out(&key);
            assert!(out <= most, "{key:?} at {}: {out} is out of {most}", self.now);
            let says = account.settled.0 + account.presumed.0 + account.reserved.0;
            assert!(i64::try_from(says).unwrap() <= most, "{key:?} at {}: {account:?}", self.now);
        }
    }

    /// What the calls of an account have really cost and reserved.
    pub(crate) fn out(&self, account: &Account) -> i64 {
        self.out.get(account).copied().unwrap_or_default()
    }

    /// Whether every call has ended and every living holder has said so.
    pub(crate) fn is_quiet(&self) -> bool {
        self.running.is_empty() && self.ledger.accounts().all(|account| account.reserved.0 == 0)
    }

    pub(crate) fn all_admitted(&self) -> u64 {
        self.admitted.values().sum()
    }

    pub(crate) fn all_syncs(&self) -> u64 {
        self.holders.iter().map(|holder| holder.syncs).sum()
    }
}

fn definitions(budgets: &[Budget], period_ms: u64) -> Vec<Definition> {
    let period = |number: u64| Period {
        label: Arc::from(number.to_string()),
        starts: UnixMillis(number * period_ms),
        ends: Some(UnixMillis((number + 1) * period_ms)),
    };
    let definition = |&(own, within, cap): &Budget| Definition {
        name: name(own),
        within: within.map(name),
        owner: Arc::from("owner"),
        cap: cap.map(Nanos),
        mode: Mode::Enforce,
        periods: (0..PERIODS).map(period).collect(),
    };
    budgets.iter().map(definition).collect()
}
