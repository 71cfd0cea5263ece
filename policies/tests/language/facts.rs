//! What does the sidecar learn from a policy?

use policies::{Policy, load};
use wire::facts::Inject;
use wire::ids::{ClientKeyDigest, ClientName};
use wire::units::{Millis, UnixMillis};

use crate::{cases, single};

fn sample(name: &str) -> Policy {
    let case = cases("samples").into_iter().find(|case| case.name == name);
    load(&case.unwrap().files).unwrap()
}

fn client(name: &str) -> ClientName {
    ClientName::parse(name).unwrap()
}

/// A policy whose one client ends on `expires`, in `zone`.
fn policy_in(zone: &str, expires: &str) -> Policy {
    let text = format!(
        r#"{{
          "policy_version": 1,
          "organization": {{ "name": "acme", "currency": "USD", "time_zone": "{zone}" }},
          "services": {{ "s": {{ "cluster": "c", "hosts": ["h"], "credential": "k",
            "inject": {{ "as": "bearer" }}, "routes": [{{ "match": "GET /", "free": "no" }}] }} }},
          "clients": {{ "a": {{ "owner": "o", "may_use": {{}}, "expires": "{expires}" }} }}
        }}"#
    );
    load(&single(text)).unwrap()
}

#[test]
fn the_plugin_is_told_every_service() {
    let policy = sample("every-way-to-inject");
    let facts = policy.plugin_facts();
    assert_eq!(&facts.version, policy.version());
    assert_eq!(&*facts.organization, "acme");
    let injections: Vec<Inject> = facts.services.iter().map(|one| one.inject.clone()).collect();
    let header = |name: &str, prefix: Option<&str>| Inject::Header {
        name: name.into(),
        prefix: prefix.map(Into::into),
    };
    let query = Inject::Query { name: "key".into() };
    assert_eq!(
        injections,
        [
            header("x-api-key", None),
            header("authorization", Some("DeepL-Auth-Key ")),
            query,
            Inject::Basic,
            Inject::Bearer
        ]
    );
    let routes: Vec<String> =
        facts.services[0].routes.iter().map(|route| route.pattern.to_string()).collect();
    assert_eq!(routes, ["POST /v1/messages", "GET /v1/models/*"]);
}

#[test]
fn a_client_is_told_with_its_uses_and_its_end() {
    let policy = sample("every-way-to-inject");
    let name = client("support-desk");
    // The whole of 2027-03-31 in Berlin, where it is summer time by then.
    let end = UnixMillis(1_806_530_400_000);
    assert_eq!(policy.client_expires(&name), Some(end));
    let facts = policy.client_facts(&name, UnixMillis(end.0 - 5)).unwrap();
    assert_eq!(facts.expires_ms, Some(Millis(5)));
    assert_eq!(facts.owner, "support@acme.example");
    assert_eq!(facts.uses[0].service.as_str(), "anthropic");
    assert_eq!(facts.uses[0].routes, Some(vec![0]));
    assert_eq!(facts.uses[1].routes, None);
    let late = policy.client_facts(&name, UnixMillis(end.0 + 5)).unwrap();
    assert_eq!(late.expires_ms, Some(Millis::ZERO));
    assert!(policy.client_facts(&client("nobody"), end).is_none());
}

#[test]
fn a_key_in_the_policy_names_its_client() {
    let policy = sample("every-way-to-inject");
    let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let digest = ClientKeyDigest::from_hex(hex).unwrap();
    assert_eq!(policy.client_of(&digest), Some(&client("support-desk")));
    assert_eq!(policy.client_of(&ClientKeyDigest([0; 32])), None);
}

#[test]
fn every_limit_has_its_name_and_its_rule() {
    let limits: Vec<String> = sample("every-way-to-inject")
        .limits()
        .map(|(key, rule)| format!("{key}: {rule}"))
        .collect();
    assert_eq!(
        limits,
        [
            "service/anthropic/requests-per-minute: 4000 requests per minute",
            "service/speech/concurrent: 16 concurrent requests",
            "client/store-finder/geocoding/requests-per-second: 5 requests per second",
            "client/support-desk/anthropic/requests-per-minute: 60 requests per minute",
            "client/support-desk/anthropic/requests-per-day: 5000 requests per day",
            "client/support-desk/sms/requests-per-hour: 200 requests per hour",
        ]
    );
}

#[test]
fn a_burst_that_is_not_written_is_the_amount() {
    use wire::limit::LimitRule::Requests;
    let bursts: Vec<u64> = sample("teams")
        .limits()
        .filter_map(|(_, rule)| match rule {
            Requests { burst, .. } => Some(burst),
            _ => None,
        })
        .collect();
    assert_eq!(bursts, [300, 40, 500_000, 50]);
}

#[test]
fn days_are_as_long_as_the_zone_makes_them() {
    let new_york = policy_in("America/New_York", "2027-01-01");
    // 2026-03-07 12:00 UTC: the clocks go forward in the night that begins the next day but one.
    let from = UnixMillis(1_772_884_800_000);
    let starts = new_york.day_boundaries(from, 3);
    assert_eq!(starts[0], UnixMillis(1_772_946_000_000), "2026-03-08 00:00 -05:00");
    assert_eq!(starts[1].since(starts[0]), Millis(23 * 3_600_000));
    assert_eq!(starts[2].since(starts[1]), Millis(24 * 3_600_000));
    // 2026-11-01 is the long one.
    let starts = new_york.day_boundaries(UnixMillis(1_793_448_000_000), 2);
    assert_eq!(starts[1].since(starts[0]), Millis(25 * 3_600_000));
}

#[test]
fn a_boundary_is_strictly_after_the_instant_asked_about() {
    let utc = policy_in("UTC", "2027-01-01");
    let midnight = UnixMillis(86_400_000);
    assert_eq!(utc.day_boundaries(midnight, 1), [UnixMillis(2 * 86_400_000)]);
    assert_eq!(utc.day_boundaries(UnixMillis(midnight.0 - 1), 1), [midnight]);
    assert_eq!(utc.day_boundaries(midnight, 0), []);
}

#[test]
fn a_day_that_has_no_midnight_begins_after_the_gap() {
    // 2018-11-04 began at 01:00 in Sao Paulo.
    let policy = policy_in("America/Sao_Paulo", "2027-01-01");
    let starts = policy.day_boundaries(UnixMillis(1_541_246_400_000), 1);
    assert_eq!(starts, [UnixMillis(1_541_300_400_000)]);
}

#[test]
fn a_day_that_never_was_has_no_boundary() {
    // Samoa had no 2011-12-30: the 29th is followed by the 31st.
    let policy = policy_in("Pacific/Apia", "2027-01-01");
    let starts = policy.day_boundaries(UnixMillis(1_325_152_800_000), 2);
    assert_eq!(starts[0], UnixMillis(1_325_239_200_000), "2011-12-31 00:00 +14:00");
    assert_eq!(starts[1].since(starts[0]), Millis(86_400_000));
}

#[test]
fn the_ends_of_the_calendar_are_answered() {
    let utc = policy_in("UTC", "2999-12-31");
    assert_eq!(utc.client_expires(&client("a")), Some(UnixMillis(32_503_680_000_000)));
    assert_eq!(utc.day_boundaries(UnixMillis(u64::MAX), 9), []);
    assert!(utc.day_boundaries(UnixMillis(253_402_200_000_000), 9).len() <= 1);
    assert!(utc.day_boundaries(UnixMillis(0), usize::MAX).len() < 10_000);
}

#[test]
fn the_same_files_in_another_order_are_the_same_policy() {
    let case = cases("samples").into_iter().find(|case| case.name == "teams").unwrap();
    let mut files = case.files.clone();
    files.reverse();
    let (one, other) = (load(&case.files).unwrap(), load(&files).unwrap());
    assert_eq!(one.version(), other.version());
    let names = |policy: &Policy| policy.clients().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
}
