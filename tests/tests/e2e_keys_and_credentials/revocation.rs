//! A client key that was revoked or has ended opens nothing, anywhere, at once.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tollkeeper_tests::load::{Load, summary};
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{World, client, models, policy, until_answered};

use crate::{PROMISED, callers, done, last_after, machine, no_limits};

#[test]
fn twenty_revocations_each_within_a_second_on_eight_workers() {
    let _machine = machine();
    let names: Vec<_> = (1..=20).map(|number| format!("client-{number:02}")).collect();
    let clients = names.iter().map(|name| (name.clone(), client(&no_limits())));
    let clients = serde_json::Value::Object(clients.collect());
    let world = World::running(&policy(&clients), 2, 4);
    let keys: Vec<_> = names.iter().map(|name| world.sidecar.issue_client(name)).collect();
    for gate in world.gates() {
        until_answered(gate, &models(&keys[19]), 200);
    }
    // The directory is read whole, but a worker that was asked before may hold the last key for nobody's.
    wait::pass(Duration::from_millis(1_300));

    let mut delays = Vec::new();
    for (name, key) in names.iter().zip(&keys) {
        let running = callers(&world, key);
        let ((), revoked) = done(|| world.sidecar.revoke_client(name));
        running.until("every connection is refused", |shots| {
            let refused = shots.iter().filter(|shot| shot.sent > revoked && shot.status() == 401);
            refused.map(|shot| shot.connection).collect::<BTreeSet<_>>().len() == 32
        });
        let shots = running.finish();
        delays.push(last_after(shots.iter().filter(|shot| shot.status() == 200), revoked));
        let refused = shots.iter().filter(|shot| shot.status() != 200);
        assert!(
            refused.into_iter().all(|shot| shot.refusal() == Some("client_key_revoked")),
            "{}",
            summary(&shots)
        );
    }
    delays.sort();
    let of = |part: usize| delays[(delays.len() - 1) * part / 100];
    println!(
        "revoked key in use for {:?} (least), {:?} (median), {:?} (most)",
        of(0),
        of(50),
        of(100)
    );
    assert!(of(100) < PROMISED, "{delays:?}");
}

#[test]
fn a_key_that_ends_opens_nothing_from_that_moment_on() {
    const LIFE: Duration = Duration::from_secs(5);
    /// A worker looks at the clock at ticks, ten times a second; Envoy's timers may be late on a busy machine.
    const TICKS: Duration = Duration::from_millis(300);
    let _machine = machine();
    let world = World::running(&policy(&json!({ "guest": client(&no_limits()) })), 1, 4);
    let asked = wait::now();
    let output = world.sidecar.run(&["client", "issue", "guest", "--expires-in", "5s"], "");
    let issued = wait::now();
    let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    until_answered(world.gate(), &models(&key), 200);
    wait::pass(Duration::from_millis(1_300));
    let load = Load { to: world.gates(), connections: 32, per_second: 200, call: models(&key) };
    let running = load.start();
    running.until("it ends", |shots| shots.iter().any(|shot| shot.sent > issued + LIFE + LIFE / 5));
    let shots = running.finish();

    let last =
        shots.iter().filter(|shot| shot.status() == 200).map(|shot| shot.sent).max().unwrap();
    let refused = shots.iter().filter(|shot| shot.status() != 200);
    let first = refused.clone().map(|shot| shot.sent).min().unwrap();
    println!(
        "{:?} after its issue the last call, {:?} the first refusal",
        last - issued,
        first - issued
    );
    assert!(last < issued + LIFE + TICKS, "{:?} late", last - (issued + LIFE));
    // The record has whole seconds, rounded down.
    let earliest = asked + LIFE - Duration::from_secs(1) - TICKS;
    assert!(first > earliest, "{:?} early", asked + LIFE - first);
    assert!(
        refused.into_iter().all(|shot| shot.refusal() == Some("client_expired")),
        "{}",
        summary(&shots)
    );
}
