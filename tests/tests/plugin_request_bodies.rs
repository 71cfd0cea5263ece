//! What of a request's body must be seen before it leaves, and what becomes of it?

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

#[path = "plugin_world/priced.rs"]
mod priced;
#[path = "plugin_world/world.rs"]
mod world;

use priced::{
    CHAT, FREE, MESSAGES, UPLOAD, begin, connected, decided, head, policy, post, settled, warmed,
};
use serde_json::Value;
use tollkeeper_tests::host::{Action, Setup, StreamId};
use world::World;

/// Pieces of all sizes: one byte each, some, and all at once.
const SIZES: [usize; 4] = [1, 7, 64, 1 << 20];

fn ready() -> World {
    let mut world = World::ready(1, &policy());
    warmed(&mut world);
    world
}

fn refusal(world: &World, stream: StreamId) -> (u32, String) {
    world.refusal(0, stream).unwrap_or_else(|| panic!("the request passed"))
}

#[test]
fn the_model_is_found_wherever_it_stands_and_the_body_arrives_as_it_was() {
    let mut world = ready();
    let body =
        br#"{"messages": [{"role": "user", "content": "\"model\": \"x\""}], "model": "gpt-5"}"#;
    for size in SIZES {
        let stream = post(&mut world, CHAT, body, size);
        let state = world.vms[0].stream(stream);
        assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
        assert_eq!(state.sent_body, body, "in pieces of {size}");
        assert_eq!(
            state.sent.as_ref().unwrap().text("accept-encoding").as_deref(),
            Some("identity")
        );
        connected(&mut world.vms[0], stream);
        world.vms[0].end(stream).unwrap();
    }
}

#[test]
fn a_body_without_a_model_goes_nowhere_and_costs_nothing() {
    let mut world = ready();
    for body in [&b"{}"[..], br#"{"messages": []}"#, br#"{"model": null}"#] {
        for size in SIZES {
            let stream = post(&mut world, CHAT, body, size);
            assert_eq!(refusal(&world, stream), (400, "model_unknown".to_owned()));
            assert!(world.vms[0].stream(stream).sent.is_none());
        }
    }
    // A head that ends the stream says as much.
    let stream = world.decided(0, &head("POST", MESSAGES, &[]));
    assert_eq!(refusal(&world, stream), (400, "model_unknown".to_owned()));
    assert_eq!(settled(&mut world), []);
}

#[test]
fn a_compressed_body_is_refused_at_its_head() {
    let mut world = ready();
    let stream = begin(&mut world, &head("POST", CHAT, &[("content-encoding", "gzip")]));
    assert_eq!(refusal(&world, stream), (400, "body_unreadable".to_owned()));
}

#[test]
fn a_streamed_chat_asks_for_its_usage_and_its_length_is_right() {
    let mut world = ready();
    for size in SIZES {
        let body = br#"{"model": "gpt-5", "stream": true, "messages": []}"#;
        let stream = post(&mut world, CHAT, body, size);
        let state = world.vms[0].stream(stream);
        let sent: Value = serde_json::from_slice(&state.sent_body).unwrap();
        assert_eq!(sent["stream_options"]["include_usage"], true);
        assert_eq!(sent["messages"], Value::Array(Vec::new()));
        let length = state.sent.as_ref().unwrap().text("content-length");
        assert_eq!(length, Some(state.sent_body.len().to_string()));
        connected(&mut world.vms[0], stream);
        world.vms[0].end(stream).unwrap();
    }
}

#[test]
fn a_body_beyond_the_limit_is_refused_by_its_length_or_when_it_is_seen() {
    let config = r#"{"sidecar_cluster": "key-sidecar", "body_bytes_max": 1000}"#;
    let mut world = World::with_config(1, &policy(), config);
    world.run(200);
    warmed(&mut world);
    let stream = begin(&mut world, &head("POST", CHAT, &[("content-length", "1001")]));
    assert_eq!(refusal(&world, stream), (413, "request_too_large".to_owned()));

    let stream = begin(&mut world, &head("POST", CHAT, &[]));
    for _ in 0..10 {
        assert!(world.vms[0].reply(stream).is_none());
        world.vms[0].request_body(stream, &[b' '; 100], false).unwrap();
    }
    world.vms[0].request_body(stream, b"x", false).unwrap();
    assert_eq!(refusal(&world, stream), (413, "request_too_large".to_owned()));
}

#[test]
fn where_envoy_buffers_less_than_the_gate_reads_envoy_refuses() {
    let setup = Setup::new("").buffer_limit(1_000);
    let mut world = World::with_setup(1, &policy(), &setup);
    world.run(200);
    warmed(&mut world);
    let stream = begin(&mut world, &head("POST", CHAT, &[]));
    for _ in 0..11 {
        world.vms[0].request_body(stream, &[b' '; 100], false).unwrap();
        if world.vms[0].reply(stream).is_some() {
            break;
        }
    }
    let reply = world.vms[0].reply(stream).unwrap();
    assert_eq!((reply.status, reply.headers.get("x-tollkeeper-refusal")), (413, None));
    assert_eq!(settled(&mut world), []);
}

#[test]
fn on_a_cold_worker_a_call_waits_for_policy_client_and_money_with_its_body_in_sight() {
    for size in SIZES {
        let mut world = World::new(1, &policy());
        let body = br#"{"messages": [], "model": "gpt-5", "stream": true}"#;
        let stream = post(&mut world, CHAT, body, size);
        assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
        let sent: Value = serde_json::from_slice(&world.vms[0].stream(stream).sent_body).unwrap();
        assert_eq!(sent["stream_options"]["include_usage"], true);
        assert_eq!(sent["model"], "gpt-5");
    }
}

#[test]
fn on_a_cold_worker_an_upload_waits_whole_and_arrives_whole() {
    let mut world = World::new(1, &policy());
    let piece = vec![b'x'; 300_000];
    // Its length alone says that it is not to be kept in sight.
    let stream = begin(&mut world, &head("POST", FREE, &[("content-length", "3000000")]));
    for number in 0..10 {
        world.vms[0].request_body(stream, &piece, number == 9).unwrap();
        world.run(20);
    }
    decided(&mut world, stream);
    assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
    assert_eq!(world.vms[0].stream(stream).sent_body.len(), 3_000_000);
}

#[test]
fn a_body_that_takes_its_time_is_waited_for() {
    let mut world = ready();
    for _ in 0..2 {
        let stream = begin(&mut world, &head("POST", CHAT, &[]));
        world.vms[0].request_body(stream, br#"{"model": "#, false).unwrap();
        world.run(3_000);
        assert!(world.vms[0].is_paused(stream), "{:?}", world.refusal(0, stream));
        world.vms[0].request_body(stream, br#""gpt-5"}"#, true).unwrap();
        decided(&mut world, stream);
        assert!(world.vms[0].is_upstream(stream));
    }
    // That bodies come is known now: even the first byte may be late.
    let stream = begin(&mut world, &head("POST", CHAT, &[]));
    world.run(3_000);
    assert!(world.vms[0].is_paused(stream));
}

#[test]
fn an_envoy_that_hands_over_no_bodies_gets_a_refusal_that_names_the_remedy() {
    let setup = Setup::new("").without_stop_iteration();
    let mut world = World::with_setup(1, &policy(), &setup);
    world.run(200);
    warmed(&mut world);
    let started = world.now();
    let stream = begin(&mut world, &head("POST", CHAT, &[]));
    world.vms[0].request_body(stream, br#"{"model": "gpt-5"}"#, true).unwrap();
    decided(&mut world, stream);
    assert!(world.now() - started <= 400, "it took {} ms", world.now() - started);
    assert_eq!(refusal(&world, stream), (503, "body_withheld".to_owned()));
    let told = world.vms[0].reply(stream).unwrap().text();
    assert!(told.contains("allow_on_headers_stop_iteration"), "{told}");

    // What needs no body passes as before, on a cold worker too.
    let mut world = World::with_setup(1, &policy(), &setup);
    let stream = begin(&mut world, &head("POST", FREE, &[("content-length", "5")]));
    world.vms[0].request_body(stream, b"hello", true).unwrap();
    decided(&mut world, stream);
    assert_eq!(world.vms[0].stream(stream).sent_body, b"hello");
}

#[test]
fn trailers_end_a_body_too() {
    let mut world = ready();
    let stream = begin(&mut world, &head("POST", CHAT, &[]));
    world.vms[0].request_body(stream, br#"{"model": "gpt-5", "stream": true}"#, false).unwrap();
    let action = world.vms[0].request_trailers(stream).unwrap();
    assert_eq!(action, Action::Continue);
    assert!(world.vms[0].is_upstream(stream));
    let sent = &world.vms[0].stream(stream).sent_body;
    assert!(String::from_utf8_lossy(sent).contains("include_usage"));
}

#[test]
fn a_client_that_leaves_while_its_body_is_read_leaves_nothing_behind() {
    let mut world = ready();
    for _ in 0..100 {
        let stream = begin(&mut world, &head("POST", CHAT, &[]));
        world.vms[0].request_body(stream, br#"{"model": "gpt-5", "#, false).unwrap();
        world.vms[0].end(stream).unwrap();
    }
    assert_eq!(settled(&mut world), []);
    world.run(12_000);
    assert_eq!(world.sidecar.account("team").reserved.0, 0);
}

#[test]
fn bytes_that_have_a_price_are_counted_as_they_go_by() {
    let mut world = ready();
    let stream = post(&mut world, UPLOAD, &vec![b'x'; 2_000_000], 65_536);
    assert_eq!(world.vms[0].stream(stream).sent_body.len(), 2_000_000);
    world.vms[0].respond_and_end(stream, &[(":status", "200")]).unwrap();
    assert_eq!(settled(&mut world), [(2_000_000, "bytes", 200)]);
}
