//! What is lent, what a call has cost, and what comes back.

use ledger::money::Fault;
use ledger::money::record::What;
use wire::budget::{MoneyLine, MoneyWhy, Term};
use wire::ids::HolderId;
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::desk::{Desk, name, tree, why, wish};

#[test]
fn a_loan_counts_against_its_budget_and_all_above() {
    let mut desk = Desk::new(tree(100, 50));
    desk.lent(1, "team", 30);
    assert_eq!(desk.november("team"), (0, 0, 0, 30));
    assert_eq!(desk.november("acme"), (0, 0, 0, 30));
}

#[test]
fn what_a_call_has_cost_is_settled_and_the_rest_comes_back_when_it_is_returned() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 30);
    desk.settles(1, "team", term, 12);
    assert_eq!(desk.november("acme"), (12, 0, 0, 18));
    desk.returns(1, "team", term, 18);
    assert_eq!(desk.november("acme"), (12, 0, 0, 0));
    assert_eq!(desk.ledger.leases().count(), 0, "an empty lease vanishes");
}

#[test]
fn what_comes_back_is_there_for_the_same_request() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 50);
    let back = MoneyLine { term: Some(Term(term)), returned: Nanos(50), ..wish("team", 50, 50) };
    assert_eq!(desk.says(1, vec![back], Vec::new())[0].gets, Nanos(50));
}

#[test]
fn a_settlement_says_when_the_call_ended_and_on_which_term_it_was_booked() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 30);
    desk.settles(1, "team", term, 12);
    let What::Settled { holder, sequence, ended, term: booked, settlement } = desk.last_entry()
    else {
        panic!("{:?}", desk.last_entry());
    };
    assert_eq!((*holder, *sequence, *ended), (HolderId(1), 2, UnixMillis(desk.now - 7)));
    assert_eq!((booked.0, settlement.cost), (term, Nanos(12)));
}

#[test]
fn a_settlement_above_what_was_lent_counts_wholly_and_nothing_is_lent_until_it_fits() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 50);
    desk.settles(1, "team", term, 60);
    assert_eq!(desk.november("team"), (60, 0, 0, 0));
    assert_eq!(why(&desk.wants(1, "team", 1)), (MoneyWhy::Spent, "team"));
    desk.define(tree(100, 61));
    assert_eq!(desk.lent(1, "team", 1), term);
}

#[test]
fn a_return_of_more_than_was_lent_is_booked_as_far_as_it_goes() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 5);
    desk.returns(1, "team", term, 8);
    assert_eq!(desk.november("acme"), (0, 0, 0, 0));
    let (holder, budget, excess) = (HolderId(1), name("team"), Nanos(3));
    assert_eq!(desk.faults, [Fault::ReturnedTooMuch { holder, budget, excess }]);
}
