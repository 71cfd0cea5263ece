//! Does any input bring the reader down, or keep it busy?
//!
//! Each of these took minutes, a crash or gigabytes in a reader that was written without this test
//! in mind: they end because the work is bounded, so the test needs no clock.

use policies::{PolicyErrors, load};

use crate::single;

fn errors_of(text: String) -> PolicyErrors {
    load(&single(text)).unwrap_err()
}

fn codes(errors: &PolicyErrors) -> Vec<String> {
    let json = serde_json::to_value(errors).unwrap();
    let errors = json["errors"].as_array().unwrap().iter();
    errors.map(|error| error["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn brackets_without_end_overflow_no_stack() {
    for text in [
        "[".repeat(100_000),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        r#"{"a":"#.repeat(100_000),
        format!("{{\"a\": '\"' {}", "[".repeat(100_000)),
        format!("/* \" */ {}", "[".repeat(100_000)),
    ] {
        let errors = errors_of(text);
        assert_eq!(errors.count(), 1, "{errors}");
    }
}

#[test]
fn a_million_mistakes_are_counted_and_a_thousand_shown() {
    let text = format!(
        r#"{{ "policy_version": 1, "services": [], "clients": {{ {} "z": 0 }} }}"#,
        r#""A": 1, "#.repeat(100_000)
    );
    let errors = errors_of(text);
    assert!(errors.count() > 100_000);
    assert_eq!(errors.as_slice().len(), 1000);
    assert!(errors.to_string().contains("are not shown"));
}

#[test]
fn near_names_are_not_searched_without_end() {
    let name = |number: usize| format!("{}{number:05}", "x".repeat(50));
    let services: Vec<String> = (0..1000).map(|n| format!(r#""{}": {{}}"#, name(n))).collect();
    let uses: Vec<String> = (5000..9000).map(|n| format!(r#""{}": {{}}"#, name(n))).collect();
    let text = format!(
        r#"{{ "policy_version": 1, "services": {{ {} }}, 
             "clients": {{ "a": {{ "may_use": {{ {} }} }} }} }}"#,
        services.join(","),
        uses.join(",")
    );
    assert!(errors_of(text).count() > 4000);
}

#[test]
fn one_endless_line_is_named_and_not_shown() {
    let text = format!(r#"{{ "policy_version": 1, {}"clientz": 0 }}"#, " ".repeat(1 << 20));
    let errors = errors_of(text).to_string();
    assert!(errors.contains("policy.json:1:1048600"), "{errors}");
    assert!(errors.len() < 2000);
}

#[test]
fn a_list_with_too_many_entries_is_one_mistake() {
    let routes = r#"{"match": "GET /a", "free": "no"},"#.repeat(300);
    let text = format!(
        r#"{{ "policy_version": 1, "services": {{ "s": {{ "routes": [{routes} 0] }} }} }}"#
    );
    assert_eq!(codes(&errors_of(text)).iter().filter(|code| *code == "too-many").count(), 1);
}

#[test]
fn services_that_no_filter_could_hold_are_refused() {
    let routes: Vec<String> = (0..250)
        .map(|n| format!(r#"{{"match": "GET /{}/{n}", "free": "no"}}"#, "p".repeat(500)))
        .collect();
    let service = format!(
        r#"{{ "cluster": "c", "hosts": ["h"], "credential": "k",
            "inject": {{"as": "basic"}}, "routes": [{}] }}"#,
        routes.join(",")
    );
    let services: Vec<String> = (0..20).map(|n| format!(r#""s{n}": {service}"#)).collect();
    let text = format!(
        r#"{{ "policy_version": 1, 
            "organization": {{ "name": "a", "currency": "USD", "time_zone": "UTC" }},
            "services": {{ {} }} }}"#,
        services.join(",")
    );
    assert_eq!(codes(&errors_of(text)), ["too-large"]);
}

#[test]
fn budgets_in_a_long_chain_or_circle_are_answered() {
    let chain = |first: &str| {
        let budgets: Vec<String> = (1..20_000)
            .map(|n| format!(r#""b{n}": {{ "cap": "1", "within": "b{}" }}"#, n - 1))
            .collect();
        format!(
            r#"{{ "policy_version": 1, "budgets": {{ "b0": {{ "cap": "1", {first} }}, {} }} }}"#,
            budgets.join(",")
        )
    };
    let errors = codes(&errors_of(chain(r#""owner": "o""#)));
    assert_eq!(errors.iter().filter(|code| *code == "budget-cycle").count(), 1, "too deep once");
    let circle = errors_of(chain(r#""within": "b19999""#));
    assert_eq!(codes(&circle).iter().filter(|code| *code == "budget-cycle").count(), 1);
    assert!(circle.to_string().len() < 4000);
}

#[test]
fn clients_with_many_models_are_answered() {
    let models: Vec<String> =
        (0..5_000).map(|n| format!(r#""m{n}": {{ "input_per_million": "1" }}"#)).collect();
    let clients: Vec<String> = (0..5_000)
        .map(|n| {
            format!(
                r#""c{n}": {{ "owner": "o", "budget": "b",
                    "may_use": {{ "s": {{ "models": ["m{n}"] }} }} }}"#
            )
        })
        .collect();
    let text = format!(
        r#"{{
          "policy_version": 1,
          "organization": {{ "name": "a", "currency": "USD", "time_zone": "UTC" }},
          "services": {{ "s": {{ "cluster": "c", "hosts": ["h"], "credential": "k",
            "inject": {{ "as": "basic" }}, "routes": [{{ "match": "POST /",
              "usage": "openai-chat", "prices": "p", "hold": "1" }}] }} }},
          "prices": {{ "p": {{ "source": "s", "models": {{ {} }} }} }},
          "budgets": {{ "b": {{ "cap": "1", "owner": "o" }} }},
          "clients": {{ {} }}
        }}"#,
        models.join(","),
        clients.join(",")
    );
    assert!(load(&single(text)).is_ok());
}

#[test]
fn no_files_are_no_policy() {
    assert_eq!(codes(&load(&[]).unwrap_err()), ["no-files"]);
}

#[test]
fn a_byte_order_mark_is_explained() {
    let errors = errors_of("\u{feff}{}".into()).to_string();
    assert!(errors.contains("byte order mark"), "{errors}");
}
