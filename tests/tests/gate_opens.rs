//! Does the whole gate open, on real parts: the real key upstream, the client's nowhere?

use serde_json::{Value, json};
use tollkeeper_tests::client::Call;
use tollkeeper_tests::gate::{self, Gate, SECRET};

const CHAT: &str = "/openai/v1/chat/completions";

fn clients() -> Value {
    json!({ "checkout-api": {
        "owner": "payments@acme.example", "purpose": "tests", "may_use": { "openai": {} },
        "limits": [{ "requests": 100, "per": "second" }],
    }})
}

#[test]
fn the_upstream_sees_the_real_key_and_the_client_never_does() {
    let gate = Gate::open(&gate::policy(&clients()), 2);
    let key = gate.sidecar.issue_client("checkout-api");
    let chat = Call::post(CHAT, &json!({ "model": "gpt-5-mini" }));

    let stranger = chat.send(gate.envoy.gate()).unwrap();
    assert_eq!(stranger.status, 401, "{}", stranger.text());
    assert_eq!(stranger.header("x-tollkeeper-refusal"), Some("client_key_missing"));
    assert!(gate.upstream.seen().is_empty());

    for (name, value) in [("authorization", format!("Bearer {key}")), ("x-api-key", key.clone())] {
        let answer = chat.clone().header(name, value).send(gate.envoy.gate()).unwrap();
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let seen = gate.upstream.take_seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].target, "/v1/chat/completions");
        assert_eq!(seen[0].header("host"), [b"api.openai.com".as_slice()]);
        assert_eq!(seen[0].header("authorization"), [format!("Bearer {SECRET}").as_bytes()]);
        assert!(!seen[0].has(&key), "the client's key stays at the gate");
        assert!(seen[0].header("x-tollkeeper-service").is_empty());
        assert!(seen[0].header("x-forwarded-for").is_empty());
    }
    assert_eq!(gate.envoy.stat("wasm.tollkeeper.vm_reload"), 0);
}

#[test]
fn a_client_cannot_ask_envoy_for_another_try_or_a_shorter_wait() {
    let gate = Gate::open(&gate::policy(&clients()), 1);
    let key = gate.sidecar.issue_client("checkout-api");
    gate.upstream.script(tollkeeper_tests::upstream::Script::status(500));
    let greedy = Call::get("/openai/v1/models")
        .header("x-api-key", key)
        .header("x-envoy-retry-on", "5xx")
        .header("x-envoy-max-retries", "3")
        .header("x-envoy-upstream-rq-timeout-ms", "1");
    let answer = greedy.send(gate.envoy.gate()).unwrap();
    assert_eq!(answer.status, 500);
    assert_eq!(gate.upstream.seen().len(), 1, "one call, one try, one bill");
}
