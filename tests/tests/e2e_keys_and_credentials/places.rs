//! Wherever a client library puts its key, it is found there and taken off.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tollkeeper_tests::client::{Answer, Call};
use tollkeeper_tests::shared::Shared;
use tollkeeper_tests::upstream::Seen;
use tollkeeper_tests::world::{MODELS, SECRET, World, policy};

use crate::no_limits;

static WORLD: Shared<World> = Shared::new();

fn world() -> Arc<World> {
    WORLD.get(|| World::running(&policy(&serde_json::json!({})), 1, 1))
}

/// Every place, by a name for people.
fn places(key: &str) -> Vec<(&'static str, Call)> {
    let get = || Call::get(MODELS);
    let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
    vec![
        ("bearer", get().header("authorization", format!("Bearer {key}"))),
        ("bearer in lower case", get().header("Authorization", format!("bearer {key}"))),
        ("bearer in capitals, spaces", get().header("authorization", format!("BEARER   {key} "))),
        ("another scheme", get().header("authorization", format!("Token {key}"))),
        ("no scheme", get().header("authorization", key)),
        ("x-api-key", get().header("X-Api-Key", key)),
        ("api-key", get().header("api-key", key)),
        ("x-goog-api-key", get().header("x-goog-api-key", key)),
        ("basic, as user", get().header("authorization", basic(format!("{key}:")))),
        ("basic, as password", get().header("authorization", basic(format!("me:{key}")))),
        ("?key=", Call::get(&format!("{MODELS}?a=1&key={key}&b=2"))),
        ("?api_key=", Call::get(&format!("{MODELS}?api_key={key}"))),
        ("twice, the same", get().header("api-key", key).header("x-api-key", key)),
    ]
}

fn marked(call: Call, name: &str) -> Call {
    call.header("x-caller", name)
        .header("cookie", "session=canary-cookie")
        .header("proxy-authorization", "Basic canary-proxy")
}

fn seen(world: &World, name: &str) -> Vec<Seen> {
    world.upstream.seen().into_iter().filter(|seen| seen.text("x-caller") == Some(name)).collect()
}

fn send(world: &World, call: Call, name: &str) -> Answer {
    marked(call, name).send(world.gate()).unwrap()
}

#[test]
fn without_a_key_nobody_gets_in() {
    let world = world();
    let answer = send(&world, Call::get(MODELS), "keyless");
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(answer.header("x-tollkeeper-refusal"), Some("client_key_missing"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"tollkeeper\""));
    assert!(seen(&world, "keyless").is_empty());
}

#[test]
fn every_place_works_and_nothing_of_the_caller_goes_on() {
    let world = world();
    let key = world.with_client("everywhere", &no_limits());
    for (name, call) in places(&key) {
        let answer = send(&world, call, name);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let seen = seen(&world, name);
        let [seen] = &*seen else { panic!("{name}: {} calls upstream", seen.len()) };
        assert_eq!(seen.header("authorization"), [format!("Bearer {SECRET}").as_bytes()], "{name}");
        for gone in ["x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"] {
            assert!(seen.header(gone).is_empty(), "{name}: {gone} went on");
        }
        let encoded = STANDARD.encode(format!("me:{key}"));
        for caller in [&*key, &encoded, "canary-cookie", "canary-proxy"] {
            assert!(!seen.has(caller), "{name}: {caller} went on: {seen:?}");
        }
        assert_eq!(seen.target, if name == "?key=" { "/v1/models?a=1&b=2" } else { "/v1/models" });
    }
}

#[test]
fn keys_that_could_be_read_in_two_ways_are_refused() {
    let world = world();
    let key = world.with_client("twofold", &no_limits());
    let other = world.with_client("other", &no_limits());
    let get = || Call::get(MODELS);
    for (name, call, code) in [
        ("repeated", get().header("api-key", &key).header("api-key", &key), "client_key_repeated"),
        ("differ", get().header("api-key", &key).header("x-api-key", &other), "client_keys_differ"),
        (
            "query repeated",
            Call::get(&format!("{MODELS}?key={key}&key={key}")),
            "client_key_repeated",
        ),
    ] {
        let answer = send(&world, call, name);
        assert_eq!(
            (answer.status, answer.header("x-tollkeeper-refusal")),
            (400, Some(code)),
            "{name}"
        );
        assert!(!answer.text().contains(&key), "{name}");
        assert!(seen(&world, name).is_empty(), "{name}");
    }
}

#[test]
fn wrong_keys_are_told_apart_and_never_quoted() {
    let world = world();
    let key = world.with_client("right", &no_limits());
    let cut_off = &key[..key.len() - 1];
    let of_nobody = wire::client_key::issue(&[0xEE; 32]);
    for (name, shown, code) in [
        ("cut off", cut_off, "client_key_broken"),
        ("nobody's", &*of_nobody, "client_key_unknown"),
        ("foreign", "sk-not-of-this-gate", "client_key_unknown"),
    ] {
        let answer = send(&world, Call::get(MODELS).header("x-api-key", shown), name);
        assert_eq!(
            (answer.status, answer.header("x-tollkeeper-refusal")),
            (401, Some(code)),
            "{name}"
        );
        assert!(!answer.text().contains(shown), "{name}");
        assert!(seen(&world, name).is_empty(), "{name}");
    }
}
