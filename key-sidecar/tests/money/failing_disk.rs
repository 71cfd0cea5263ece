//! What happens where the ledger's file cannot be used?

use std::fs;

use rusqlite::Connection;
use wire::money::Nanos;

use crate::fixture::Site;
use crate::holder::Holder;
use crate::serving::Serving;

const CENT: u64 = 10_000_000;

/// Somebody else holds the file for writing: a commit waits, then fails, and the sync as a whole with it. The
/// plugin repeats it to the byte, and both ledgers have booked it once.
#[test]
fn a_sync_that_could_not_be_stored_is_booked_once_when_it_is_repeated() {
    let serving = Serving::with_cap("1.00");
    let mut holder = Holder::new(1);
    let lent = serving.sync(&holder.want("team", 10 * CENT));
    holder.take(&lent.money);
    let file = serving.site.path("state/ledger.sqlite");
    let person = Connection::open(&file).unwrap();
    person.execute_batch("BEGIN IMMEDIATE").unwrap();

    let settling = holder.settle("team", 3 * CENT, CENT);
    let failed = serving.try_sync(&settling);
    assert_eq!(failed.status, 503, "{}", failed.text());
    assert!(failed.text().contains("nothing was booked"), "{}", failed.text());
    // Who says nothing of money is served as ever.
    serving.sync(&Holder::new(2).greet());
    person.execute_batch("COMMIT").unwrap();

    let reply = serving.sync(&settling);
    assert_eq!(reply.money[0].gets, Nanos(CENT));
    assert_eq!(serving.sync(&settling).money, reply.money);
    let account = serving.account("team");
    assert_eq!((account.settled, account.reserved), (Nanos(3 * CENT), Nanos(8 * CENT)));
    assert!(serving.metrics().contains("tollkeeper_sidecar_money_commit_failures_total 1"));
    assert_eq!(serving.page("/healthz/ready").status, 200);
}

#[test]
fn a_ledger_that_is_none_keeps_the_service_from_starting_with_the_remedy() {
    let site = Site::ready();
    fs::write(site.path("state/ledger.sqlite"), "this is no ledger, and long enough ".repeat(99))
        .unwrap();
    let ran = site.run(&["serve"]).fails(1, "ledger.sqlite");
    assert!(ran.err.contains("no ledger of Tollkeeper"), "{}", ran.err);
    let doctor = site.run(&["doctor"]);
    assert!(doctor.out.contains("FAIL     ledger"), "{}", doctor.out);
}

#[test]
fn a_second_service_on_one_ledger_does_not_start() {
    let serving = Serving::with_cap("1.00");
    serving.site.run(&["serve"]).fails(1, "serves it already");
}

#[test]
fn doctor_looks_at_a_ledger_that_is_served() {
    let serving = Serving::with_cap("1.00");
    serving.sync(&Holder::new(1).want("team", CENT));
    let doctor = serving.site.run(&["doctor"]);
    assert!(doctor.out.contains("ok       ledger"), "{}", doctor.out);
}

#[test]
fn statistics_show_the_balances() {
    let serving = Serving::with_cap("1.00");
    let mut holder = Holder::new(1);
    let lent = serving.sync(&holder.want("team", 10 * CENT));
    holder.take(&lent.money);
    serving.sync(&holder.settle("team", 3 * CENT, 0));
    let page = serving.metrics();
    for line in [
        "budget_spent_nanos{budget=\"team\"} 30000000",
        "budget_spent_nanos{budget=\"acme\"} 30000000",
        "budget_reserved_nanos{budget=\"team\"} 70000000",
        "budget_cap_nanos{budget=\"team\"} 1000000000",
        "budget_presumed_nanos{budget=\"team\"} 0",
        "settled_calls_total{basis=\"flat\"} 1",
        "money_store_up 1",
        "money_group_size_count 2",
        "money_commit_seconds_count",
    ] {
        assert!(page.contains(&format!("tollkeeper_sidecar_{line}")), "{line} is not in:\n{page}");
    }
}
