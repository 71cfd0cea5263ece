//! A holder that is silent: what it was lent, and what its late word does.

use ledger::money::command::Command;
use ledger::money::{HOLDER_FORGOTTEN_AFTER, MONEY_TTL, NOBODY};
use wire::budget::MoneyWhy;
use wire::units::UnixMillis;

use crate::desk::{Desk, tree, why};

#[test]
fn what_a_silent_holder_was_lent_is_presumed_spent() {
    let mut desk = Desk::new(tree(100, 50));
    desk.lent(1, "team", 30);
    desk.now += MONEY_TTL.0 - 1;
    desk.apply(Command::Expire);
    assert_eq!(desk.november("acme"), (0, 0, 0, 30));
    desk.now += 1;
    assert_eq!(desk.ledger.next_expiry(), Some(UnixMillis(desk.now)));
    desk.apply(Command::Expire);
    assert_eq!(desk.november("acme"), (0, 30, 0, 0));
    assert_eq!(why(&desk.wants(2, "team", 21)), (MoneyWhy::Spent, "team"));
}

#[test]
fn a_holder_that_speaks_of_anything_keeps_what_it_has() {
    let mut desk = Desk::new(tree(100, 50));
    desk.lent(1, "team", 30);
    for _ in 0..5 {
        desk.now += MONEY_TTL.0 - 1;
        desk.says(1, Vec::new(), Vec::new());
    }
    assert_eq!(desk.november("acme"), (0, 0, 0, 30));
}

#[test]
fn a_late_settlement_replaces_the_presumption() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 30);
    desk.now += MONEY_TTL.0;
    desk.settles(1, "team", term, 12);
    assert_eq!(desk.november("acme"), (12, 18, 0, 0));
    desk.returns(1, "team", term, 18);
    assert_eq!(desk.november("acme"), (12, 0, 0, 0));
}

#[test]
fn a_late_word_takes_from_the_presumption_before_it_takes_from_a_new_loan() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 10);
    desk.now += MONEY_TTL.0;
    desk.lent(1, "team", 10);
    desk.settles(1, "team", term, 15);
    assert_eq!(desk.november("acme"), (15, 0, 0, 5));
}

#[test]
fn what_is_presumed_of_a_forgotten_holder_is_kept_under_the_name_of_nobody() {
    let mut desk = Desk::new(tree(100, 50));
    desk.lent(1, "team", 10);
    desk.lent(2, "team", 20);
    desk.now += HOLDER_FORGOTTEN_AFTER.0;
    desk.apply(Command::Expire);
    assert_eq!((desk.november("acme"), desk.ledger.holders()), ((0, 30, 0, 0), 0));
    assert_eq!(desk.ledger.leases().map(|lease| lease.holder).collect::<Vec<_>>(), [NOBODY]);
    desk.restart(tree(100, 50));
    assert_eq!(desk.november("acme"), (0, 30, 0, 0));
}

#[test]
fn after_a_restart_every_holder_has_its_whole_time_again() {
    let mut desk = Desk::new(tree(100, 50));
    desk.lent(1, "team", 30);
    desk.now += 60_000;
    desk.restart(tree(100, 50));
    assert_eq!(desk.november("acme"), (0, 0, 0, 30));
    desk.now += MONEY_TTL.0;
    desk.apply(Command::Expire);
    assert_eq!(desk.november("acme"), (0, 30, 0, 0));
}
