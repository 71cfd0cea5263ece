//! A new credential under load: nobody fails, and within a second it is the only one in use.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;
use tollkeeper_tests::load::{SHOT, Shot, summary};
use tollkeeper_tests::world::{CREDENTIAL, SECRET, World, policy};

use crate::{PROMISED, callers, done, last_after, let_it_show, machine, no_limits};

const SECOND: &str = "sk-upstream-secret-0002";

fn world() -> World {
    World::running(&policy(&json!({})), 1, 4)
}

#[test]
fn rotation_and_undo_fail_no_call_and_are_in_use_within_a_second() {
    let (world, _machine) = (world(), machine());
    let key = world.with_client("rotator", &no_limits());
    world.upstream.accept(&[SECRET, SECOND]);
    let running = callers(&world, &key);

    let ((), rotated) = done(|| world.sidecar.rotate_credential(CREDENTIAL, SECOND));
    let_it_show(&running, rotated);
    let (undo, undone) = done(|| world.sidecar.run(&["credential", "undo", CREDENTIAL], ""));
    assert!(undo.status.success(), "{}", String::from_utf8_lossy(&undo.stderr));
    let_it_show(&running, undone);
    let shots = running.finish();

    assert!(shots.iter().all(|shot| shot.status() == 200), "{}", summary(&shots));
    let carried = credentials(&world);
    let with = |secret: &'static str, from: Instant, to: Option<Instant>| {
        let in_time = move |shot: &&Shot| shot.sent >= from && to.is_none_or(|to| shot.sent < to);
        let carried = &carried;
        shots.iter().filter(in_time).filter(move |shot| carried[&shot.number].contains(secret))
    };
    let old = last_after(with(SECRET, rotated, Some(undone)), rotated);
    let new = last_after(with(SECOND, undone, None), undone);
    println!(
        "{} calls; the old one for {old:?} after a rotation, {new:?} after its undo",
        shots.len()
    );
    assert!(with(SECOND, rotated, Some(undone)).count() > 100);
    assert!(with(SECRET, undone, None).count() > 100);
    assert!(old < PROMISED, "{old:?}");
    assert!(new < PROMISED, "{new:?}");
}

#[test]
fn a_revoked_credential_is_used_by_no_worker_after_a_second() {
    let (world, _machine) = (world(), machine());
    let key = world.with_client("caller", &no_limits());
    let mut delays = Vec::new();
    for round in 0..4 {
        let running = callers(&world, &key);
        let ((), revoked) = done(|| world.sidecar.revoke_credential(CREDENTIAL));
        let_it_show(&running, revoked);
        let shots = running.finish();
        let admitted = shots.iter().filter(|shot| shot.status() == 200);
        delays.push(last_after(admitted, revoked));
        let refused = shots.iter().filter(|shot| shot.status() != 200);
        let codes: Vec<_> = refused.map(|shot| (shot.status(), shot.refusal())).collect();
        assert!(
            codes.iter().all(|code| *code == (503, Some("credential_unavailable"))),
            "{}",
            summary(&shots)
        );

        let fresh = format!("sk-fresh-{round}");
        world.upstream.accept(&[&fresh]);
        world.sidecar.rotate_credential(CREDENTIAL, &fresh);
    }
    delays.sort();
    println!("revoked credential in use for {delays:?}");
    assert!(delays.iter().all(|delay| *delay < PROMISED), "{delays:?}");
}

/// What each call carried, by its number.
fn credentials(world: &World) -> BTreeMap<u32, String> {
    let seen = world.upstream.seen();
    let carried = seen.iter().map(|seen| {
        let number = seen.text(SHOT).unwrap().parse().unwrap();
        (number, seen.text("authorization").unwrap().to_owned())
    });
    carried.collect()
}
