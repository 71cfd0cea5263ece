//! Do eight workers keep one budget to the last call that fits, and agree with the provider's own count?
//!
//! Four workers in each of two Envoys, one sidecar on SQLite. Thousands of calls at once, priced in
//! advance and metered, of three clients under two budgets under one. An auditor reads the ledger a
//! hundred times a second; the upstream counts what it would bill.

#![expect(clippy::unwrap_used, reason = "a helper of a test stops where the test would")]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tollkeeper_tests::books::{Auditor, Books};
use tollkeeper_tests::client::Call;
use tollkeeper_tests::load::{Load, Shot, summary};
use tollkeeper_tests::shared::Shared;
use tollkeeper_tests::upstream::{Script, Seen, Used};
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{World, digest, policy, until_answered};
use wire::client_key;

const ENVOYS: usize = 2;
const WORKERS: u32 = 4;

/// 10.00 and 0.0137, in nano-units.
const CAP: i64 = 10_000_000_000;
const PRICE: i64 = 13_700_000;
/// 0.25 and 2.00 per million tokens.
const INPUT: i64 = 250;
const OUTPUT: i64 = 2_000;

const CLIENTS: [(&str, &str); 3] = [("shop", "shop"), ("search", "lab"), ("batch", "lab")];

static WORLD: Shared<World> = Shared::new();

fn world() -> Arc<World> {
    WORLD.get(|| {
        let world = World::running(&three_clients(), ENVOYS, WORKERS);
        world.upstream.usually(|seen| {
            let script =
                if is_priced(seen) { Script::status(200).body("{}") } else { Script::default() };
            script.delay(Duration::from_millis(20))
        });
        world
    })
}

fn key_of(client: &str) -> String {
    let mut number = [7; 32];
    number[..client.len()].copy_from_slice(client.as_bytes());
    client_key::issue(&number).to_string()
}

fn three_clients() -> Value {
    let clients: serde_json::Map<_, _> = CLIENTS
        .into_iter()
        .map(|(name, budget)| {
            let client = json!({
                "owner": "shop@acme.example", "purpose": "a test", "budget": budget,
                "may_use": { "openai": {} }, "known_by": [{ "key": digest(&key_of(name)) }],
            });
            (name.to_owned(), client)
        })
        .collect();
    let mut policy = policy(&clients.into());
    policy["prices"] = json!({ "models": { "source": "a test", "models": {
        "gpt-5-mini": { "input_per_million": "0.25", "output_per_million": "2.00" },
    }}});
    policy["budgets"] = json!({
        "acme": { "cap": "10.00", "every": "month", "owner": "finance@acme.example" },
        "shop": { "within": "acme", "cap": "6.00", "every": "month", "owner": "finance@acme.example" },
        "lab": { "within": "acme", "cap": "7.00", "every": "month", "owner": "finance@acme.example" },
    });
    policy["services"]["openai"]["routes"] = json!([
        { "match": "POST /v1/chat/completions", "usage": "openai-chat", "prices": "models", "hold": "0.02" },
        { "match": "GET /v1/lookup/**", "per_call": "0.0137" },
        { "match": "GET /v1/models", "free": "lists models, is not billed" },
    ]);
    policy
}

fn is_priced(seen: &Seen) -> bool {
    seen.target.starts_with("/v1/lookup")
}

/// What a client calls, by its key.
type Asks = fn(&str) -> Call;

fn lookup(key: &str) -> Call {
    Call::get("/openai/v1/lookup/one").header("x-api-key", key)
}

fn stream(key: &str) -> Call {
    let body = json!({
        "messages": [{ "role": "user", "content": "input=3000 output=1500" }],
        "model": "gpt-5-mini", "stream": true, "stream_options": { "include_usage": true },
    });
    Call::post("/openai/v1/chat/completions", &body).header("x-api-key", key)
}

/// What the provider would bill for what it saw.
fn billed(seen: &[Seen]) -> i64 {
    seen.iter()
        .map(|seen| {
            if is_priced(seen) {
                return PRICE;
            }
            let request: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
            let Used { input, output } = Used::asked_by(&request);
            i64::try_from(input).unwrap() * INPUT + i64::try_from(output).unwrap() * OUTPUT
        })
        .sum()
}

/// A call passes or is refused by the gate. Of thousands at once on a small machine some cannot hear from
/// the sidecar in time; they are refused too.
fn is_in_order(shot: &Shot) -> bool {
    match (shot.status(), shot.refusal()) {
        (200, None) => true,
        (402, Some(code)) => code == "budget_spent",
        (429, Some(code)) => code == "budget_lent_elsewhere",
        (503, Some(code)) => code == "sidecar_unavailable",
        _ => false,
    }
}

#[test]
fn a_cap_is_used_to_the_last_call_that_fits_and_never_passed() {
    let world = world();
    for gate in world.gates() {
        for (client, _) in CLIENTS {
            until_answered(
                gate,
                &Call::get("/openai/v1/models").header("x-api-key", key_of(client)),
                200,
            );
        }
    }
    world.upstream.take_seen();
    let auditor = Auditor::start(&world.sidecar.state_dir(), Duration::from_millis(10));

    // Four thousand at once, and then again and again, until everybody hears that the money is spent.
    let offer = |client: &str, call: Asks, connections: usize, per_second: u32| {
        let call = call(&key_of(client));
        Load { to: world.gates(), connections, per_second, call }.start()
    };
    let crowd: [(&str, Asks, usize); 4] = [
        ("shop", lookup, 1_500),
        ("search", lookup, 1_500),
        ("batch", lookup, 950),
        ("search", stream, 50),
    ];
    let mut shots: Vec<Shot> = thread::scope(|scope| {
        let callers = crowd.map(|(client, call, connections)| {
            let call = call(&key_of(client));
            let load = Load { to: world.gates(), connections, per_second: 100_000, call };
            scope.spawn(|| load.once())
        });
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let rest = [
        offer("shop", lookup, 40, 200),
        offer("batch", lookup, 40, 200),
        offer("search", stream, 16, 80),
    ];
    for load in rest {
        load.until("the money is spent", |shots| {
            let mut last = shots.iter().rev().take(200);
            shots.len() > 400 && last.all(|shot| shot.status() == 402)
        });
        shots.extend(load.finish());
    }

    let books = Books::open(&world.sidecar.state_dir());
    let acme = books.until_at_rest("acme");
    assert!(shots.iter().all(is_in_order), "{}", summary(&shots));
    assert_eq!(auditor.finish(), Vec::<String>::new(), "an account stood above its cap");
    assert_eq!(acme.spent, billed(&world.upstream.take_seen()), "the provider counts otherwise");
    let lab = books.account("lab");
    let shop = books.account("shop");
    assert_eq!(acme.spent, lab.spent + shop.spent, "the whole is its parts");
    let room = (CAP - acme.spent).min(6_000_000_000 - shop.spent);
    assert!(room < PRICE, "another call would have fitted: {acme:?} {shop:?} {lab:?}");
    assert!(acme.spent <= CAP);
}

#[test]
fn a_raised_cap_is_spent_within_a_second_in_envoys_that_run() {
    let world = world();
    let mut small = json!({ "budgets": {
        "pocket": { "within": "acme", "cap": "0.0137", "every": "month", "owner": "finance@acme.example" },
    }});
    small["policy_version"] = json!(1);
    small["clients"] = json!({ "child": {
        "owner": "shop@acme.example", "purpose": "a test", "budget": "pocket",
        "may_use": { "openai": {} }, "known_by": [{ "key": digest(&key_of("child")) }],
    }});
    // The organization's own budget is spent by the other test.
    small["budgets"]["pocket"].as_object_mut().unwrap().remove("within");
    world.change_policy("child.json", &small);
    let gate = world.gate();
    until_answered(gate, &lookup(&key_of("child")), 200);
    until_answered(gate, &lookup(&key_of("child")), 402);

    small["budgets"]["pocket"]["cap"] = json!("0.0274");
    world.sidecar.write_policy("child.json", &small);
    let (_, took) = wait::measured(|| until_answered(gate, &lookup(&key_of("child")), 200));
    assert!(took < Duration::from_secs(1), "{took:?}");
    until_answered(gate, &lookup(&key_of("child")), 402);
}
