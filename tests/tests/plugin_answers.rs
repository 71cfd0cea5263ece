//! What of an answer reaches the caller, and what does a stream leave behind, however it ends?

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

#[path = "plugin_world/world.rs"]
mod world;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tollkeeper_tests::host::{Action, Headers, Phase, StreamId};
use world::{World, key, policy, request, to};

const FOUR_AT_ONCE: &str = r#"{"concurrent": 4}"#;
const LIMIT: &str = "client/checkout/concurrent";

/// Bytes that every encoding shows differently.
const SECRET: &str = "usr:s3cr+t/va lue?~key>";

/// A service for each way of injecting, and its call.
const WAYS: [(&str, &str, &str); 5] = [
    ("bearer", r#"{"as": "bearer"}"#, "authorization"),
    ("basic", r#"{"as": "basic"}"#, "authorization"),
    ("header", r#"{"as": "header", "name": "x-own-key"}"#, "x-own-key"),
    ("prefix", r#"{"as": "header", "name": "x-own-key", "prefix": "Token "}"#, "x-own-key"),
    ("query", r#"{"as": "query", "name": "key"}"#, ":path"),
];

#[test]
fn the_injected_value_comes_back_in_no_header_and_no_form() {
    let mut world = world_of_all_ways();
    for (service, _, place) in WAYS {
        let first = admitted(&mut world, service);
        let sent = world.vms[0].stream(first).sent.clone().unwrap();
        let injected = sent.get(place).unwrap().to_vec();
        world.vms[0].end(first).unwrap();
        for form in forms(&injected) {
            let stream = admitted(&mut world, service);
            let quoted = [b"invalid key: ", form.as_slice(), b" (see docs)"].concat();
            let answer: [(&str, &[u8]); 4] = [
                (":status", b"200"),
                ("x-error", &quoted),
                ("x-other", b"stays"),
                ("location", &form),
            ];
            let action = world.vms[0].response_headers(stream, &answer, false).unwrap();
            assert_eq!(action, Action::Continue, "an answer is never held");
            let delivered = world.vms[0].stream(stream).delivered.clone().unwrap();
            let expected = Headers::new(&[(":status", "200"), ("x-other", "stays")]);
            assert_eq!(delivered, expected, "{service}: {}", form.escape_ascii());
            world.vms[0].end(stream).unwrap();
        }
    }
}

#[test]
fn an_answer_without_the_credential_passes_untouched() {
    let mut world = world_of_all_ways();
    for (service, ..) in WAYS {
        for status in ["200", "201", "204", "301", "400", "404", "429", "500", "503"] {
            let stream = admitted(&mut world, service);
            let answer: Vec<(&str, &[u8])> = vec![
                (":status", status.as_bytes()),
                ("content-type", b"text/event-stream"),
                ("set-cookie", b"a=1"),
                ("set-cookie", b"b=\xff\xfe\x01"),
                ("x-empty", b""),
                ("retry-after", b"7"),
            ];
            let action = world.vms[0].response_headers(stream, &answer, false).unwrap();
            assert_eq!(action, Action::Continue);
            let delivered = world.vms[0].stream(stream).delivered.clone().unwrap();
            assert_eq!(delivered, Headers::new(&answer), "{service} {status}");
            assert!(world.vms[0].reply(stream).is_none());
            world.vms[0].end(stream).unwrap();
        }
    }
}

#[test]
fn a_401_or_403_of_the_upstream_is_replaced_once_and_keeps_its_status() {
    let mut world = world_of_all_ways();
    for (service, ..) in WAYS {
        for status in [401_u32, 403] {
            let stream = admitted(&mut world, service);
            let text = status.to_string();
            let answer = [(":status", text.as_str()), ("x-error", SECRET), ("server", "upstream")];
            world.vms[0].response_headers(stream, &answer, false).unwrap();
            let state = world.vms[0].stream(stream);
            let reply = state.reply.clone().unwrap();
            assert_eq!(reply.status, status);
            let code = reply.headers.text("x-tollkeeper-refusal");
            assert_eq!(code.as_deref(), Some("upstream_refused_credential"));
            let problem: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(problem["code"], "upstream_refused_credential");
            let delivered = state.delivered.clone().unwrap();
            assert!(!delivered.contain(SECRET.as_bytes()) && delivered.get("server").is_none());
            let replies = state.calls.iter().filter(|call| **call == "proxy_send_local_response");
            assert_eq!(replies.count(), 1);
            assert_eq!(state.phase, Phase::Deleted);
        }
    }
}

#[test]
fn a_refusal_of_the_gate_is_not_taken_for_one_of_the_upstream() {
    let mut world = world_of_all_ways();
    let stream = world.decided(0, &to("/bearer/v1/models", &[("api-key", "tk_broken")]));
    assert_eq!(world.refusal(0, stream), Some((401, "client_key_broken".to_owned())));
}

#[test]
fn ten_thousand_lives_of_streams_leave_all_places_free() {
    let mut world = World::ready(1, &policy(FOUR_AT_ONCE));
    let mut random = fastrand::Rng::with_seed(3);
    let mut open: Vec<StreamId> = Vec::new();
    let mut running_most = 0;
    for _ in 0..10_000 {
        open.push(begin(&mut world, &mut random));
        if random.u8(0..4) == 0 {
            world.step();
        }
        let vm = &mut world.vms[0];
        let running = open.iter().filter(|stream| vm.is_upstream(**stream)).count();
        running_most = running_most.max(running);
        while open.len() > random.usize(0..12) {
            let stream = open.swap_remove(random.usize(0..open.len()));
            end(&mut world, stream, &mut random);
        }
        open.retain(|stream| world.vms[0].stream(*stream).phase != Phase::Deleted);
        world.vms[0].forget_ended_streams();
    }
    open.into_iter().for_each(|stream| world.vms[0].end(stream).unwrap());
    assert_eq!(running_most, 4, "all places were taken at a time, and never more");
    all_places_are_free(&mut world);
}

/// Nobody calls: everything lent goes back. A place that leaked here would stay lent for good.
fn all_places_are_free(world: &mut World) {
    world.run(11_500);
    let now = world.moment();
    assert_eq!(world.sidecar.lent(LIMIT, now), 0);
    let streams: Vec<_> = (0..5).map(|_| world.decided(0, &request(&key(1)))).collect();
    let running = streams.iter().filter(|stream| world.vms[0].is_upstream(**stream)).count();
    assert_eq!(running, 4, "{:?}", world.refusal(0, streams[4]));
}

/// A stream in one of the ways in which streams begin.
fn begin(world: &mut World, random: &mut fastrand::Rng) -> StreamId {
    match random.u8(0..8) {
        // Never gets headers: the codec refuses it, or the client leaves.
        0 => world.vms[0].open().unwrap(),
        1 => world.call(0, &request("tk_broken")),
        2 => world.call(0, &request(&key(99))),
        3 => world.call(0, &to("/openai/v1/files", &[("x-api-key", &key(1))])),
        _ => world.call(0, &request(&key(1))),
    }
}

/// The end of a stream, in one of the ways in which they end.
fn end(world: &mut World, stream: StreamId, random: &mut fastrand::Rng) {
    let vm = &mut world.vms[0];
    if vm.is_upstream(stream) {
        let status = ["200", "401", "403", "503"][random.usize(0..4)];
        match random.u8(0..3) {
            0 => {}
            1 => drop(vm.response_headers(stream, &[(":status", status)], true).unwrap()),
            _ => vm.respond_and_end(stream, &[(":status", status)]).unwrap(),
        }
    }
    vm.end(stream).unwrap();
}

/// A request that has been let go.
fn admitted(world: &mut World, service: &str) -> StreamId {
    let stream = world.decided(0, &to(&format!("/{service}/v1/models"), &[("api-key", &key(1))]));
    assert!(world.vms[0].is_upstream(stream), "{service}: {:?}", world.refusal(0, stream));
    stream
}

/// In which forms the secret, or the value that was injected, may come back.
fn forms(injected: &[u8]) -> Vec<Vec<u8>> {
    let injected = injected.split(|byte| *byte == b'=').next_back().unwrap_or(injected);
    let whole = if injected.len() < SECRET.len() { SECRET.as_bytes() } else { injected };
    let escaped = |upper: bool| {
        let one = |byte: u8| match (byte, upper) {
            (b'a'..=b'z' | b'0'..=b'9' | b'~', _) => char::from(byte).to_string(),
            (_, true) => format!("%{byte:02X}"),
            (_, false) => format!("%{byte:02x}"),
        };
        SECRET.bytes().map(one).collect::<String>().into_bytes()
    };
    vec![
        whole.to_vec(),
        SECRET.as_bytes().to_vec(),
        STANDARD.encode(SECRET).into_bytes(),
        URL_SAFE_NO_PAD.encode(SECRET).into_bytes(),
        escaped(true),
        escaped(false),
    ]
}

fn world_of_all_ways() -> World {
    let services = WAYS.map(|(name, inject, _)| {
        format!(
            r#""{name}": {{"cluster": "{name}", "hosts": ["{name}.example"], "credential": "{name}",
                "inject": {inject}, "routes": [{{"match": "GET /v1/models", "free": "a test"}}]}}"#
        )
    });
    let uses = WAYS.map(|(name, ..)| format!(r#""{name}": {{}}"#));
    let policy = format!(
        r#"{{"policy_version": 1,
            "organization": {{"name": "acme", "currency": "USD", "time_zone": "UTC"}},
            "services": {{{}}},
            "clients": {{"checkout": {{"owner": "checkout@acme.example",
                "known_by": [{{"key": "sha256:{}"}}], "may_use": {{{}}}}}}}}}"#,
        services.join(","),
        wire::client_key::digest(key(1).as_bytes()),
        uses.join(",")
    );
    let mut world = World::new(1, &policy);
    WAYS.iter().for_each(|(name, ..)| world.sidecar.set_secret(name, SECRET));
    world.run(200);
    world
}
