//! `policy charge` against the shared cases: answers of real APIs, and what each must cost. A policy is
//! written for each, as a person would, and the built binary is asked.

use std::io::Write;

use base64::Engine;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use crate::desk::{Desk, Ran};

const CASES: &str = include_str!("../../../plugin/admission/tests/meter/usage_cases.json");
/// The hold of cases that name none.
const HOLD: u64 = 77_000_000;

fn cases() -> Vec<Value> {
    serde_json::from_str(CASES).unwrap()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_default()
}

/// Which profile a policy names for the API that the case is of; `None` if its route is free.
fn usage(case: &Value) -> Option<Value> {
    let header = |name: &str| Some(json!({ "header": { "name": name, "counts": "unit" } }));
    let provider = text(case, "provider").split(' ').next().unwrap();
    Some(json!(match (provider, text(case, "api")) {
        ("twilio", "Messages fetch") => return None,
        ("twilio", _) => return Some(json!({ "json": { "counts": { "unit": "num_segments" } } })),
        ("maps", _) => return Some(Value::Null),
        ("elevenlabs", _) => return header("character-cost"),
        ("scraping", _) => return header("scrape.do-request-cost"),
        ("azure-cosmos", _) => return header("x-ms-request-charge"),
        ("openai", "responses") => "openai-responses",
        ("openai", "images") => "openai-images",
        ("openai", "audio.transcriptions") => "openai-audio",
        ("anthropic" | "anthropic-compatible", _) => "anthropic-messages",
        ("gemini" | "vertex-gemini", _) => "gemini",
        ("bedrock", "InvokeModelWithResponseStream") => "bedrock-invoke",
        ("bedrock", _) => "bedrock-converse",
        ("dashscope-qwen", _) => "dashscope",
        ("deepseek" | "xai" | "openrouter" | "perplexity" | "cohere", _) => provider,
        (_, "chat.completions") => "openai-chat",
        other => panic!("no profile for {other:?}"),
    }))
}

/// A price in pico-units for one, as the policy writes it for so many.
fn money(picos: &Value, for_units: u128) -> String {
    let picos = u128::from(picos.as_u64().unwrap()) * for_units;
    let digits = format!("{:012}", picos % 1_000_000_000_000);
    format!("{}.{digits}", picos / 1_000_000_000_000)
        .trim_end_matches('0')
        .trim_end_matches('.')
        .into()
}

/// The fields of a policy for these prices.
fn prices(items: &Value) -> Map<String, Value> {
    let field = |(kind, picos): (&String, &Value)| {
        let (name, for_units) = match kind.as_str() {
            "web_search" => ("web_search_per_thousand".to_owned(), 1_000),
            "audio_second" => ("audio_per_second".to_owned(), 1),
            "unit" | "call" => (format!("per_{kind}"), 1),
            tokens => (format!("{tokens}_per_million"), 1_000_000),
        };
        (name, json!(money(picos, for_units)))
    };
    items.as_object().into_iter().flatten().map(field).collect()
}

fn model(case: &Value) -> Map<String, Value> {
    let listed = &case["prices"];
    let mut model = prices(&listed["items"]);
    model.insert("confirmed".into(), json!("the case has it so"));
    if let Some(variants) = listed["variants"].as_object() {
        let served = |(when, items): (&String, &Value)| (when.clone(), json!(prices(items)));
        model.insert("served".into(), Value::Object(variants.iter().map(served).collect()));
    }
    if let Some(tiers) = listed["tiers"].as_array() {
        let over = tiers.iter().map(|tier| {
            let mut over = prices(&tier["items"]);
            over.insert("total_input".into(), tier["total_input_over"].clone());
            if tier["inclusive"] == true {
                over.insert("inclusive".into(), json!(true));
            }
            over
        });
        model.insert("over".into(), json!(over.collect::<Vec<_>>()));
    }
    model
}

fn model_name(case: &Value) -> &str {
    case["expected"]["model"].as_str().unwrap_or("asked-for")
}

fn route(case: &Value) -> Value {
    let mut route = Map::from_iter([("match".to_owned(), json!("POST /**"))]);
    let Some(usage) = usage(case) else {
        route.insert("free".into(), json!("reads a price back"));
        return json!(route);
    };
    let reserve = case["request"]["reserve_nusd"].as_u64().unwrap_or(HOLD);
    if usage.is_string() && !case["prices"].is_null() {
        route.insert("prices".into(), json!("list"));
    } else {
        route.extend(prices(&case["prices"]["items"]));
    }
    if !usage.is_null() {
        route.insert("usage".into(), usage);
        route.insert("hold".into(), json!(money(&json!(reserve * 1_000), 1)));
    }
    if let Some(statuses) = case["prices"]["billable_statuses"].as_array() {
        route.insert("billable".into(), json!(statuses));
    }
    json!(route)
}

fn policy(case: &Value) -> Value {
    let mut policy = json!({
        "policy_version": 1,
        "organization": { "name": "acme", "currency": "USD", "time_zone": "UTC" },
        "services": { "api": {
            "purpose": "the case's", "cluster": "api", "hosts": ["api.example"],
            "credential": "api", "inject": { "as": "bearer" }, "routes": [route(case)],
        } },
    });
    if policy["services"]["api"]["routes"][0]["prices"] == "list" {
        let models = Map::from_iter([(model_name(case).to_owned(), json!(model(case)))]);
        policy["prices"] = json!({ "list": {
            "source": "the case", "effective_from": "2026-11-01", "models": models,
        } });
    }
    policy
}

fn body(case: &Value) -> Vec<u8> {
    match case["body_b64"].as_str() {
        Some(base64) => base64::engine::general_purpose::STANDARD.decode(base64).unwrap(),
        None => text(case, "body").into(),
    }
}

/// Where the path names the model, it does.
fn path(case: &Value) -> String {
    match usage(case) {
        Some(usage) if usage == "gemini" => {
            format!("/v1beta/models/{}:generateContent", model_name(case))
        }
        Some(usage) if text(&json!({ "u": usage }), "u").starts_with("bedrock") => {
            format!("/model/{}/converse", model_name(case))
        }
        _ => "/v1/any".into(),
    }
}

/// Asks the binary for the price of the case's answer, whose body is `body`.
fn charge(case: &Value, body: &[u8], more_headers: &str) -> Ran {
    let desk = Desk::new(&policy(case));
    let status = case["status"].to_string();
    let headers = case["headers"].as_object().cloned().unwrap_or_default();
    let mut head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: {}\r\n", text(case, "content_type"));
    for (name, value) in &headers {
        head.push_str(&format!("{name}: {}\r\n", value.as_str().unwrap()));
    }
    head.push_str(more_headers);
    desk.write("head", head + "\r\n");
    desk.write("body", body);
    desk.write("request", json!({ "model": model_name(case) }).to_string());
    let path = path(case);
    desk.run(&[
        "policy",
        "charge",
        "--json",
        "--policy",
        "policies",
        "--service",
        "api",
        "--route",
        "POST /**",
        "--path",
        &path,
        "--status",
        &status,
        "--headers",
        "head",
        "--body",
        "body",
        "--request",
        "request",
    ])
}

/// A count as the answer has it: a number, or decimal text where it is not whole.
fn count(case: &Value, kind: &str) -> Value {
    let count = case["expected"]["counts"][kind].as_u64().unwrap();
    let scale = case["expected"]["scale"][kind].as_u64().unwrap_or(1);
    match count.is_multiple_of(scale) {
        true => json!(count / scale),
        false => {
            let millionths = count * (1_000_000 / scale) % 1_000_000;
            json!(format!("{}.{millionths:06}", count / scale).trim_end_matches('0'))
        }
    }
}

fn check(case: &Value, answer: &Value) {
    let (id, expected) = (text(case, "id"), &case["expected"]);
    for (field, wanted) in [
        ("settle", &expected["settle"]),
        ("cost_nanos", &expected["cost_nusd"]),
        ("usage_complete", &expected["usage_complete"]),
        ("total_input", &expected["total_input"]),
    ] {
        assert_eq!(&answer[field], wanted, "{id}: {field} of {answer:#}");
    }
    for field in ["model", "variant"] {
        if !expected[field].is_null() {
            assert_eq!(answer[field], expected[field], "{id}: {field}");
        }
    }
    let wanted: Map<String, Value> = expected["counts"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, count)| **count != 0)
        .map(|(kind, _)| (kind.clone(), count(case, kind)))
        .collect();
    assert_eq!(answer["counts"], Value::Object(wanted), "{id}");
    for wrong in case["known_wrong"].as_array().into_iter().flatten() {
        assert_ne!(answer["cost_nanos"], wrong["cost_nusd"], "{id}: {}", wrong["bug"]);
    }
}

#[test]
fn every_shared_case_costs_what_it_must() {
    let cases = cases();
    assert_eq!(cases.len(), 61);
    for case in &cases {
        check(case, &charge(case, &body(case), "").ok().json());
    }
}

#[test]
fn a_body_that_came_compressed_is_read_as_its_headers_say() {
    let cases = cases();
    for id in ["oai-chat-cached-reasoning", "brk-converse-eventstream"] {
        let case = cases.iter().find(|case| case["id"] == id).unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&body(case)).unwrap();
        let ran = charge(case, &gzip.finish().unwrap(), "content-encoding: gzip\r\n");
        check(case, &ran.ok().json());
    }
}

fn chat() -> (Desk, Vec<u8>) {
    let cases = cases();
    let case = cases.iter().find(|case| case["id"] == "oai-chat-cached-reasoning").unwrap();
    let desk = Desk::new(&policy(case));
    desk.write("head", "content-type: application/json\n");
    (desk, body(case))
}

#[test]
fn people_read_the_products_and_the_body_may_be_standard_input() {
    let (desk, body) = chat();
    let arguments = [
        "policy",
        "charge",
        "--service",
        "api",
        "--route",
        "POST /v1/chat",
        "--status",
        "200",
        "--headers",
        "head",
        "--body",
        "-",
    ];
    let ran = desk.run_with(&arguments, &body).ok();
    assert_eq!(
        ran.out,
        "0.0063175 USD, settled by the usage that the answer reports (usage)\n  \
         263 input at 0.0000025 is 0.0006575\n  \
         2048 cache_read at 0.00000125 is 0.00256\n  \
         310 output at 0.00001 is 0.0031\n  \
         model gpt-x\n"
    );
    let cut =
        desk.run_with(&[&arguments[..], &["--cut-off", "--hold", "0.5", "--json"]].concat(), b"{");
    let answer = cut.ok().json();
    assert_eq!((&answer["settle"], &answer["cost"]), (&json!("reserve"), &json!("0.50")));
    assert_eq!(answer["hold"], "0.50");
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let (desk, body) = chat();
    desk.write("body", body);
    desk.write("broken", "content-type: application/json\nno colon here\n");
    let run = |service: &str, route: &str, headers: &str, body: &str| {
        desk.run(&[
            "policy",
            "charge",
            "--service",
            service,
            "--route",
            route,
            "--status",
            "200",
            "--headers",
            headers,
            "--body",
            body,
        ])
    };
    run("apy", "POST /**", "head", "body").fails(1, "did you mean \"api\"?");
    run("api", "GET /v1", "head", "body").fails(1, "it has \"POST /**\"");
    run("api", "POST /**", "none", "body").fails(1, "cannot read none");
    run("api", "POST /**", "broken", "body").fails(1, "broken, line 2: expected a header");
    run("api", "POST /**", "-", "-").fails(1, "only one file can be that");
}
