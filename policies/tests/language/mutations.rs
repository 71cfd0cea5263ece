//! Whatever somebody does to a good policy: the reader answers, and the schema agrees with the
//! answer.

use policies::load;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::schema::{only_parser_knows, validator};
use crate::{cases, single};

/// Values that stand in a policy, or nearly.
fn odd_value() -> impl Strategy<Value = Value> {
    let texts = prop::sample::select(vec![
        "",
        " ",
        "openai",
        "OpenAI",
        "unlimited",
        "api.openai.com",
        "a.b:8080",
        "a.b:0",
        "host",
        "x-api-key",
        "X-Api-Key",
        "x-envoy-a",
        "Token",
        "Token ",
        "key",
        "a=b",
        "GET /",
        "GET /**",
        "* /v1/*/x",
        "get /",
        "GET /a/../b",
        "GET /%2F",
        "GET /%20",
        "second",
        "day",
        "watch",
        "bearer",
        "query",
        "header",
        "basic",
        "2027-03-31",
        "2027-02-30",
        "2027-13-01",
        "02-29",
        "12-31",
        "UTC",
        "Mars/Olympus",
        "USD",
        "usd",
        "monday",
        "sha256:00",
        "0",
        "0.25",
        "0.00",
        "0,25",
        "$5",
        "1e-7",
        "-1",
        ".5",
        "007",
        "0.00000025",
        "0.000003",
        "250000",
        "9000000000",
        "8999999999.999999999",
        "0.0000000001",
        "12345678",
        "worst",
        "50%",
        "80%",
        "0%",
        "1000%",
        "1001%",
        "2xx",
        "6xx",
        "400-410",
        "410-400",
        "month",
        "quarter",
        "openai-chat",
        "openrouter",
        "openai-2026-11",
        "acme",
        "gpt-5-mini",
        "gpt 5",
        "usage.credits",
        "usage[0]",
        "service_tier=flex",
        "unit",
        "a\nb",
        "é",
    ]);
    prop_oneof![
        texts.prop_map(Value::from),
        "(GET|POST|[*]|-|get) (/([a-z]{0,2}|[*]{1,3}|[.]{1,2}|%[0-9A-Fa-f]{2}|[!-~]{2})){0,4}"
            .prop_map(Value::from),
        "[a-z0-9.:_-]{0,12}".prop_map(Value::from),
        "[ -~é]{0,8}".prop_map(Value::from),
        (-2i64..5).prop_map(Value::from),
        prop::sample::select(vec![json!(20.0), json!(0.5), json!(1e12), json!(1e13), json!(1e300)]),
        prop::sample::select(vec![json!(404), json!(200000), json!(0.25), json!(1e9), json!(1e10)]),
        prop::sample::select(vec![
            json!({ "json": { "counts": { "unit": "usage.credits" } } }),
            json!({ "json": { "cost": "cost" } }),
            json!({ "header": { "name": "x-cost", "cost": true } }),
            json!({ "header": { "name": "x-cost", "counts": "unit" } }),
            json!({ "per_call": "0.01" }),
            json!({ "match": "GET /x", "per_call": "0.01" }),
            json!({ "cap": "1.00", "within": "acme" }),
            json!({ "input_per_million": "0.25" }),
            json!({ "total_input": 10, "per_call": "1" }),
            json!(["2xx", 404]),
            json!(["50%", "80%"]),
            json!(["gpt-5-mini"]),
        ]),
        prop::sample::select(vec![json!(null), json!(true), json!([]), json!({}), json!([{}])]),
    ]
}

fn odd_name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "$schema",
        "policy_version",
        "organization",
        "services",
        "clients",
        "name",
        "currency",
        "week_starts",
        "purpose",
        "cluster",
        "hosts",
        "credential",
        "inject",
        "routes",
        "limits",
        "owner",
        "expires",
        "known_by",
        "may_use",
        "match",
        "requests",
        "per",
        "burst",
        "concurrent",
        "mode",
        "as",
        "prefix",
        "key",
        "budget",
        "prices",
        "budgets",
        "unlisted",
        "free",
        "usage",
        "hold",
        "hold_output_tokens",
        "per_call",
        "per_unit",
        "audio_per_second",
        "audio_per_minute",
        "audio_per_hour",
        "per_gigabyte_in",
        "per_gigabyte_out",
        "per_gibibyte_out",
        "count_in_steps_of",
        "billable",
        "json",
        "header",
        "counts",
        "cost",
        "model",
        "source",
        "effective_from",
        "models",
        "input_per_million",
        "output_per_million",
        "web_search_per_thousand",
        "also",
        "over",
        "served",
        "confirmed",
        "total_input",
        "inclusive",
        "cap",
        "every",
        "from",
        "until",
        "within",
        "alert_at",
        "openai",
        "Open AI",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "[ -~]{0,6}"]
}

#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Remove,
    Add(String, Value),
    Repeat,
}

fn change() -> impl Strategy<Value = (Index, Change)> {
    let change = prop_oneof![
        4 => odd_value().prop_map(Change::Replace),
        1 => Just(Change::Remove),
        2 => (odd_name(), odd_value()).prop_map(|(name, value)| Change::Add(name, value)),
        1 => Just(Change::Repeat),
    ];
    (any::<Index>(), change)
}

/// How many values there are in it, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(entries) => entries.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value that is the `place`th of all; counts down on the way.
fn mutate(value: &mut Value, place: &mut usize, change: &Change) -> bool {
    if *place == 0 {
        apply(value, change);
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(entries) => entries.iter_mut().any(|one| mutate(one, place, change)),
        Value::Object(members) => members.values_mut().any(|one| mutate(one, place, change)),
        _ => false,
    }
}

fn apply(value: &mut Value, change: &Change) {
    match (change, value) {
        (Change::Add(name, added), Value::Object(members)) => {
            members.insert(name.clone(), added.clone());
        }
        (Change::Add(_, added), Value::Array(entries)) => entries.push(added.clone()),
        (Change::Remove, Value::Object(members)) => {
            if let Some(first) = members.keys().next().cloned() {
                members.remove(&first);
            }
        }
        (Change::Remove, Value::Array(entries)) => {
            entries.pop();
        }
        (Change::Repeat, Value::Array(entries)) => entries.extend(entries.first().cloned()),
        (Change::Replace(new), value) => *value = new.clone(),
        _ => {}
    }
}

fn sample_documents() -> Vec<Value> {
    let cases = cases("samples");
    let files = cases.iter().flat_map(|case| &case.files);
    files.map(|file| serde_json::from_str(&file.text).unwrap()).collect()
}

#[test]
fn the_schema_agrees_on_every_change_of_a_sample() {
    let schema = validator();
    let samples = sample_documents();
    let changes = prop::collection::vec(change(), 1..4);
    let config = ProptestConfig::with_cases(4000);
    proptest!(config, |(sample in prop::sample::select(samples), changes in changes)| {
        let mut document = sample;
        for (place, change) in changes {
            let mut place = place.index(count(&document));
            mutate(&mut document, &mut place, &change);
        }
        let text = serde_json::to_string_pretty(&document).unwrap();
        // What a person writes, and so what both are asked about.
        let document: Value = serde_json::from_str(&text).unwrap();
        let good_by_schema = schema.is_valid(&document);
        match load(&single(text.clone())) {
            Ok(_) => prop_assert!(good_by_schema, "only the parser accepts\n{text}"),
            Err(errors) => prop_assert_eq!(
                good_by_schema,
                only_parser_knows(&errors),
                "{}\n{}",
                errors,
                text
            ),
        }
    });
}

proptest! {
    #[test]
    fn a_damaged_text_is_answered(
        case in any::<Index>(), place in any::<Index>(), cut in 0usize..12,
        put in "[ -~\\n\"{}\\[\\],:é\u{1}\u{a0}]{0,6}",
    ) {
        let cases = cases("samples");
        let text = &case.get(&cases).files[0].text;
        let start = text.floor_char_boundary(place.index(text.len()));
        let end = text.floor_char_boundary((start + cut).min(text.len())).max(start);
        let damaged = format!("{}{put}{}", &text[..start], &text[end..]);
        let answer = load(&single(damaged.clone()));
        if serde_json::from_str::<Value>(&damaged).is_err() {
            prop_assert!(answer.is_err());
        }
        if let Err(errors) = answer {
            prop_assert!(errors.to_string().len() > 20);
        }
    }

    #[test]
    fn any_text_is_answered(text in "[\\[\\]{}:,\"'a0\\\\u/* \\n-]{0,60}") {
        let answer = load(&single(text));
        prop_assert!(answer.is_err());
    }
}
