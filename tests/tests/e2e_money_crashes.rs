//! Is anything lost, or spent twice, when Envoy, the sidecar or both are killed under load?
//!
//! Each round kills one of them at a random moment and starts it again. The upstream counts what it
//! would bill; an auditor reads the ledger all the while. `make soak` has fifty rounds.

use std::time::Duration;

use serde_json::{Value, json};
use tollkeeper_tests::books::{Auditor, Books};
use tollkeeper_tests::client::Call;
use tollkeeper_tests::load::Load;
use tollkeeper_tests::upstream::Script;
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{World, digest, policy, until_answered};
use wire::client_key;

const WORKERS: u32 = 2;

/// 0.01, in nano-units.
const PRICE: i64 = 10_000_000;

/// What one worker can strand when it dies: README's bound, a slice, which at this rate is at most what
/// half a second spends, and the calls that run.
const SLICE: i64 = 60 * PRICE;

/// What is killed in a round.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Envoy,
    Sidecar,
    Both,
}

fn key() -> String {
    client_key::issue(&[5; 32]).to_string()
}

fn rules() -> Value {
    let mut rules = policy(&json!({ "caller": {
        "owner": "search@acme.example", "purpose": "a test", "budget": "team",
        "may_use": { "openai": {} }, "known_by": [{ "key": digest(&key()) }],
    }}));
    rules["budgets"] = json!({
        "acme": { "cap": "10000.00", "every": "year", "owner": "finance@acme.example" },
        "team": { "within": "acme", "cap": "9000.00", "every": "year", "owner": "search@acme.example" },
    });
    rules["services"]["openai"]["routes"] =
        json!([{ "match": "GET /v1/lookup/**", "per_call": "0.01" }]);
    rules
}

fn lookup() -> Call {
    Call::get("/openai/v1/lookup/x").header("x-api-key", key())
}

fn rounds() -> usize {
    std::env::var("CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(9)
}

fn billed(world: &World) -> i64 {
    i64::try_from(world.upstream.seen().len()).map_or(i64::MAX, |calls| calls * PRICE)
}

#[test]
fn killed_at_random_moments_under_load() {
    let seed = std::env::var("CRASH_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("CRASH_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let mut world = World::running(&rules(), 1, WORKERS);
    world.upstream.usually(|_| Script::status(200).body("{}").delay(Duration::from_millis(5)));
    let deployment = world.deployment();
    let auditor = Auditor::start(&world.sidecar.state_dir(), Duration::from_millis(10));
    let books = Books::open(&world.sidecar.state_dir());
    let mut envoys_killed = 0;
    for round in 0..rounds() {
        until_answered(world.gate(), &lookup(), 200);
        let load =
            Load { to: world.gates(), connections: 8, per_second: 200, call: lookup() }.start();
        wait::pass(Duration::from_millis(random.u64(50..600)));
        let victim = [Victim::Envoy, Victim::Sidecar, Victim::Both][round % 3];
        if matches!(victim, Victim::Sidecar | Victim::Both) {
            world.sidecar.kill();
        }
        if matches!(victim, Victim::Envoy | Victim::Both) {
            world.envoys.remove(0).kill();
            envoys_killed += 1;
        }
        drop(load);
        if matches!(victim, Victim::Sidecar | Victim::Both) {
            world.sidecar.serve();
        }
        if matches!(victim, Victim::Envoy | Victim::Both) {
            world.add_envoy(&deployment, WORKERS);
        }
    }
    until_answered(world.gate(), &lookup(), 200);

    let acme = books.until_at_rest("acme");
    assert_eq!(auditor.finish(), Vec::<String>::new(), "an account stood above its cap");
    let billed = billed(&world);
    // The sidecar's deaths lose nothing: workers tell it afterwards. What a dead worker had not told
    // is presumed spent, and that is never less than what it was.
    assert!(acme.spent >= billed, "{acme:?}, billed {billed}");
    let stranded = acme.spent - billed;
    let bound = i64::from(WORKERS) * envoys_killed * SLICE;
    assert!(stranded <= bound, "{stranded} of at most {bound} stranded: {acme:?}");
    assert!(acme.settled <= billed, "nothing was settled twice: {acme:?}, billed {billed}");
}

#[test]
fn the_deaths_of_the_sidecar_alone_change_no_figure() {
    let mut world = World::running(&rules(), 1, WORKERS);
    world.upstream.usually(|_| Script::status(200).body("{}").delay(Duration::from_millis(5)));
    let books = Books::open(&world.sidecar.state_dir());
    for _ in 0..3 {
        until_answered(world.gate(), &lookup(), 200);
        let load =
            Load { to: world.gates(), connections: 8, per_second: 200, call: lookup() }.start();
        wait::pass(Duration::from_millis(300));
        world.sidecar.kill();
        drop(load);
        world.sidecar.serve();
    }
    until_answered(world.gate(), &lookup(), 200);
    let acme = books.until_at_rest("acme");
    assert_eq!((acme.spent, acme.presumed), (billed(&world), 0), "{acme:?}");
}
