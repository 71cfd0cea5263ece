//! When do budgets begin anew?

use policies::{BudgetPeriod, load};
use proptest::prelude::*;
use wire::units::UnixMillis;

use crate::single;

const HOUR: u64 = 3_600_000;

/// A calendar, as an organization has it.
#[derive(Clone, Debug)]
struct Calendar {
    zone: &'static str,
    week_starts: &'static str,
    fiscal_year_starts: &'static str,
}

fn in_zone(zone: &'static str) -> Calendar {
    Calendar { zone, week_starts: "monday", fiscal_year_starts: "01-01" }
}

impl Calendar {
    /// The periods of a budget whose time is written so, as they are told at an instant.
    fn periods(&self, time: &str, now: u64) -> Vec<BudgetPeriod> {
        let Self { zone, week_starts, fiscal_year_starts } = self;
        let text = format!(
            r#"{{
              "policy_version": 1,
              "organization": {{ "name": "acme", "currency": "USD", "time_zone": "{zone}",
                "week_starts": "{week_starts}", "fiscal_year_starts": "{fiscal_year_starts}" }},
              "services": {{ "s": {{ "cluster": "c", "hosts": ["h"], "credential": "k",
                "inject": {{ "as": "bearer" }}, "routes": [{{ "match": "GET /", "free": "no" }}] }} }},
              "budgets": {{ "b": {{ "cap": "1.00", "owner": "o"{time} }} }}
            }}"#
        );
        let policy = load(&single(text)).unwrap();
        policy.budgets(UnixMillis(now)).remove(0).periods
    }

    fn every(&self, period: &str, now: u64) -> Vec<BudgetPeriod> {
        self.periods(&format!(r#", "every": "{period}""#), now)
    }

    /// The name of the period that holds an instant.
    fn label(&self, period: &str, now: u64) -> String {
        let periods = self.every(period, now);
        assert!(holds(&periods[0], now), "{periods:?} at {now}");
        periods[0].label.to_string()
    }
}

fn holds(period: &BudgetPeriod, now: u64) -> bool {
    period.starts.0 <= now && period.ends.is_none_or(|ends| now < ends.0)
}

/// An instant, from how people write it.
fn at(written: &str) -> u64 {
    written.parse::<jiff::Timestamp>().unwrap().as_millisecond().try_into().unwrap()
}

fn hours(period: &BudgetPeriod) -> u64 {
    (period.ends.unwrap().0 - period.starts.0) / HOUR
}

fn labels(periods: &[BudgetPeriod]) -> Vec<&str> {
    periods.iter().map(|period| &*period.label).collect()
}

#[test]
fn days_on_which_the_clocks_change_have_23_and_25_hours() {
    let new_york = in_zone("America/New_York");
    let spring = new_york.every("day", at("2026-03-07T12:00:00Z"));
    assert_eq!(labels(&spring), ["2026-03-07", "2026-03-08", "2026-03-09", "2026-03-10"]);
    assert_eq!(spring.iter().map(hours).collect::<Vec<_>>(), [24, 23, 24, 24]);
    let autumn = new_york.every("day", at("2026-11-01T12:00:00Z"));
    assert_eq!(autumn.iter().map(hours).collect::<Vec<_>>(), [25, 24, 24, 24]);
    assert_eq!(autumn[0].starts.0, at("2026-11-01T04:00:00Z"));
    assert_eq!(autumn[1].starts.0, at("2026-11-02T05:00:00Z"));
}

#[test]
fn a_month_is_a_month_in_the_organizations_zone() {
    let tokyo = in_zone("Asia/Tokyo");
    let months = tokyo.every("month", at("2026-11-30T15:00:00Z"));
    assert_eq!(labels(&months), ["2026-12", "2027-01", "2027-02"]);
    assert_eq!(months[0].starts.0, at("2026-11-30T15:00:00Z"));
    assert_eq!(tokyo.label("month", at("2026-11-30T14:59:59.999Z")), "2026-11");
    let new_york = in_zone("America/New_York");
    // One hour longer than its days: the clocks go back in it.
    assert_eq!(hours(&new_york.every("month", at("2026-11-15T00:00:00Z"))[0]), 30 * 24 + 1);
}

#[test]
fn the_ends_of_the_world_have_their_own_days() {
    let noon = at("2026-11-25T12:00:00Z");
    let east = in_zone("Pacific/Kiritimati").every("day", noon);
    let west = in_zone("Etc/GMT+12").every("day", noon);
    assert_eq!((&*east[0].label, &*west[0].label), ("2026-11-26", "2026-11-25"));
    assert_eq!(east[0].starts.0, at("2026-11-25T10:00:00Z"));
    assert_eq!(west[0].starts.0, noon);
}

#[test]
fn a_day_that_the_zone_skips_has_no_period() {
    let apia = in_zone("Pacific/Apia");
    let days = apia.every("day", at("2011-12-29T12:00:00-10:00"));
    assert_eq!(labels(&days), ["2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02"]);
    assert_eq!(days[0].ends, Some(days[1].starts));
    assert_eq!(hours(&days[0]), 24);
    let month = &apia.every("month", at("2011-12-10T00:00:00Z"))[0];
    assert_eq!(hours(month), 30 * 24);
}

#[test]
fn a_day_without_midnight_begins_after_the_gap() {
    let sao_paulo = in_zone("America/Sao_Paulo");
    let days = sao_paulo.every("day", at("2018-11-03T12:00:00Z"));
    assert_eq!(days[1].starts.0, at("2018-11-04T03:00:00Z"), "01:00 summer time");
    assert_eq!(days.iter().map(hours).collect::<Vec<_>>(), [24, 23, 24, 24]);
}

#[test]
fn the_end_of_a_day_that_comes_twice_is_in_the_next_period() {
    // At 00:01 the clocks went back to 23:01 of the day before: the day had begun already, and what
    // has begun does not end again.
    let st_johns = in_zone("America/St_Johns");
    let again = at("2010-11-07T03:00:00Z");
    let days = st_johns.every("day", again);
    assert_eq!(&*days[0].label, "2010-11-07");
    assert_eq!(days.len(), 4);
    assert!(holds(&days[0], again));
}

#[test]
fn weeks_begin_on_the_day_that_the_organization_says() {
    let wednesday = at("2026-11-25T12:00:00Z");
    for (week_starts, label) in [
        ("monday", "week of 2026-11-23"),
        ("sunday", "week of 2026-11-22"),
        ("saturday", "week of 2026-11-21"),
        ("wednesday", "week of 2026-11-25"),
        ("thursday", "week of 2026-11-19"),
    ] {
        let calendar = Calendar { week_starts, ..in_zone("UTC") };
        let weeks = calendar.every("week", wednesday);
        assert_eq!(&*weeks[0].label, label);
        assert_eq!(hours(&weeks[0]), 7 * 24);
    }
}

#[test]
fn quarters_and_years_of_the_calendar() {
    let utc = in_zone("UTC");
    let now = at("2026-11-25T12:00:00Z");
    assert_eq!(labels(&utc.every("quarter", now)), ["2026-Q4", "2027-Q1", "2027-Q2"]);
    assert_eq!(labels(&utc.every("year", now)), ["2026", "2027", "2028"]);
    // The leap day belongs to its quarter and its year.
    assert_eq!(hours(&utc.every("quarter", at("2028-02-29T00:00:00Z"))[0]), 91 * 24);
    assert_eq!(hours(&utc.every("year", at("2028-02-29T00:00:00Z"))[0]), 366 * 24);
    assert_eq!(utc.label("day", at("2028-02-29T23:59:59Z")), "2028-02-29");
    assert_eq!(hours(&utc.every("month", at("2028-02-01T00:00:00Z"))[0]), 29 * 24);
}

#[test]
fn fiscal_quarters_and_years_count_from_their_first_day() {
    let of = |fiscal_year_starts| Calendar { fiscal_year_starts, ..in_zone("UTC") };
    let february = of("02-01");
    for (day, quarter, year) in [
        ("2026-11-25T12:00:00Z", "FY2026-Q4", "FY2026"),
        ("2027-01-31T23:59:59Z", "FY2026-Q4", "FY2026"),
        ("2027-02-01T00:00:00Z", "FY2027-Q1", "FY2027"),
        ("2026-04-30T00:00:00Z", "FY2026-Q1", "FY2026"),
        ("2026-05-01T00:00:00Z", "FY2026-Q2", "FY2026"),
    ] {
        assert_eq!(february.label("quarter", at(day)), quarter);
        assert_eq!(february.label("year", at(day)), year);
        // Months are those of the calendar.
        assert_eq!(february.label("month", at(day)), day[..7]);
    }
    // A quarter whose first day its month does not have begins on the month's last day, and the
    // next one does not drift with it.
    let august = of("08-31");
    let quarters = august.every("quarter", at("2026-11-25T12:00:00Z"));
    let starts: Vec<u64> = quarters.iter().map(|quarter| quarter.starts.0).collect();
    let days =
        ["2026-08-31", "2026-11-30", "2027-02-28"].map(|day| at(&format!("{day}T00:00:00Z")));
    assert_eq!(starts, days);
    assert_eq!(&*august.every("quarter", at("2027-08-30T12:00:00Z"))[0].label, "FY2026-Q4");
    assert_eq!(&*august.every("quarter", at("2027-08-31T00:00:00Z"))[0].label, "FY2027-Q1");
}

#[test]
fn from_and_until_are_days_that_count() {
    let time = r#", "from": "2026-12-01", "until": "2026-12-03""#;
    let periods = in_zone("Europe/Berlin").periods(time, at("2026-11-25T12:00:00Z"));
    assert_eq!(labels(&periods), ["from 2026-12-01"]);
    assert_eq!(periods[0].starts.0, at("2026-11-30T23:00:00Z"));
    assert_eq!(periods[0].ends, Some(UnixMillis(at("2026-12-03T23:00:00Z"))));
    let open = in_zone("UTC").periods(r#", "from": "2026-12-01""#, 0);
    assert_eq!((labels(&open), open[0].ends), (vec!["from 2026-12-01"], None));
    let one_day = r#", "from": "2026-12-01", "until": "2026-12-01""#;
    assert_eq!(hours(&in_zone("UTC").periods(one_day, 0)[0]), 24);
}

#[test]
fn a_budget_without_a_time_has_one_period() {
    let periods = in_zone("UTC").periods("", at("2026-11-25T12:00:00Z"));
    assert_eq!(labels(&periods), ["total"]);
    assert_eq!((periods[0].starts, periods[0].ends), (UnixMillis(0), None));
}

#[test]
fn a_change_of_the_zone_leaves_the_account_where_it_was() {
    let middle = at("2026-11-15T12:00:00Z");
    for period in ["month", "quarter", "year"] {
        let before = in_zone("Pacific/Kiritimati").label(period, middle);
        assert_eq!(in_zone("Etc/GMT+12").label(period, middle), before);
    }
}

#[test]
fn the_ends_of_time_are_answered() {
    for period in ["day", "week", "month", "quarter", "year"] {
        let first = in_zone("America/New_York").every(period, 0);
        assert!(holds(&first[0], 0), "{first:?}");
        assert_eq!(in_zone("UTC").every(period, u64::MAX), []);
        let last = in_zone("UTC").every(period, at("9999-12-29T12:00:00Z"));
        assert!(!last.is_empty());
    }
}

/// Zones with all that zones do: half hours, no midnight, a lost day, clocks that go back over
/// midnight, and summer time in both halves of the world.
const ZONES: [&str; 10] = [
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Etc/GMT+12",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "UTC",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn periods_join_and_hold_every_instant_once(
        zone in prop::sample::select(&ZONES[..]),
        week_starts in prop::sample::select(vec!["monday", "saturday", "sunday"]),
        fiscal_year_starts in prop::sample::select(vec!["01-01", "02-01", "04-06", "08-31"]),
        every in prop::sample::select(vec!["day", "week", "month", "quarter", "year"]),
        // 1990 to 2040.
        start in 631_152_000_000_u64..2_208_988_800_000,
    ) {
        let calendar = Calendar { zone, week_starts, fiscal_year_starts };
        let mut now = start;
        let mut seen: Vec<BudgetPeriod> = Vec::new();
        for _ in 0..40 {
            let periods = calendar.every(every, now);
            prop_assert!(periods.len() > 2, "{periods:?}");
            prop_assert!(holds(&periods[0], now), "{periods:?} at {now}");
            for pair in periods.windows(2) {
                prop_assert_eq!(pair[0].ends, Some(pair[1].starts));
                prop_assert!(pair[0].starts < pair[1].starts);
            }
            // What was told ahead is what is told then.
            if let Some(last) = seen.last() {
                prop_assert_eq!(last.ends, Some(periods[0].starts));
            }
            let labelled = seen.iter().any(|before| before.label == periods[0].label);
            prop_assert!(!labelled, "{periods:?} after {seen:?}");
            let ends = periods[0].ends.unwrap().0;
            let last = &calendar.every(every, ends - 1)[0];
            prop_assert_eq!(last, &periods[0]);
            seen.push(periods[0].clone());
            now = ends;
        }
    }
}
