//! What a VM is started with.

use std::collections::{BTreeMap, BTreeSet};

use super::abi::Status;
use super::broken::Broken;
use super::clock::Clock;
use super::faults::{Faults, When};
use super::module::Module;
use super::shared::SharedData;
use super::state::{HostState, Random};
use super::vm::Vm;

/// The configuration of a VM and the Envoy around it. One setup starts any number of VMs.
#[derive(Clone)]
pub struct Setup {
    pub(super) config: Vec<u8>,
    vm_config: Vec<u8>,
    seed: u64,
    clock: Clock,
    shared: SharedData,
    clusters: BTreeSet<String>,
    properties: BTreeMap<Vec<u8>, Vec<u8>>,
    faults: Faults,
    log_level: u32,
    allow_on_headers_stop_iteration: bool,
    buffer_limit: usize,
}

impl Setup {
    /// A plugin configuration, and an Envoy with a cluster `key-sidecar` that logs everything.
    #[must_use]
    pub fn new(config: impl AsRef<[u8]>) -> Self {
        Self {
            config: config.as_ref().to_vec(),
            vm_config: Vec::new(),
            seed: 0,
            clock: Clock::default(),
            shared: SharedData::default(),
            clusters: BTreeSet::from(["key-sidecar".to_owned()]),
            properties: BTreeMap::new(),
            faults: Faults::default(),
            log_level: 0,
            allow_on_headers_stop_iteration: true,
            buffer_limit: 1 << 20,
        }
    }

    /// An Envoy that hands over no bodies while heads are held: without
    /// `allow_on_headers_stop_iteration`.
    #[must_use]
    pub fn without_stop_iteration(mut self) -> Self {
        self.allow_on_headers_stop_iteration = false;
        self
    }

    /// How much of a body Envoy buffers: `per_connection_buffer_limit_bytes`.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.buffer_limit = bytes;
        self
    }

    /// Other random bytes.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The time of `clock`, which other VMs may share.
    #[must_use]
    pub fn clock(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// Shared data, which other VMs may share.
    #[must_use]
    pub fn shared(mut self, shared: &SharedData) -> Self {
        self.shared = shared.clone();
        self
    }

    /// The VM configuration.
    #[must_use]
    pub fn vm_config(mut self, config: impl AsRef<[u8]>) -> Self {
        self.vm_config = config.as_ref().to_vec();
        self
    }

    /// One cluster more that can be called.
    #[must_use]
    pub fn cluster(mut self, name: &str) -> Self {
        self.clusters.insert(name.to_owned());
        self
    }

    /// A property of every stream, as in `property(&["xds", "cluster_name"], "openai")`.
    #[must_use]
    pub fn property(mut self, path: &[&str], value: impl AsRef<[u8]>) -> Self {
        let path = path.join("\0").into_bytes();
        self.properties.insert(path, value.as_ref().to_vec());
        self
    }

    /// What Envoy says its log level is: 0 trace to 5 critical.
    #[must_use]
    pub fn log_level(mut self, level: u32) -> Self {
        self.log_level = level;
        self
    }

    /// A host call that fails from the start.
    #[must_use]
    pub fn failing(mut self, call: &str, status: Status, when: When) -> Self {
        self.faults.set(call, status, when);
        self
    }

    /// Starts a VM and its first root context.
    ///
    /// # Errors
    /// [`Broken`]: a trap on the way, or a callback that returns false.
    pub fn start(&self, module: &Module) -> Result<Vm, Broken> {
        Vm::boot(module, self)
    }

    pub(super) fn state(&self) -> HostState {
        HostState {
            clock: self.clock.clone(),
            random: Random(self.seed),
            shared: self.shared.clone(),
            faults: self.faults.clone(),
            clusters: self.clusters.clone(),
            cluster_down: false,
            vm_config: self.vm_config.clone(),
            log_level: self.log_level,
            allow_on_headers_stop_iteration: self.allow_on_headers_stop_iteration,
            buffer_limit: self.buffer_limit,
            properties: self.properties.clone(),
            roots: BTreeMap::new(),
            streams: BTreeMap::new(),
            callouts: BTreeMap::new(),
            last_token: 0,
            metrics: super::metrics::Metrics::default(),
            logs: Vec::new(),
            stderr: Vec::new(),
            counts: BTreeMap::new(),
            current: 0,
            effective: None,
            ending: false,
            answer: None,
            memory: None,
            allocate: None,
        }
    }
}
