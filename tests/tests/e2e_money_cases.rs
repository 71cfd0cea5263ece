//! Do all known answers settle to the nano when they stream through the real Envoy?
//!
//! Each case is a route of one policy; the upstream gives its answer whole, in pieces, and packed with
//! gzip. The ledger's own record is what is compared. The command line prices the same answers.

#![expect(clippy::unwrap_used, reason = "a helper of a test stops where the test would")]

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tollkeeper_tests::books::{Books, Settled};
use tollkeeper_tests::cases::{self, Case};
use tollkeeper_tests::client::Call;
use tollkeeper_tests::shared::Shared;
use tollkeeper_tests::upstream::{Script, Seen};
use tollkeeper_tests::world::{World, digest, policy, until_answered};
use wire::client_key;

/// How the upstream is to give an answer; travels in this header.
const MANNER: &str = "x-manner";

static WORLD: Shared<World> = Shared::new();

fn key() -> String {
    client_key::issue(&[3; 32]).to_string()
}

fn rules(cases: &[Case]) -> Value {
    let mut rules = policy(&json!({ "caller": {
        "owner": "search@acme.example", "purpose": "a test", "budget": "team",
        "may_use": { "openai": {} }, "known_by": [{ "key": digest(&key()) }],
    }}));
    rules["budgets"] =
        json!({ "team": { "cap": "unlimited", "every": "year", "owner": "search@acme.example" } });
    let mut routes: Vec<_> = cases.iter().map(Case::route).collect();
    routes.push(json!({ "match": "GET /v1/models", "free": "lists models, is not billed" }));
    rules["services"]["openai"]["routes"] = routes.into();
    let lists: serde_json::Map<_, _> = cases.iter().filter_map(Case::price_list).collect();
    rules["prices"] = lists.into();
    rules
}

fn world() -> Arc<World> {
    WORLD.get(|| {
        let cases = cases::all();
        let world = World::running(&rules(&cases), 1, 1);
        let models = Call::get("/openai/v1/models").header("x-api-key", key());
        until_answered(world.gate(), &models, 200);
        let by_path: BTreeMap<_, _> = cases.into_iter().map(|case| (case.path(), case)).collect();
        world.upstream.usually(move |seen| answer(&by_path[&seen.target], seen));
        world
    })
}

fn answer(case: &Case, seen: &Seen) -> Script {
    let mut script = Script::status(case.status).content_type(&case.content_type);
    for (name, value) in &case.headers {
        script = script.header(name, value.as_bytes());
    }
    match seen.text(MANNER) {
        Some("pieces") => {
            let pieces = case.body.chunks(7).map(<[u8]>::to_vec).collect();
            script.pieces(pieces, Duration::ZERO)
        }
        Some("gzip") => script.header("content-encoding", "gzip").body(packed(&case.body)),
        _ => script.body(case.body.clone()),
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn call(case: &Case, manner: &str) -> Call {
    let path = format!("/openai{}", case.path());
    let call = if case.method == "GET" {
        Call::get(&path)
    } else {
        let mut body = case.request.clone();
        if !body.is_object() {
            body = json!({});
        }
        if let Some(model) = case.asked_model() {
            body["model"] = json!(model);
        }
        Call::post(&path, &body)
    };
    call.header("x-api-key", key()).header(MANNER, manner)
}

fn settle_all(manner: &str) {
    let world = world();
    let books = Books::open(&world.sidecar.state_dir());
    let mut wrong = Vec::new();
    for case in cases::all() {
        let free = case.route().get("free").is_some();
        let before = books.settlements().len();
        let answer = call(&case, manner).send(world.gate()).unwrap();
        if answer.status != case.status {
            wrong.push(format!("{}: answered {} {}", case.id, answer.status, answer.text()));
            continue;
        }
        if free {
            continue;
        }
        let settled = books.until_settlements(before + 1).remove(before);
        if let Some(difference) = difference(&case, &settled) {
            wrong.push(format!("{}: {difference}: {settled:?}", case.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn difference(case: &Case, settled: &Settled) -> Option<String> {
    if settled.cost != case.cost() {
        return Some(format!("costs {} and not {}", settled.cost, case.cost()));
    }
    if case.known_wrong.contains(&settled.cost) {
        return Some("is a known mistake".to_owned());
    }
    let basis = case.expected["settle"].as_str().unwrap_or_default();
    (settled.basis != basis).then(|| format!("rests on {} and not on {basis}", settled.basis))
}

#[test]
fn whole() {
    settle_all("whole");
}

#[test]
fn in_pieces() {
    settle_all("pieces");
}

#[test]
fn packed_with_gzip() {
    settle_all("gzip");
}
