//! Periods begin and end, also while calls run; zones change.

use ledger::money::command::Definition;
use wire::budget::MoneyWhy;
use wire::money::Nanos;
use wire::units::Millis;

use crate::desk::{Desk, MONTH, budget, period, tree, why};

#[test]
fn a_new_period_is_a_new_account_and_what_was_reserved_in_the_old_one_settles_there() {
    let mut desk = Desk::new(tree(100, 50));
    desk.now = MONTH - 100;
    let answer = desk.wants(1, "team", 50);
    assert_eq!(answer.ttl_ms, Millis(100), "not beyond the end of the term");
    let november = answer.term.unwrap().0;
    desk.now = MONTH;
    let december = desk.lent(1, "team", 50);
    assert_ne!(november, december);
    desk.settles(1, "team", november, 20);
    desk.returns(1, "team", november, 30);
    assert_eq!(desk.november("acme"), (20, 0, 0, 0));
    assert_eq!(desk.figures("acme", "2026-12"), (0, 0, 0, 50));
}

#[test]
fn a_budget_with_no_period_now_is_closed_and_says_when_it_opens() {
    let hackathon = || Definition {
        periods: vec![period("from 2026-12-01", MONTH, MONTH + 10)],
        ..budget("hackathon", Some("acme"), Some(50))
    };
    let mut desk = Desk::new(vec![budget("acme", None, Some(100)), hackathon()]);
    let answer = desk.wants(1, "hackathon", 1);
    assert_eq!(why(&answer), (MoneyWhy::Closed, "hackathon"));
    let view = answer.short.unwrap().refused_by.unwrap();
    assert_eq!(view.resets_ms, Some(Millis(MONTH - desk.now)));
    desk.now = MONTH;
    desk.lent(1, "hackathon", 1);
    desk.now = MONTH + 10;
    let answer = desk.wants(1, "hackathon", 1);
    let view = answer.short.unwrap().refused_by.unwrap();
    assert_eq!((view.resets_ms, view.reserved), (None, Nanos(1)));
}

#[test]
fn a_closed_budget_above_closes_what_lies_in_it() {
    let closed = Definition { periods: Vec::new(), ..budget("acme", None, Some(100)) };
    let mut desk = Desk::new(vec![closed, budget("team", Some("acme"), Some(50))]);
    let answer = desk.wants(1, "team", 1);
    assert_eq!(answer.short.unwrap().why, MoneyWhy::Closed);
}

#[test]
fn a_zone_change_in_the_middle_of_a_month_moves_its_ends_and_no_money() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 30);
    let shifted = |mut definition: Definition| {
        definition.periods =
            vec![period("2026-11", 0, MONTH + 5), period("2026-12", MONTH + 5, 2 * MONTH)];
        definition
    };
    desk.define(tree(100, 50).into_iter().map(shifted).collect());
    desk.now = MONTH + 4;
    assert_eq!(desk.lent(1, "team", 1), term);
    desk.now = MONTH + 5;
    assert_ne!(desk.lent(1, "team", 1), term);
}

#[test]
fn a_day_within_a_month_shares_the_month() {
    let days = || Definition {
        periods: vec![period("day 1", 0, 2_000), period("day 2", 2_000, 4_000)],
        ..budget("daily", Some("acme"), Some(10))
    };
    let mut desk = Desk::new(vec![budget("acme", None, Some(15)), days()]);
    let first = desk.lent(1, "daily", 10);
    desk.settles(1, "daily", first, 10);
    desk.now = 2_000;
    assert_ne!(desk.lent(1, "daily", 5), first);
    let answer = desk.wants(1, "daily", 5);
    assert_eq!(why(&answer).1, "acme");
}

#[test]
fn time_never_goes_back() {
    let mut desk = Desk::new(tree(100, 50));
    desk.now = MONTH;
    let december = desk.lent(1, "team", 1);
    desk.now = MONTH - 500;
    assert_eq!(desk.lent(1, "team", 1), december);
    assert!(desk.store.entries.is_sorted_by_key(|entry| entry.at));
}
