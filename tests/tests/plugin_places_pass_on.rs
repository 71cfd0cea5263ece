//! Who takes over the place of a call that ends, and when?
//!
//! The built filter in one worker, with the real ledger and one place. What happens at once happens in
//! the callback that ends the call: no time goes by and no tick comes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

#[path = "plugin_world/world.rs"]
mod world;

use tollkeeper_tests::host::{Status, StreamId, Vm, When};
use world::{World, key, policy, request};

const ONE_AT_ONCE: &str = r#"{"concurrent": 1}"#;

/// Longer than a request ever waits.
const DEADLINE_MS: u64 = 400;

#[test]
fn whoever_has_waited_longest_goes_as_the_answer_ends() {
    let mut world = World::ready(1, &policy(ONE_AT_ONCE));
    let mut running = running(&mut world);
    let mut waiting: Vec<_> = (0..3).map(|_| waits(&mut world)).collect();
    while !waiting.is_empty() {
        answer_and_end(&mut world.vms[0], running);
        running = waiting.remove(0);
        assert!(world.vms[0].is_upstream(running), "the oldest of {}", waiting.len() + 1);
        assert!(waiting.iter().all(|later| world.vms[0].is_paused(*later)), "one place is for one");
    }
}

#[test]
fn an_answer_that_breaks_off_frees_its_place_at_once_too() {
    let mut world = World::ready(1, &policy(ONE_AT_ONCE));
    let running = running(&mut world);
    let next = waits(&mut world);
    world.vms[0].response_headers(running, &[(":status", "200")], false).unwrap();
    world.vms[0].end(running).unwrap();
    assert!(world.vms[0].is_upstream(next));
}

#[test]
fn a_connection_that_breaks_sends_nobody_upstream_who_waits_on_it() {
    let mut world = World::ready(1, &policy(ONE_AT_ONCE));
    let running = running(&mut world);
    let same_connection = waits(&mut world);
    let other_connection = waits(&mut world);
    world.vms[0].end(running).unwrap();
    world.vms[0].end(same_connection).unwrap();
    assert!(world.vms[0].stream(same_connection).sent.is_none());
    assert!(world.vms[0].is_paused(other_connection));
    world.run(2);
    assert!(world.vms[0].is_upstream(other_connection), "the next tick lets it go");
}

#[test]
fn whoever_must_be_refused_is_refused_by_the_next_tick() {
    let mut world = World::ready(1, &policy(ONE_AT_ONCE));
    let running = running(&mut world);
    let waiting = waits(&mut world);
    // The filter can no longer put the credential on.
    world.vms[0].fail("proxy_replace_header_map_value", Status::INTERNAL_FAILURE, When::Nth(1));
    answer_and_end(&mut world.vms[0], running);
    assert!(world.vms[0].is_paused(waiting), "nobody is answered from another stream's end");
    world.run(2);
    assert_eq!(world.refusal(0, waiting).map(|(status, _)| status), Some(503));
    assert!(world.vms[0].stream(waiting).sent.is_none());
    let next = world.decided(0, &request(&key(1)));
    assert!(world.vms[0].is_upstream(next), "the place is free again");
}

#[test]
fn no_status_of_a_host_call_breaks_the_worker_or_loses_the_place() {
    for call in [
        "proxy_set_effective_context",
        "proxy_get_header_map_pairs",
        "proxy_remove_header_map_value",
        "proxy_replace_header_map_value",
        "proxy_continue_stream",
        "proxy_set_tick_period_milliseconds",
    ] {
        let mut world = World::ready(1, &policy(ONE_AT_ONCE));
        for status in Status::all() {
            let running = running(&mut world);
            let waiting = waits(&mut world);
            world.vms[0].response_headers(running, &[(":status", "200")], true).unwrap();
            world.vms[0].fail(call, status, When::Nth(1));
            world.vms[0].end(running).unwrap();
            world.vms[0].heal();
            world.run(DEADLINE_MS);
            // Decided or not, it ends, and with it what it held.
            world.vms[0].end(waiting).unwrap();
            assert!(!world.vms[0].is_dead(), "{call} returned {status:?}");
        }
    }
}

/// A call that has the place.
fn running(world: &mut World) -> StreamId {
    let stream = world.decided(0, &request(&key(1)));
    assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
    stream
}

/// One that waits for it, and has done so for a moment.
fn waits(world: &mut World) -> StreamId {
    let stream = world.call(0, &request(&key(1)));
    world.run(5);
    assert!(world.vms[0].is_paused(stream));
    stream
}

fn answer_and_end(vm: &mut Vm, stream: StreamId) {
    vm.respond_and_end(stream, &[(":status", "200")]).unwrap();
}
