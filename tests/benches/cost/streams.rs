//! How fast a stream of events is metered in wasm: in Envoy's own V8, with all that takes it there.
//!
//! The same stream goes by free and metered in turn, through one worker. What the metered one takes
//! more is the copy into the VM and the meter; the filter's native speed is `--bench meter`.

use tollkeeper_tests::envoy::Envoy;

use crate::calls::Call;
use crate::configuration::Kind;
use crate::cpu::{self, median};
use crate::load::Load;
use crate::stand::Stand;

const ROUNDS: usize = 15;
const BURST: Load = Load { requests: 60, connections: 2, pace: None };

/// What was measured.
pub(crate) struct Streams {
    /// The length of the stream.
    pub(crate) bytes: usize,
    /// Envoy's microseconds for one that is free.
    pub(crate) free: f64,
    /// What it takes more for one that is metered.
    pub(crate) added: f64,
}

/// Measures.
pub(crate) fn of(stand: &Stand) -> Streams {
    let envoy = Envoy::start(&Kind::Gate(Call::Stream).configuration(stand), 1);
    let micros = |call: Call| {
        let before = cpu::micros(envoy.id());
        BURST.send(call, envoy.gate(), &stand.client_keys()[0]);
        (cpu::micros(envoy.id()) - before) / f64::from(BURST.requests)
    };
    let round = || (micros(Call::Stream), micros(Call::MeteredStream));
    // Until V8 has compiled all that runs.
    round();
    let rounds: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    Streams {
        bytes: Call::MeteredStream.answer().1.len(),
        free: median(rounds.iter().map(|(free, _)| *free).collect()),
        added: median(rounds.iter().map(|(free, metered)| metered - free).collect()),
    }
}

impl Streams {
    /// What of a stream is metered in a second of CPU time.
    pub(crate) fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 / self.added
    }
}
