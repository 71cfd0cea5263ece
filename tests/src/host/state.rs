//! Everything that the host calls of one VM read and write.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wasmtime::{Memory, TypedFunc};

use super::abi::Status;
use super::callout::{Answer, Callout};
use super::clock::Clock;
use super::faults::Faults;
use super::metrics::Metrics;
use super::shared::SharedData;
use super::stream::{Root, Stream};

pub(super) struct HostState {
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) shared: SharedData,
    pub(super) faults: Faults,
    pub(super) clusters: BTreeSet<String>,
    pub(super) cluster_down: bool,
    pub(super) vm_config: Vec<u8>,
    pub(super) log_level: u32,
    pub(super) allow_on_headers_stop_iteration: bool,
    pub(super) buffer_limit: usize,
    pub(super) properties: BTreeMap<Vec<u8>, Vec<u8>>,

    pub(super) roots: BTreeMap<u32, Root>,
    pub(super) streams: BTreeMap<u32, Stream>,
    pub(super) callouts: BTreeMap<u32, Callout>,
    pub(super) last_token: u32,
    pub(super) metrics: Metrics,
    pub(super) logs: Vec<LogLine>,
    pub(super) stderr: Vec<u8>,
    pub(super) counts: BTreeMap<&'static str, u64>,

    /// The context whose callback runs, and the one that the module speaks for.
    pub(super) current: u32,
    pub(super) effective: Option<u32>,
    /// The present callback is one after which Envoy can no longer answer for the stream.
    pub(super) ending: bool,
    /// The answer that the present callback is about.
    pub(super) answer: Option<Answer>,

    pub(super) memory: Option<Memory>,
    pub(super) allocate: Option<TypedFunc<u32, u32>>,
}

/// Something that the module logged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    /// 0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 critical.
    pub level: u32,
    /// The text.
    pub text: String,
}

impl HostState {
    /// Who the module speaks for.
    pub(super) fn speaker(&self) -> u32 {
        match self.effective {
            Some(id) if self.knows(id) => id,
            _ => self.current,
        }
    }

    pub(super) fn knows(&self, context: u32) -> bool {
        self.roots.contains_key(&context) || self.live_stream(context).is_some()
    }

    pub(super) fn live_stream(&self, id: u32) -> Option<&Stream> {
        use super::stream::Phase;
        let stream = self.streams.get(&id);
        stream.filter(|stream| stream.phase != Phase::Deleted)
    }

    /// The stream that the module speaks for, if it is one.
    pub(super) fn stream(&mut self) -> Option<&mut Stream> {
        let speaker = self.speaker();
        self.streams.get_mut(&speaker)
    }

    /// The root context that the module speaks for, directly or through a stream of it.
    pub(super) fn root_id(&self) -> u32 {
        let speaker = self.speaker();
        self.streams.get(&speaker).map_or(speaker, |s| s.root)
    }

    pub(super) fn note(&mut self, call: &'static str) {
        *self.counts.entry(call).or_default() += 1;
        if let Some(stream) = self.stream() {
            stream.calls.push(call);
        }
    }

    pub(super) fn set_tick_period(&mut self, period: Duration) -> Result<(), Status> {
        let now = self.clock.monotonic();
        let id = self.root_id();
        let root = self.roots.get_mut(&id).ok_or(Status::BAD_ARGUMENT)?;
        root.tick_period = Some(period).filter(|period| !period.is_zero());
        root.next_tick = now.saturating_add(period);
        Ok(())
    }
}

/// SplitMix64: the same seed, the same "random" bytes.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(word) {
                *to = from;
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
