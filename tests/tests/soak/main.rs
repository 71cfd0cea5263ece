//! Does the gate stay up, small and closed under minutes of hostile and good traffic? `make soak` asks.
//!
//! `SOAK_MINUTES` says how long (5, unless it is set). Two workers of the real Envoy get random bytes in
//! random headers, random targets, connections that break off, unknown keys and good calls; the sidecar
//! is killed and restarted now and then. Seeded, bounded, on loopback only.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;
use tollkeeper_tests::client;
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{SECRET, World, models, policy, until_answered};

/// Rounds between two deaths of the sidecar.
const ROUNDS_PER_DEATH: u32 = 200;

/// What Envoy and sidecar may grow in all, after a warm-up: caches that fill, and what the allocator keeps.
const GROWTH_KIB_MAX: u64 = 64 * 1024;

#[test]
fn the_gate_stays_up_small_and_closed() {
    let minutes = std::env::var("SOAK_MINUTES").map_or(5, |text| text.parse().unwrap());
    let mut world = World::running(&policy(&json!({})), 1, 2);
    let key = world.with_client("soak", &json!([{ "requests": 1000, "per": "second" }]));
    let gate = world.gate();
    until_answered(gate, &models(&key), 200);

    let mut random = fastrand::Rng::with_seed(7);
    let ends = wait::now() + Duration::from_secs(60 * minutes);
    let mut warm = None;
    let (mut rounds, mut passed) = (0_u32, 0_u32);
    while wait::now() < ends {
        rounds += 1;
        match random.u8(0..4) {
            0 => hostile(gate, &mut random),
            1 => breaks_off(gate, &key, &mut random),
            _ => passed += u32::from(models(&key).send(gate).is_ok_and(|got| got.status == 200)),
        }
        if rounds.is_multiple_of(ROUNDS_PER_DEATH) {
            warm.get_or_insert_with(|| memory(&world));
            world.sidecar.kill();
            hostile(gate, &mut random);
            world.sidecar.serve();
            until_answered(gate, &models(&key), 200);
        }
    }

    until_answered(gate, &models(&key), 200);
    let (before, after) = (warm.unwrap_or_else(|| memory(&world)), memory(&world));
    println!(
        "{rounds} rounds, {passed} calls passed; KiB of Envoy and sidecar {before:?}, {after:?}"
    );
    assert!(passed > rounds / 4, "{passed} good calls of {rounds} rounds passed");
    assert_eq!(world.vm_reloads(), 0, "a VM died");
    assert!(after.0 < before.0 + GROWTH_KIB_MAX, "Envoy grows: {before:?}, {after:?}");
    assert!(after.1 < before.1 + GROWTH_KIB_MAX, "the sidecar grows: {before:?}, {after:?}");
    for log in [world.envoys[0].log(), world.sidecar.log()] {
        assert!(!log.contains(SECRET) && !log.contains(&key), "a secret is in a log");
    }
    assert!(world.upstream.seen().iter().all(|seen| !seen.has(&key)));
}

/// A request of which no part need make sense.
fn hostile(gate: SocketAddr, random: &mut fastrand::Rng) {
    const NAMES: [&str; 6] =
        ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "host"];
    let mut junk = |len: usize| -> Vec<u8> {
        let byte = |_| loop {
            match random.u8(..) {
                b'\r' | b'\n' => {}
                byte => return byte,
            }
        };
        (0..len).map(byte).collect()
    };
    let mut bytes = b"GET /openai/v1/".to_vec();
    bytes.extend(junk(8).into_iter().filter(u8::is_ascii_graphic));
    bytes.extend(b" HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n");
    for name in NAMES {
        bytes.extend(name.as_bytes());
        bytes.extend(b": ");
        bytes.extend(junk(24));
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"\r\n");
    // Whatever it says, it must not be let through.
    let answer = client::exchange(gate, &bytes).unwrap_or_default();
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "a hostile request passed");
}

/// A good call whose caller is gone before it is whole.
fn breaks_off(gate: SocketAddr, key: &str, random: &mut fastrand::Rng) {
    let whole = models(key).bytes(gate);
    let mut stream = TcpStream::connect(gate).unwrap();
    // The gate may have closed already; that is what this is about.
    let _ = stream.write_all(&whole[..random.usize(1..=whole.len())]);
}

/// Resident KiB of Envoy and of the sidecar.
fn memory(world: &World) -> (u64, u64) {
    let of = |process: u32| -> u64 {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    (of(world.envoys[0].id()), of(world.sidecar.id().unwrap()))
}
