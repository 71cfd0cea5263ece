//! Cost that no term can take is booked all the same, and no amount wraps.

use ledger::money::record::What;
use ledger::money::{Fault, UNASSIGNED};
use wire::budget::{MoneyWhy, Term};
use wire::money::Nanos;

use crate::desk::{Desk, budget, tree, why};

#[test]
fn a_settlement_of_an_unknown_term_is_booked_on_the_present_one_and_takes_from_no_lease() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 30);
    desk.settles(1, "team", 77, 12);
    assert_eq!(desk.november("acme"), (12, 0, 0, 30));
    let What::Settled { term: booked, settlement, .. } = desk.last_entry() else {
        panic!("{:?}", desk.last_entry());
    };
    assert_eq!((booked.0, settlement.term), (term, Term(77)));
    assert!(matches!(&desk.faults[..], [Fault::UnknownTerm { named: Term(77), .. }]));
}

#[test]
fn another_budgets_term_is_unknown() {
    let mut desk = Desk::new(tree(100, 50));
    let team = desk.lent(1, "team", 30);
    desk.settles(1, "acme", team, 12);
    assert_eq!((desk.november("team").0, desk.november("acme").0), (0, 12));
}

#[test]
fn with_no_present_term_it_is_booked_on_the_latest_account_and_those_above() {
    let mut desk = Desk::new(tree(100, 50));
    desk.lent(1, "team", 30);
    desk.define(Vec::new());
    desk.settles(1, "team", 77, 12);
    assert_eq!((desk.november("team").0, desk.november("acme").0), (12, 12));
}

#[test]
fn the_cost_of_a_budget_that_never_was_is_on_an_account_of_its_name() {
    let mut desk = Desk::new(tree(100, 50));
    desk.settles(1, "ghost", 1, 12);
    desk.settles(1, "ghost", 1, 3);
    assert_eq!(desk.figures("ghost", UNASSIGNED), (15, 0, 0, 0));
}

#[test]
fn amounts_that_cannot_be_added_saturate_loudly_and_never_wrap() {
    let mut desk = Desk::new(vec![budget("team", None, None)]);
    let term = desk.lent(1, "team", 10);
    desk.settles(1, "team", term, Nanos::MAX.0);
    assert_eq!(desk.faults, []);
    desk.settles(1, "team", term, u64::MAX);
    assert_eq!(desk.november("team"), (Nanos::MAX.0, 0, 0, 0));
    assert!(matches!(&desk.faults[..], [Fault::Saturated { .. }]));
    assert_eq!(why(&desk.wants(1, "team", u64::MAX)).0, MoneyWhy::Spent);
    desk.returns(1, "team", term, u64::MAX);
    assert_eq!(desk.november("team").3, 0);
}
