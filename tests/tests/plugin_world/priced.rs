//! A policy of one service whose calls cost money, and its calls.
#![allow(dead_code, reason = "each suite is a program of its own and uses a part of this")]

use std::time::Duration;

use tollkeeper_tests::host::{StreamId, Vm};
use wire::client_key;

use crate::world::{World, key};

/// What a call by model reserves, in nano-units.
pub(crate) const HOLD: u64 = 250_000_000;

/// What a call of `GET /priced` costs.
pub(crate) const PRICE: u64 = 13_700_000;

/// Paths as the gate is called.
pub(crate) const CHAT: &str = "/openai/v1/chat/completions";
pub(crate) const MESSAGES: &str = "/openai/v1/messages";
pub(crate) const PRICED: &str = "/openai/priced";
pub(crate) const FREE: &str = "/openai/free";
pub(crate) const UPLOAD: &str = "/openai/upload";

/// The client `checkout`, with key 1, charges `team`, which lies within `acme`.
pub(crate) fn policy() -> String {
    policy_of(
        r#""time_zone": "UTC""#,
        r#""acme": {"cap": "1000.00", "every": "month", "owner": "finance@acme.example"},
           "team": {"within": "acme", "cap": "100.00", "every": "month", "owner": "team@acme.example"}"#,
    )
}

/// The same with another calendar of the organization's, and other budgets. The client charges `team`.
pub(crate) fn policy_of(calendar: &str, budgets: &str) -> String {
    let digest = client_key::digest(key(1).as_bytes());
    format!(
        r#"{{"policy_version": 1,
            "organization": {{"name": "acme", "currency": "USD", {calendar}}},
            "services": {{"openai": {{
                "cluster": "openai", "hosts": ["api.openai.com"], "credential": "openai-prod",
                "inject": {{"as": "bearer"}}, "routes": [
                    {{"match": "POST /v1/chat/completions", "usage": "openai-chat", "prices": "list", "hold": "0.25"}},
                    {{"match": "POST /v1/messages", "usage": "anthropic-messages", "prices": "list", "hold": "0.25"}},
                    {{"match": "GET /priced", "per_call": "0.0137"}},
                    {{"match": "POST /upload", "per_gigabyte_in": "1", "hold": "0.01"}},
                    {{"match": "* /free", "free": "a test"}}]}}}},
            "prices": {{"list": {{"source": "a test", "models": {{
                "gpt-5": {{"input_per_million": "0.25", "output_per_million": "2.00"}},
                "claude-haiku-5": {{"input_per_million": "0.25", "output_per_million": "2.00"}}}}}}}},
            "budgets": {{{budgets}}},
            "clients": {{"checkout": {{
                "owner": "checkout@acme.example", "known_by": [{{"key": "sha256:{digest}"}}],
                "budget": "team", "may_use": {{"openai": {{}}}}}}}}}}"#
    )
}

/// A head.
pub(crate) fn head(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let bearer = format!("Bearer {}", key(1));
    let own = [
        (":method", method),
        (":scheme", "https"),
        (":authority", "gate"),
        (":path", path),
        ("authorization", &bearer),
    ];
    own.iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect()
}

/// A call whose body comes in pieces of this size, and time until it is decided.
pub(crate) fn post(world: &mut World, path: &str, body: &[u8], piece: usize) -> StreamId {
    let length = body.len().to_string();
    let stream = begin(world, &head("POST", path, &[("content-length", &length)]));
    let mut pieces = body.chunks(piece).peekable();
    while let Some(piece) = pieces.next() {
        if world.vms[0].reply(stream).is_some() {
            return stream;
        }
        world.vms[0].request_body(stream, piece, pieces.peek().is_none()).unwrap();
    }
    decided(world, stream);
    stream
}

/// The head of a call whose body follows.
pub(crate) fn begin(world: &mut World, head: &[(String, Vec<u8>)]) -> StreamId {
    let stream = world.vms[0].open().unwrap();
    world.vms[0].request_headers(stream, head, false).unwrap();
    stream
}

/// Time until a stream is decided.
pub(crate) fn decided(world: &mut World, stream: StreamId) {
    for _ in 0..500 {
        if !world.vms[0].is_paused(stream) {
            return;
        }
        world.step();
    }
    panic!("the stream waits for ever")
}

/// The worker has Envoy's word that the request of this stream was put on a connection.
pub(crate) fn connected(vm: &mut Vm, stream: StreamId) {
    vm.set_property(stream, &["upstream", "local_address"], "10.0.0.1:4711");
}

/// The client is known, and so is its money.
pub(crate) fn warmed(world: &mut World) {
    let stream = world.decided(0, &head("GET", FREE, &[]));
    assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
    world.vms[0].end(stream).unwrap();
}

/// What the sidecar has heard of costs since the start, once all is said: cost, basis and status of each.
pub(crate) fn settled(world: &mut World) -> Vec<(u64, &'static str, u16)> {
    world.run(600);
    let of = |one: &wire::budget::Settlement| (one.cost.0, one.basis.as_str(), one.status);
    world.sidecar.settlements().map(of).collect()
}

/// So much time that an idle worker has given everything back and sleeps.
pub(crate) const REST: Duration = Duration::from_secs(20);
