//! `spend export`: three files whose sums are the ledger's.

use std::collections::HashMap;
use std::process::Stdio;

use serde_json::Value;

use crate::books::{Books, NOVEMBER, NOVEMBER_TOTAL, call, november, policy};
use crate::desk::Desk;

/// Decimal text as a whole number of its 21st place.
fn exactly(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(fraction.len() <= 21, "{text}");
    sign * format!("{whole}{fraction:0<21}").parse::<i128>().unwrap()
}

fn rows(text: &str) -> Vec<HashMap<String, String>> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
}

#[test]
fn the_sum_of_each_file_is_the_ledgers_to_the_last_digit() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    for (format, column) in [("focus", "BilledCost"), ("chargeback", "cost")] {
        for time in [&["--period", "2026-11"][..], &[], &["--since", "2026-11-01"]] {
            let ran = desk.run(&[&["spend", "export", "--format", format], time].concat()).ok();
            let sum: i128 = rows(&ran.out).iter().map(|row| exactly(&row[column])).sum();
            assert_eq!(sum, exactly(NOVEMBER_TOTAL), "{format} {time:?}");
            assert!(ran.err.contains(&format!("{NOVEMBER_TOTAL} USD in all")), "{}", ran.err);
        }
    }
    let ran = desk.run(&["spend", "export", "--format", "ndjson", "--period", "2026-11"]).ok();
    let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sum: i128 = lines
        .map(|line| line["cost"].as_str().or(line["amount"].as_str()).map_or(0, exactly))
        .sum();
    assert_eq!(sum, exactly(NOVEMBER_TOTAL));
}

#[test]
fn a_focus_file_has_kinds_prices_and_what_is_neither() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    let arguments =
        ["spend", "export", "--format", "focus", "--grain", "hour", "--output", "f.csv"];
    let ran = desk.run(&arguments).ok();
    assert_eq!(ran.out, "");
    let rows = rows(&desk.read("f.csv"));
    let mut kinds: Vec<_> =
        rows.iter().map(|row| (row["x_Kind"].as_str(), row["ListUnitPrice"].as_str())).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            ("correction", ""),
            ("input", "0.01875"),
            ("input", "0.0375"),
            ("output", "1"),
            ("output", "2"),
            ("presumed", ""),
            ("reserve", "1"),
            ("rounding", ""),
        ]
    );
    for row in &rows {
        assert_eq!(row["BillingPeriodStart"], "2026-11-01T04:00:00Z");
        assert_eq!(row["BillingPeriodEnd"], "2026-12-01T05:00:00Z");
        assert!(row["ChargePeriodEnd"] <= row["BillingPeriodEnd"], "{row:?}");
    }
    let calls: u64 = rows.iter().map(|row| row["x_RequestCount"].parse::<u64>().unwrap()).sum();
    assert_eq!(calls, 4);
    let correction = rows.iter().find(|row| row["x_Kind"] == "correction").unwrap();
    assert_eq!(correction["ChargeClass"], "Correction");
}

#[test]
fn a_bill_goes_to_the_owner_and_no_cell_is_a_formula() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    let ran = desk.run(&["spend", "export", "--format", "chargeback", "--period", "2026-11"]).ok();
    let rows = rows(&ran.out);
    let input = rows.iter().find(|row| row["kind"] == "input").unwrap();
    for (column, value) in [
        ("period", "2026-11"),
        ("budget", "acme/search-team"),
        ("owner", "'=lead@acme.example"),
        ("client", "checkout-api"),
        ("service", "openai"),
        ("quantity", "1002"),
        ("unit", "Tokens"),
        ("cost", "0.000018825"),
        ("currency", "USD"),
    ] {
        assert_eq!(input[column], value, "{column}");
    }
}

#[test]
fn an_export_that_does_not_add_up_is_not_written() {
    let desk = Desk::new(&policy());
    let mut books = november();
    // The account says a nano more than its entries.
    books.tamper(1);
    let _serving = books.serve(&desk);
    desk.write("f.csv", "the last one");
    let arguments = ["spend", "export", "--format", "focus", "--output", "f.csv"];
    desk.run(&arguments).fails(1, "its entries come to 0.254522826");
    assert_eq!(desk.read("f.csv"), "the last one");
}

#[test]
fn a_reader_that_closes_the_pipe_ends_it_in_peace() {
    let desk = Desk::new(&policy());
    let mut books = Books::new();
    for step in 0..3_000 {
        books.settle(NOVEMBER + step, call(2_038, 1, 1));
    }
    let _serving = books.serve(&desk);
    let mut child = desk
        .command(&["spend", "export", "--format", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}
