//! Is a limit kept at every instant, and is it used up, by holders that know only what they were
//! told?
//!
//! Most scenarios offer ten times the limit. Figures are printed (`--nocapture`), and those that
//! are promised are asserted. "Over" is judged at the gate, call by call, for every interval of
//! time.
#![allow(clippy::unwrap_used, reason = "a failing test is supposed to stop there")]

#[path = "simulated/holder.rs"]
mod holder;
#[path = "simulated/world.rs"]
mod world;

use wire::limit::{LimitRule, Per};
use world::{Report, Scenario, Trouble, run};

const CROWDS: [usize; 3] = [8, 20, 64];

#[test]
fn fifty_a_second_is_used_up() {
    for report in CROWDS.map(|holders| saturate(requests(50, Per::Second, 50), holders, 10)) {
        assert!(report.admitted >= 545, "of 550: {report:?}");
    }
}

#[test]
fn a_thousand_a_second_with_a_small_burst_is_used_up() {
    for report in CROWDS.map(|holders| saturate(requests(1000, Per::Second, 100), holders, 10)) {
        assert!(report.use_per_mille >= 980, "{report:?}");
    }
}

#[test]
fn one_holder_alone_uses_a_limit_up() {
    for rule in [requests(50, Per::Second, 50), requests(1000, Per::Second, 100)] {
        let report = saturate(rule, 1, 20);
        assert!(report.use_per_mille >= 980, "{report:?}");
    }
}

/// The rate is for whoever asks, not a fixed part for each: nine tenths of the calls come to one
/// holder.
#[test]
fn a_busy_holder_among_idle_ones_gets_what_they_leave() {
    let report = run(Scenario {
        first_gets: 97,
        offered: 1100,
        ..scenario(requests(1000, Per::Second, 1000), 8, 10)
    });
    println!("97 of 100 calls at one holder: {report:?}");
    assert_eq!(report.over, 0);
    assert!(report.admitted >= 10_400, "{report:?}");
}

#[test]
fn five_a_minute_are_used_up() {
    for (holders, seconds) in [(8, 600), (64, 75)] {
        let report = saturate(requests(5, Per::Minute, 5), holders, seconds);
        assert!(report.use_per_mille >= 980, "{report:?}");
    }
}

/// A unit that is lent and not reported spent takes the only room there is, so nothing flows in
/// until the report, some 50 ms later. Strict in every interval, at the price of more than half of
/// the rate.
#[test]
fn a_burst_of_one_is_kept_at_the_price_of_rate() {
    for report in CROWDS.map(|holders| saturate(requests(20, Per::Second, 1), holders, 10)) {
        assert!(report.use_per_mille >= 350, "{report:?}");
    }
}

/// Without patience the ideal gate, with all calls at one place, would reach 976 (Erlang's formula
/// for 40 offered to 4): a place is idle until the next call comes, here until it comes to the same
/// holder.
#[test]
fn four_places_are_never_five() {
    for report in CROWDS.map(|holders| saturate(LimitRule::Concurrent { places: 4 }, holders, 20)) {
        assert!(report.use_per_mille >= 820, "{report:?}");
    }
}

#[test]
fn places_are_used_up_where_calls_wait_for_them() {
    let patient = |holders| {
        let rule = LimitRule::Concurrent { places: 4 };
        saturated(Scenario { patience: 250, ..scenario(rule, holders, 20) })
    };
    for (holders, least) in [(8, 980), (20, 980), (64, 900)] {
        let report = patient(holders);
        assert!(report.use_per_mille >= least, "{report:?}");
    }
}

#[test]
fn a_day_is_used_to_the_last_request() {
    for report in CROWDS.map(|holders| saturate(requests(1000, Per::Day, 1), holders, 5)) {
        assert_eq!(report.admitted, 1000, "{report:?}");
    }
}

/// Lost messages, answers that come after the lease, holders that die with what they have: never
/// over.
#[test]
fn nothing_is_over_in_rough_weather() {
    let rules = [
        requests(50, Per::Second, 50),
        requests(1000, Per::Second, 100),
        requests(20, Per::Second, 1),
        requests(2000, Per::Day, 1),
        LimitRule::Concurrent { places: 4 },
    ];
    for (seed, rule) in (1..).zip(rules) {
        let places = matches!(rule, LimitRule::Concurrent { .. });
        let trouble = Trouble {
            lost_per_mille: if places { 100 } else { 300 },
            // A call does not outlive the Envoy that it runs through, so no deaths with places.
            deaths_per_mille: if places { 0 } else { 100 },
            delay_max: if places { 100 } else { 1_500 },
        };
        let report = run(Scenario { trouble, seed, ..scenario(rule, 12, 20) });
        println!("rough weather, {rule}: {report:?}");
        assert_eq!(report.over, 0, "{rule}: {report:?}");
        assert!(report.admitted > 0, "{rule}: {report:?}");
    }
}

/// Holders spend from memory until they hear of the ledger's new life, and what runs, runs on.
#[test]
fn nothing_is_over_when_the_sidecar_restarts() {
    let places = LimitRule::Concurrent { places: 4 };
    let rules = [requests(50, Per::Second, 50), requests(1000, Per::Second, 100), places];
    let unclean = rules.map(|rule| (rule, false));
    let clean =
        [rules[0], rules[1], rules[2], requests(2000, Per::Day, 1)].map(|rule| (rule, true));
    for (rule, clean) in unclean.into_iter().chain(clean) {
        let restart = Some((4_321, clean));
        let report = run(Scenario { restart, patience: 250, ..scenario(rule, 8, 15) });
        println!("restart, clean: {clean}, {rule}: {report:?}");
        assert_eq!(report.over, 0, "{rule}: {report:?}");
        assert!(report.use_per_mille >= 600, "{rule}: {report:?}");
    }
}

fn requests(amount: u64, per: Per, burst: u64) -> LimitRule {
    LimitRule::Requests { amount, per, burst }
}

/// Ten times what the limit allows, spread evenly.
fn scenario(rule: LimitRule, holders: usize, seconds: u64) -> Scenario {
    let offered = match rule {
        LimitRule::Requests { amount, per: Per::Day, .. } => amount,
        LimitRule::Requests { amount, per, .. } => (amount * 10_000).div_ceil(per.duration().0),
        // Ten calls for each place, of 110 ms on average.
        LimitRule::Concurrent { places } => places * 10_000 / 110,
    };
    let trouble = Trouble::default();
    Scenario {
        rule,
        holders,
        seconds,
        offered,
        first_gets: 0,
        patience: 0,
        trouble,
        restart: None,
        seed: 7,
    }
}

fn saturate(rule: LimitRule, holders: usize, seconds: u64) -> Report {
    saturated(scenario(rule, holders, seconds))
}

fn saturated(scenario: Scenario) -> Report {
    let Scenario { rule, holders, seconds, patience, .. } = scenario;
    let report = run(scenario);
    println!("{rule}, {holders} holders, {seconds} s, patience {patience} ms: {report:?}");
    assert_eq!(report.over, 0);
    assert!(report.syncs_a_second_max <= 20, "{report:?}");
    report
}
