//! Do many workers in two Envoys keep to one limit, and use it up?
//!
//! Four workers in each of two Envoys, one sidecar. The upstream's own record is the judge: what it saw
//! arrive was admitted before, and what a caller sent later was admitted later.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tollkeeper_tests::client::Call;
use tollkeeper_tests::envoy::Envoy;
use tollkeeper_tests::load::{Load, SHOT, Shot, summary};
use tollkeeper_tests::rate::{Rate, worst_excess};
use tollkeeper_tests::shared::Shared;
use tollkeeper_tests::upstream::{Script, Seen};
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{World, models, policy, until_answered};

const ENVOYS: usize = 2;
const WORKERS: u32 = 4;

static WORLD: Shared<World> = Shared::new();

/// Loads are offered one after the other: each wants the machine for itself.
static MACHINE: Mutex<()> = Mutex::new(());

fn world() -> Arc<World> {
    WORLD.get(|| {
        let world = World::running(&policy(&json!({})), ENVOYS, WORKERS);
        world.upstream.usually(|seen| {
            let hold = seen.text(HOLD_MS).and_then(|text| text.parse().ok());
            Script::default().delay(Duration::from_millis(hold.unwrap_or_default()))
        });
        world
    })
}

fn machine() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that names its test, so that the upstream's record can be told apart.
fn call(key: &str, test: &str) -> Call {
    models(key).header(CALLER, test)
}

fn load(world: &World, call: Call, connections: usize, per_second: u32) -> Load {
    Load { to: world.gates(), connections, per_second, call }
}

/// What the upstream saw of a test's calls, by the numbers of their sendings.
fn arrivals(world: &World, test: &str) -> BTreeMap<u32, Seen> {
    let seen = world.upstream.seen().into_iter().filter(|seen| seen.text(CALLER) == Some(test));
    seen.map(|seen| (seen.text(SHOT).unwrap().parse().unwrap(), seen)).collect()
}

#[test]
fn a_rate_is_never_exceeded_in_any_interval_and_almost_all_of_it_is_used() {
    const RATE: u128 = 50;
    const BURST: u128 = 50;
    let (world, _machine) = (world(), machine());
    let key = world.with_client("fifty", &json!([{ "requests": 50, "per": "second" }]));
    let before = syncs(&world);
    let shots = load(&world, call(&key, "fifty"), 128, 500).offer(Duration::from_secs(10));
    let after = syncs(&world);

    let arrived = arrivals(&world, "fifty");
    let admitted: Vec<_> = shots.iter().filter(|shot| shot.status() == 200).collect();
    assert!(admitted.iter().all(|shot| arrived.contains_key(&shot.number)));
    assert_eq!(admitted.len(), arrived.len(), "{}", summary(&shots));
    let sent_and_arrived: Vec<_> =
        admitted.iter().map(|shot| (shot.sent, arrived[&shot.number].arrived)).collect();

    // Every call that was sent after one moment and had arrived by another was admitted in between.
    let over = worst_excess(&sent_and_arrived, Rate { per_second: 50, burst: 50 });
    let first = shots.iter().map(|shot| shot.sent).min().unwrap();
    let last = shots.iter().map(|shot| shot.sent).max().unwrap();
    let given = BURST * 1_000 + RATE * (last - first).as_millis();
    let used = u128::try_from(arrived.len()).unwrap() * 100_000 / given;
    println!(
        "{} offered, {} admitted of {}.{:03} given out: {used} %; worst excess {over}; {}",
        shots.len(),
        arrived.len(),
        given / 1_000,
        given % 1_000,
        summary(&shots)
    );
    assert!(over <= 0, "{over} more than the limit in some interval");
    assert!(used >= 98, "only {used} % used: {}", summary(&shots));

    for refused in shots.iter().filter(|shot| shot.status() != 200) {
        is_right_refusal(refused, "client/fifty/requests-per-second", "50 requests per second", 1);
    }
    syncs_are_few(&before, &after);
}

#[test]
fn five_a_minute_are_five() {
    let (world, _machine) = (world(), machine());
    let key = world.with_client("five", &json!([{ "requests": 5, "per": "minute" }]));
    let shots = load(&world, call(&key, "five"), 32, 60).offer(Duration::from_secs(5));
    let arrived = arrivals(&world, "five").len();
    println!("{arrived} in five seconds; {}", summary(&shots));
    // One more flows in every twelve seconds.
    assert_eq!(arrived, 5, "{}", summary(&shots));
    for refused in shots.iter().filter(|shot| shot.status() != 200) {
        is_right_refusal(refused, "client/five/requests-per-minute", "5 requests per minute", 12);
    }
}

#[test]
fn who_comes_back_when_told_gets_in() {
    let (world, _machine) = (world(), machine());
    let limit = json!([{ "requests": 20, "per": "minute", "burst": 3 }]);
    let key = world.with_client("patient", &limit);
    let gate = world.gate();
    // A limit that is used up says when the next unit comes; one that is lent elsewhere says: in a second.
    let refused = wait::until(wait::PATIENCE, || {
        let answer = models(&key).send(gate).unwrap();
        let used_up = answer.status == 429 && answer.json()["code"] == "rate_limited";
        if used_up { Ok(answer) } else { Err("not yet used up".to_owned()) }
    })
    .unwrap();
    let told = Duration::from_millis(refused.json()["retry_after_ms"].as_u64().unwrap());
    assert!(told <= Duration::from_secs(3), "one flows in every three seconds: {told:?}");
    wait::pass(told);
    // The unit may have gone to another worker, which gives it back within a second.
    let (answer, took) = wait::measured(|| until_answered(gate, &models(&key), 200));
    println!("told {told:?}, then {} after {took:?}", answer.status);
    assert!(took <= Duration::from_secs(6), "{took:?} later than told");
}

#[test]
fn no_more_run_at_once_than_there_are_places_and_the_places_are_used() {
    const PLACES: usize = 4;
    let (world, _machine) = (world(), machine());
    let key = world.with_client("four", &json!([{ "concurrent": PLACES }]));
    let holds = [50_u32, 80, 110, 150];
    let running = holds.map(|hold| {
        let held = call(&key, &format!("four-{hold}")).header(HOLD_MS, hold.to_string());
        load(&world, held, 32, 100).start()
    });
    wait::pass(Duration::from_secs(1));
    let begin = wait::now();
    wait::pass(Duration::from_secs(7));
    let window = (begin, wait::now());

    // At the upstream a call runs from its arrival to its answer; its place is taken until the answer
    // has come back.
    let (mut at_upstream, mut with_place, mut shots) = (Vec::new(), Vec::new(), Vec::new());
    for (hold, load) in holds.iter().zip(running) {
        let mine = load.finish();
        let arrived = arrivals(&world, &format!("four-{hold}"));
        for (shot, seen) in mine.iter().filter_map(|shot| Some((shot, arrived.get(&shot.number)?)))
        {
            at_upstream.push((seen.arrived, seen.answered().unwrap()));
            with_place.push((seen.arrived, shot.ended));
        }
        shots.extend(mine);
    }
    let most = most_at_once(&at_upstream);
    let used = part_used(&with_place, window, PLACES);
    let (calls, upstreams_part) = (at_upstream.len(), part_used(&at_upstream, window, PLACES));
    println!(
        "{calls} calls, {most} at once; of the places' time {used:.1} % used, {upstreams_part:.1} % by the \
         upstream; {}",
        summary(&shots)
    );
    assert!(most <= PLACES, "{most} at once");
    assert!(used >= 98.0, "only {used:.1} % of the places' time used: {}", summary(&shots));
    for refused in shots.iter().filter(|shot| shot.status() != 200) {
        assert!(
            matches!(refused.refusal(), Some("concurrency_limited" | "limit_lent_elsewhere")),
            "{refused:?}"
        );
    }
}

#[test]
fn within_its_lease_a_call_costs_no_message() {
    let (world, _machine) = (world(), machine());
    let key = world.with_client("free", &json!([{ "requests": 100_000, "per": "second" }]));
    let warm = load(&world, call(&key, "free"), 64, 200).offer(Duration::from_secs(1));
    assert!(warm.iter().all(|shot| shot.status() == 200), "{}", summary(&warm));
    let before = syncs(&world);
    let shots = load(&world, call(&key, "free"), 64, 300).offer(Duration::from_secs(4));
    let after = syncs(&world);
    assert!(shots.iter().all(|shot| shot.status() == 200), "{}", summary(&shots));
    let said: u64 = after.of_envoys.iter().zip(&before.of_envoys).map(|(a, b)| a - b).sum();
    println!("{} calls, {said} messages", shots.len());
    syncs_are_few(&before, &after);
    assert!(said * 2 < u64::try_from(shots.len()).unwrap(), "{said} for {} calls", shots.len());
}

fn most_at_once(calls: &[(Instant, Instant)]) -> usize {
    let mut events: Vec<_> =
        calls.iter().flat_map(|(from, to)| [(*from, 1_isize), (*to, -1)]).collect();
    // Where one ends as another begins, the end goes first.
    events.sort();
    let mut now = 0;
    let mut most = 0;
    for (_, change) in events {
        now += change;
        most = most.max(now);
    }
    usize::try_from(most).unwrap()
}

/// Which part of so many places' time was used in `window`, in hundredths.
fn part_used(calls: &[(Instant, Instant)], window: (Instant, Instant), places: usize) -> f64 {
    let (begin, end) = window;
    let within = |(from, to): &(Instant, Instant)| (*to).min(end) - (*from).clamp(begin, end);
    let used: Duration = calls.iter().map(within).sum();
    let all = (end - begin) * u32::try_from(places).unwrap();
    used.as_secs_f64() / all.as_secs_f64() * 100.0
}

#[track_caller]
fn is_right_refusal(shot: &Shot, rule: &str, limit: &str, longest_wait: u64) {
    let answer = shot.answer.as_ref().unwrap_or_else(|error| panic!("no answer: {error}"));
    assert_eq!(answer.status, 429, "{}", answer.text());
    let body = answer.json();
    assert!(matches!(shot.refusal(), Some("rate_limited" | "limit_lent_elsewhere")), "{body}");
    assert_eq!(body["code"], json!(shot.refusal()));
    assert_eq!(body["rule"], rule);
    assert_eq!(body["limit"], limit);
    assert_eq!(body["ask"], "checkout@acme.example");
    let wait_ms = body["retry_after_ms"].as_u64().unwrap();
    let wait = wait_ms.div_ceil(1_000);
    assert_eq!(answer.header("retry-after"), Some(&*wait.to_string()), "{body}");
    assert!((1..=longest_wait).contains(&wait), "come back after {wait} s: {body}");
    assert_eq!(answer.header("x-envoy-ratelimited"), Some("true"));
    let state = answer.header("ratelimit").unwrap();
    assert!(state.starts_with(&format!("\"{rule}\";r=0;t=")), "{state}");
    assert!(answer.header("ratelimit-policy").unwrap().starts_with(&format!("\"{rule}\";q=")));
}

/// How many syncs there were, by whom one asks, and when.
struct Syncs {
    at: Instant,
    of_envoys: Vec<u64>,
    of_sidecar: u64,
}

fn syncs(world: &World) -> Syncs {
    let of = |envoy: &Envoy| envoy.stat("wasmcustom.tollkeeper.syncs");
    let of_envoys = world.envoys.iter().map(of).collect();
    let of_sidecar = world.sidecar.metric("tollkeeper_sidecar_syncs_total");
    Syncs { at: wait::now(), of_envoys, of_sidecar }
}

fn syncs_are_few(before: &Syncs, after: &Syncs) {
    /// A worker's count reaches Envoy's statistics with its next tick, so two of them may lack.
    const UNTOLD: u64 = 3;
    let time = after.at - before.at;
    let vms = u64::from(WORKERS + 1) * u64::try_from(ENVOYS).unwrap();
    let mut of_envoys = 0;
    for (after, before) in after.of_envoys.iter().zip(&before.of_envoys) {
        let each = (after - before) as f64 / f64::from(WORKERS) / time.as_secs_f64();
        println!("{each:.1} syncs a second and worker");
        assert!(each <= 20.0, "{each:.1} syncs a second and worker");
        of_envoys += after - before;
    }
    let of_sidecar = after.of_sidecar - before.of_sidecar;
    println!("{of_envoys} syncs said the Envoys, {of_sidecar} the sidecar");
    assert!(of_envoys.abs_diff(of_sidecar) <= vms * UNTOLD, "{of_envoys} != {of_sidecar}");
}

const CALLER: &str = "x-caller";
const HOLD_MS: &str = "x-hold-ms";
