//! Headers that hold what no header should, twice what should be once, or what only the gate may say.

use tollkeeper_tests::client::ask;
use tollkeeper_tests::world::{MODELS, SECRET};

use crate::{FAIL, Scene, is_refused, plenty};

#[test]
fn a_byte_that_is_no_text_in_any_header() {
    let scene = Scene::open("no-text", &plenty());
    let odd: &[u8] = b"\xff\xfe\x80";
    for name in ["authorization", "api-key", "x-goog-api-key"] {
        let answer = scene.with_key("GET", MODELS).header(name, odd).send(scene.gate()).unwrap();
        is_refused(&answer, 400, "client_keys_differ");
        let answer = scene.call("GET", MODELS).header(name, odd).send(scene.gate()).unwrap();
        is_refused(&answer, 401, "client_key_unknown");
    }
    for name in ["cookie", "proxy-authorization", "x-tollkeeper-service"] {
        let answer = scene.with_key("GET", MODELS).header(name, odd).send(scene.gate()).unwrap();
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    let passing = ["user-agent", "accept", "content-type", "x-anything", "forwarded"];
    for name in passing {
        let answer = scene.with_key("GET", MODELS).header(name, odd).send(scene.gate()).unwrap();
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(scene.seen().last().unwrap().header(name), [odd], "{name}");
    }
    for head in [
        b"GET /openai/v1/models HTTP/1.1\r\nhost: \xff\xfe\r\nconnection: close\r\n\r\n".as_slice(),
        b"GET /openai/v1/\xff\xfe HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n",
        b"GET /\xff/v1/models HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n",
        b"\xff\xfe / HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: gate\r\n\xff: a\r\nconnection: close\r\n\r\n",
    ] {
        let answer = ask(scene.gate(), head).unwrap();
        assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.text());
    }
    scene.close();
}

#[test]
fn key_headers_that_come_twice() {
    let scene = Scene::open("twice", &plenty());
    for name in ["authorization", "x-api-key", "api-key", "x-goog-api-key"] {
        for second in [&*scene.key, "", "\u{ff}"] {
            let call = scene.call("GET", MODELS).header(name, &scene.key).header(name, second);
            let answer = call.send(scene.gate()).unwrap();
            match (name, second) {
                // Envoy makes one value of these, with a comma, before any filter sees them.
                ("authorization", "") => assert_eq!(answer.status, 200, "one key, once"),
                ("authorization", _) => is_refused(&answer, 401, "client_key_broken"),
                _ => is_refused(&answer, 400, "client_key_repeated"),
            }
        }
    }
    scene.close();
}

#[test]
fn more_header_than_anybody_needs() {
    let scene = Scene::open("long", &plenty());
    let long = |bytes: usize| scene.with_key("GET", MODELS).header("x-long", vec![b'a'; bytes]);
    assert_eq!(long(66_000).send(scene.gate()).unwrap().status, 431);
    assert_eq!(long(50_000).send(scene.gate()).unwrap().status, 200);
    let many = (0..200).fold(scene.with_key("GET", MODELS), |call, number| {
        call.header(&format!("x-many-{number}"), "a")
    });
    assert_eq!(many.send(scene.gate()).unwrap().status, 431);
    let long_key = scene.call("GET", MODELS).header("x-api-key", vec![b'k'; 40_000]);
    is_refused(&long_key.send(scene.gate()).unwrap(), 401, "client_key_unknown");
    scene.close();
}

#[test]
fn what_only_the_gate_and_its_envoy_may_say() {
    let scene = Scene::open("pretender", &plenty());
    for mark in ["openai", "elsewhere", ""] {
        let keyless = scene.call("GET", "/v1/models").header("x-tollkeeper-service", mark);
        let keyless = keyless.header("authorization", format!("Bearer {SECRET}"));
        let answer = keyless.send(scene.gate()).unwrap();
        is_refused(&answer, 404, "service_unknown");
        let with_key = scene.with_key("GET", MODELS).header("x-tollkeeper-service", mark);
        assert_eq!(with_key.send(scene.gate()).unwrap().status, 200, "{mark:?}");
    }
    let before = scene.seen().len();
    let retries = scene
        .with_key("GET", MODELS)
        .header(FAIL, "yes")
        .header("x-envoy-retry-on", "5xx,reset,retriable-status-codes")
        .header("x-envoy-retriable-status-codes", "503")
        .header("x-envoy-max-retries", "5")
        .header("x-envoy-original-path", "/admin")
        .header("x-envoy-internal", "true");
    let answer = retries.send(scene.gate()).unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("x-tollkeeper-refusal"), None, "only the gate refuses");
    assert_eq!(scene.seen().len(), before + 1, "one call, one try");
    scene.close();
}
