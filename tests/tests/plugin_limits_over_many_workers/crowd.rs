//! Callers that ask for more than there is, on all workers alike.

use std::collections::BTreeMap;

use tollkeeper_tests::host::{Phase, StreamId};

use crate::auditor::Auditor;
use crate::world::{World, key, policy, request};

/// How long a call runs, in milliseconds.
const CALL_MS: std::ops::RangeInclusive<u64> = 20..=200;

/// The callers, and the world in which they call.
pub(crate) struct Crowd {
    pub(crate) world: World,
    auditor: Auditor,
    /// Calls a second, over all workers.
    offered: u64,
    random: fastrand::Rng,
    request: Vec<(String, Vec<u8>)>,
    /// Held by the filter.
    waiting: Vec<Vec<StreamId>>,
    /// On their way to the upstream, by the moment at which they end.
    running: BTreeMap<u64, Vec<(usize, StreamId)>>,
    elapsed_ms: u64,
    refused: u64,
}

/// What became of it.
#[derive(Debug)]
#[expect(dead_code, reason = "some figures are for the reader of a failure alone")]
pub(crate) struct Report {
    pub(crate) over: u64,
    pub(crate) use_per_mille: u64,
    pub(crate) syncs_in_any_second: usize,
    pub(crate) refused: u64,
    auditor: Auditor,
}

impl Crowd {
    /// Workers that know the policy, with one client under this limit.
    pub(crate) fn new(workers: usize, limit: &str) -> Self {
        let world = World::ready(workers, &policy(limit));
        Self {
            auditor: auditor(limit),
            offered: 0,
            random: fastrand::Rng::with_seed(11),
            request: request(&key(1)),
            waiting: vec![Vec::new(); workers],
            running: BTreeMap::new(),
            elapsed_ms: 0,
            refused: 0,
            world,
        }
    }

    /// So many calls a second, spread at random.
    pub(crate) fn offer(mut self, a_second: u64) -> Self {
        self.offered = a_second;
        self
    }

    /// Calls for so long. The report is of all the time so far.
    pub(crate) fn run(&mut self, millis: u64) -> Report {
        for _ in 0..millis {
            self.step();
        }
        self.elapsed_ms += millis;
        Report {
            over: self.auditor.over(),
            use_per_mille: self.auditor.use_per_mille(self.elapsed_ms),
            syncs_in_any_second: self.world.busiest_second(),
            refused: self.refused,
            auditor: self.auditor.clone(),
        }
    }

    /// One worker's VM dies, with every call that runs or waits on it.
    pub(crate) fn kill(&mut self, worker: usize) {
        for calls in self.running.values_mut() {
            let before = calls.len();
            calls.retain(|(where_, _)| *where_ != worker);
            (calls.len()..before).for_each(|_| self.auditor.end());
        }
        self.waiting[worker].clear();
        self.world.replace(worker);
    }

    /// The sidecar dies and comes back, with or without a snapshot.
    pub(crate) fn restart_sidecar(&mut self, clean: bool) {
        let now = self.world.moment();
        self.world.sidecar.restart(clean, now);
    }

    fn step(&mut self) {
        let now = self.world.now();
        for (worker, stream) in self.running.remove(&now).into_iter().flatten() {
            self.auditor.end();
            self.world.vms[worker].respond_and_end(stream, &[(":status", "200")]).unwrap();
        }
        for worker in 0..self.waiting.len() {
            for _ in 0..self.calls_now() {
                let stream = self.world.call(worker, &self.request);
                self.waiting[worker].push(stream);
            }
        }
        self.look();
        self.world.step();
        self.look();
        self.auditor.tick();
    }

    /// Counts what has been decided since the last look.
    fn look(&mut self) {
        let now = self.world.now();
        for worker in 0..self.waiting.len() {
            let vm = &mut self.world.vms[worker];
            let (held, decided) = std::mem::take(&mut self.waiting[worker])
                .into_iter()
                .partition::<Vec<_>, _>(|stream| vm.is_paused(*stream));
            self.waiting[worker] = held;
            for stream in decided {
                if vm.stream(stream).phase != Phase::Upstream {
                    self.refused += 1;
                    continue;
                }
                self.auditor.admit(now);
                let end = now + self.random.u64(CALL_MS);
                self.running.entry(end).or_default().push((worker, stream));
            }
            vm.forget_ended_streams();
        }
    }

    fn calls_now(&mut self) -> u64 {
        let workers = u64::try_from(self.waiting.len()).unwrap();
        let per_million = self.offered * 1000 / workers;
        per_million / 1_000_000 + u64::from(self.random.u64(0..1_000_000) < per_million % 1_000_000)
    }
}

fn auditor(limit: &str) -> Auditor {
    let limit: serde_json::Value = serde_json::from_str(limit).unwrap();
    if let Some(places) = limit["concurrent"].as_u64() {
        return Auditor::places(places);
    }
    let period_ms = match limit["per"].as_str() {
        Some("second") => 1_000,
        Some("minute") => 60_000,
        other => panic!("no auditor for {other:?}"),
    };
    Auditor::rate(limit["requests"].as_u64().unwrap(), period_ms, limit["burst"].as_u64().unwrap())
}
