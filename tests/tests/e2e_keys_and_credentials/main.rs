//! Who gets in with which key, which credential goes out, and how soon is a change of either in force?
//!
//! On the real Envoy, with the sidecar's own command line as the operator. Changes are made under load,
//! and what the upstream saw is laid beside what the callers sent.

#![expect(clippy::unwrap_used, reason = "a helper of a test stops where the test would")]

mod injection;
mod places;
mod policy_changes;
mod revocation;
mod rotation;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollkeeper_tests::load::{Load, Running, Shot};
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{World, models};

/// What is promised of every change.
const PROMISED: Duration = Duration::from_secs(1);

/// No limits: what is asked here is who gets in.
fn no_limits() -> Value {
    json!([])
}

/// What takes time is measured one after the other: each wants the machine for itself.
fn machine() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Callers of this client on so many connections that every worker has some, all of them admitted.
fn callers(world: &World, key: &str) -> Running {
    const CONNECTIONS: usize = 32;
    let load =
        Load { to: world.gates(), connections: CONNECTIONS, per_second: 200, call: models(key) };
    let running = load.start();
    running.until("every connection is admitted", |shots| {
        let admitted = shots.iter().filter(|shot| shot.status() == 200);
        let connections: std::collections::BTreeSet<_> =
            admitted.map(|shot| shot.connection).collect();
        connections.len() == CONNECTIONS
    });
    running
}

/// Lets the load go on for the promised time after `change`, and so long that it shows.
fn let_it_show(running: &Running, change: Instant) {
    let shown = change + PROMISED + Duration::from_millis(200);
    running.until("callers go on", |shots| shots.iter().any(|shot| shot.sent > shown));
}

/// How long after `change` the last of these was sent.
fn last_after<'a>(shots: impl Iterator<Item = &'a Shot>, change: Instant) -> Duration {
    shots.map(|shot| shot.sent.saturating_duration_since(change)).max().unwrap_or_default()
}

/// What a command did, and the moment at which it had done it.
fn done<T>(act: impl FnOnce() -> T) -> (T, Instant) {
    let value = act();
    (value, wait::now())
}
