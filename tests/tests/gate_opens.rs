//! Does the whole gate open, on real parts: the real key upstream, the client's nowhere?

use serde_json::json;
use tollkeeper_tests::client::Call;
use tollkeeper_tests::upstream::Script;
use tollkeeper_tests::world::{SECRET, World, client, policy};

const CLIENT: &str = "checkout-api";

/// One worker: what it has learnt once, it knows at the next call.
fn world() -> World {
    let limits = json!([{ "requests": 100, "per": "second" }]);
    World::running(&policy(&json!({ CLIENT: client(&limits) })), 1, 1)
}

#[test]
fn the_upstream_sees_the_real_key_and_the_client_never_does() {
    let world = world();
    let key = world.issue(CLIENT);
    world.upstream.take_seen();
    let chat = Call::post("/openai/v1/chat/completions", &json!({ "model": "gpt-5-mini" }));

    let stranger = chat.send(world.gate()).unwrap();
    assert_eq!(stranger.status, 401, "{}", stranger.text());
    assert_eq!(stranger.header("x-tollkeeper-refusal"), Some("client_key_missing"));
    assert!(world.upstream.seen().is_empty());

    for (name, value) in [("authorization", format!("Bearer {key}")), ("x-api-key", key.clone())] {
        let answer = chat.clone().header(name, value).send(world.gate()).unwrap();
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let seen = world.upstream.take_seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].target, "/v1/chat/completions");
        assert_eq!(seen[0].header("host"), [b"api.openai.com".as_slice()]);
        assert_eq!(seen[0].header("authorization"), [format!("Bearer {SECRET}").as_bytes()]);
        assert!(!seen[0].has(&key), "the client's key stays at the gate");
        for ours in ["x-tollkeeper-service", "x-forwarded-for", "x-request-id"] {
            assert!(seen[0].header(ours).is_empty(), "{ours} is nobody's business outside");
        }
    }
    assert_eq!(world.vm_reloads(), 0);
}

#[test]
fn a_client_cannot_ask_envoy_for_another_try_or_a_shorter_wait() {
    let world = world();
    let key = world.issue(CLIENT);
    world.upstream.take_seen();
    world.upstream.script(Script::status(500));
    let greedy = Call::get("/openai/v1/models")
        .header("x-api-key", key)
        .header("x-envoy-retry-on", "5xx")
        .header("x-envoy-max-retries", "3")
        .header("x-envoy-upstream-rq-timeout-ms", "1");
    let answer = greedy.send(world.gate()).unwrap();
    assert_eq!(answer.status, 500);
    assert_eq!(world.upstream.seen().len(), 1, "one call, one try, one bill");
}
