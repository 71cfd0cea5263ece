//! What does a request cost: how many callouts, host calls, instructions and bytes?
//!
//! The first call of a client is one callout. After that a request is decided from memory, and the
//! number of callouts does not depend on the number of requests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

#[path = "plugin_world/priced.rs"]
mod priced;
#[path = "plugin_world/world.rs"]
mod world;

use priced::{FREE, PRICED};
use tollkeeper_tests::host::StreamId;
use world::{World, key, policy, policy_for, request, to};

const PLENTY: &str =
    r#"{"requests": 1000000, "per": "second", "burst": 1000000}, {"concurrent": 100000}"#;
const FIFTY_A_SECOND: &str = r#"{"requests": 50, "per": "second", "burst": 50}"#;

/// The host calls of an admitted request, from its first callback to its last. Each one more is paid by
/// every request: change this list only with a reason.
const CALLS_OF_AN_ADMITTED_REQUEST: [&str; 5] = [
    "proxy_get_header_map_pairs",
    // `:path` without the segment that named the service, `:authority`, the credential, the mark.
    "proxy_replace_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_replace_header_map_value",
];

/// The same for its answer.
const CALLS_OF_AN_ANSWER: [&str; 1] = ["proxy_get_header_map_pairs"];

/// Instructions of an admitted request with its answer and end, measured; the gate is a tenth above.
const FUEL_MEASURED: u64 = 21_800;

/// What a budget and a settlement add to a call at a flat price, measured; the gate is a tenth above.
/// Levels of budgets add nothing here: one lease counts against all of them. What is not in it is
/// Envoy's own work for the two response headers.
const FUEL_OF_MONEY_MEASURED: u64 = 2_500;

/// Syncs in ten seconds of a worker with a hundred priced calls a second: one every 250 ms, in which
/// costs are told anyway, and a few.
const SYNCS_OF_MONEY_MAX: usize = 45;

/// The same in host calls: what the call has cost, and what is left.
const CALLS_OF_MONEY: [&str; 2] = ["proxy_replace_header_map_value"; 2];

#[test]
fn the_first_call_of_a_client_is_one_callout() {
    let mut world = World::ready(1, &policy(PLENTY));
    let before = world.syncs[0].len();
    let stream = world.decided(0, &request(&key(1)));
    assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
    assert_eq!(world.syncs[0].len(), before + 1);
    let asked = world.sidecar.requests.last().unwrap();
    assert_eq!(asked.who.len(), 1);
    let next = world.call(0, &request(&key(1)));
    assert!(world.vms[0].is_upstream(next), "the second call is decided at once");
}

#[test]
fn callouts_do_not_grow_with_requests() {
    for (number, most) in [(1, 190), (2, 21)] {
        let few = callouts_in_ten_seconds(number, 1);
        let many = callouts_in_ten_seconds(number, 10);
        println!("client {number}: {few} callouts for 1,000 requests, {many} for 10,000");
        assert!(many <= most, "client {number}: {many} callouts in ten seconds");
        assert!(many <= few + few / 10, "client {number}: {few} callouts became {many}");
    }
}

/// A request every ten milliseconds, or so many; all admitted at once.
fn callouts_in_ten_seconds(client: u8, at_once: usize) -> usize {
    let mut world = World::ready(1, &policy(PLENTY));
    let request = request(&key(client));
    // The client is known and its demand settled.
    for _ in 0..200 {
        let streams: Vec<_> = (0..at_once).map(|_| world.call(0, &request)).collect();
        world.run(10);
        finish(&mut world, &streams);
    }
    let before = world.syncs[0].len();
    for _ in 0..1_000 {
        let streams: Vec<_> = (0..at_once).map(|_| world.call(0, &request)).collect();
        assert!(streams.iter().all(|stream| world.vms[0].is_upstream(*stream)));
        world.run(10);
        finish(&mut world, &streams);
    }
    world.syncs[0].len() - before
}

#[test]
fn a_key_with_a_wrong_check_never_reaches_the_sidecar() {
    let mut world = World::ready(1, &policy(PLENTY));
    for slip in 0..200_usize {
        let mut broken = key(1).into_bytes();
        let place = 3 + slip % 48;
        broken[place] = if broken[place] == b'A' { b'B' } else { b'A' };
        let broken = String::from_utf8(broken).unwrap();
        let stream = world.call(0, &request(&broken));
        assert_eq!(world.refusal(0, stream), Some((401, "client_key_broken".to_owned())));
        world.run(5);
    }
    assert!(world.sidecar.requests.iter().all(|asked| asked.who.is_empty()));
}

#[test]
fn an_unknown_key_is_asked_about_once_a_second() {
    let mut world = World::ready(1, &policy(PLENTY));
    for _ in 0..300 {
        let stream = world.call(0, &request(&key(99)));
        world.run(10);
        assert_eq!(world.refusal(0, stream), Some((401, "client_key_unknown".to_owned())));
    }
    let asked: usize = world.sidecar.requests.iter().map(|asked| asked.who.len()).sum();
    assert!((3..=4).contains(&asked), "{asked} questions in three seconds");
}

#[test]
fn a_flood_of_unknown_keys_is_bounded_and_keeps_nobody_out() {
    let mut world = World::ready(1, &policy(PLENTY));
    let from = world.sidecar.requests.len();
    let mut number = 0;
    let mut flood = |world: &mut World| {
        for _ in 0..10 {
            number += 1;
            let name = format!("sk-made-up-{number}");
            let stream = world.call(0, &request(&name));
            assert!(!world.vms[0].is_upstream(stream));
        }
        world.step();
    };
    (0..500).for_each(|_| flood(&mut world));
    let newcomer = world.call(0, &request(&key(1)));
    (0..250).for_each(|_| flood(&mut world));
    assert!(world.vms[0].is_upstream(newcomer), "{:?}", world.refusal(0, newcomer));
    let asked: usize = world.sidecar.requests[from..].iter().map(|asked| asked.who.len()).sum();
    assert!(asked <= 17 * 20, "{asked} questions for {number} keys");
    assert!(world.busiest_second() <= 20, "{}", world.busiest_second());
}

#[test]
fn offered_a_hundred_times_its_limit_a_worker_syncs_twenty_times_a_second_at_most() {
    let mut world = World::ready(1, &policy(FIFTY_A_SECOND));
    let request = request(&key(1));
    for _ in 0..3_000 {
        for _ in 0..5 {
            world.call(0, &request);
        }
        world.step();
        world.vms[0].forget_ended_streams();
    }
    let busiest = world.busiest_second();
    println!("{busiest} syncs in the busiest second");
    assert!((10..=20).contains(&busiest), "{busiest}");
}

#[test]
fn the_host_calls_of_an_admitted_request_are_these() {
    let mut world = steady();
    let stream = world.call(0, &request(&key(1)));
    assert_eq!(world.vms[0].stream(stream).calls, CALLS_OF_AN_ADMITTED_REQUEST);
    world.vms[0].respond_and_end(stream, &[(":status", "200"), ("content-type", "x")]).unwrap();
    let calls = &world.vms[0].stream(stream).calls[CALLS_OF_AN_ADMITTED_REQUEST.len()..];
    assert_eq!(calls, CALLS_OF_AN_ANSWER);
}

#[test]
fn a_key_in_another_place_costs_one_host_call_more() {
    let mut world = steady();
    let stream = world.call(0, &to("/openai/v1/models", &[("x-api-key", &key(1))]));
    let calls = &world.vms[0].stream(stream).calls;
    assert_eq!(calls.len(), CALLS_OF_AN_ADMITTED_REQUEST.len() + 1, "{calls:?}");
    assert_eq!(calls[1], "proxy_remove_header_map_value");
}

#[test]
fn an_admitted_request_costs_no_more_instructions_than_it_did() {
    const REQUESTS: u64 = 100;
    let mut world = steady();
    let callbacks = [
        "proxy_on_context_create",
        "proxy_on_request_headers",
        "proxy_on_response_headers",
        "proxy_on_log",
        "proxy_on_done",
        "proxy_on_delete",
    ];
    let spent = |world: &World| callbacks.map(|name| world.vms[0].fuel(name).total);
    let before = spent(&world);
    for _ in 0..REQUESTS {
        let stream = world.call(0, &browserlike(&key(1)));
        assert!(world.vms[0].is_upstream(stream));
        world.vms[0].respond_and_end(stream, &ANSWER).unwrap();
    }
    let each: Vec<u64> =
        before.iter().zip(spent(&world)).map(|(from, to)| (to - from) / REQUESTS).collect();
    let all: u64 = each.iter().sum();
    println!("{all} instructions a request: {:?}", callbacks.iter().zip(&each).collect::<Vec<_>>());
    assert!(
        all <= FUEL_MEASURED + FUEL_MEASURED / 10,
        "{all} instructions, {FUEL_MEASURED} before"
    );
    assert!(all >= FUEL_MEASURED / 2, "{all} instructions: set FUEL_MEASURED anew");
}

#[test]
fn a_budget_and_a_settlement_add_few_instructions_to_a_call() {
    let mut world = World::ready(1, &priced::policy());
    let (free, priced) = (call_cost(&mut world, FREE), call_cost(&mut world, PRICED));
    println!("{free} instructions a free call, {priced} one at a flat price");
    let added = priced - free;
    assert!(
        added <= FUEL_OF_MONEY_MEASURED + FUEL_OF_MONEY_MEASURED / 10,
        "{added} instructions for money, {FUEL_OF_MONEY_MEASURED} before"
    );
}

#[test]
fn money_costs_two_host_calls_an_answer_and_its_body_none() {
    let mut world = World::ready(1, &priced::policy());
    let head = priced::head("GET", PRICED, &[]);
    call_cost(&mut world, PRICED);
    let stream = world.call(0, &head);
    let vm = &mut world.vms[0];
    assert_eq!(vm.stream(stream).calls, CALLS_OF_AN_ADMITTED_REQUEST);
    vm.response_headers(stream, &ANSWER, false).unwrap();
    vm.response_body(stream, b"{}", true).unwrap();
    vm.end(stream).unwrap();
    let calls = &vm.stream(stream).calls[CALLS_OF_AN_ADMITTED_REQUEST.len()..];
    let (head, rest) = calls.split_at(CALLS_OF_AN_ANSWER.len());
    assert_eq!((head, rest), (&CALLS_OF_AN_ANSWER[..], &CALLS_OF_MONEY[..]));
}

#[test]
fn a_busy_holder_of_money_syncs_few_times_a_second() {
    let mut world = World::ready(1, &priced::policy());
    let head = priced::head("GET", PRICED, &[]);
    let second = |world: &mut World| {
        let before = world.syncs[0].len();
        for _ in 0..100 {
            let stream = world.decided(0, &head);
            world.vms[0].respond_and_end(stream, &ANSWER).unwrap();
            world.run(10);
        }
        world.syncs[0].len() - before
    };
    // In the first three its demand becomes known.
    let syncs: usize = (0..13).map(|_| second(&mut world)).skip(3).sum();
    println!("{syncs} syncs in ten seconds");
    assert!(syncs <= SYNCS_OF_MONEY_MAX, "{syncs}");
}

/// The instructions of a call whose answer has a body, once everything about it is known.
fn call_cost(world: &mut World, path: &str) -> u64 {
    const CALLS: u64 = 100;
    let head = priced::head("GET", path, &[]);
    for _ in 0..200 {
        let stream = world.decided(0, &head);
        world.vms[0].respond_and_end(stream, &ANSWER).unwrap();
        world.step();
    }
    let callbacks = [
        "proxy_on_context_create",
        "proxy_on_request_headers",
        "proxy_on_response_headers",
        "proxy_on_response_body",
        "proxy_on_log",
        "proxy_on_done",
        "proxy_on_delete",
    ];
    let spent = |world: &World| callbacks.map(|name| world.vms[0].fuel(name).total);
    let before = spent(world);
    for _ in 0..CALLS {
        let stream = world.call(0, &head);
        let vm = &mut world.vms[0];
        assert!(vm.is_upstream(stream));
        vm.response_headers(stream, &ANSWER, false).unwrap();
        vm.response_body(stream, b"{}", true).unwrap();
        vm.end(stream).unwrap();
    }
    let each: Vec<u64> =
        before.iter().zip(spent(world)).map(|(from, to)| (to - from) / CALLS).collect();
    println!("{path}: {:?}", callbacks.iter().zip(&each).collect::<Vec<_>>());
    each.iter().sum()
}

#[test]
fn a_request_costs_the_same_among_two_hundred_clients() {
    let clients: Vec<_> =
        (1..=200_u8).map(|number| (number, format!("client-{number}"), PLENTY)).collect();
    let mut world = World::ready(1, &policy_for(&clients));
    for first in [1, 51, 101, 151] {
        let streams: Vec<_> =
            (first..first + 50).map(|number| world.call(0, &request(&key(number)))).collect();
        world.run(100);
        finish(&mut world, &streams);
    }
    let mut cost = |number| {
        let stream = world.call(0, &request(&key(number)));
        assert!(world.vms[0].is_upstream(stream));
        let cost = world.vms[0].fuel("proxy_on_request_headers").last;
        world.vms[0].end(stream).unwrap();
        cost + world.vms[0].fuel("proxy_on_delete").last
    };
    // Twice each: the first call after a sync notes more.
    let first = (cost(1), cost(1)).1;
    for number in 2..200 {
        cost(number);
    }
    let last = (cost(200), cost(200)).1;
    println!("{first} instructions alone, {last} among 200 clients");
    assert!(last <= first + first / 10, "{first} instructions alone, {last} among 200 clients");
}

#[test]
fn a_hundred_thousand_requests_leave_no_byte_behind() {
    let mut world = steady();
    let request = request(&key(1));
    let mut exchange = |rounds: usize| {
        for _ in 0..rounds {
            let streams: Vec<_> = (0..10).map(|_| world.call(0, &request)).collect();
            assert!(world.vms[0].is_upstream(streams[9]));
            finish(&mut world, &streams);
            world.step();
        }
        world.vms[0].memory_bytes()
    };
    let before = exchange(1_000);
    assert_eq!(exchange(10_000), before);
}

#[test]
fn a_hundred_thousand_clients_that_leave_while_they_wait_leave_no_byte_behind() {
    let mut world = World::new(1, &policy(PLENTY));
    world.network.down = true;
    let request = request(&key(1));
    let mut leave = |rounds: usize| {
        for _ in 0..rounds {
            let streams: Vec<_> = (0..10).map(|_| world.call(0, &request)).collect();
            assert!(world.vms[0].is_paused(streams[9]));
            streams.iter().for_each(|stream| world.vms[0].end(*stream).unwrap());
            world.vms[0].forget_ended_streams();
        }
        world.vms[0].memory_bytes()
    };
    let before = leave(1_000);
    assert_eq!(leave(10_000), before);
}

const ANSWER: [(&str, &str); 6] = [
    (":status", "200"),
    ("content-type", "application/json"),
    ("date", "Wed, 25 Nov 2026 03:00:00 GMT"),
    ("server", "cloudflare"),
    ("x-request-id", "req_0123456789abcdef0123456789abcdef"),
    ("openai-processing-ms", "123"),
];

/// What the client libraries of today send.
fn browserlike(key: &str) -> Vec<(String, Vec<u8>)> {
    let bearer = format!("Bearer {key}");
    to(
        "/openai/v1/models",
        &[
            ("authorization", &bearer),
            ("accept", "application/json"),
            ("accept-encoding", "gzip, deflate"),
            ("connection", "keep-alive"),
            ("content-type", "application/json"),
            ("user-agent", "OpenAI/Python 2.8.1"),
            ("x-stainless-arch", "x64"),
            ("x-stainless-async", "false"),
            ("x-stainless-lang", "python"),
            ("x-stainless-os", "Linux"),
            ("x-stainless-runtime", "CPython"),
            ("x-forwarded-proto", "https"),
            ("x-request-id", "5e2b7c5e-6b0a-4a7e-9d0e-0d8c0a1b2c3d"),
        ],
    )
}

/// A world whose client 1 is known and has a slice of everything.
fn steady() -> World {
    let mut world = World::ready(1, &policy(PLENTY));
    for _ in 0..20 {
        let streams: Vec<_> = (0..100).map(|_| world.decided(0, &request(&key(1)))).collect();
        world.run(20);
        finish(&mut world, &streams);
    }
    world
}

fn finish(world: &mut World, streams: &[StreamId]) {
    for stream in streams {
        if world.vms[0].is_upstream(*stream) {
            world.vms[0].respond_and_end(*stream, &[(":status", "200")]).unwrap();
        }
    }
    world.vms[0].forget_ended_streams();
}
