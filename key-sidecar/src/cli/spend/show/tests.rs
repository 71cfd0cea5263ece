use jiff::tz::TimeZone;
use wire::budget::Basis;
use wire::money::Nanos;
use wire::units::UnixMillis;

use super::super::charge::Book;
use super::super::charge::tests::{
    DECEMBER, NOVEMBER, account, book, budget, corrected, presumed, settled, settlement,
};
use super::balances::{Balances, Which};
use super::*;

fn utc() -> Calendar {
    Calendar::new(TimeZone::UTC)
}

#[test]
fn the_lines_of_every_dimension_add_up_to_the_same_total() {
    let book = book();
    let mut held = settlement(640_000, &[]);
    held.basis = Basis::Reserve;
    held.model = None;
    let entries = [
        settled(1, NOVEMBER, settlement(6_317_500, &[])),
        settled(2, DECEMBER + 1, held),
        presumed(3, NOVEMBER, 1_000),
        corrected(4, NOVEMBER, -500, "refund"),
    ];
    for dimension in <Dimension as clap::ValueEnum>::value_variants() {
        let mut sums = Sums::new(*dimension);
        for entry in &entries {
            sums.add(&book.charge(entry).unwrap(), &utc());
        }
        let lines: Money = sums.lines.values().map(|sum| sum.cost).sum();
        assert_eq!(lines, Money(6_317_500 + 640_000 + 1_000 - 500), "{dimension:?}");
        assert_eq!(sums.total.cost, lines, "{dimension:?}");
        assert_eq!(sums.total.calls, 2, "{dimension:?}");
        assert_eq!(sums.total.estimated, Money(640_000), "{dimension:?}");
    }
}

#[test]
fn a_table_shows_every_digit_and_the_total_last() {
    let book = book();
    let entries = [
        settled(1, NOVEMBER, settlement(1_500_000_000, &[])),
        settled(2, NOVEMBER, settlement(68, &[])),
        corrected(3, NOVEMBER, -500_000_000, "refund"),
    ];
    let mut sums = Sums::new(Dimension::Client);
    for entry in &entries {
        sums.add(&book.charge(entry).unwrap(), &utc());
    }
    assert_eq!(
        sums.table("USD"),
        "CLIENT         CALLS          COST       AT THE HOLD\n\
         checkout-api       2   1.500000068  USD         0.0%\n\
         (corrections)      0  -0.500000000  USD            -\n\
         TOTAL              2   1.000000068  USD         0.0%"
    );
}

#[test]
fn a_budget_is_followed_by_what_lies_in_it_and_the_total_counts_nothing_twice() {
    let mut team = account("search-team", Some("acme"), "800", "12.0137");
    team.reserved = Nanos(250_000_000);
    team.corrected = -13_700_000;
    let free = account("z-lab", None, "unlimited", "1");
    let root = account("acme", None, "5000", "12");
    let book = Book::new(vec![team, free, root], Vec::new());
    let balances = Balances::new(&book, &Which::At(UnixMillis(NOVEMBER)), None);
    assert_eq!(
        balances.table("USD"),
        "BUDGET         PERIOD         CAP  SPENT  RESERVED  REMAINING  SHARE\n\
         acme           2026-11    5000.00  12.00      0.00    4988.00   0.2%  USD\n\
         \x20 search-team  2026-11     800.00  12.00      0.25     787.75   1.5%  USD\n\
         z-lab          2026-11  unlimited   1.00      0.00  unlimited      -  USD\n\
         TOTAL                              13.00                              USD"
    );
}

#[test]
fn a_period_is_shown_by_name_and_a_budget_alone() {
    let book = book();
    let past = Which::Period("2026-10".into());
    assert!(Balances::new(&book, &past, None).is_empty());
    let named = Which::Period("2026-11".into());
    let team = budget("search-team");
    let one = Balances::new(&book, &named, Some(&team)).json("USD");
    assert_eq!(one["budgets"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["budgets"][0]["remaining"], "788.00");
    assert_eq!(one["total_spent"], "12.00");
}

#[test]
fn debt_is_less_than_nothing_left() {
    let mut team = account("search-team", None, "10", "10.5");
    team.reserved = Nanos(0);
    let book = Book::new(vec![team], Vec::new());
    let shown = Balances::new(&book, &Which::At(UnixMillis(NOVEMBER)), None).json("USD");
    assert_eq!(shown["budgets"][0]["remaining"], "-0.50");
    assert_eq!(shown["budgets"][0]["share"], "105.0%");
}
