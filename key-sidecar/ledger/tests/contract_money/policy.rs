//! Caps change, and the tree: in the middle of a period, both ways, and nothing is reset.

use ledger::money::record::What;
use wire::budget::MoneyWhy;
use wire::money::Nanos;

use crate::desk::{Desk, budget, tree, why, wish};

#[test]
fn a_cap_that_is_raised_lends_at_once_and_says_who_raised_it() {
    let mut desk = Desk::new(tree(100, 10));
    desk.lent(1, "team", 10);
    desk.define(tree(100, 20));
    let What::Capped { from, to, by, .. } = desk.last_entry() else {
        panic!("{:?}", desk.last_entry());
    };
    assert_eq!((*from, *to, &**by), (Some(Nanos(10)), Some(Nanos(20)), "policy"));
    desk.lent(2, "team", 10);
}

#[test]
fn a_cap_that_is_lowered_below_what_is_out_lends_nothing_and_recalls() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 40);
    desk.settles(1, "team", term, 10);
    desk.define(tree(100, 20));
    assert!(desk.says(1, vec![wish("team", 0, 0)], Vec::new())[0].recall);
    assert_eq!(why(&desk.wants(2, "team", 1)).0, MoneyWhy::LentElsewhere);
    desk.returns(1, "team", term, 30);
    desk.lent(2, "team", 10);
}

#[test]
fn an_opened_account_and_a_changed_cap_are_entries_and_an_unchanged_one_is_none() {
    let mut desk = Desk::new(tree(100, 50));
    desk.lent(1, "team", 1);
    assert_eq!(desk.store.entries.len(), 2, "two accounts were opened");
    desk.define(tree(100, 50));
    assert_eq!(desk.store.entries.len(), 2);
}

#[test]
fn a_budget_that_vanishes_lends_nothing_takes_everything_back_and_returns_as_it_was() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 30);
    desk.define(vec![budget("acme", None, Some(100))]);
    let answer = desk.wants(1, "team", 1);
    assert_eq!((why(&answer), answer.term), ((MoneyWhy::Undefined, ""), None));
    desk.settles(1, "team", term, 12);
    desk.returns(1, "team", term, 8);
    assert_eq!(desk.november("acme"), (12, 0, 0, 10));
    desk.define(tree(100, 50));
    assert_eq!(desk.lent(1, "team", 1), term);
    assert_eq!(desk.november("team"), (12, 0, 0, 11));
}

#[test]
fn a_budget_that_moves_begins_a_new_term_and_its_spend_stays_where_it_was() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 30);
    desk.settles(1, "team", term, 10);
    let moved = || {
        let others = [budget("acme", None, Some(100)), budget("labs", None, Some(100))];
        others.into_iter().chain([budget("team", Some("labs"), Some(50))]).collect()
    };
    desk.define(moved());
    assert_ne!(desk.lent(1, "team", 5), term);
    desk.settles(1, "team", term, 20);
    assert_eq!(desk.november("acme"), (30, 0, 0, 0));
    assert_eq!(desk.november("labs"), (0, 0, 0, 5));
    assert_eq!(desk.november("team"), (30, 0, 0, 5));
}

#[test]
fn a_ring_of_budgets_or_a_missing_one_above_is_undefined() {
    let mut desk = Desk::new(vec![
        budget("a", Some("b"), Some(5)),
        budget("b", Some("a"), Some(5)),
        budget("c", Some("nowhere"), Some(5)),
    ]);
    for own in ["a", "b", "c"] {
        assert_eq!(why(&desk.wants(1, own, 1)), (MoneyWhy::Undefined, ""));
    }
}
