//! The file as somebody sees it who opens it with the `sqlite3` shell.

use std::path::Path;

use key_sidecar::store::Store;
use key_sidecar::store::sqlite::{FILE, SqliteStore};
use ledger::money::record::{Account, Change, What};
use rusqlite::Connection;
use rusqlite::types::Value;
use wire::budget::Basis;
use wire::ids::HolderId;
use wire::money::Nanos;

use crate::sample::{TERM, account, call, corrected, entry, lease, on_disk, settled};

/// Two clients, two models, one call that was settled at its hold, a presumption and a refund.
fn served(state: &Path) -> SqliteStore {
    let mut cut_off = call("search", "gpt-5", 250_000_000);
    cut_off.basis = Basis::MaxUsageReserve;
    let presumed = What::Presumed { holder: HolderId(8), term: TERM, amount: Nanos(5) };
    let spent = |name, within| {
        Change::Account(Account {
            settled: Nanos(1_750_000_001),
            presumed: Nanos(5),
            corrected: -500_000_000,
            reserved: Nanos(300_000_000),
            ..account(name, "2026-11", within)
        })
    };
    on_disk(
        state,
        &[
            spent("acme", None),
            spent("team", Some("acme")),
            lease(7, 300_000_000),
            settled(1, call("checkout", "gpt-5-mini", 1)),
            settled(2, call("checkout", "gpt-5-mini", 1_500_000_000)),
            settled(3, cut_off),
            entry(4, presumed),
            corrected(5, "c-1", -500_000_000),
        ],
    )
}

/// All of a query, as the shell prints it.
fn shell(state: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(state.join(FILE)).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells: rusqlite::Result<Vec<_>> = (0..columns)
            .map(|column| {
                Ok(match row.get(column)? {
                    Value::Null => "-".to_owned(),
                    Value::Integer(number) => number.to_string(),
                    Value::Text(text) => text,
                    other => format!("not for people: {other:?}"),
                })
            })
            .collect();
        Ok(cells?.join(" | "))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn spend_is_there_by_budget_client_service_model_and_day() {
    let state = tempfile::tempdir().unwrap();
    let _store = served(state.path());
    for (sql, rows) in [
        (
            "SELECT budget, within, calls, cap, spent, reserved, remaining, settled, presumed,
                    corrected, at_hold, at_hold_percent, ends_utc FROM spend_by_budget",
            vec![
                "acme | - | 3 | 800.000000000 | 1.250000006 | 0.300000000 | 798.449999994 | \
                 1.750000001 | 0.000000005 | -0.500000000 | 0.250000000 | 14.28 | \
                 2026-12-01 00:00:00",
                "team | acme | 3 | 800.000000000 | 1.250000006 | 0.300000000 | 798.449999994 | \
                 1.750000001 | 0.000000005 | -0.500000000 | 0.250000000 | 14.28 | \
                 2026-12-01 00:00:00",
            ],
        ),
        (
            "SELECT * FROM spend_by_client",
            vec![
                "team | 2026-11 | checkout | 2 | 1.500000001 | 0.000000000 | 1500000001",
                "team | 2026-11 | search | 1 | 0.250000000 | 0.250000000 | 250000000",
            ],
        ),
        ("SELECT service, calls, cost FROM spend_by_service", vec!["openai | 3 | 1.750000001"]),
        (
            "SELECT model, prices, calls, cost FROM spend_by_model",
            vec![
                "gpt-5 | openai-2026-11 | 1 | 0.250000000",
                "gpt-5-mini | openai-2026-11 | 2 | 1.500000001",
            ],
        ),
        ("SELECT day_utc, calls, cost FROM spend_by_day", vec!["2026-11-25 | 3 | 1.750000001"]),
        (
            "SELECT kind, quantity FROM usage_by_model WHERE model = 'gpt-5-mini'",
            vec!["cache_read | 600.000000", "input | 2400.000000", "output | 176.000000"],
        ),
        (
            "SELECT entry, ended_utc, period, cost, hold, holder FROM calls WHERE entry = 2",
            vec![
                "2 | 2026-11-25 00:00:00 | 2026-11 | 1.500000000 | 0.250000000 | \
                 00000000000000000000000000000007",
            ],
        ),
        (
            "SELECT budget, named, amount, who, why FROM corrections ORDER BY named",
            vec![
                "acme | 0 | -0.500000000 | lead@acme.example | refund of an outage",
                "team | 1 | -0.500000000 | lead@acme.example | refund of an outage",
            ],
        ),
        (
            "SELECT * FROM auditor",
            vec![
                "acme | 2026-11 | 1550000006 | 800000000000 | 0",
                "team | 2026-11 | 1550000006 | 800000000000 | 0",
            ],
        ),
        ("SELECT budget, agrees FROM ledger_check", vec!["acme | 1", "team | 1"]),
        ("SELECT budget, within, periods FROM budget", vec!["acme | - | 1", "team | acme | 1"]),
    ] {
        assert_eq!(shell(state.path(), sql), rows, "{sql}");
    }
}

#[test]
fn an_account_that_is_not_the_sum_of_its_entries_is_found() {
    let state = tempfile::tempdir().unwrap();
    let mut store = served(state.path());
    let changed = Account { settled: Nanos(1), ..account("team", "2026-11", Some("acme")) };
    store.commit(&[Change::Account(changed)]).unwrap();
    let found = shell(state.path(), "SELECT budget FROM ledger_check WHERE NOT agrees");
    assert_eq!(found, ["team"]);
}

#[test]
fn nobody_changes_or_removes_an_entry() {
    let state = tempfile::tempdir().unwrap();
    let _store = served(state.path());
    let connection = Connection::open(state.path().join(FILE)).unwrap();
    for sql in [
        "UPDATE entry SET at = 1",
        "DELETE FROM entry",
        "UPDATE settlement SET cost_nanos = 0",
        "DELETE FROM settlement WHERE entry = 1",
        "UPDATE settlement_count SET units = 0",
        "DELETE FROM settlement_count",
        "UPDATE presumption SET amount_nanos = 0",
        "DELETE FROM presumption",
        "UPDATE correction SET why = ''",
        "DELETE FROM correction",
        "UPDATE correction_account SET budget = 'acme'",
        "DELETE FROM correction_account",
        "UPDATE term_account SET budget = 'acme'",
        "DELETE FROM term_account",
        "DELETE FROM term",
    ] {
        let error = connection.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
}

#[test]
fn every_table_and_view_explains_itself() {
    let state = tempfile::tempdir().unwrap();
    drop(served(state.path()));
    let silent = shell(
        state.path(),
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND instr(sql, '--') = 0",
    );
    assert!(silent.is_empty(), "no comment in {silent:?}");
}

#[test]
fn the_views_that_are_looked_at_often_read_no_entries() {
    let state = tempfile::tempdir().unwrap();
    let _store = served(state.path());
    let views = ["auditor", "spend_by_budget", "spend_by_client", "spend_by_model", "spend_by_day"];
    for view in views {
        let plan = shell(state.path(), &format!("EXPLAIN QUERY PLAN SELECT * FROM {view}"));
        let reads_calls = plan.iter().any(|step| step.contains("settlement"));
        assert!(!plan.is_empty() && !reads_calls, "{view}: {plan:?}");
    }
}
