//! Why there is less than is needed, who is asked to give back, and what is watched only.

use ledger::money::command::Definition;
use ledger::money::{ASK_AGAIN_MAX, RECENT_WITHIN};
use wire::budget::MoneyWhy;
use wire::limit::Mode;
use wire::money::Nanos;
use wire::units::Millis;

use crate::desk::{Desk, MONTH, budget, correction, tree, why, wish};

#[test]
fn the_first_spent_budget_from_the_charged_one_up_is_named() {
    let mut desk = Desk::new(tree(10, 10));
    let term = desk.lent(1, "team", 10);
    desk.settles(1, "team", term, 10);
    let answer = desk.wants(1, "team", 1);
    assert_eq!(why(&answer), (MoneyWhy::Spent, "team"));
    assert_eq!(answer.short.unwrap().ask_again_ms, ASK_AGAIN_MAX);
    desk.define(tree(10, 20));
    assert_eq!(why(&desk.wants(1, "team", 1)), (MoneyWhy::Spent, "acme"));
}

#[test]
fn what_others_have_is_lent_elsewhere_and_they_are_asked_for_it() {
    let mut desk = Desk::new(tree(10, 10));
    let term = desk.lent(1, "team", 10);
    assert_eq!(why(&desk.wants(2, "team", 4)), (MoneyWhy::LentElsewhere, "team"));
    assert!(desk.says(1, vec![wish("team", 0, 0)], Vec::new())[0].recall);
    desk.returns(1, "team", term, 5);
    desk.lent(2, "team", 4);
    assert!(!desk.says(1, vec![wish("team", 0, 0)], Vec::new())[0].recall, "nobody waits");
}

#[test]
fn who_waits_is_forgotten_after_a_second() {
    let mut desk = Desk::new(tree(10, 10));
    desk.lent(1, "team", 10);
    desk.wants(2, "team", 4);
    desk.now += RECENT_WITHIN.0 + 1;
    assert!(!desk.says(1, vec![wish("team", 0, 0)], Vec::new())[0].recall);
}

#[test]
fn less_than_the_least_is_of_no_use_and_not_lent() {
    let mut desk = Desk::new(tree(10, 10));
    desk.lent(1, "team", 4);
    let answer = desk.says(2, vec![wish("team", 20, 7)], Vec::new()).remove(0);
    assert_eq!((answer.gets, why(&answer)), (Nanos(0), (MoneyWhy::LentElsewhere, "team")));
    let answer = desk.says(2, vec![wish("team", 20, 6)], Vec::new()).remove(0);
    assert_eq!((answer.gets, answer.short), (Nanos(6), None));
}

#[test]
fn the_tightest_budget_is_the_one_with_the_least_left() {
    let mut desk = Desk::new(tree(30, 20));
    let answer = desk.wants(1, "team", 1);
    let view = answer.tightest.unwrap();
    assert_eq!((view.budget.as_str(), view.cap, view.reserved), ("team", Nanos(20), Nanos(1)));
    assert_eq!(view.resets_ms, Some(Millis(MONTH - desk.now)));
    desk.corrects(correction("x", "acme", None, 15)).unwrap();
    let answer = desk.wants(1, "team", 1);
    assert_eq!(answer.tightest.unwrap().budget.as_str(), "acme");
}

#[test]
fn a_watched_budget_refuses_nothing_and_counts_all() {
    let watched = || Definition { mode: Mode::Watch, ..budget("acme", None, Some(5)) };
    let mut desk = Desk::new(vec![watched(), budget("team", Some("acme"), None)]);
    let term = desk.lent(1, "team", 30);
    desk.settles(1, "team", term, 30);
    assert_eq!(desk.november("acme"), (30, 0, 0, 0));
    let answer = desk.wants(1, "team", 1);
    assert_eq!((answer.gets, answer.recall), (Nanos(1), false));
    assert_eq!(answer.tightest.unwrap().budget.as_str(), "acme");
}

#[test]
fn where_no_budget_has_a_cap_none_is_tightest() {
    let mut desk = Desk::new(vec![budget("team", None, None)]);
    let answer = desk.wants(1, "team", 1 << 60);
    assert_eq!((answer.gets, answer.tightest), (Nanos(1 << 60), None));
}
