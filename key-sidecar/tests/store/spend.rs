//! Reading beside the service.

use jiff::tz::{Offset, TimeZone};
use key_sidecar::store::spend::Spend;
use key_sidecar::store::spend::entries::{Line, Said};
use key_sidecar::store::spend::query::{Dimension, Filter, Key, Query};
use key_sidecar::store::sqlite::FILE;
use key_sidecar::store::{Fault, Store};
use ledger::money::record::{Account, Change, What};
use rusqlite::Connection;
use wire::budget::Settlement;
use wire::ids::HolderId;
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::sample::{TERM, TODAY, account, call, corrected, entry, on_disk, settled};

const HOUR: u64 = 3_600_000;

/// A call that ended at this instant.
fn ended(number: u64, at: u64, settlement: Settlement) -> Change {
    let what = What::Settled {
        holder: HolderId(7),
        sequence: number,
        ended: UnixMillis(at),
        term: TERM,
        settlement,
    };
    entry(number, what)
}

/// Calls by day or hour in a zone: first instant and number of calls.
fn by(spend: &Spend, dimension: Dimension, zone: TimeZone) -> Vec<(u64, u64)> {
    let query = Query { zone, ..Query::by(&[dimension]) };
    let rows = spend.sums(&query).unwrap();
    let starts = rows.into_iter().filter_map(|row| match row.keys.as_slice() {
        [Key::Start(start)] => Some((start.0, row.sum.calls)),
        _ => None,
    });
    starts.collect()
}

#[test]
fn days_begin_where_the_zone_says() {
    let state = tempfile::tempdir().unwrap();
    let evening = TODAY + 18 * HOUR + HOUR / 2;
    let calls = [ended(1, evening - 1, call("a", "m", 1)), ended(2, evening, call("a", "m", 1))];
    let _store = on_disk(state.path(), &calls);
    let spend = Spend::in_state(state.path()).unwrap();
    assert_eq!(by(&spend, Dimension::Day, TimeZone::UTC), [(TODAY, 2)]);
    // In India (+5:30) the second call is the first one of the next day.
    let india = TimeZone::fixed(Offset::from_seconds(19_800).unwrap());
    assert_eq!(by(&spend, Dimension::Day, india.clone()), [(evening - 24 * HOUR, 1), (evening, 1)]);
    assert_eq!(by(&spend, Dimension::Hour, india), [(evening - HOUR, 1), (evening, 1)]);
}

#[test]
fn the_days_of_both_clock_changes_are_whole_and_the_hour_that_is_there_twice_is_two() {
    // 2026-11-01T05:30:00Z is 01:30 summer time in New York, an hour later it is 01:30 again.
    let summer = 1_793_511_000_000;
    let state = tempfile::tempdir().unwrap();
    let calls = [
        ended(1, summer, call("a", "m", 1)),
        ended(2, summer + HOUR, call("a", "m", 1)),
        // The last instant of that day, which has 25 hours, and the first one of the next.
        ended(3, summer + 23 * HOUR + HOUR / 2 - 1, call("a", "m", 1)),
        ended(4, summer + 23 * HOUR + HOUR / 2, call("a", "m", 1)),
    ];
    let _store = on_disk(state.path(), &calls);
    let spend = Spend::in_state(state.path()).unwrap();
    let new_york = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
    let midnight = summer - HOUR - HOUR / 2;
    assert_eq!(
        by(&spend, Dimension::Day, new_york.clone()),
        [(midnight, 3), (midnight + 25 * HOUR, 1)]
    );
    let hours = by(&spend, Dimension::Hour, new_york);
    assert_eq!(hours[..2], [(summer - HOUR / 2, 1), (summer + HOUR / 2, 1)]);
}

#[test]
fn a_moment_that_is_held_still_does_not_see_what_is_booked_meanwhile() {
    let state = tempfile::tempdir().unwrap();
    let mut store = on_disk(state.path(), &[settled(1, call("a", "m", 3))]);
    let spend = Spend::in_state(state.path()).unwrap();
    let all = |spend: &Spend| spend.sums(&Query::default()).unwrap()[0].sum.cost_nanos;
    let still = spend.still().unwrap();
    store.commit(&[settled(2, call("a", "m", 4))]).unwrap();
    assert_eq!((all(&spend), spend.last_entry().unwrap()), (3, 1));
    drop(still);
    assert_eq!((all(&spend), spend.last_entry().unwrap()), (7, 2));
}

#[test]
fn lines_of_a_period_hold_its_corrections_and_those_of_a_client_do_not() {
    let state = tempfile::tempdir().unwrap();
    let presumed = What::Presumed { holder: HolderId(8), term: TERM, amount: Nanos(5) };
    let changes = [
        settled(1, call("a", "m", 3)),
        corrected(2, "c-1", -1),
        entry(3, presumed),
        settled(4, call("b", "m", 4)),
    ];
    let _store = on_disk(state.path(), &changes);
    let spend = Spend::in_state(state.path()).unwrap();
    let numbers = |filter: Filter| -> Vec<u64> {
        spend.lines(filter).unwrap().map(|line| line.unwrap().number).collect()
    };
    let one = |name: &str| vec![name.to_owned()];
    let period = Filter { periods: one("2026-11"), ..Filter::default() };
    assert_eq!(numbers(period), [1, 2, 3, 4]);
    assert!(numbers(Filter { periods: one("2026-12"), ..Filter::default() }).is_empty());
    assert_eq!(numbers(Filter { clients: one("b"), ..Filter::default() }), [4]);
    assert!(numbers(Filter { clients: one("c"), ..Filter::default() }).is_empty());
}

#[test]
fn more_lines_than_a_page_come_in_order_and_each_once() {
    let state = tempfile::tempdir().unwrap();
    let changes: Vec<_> = (1..=3_000).map(|number| settled(number, call("a", "m", 1))).collect();
    let _store = on_disk(state.path(), &changes);
    let spend = Spend::in_state(state.path()).unwrap();
    let lines = spend.lines(Filter::default()).unwrap();
    assert!(lines.map(|line| line.unwrap().number).eq(1..=3_000));
}

#[test]
fn a_line_is_json_with_integers() {
    let state = tempfile::tempdir().unwrap();
    let _store = on_disk(state.path(), &[settled(1, call("a", "m", 3))]);
    let spend = Spend::in_state(state.path()).unwrap();
    let line: Line = spend.lines(Filter::default()).unwrap().next().unwrap().unwrap();
    assert!(matches!(line.said, Said::Settled(_)));
    let json = serde_json::to_value(&line).unwrap();
    assert_eq!(json["what"], "settled");
    assert_eq!(json["cost"], 3);
    assert_eq!(json["counts"][0], serde_json::json!(["input", 1_200_000_000]));
}

#[test]
fn a_balance_can_be_below_zero() {
    let state = tempfile::tempdir().unwrap();
    let debt = Account {
        settled: Nanos(900),
        presumed: Nanos(50),
        corrected: -1_000,
        reserved: Nanos(70),
        cap: Some(Nanos(10)),
        ..account("team", "2026-11", Some("acme"))
    };
    let _store = on_disk(state.path(), &[Change::Account(debt)]);
    let spend = Spend::in_state(state.path()).unwrap();
    let team = Filter { budgets: vec!["team".to_owned()], ..Filter::default() };
    let balances = spend.balances(&team).unwrap();
    assert_eq!(balances.len(), 1);
    assert_eq!((balances[0].spent(), balances[0].committed()), (-50, 20));
    assert_eq!(balances[0].remaining(), Some(-10));
    assert_eq!(spend.balances(&Filter::default()).unwrap().len(), 2);
}

#[test]
fn a_row_that_is_none_is_an_error_that_names_it() {
    let state = tempfile::tempdir().unwrap();
    let mut store = on_disk(state.path(), &[settled(1, call("a", "m", 3))]);
    let broken = Connection::open(state.path().join(FILE)).unwrap();
    broken.execute_batch("DROP TRIGGER settlement_is_never_changed;").unwrap();
    broken.execute("UPDATE settlement SET basis = 'guess', status = 70000", []).unwrap();
    broken.execute("UPDATE account SET reserved_nanos = -1 WHERE budget = 'team'", []).unwrap();

    let text = store.load().unwrap_err().to_string();
    assert!(text.contains("ledger.sqlite: table account, budget team, period 2026-11"), "{text}");
    assert!(text.contains("reserved_nanos: is less than zero"), "{text}");
    let spend = Spend::in_state(state.path()).unwrap();
    let mut lines = spend.lines(Filter::default()).unwrap();
    let text = lines.next().unwrap().unwrap_err().to_string();
    assert!(text.contains("table settlement, number 1: status"), "{text}");
    assert!(lines.next().is_none());
}

#[test]
fn what_is_no_ledger_is_told_from_one_that_is_not_there() {
    let state = tempfile::tempdir().unwrap();
    let fault = |state: &std::path::Path| Spend::in_state(state).unwrap_err().fault;
    assert!(matches!(fault(state.path()), Fault::Missing));
    std::fs::write(state.path().join(FILE), "a letter to the bank, and a long one at that")
        .unwrap();
    assert!(matches!(fault(state.path()), Fault::Foreign));
}
