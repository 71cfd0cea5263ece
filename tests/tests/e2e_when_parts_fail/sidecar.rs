//! The sidecar is not there yet, is killed, or does not want to speak with Envoy.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::getuid;
use serde_json::json;
use tollkeeper_tests::load::{Load, SHOT, Shot, summary};
use tollkeeper_tests::rate::{Rate, worst_excess};
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{World, client, models, policy, until_answered};

use crate::plenty;

const UNAVAILABLE: [Option<&str>; 2] = [Some("sidecar_unavailable"), Some("no_policy")];

#[test]
fn a_sidecar_that_comes_later_is_found() {
    let mut world = World::new(&policy(&json!({ "early": client(&plenty()) })));
    let key = world.sidecar.issue_client("early");
    world.add_envoy(&world.deployment(), 2);
    let call = models(&key);
    for _ in 0..4 {
        let answer = call.send(world.gate()).unwrap();
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(UNAVAILABLE.contains(&answer.header("x-tollkeeper-refusal")), "{}", answer.text());
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert!(world.upstream.seen().is_empty());
    world.sidecar.serve();
    let (_, took) = wait::measured(|| until_answered(world.gate(), &call, 200));
    println!("served {took:?} after the sidecar came");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(world.vm_reloads(), 0);
}

#[test]
fn a_sidecar_that_is_killed_under_load_strands_little_and_gives_nothing_away() {
    const RATE: Rate = Rate { per_second: 20, burst: 20 };
    /// What was lent is good for so long, and what a worker learned a little longer than that.
    const LENT_FOR: Duration = Duration::from_secs(2);
    let mut world = World::running(&policy(&json!({})), 1, 4);
    let key = world.with_client("limited", &json!([{ "requests": 20, "per": "second" }]));
    let load = Load { to: world.gates(), connections: 32, per_second: 200, call: models(&key) };
    let running = load.start();
    running.until("it is in use", |shots| admitted(shots).count() > 30);

    world.sidecar.kill();
    let killed = wait::now();
    wait::pass(Duration::from_secs(5));
    let back = wait::now();
    world.sidecar.serve();
    running.until("it is in use again", |shots| {
        admitted(shots).filter(|shot| shot.sent > back).count() > 30
    });
    let shots = running.finish();

    let in_between = |shot: &&Shot| shot.sent > killed && shot.sent < back;
    let last = admitted(&shots).filter(in_between).map(|shot| shot.sent - killed).max();
    let first = admitted(&shots).filter(|shot| shot.sent > back).map(|shot| shot.sent - back).min();
    let over = worst_excess(&sent_and_arrived(&world, &shots), RATE);
    println!(
        "last call {last:?} after the kill, first {first:?} after the start; worst excess {over}"
    );
    println!("{}", summary(&shots));
    assert!(over <= 0, "{over} over the limit");
    assert!(last.is_none_or(|last| last <= LENT_FOR), "{last:?}");
    let refused = shots.iter().filter(|shot| shot.status() != 200);
    for shot in refused {
        let code = shot.refusal();
        let fits = match shot.status() {
            429 => matches!(code, Some("rate_limited" | "limit_lent_elsewhere")),
            503 => UNAVAILABLE.contains(&code),
            _ => false,
        };
        assert!(fits, "{shot:?}");
    }
    assert!(shots.iter().filter(in_between).any(|shot| shot.status() == 503));
    assert_eq!(world.vm_reloads(), 0);
}

#[test]
fn after_five_seconds_without_a_sidecar_nobody_gets_in() {
    /// Late ticks and a request on its way.
    const LATE: Duration = Duration::from_millis(500);
    let silence = Duration::from_secs(5);
    let mut world = World::running(&policy(&json!({})), 1, 2);
    let key = world.with_client("unlimited", &json!([]));
    let load = Load { to: world.gates(), connections: 16, per_second: 100, call: models(&key) };
    let running = load.start();
    running.until("it is in use", |shots| admitted(shots).count() > 50);
    world.sidecar.kill();
    let killed = wait::now();
    running.until("nobody gets in", |shots| {
        shots.iter().any(|shot| shot.sent > killed + silence + LATE + LATE)
    });
    let shots = running.finish();
    let last =
        admitted(&shots).map(|shot| shot.sent.saturating_duration_since(killed)).max().unwrap();
    println!("last call {last:?} after the kill; {}", summary(&shots));
    assert!(last < silence + LATE, "{last:?}");
    let late = shots.iter().filter(|shot| shot.sent > killed + silence + LATE);
    assert!(late.into_iter().all(|shot| shot.status() == 503), "{}", summary(&shots));
}

#[test]
fn a_peer_of_another_user_is_not_answered() {
    let mut world = World::new(&policy(&json!({ "caller": client(&plenty()) })));
    let key = world.sidecar.issue_client("caller");
    let other = getuid().as_raw() + 1;
    world.sidecar.configure(|configuration| configuration["socket"]["allow_uids"] = json!([other]));
    world.sidecar.serve();
    world.add_envoy(&world.deployment(), 1);

    let mut stream = UnixStream::connect(world.sidecar.socket()).unwrap();
    // It may be closed before this is written.
    let _ = stream.write_all(b"POST /sync HTTP/1.1\r\nhost: sidecar\r\ncontent-length: 0\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    assert!(world.sidecar.log().contains("the uid is not in socket.allow_uids"));

    let refused = models(&key).send(world.gate()).unwrap();
    assert_eq!(refused.status, 503);
    assert!(UNAVAILABLE.contains(&refused.header("x-tollkeeper-refusal")), "{}", refused.text());
    assert!(world.upstream.seen().is_empty());
}

fn admitted(shots: &[Shot]) -> impl Iterator<Item = &Shot> {
    shots.iter().filter(|shot| shot.status() == 200)
}

fn sent_and_arrived(world: &World, shots: &[Shot]) -> Vec<tollkeeper_tests::rate::Call> {
    let seen = world.upstream.seen();
    let sent = |number: u32| shots.iter().find(|shot| shot.number == number).map(|shot| shot.sent);
    let calls =
        seen.iter().filter_map(|seen| Some((sent(seen.text(SHOT)?.parse().ok()?)?, seen.arrived)));
    calls.collect()
}
