//! `spend show`, `forecast`, `backup` and `correct`, while the ledger is served.

use key_sidecar::clock::Clock;
use key_sidecar::store::spend::Spend;
use wire::units::UnixMillis;

use crate::books::{Books, NOVEMBER_TOTAL, call, november, policy};
use crate::desk::Desk;

const DAY: u64 = 86_400_000;

#[test]
fn balances_are_shown_by_period_with_every_digit() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    let ran = desk.run(&["spend", "show", "--period", "2026-11"]).ok();
    assert_eq!(
        ran.out,
        "BUDGET         PERIOD       CAP        SPENT  RESERVED       REMAINING  SHARE\n\
         acme           2026-11  5000.00  0.254522826      0.25  4999.495477174   0.0%  USD\n\
         \x20 search-team  2026-11   800.00  0.254522826      0.25   799.495477174   0.0%  USD\n\
         TOTAL                            0.254522826                                   USD\n"
    );
    let one =
        desk.run(&["spend", "show", "--budget", "search-team", "--period", "2026-11", "--json"]);
    let budgets = &one.ok().json()["budgets"];
    assert_eq!(budgets.as_array().map(Vec::len), Some(1));
    assert_eq!(budgets[0]["presumed"], "0.005");
    assert_eq!(budgets[0]["corrected"], "-0.0015");
}

#[test]
fn every_dimension_adds_up_to_the_accounts() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    for by in ["client", "service", "route", "model", "period", "day", "basis"] {
        let ran = desk.run(&["spend", "show", "--by", by, "--period", "2026-11", "--json"]).ok();
        assert_eq!(ran.json()["total"]["cost"], NOVEMBER_TOTAL, "{by}");
        assert_eq!(ran.json()["total"]["calls"], 4, "{by}");
    }
    let days = desk.run(&["spend", "show", "--by", "day", "--json"]).ok().json();
    let named: Vec<_> = days["lines"].as_array().unwrap().iter().map(|line| &line["day"]).collect();
    // In New York; what ended or was booked in December counts on November's last day.
    assert_eq!(named, ["2026-11-01", "2026-11-02", "2026-11-30"]);
    let client =
        desk.run(&["spend", "show", "--by", "model", "--client", "checkout-api", "--json"]);
    assert_eq!(client.ok().json()["total"]["cost"], "0.251022826");
}

#[test]
fn sums_of_the_store_are_the_sums_of_the_entries() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    let show = |by: &str, more: &[&str]| {
        desk.run(&[&["spend", "show", "--json", "--by", by], more].concat()).ok().json()
    };
    // A range of days is read entry by entry, a period is not.
    let range = ["--since", "2026-11-01", "--until", "2026-11-30"];
    for by in ["client", "service", "route", "model", "basis"] {
        for filter in [&[][..], &["--budget", "acme"], &["--client", "checkout-api"]] {
            let read = show(by, &[&range[..], filter].concat());
            assert_eq!(
                show(by, &[&["--period", "2026-11"], filter].concat()),
                read,
                "{by} {filter:?}"
            );
            assert_eq!(show(by, filter), read, "{by} {filter:?}");
        }
    }
}

#[test]
fn a_ledger_can_be_looked_at_while_the_policy_is_broken() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    desk.write("policies/policy.json", "{");
    let ran = desk.run(&["spend", "show", "--period", "2026-11"]).ok();
    assert!(ran.err.contains("the policy does not check"), "{}", ran.err);
    assert!(ran.out.contains(NOVEMBER_TOTAL), "{}", ran.out);
}

#[test]
fn what_is_not_there_is_named() {
    let desk = Desk::new(&policy());
    desk.run(&["spend", "show"]).fails(1, "ledger.sqlite");
    let _serving = november().serve(&desk);
    desk.run(&["spend", "show", "--by", "day", "--period", "FY2031"])
        .fails(1, "no period \"FY2031\"");
    desk.run(&["spend", "show", "--since", "2026-11-30", "--until", "2026-11-01", "--by", "day"])
        .fails(1, "--since comes before --until");
    desk.run(&["spend", "show", "--period", "2026-11", "--since", "2026-11-01"])
        .fails(2, "--period");
}

#[test]
fn a_forecast_is_of_the_present_period_and_has_a_range() {
    let desk = Desk::new(&policy());
    let UnixMillis(now) = Clock::system().wall();
    let (starts, ends) = (now - 10 * DAY, now + 10 * DAY);
    let mut books = Books::new().in_period("sprint", starts, ends);
    for day in 0..10 {
        books.settle(starts + day * DAY + DAY / 2, call((day + 1) * 1_000_000_000, 0, 0));
    }
    let _serving = books.serve(&desk);
    let answer = desk.run(&["spend", "forecast", "--budget", "search-team", "--json"]).ok().json();
    let line = &answer["budgets"][0];
    assert_eq!(line["period"], "sprint");
    let amount = |field: &str| line[field].as_str().unwrap().parse::<f64>().unwrap();
    // Half of the time is over, but for the moment that the command took.
    assert!((109.9..=110.0).contains(&amount("expected")), "{line}");
    // Nine whole days, of which the third from below cost 3 or 4, and the third from above 7 or 8.
    assert!((84.9..=95.1).contains(&amount("low")), "{line}");
    assert!((124.9..=135.1).contains(&amount("high")), "{line}");
    assert_eq!(line["cap_reached"], serde_json::Value::Null);
}

#[test]
fn a_backup_is_made_while_serving_and_is_a_ledger() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    let copy = desk.path("copy.sqlite");
    let to = copy.to_str().unwrap();
    let ran = desk.run(&["spend", "backup", "--to", to, "--json"]).ok().json();
    assert_eq!(ran["last_entry"], 6);
    let agreement = Spend::open(&copy).unwrap().agreement().unwrap();
    assert!(agreement.len() == 2 && agreement.iter().all(|one| one.holds()));
    desk.run(&["spend", "backup", "--to", to]).fails(1, "there is a file of this name");
}

#[test]
fn a_correction_needs_a_person_or_yes_and_then_the_service() {
    let desk = Desk::new(&policy());
    let correct =
        ["spend", "correct", "--budget", "search-team", "--amount", "-12.50", "--why", "x"];
    desk.run(&correct).fails(1, "add --yes");
    let ran = desk.run(&[&correct[..], &["--yes", "--id", "refund-7"]].concat());
    let ran = ran.fails(1, "is the service running");
    assert!(ran.err.contains("--id refund-7"), "{}", ran.err);
    let nothing = ["spend", "correct", "--budget", "a", "--amount", "0.00", "--why", "x"];
    desk.run(&nothing).fails(2, "corrects nothing");
}
