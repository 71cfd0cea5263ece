//! CPU time per request: what a machine must have more of.
//!
//! The machine's speed drifts by more than a filter costs. So all configurations run at once, each
//! gets a burst in turn, and what counts is the median of the differences within a round.

use serde_json::Value;
use tollkeeper_tests::client::Call;
use tollkeeper_tests::envoy::Envoy;

use crate::configuration::Kind;
use crate::cpu;
use crate::load::Load;
use crate::stand::{HOST, PATH, Stand};

const ROUNDS: usize = 15;
const BURST: Load = Load { requests: 10_000, connections: 4, pace: None };
const KINDS: usize = Kind::ALL.len();

/// What was measured.
pub(crate) struct Processor {
    /// Envoy's microseconds per request, the median over the rounds.
    pub(crate) envoy: [f64; KINDS],
    /// What it has more than the first configuration, the median of the differences.
    pub(crate) added: [f64; KINDS],
    /// How the sidecar fared under the gate's bursts.
    pub(crate) sidecar: Sidecar,
}

/// The sidecar of one worker under full load.
pub(crate) struct Sidecar {
    /// Its microseconds per request.
    pub(crate) cpu: f64,
    /// Syncs a second.
    pub(crate) syncs: f64,
    /// Requests a second at the same time.
    pub(crate) requests: f64,
}

/// Envoy's and the sidecar's microseconds in one burst, and what else is counted.
struct Burst {
    envoy: f64,
    sidecar: f64,
    syncs: f64,
    seconds: f64,
}

/// Measures all configurations.
pub(crate) fn of(configurations: &[Value; KINDS], stand: &Stand) -> Processor {
    let envoys = configurations.each_ref().map(|each| Envoy::start(each, 1));
    for (kind, envoy) in Kind::ALL.into_iter().zip(&envoys) {
        does_its_work(kind, envoy);
        BURST.send(envoy.gate(), &stand.client_keys()[0]);
    }
    // Each round is another client: the first of its calls asks the sidecar.
    let keys = stand.client_keys().iter().skip(1).take(ROUNDS);
    let rounds: Vec<[Burst; KINDS]> =
        keys.map(|key| envoys.each_ref().map(|envoy| burst(envoy, stand, key))).collect();

    let column = |of: &dyn Fn(&[Burst; KINDS]) -> f64| median(rounds.iter().map(of).collect());
    let per_request = |total: f64| total / f64::from(BURST.requests);
    let gate = KINDS - 1;
    let seconds = column(&|round| round[gate].seconds);
    Processor {
        envoy: std::array::from_fn(|kind| per_request(column(&|round| round[kind].envoy))),
        added: std::array::from_fn(|kind| {
            per_request(column(&|round| round[kind].envoy - round[0].envoy))
        }),
        sidecar: Sidecar {
            cpu: per_request(column(&|round| round[gate].sidecar)),
            syncs: column(&|round| round[gate].syncs) / seconds,
            requests: f64::from(BURST.requests) / seconds,
        },
    }
}

/// What lets everybody in is cheap, and not what is to be measured.
fn does_its_work(kind: Kind, envoy: &Envoy) {
    let stranger = Call::get(PATH).header("host", HOST).header("authorization", "Bearer tk_nobody");
    let answer = stranger.send(envoy.gate()).expect("Envoy answers");
    let expected = if kind.knows_clients() { 401 } else { 200 };
    assert_eq!(answer.status, expected, "a stranger at {:?}: {}", kind.name(), answer.text());
}

fn burst(envoy: &Envoy, stand: &Stand, key: &str) -> Burst {
    let look = || {
        (
            cpu::micros(envoy.id()),
            cpu::micros(stand.sidecar_id()),
            cpu::as_f64(envoy.stat("cluster.key-sidecar.upstream_rq_total")),
        )
    };
    let before = look();
    let took = BURST.send(envoy.gate(), key);
    let after = look();
    Burst {
        envoy: after.0 - before.0,
        sidecar: after.1 - before.1,
        syncs: after.2 - before.2,
        seconds: took.as_secs_f64(),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
