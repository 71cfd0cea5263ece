//! Does the ledger answer every command as a naive model does, which recomputes all from a list of
//! events?
//!
//! Repeats, stale and skipped sequence numbers, other epochs, holders that fall silent, words that
//! cannot be true, redefinitions, days that end, and a wall clock that jumps.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test is supposed to stop there")]

#[path = "naive/book.rs"]
mod book;
#[path = "naive/model.rs"]
mod model;

use ledger::{Command, Definition, Ledger, LimitView, Now, Refusal, Reply, Start, Sync};
use model::{Model, Predicted};
use proptest::prelude::*;
use wire::ids::{ClientName, Epoch, HolderId};
use wire::limit::{LimitKey, LimitRule, LimitScope, Per};
use wire::sync::LeaseLine;
use wire::units::{Millis, UnixMillis};

const EPOCH: Epoch = Epoch(7);
const NOON: u64 = 500_000;
/// Three days of a thousand seconds, the last of which is not known to end.
const BOUNDARIES: [u64; 3] = [0, 1_000_000, 2_000_000];

#[derive(Clone, Debug)]
enum Step {
    Define { amounts: [Option<u64>; 4] },
    Expire,
    Sync { holder: u128, number: Number, epoch: Option<Epoch>, lines: Vec<(usize, u64, u64, u64)> },
}

#[derive(Clone, Copy, Debug)]
enum Number {
    Next,
    Again,
    Older,
    Skipped,
}

fn rules(amounts: [Option<u64>; 4]) -> Vec<Definition> {
    let scope = LimitScope::Client(ClientName::parse("c").unwrap());
    let make: [fn(u64) -> LimitRule; 4] = [
        |amount| LimitRule::Requests { amount, per: Per::Second, burst: amount.div_ceil(2) },
        |amount| LimitRule::Requests { amount, per: Per::Minute, burst: amount },
        |amount| LimitRule::Requests { amount, per: Per::Day, burst: 1 },
        |places| LimitRule::Concurrent { places },
    ];
    let all = amounts.into_iter().zip(make);
    let some = all.filter_map(|(amount, make)| amount.map(make));
    some.map(|rule| Definition { key: LimitKey::new(&scope, &rule), rule }).collect()
}

fn keys() -> Vec<LimitKey> {
    rules([Some(1); 4]).into_iter().map(|definition| definition.key).collect()
}

fn step() -> impl Strategy<Value = Step> {
    let amount = || prop_oneof![1 => Just(None), 6 => (1..40u64).prop_map(Some)];
    let line = (0..4usize, 0..6u64, 0..6u64, prop_oneof![Just(0), 0..8u64, 0..60u64]);
    let number = prop_oneof![
        8 => Just(Number::Next),
        2 => Just(Number::Again),
        1 => Just(Number::Older),
        1 => Just(Number::Skipped),
    ];
    let epoch = prop_oneof![12 => Just(Some(EPOCH)), 1 => Just(None), 1 => Just(Some(Epoch(3)))];
    prop_oneof![
        1 => [amount(), amount(), amount(), amount()].prop_map(|amounts| Step::Define { amounts }),
        1 => Just(Step::Expire),
        14 => (0..4u128, number, epoch, prop::collection::vec(line, 0..5)).prop_map(
            |(holder, number, epoch, lines)| Step::Sync { holder, number, epoch, lines }
        ),
    ]
}

/// How much later the next step is, and how far the wall clock jumps besides.
fn pause() -> impl Strategy<Value = (u64, i64)> {
    let ms = prop_oneof![4 => 0..60u64, 4 => 0..900u64, 3 => 900..2500u64, 1 => 2500..70_000u64];
    let jump = prop_oneof![12 => Just(0), 1 => -600_000..600_000i64];
    (ms, jump)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn the_model_predicts_every_answer(
        full in any::<bool>(),
        steps in prop::collection::vec((pause(), step()), 1..50),
    ) {
        let start = if full { Start::Full } else { Start::Empty };
        let mut trial = Trial::new(start);
        for ((ms, jump), step) in &steps {
            trial.pass(*ms, *jump);
            trial.take(step);
        }
    }
}

struct Trial {
    ledger: Ledger,
    model: Model,
    now: u64,
    wall: u64,
    sequences: [u64; 4],
}

impl Trial {
    fn new(start: Start) -> Self {
        let (ledger, model) = (Ledger::new(EPOCH, start), Model::new(EPOCH, start));
        let mut trial = Self { ledger, model, now: 1000, wall: NOON, sequences: [0; 4] };
        trial.take(&Step::Define { amounts: [Some(10); 4] });
        trial
    }

    fn pass(&mut self, ms: u64, jump: i64) {
        self.now += ms;
        self.wall = (self.wall + ms).saturating_add_signed(jump);
    }

    fn take(&mut self, step: &Step) {
        let now = Now { monotonic: Millis(self.now), wall: UnixMillis(self.wall) };
        self.model.pass_to(self.now);
        match step {
            Step::Expire => {
                self.ledger.apply(Command::Expire, now);
            }
            Step::Define { amounts } => {
                let limits = rules(*amounts);
                self.model.boundaries = BOUNDARIES.to_vec();
                self.model.define(&limits, self.now);
                let day_boundaries = BOUNDARIES.map(UnixMillis).to_vec();
                self.ledger.apply(Command::Define { limits, day_boundaries }, now);
            }
            Step::Sync { holder, number, epoch, lines } => {
                let sync = self.sync(*holder, *number, *epoch, lines);
                let predicted = self.model.sync(&sync, self.now, self.wall);
                let reply = self.ledger.apply(Command::Sync(sync), now).reply;
                assert_eq!(heard(reply), predicted);
            }
        }
        for key in keys() {
            let view = self.ledger.view(&key, now.wall);
            let predicted = self.model.view(&key, self.now, self.wall);
            // Levels flow, and are as of each limit's own last command; answers show them.
            let figures = |view: LimitView| (view.lent, view.used);
            assert_eq!(view.map(figures), predicted.map(figures), "{key}");
        }
    }

    fn sync(
        &mut self,
        holder: u128,
        number: Number,
        epoch: Option<Epoch>,
        lines: &[(usize, u64, u64, u64)],
    ) -> Sync {
        let last = &mut self.sequences[usize::try_from(holder).unwrap()];
        let sequence = match number {
            Number::Next => *last + 1,
            Number::Again => *last,
            Number::Older => last.saturating_sub(1),
            Number::Skipped => *last + 3,
        };
        *last = sequence.max(*last);
        let line = |&(limit, spent, returned, wants): &(usize, u64, u64, u64)| LeaseLine {
            limit: keys()[limit].clone(),
            spent,
            returned,
            wants,
        };
        Sync { holder: HolderId(holder), sequence, epoch, lines: lines.iter().map(line).collect() }
    }
}

fn heard(reply: Reply) -> Predicted {
    match reply {
        Reply::Synced(synced) => Predicted::Answers {
            answers: synced.answers,
            repeated: synced.repeated,
            faults: synced.faults.into_iter().map(|fault| (fault.kind, fault.units)).collect(),
        },
        Reply::Refused(Refusal::Stale { last }) => Predicted::Stale(last),
        other => panic!("not an answer to a sync: {other:?}"),
    }
}
