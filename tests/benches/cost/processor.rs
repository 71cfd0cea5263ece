//! CPU time per request: what a machine must have more of.
//!
//! The machine's speed drifts by more than a filter costs. So all configurations run at once, each
//! gets a burst in turn, and what counts is the median of the differences within a round.

use tollkeeper_tests::client::Call as Request;
use tollkeeper_tests::envoy::Envoy;
use tollkeeper_tests::wait;

use crate::calls::Call;
use crate::configuration::Kind;
use crate::cpu::{self, median};
use crate::load::Load;
use crate::stand::{HOST, Stand};

/// Each is another client: the first of its calls asks the sidecar.
pub(crate) const ROUNDS: usize = 15;
/// What each configuration gets in a round.
pub(crate) const BURST: Load = Load { requests: 6_000, connections: 4, pace: None };
const KINDS: usize = Kind::ALL.len();

/// What was measured.
pub(crate) struct Processor {
    rounds: Vec<[Burst; KINDS]>,
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
pub(crate) fn of(stand: &Stand) -> Processor {
    let envoys = Kind::ALL.map(|kind| Envoy::start(&kind.configuration(stand), 1));
    for (kind, envoy) in Kind::ALL.into_iter().zip(&envoys) {
        does_its_work(kind, envoy);
        BURST.send(kind.call(), envoy.gate(), &stand.client_keys()[0]);
    }
    let keys = stand.client_keys().iter().skip(1).take(ROUNDS);
    let round = |key: &String| {
        std::array::from_fn(|place| burst(Kind::ALL[place].call(), &envoys[place], stand, key))
    };
    let rounds = keys.map(round).collect();
    was_metered(stand);
    Processor { rounds }
}

/// What lets everybody in is cheap, and not what is to be measured.
fn does_its_work(kind: Kind, envoy: &Envoy) {
    let stranger = Request::get(Call::List.path())
        .header("host", HOST)
        .header("authorization", "Bearer tk_nobody");
    let answer = stranger.send(envoy.gate()).expect("Envoy answers");
    let expected = if kind.knows_clients() { 401 } else { 200 };
    assert_eq!(answer.status, expected, "a stranger at {:?}: {}", kind.name(), answer.text());
}

/// Nor is a meter that finds nothing: all metered calls are in the ledger, with their usage.
fn was_metered(stand: &Stand) {
    let sent = (ROUNDS + 1) * BURST.requests as usize;
    let expected = sent - sent / 500;
    let booked = wait::until(wait::PATIENCE, || {
        let settlements = stand.books().settlements();
        let metered = settlements.iter().filter(|one| one.basis == "usage").count();
        if metered >= expected { Ok(()) } else { Err(metered.to_string()) }
    });
    assert_eq!(booked, Ok(()), "{expected} metered calls and more were sent");
}

fn burst(call: Call, envoy: &Envoy, stand: &Stand, key: &str) -> Burst {
    let syncs = || cpu::as_f64(envoy.stat("cluster.key-sidecar.upstream_rq_total"));
    let micros = || (cpu::micros(envoy.id()), cpu::micros(stand.sidecar_id()));
    // To be asked for its statistics costs Envoy time, too.
    let syncs_before = syncs();
    let before = micros();
    let took = BURST.send(call, envoy.gate(), key);
    let after = micros();
    Burst {
        envoy: after.0 - before.0,
        sidecar: after.1 - before.1,
        syncs: syncs() - syncs_before,
        seconds: took.as_secs_f64(),
    }
}

impl Processor {
    /// Envoy's microseconds per request, the median over the rounds.
    pub(crate) fn envoy(&self, kind: Kind) -> f64 {
        self.per_request(|round| round[kind.place()].envoy)
    }

    /// What one has more than another, the median of the differences.
    pub(crate) fn added(&self, kind: Kind, to: Kind) -> f64 {
        self.per_request(|round| round[kind.place()].envoy - round[to.place()].envoy)
    }

    /// How the sidecar fared under these bursts.
    pub(crate) fn sidecar(&self, kind: Kind) -> Sidecar {
        let seconds = self.column(|round| round[kind.place()].seconds);
        Sidecar {
            cpu: self.per_request(|round| round[kind.place()].sidecar),
            syncs: self.column(|round| round[kind.place()].syncs) / seconds,
            requests: f64::from(BURST.requests) / seconds,
        }
    }

    fn per_request(&self, of: impl Fn(&[Burst; KINDS]) -> f64) -> f64 {
        self.column(of) / f64::from(BURST.requests)
    }

    fn column(&self, of: impl Fn(&[Burst; KINDS]) -> f64) -> f64 {
        median(self.rounds.iter().map(of).collect())
    }
}
