//! What do callers see when the sidecar is gone, wrong or changed, and how soon is all well again?

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

#[path = "plugin_world/world.rs"]
mod world;

use tollkeeper_tests::host::{Answer, Headers, StreamId};
use wire::frame;
use world::{Tamper, World, framed, key, policy, request, secret_of};

const FOUR_AT_ONCE: &str = r#"{"concurrent": 4}"#;
const PLACES: &str = "client/checkout/concurrent";
const FIFTY_A_SECOND: &str = r#"{"requests": 50, "per": "second", "burst": 50}"#;
const REQUESTS: &str = "client/checkout/requests-per-second";

/// A change reaches a worker with its next sync, which is half a second away at most.
const CHANGE_MS_MAX: u64 = 600;

#[test]
fn without_a_sidecar_the_gate_refuses_with_a_time_and_opens_by_itself() {
    let mut world = World::new(1, &policy(""));
    world.network.down = true;
    world.run(1_000);
    let stream = world.decided(0, &request(&key(1)));
    let reply = world.vms[0].reply(stream).unwrap();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.headers.text("retry-after").as_deref(), Some("1"));
    let code = reply.headers.text("x-tollkeeper-refusal").unwrap();
    assert_eq!(code, "sidecar_unavailable");
    world.network.down = false;
    world.run(1_000);
    assert_admitted(&mut world, 1);
}

#[test]
fn a_call_before_the_first_answer_waits_for_it() {
    let mut world = World::new(1, &policy(""));
    assert_admitted(&mut world, 1);
}

#[test]
fn every_wrong_answer_refuses_whom_nobody_knows_and_heals() {
    for (what, tamper) in wrong_answers() {
        let mut world = World::ready(1, &policy(""));
        assert_admitted(&mut world, 2);
        world.tamper = Some(tamper);
        let stranger = world.decided(0, &request(&key(1)));
        let refusal = world.refusal(0, stranger);
        assert_eq!(refusal, Some((503, "sidecar_unavailable".to_owned())), "{what}");
        assert_admitted(&mut world, 2);
        world.run(500);
        world.tamper = None;
        world.run(1_000);
        assert_admitted(&mut world, 1);
    }
}

#[test]
fn an_answer_cut_anywhere_breaks_nothing() {
    let mut world = World::ready(1, &policy(FIFTY_A_SECOND));
    let whole = {
        let stream = world.decided(0, &request(&key(1)));
        assert!(world.vms[0].is_upstream(stream));
        200
    };
    for len in (0..whole).step_by(3) {
        world.tamper = Some(Box::new(move |answer: Answer| answer.cut_to(len)));
        world.run(60);
    }
    world.tamper = None;
    world.run(1_500);
    assert_admitted(&mut world, 1);
}

#[test]
fn a_sidecar_that_is_gone_for_long_is_not_believed_any_longer() {
    let mut world = World::ready(1, &policy(""));
    assert_admitted(&mut world, 1);
    world.network.down = true;
    let mut last_admitted = 0;
    let from = world.now();
    for _ in 0..800 {
        let stream = world.decided(0, &request(&key(1)));
        if world.vms[0].is_upstream(stream) {
            last_admitted = world.now() - from;
        }
        world.run(10);
    }
    println!("admitted from memory for {last_admitted} ms");
    assert!((4_000..=5_500).contains(&last_admitted), "{last_admitted}");
    world.network.down = false;
    world.run(1_000);
    assert_admitted(&mut world, 1);
}

#[test]
fn a_policy_of_no_services_knows_no_service() {
    let mut world = World::ready(1, &policy(""));
    world.tamper = Some(Box::new(|answer: Answer| {
        let mut reply = frame::decode_reply(&answer.body).unwrap();
        if let Some(policy) = &mut reply.policy {
            policy.services.clear();
        }
        framed(&reply)
    }));
    world.replace(0);
    world.run(200);
    let stream = world.decided(0, &request(&key(1)));
    assert_eq!(world.refusal(0, stream), Some((404, "service_unknown".to_owned())));
}

#[test]
fn a_bad_configuration_closes_the_gate_and_says_so() {
    let long = " ".repeat(70_000);
    for config in ["{", "[]", r#"{"sidecar_cluster": ""}"#, r#"{"unknown": 1}"#, "\u{0}", &long] {
        let mut world = World::with_config(1, &policy(""), config);
        world.run(500);
        let stream = world.decided(0, &request(&key(1)));
        assert_eq!(world.refusal(0, stream), Some((503, "gate_misconfigured".to_owned())));
        let logs = world.vms[0].logs();
        assert!(logs.iter().any(|line| line.level >= 4), "{config:?}: {logs:?}");
        assert!(world.syncs[0].is_empty(), "nothing is asked without a configuration");
    }
}

#[test]
fn a_new_configuration_loses_no_stream_and_lends_nothing_twice() {
    let mut world = World::ready(1, &policy(FOUR_AT_ONCE));
    let old = world.vms[0].root();
    let running: Vec<_> = (0..4).map(|_| world.decided(0, &request(&key(1)))).collect();
    assert!(running.iter().all(|stream| world.vms[0].is_upstream(*stream)));
    world.vms[0].reconfigure("").unwrap();
    world.run(300);
    let fifth = world.decided(0, &request(&key(1)));
    assert_eq!(world.refusal(0, fifth).map(|(status, _)| status), Some(429));
    let now = world.moment();
    assert_eq!(world.sidecar.lent(PLACES, now), 4);
    for stream in running {
        world.vms[0].respond_and_end(stream, &[(":status", "200")]).unwrap();
    }
    // The old one ticks on until it is drained, and tells what came back.
    world.run(1_200);
    let stream = assert_admitted(&mut world, 1);
    world.vms[0].end(stream).unwrap();
    assert!(world.vms[0].drain(old).unwrap());
    world.run(12_000);
    let now = world.moment();
    assert_eq!(world.sidecar.lent(PLACES, now), 0);
}

#[test]
fn a_request_that_waits_while_the_configuration_changes_is_decided() {
    let mut world = World::ready(1, &policy(""));
    let stream = world.call(0, &request(&key(1)));
    assert!(world.vms[0].is_paused(stream));
    world.vms[0].reconfigure("").unwrap();
    world.run(100);
    assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
}

#[test]
fn a_revoked_key_is_refused_within_the_next_sync() {
    let mut world = World::ready(2, &policy(""));
    for worker in 0..2 {
        let stream = world.decided(worker, &request(&key(1)));
        assert!(world.vms[worker].is_upstream(stream));
    }
    world.sidecar.revoke_key(&key(1));
    for worker in 0..2 {
        let late = until(&mut world, CHANGE_MS_MAX, |world| {
            let stream = world.decided(worker, &request(&key(1)));
            world.refusal(worker, stream) == Some((401, "client_key_revoked".to_owned()))
        });
        println!("worker {worker} refused after {late} ms");
    }
}

#[test]
fn a_rotated_credential_is_used_within_the_next_sync_and_no_call_fails() {
    let mut world = World::ready(1, &policy(FIFTY_A_SECOND));
    assert_admitted(&mut world, 1);
    world.run(100);
    for _ in 0..3 {
        let secret = world.sidecar.rotate("openai-prod");
        let late = until(&mut world, CHANGE_MS_MAX, |world| {
            world.run(20);
            let stream = assert_admitted(world, 1);
            carries(world, stream, &secret)
        });
        println!("the new secret was used after {late} ms");
    }
}

#[test]
fn a_revoked_credential_is_not_used_after_the_next_sync() {
    let mut world = World::ready(1, &policy(""));
    let stream = assert_admitted(&mut world, 1);
    world.vms[0].end(stream).unwrap();
    world.sidecar.revoke_credential("openai-prod");
    until(&mut world, CHANGE_MS_MAX, |world| {
        let stream = world.decided(0, &request(&key(1)));
        world.vms[0].end(stream).unwrap();
        world.refusal(0, stream) == Some((503, "credential_unavailable".to_owned()))
    });
    let secret = secret_of("openai-prod", 1);
    assert!(!holds(&world, secret.as_bytes()), "the secret is still in memory");
}

#[test]
fn a_gate_that_nobody_calls_gives_all_back_forgets_secrets_and_wakes() {
    let mut world = World::ready(1, &policy(&format!("{FIFTY_A_SECOND}, {FOUR_AT_ONCE}")));
    let stream = assert_admitted(&mut world, 1);
    world.vms[0].end(stream).unwrap();
    world.vms[0].forget_ended_streams();
    let secret = secret_of("openai-prod", 1);
    assert!(holds(&world, secret.as_bytes()), "the test looks for what is there");
    world.run(11_500);
    let now = world.moment();
    assert_eq!((world.sidecar.lent(REQUESTS, now), world.sidecar.lent(PLACES, now)), (0, 0));
    assert!(!holds(&world, secret.as_bytes()), "the secret is still in memory");
    let before = world.syncs[0].len();
    world.run(30_000);
    let asleep = world.syncs[0].len() - before;
    assert!((2..=4).contains(&asleep), "{asleep} syncs in half a minute");
    let from = world.now();
    assert_admitted(&mut world, 1);
    assert!(world.now() - from <= 10, "woke in {} ms", world.now() - from);
}

/// What may be said instead of an answer.
fn wrong_answers() -> Vec<(&'static str, Tamper)> {
    vec![
        ("an error", Box::new(|_| Answer::status(503, "overloaded"))),
        ("a refusal", Box::new(|_| Answer::status(403, ""))),
        ("a timeout", Box::new(|_| Answer::timeout())),
        ("a reset", Box::new(|_| Answer::reset())),
        ("nobody there", Box::new(|_| Answer::unreachable())),
        ("no protocol", Box::new(|answer| Answer::ok(answer.body))),
        (
            "another protocol",
            Box::new(|mut answer| {
                answer.headers =
                    Headers::new(&[(":status", "200"), ("x-tollkeeper-protocol", "1")]);
                answer
            }),
        ),
        (
            "the answer to another request",
            Box::new(|answer| {
                let mut reply = frame::decode_reply(&answer.body).unwrap();
                reply.sequence += 1;
                framed(&reply)
            }),
        ),
        (
            "half",
            Box::new(|answer| {
                let half = answer.body.len() / 2;
                answer.cut_to(half)
            }),
        ),
        ("nothing", Box::new(|answer| answer.cut_to(0))),
        (
            "noise",
            Box::new(|mut answer| {
                answer.body = vec![0xff; 1000];
                answer
            }),
        ),
        (
            "too much",
            Box::new(|mut answer| {
                answer.body.resize(5 << 20, b' ');
                answer
            }),
        ),
    ]
}

fn assert_admitted(world: &mut World, client: u8) -> StreamId {
    let stream = world.decided(0, &request(&key(client)));
    assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
    stream
}

fn carries(world: &World, stream: StreamId, secret: &str) -> bool {
    let sent = world.vms[0].stream(stream).sent.as_ref().unwrap();
    sent.text("authorization") == Some(format!("Bearer {secret}"))
}

/// Whether the VM's memory holds these bytes.
fn holds(world: &World, bytes: &[u8]) -> bool {
    world.vms[0].memory().windows(bytes.len()).any(|window| window == bytes)
}

/// Lets time pass until something is so; returns how long it took, which is at most `most` ms.
fn until(world: &mut World, most: u64, mut so: impl FnMut(&mut World) -> bool) -> u64 {
    let from = world.now();
    loop {
        if so(world) {
            return world.now() - from;
        }
        world.run(5);
        assert!(world.now() - from <= most, "not within {most} ms");
    }
}
