//! The shared cases: answers of real APIs, with made-up numbers, and what each must cost.
//!
//! Each is read whole, in every two-part split, byte by byte, and all that again compressed. Bodies are
//! under 2,000 bytes, so every split of all of them is some tens of megabytes.

use admission::ask::Asked;
use admission::meter::Bill;
use base64::Engine;
use serde_json::{Map, Value, json};
use wire::budget::Basis;
use wire::usage::Kind;

use crate::route::{Answer, HOLD, Ready, Route};

const CASES: &str = include_str!("usage_cases.json");

fn cases() -> Vec<Value> {
    serde_json::from_str(CASES).unwrap()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_default()
}

/// What policy would say of the API that the case is of; `None` if it would call the route free.
fn usage(case: &Value) -> Option<Value> {
    let (provider, api) = (text(case, "provider"), text(case, "api"));
    let profile = match (provider.split(' ').next().unwrap(), api) {
        ("twilio", "Messages fetch") => return None,
        ("twilio", _) => return Some(json!({"json": {"counts": [["unit", "num_segments"]]}})),
        ("maps", _) => return Some(Value::Null),
        ("openai", "responses") => "openai-responses",
        ("openai", "images") => "openai-images",
        ("openai", "audio.transcriptions") => "openai-audio",
        ("deepseek", _) => "deepseek",
        ("xai", _) => "xai",
        ("openrouter", _) => "openrouter",
        ("perplexity", _) => "perplexity",
        ("dashscope-qwen", _) => "dashscope",
        ("anthropic" | "anthropic-compatible", _) => "anthropic-messages",
        ("gemini" | "vertex-gemini", _) => "gemini",
        ("bedrock", "InvokeModelWithResponseStream") => "bedrock-invoke",
        ("bedrock", _) => "bedrock-converse",
        ("cohere", _) => "cohere",
        ("elevenlabs", _) => return Some(header("character-cost")),
        ("scraping", _) => return Some(header("scrape.do-request-cost")),
        ("azure-cosmos", _) => return Some(header("x-ms-request-charge")),
        (_, "chat.completions") => "openai-chat",
        other => panic!("no route for {other:?}"),
    };
    Some(json!({"api": profile}))
}

fn header(name: &str) -> Value {
    json!({"header": {"name": name, "counts": "unit"}})
}

fn items(object: &Value) -> Vec<Value> {
    let object = object.as_object().cloned().unwrap_or_default();
    object.into_iter().map(|(kind, picos)| json!([kind, picos])).collect()
}

fn route(case: &Value, usage: Value) -> Route {
    let prices = &case["prices"];
    let by_model = usage.get("api").is_some() && !prices.is_null();
    let model = case["expected"]["model"].as_str().unwrap_or("asked-for");
    let variants: Vec<Value> = prices["variants"]
        .as_object()
        .unwrap_or(&Map::new())
        .iter()
        .map(|(when, priced)| json!({"when": when, "items": items(priced)}))
        .collect();
    let tiers: Vec<Value> = prices["tiers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tier| {
            json!({
                "total_input": tier["total_input_over"],
                "inclusive": tier["inclusive"].as_bool().unwrap_or(false),
                "items": items(&tier["items"]),
            })
        })
        .collect();
    let hold = case["request"]["reserve_nusd"].as_u64().unwrap_or(HOLD);
    let mut tariff = json!({"hold": {"amount": hold}});
    if !usage.is_null() {
        tariff["usage"] = usage;
    }
    if by_model {
        tariff["prices"] = json!("list");
    } else {
        let rates = prices["items"].as_object().cloned().unwrap_or_default();
        tariff["rates"] =
            rates.into_iter().map(|(kind, picos)| json!({"kind": kind, "picos": picos})).collect();
    }
    if let Some(statuses) = prices["billable_statuses"].as_array() {
        tariff["billable"] = statuses
            .iter()
            .map(|status| match status.as_u64() {
                None => json!({"from": 200, "to": 299}),
                Some(status) => json!({"from": status, "to": status}),
            })
            .collect();
    }
    let listed = json!({"model": model, "items": items(&prices["items"]), "variants": variants,
        "tiers": tiers});
    Route {
        tariff,
        models: if by_model { vec![listed] } else { Vec::new() },
        asked: Asked { model: by_model.then(|| model.into()), ..Asked::default() },
        hold,
    }
}

fn answer(case: &Value) -> Answer {
    let body = match case["body_b64"].as_str() {
        Some(base64) => base64::engine::general_purpose::STANDARD.decode(base64).unwrap(),
        None => text(case, "body").into(),
    };
    let status = case["status"].as_u64().unwrap();
    let answer = Answer::new(text(case, "content_type"), body).status(status as u16);
    let headers = case["headers"].as_object().cloned().unwrap_or_default();
    headers
        .iter()
        .fold(answer, |answer, (name, value)| answer.header(name, value.as_str().unwrap()))
}

fn check(case: &Value, bill: &Bill) {
    let (id, expected) = (text(case, "id"), &case["expected"]);
    let basis = Basis::ALL.iter().find(|basis| basis.as_str() == text(expected, "settle"));
    assert_eq!(Some(&bill.basis), basis, "{id}: {:?}", bill.notes);
    assert_eq!(Some(bill.cost.0), expected["cost_nusd"].as_u64(), "{id}: {:?}", bill.rows);
    assert_eq!(Some(bill.usage_complete), expected["usage_complete"].as_bool(), "{id}");
    assert_eq!(Some(bill.total_input), expected["total_input"].as_u64(), "{id}");
    if let Some(model) = expected["model"].as_str() {
        assert_eq!(bill.model.as_deref(), Some(model), "{id}");
    }
    assert_eq!(bill.variant.as_deref(), expected["variant"].as_str(), "{id}");
    if let Some(picos) = expected["cost_pusd"].as_u64() {
        assert_eq!(bill.picos, Some(u128::from(picos)), "{id}");
    }
    if let Some(measured) = expected["measured_nusd"].as_u64() {
        assert_eq!(bill.measured.map(|cost| cost.0), Some(measured), "{id}");
    }
    let wanted: Vec<(Kind, u64)> = Kind::ALL
        .iter()
        .filter_map(|kind| {
            let count = expected["counts"][kind.as_str()].as_u64().filter(|count| *count > 0)?;
            let scale = expected["scale"][kind.as_str()].as_u64().unwrap_or(1);
            Some((*kind, count * 1_000_000 / scale))
        })
        .collect();
    let counted: Vec<(Kind, u64)> =
        bill.counts.iter().map(|(kind, amount)| (*kind, amount.0)).collect();
    assert_eq!(counted, wanted, "{id}");
    for wrong in case["known_wrong"].as_array().into_iter().flatten() {
        assert_ne!(Some(bill.cost.0), wrong["cost_nusd"].as_u64(), "{id}: {}", wrong["bug"]);
    }
}

/// Runs what it is given for each case whose route is not free.
fn each(run: impl Fn(&Value, &Ready, Answer)) {
    let cases = cases();
    assert_eq!(cases.len(), 61);
    let mut free = 0;
    for case in &cases {
        match usage(case) {
            Some(usage) => run(case, &route(case, usage).ready(), answer(case)),
            None => free += 1,
        }
    }
    assert_eq!(free, 1);
}

#[test]
fn each_case_costs_what_it_must() {
    each(|case, route, answer| check(case, &route.bill_for(&answer, &[&answer.body], true)));
}

#[test]
fn in_every_two_parts_and_byte_by_byte() {
    each(|case, route, answer| {
        for cut in 0..answer.body.len() {
            let (left, right) = answer.body.split_at(cut);
            check(case, &route.bill_for(&answer, &[left, right], true));
        }
        let bytes: Vec<&[u8]> = answer.body.chunks(1).collect();
        check(case, &route.bill_for(&answer, &bytes, true));
    });
}

#[test]
fn and_all_the_same_compressed() {
    each(|case, route, answer| {
        for answer in [answer.clone().zlib(), answer.clone().bare_deflate(), answer.clone().gzip()]
        {
            check(case, &route.bill_for(&answer, &[&answer.body], true));
            let bytes: Vec<&[u8]> = answer.body.chunks(1).collect();
            check(case, &route.bill_for(&answer, &bytes, true));
        }
        let answer = answer.gzip();
        for cut in 0..answer.body.len() {
            let (left, right) = answer.body.split_at(cut);
            check(case, &route.bill_for(&answer, &[left, right], true));
        }
    });
}

/// A body that is cut off says nothing more than it did: never less than the hold, unless all was said.
#[test]
fn what_is_cut_off_is_charged_the_hold_at_least() {
    each(|case, route, answer| {
        let id = text(case, "id");
        let status = case["status"].as_u64().unwrap();
        if !(200..300).contains(&status) {
            return;
        }
        let whole = route.bill_for(&answer, &[&answer.body], true);
        for len in (0..answer.body.len()).step_by(7) {
            let bill = route.bill_for(&answer, &[&answer.body[..len]], false);
            assert!(bill.cost.0 >= route.hold.min(whole.cost).0, "{id}: {len} {bill:?}");
            assert_eq!(bill.usage_complete, !bill.basis.is_estimate(), "{id}");
        }
    });
}

#[test]
fn a_price_that_is_read_back_is_free_by_policy_and_a_cost_where_policy_says_so() {
    let cases = cases();
    let case = cases.iter().find(|case| case["id"] == "twilio-price-readback").unwrap();
    let tariff = json!({"usage": {"json": {"cost": "price"}}, "hold": {"amount": HOLD}});
    let bill = Route::with_tariff(tariff).bill(&answer(case));
    assert_eq!((bill.basis, bill.cost.0), (Basis::ProviderCost, 15_800_000));
}
