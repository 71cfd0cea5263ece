//! Does every call settle once and rightly, however it ends?
//!
//! On the real Envoy: the client goes in the middle of a stream, the upstream breaks off, a 200 ends in
//! an error, an encoding cannot be read, no usage comes, nothing is billed, nothing was reached.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tollkeeper_tests::books::{Books, Settled};
use tollkeeper_tests::client::Call;
use tollkeeper_tests::shared::Shared;
use tollkeeper_tests::upstream::Script;
use tollkeeper_tests::world::{World, digest, policy, until_answered};
use wire::client_key;

/// 0.25: what a call reserves.
const HOLD: i64 = 250_000_000;
/// 0.25 and 2.00 per million tokens.
const INPUT: i64 = 250;
const OUTPUT: i64 = 2_000;

static WORLD: Shared<World> = Shared::new();

fn key() -> String {
    client_key::issue(&[9; 32]).to_string()
}

fn world() -> Arc<World> {
    WORLD.get(|| {
        let mut rules = policy(&json!({ "caller": {
            "owner": "search@acme.example", "purpose": "a test", "budget": "team",
            "may_use": { "openai": {} }, "known_by": [{ "key": digest(&key()) }],
        }}));
        rules["prices"] = json!({ "models": { "source": "a test", "models": {
            "gpt-5-mini": { "input_per_million": "0.25", "output_per_million": "2.00" },
        }}});
        rules["budgets"] = json!({
            "team": { "cap": "1000.00", "every": "year", "owner": "search@acme.example" },
        });
        rules["services"]["openai"]["routes"] = json!([
            { "match": "POST /v1/chat/completions", "usage": "openai-chat", "prices": "models", "hold": "0.25" },
            { "match": "POST /v1/messages", "usage": "anthropic-messages", "prices": "models", "hold": "0.25" },
            { "match": "GET /v1/lookup/**", "per_call": "0.0137" },
            { "match": "GET /v1/models", "free": "lists models, is not billed" },
        ]);
        let world = World::running(&rules, 1, 1);
        let models = Call::get("/openai/v1/models").header("x-api-key", key());
        until_answered(world.gate(), &models, 200);
        world
    })
}

fn chat(stream: bool) -> Call {
    ask("/openai/v1/chat/completions", stream)
}

fn ask(path: &str, stream: bool) -> Call {
    let body = json!({
        "model": "gpt-5-mini", "stream": stream, "max_tokens": 100,
        "messages": [{ "role": "user", "content": "input=1000 output=200" }],
    });
    Call::post(path, &body).header("x-api-key", key())
}

/// Does something that is one call, and returns the one settlement that came of it.
fn settled_by(world: &World, act: impl FnOnce()) -> Settled {
    let books = Books::open(&world.sidecar.state_dir());
    let before = books.settlements().len();
    act();
    let mut all = books.until_settlements(before + 1);
    let settled = all.remove(before);
    assert!(all.len() == before, "more than one: {all:?}");
    settled
}

fn events(pieces: &[Value]) -> Vec<Vec<u8>> {
    pieces.iter().map(|event| format!("data: {event}\n\n").into_bytes()).collect()
}

fn chunk(content: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-5-mini",
        "choices": [{ "index": 0, "delta": { "content": content }, "finish_reason": null }],
    })
}

fn is_held(settled: &Settled) {
    assert_eq!((settled.cost, settled.basis.as_str()), (HOLD, "reserve"), "{settled:?}");
}

#[test]
fn whole_and_as_reported() {
    let world = world();
    let settled = settled_by(&world, || {
        assert_eq!(chat(false).send(world.gate()).unwrap().status, 200);
    });
    assert_eq!(settled.cost, 1000 * INPUT + 200 * OUTPUT);
    assert_eq!(settled.basis, "usage");
}

#[test]
fn the_client_goes_in_the_middle_of_a_stream() {
    let world = world();
    let pieces = events(&[chunk("a"), chunk("b"), chunk("c")]);
    let slow = Script::status(200)
        .content_type("text/event-stream")
        .pieces(pieces, Duration::from_secs(5));
    let settled = settled_by(&world, || {
        world.upstream.script(slow);
        let mut connection = TcpStream::connect(world.gate()).unwrap();
        connection.write_all(&chat(true).bytes(world.gate())).unwrap();
        let mut seen = [0; 1024];
        let mut got = Vec::new();
        while !got.windows(6).any(|window| window == b"data: ") {
            let len = connection.read(&mut seen).unwrap();
            got.extend_from_slice(&seen[..len]);
        }
    });
    is_held(&settled);
}

#[test]
fn the_upstream_breaks_off_after_it_has_told_its_input() {
    let world = world();
    let start = json!({ "type": "message_start", "message": {
        "id": "msg_1", "model": "gpt-5-mini", "usage": { "input_tokens": 2_000_000, "output_tokens": 1 },
    }});
    let pieces = events(&[start, json!({ "type": "ping" })]);
    // It breaks off in the second piece, when the first has long arrived.
    let length = pieces[0].len() + 3;
    let settled = settled_by(&world, || {
        let script = Script::status(200).content_type("text/event-stream");
        world
            .upstream
            .script(script.pieces(pieces, Duration::from_millis(200)).reset_after(length));
        let _cut_off = ask("/openai/v1/messages", true).send(world.gate());
    });
    // What was measured is more than the hold, and is not forgotten because the rest never came.
    assert_eq!(settled.basis, "max_usage_reserve");
    assert_eq!(settled.cost, 2_000_000 * INPUT + OUTPUT);
}

#[test]
fn a_200_that_ends_in_an_error() {
    let world = world();
    let start = json!({ "type": "message_start", "message": {
        "id": "msg_1", "model": "gpt-5-mini", "usage": { "input_tokens": 300, "output_tokens": 1 },
    }});
    let error = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
    let settled = settled_by(&world, || {
        let script = Script::status(200).content_type("text/event-stream");
        world.upstream.script(script.pieces(events(&[start, error]), Duration::ZERO));
        ask("/openai/v1/messages", true).send(world.gate()).unwrap();
    });
    assert_eq!((settled.cost, settled.basis.as_str()), (HOLD, "max_usage_reserve"));
}

#[test]
fn an_encoding_that_cannot_be_read() {
    let world = world();
    let settled = settled_by(&world, || {
        let garbled = b"\x1f\x8b\x08\x00this is no gzip at all".to_vec();
        world.upstream.script(Script::status(200).header("content-encoding", "gzip").body(garbled));
        chat(false).send(world.gate()).unwrap();
    });
    is_held(&settled);
}

#[test]
fn no_usage_at_all() {
    let world = world();
    let settled = settled_by(&world, || {
        let body = json!({ "id": "chatcmpl-1", "model": "gpt-5-mini", "choices": [] }).to_string();
        world.upstream.script(Script::status(200).body(body));
        chat(false).send(world.gate()).unwrap();
    });
    is_held(&settled);
}

#[test]
fn an_answer_that_is_not_billed_costs_nothing() {
    let world = world();
    let settled = settled_by(&world, || {
        world.upstream.script(Script::status(500));
        assert_eq!(chat(false).send(world.gate()).unwrap().status, 500);
    });
    assert_eq!((settled.cost, settled.basis.as_str(), settled.status), (0, "zero", 500));
}

#[test]
fn a_call_with_a_price_says_what_it_cost() {
    let world = world();
    let settled = settled_by(&world, || {
        world.upstream.script(Script::status(200).body("{}"));
        let lookup = Call::get("/openai/v1/lookup/x").header("x-api-key", key());
        let answer = lookup.send(world.gate()).unwrap();
        assert_eq!(answer.header("x-tollkeeper-cost"), Some("0.0137"));
        assert!(answer.header("x-tollkeeper-budget-remaining").is_some());
    });
    assert_eq!((settled.cost, settled.basis.as_str()), (13_700_000, "flat"));
}

#[test]
fn the_provider_is_asked_for_an_answer_that_can_be_read() {
    let world = world();
    world.upstream.take_seen();
    let call = chat(true).header("accept-encoding", "gzip, br");
    let settled = settled_by(&world, || {
        assert_eq!(call.send(world.gate()).unwrap().status, 200);
    });
    let seen = world.upstream.take_seen().remove(0);
    assert_eq!(seen.text("accept-encoding"), Some("identity"));
    let asked: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(asked["stream_options"]["include_usage"], true);
    assert_eq!(settled.cost, 1000 * INPUT + 200 * OUTPUT);
}
