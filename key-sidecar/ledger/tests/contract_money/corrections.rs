//! People correct accounts, once, and of closed periods too.

use ledger::money::command::Refusal;
use ledger::money::record::What;
use wire::budget::MoneyWhy;
use wire::money::Nanos;

use crate::desk::{Desk, MONTH, correction, tree, why};

#[test]
fn a_correction_moves_the_account_and_all_above_up_or_down() {
    let mut desk = Desk::new(tree(100, 50));
    let first = desk.corrects(correction("a", "team", None, 50)).unwrap();
    assert_eq!(first, desk.ledger.last_entry());
    assert_eq!(desk.november("acme"), (0, 0, 50, 0));
    assert_eq!(why(&desk.wants(1, "team", 1)), (MoneyWhy::Spent, "team"));
    desk.corrects(correction("b", "team", None, -20)).unwrap();
    desk.lent(1, "team", 20);
}

#[test]
fn a_refund_of_more_than_was_spent_is_money_to_spend() {
    let mut desk = Desk::new(tree(100, 50));
    desk.corrects(correction("a", "team", None, -20)).unwrap();
    desk.lent(1, "team", 70);
    assert_eq!(desk.wants(1, "team", 1).tightest.unwrap().spent, Nanos(0));
}

#[test]
fn a_correction_is_booked_once_also_after_a_restart_and_in_another_month() {
    let mut desk = Desk::new(tree(100, 50));
    let first = desk.corrects(correction("a", "team", None, 5)).unwrap();
    desk.now = MONTH + 1;
    desk.restart(tree(100, 50));
    assert_eq!(desk.corrects(correction("a", "team", None, 5)), Ok(first));
    assert_eq!(desk.corrects(correction("a", "team", Some("2026-11"), 5)), Ok(first));
    assert_eq!(desk.november("acme"), (0, 0, 5, 0));
}

#[test]
fn a_closed_period_can_be_corrected_with_those_above() {
    let mut desk = Desk::new(tree(100, 50));
    desk.lent(1, "team", 5);
    desk.now = MONTH + 1;
    desk.corrects(correction("a", "team", Some("2026-11"), 7)).unwrap();
    assert_eq!((desk.november("team").2, desk.november("acme").2), (7, 7));
    let What::Corrected { accounts, .. } = desk.last_entry() else {
        panic!("{:?}", desk.last_entry());
    };
    assert_eq!(accounts.len(), 2);
}

#[test]
fn the_first_refusal_of_a_correction_that_holds_is_told() {
    let mut desk = Desk::new(tree(100, 50));
    desk.corrects(correction("a", "team", None, i64::MAX)).unwrap();
    for other in [
        correction("a", "ghost", None, i64::MAX),
        correction("a", "team", Some("2026-12"), i64::MAX),
        correction("a", "team", None, 1),
    ] {
        assert_eq!(desk.corrects(other), Err(Refusal::IdReused));
    }
    let ghost = correction("b", "ghost", Some("never"), i64::MAX);
    assert_eq!(desk.corrects(ghost), Err(Refusal::NoBudget));
    let never = correction("b", "team", Some("2026-12"), i64::MAX);
    assert_eq!(desk.corrects(never), Err(Refusal::NoPeriod));
    assert_eq!(desk.corrects(correction("b", "team", None, 1)), Err(Refusal::TooLarge));
    desk.corrects(correction("b", "team", None, -1)).unwrap();
}

#[test]
fn a_correction_beyond_what_an_account_can_count_is_too_large() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 1);
    desk.settles(1, "team", term, Nanos::MAX.0);
    assert_eq!(desk.corrects(correction("a", "team", None, 1)), Err(Refusal::TooLarge));
    desk.corrects(correction("a", "team", None, -1)).unwrap();
}
