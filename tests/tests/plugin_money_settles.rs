//! Is each call settled once, at what it has cost, however its stream ends?

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

#[path = "plugin_world/priced.rs"]
mod priced;
#[path = "plugin_world/world.rs"]
mod world;

use priced::{CHAT, HOLD, MESSAGES, PRICE, PRICED, connected, head, policy, post, settled, warmed};
use tollkeeper_tests::host::{Action, Broken, Status, StreamId, Vm, When};
use world::World;

const ASK: &[u8] = br#"{"model": "gpt-5", "stream": true, "messages": []}"#;

/// What an answer says that used 1,000 tokens of input and 100 of output: 0.00045.
const USED: u64 = 450_000;
const JSON: &str = r#"{"id": "chatcmpl-1", "model": "gpt-5", "choices": [],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}}"#;
const SSE: &str = concat!(
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-5\",\"choices\":[{\"delta\":{\"content\":\"\u{e9}\"}}],\"usage\":null}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-5\",\"choices\":[],\"usage\":{\"prompt_tokens\":1000,",
    "\"completion_tokens\":100,\"total_tokens\":1100}}\n\n",
    "data: [DONE]\n\n",
);

type Headers<'a> = &'a [(&'a str, &'a str)];
const IS_JSON: Headers<'_> = &[(":status", "200"), ("content-type", "application/json")];
const IS_SSE: Headers<'_> = &[(":status", "200"), ("content-type", "text/event-stream")];

fn ready() -> World {
    let mut world = World::ready(1, &policy());
    warmed(&mut world);
    world
}

/// A chat that has been let go, on a connection.
fn chat(world: &mut World) -> StreamId {
    let stream = post(world, CHAT, ASK, 64);
    assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
    connected(&mut world.vms[0], stream);
    stream
}

/// An answer in pieces; the last one ends it if `end`.
fn answer(vm: &mut Vm, stream: StreamId, head: Headers<'_>, body: &[u8], size: usize, end: bool) {
    let action = vm.response_headers(stream, head, body.is_empty() && end).unwrap();
    assert_eq!(action, Action::Continue);
    let mut pieces = body.chunks(size).peekable();
    while let Some(piece) = pieces.next() {
        let ends = end && pieces.peek().is_none();
        assert_eq!(vm.response_body(stream, piece, ends).unwrap(), Action::Continue);
    }
    assert_eq!(vm.stream(stream).delivered_body, body, "an answer passes as it came");
}

/// One way in which a stream ends, after which it is deleted.
type Ending = fn(&mut Vm, StreamId) -> Result<(), Broken>;

const ENDINGS: &[(&str, Ending, (u64, &str, u16))] = &[
    (
        "whole",
        |vm, s| {
            answer(vm, s, IS_JSON, JSON.as_bytes(), 9, true);
            Ok(())
        },
        (USED, "usage", 200),
    ),
    (
        "streamed",
        |vm, s| {
            answer(vm, s, IS_SSE, SSE.as_bytes(), 1, true);
            Ok(())
        },
        (USED, "usage", 200),
    ),
    (
        "with trailers",
        |vm, s| {
            answer(vm, s, IS_SSE, SSE.as_bytes(), 50, false);
            vm.response_trailers(s).map(|_| ())
        },
        (USED, "usage", 200),
    ),
    (
        "cut off before its usage",
        |vm, s| {
            answer(vm, s, IS_SSE, &SSE.as_bytes()[..100], 9, false);
            Ok(())
        },
        (HOLD, "reserve", 200),
    ),
    (
        "an error event in a 200",
        |vm, s| {
            let body = b"data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
            answer(vm, s, IS_SSE, body, 9, true);
            Ok(())
        },
        (HOLD, "reserve", 200),
    ),
    (
        "no usage",
        |vm, s| {
            answer(vm, s, IS_JSON, b"{\"choices\": []}", 9, true);
            Ok(())
        },
        (HOLD, "reserve", 200),
    ),
    (
        "unreadable",
        |vm, s| {
            let head: Headers<'_> = &[(":status", "200"), ("content-encoding", "br")];
            answer(vm, s, head, b"\x1b\x2c\x3d", 1, true);
            Ok(())
        },
        (HOLD, "reserve", 200),
    ),
    (
        "a head that ends the stream",
        |vm, s| {
            answer(vm, s, IS_JSON, b"", 1, true);
            Ok(())
        },
        (HOLD, "reserve", 200),
    ),
    (
        "not billed",
        |vm, s| {
            answer(vm, s, &[(":status", "500")], b"{}", 9, true);
            Ok(())
        },
        (0, "zero", 500),
    ),
    (
        "refuses the credential",
        |vm, s| vm.response_headers(s, &[(":status", "401")], false).map(|_| ()),
        (0, "zero", 401),
    ),
    ("no answer", |_, _| Ok(()), (HOLD, "reserve", 0)),
    (
        "Envoy gives up waiting",
        |vm, s| vm.envoy_replies(s, 504, "upstream_response_timeout"),
        (HOLD, "reserve", 0),
    ),
    (
        "the upstream resets",
        |vm, s| {
            vm.envoy_replies(
                s,
                503,
                "upstream_reset_before_response_started{connection_termination}",
            )
        },
        (HOLD, "reserve", 0),
    ),
];

#[test]
fn every_end_settles_once_at_what_it_has_cost() {
    for (name, ending, expected) in ENDINGS {
        let mut world = ready();
        let stream = chat(&mut world);
        ending(&mut world.vms[0], stream).unwrap();
        world.vms[0].end(stream).unwrap();
        assert_eq!(settled(&mut world), [*expected], "{name}");
        world.run(12_000);
        let account = world.sidecar.account("team");
        assert_eq!((account.settled.0, account.reserved.0), (expected.0, 0), "{name}");
    }
}

#[test]
fn what_never_reached_the_upstream_costs_nothing() {
    let mut world = ready();
    let stream = post(&mut world, CHAT, ASK, 64);
    let why = "upstream_reset_before_response_started{remote_connection_failure}";
    world.vms[0].envoy_replies(stream, 503, why).unwrap();
    let told = world.vms[0].stream(stream).delivered.clone().unwrap();
    assert_eq!(told.text("x-tollkeeper-cost").as_deref(), Some("0.00"));
    // A client that leaves while Envoy still connects.
    let stream = world.decided(0, &head("GET", PRICED, &[]));
    world.vms[0].end(stream).unwrap();
    assert_eq!(settled(&mut world), [(0, "zero", 0), (0, "zero", 0)]);
}

#[test]
fn a_call_that_is_refused_settles_nothing() {
    let mut world = ready();
    for body in [&b"{}"[..], br#"{"model": "gpt-4"}"#] {
        let stream = post(&mut world, CHAT, body, 64);
        assert!(world.vms[0].reply(stream).is_some());
    }
    let stream = world.decided(0, &head("GET", "/openai/none", &[]));
    assert!(world.vms[0].reply(stream).is_some());
    assert_eq!(settled(&mut world), []);
}

#[test]
fn the_caller_hears_what_it_costs_and_what_is_left_from_the_gate_alone() {
    let mut world = ready();
    let stream = world.decided(0, &head("GET", PRICED, &[]));
    let forged = [
        (":status", "200"),
        ("x-tollkeeper-cost", "0"),
        ("x-tollkeeper-budget-remaining", "1000000"),
    ];
    world.vms[0].response_headers(stream, &forged, true).unwrap();
    let told = world.vms[0].stream(stream).delivered.clone().unwrap();
    assert_eq!(told.text("x-tollkeeper-cost").as_deref(), Some("0.0137"));
    assert_eq!(told.text("x-tollkeeper-budget-remaining").as_deref(), Some("99.9863"));
    world.vms[0].end(stream).unwrap();

    // What a model will have cost is not known with the head; what the upstream says of it is not passed.
    let stream = post(&mut world, MESSAGES, br#"{"model": "claude-haiku-5"}"#, 64);
    world.vms[0].response_headers(stream, &forged, false).unwrap();
    let told = world.vms[0].stream(stream).delivered.clone().unwrap();
    assert_eq!(told.get("x-tollkeeper-cost"), None);
    world.vms[0].end(stream).unwrap();

    let stream = world.decided(0, &head("GET", "/openai/free", &[]));
    world.vms[0].response_headers(stream, &forged, true).unwrap();
    let told = world.vms[0].stream(stream).delivered.clone().unwrap();
    assert_eq!(told.get("x-tollkeeper-cost"), None);
    assert_eq!(told.get("x-tollkeeper-budget-remaining"), None);
}

#[test]
fn calls_of_one_price_are_told_in_one_line() {
    let mut world = ready();
    for _ in 0..50 {
        let stream = world.decided(0, &head("GET", PRICED, &[]));
        world.vms[0].respond_and_end(stream, &[(":status", "200")]).unwrap();
    }
    world.run(600);
    let said: Vec<_> = world.sidecar.settlements().map(|one| one.calls).collect();
    assert_eq!(said.iter().sum::<u64>(), 50);
    assert!(said.len() <= 3, "{said:?}");
    assert_eq!(world.sidecar.account("acme").settled.0, 50 * PRICE, "as in the budget above");
}

#[test]
fn a_worker_that_dies_costs_no_more_than_its_slice_and_what_ran() {
    let mut world = ready();
    for _ in 0..20 {
        let stream = world.decided(0, &head("GET", PRICED, &[]));
        world.vms[0].respond_and_end(stream, &[(":status", "200")]).unwrap();
        world.run(20);
    }
    world.run(600);
    let stranded = world.sidecar.account("team").reserved.0;
    assert!(stranded <= 40 * PRICE, "{stranded}");
    world.replace(0);
    world.run(30_000);
    let account = world.sidecar.account("team");
    assert_eq!(account.settled.0, 20 * PRICE);
    assert!(account.presumed.0 + account.reserved.0 <= stranded);
}

/// A call of each kind, from its head to its end, whatever the host does; the clock and the sidecar run.
fn any_call(world: &mut World) -> Result<(), Broken> {
    for (path, body) in [(CHAT, ASK), (PRICED, &b""[..])] {
        let vm = &mut world.vms[0];
        let stream = vm.open()?;
        let method = if body.is_empty() { "GET" } else { "POST" };
        vm.request_headers(stream, &head(method, path, &[]), body.is_empty())?;
        if vm.is_paused(stream) && !body.is_empty() {
            vm.request_body(stream, body, true)?;
        }
        for _ in 0..500 {
            if !world.vms[0].is_paused(stream) {
                break;
            }
            world.step();
        }
        let vm = &mut world.vms[0];
        if vm.is_upstream(stream) {
            connected(vm, stream);
            vm.response_headers(stream, IS_SSE, false)?;
        }
        if vm.stream(stream).phase == tollkeeper_tests::host::Phase::Answered {
            vm.response_body(stream, SSE.as_bytes(), true)?;
        }
        vm.end(stream)?;
    }
    Ok(())
}

#[test]
fn a_host_call_that_fails_once_loses_no_money_and_kills_nobody() {
    let mut healthy = ready();
    let before = healthy.vms[0].counts().clone();
    any_call(&mut healthy).unwrap();
    let calls: Vec<(&'static str, u64)> = healthy.vms[0]
        .counts()
        .iter()
        .map(|(call, count)| (*call, count - before.get(call).copied().unwrap_or(0)))
        .filter(|(call, count)| {
            *count > 0 && call.starts_with("proxy_") && *call != "proxy_http_call"
        })
        .collect();
    assert!(calls.iter().any(|(call, _)| *call == "proxy_set_buffer_bytes"), "{calls:?}");
    let mut runs = 0;
    for (call, count) in calls {
        for nth in 1..=count.min(8) {
            for status in [Status::NOT_FOUND, Status::BAD_ARGUMENT, Status::INTERNAL_FAILURE] {
                runs += 1;
                let mut world = ready();
                world.vms[0].fail(call, status, When::Nth(nth));
                any_call(&mut world).unwrap_or_else(|broken| panic!("{call} {nth}: {broken}"));
                world.vms[0].heal();
                world.run(12_000);
                let account = world.sidecar.account("team");
                let sums = account.settled.0;
                let possible = [0, USED, PRICE, HOLD, USED + PRICE, HOLD + PRICE];
                assert!(possible.contains(&sums), "{call} {nth} {status:?}: {sums}");
                assert_eq!(account.reserved.0, 0, "{call} {nth} {status:?}");
            }
        }
    }
    println!("{runs} runs");
}
