//! Does the ledger of money do what a naive model predicts, which recomputes every balance from a
//! list of all events?
//!
//! Repeats, stale and skipped sequences, silence, late words, words that cannot be true, unknown
//! terms, caps that change, budgets that vanish and move, periods that end, zone changes,
//! corrections, a clock that goes back, and restarts at any moment from what was stored.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test is supposed to stop there")]

#[path = "naive_money/book.rs"]
mod book;
#[path = "naive_money/model.rs"]
mod model;
#[path = "naive_money/replica.rs"]
mod replica;

use std::sync::Arc;

use ledger::money::MoneyLedger;
use ledger::money::command::{Command, Correction, Definition, Period, Reply, Sync};
use model::Model;
use proptest::prelude::*;
use replica::Replica;
use wire::budget::{Basis, MoneyLine, Settlement, Term};
use wire::ids::{BudgetName, ClientName, HolderId, ServiceName};
use wire::limit::Mode;
use wire::money::Nanos;
use wire::units::{Millis, UnixMillis};

const BUDGETS: [&str; 5] = ["acme", "team", "labs", "bot", "ghost"];
const MONTH: u64 = 20_000;
const START: u64 = 10 * MONTH + 5_000;

#[derive(Clone, Debug)]
enum Step {
    Define(Policy),
    Expire,
    Restart,
    Sync { holder: u128, number: Number, lines: Vec<Line>, settlements: Vec<Cost> },
    Correct { id: u8, budget: usize, period: Option<u64>, amount: i64 },
}

/// Budget, term, returned, wants, least.
type Line = (usize, u64, u64, u64, u64);
/// Budget, term, cost.
type Cost = (usize, u64, u64);

/// Of each budget the cap, if it is there; and what else can change.
#[derive(Clone, Debug)]
struct Policy {
    caps: [Option<Option<u64>>; 4],
    /// What the bot lies in.
    parent: usize,
    watched: usize,
    /// How much later months begin.
    zone: u64,
    /// How long the bot's own periods are.
    days: u64,
}

#[derive(Clone, Copy, Debug)]
enum Number {
    Next,
    Again,
    Older,
    Skipped,
}

fn name(budget: usize) -> BudgetName {
    BudgetName::parse(BUDGETS[budget]).unwrap()
}

fn definitions(policy: &Policy, now: u64) -> Vec<Definition> {
    let parents = [None, Some(0), Some(0), Some(policy.parent)];
    let one = |budget: usize| {
        let cap = policy.caps[budget]?;
        let long = if budget == 3 { policy.days } else { MONTH };
        Some(Definition {
            name: name(budget),
            within: parents[budget].filter(|parent| *parent < 3).map(name),
            owner: Arc::from(BUDGETS[budget]),
            cap: cap.map(Nanos),
            mode: if budget == policy.watched { Mode::Watch } else { Mode::Enforce },
            periods: periods(long, policy.zone, now),
        })
    };
    (0..4).filter_map(one).collect()
}

/// The present period and the next two, of this length.
fn periods(long: u64, zone: u64, now: u64) -> Vec<Period> {
    let first = (now - zone) / long;
    let period = |number: u64| Period {
        label: label(long, number),
        starts: UnixMillis(number * long + zone),
        ends: Some(UnixMillis((number + 1) * long + zone)),
    };
    (first..first + 3).map(period).collect()
}

fn label(long: u64, number: u64) -> Arc<str> {
    Arc::from(format!("{long}-{number}"))
}

fn policy() -> impl Strategy<Value = Policy> {
    let cap = || {
        prop_oneof![
            1 => Just(None),
            1 => Just(Some(None)),
            6 => (0..300u64).prop_map(|cap| Some(Some(cap))),
        ]
    };
    let zone = prop_oneof![3 => Just(0), 1 => 0..4_000u64];
    let days = prop_oneof![3 => Just(MONTH), 1 => Just(7_000)];
    let caps = [cap(), cap(), cap(), cap()];
    (caps, 0..4usize, 0..9usize, zone, days).prop_map(|(caps, parent, watched, zone, days)| {
        Policy { caps, parent, watched, zone, days }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let amount = || prop_oneof![2 => Just(0), 4 => 0..12u64, 1 => 0..120u64];
    let line = (0..5usize, 0..8u64, amount(), amount(), amount());
    let cost = (0..5usize, 0..8u64, amount());
    let number = prop_oneof![
        9 => Just(Number::Next),
        2 => Just(Number::Again),
        1 => Just(Number::Older),
        1 => Just(Number::Skipped),
    ];
    let lines = prop::collection::vec(line, 0..4);
    let costs = prop::collection::vec(cost, 0..3);
    let period = prop::option::of(8..14u64);
    prop_oneof![
        2 => policy().prop_map(Step::Define),
        1 => Just(Step::Expire),
        1 => Just(Step::Restart),
        16 => (1..5u128, number, lines, costs).prop_map(|(holder, number, lines, settlements)| {
            Step::Sync { holder, number, lines, settlements }
        }),
        2 => (0..6u8, 0..5usize, period, -60..60i64).prop_map(|(id, budget, period, amount)| {
            Step::Correct { id, budget, period, amount }
        }),
    ]
}

/// How much later the next step is; rarely it is earlier.
fn pause() -> impl Strategy<Value = i64> {
    prop_oneof![
        12 => 0..400i64,
        4 => 400..4_000i64,
        2 => 8_000..14_000i64,
        1 => -3_000..0i64,
        1 => Just(6 * 3_600_000),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn the_model_predicts_every_balance_and_every_refusal(
        first in policy(),
        steps in prop::collection::vec((pause(), step()), 1..50),
    ) {
        let mut trial = Trial::new(&first);
        for (ms, step) in &steps {
            trial.now = trial.now.saturating_add_signed(*ms);
            trial.take(step);
        }
    }
}

struct Trial {
    ledger: MoneyLedger,
    model: Model,
    store: Replica,
    policy: Vec<Definition>,
    now: u64,
    sequences: [u64; 5],
}

impl Trial {
    fn new(first: &Policy) -> Self {
        let mut trial = Self {
            ledger: MoneyLedger::new(),
            model: Model::default(),
            store: Replica::default(),
            policy: Vec::new(),
            now: START,
            sequences: [0; 5],
        };
        trial.take(&Step::Define(first.clone()));
        trial
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Define(policy) => {
                self.policy = definitions(policy, self.now);
                self.define();
            }
            Step::Expire => {
                self.apply(Command::Expire);
            }
            Step::Restart => {
                self.ledger = MoneyLedger::load(self.store.image(), UnixMillis(self.now)).unwrap();
                self.model.restart(self.now);
                self.compare();
                self.define();
            }
            Step::Sync { holder, number, lines, settlements } => {
                let sync = self.sync(*holder, *number, lines, settlements);
                let heard = match self.apply(Command::Sync(sync.clone())) {
                    Reply::Synced(answers) => Ok(answers),
                    Reply::Refused(refusal) => Err(refusal),
                    other => panic!("{other:?}"),
                };
                self.model.sync(&sync, &heard);
            }
            Step::Correct { id, budget, period, amount } => {
                let correction = Correction {
                    id: Arc::from(id.to_string()),
                    budget: name(*budget),
                    period: period.map(|number| label(MONTH, number)),
                    amount: *amount,
                    who: Arc::from("ann"),
                    why: Arc::from("invoice"),
                };
                let predicted = match self.apply(Command::Correct(correction.clone())) {
                    Reply::Corrected(entry) => Ok(entry),
                    Reply::Refused(refusal) => Err(refusal),
                    other => panic!("{other:?}"),
                };
                assert_eq!(self.model.correct(&correction), predicted);
            }
        }
        self.compare();
    }

    fn define(&mut self) {
        let (budgets, by) = (self.policy.clone(), Arc::from("policy"));
        self.apply(Command::Define { budgets, by });
        self.model.define(&self.policy);
    }

    fn apply(&mut self, command: Command) -> Reply {
        self.model.pass_to(self.now);
        let outcome = self.ledger.apply(command, UnixMillis(self.now));
        self.store.store(&outcome.changes);
        assert_eq!(self.store.image(), self.ledger.image());
        outcome.reply
    }

    fn compare(&self) {
        let book = self.model.book();
        let accounts: Vec<_> = self.ledger.accounts().cloned().collect();
        assert_eq!(accounts, book.accounts());
        let leases = self.ledger.leases();
        let leases = leases.map(|one| ((one.holder.0, one.term.0), (one.lent.0, one.presumed.0)));
        assert_eq!(leases.collect::<std::collections::BTreeMap<_, _>>(), some(book.leases));
        assert_eq!(self.ledger.holders(), book.holders.len());
        assert_eq!(self.ledger.last_entry(), book.entries);
    }

    fn sync(&mut self, holder: u128, number: Number, lines: &[Line], costs: &[Cost]) -> Sync {
        let last = &mut self.sequences[usize::try_from(holder).unwrap()];
        let sequence = match number {
            Number::Next => *last + 1,
            Number::Again => *last,
            Number::Older => last.saturating_sub(1),
            Number::Skipped => *last + 3,
        };
        *last = sequence.max(*last);
        let line = |&(budget, term, returned, wants, least): &Line| MoneyLine {
            budget: name(budget),
            term: (term > 0).then_some(Term(term)),
            returned: Nanos(returned),
            wants: Nanos(wants),
            least: Nanos(least),
        };
        Sync {
            holder: HolderId(holder),
            sequence,
            lines: lines.iter().map(line).collect(),
            settlements: costs.iter().map(settlement).collect(),
        }
    }
}

type Leases = std::collections::BTreeMap<(u128, u64), (u64, u64)>;

fn some(mut leases: Leases) -> Leases {
    leases.retain(|_, lease| *lease != (0, 0));
    leases
}

fn settlement(&(budget, term, cost): &Cost) -> Settlement {
    Settlement {
        budget: name(budget),
        term: Term(term),
        client: ClientName::parse("client").unwrap(),
        service: ServiceName::parse("service").unwrap(),
        route: Arc::from("POST /v1/things"),
        model: None,
        calls: 1,
        cost: Nanos(cost),
        hold: Nanos(cost),
        basis: Basis::Flat,
        counts: Vec::new(),
        prices: None,
        status: 200,
        upstream_id: None,
        ago_ms: Millis(0),
    }
}
