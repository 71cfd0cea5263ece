//! Each request is booked once, and the first refusal that holds is told.

use ledger::money::command::{Command, Refusal, Reply, Sync};
use ledger::money::{HOLDERS_MAX, NOBODY};
use wire::ids::HolderId;
use wire::sync::{MONEY_MAX, SETTLEMENTS_MAX};
use wire::units::{Millis, UnixMillis};

use crate::desk::{Desk, MONTH, settlement, tree, wish};

#[test]
fn a_request_is_booked_once_and_answered_as_it_was_also_after_a_restart() {
    let mut desk = Desk::new(tree(100, 50));
    let (holder, lines) = (HolderId(1), vec![wish("team", 30, 30)]);
    let sync = Sync { holder, sequence: 1, lines, settlements: Vec::new() };
    let first = desk.sync(sync.clone()).unwrap();
    desk.now += 100;
    assert_eq!(desk.sync(sync.clone()).unwrap(), first);
    desk.restart(tree(100, 50));
    assert_eq!(desk.sync(sync).unwrap(), first);
    assert_eq!(desk.november("acme"), (0, 0, 0, 30));
}

#[test]
fn a_repeated_answer_is_good_for_no_longer_than_its_term() {
    let mut desk = Desk::new(tree(100, 50));
    let (holder, lines) = (HolderId(1), vec![wish("team", 30, 30)]);
    let sync = Sync { holder, sequence: 1, lines, settlements: Vec::new() };
    desk.sync(sync.clone()).unwrap();
    desk.now = MONTH - 4;
    assert_eq!(desk.sync(sync).unwrap()[0].ttl_ms, Millis(4));
}

#[test]
fn an_older_request_is_told_so_and_a_gap_is_fine() {
    let mut desk = Desk::new(tree(100, 50));
    let sync = |sequence| Sync {
        holder: HolderId(1),
        sequence,
        lines: vec![wish("team", 1, 1)],
        settlements: Vec::new(),
    };
    desk.sync(sync(5)).unwrap();
    assert_eq!(desk.sync(sync(4)), Err(Refusal::Stale { last: 5 }));
    desk.sync(sync(9)).unwrap();
    assert_eq!(desk.november("acme"), (0, 0, 0, 2));
}

#[test]
fn the_first_refusal_that_holds_is_told() {
    let mut desk = Desk::new(tree(100, 50));
    desk.now = 0;
    let sync = |holder, sequence, lines: usize, settlements: usize| {
        let (holder, lines) = (HolderId(holder), vec![wish("team", 1, 1); lines]);
        Command::Sync(Sync {
            holder,
            sequence,
            lines,
            settlements: vec![settlement("team", 1, 1); settlements],
        })
    };
    for holder in 1..=u128::try_from(HOLDERS_MAX).unwrap() {
        desk.ledger.apply(sync(holder, 2, 0, 0), UnixMillis(0));
    }
    let mut refused = |command| match desk.ledger.apply(command, UnixMillis(0)).reply {
        Reply::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    let too_many = MONEY_MAX + 1;
    assert_eq!(refused(sync(1, 1, too_many, 0)), Refusal::Stale { last: 2 });
    assert_eq!(refused(sync(u128::MAX, 1, too_many, 0)), Refusal::Crowded);
    assert_eq!(refused(sync(1, 3, too_many, 0)), Refusal::TooMany);
    assert_eq!(refused(sync(1, 3, 0, SETTLEMENTS_MAX + 1)), Refusal::TooMany);
    assert_eq!(refused(sync(NOBODY.0, 1, 0, 0)), Refusal::Stale { last: u64::MAX });
}
