//! What may a holder, and the sidecar that runs the ledger, rely on? One rule of the contract a
//! test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test is supposed to stop there")]

use ledger::{
    Command, Defined, Definition, FaultKind, HOLDERS_MAX, Ledger, Now, PLACE_GRACE, PLACE_TTL,
    REQUEST_TTL, Refusal, Reply, SNAPSHOT_FORMAT, Snapshot, Start, Sync, Synced,
};
use wire::ids::{ClientName, Epoch, HolderId};
use wire::limit::{LimitKey, LimitRule, LimitScope, Per};
use wire::sync::{LEASES_MAX, LeaseAnswer, LeaseLine};
use wire::units::{Millis, UnixMillis};

const EPOCH: Epoch = Epoch(1);
const DAY: u64 = 86_400_000;

#[test]
fn a_request_is_booked_once_and_answered_the_same_with_what_is_left_of_its_time() {
    let mut gate = Gate::new(bucket(10, 40));
    let first = gate.says(1, 1, None, line(0, 0, 8));
    gate.now += 700;
    let again = gate.says(1, 1, None, line(0, 0, 8));
    assert!(again.repeated && !first.repeated);
    assert_eq!(again.answers[0].gets, 8);
    assert_eq!((first.answers[0].ttl_ms, again.answers[0].ttl_ms), (Millis(2000), Millis(1300)));
    assert_eq!(gate.lent(), 8);
    gate.now += 1300;
    assert_eq!(gate.says(1, 1, None, line(0, 0, 8)).answers[0].ttl_ms, Millis(0));
}

#[test]
fn an_older_request_is_told_so_and_a_gap_is_fine() {
    let mut gate = Gate::new(bucket(10, 40));
    gate.says(1, 5, Some(EPOCH), line(0, 0, 8));
    let stale = gate.apply(Command::Sync(sync(1, 4, Some(EPOCH), line(0, 8, 0), &gate.key)));
    assert_eq!(stale, Reply::Refused(Refusal::Stale { last: 5 }));
    assert_eq!(gate.lent(), 8);
    assert!(!gate.says(1, 9, Some(EPOCH), line(8, 0, 0)).repeated);
    assert_eq!(gate.lent(), 0);
}

#[test]
fn too_many_lines_or_holders_book_nothing() {
    let mut gate = Gate::new(bucket(10, 40));
    let mut long = sync(1, 1, None, line(0, 0, 1), &gate.key);
    long.lines = vec![long.lines[0].clone(); LEASES_MAX + 1];
    assert_eq!(gate.apply(Command::Sync(long)), Reply::Refused(Refusal::TooManyLines));

    let key = gate.key.clone();
    for holder in 0..u128::try_from(HOLDERS_MAX).unwrap() {
        let mut greeting = sync(holder, 1, None, line(0, 0, 0), &key);
        greeting.lines.clear();
        gate.ledger.apply(Command::Sync(greeting), at(0));
    }
    let newcomer = || Command::Sync(sync(u128::MAX, 1, None, line(0, 0, 1), &key));
    assert_eq!(gate.apply(newcomer()), Reply::Refused(Refusal::Crowded));
    gate.now += 60_000;
    assert!(matches!(gate.apply(newcomer()), Reply::Synced(_)));
}

#[test]
fn a_dead_holders_requests_are_presumed_spent() {
    let mut gate = Gate::new(bucket(10, 40));
    gate.says(1, 1, None, line(0, 0, 8));
    gate.now += REQUEST_TTL.0;
    let outcome = gate.ledger.apply(Command::Expire, at(gate.now));
    assert_eq!((outcome.lapses.leases, outcome.lapses.presumed_spent), (1, 8));
    let view = gate.ledger.view(&gate.key, UnixMillis(gate.now)).unwrap();
    assert_eq!((view.lent, view.used), (0, 8));
}

#[test]
fn a_silent_holders_places_come_back_after_the_grace() {
    let mut gate = Gate::new(LimitRule::Concurrent { places: 4 });
    gate.says(1, 1, None, line(0, 0, 2));
    gate.now += PLACE_TTL.0 + PLACE_GRACE.0 - 1;
    gate.apply(Command::Expire);
    assert_eq!(gate.lent(), 2);
    gate.now += 1;
    gate.apply(Command::Expire);
    assert_eq!(gate.lent(), 0);
    // It was only cut off: the places that its calls are still in are lent again, once it is back.
    let back = gate.says(1, 2, Some(EPOCH), line(0, 1, 0));
    assert_eq!(gate.lent(), 1);
    assert_eq!(back.faults[0].kind, FaultKind::Late);
}

#[test]
fn what_a_holder_cannot_have_is_not_booked() {
    let mut gate = Gate::new(bucket(10, 40));
    gate.says(1, 1, None, line(0, 0, 8));
    let synced = gate.says(1, 2, Some(EPOCH), line(0, 50, 0));
    assert_eq!((synced.faults[0].kind, synced.faults[0].units), (FaultKind::Excess, 42));
    assert_eq!(synced.answers[0].remaining, 40);

    let mut gate = Gate::new(LimitRule::Concurrent { places: 4 });
    gate.says(1, 1, None, line(0, 0, 2));
    let synced = gate.says(1, 2, Some(EPOCH), line(1, 0, 0));
    assert_eq!((synced.faults[0].kind, synced.faults[0].units), (FaultKind::SpentPlaces, 1));
    assert_eq!(gate.lent(), 2);
}

#[test]
fn who_has_something_is_recalled_while_another_has_nothing() {
    let mut gate = Gate::new(LimitRule::Concurrent { places: 2 });
    assert!(!gate.says(1, 1, None, line(0, 0, 2)).answers[0].recall);
    gate.says(1, 2, Some(EPOCH), line(0, 0, 1));
    let turned_away = gate.says(2, 1, None, line(0, 0, 1)).answers[0].short.unwrap();
    assert!(turned_away.lent_elsewhere && !turned_away.undefined);
    let answer = gate.says(1, 3, Some(EPOCH), line(0, 0, 0)).answers.remove(0);
    assert!(answer.recall);
    gate.now += 1_001;
    assert!(!gate.says(1, 4, Some(EPOCH), line(0, 0, 0)).answers[0].recall);
}

#[test]
fn a_used_up_day_says_when_it_ends_and_a_raised_one_helps_within_a_second() {
    let mut gate = Gate::new(day(5));
    gate.now = DAY - 7_200_000;
    for sequence in 1..=6 {
        let epoch = (sequence > 1).then_some(EPOCH);
        gate.says(1, sequence, epoch, line(0, 0, 5));
    }
    gate.says(1, 7, Some(EPOCH), line(5, 0, 0));
    let short = gate.says(1, 8, Some(EPOCH), line(0, 0, 1)).answers[0].short.unwrap();
    assert_eq!((short.retry_ms, short.lent_elsewhere), (Millis(7_200_000), false));
    assert!(short.ask_again_ms <= Millis(1_000));

    assert_eq!(gate.define(day(6)), Defined { changed: 1, ..Defined::default() });
    gate.now += short.ask_again_ms.0;
    assert_eq!(gate.says(1, 9, Some(EPOCH), line(0, 0, 3)).answers[0].gets, 1);
}

#[test]
fn a_days_lease_ends_with_the_day_and_past_the_last_boundary_nothing_is_lent() {
    let mut gate = Gate::new(day(50));
    gate.now = DAY - 300;
    let answer = gate.says(1, 1, None, line(0, 0, 10)).answers.remove(0);
    assert_eq!((answer.gets, answer.ttl_ms, answer.resets_ms), (10, Millis(300), Millis(300)));
    gate.now = DAY;
    let answer = gate.says(1, 2, Some(EPOCH), line(3, 7, 10)).answers.remove(0);
    assert_eq!((answer.gets, answer.remaining), (10, 40));
    gate.now = 2 * DAY;
    assert_eq!(gate.says(1, 3, Some(EPOCH), line(0, 0, 10)).answers[0].gets, 0);
}

#[test]
fn a_limit_that_vanished_is_undefined_and_its_leases_are_void() {
    let mut gate = Gate::new(bucket(10, 40));
    gate.says(1, 1, None, line(0, 0, 8));
    gate.apply(Command::Define { limits: Vec::new(), day_boundaries: Vec::new() });
    assert_eq!(gate.says(1, 1, None, line(0, 0, 8)).answers[0].ttl_ms, Millis(0));
    let answer = gate.says(1, 2, Some(EPOCH), line(3, 5, 1)).answers.remove(0);
    assert!(answer.short.unwrap().undefined && answer.gets == 0);
}

#[test]
fn it_does_not_matter_how_often_the_ledger_is_asked_to_expire() {
    let run = |every: u64| {
        let mut gate = Gate::new(bucket(10, 20));
        gate.says(1, 1, None, line(0, 0, 20));
        gate.says(2, 1, None, line(0, 0, 20));
        for now in (0..=4_321).filter(|now| now % every == 0) {
            gate.ledger.apply(Command::Expire, at(now));
        }
        gate.now = 4_321;
        gate.says(3, 1, None, line(0, 0, 5)).answers
    };
    assert_eq!(run(1), run(4_321));
}

#[test]
fn a_monotonic_clock_that_goes_back_gives_nothing_out_twice() {
    let mut gate = Gate::new(bucket(10, 10));
    gate.now = 5_000;
    gate.says(1, 1, None, line(0, 0, 10));
    gate.now = 0;
    let answer: LeaseAnswer = gate.says(1, 2, Some(EPOCH), line(0, 0, 0)).answers.remove(0);
    assert_eq!(answer.ttl_ms, REQUEST_TTL);
    assert_eq!(gate.lent(), 5);
}

#[test]
fn a_clean_restart_goes_on_where_it_was_with_what_was_lent_as_used() {
    for rule in [bucket(1, 40), day(40)] {
        let mut gate = Gate::new(rule);
        gate.says(1, 1, None, line(0, 0, 8));
        gate.restart(rule, Start::Full);
        assert_eq!(gate.says(1, 2, Some(EPOCH), line(8, 0, 0)).answers[0].remaining, 32);
    }
}

#[test]
fn an_unclean_restart_is_strict() {
    let mut gate = Gate::of(Ledger::new(EPOCH, Start::Empty), bucket(10, 40));
    gate.now = REQUEST_TTL.0;
    assert_eq!(gate.says(1, 1, None, line(0, 0, 1)).answers[0].gets, 0);
    gate.now += 100;
    assert_eq!(gate.says(1, 2, Some(EPOCH), line(0, 0, 1)).answers[0].gets, 1);
}

#[test]
fn after_a_restart_running_calls_are_declared_before_anybody_gets_a_place() {
    let rule = LimitRule::Concurrent { places: 4 };
    let mut gate = Gate::of(Ledger::new(Epoch(2), Start::Empty), rule);
    assert_eq!(gate.says(2, 1, None, line(0, 0, 1)).answers[0].gets, 0);
    assert_eq!(gate.says(1, 7, Some(EPOCH), line(0, 0, 1)).answers[0].gets, 0);
    assert_eq!(gate.says(1, 8, Some(Epoch(2)), line(0, 0, 3)).answers[0].gets, 3);
    assert_eq!(gate.says(1, 9, Some(Epoch(2)), line(0, 0, 1)).answers[0].gets, 0);
    gate.now = PLACE_TTL.0 + PLACE_GRACE.0;
    assert_eq!(gate.says(2, 2, Some(Epoch(2)), line(0, 0, 1)).answers[0].gets, 1);
}

#[test]
fn a_snapshot_survives_its_file_and_names_its_format() {
    let mut gate = Gate::new(day(40));
    gate.says(1, 1, None, line(0, 0, 8));
    let written = serde_json::to_string(&gate.ledger.snapshot()).unwrap();
    let read: Snapshot = serde_json::from_str(&written).unwrap();
    assert_eq!(read, gate.ledger.snapshot());
    let other = written.replace(&format!("\"format\":{SNAPSHOT_FORMAT}"), "\"format\":99");
    let read: Snapshot = serde_json::from_str(&other).unwrap();
    let refused = Ledger::restore(EPOCH, read, Start::Full).unwrap_err();
    assert!(refused.to_string().contains("format 99"), "{refused}");
}

/// A ledger with one limit, and a clock.
struct Gate {
    ledger: Ledger,
    key: LimitKey,
    now: u64,
}

impl Gate {
    fn new(rule: LimitRule) -> Self {
        Self::of(Ledger::new(EPOCH, Start::Full), rule)
    }

    fn of(ledger: Ledger, rule: LimitRule) -> Self {
        let key = LimitKey::new(&LimitScope::Client(ClientName::parse("c").unwrap()), &rule);
        let mut gate = Self { ledger, key, now: 0 };
        gate.define(rule);
        gate
    }

    fn define(&mut self, rule: LimitRule) -> Defined {
        let limits = vec![Definition { key: self.key.clone(), rule }];
        let day_boundaries = [0, DAY, 2 * DAY].map(UnixMillis).to_vec();
        match self.apply(Command::Define { limits, day_boundaries }) {
            Reply::Defined(defined) => defined,
            other => panic!("{other:?}"),
        }
    }

    fn apply(&mut self, command: Command) -> Reply {
        self.ledger.apply(command, at(self.now)).reply
    }

    fn says(
        &mut self,
        holder: u128,
        sequence: u64,
        epoch: Option<Epoch>,
        words: (u64, u64, u64),
    ) -> Synced {
        match self.apply(Command::Sync(sync(holder, sequence, epoch, words, &self.key))) {
            Reply::Synced(synced) => synced,
            other => panic!("{other:?}"),
        }
    }

    fn lent(&self) -> u64 {
        self.ledger.view(&self.key, UnixMillis(self.now)).unwrap().lent
    }

    fn restart(&mut self, rule: LimitRule, start: Start) {
        let next = Epoch(self.ledger.epoch().0 + 1);
        self.ledger = Ledger::restore(next, self.ledger.snapshot(), start).unwrap();
        self.define(rule);
    }
}

const fn bucket(amount: u64, burst: u64) -> LimitRule {
    LimitRule::Requests { amount, per: Per::Second, burst }
}

const fn day(amount: u64) -> LimitRule {
    LimitRule::Requests { amount, per: Per::Day, burst: 1 }
}

/// Spent, returned, wants.
const fn line(spent: u64, returned: u64, wants: u64) -> (u64, u64, u64) {
    (spent, returned, wants)
}

fn sync(
    holder: u128,
    sequence: u64,
    epoch: Option<Epoch>,
    (spent, returned, wants): (u64, u64, u64),
    limit: &LimitKey,
) -> Sync {
    let lines = vec![LeaseLine { limit: limit.clone(), spent, returned, wants }];
    Sync { holder: HolderId(holder), sequence, epoch, lines }
}

fn at(now: u64) -> Now {
    Now { monotonic: Millis(now), wall: UnixMillis(now) }
}
