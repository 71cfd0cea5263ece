//! Do balances and the last answer outlive every end of the service?

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use wire::money::Nanos;

use crate::holder::Holder;
use crate::serving::{Serving, used};
use crate::wait::{PATIENCE, until};

const CENT: u64 = 10_000_000;

#[test]
fn who_asks_first_gets_the_hold_of_a_call_with_the_answer() {
    let serving = Serving::with_cap("1.00");
    let mut holder = Holder::new(1);
    let request = holder.ask_who();
    let reply = serving.sync(&request);
    assert_eq!(holder.take(&reply.money), CENT);
    assert_eq!(reply.money[0].budget.as_str(), "team");
    // An answer that was lost comes again, with the same money and no more.
    assert_eq!(serving.sync(&request).money, reply.money);
    assert_eq!(used(&serving.account("team")), Nanos(CENT));
}

#[test]
fn a_sync_without_money_leaves_no_trace_in_the_ledger() {
    let serving = Serving::with_cap("1.00");
    let reply = serving.sync(&Holder::new(1).greet());
    assert!(reply.money.is_empty());
    assert!(serving.metrics().contains("tollkeeper_sidecar_money_group_size_count 0"));
}

#[test]
fn two_holders_at_once_never_go_beyond_the_cap_and_use_it_to_the_end() {
    let serving = Serving::with_cap("1.00");
    let spends = |id: u128| {
        let mut holder = Holder::new(id);
        let mut calls = 0;
        let mut request = holder.want("team", 5 * CENT);
        request.money[0].least = Nanos(CENT);
        loop {
            let answers = serving.sync(&request).money;
            let spent_up = answers[0].short.is_some() && holder.free < CENT;
            holder.take(&answers);
            assert!(used(&serving.account("team")) <= Nanos(100 * CENT));
            if holder.free >= CENT {
                calls += 1;
                request = holder.settle("team", CENT, 5 * CENT);
                request.money[0].least = Nanos(CENT);
            } else if spent_up {
                return calls;
            } else {
                request = holder.want("team", CENT);
            }
        }
    };
    let calls: u64 = thread::scope(|scope| {
        let running = [1, 2].map(|id| scope.spawn(move || spends(id)));
        running.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(calls, 100);
    let account = serving.account("team");
    assert_eq!((account.settled, account.reserved), (Nanos(100 * CENT), Nanos::ZERO));
    assert_eq!(serving.account("acme").settled, Nanos(100 * CENT));
}

#[test]
fn balances_and_the_last_answer_outlive_a_clean_end() {
    outlives(Serving::stop);
}

#[test]
fn balances_and_the_last_answer_outlive_a_crash() {
    outlives(Serving::kill);
}

/// As a plugin does: what was not answered is repeated to the byte, until it is.
#[test]
fn under_load_no_crash_loses_what_was_answered_or_books_anything_twice() {
    const CRASHES: u64 = 4;
    const CALLS_BETWEEN: u64 = 15;
    let mut serving = Serving::with_cap("100.00");
    let socket = serving.socket();
    let done = AtomicU64::new(0);
    let ended = AtomicBool::new(false);
    let calls = |id: u128| {
        let mut holder = Holder::new(id);
        let mut request = holder.want("team", 5 * CENT);
        let mut calls = 0;
        while !ended.load(Ordering::SeqCst) {
            let reply = until(PATIENCE, || Serving::sync_if_it_lives(&socket, &request));
            holder.take(&reply.money);
            calls += request.settlements.len();
            done.fetch_add(1, Ordering::SeqCst);
            request = holder.settle("team", CENT, CENT);
        }
        u64::try_from(calls).unwrap()
    };
    let answered: u64 = thread::scope(|scope| {
        let running = [1, 2, 3].map(|id| scope.spawn(move || calls(id)));
        for crash in 1..=CRASHES {
            until(PATIENCE, || {
                (done.load(Ordering::SeqCst) >= crash * CALLS_BETWEEN).then_some(())
            });
            serving.kill();
            serving.start();
        }
        ended.store(true, Ordering::SeqCst);
        running.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert!(answered >= CALLS_BETWEEN, "{answered}");
    assert_eq!(serving.account("team").settled, Nanos(answered * CENT));
    assert_eq!(serving.account("acme").settled, Nanos(answered * CENT));
}

fn outlives(end: impl Fn(&mut Serving)) {
    let mut serving = Serving::with_cap("1.00");
    let mut holder = Holder::new(1);
    let lent = serving.sync(&holder.want("team", 10 * CENT));
    holder.take(&lent.money);
    let settling = holder.settle("team", 3 * CENT, 5 * CENT);
    let answers = serving.sync(&settling).money;
    let account = serving.account("team");
    assert_eq!((account.settled, account.reserved), (Nanos(3 * CENT), Nanos(12 * CENT)));

    end(&mut serving);
    assert_eq!(serving.account("team"), account);
    serving.start();
    assert_eq!(serving.sync(&settling).money, answers);
    assert_eq!(serving.account("team"), account);

    holder.take(&answers);
    serving.sync(&holder.settle("team", 12 * CENT, 0));
    let account = serving.account("team");
    assert_eq!((account.settled, account.reserved), (Nanos(15 * CENT), Nanos::ZERO));
}
