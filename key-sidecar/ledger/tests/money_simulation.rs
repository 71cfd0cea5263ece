//! Are caps of money kept at every instant, and used up to the last call that fits?
//!
//! Simple models of the plugin on one ledger, in virtual time, over a tree of three levels.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test is supposed to stop there")]

#[path = "money_simulated/holder.rs"]
mod holder;
#[path = "naive_money/replica.rs"]
mod replica;
#[path = "money_simulated/world.rs"]
mod world;

use world::{Budget, Traffic, World, name};

const HOLD: i64 = 13_700_000;
const CAP: u64 = 10_000_000_000;
const YEAR: u64 = 1_000_000_000;

const TREE: [Budget; 7] = [
    ("acme", None, Some(CAP)),
    ("shop", Some("acme"), Some(7_000_000_000)),
    ("lab", Some("acme"), None),
    ("search", Some("shop"), Some(6_000_000_000)),
    ("checkout", Some("shop"), Some(6_500_000_000)),
    ("robots", Some("lab"), Some(CAP)),
    ("idle", Some("lab"), Some(CAP)),
];

fn traffic(calls: &[(i64, i64)], per_second: u64) -> Traffic {
    Traffic {
        leaves: vec!["search", "checkout", "robots"],
        calls: calls.to_vec(),
        per_second,
        lasts_ms: 200,
        lost_per_mille: 0,
    }
}

/// Calls until nothing has been admitted for three seconds; then lets all end and be told.
fn run_dry(world: &mut World, traffic: &Traffic) {
    let all = 0..world.holders.len();
    while world.now < world.last_admission + 3_000 {
        world.step(traffic, all.clone());
    }
    let end = world.now + 20_000;
    while !world.is_quiet() && world.now < end {
        world.step(traffic, 0..0);
    }
    assert!(world.is_quiet(), "what is not used comes back");
}

fn spent(world: &World, budget: &str) -> u64 {
    world.ledger.present_account(&name(budget)).map_or(0, |account| account.settled.0)
}

#[test]
fn every_number_of_holders_uses_a_cap_to_the_last_call_that_fits() {
    for (holders, per_second) in [(1, 400), (2, 300), (7, 100), (8, 250), (33, 60), (64, 60)] {
        let mut world = World::new(holders, &TREE, YEAR, 1 + holders as u64);
        run_dry(&mut world, &traffic(&[(HOLD, HOLD)], per_second));
        let fit = CAP / HOLD.unsigned_abs();
        assert_eq!(world.all_admitted(), fit, "{holders} holders");
        assert_eq!(spent(&world, "acme"), fit * HOLD.unsigned_abs());
        let per_call = world.all_syncs() as f64 / fit as f64;
        println!("{holders:>3} holders: {per_call:.2} syncs a call, {} ms", world.last_admission);
        assert!(
            per_call < 2.0 + 0.2 * holders as f64,
            "{holders} holders: {per_call} syncs a call"
        );
    }
}

#[test]
fn where_the_inner_budgets_bind_each_is_used_to_its_last_call() {
    let tree = [
        ("acme", None, Some(CAP)),
        ("shop", Some("acme"), Some(3_000_000_000)),
        ("lab", Some("acme"), Some(5_000_000_000)),
        ("search", Some("shop"), Some(1_000_000_000)),
        ("checkout", Some("shop"), None),
        ("robots", Some("lab"), None),
    ];
    let mut world = World::new(16, &tree, YEAR, 5);
    run_dry(&mut world, &traffic(&[(HOLD, HOLD)], 100));
    for (budget, cap) in
        [("search", 1_000_000_000), ("shop", 3_000_000_000), ("lab", 5_000_000_000)]
    {
        assert_eq!(spent(&world, budget) / 13_700_000, cap / 13_700_000, "{budget}");
    }
}

#[test]
fn lost_answers_lose_no_money_and_no_call() {
    let mut world = World::new(8, &TREE, YEAR, 11);
    let lossy = Traffic { lost_per_mille: 100, ..traffic(&[(HOLD, HOLD)], 100) };
    run_dry(&mut world, &lossy);
    assert_eq!(world.all_admitted(), CAP / HOLD.unsigned_abs());
}

#[test]
fn calls_that_cost_less_or_more_than_their_hold_leave_less_than_the_smallest_hold() {
    let mut world = World::new(16, &TREE, YEAR, 3);
    let kinds = [(HOLD, HOLD), (40_000_000, 11_000_000), (5_000_000, 7_100_000)];
    run_dry(&mut world, &traffic(&kinds, 100));
    assert!(CAP.saturating_sub(spent(&world, "acme")) < 5_000_000, "{}", spent(&world, "acme"));
}

#[test]
fn while_there_is_plenty_a_holder_syncs_a_few_times_a_second() {
    let tree = TREE.map(|(own, within, cap)| (own, within, cap.map(|cap| cap * 10_000)));
    let mut world = World::new(8, &tree, YEAR, 9);
    let traffic = traffic(&[(HOLD, HOLD)], 100);
    while world.now < 20_000 {
        world.step(&traffic, 0..8);
    }
    let per_second = world.all_syncs() as f64 / 8.0 / 20.0;
    println!("{per_second:.1} syncs a second and holder");
    // A slice for 250 ms is asked for anew when half of it is gone, and whichever of three budgets
    // is the first to need more asks for all.
    assert!(per_second < 12.0, "{per_second} syncs a second");
}

#[test]
fn nobody_sits_on_idle_money_while_another_waits() {
    let mut world = World::new(2, &TREE, YEAR, 21);
    let busy = traffic(&[(HOLD, HOLD)], 400);
    // The first holder has a reserve when its callers fall silent, and the cap is nearly spent.
    while spent(&world, "acme") < CAP * 9 / 10 {
        world.step(&busy, 0..1);
    }
    let (mut idle_from, mut longest) = (None, 0);
    while world.now < world.last_admission + 3_000 {
        world.step(&busy, 1..2);
        let idles = world.holders[1].is_waiting() && world.holders[0].free() >= HOLD;
        idle_from = idles.then(|| idle_from.unwrap_or(world.now));
        longest = longest.max(idle_from.map_or(0, |from| world.now - from));
    }
    // A heartbeat until it hears of it, and the next sync.
    assert!(longest <= 500 + 2 * 55, "{longest} ms");
    assert_eq!(world.all_admitted(), CAP / HOLD.unsigned_abs());
}

#[test]
fn a_ledger_that_dies_at_any_moment_loses_no_money_and_no_call() {
    let mut world = World::new(8, &TREE, YEAR, 31);
    let traffic = traffic(&[(HOLD, HOLD)], 60);
    for _ in 0..60 {
        for _ in 0..world.draw(70) {
            world.step(&traffic, 0..8);
        }
        world.restart_ledger();
    }
    run_dry(&mut world, &traffic);
    assert_eq!(world.all_admitted(), CAP / HOLD.unsigned_abs());
    assert_eq!(spent(&world, "acme"), world.all_admitted() * HOLD.unsigned_abs());
}

#[test]
fn a_holder_that_dies_strands_what_it_had_and_its_calls_are_counted() {
    let mut world = World::new(8, &TREE, YEAR, 41);
    let traffic = traffic(&[(HOLD, HOLD)], 100);
    for holder in 0..4 {
        for _ in 0..60 {
            world.step(&traffic, 0..8);
        }
        world.kill(holder);
    }
    run_dry(&mut world, &traffic);
    let account = world.ledger.present_account(&name("acme")).unwrap();
    let says = account.settled.0 + account.presumed.0;
    let key = (name("acme"), account.period.clone());
    assert!(account.presumed.0 > 0, "somebody died with calls under way");
    assert!(world.out(&key).unsigned_abs() <= says, "what the dead have spent is counted");
    assert!(CAP - says < HOLD.unsigned_abs(), "all but that is used to the last call");
}

#[test]
fn calls_that_run_when_a_period_ends_are_counted_in_it_and_each_cap_is_used_up() {
    let tree = [
        ("acme", None, Some(500_000_000)),
        ("shop", Some("acme"), None),
        ("search", Some("shop"), None),
        ("checkout", Some("shop"), None),
        ("robots", Some("acme"), None),
    ];
    let mut world = World::new(4, &tree, 1_500, 51);
    let traffic = traffic(&[(HOLD, HOLD)], 60);
    while world.now < 10 * 1_500 - 1 {
        world.step(&traffic, 0..4);
    }
    let end = world.now + 2_000;
    while world.now < end {
        world.step(&traffic, 0..0);
    }
    let accounts: Vec<_> = world.ledger.accounts().filter(|one| one.settled.0 > 0).collect();
    for account in &accounts {
        let key = (account.budget.clone(), account.period.clone());
        assert_eq!(account.settled.0, world.out(&key).unsigned_abs(), "{key:?}");
    }
    // Calls that waited when the callers stopped are of the eleventh period.
    let full = accounts.iter().filter(|one| one.budget == name("acme") && one.period.len() == 1);
    assert_eq!(full.clone().count(), 10);
    assert!(full.clone().all(|one| one.settled.0 / 13_700_000 == 500_000_000 / 13_700_000));
}
