use jiff::tz::TimeZone;

use super::super::calendar::Calendar;
use super::super::charge::tests::{NOVEMBER, account};
use super::report::{json, report};
use super::*;

const DAY: u64 = 86_400_000;

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn at_day(day: u64) -> UnixMillis {
    UnixMillis(NOVEMBER + day * DAY)
}

fn expected_of(account: &Account, days: &[&str], now: UnixMillis) -> Outlook {
    let days: Vec<_> = days.iter().map(|day| money(day)).collect();
    Forecast::new(account, &days, now).outlook
}

#[test]
fn a_third_of_the_month_is_a_third_of_the_spend() {
    let team = account("search-team", None, "800", "100.000000001");
    assert_eq!(
        expected_of(&team, &[], at_day(10)),
        Outlook::Expected { expected: money("300.000000003"), range: None, cap: CapOutlook::Holds }
    );
}

#[test]
fn before_a_tenth_of_the_period_nothing_is_said() {
    let team = account("search-team", None, "800", "100");
    let just_before = UnixMillis(at_day(3).0 - 1);
    assert_eq!(expected_of(&team, &[], just_before), Outlook::TooEarly(at_day(3)));
    assert!(matches!(expected_of(&team, &[], at_day(3)), Outlook::Expected { .. }));
}

#[test]
fn the_cap_is_reached_when_what_is_left_is_used_at_this_pace() {
    let team = account("search-team", None, "150", "100");
    let Outlook::Expected { cap, .. } = expected_of(&team, &[], at_day(10)) else {
        panic!("an outlook is expected");
    };
    assert_eq!(cap, CapOutlook::ReachedAt(at_day(15)));
    let spent_up = account("search-team", None, "100", "100");
    assert!(matches!(
        expected_of(&spent_up, &[], at_day(10)),
        Outlook::Expected { cap: CapOutlook::Reached, .. }
    ));
}

#[test]
fn quiet_and_busy_days_make_a_range_around_the_expected() {
    let team = account("search-team", None, "800", "40");
    let days = ["4", "8", "12", "16"];
    let Outlook::Expected { expected, range, .. } = expected_of(&team, &days, at_day(4)) else {
        panic!("an outlook is expected");
    };
    assert_eq!(expected, money("300"));
    // 26 days are left.
    assert_eq!(range, Some((money("144"), money("456"))));
    let Outlook::Expected { range, .. } = expected_of(&team, &days[..2], at_day(4)) else {
        panic!("an outlook is expected");
    };
    assert_eq!(range, None);
}

#[test]
fn a_correction_happens_once() {
    let mut team = account("search-team", None, "800", "100");
    team.corrected = -10_000_000_000;
    let Outlook::Expected { expected, .. } = expected_of(&team, &[], at_day(10)) else {
        panic!("an outlook is expected");
    };
    assert_eq!(expected, money("290"));
}

#[test]
fn a_total_has_no_end_to_look_at() {
    let mut total = account("search-team", None, "800", "100");
    total.ends = None;
    assert_eq!(expected_of(&total, &[], at_day(10)), Outlook::NoEnd);
}

#[test]
fn the_report_is_rounded_and_the_json_is_not() {
    let team = account("search-team", None, "150", "100.000000001");
    let forecasts = [Forecast::new(&team, &[], at_day(10))];
    let calendar = Calendar::new(TimeZone::UTC);
    assert_eq!(
        report(&forecasts, &calendar, "USD"),
        "BUDGET       PERIOD      CAP   SPENT  EXPECTED  LOW  HIGH       CAP IS REACHED\n\
         search-team  2026-11  150.00  100.00    300.00    -     -  USD  about 2026-11-16 00:00"
    );
    assert_eq!(json(&forecasts, "USD")["budgets"][0]["expected"], "300.000000003");
}
