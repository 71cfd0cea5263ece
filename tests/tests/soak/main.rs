//! Do minutes of everything at once leave a trace: a dead VM, memory, a secret, a call too many?
//!
//! `make soak`. One real Envoy with two workers; callers who mean well and callers who do not
//! ([`callers`]), a sidecar that is killed now and then; [`judge`] looks after each round and at the
//! end. `SOAK_MINUTES` says how long (5), `SOAK_SEED` repeats a run's choices. Loopback only.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

mod callers;
mod judge;

use std::env;
use std::time::Duration;

use serde_json::json;
use tollkeeper_tests::load::Load;
use tollkeeper_tests::upstream::{Script, Seen};
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{World, client, models, policy, until_answered};

use crate::callers::Callers;
use crate::judge::{Judge, LIMITED};

const WORKERS: u32 = 2;
const MINUTES: f64 = 5.0;
/// Short enough to forget what the upstream saw before it is much.
const ROUND: Duration = Duration::from_secs(5);
/// How long the sidecar is away: shorter and longer than what was lent is good for.
const AWAY: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(3)];

/// What is promised, and a little.
const REVOKED_WITHIN: Duration = Duration::from_millis(1_500);

/// Of the limited client; see [`LIMITED`].
const LIMITED_CALLER: &str = "limited";
/// The header that says whose call it is.
pub(crate) const CALLER: &str = "x-caller";
/// The header that asks the upstream for something unusual.
pub(crate) const DO: &str = "x-do";

#[test]
fn minutes_of_everything_leave_no_trace() {
    let seed = asked_for("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    let minutes = asked_for("SOAK_MINUTES").unwrap_or(MINUTES);
    println!("SOAK_SEED={seed}, {minutes} minutes");
    let until = wait::now() + Duration::from_secs_f64(minutes * 60.0);

    let mut world = open();
    let keys = Keys::issue(&world);
    let callers = Callers::start(world.gate(), &keys, seed);
    let mut judge = Judge::new(keys.all());
    let mut random = fastrand::Rng::with_seed(seed);
    while wait::now() < until {
        round(&mut world, &keys.limited, &mut judge, &mut random);
    }
    let calls = callers.finish();
    println!("{calls} calls of all kinds");
    assert!(calls > 0);

    // Whoever hung up has given its place back.
    until_answered(world.gate(), &models(&keys.hasty), 200);
    until_answered(world.gate(), &models(&keys.regular), 200);
    judge.has_seen(&world.upstream.take_seen(), &[]);
    judge.concludes(world);
}

/// The clients' keys.
pub(crate) struct Keys {
    /// Of a client without limits.
    regular: String,
    /// Not good any more.
    revoked: String,
    /// Of a client who hangs up, and has few places.
    hasty: String,
    /// Of a client who asks for more than it may.
    limited: String,
}

impl Keys {
    fn issue(world: &World) -> Self {
        let keys = Self {
            regular: world.issue("regular"),
            revoked: world.issue("leaver"),
            hasty: world.issue("hasty"),
            limited: world.issue(LIMITED_CALLER),
        };
        world.sidecar.revoke_client("leaver");
        wait::pass(REVOKED_WITHIN);
        keys
    }

    fn all(&self) -> [&str; 4] {
        [&self.regular, &self.revoked, &self.hasty, &self.limited]
    }
}

fn asked_for<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

fn open() -> World {
    let limited =
        json!([{ "requests": LIMITED.per_second, "per": "second", "burst": LIMITED.burst }]);
    let world = World::running(
        &policy(&json!({
            "regular": client(&json!([])),
            "leaver": client(&json!([])),
            "hasty": client(&json!([{ "concurrent": 4 }])),
            LIMITED_CALLER: client(&limited),
        })),
        1,
        WORKERS,
    );
    world.upstream.usually(unusual);
    world
}

fn unusual(seen: &Seen) -> Script {
    match seen.text(DO) {
        Some("hold") => Script::default().delay(Duration::from_millis(300)),
        Some("reset") => Script::default().reset_after(10),
        Some("echo") => Script::default().echo_headers(),
        Some("refuse") => Script::status(401),
        Some("fail") => Script::status(500).header("x-odd", b"\xff\xfe"),
        _ => Script::default(),
    }
}

/// Calls at three times the limit, and in some rounds a sidecar that goes and comes back.
fn round(world: &mut World, limited: &str, judge: &mut Judge, random: &mut fastrand::Rng) {
    let call = models(limited).header(CALLER, LIMITED_CALLER);
    let load = Load { to: world.gates(), connections: 8, per_second: 60, call };
    let ends = wait::now() + ROUND;
    let running = load.start();
    let trouble = random.u8(0..4);
    if trouble < 2 {
        wait::pass(Duration::from_millis(random.u64(0..1_500)));
        if trouble == 0 {
            world.sidecar.kill()
        } else {
            world.sidecar.stop()
        }
        wait::pass(AWAY[random.usize(..AWAY.len())]);
        world.sidecar.serve();
    }
    wait::pass(ends.saturating_duration_since(wait::now()));
    let shots = running.finish();
    judge.has_seen(&world.upstream.take_seen(), &shots);
    judge.weighs(world);
}
