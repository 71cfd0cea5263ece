//! What a test may look at, and what it may change between two callbacks.

use std::collections::BTreeMap;

use super::{StreamId, Vm};
use crate::host::abi::Status;
use crate::host::callout::Callout;
use crate::host::clock::Clock;
use crate::host::faults::When;
use crate::host::metrics::Metrics;
use crate::host::shared::SharedData;
use crate::host::state::{HostState, LogLine};
use crate::host::stream::{LocalReply, Phase, Stream};

/// What a callback has cost, in wasmtime's fuel: about one a WebAssembly instruction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fuel {
    /// How often it was entered.
    pub entered: u64,
    /// What the last time cost.
    pub last: u64,
    /// What the most expensive time cost.
    pub most: u64,
    /// All together.
    pub total: u64,
}

impl Fuel {
    pub(super) fn add(&mut self, used: u64) {
        self.entered += 1;
        self.last = used;
        self.most = self.most.max(used);
        self.total += used;
    }
}

impl Vm {
    /// A stream, alive or over.
    ///
    /// # Panics
    /// If the stream is another VM's.
    #[must_use]
    #[expect(clippy::panic, reason = "a mistake of the test, not of its subject")]
    pub fn stream(&self, StreamId(id): StreamId) -> &Stream {
        let stream = self.host().streams.get(&id);
        stream.unwrap_or_else(|| panic!("this VM has no stream {id}"))
    }

    /// The local reply that a stream got.
    #[must_use]
    pub fn reply(&self, stream: StreamId) -> Option<&LocalReply> {
        self.stream(stream).reply.as_ref()
    }

    /// Whether a stream is on its way to the upstream.
    #[must_use]
    pub fn is_upstream(&self, stream: StreamId) -> bool {
        self.stream(stream).phase == Phase::Upstream
    }

    /// Whether a stream waits for the module.
    #[must_use]
    pub fn is_paused(&self, stream: StreamId) -> bool {
        self.stream(stream).phase == Phase::Paused
    }

    /// Forgets the streams that are over, so that long runs do not grow.
    pub fn forget_ended_streams(&mut self) {
        let streams = &mut self.host_mut().streams;
        streams.retain(|_, stream| stream.phase != Phase::Deleted);
    }

    /// The calls that wait for an answer, oldest first.
    #[must_use]
    pub fn callouts(&self) -> Vec<Callout> {
        self.host().callouts.values().cloned().collect()
    }

    /// What has been counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.host().metrics
    }

    /// What has been logged.
    #[must_use]
    pub fn logs(&self) -> &[LogLine] {
        &self.host().logs
    }

    /// What has been printed to files, such as the text of a panic.
    #[must_use]
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.host().stderr).into_owned()
    }

    /// How many times each host call was made.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.host().counts
    }

    /// How many times one host call was made.
    #[must_use]
    pub fn count(&self, call: &str) -> u64 {
        self.counts().get(call).copied().unwrap_or(0)
    }

    /// What a callback has cost.
    #[must_use]
    pub fn fuel(&self, callback: &str) -> Fuel {
        self.fuel.get(callback).copied().unwrap_or_default()
    }

    /// Whether it has trapped.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead_since.is_some()
    }

    /// How much memory the module has, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let memory = self.host().memory;
        memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// The module's whole memory, to look for secrets in it.
    #[must_use]
    pub fn memory(&self) -> &[u8] {
        let memory = self.host().memory;
        memory.map_or(&[], |memory| memory.data(&self.store))
    }

    /// Its clock; move it, or use [`Vm::advance`] to have ticks at their moments.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.host().clock.clone()
    }

    /// The shared data that it sees.
    #[must_use]
    pub fn shared(&self) -> SharedData {
        self.host().shared.clone()
    }

    /// From now on a host call does nothing and returns `status`.
    pub fn fail(&mut self, call: &str, status: Status, when: When) {
        self.host_mut().faults.set(call, status, when);
    }

    /// No host call fails on demand any more.
    pub fn heal(&mut self) {
        self.host_mut().faults.clear();
    }

    /// Whether calls fail at once because the cluster has no endpoint.
    pub fn clusters_down(&mut self, down: bool) {
        self.host_mut().cluster_down = down;
    }

    /// The number of callouts so far, as Envoy counts them: a test of what happens when it wraps.
    pub fn set_last_token(&mut self, token: u32) {
        self.host_mut().last_token = token;
    }

    /// A property of one stream.
    pub fn set_property(&mut self, stream: StreamId, path: &[&str], value: impl AsRef<[u8]>) {
        let path = path.join("\0").into_bytes();
        let properties = &mut self.stream_mut(stream).properties;
        properties.insert(path, value.as_ref().to_vec());
    }

    /// A property that the module has set on one stream.
    #[must_use]
    pub fn property(&self, stream: StreamId, path: &[&str]) -> Option<&[u8]> {
        let path = path.join("\0").into_bytes();
        let value = self.stream(stream).properties.get(&path);
        value.map(Vec::as_slice)
    }

    pub(super) fn host(&self) -> &HostState {
        self.store.data()
    }

    pub(super) fn host_mut(&mut self) -> &mut HostState {
        self.store.data_mut()
    }

    #[expect(clippy::panic, reason = "a mistake of the test, not of its subject")]
    pub(super) fn stream_mut(&mut self, StreamId(id): StreamId) -> &mut Stream {
        let stream = self.host_mut().streams.get_mut(&id);
        stream.unwrap_or_else(|| panic!("this VM has no stream {id}"))
    }

    pub(super) fn expect_phase(&self, stream: StreamId, phases: &[Phase]) {
        let phase = self.stream(stream).phase;
        assert!(
            phases.contains(&phase),
            "the test expects {phases:?}, but the stream is {phase:?}; its reply: {:?}",
            self.reply(stream)
        );
    }

    pub(super) fn next_context(&mut self) -> u32 {
        self.last_context += 1;
        self.last_context
    }
}
