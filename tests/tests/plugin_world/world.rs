//! Workers, one sidecar and a network between them, a millisecond at a time.
//!
//! Seeded and deterministic. The workers may be of several Envoys: nothing is shared between them but
//! the sidecar. Neighbours: `sidecar` is the other end of the network, the suites are the callers.
#![allow(dead_code, reason = "each suite is a program of its own and uses a part of this")]

mod sidecar;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tollkeeper_tests::host::{Answer, Callout, Clock, Module, Setup, StreamId, Vm};
use wire::client_key;
use wire::units::UnixMillis;

#[allow(unused_imports, reason = "each suite is a program of its own and uses a part of this")]
pub(crate) use sidecar::{NEW_YEAR, Sidecar, framed, secret_of};

/// How long Envoy waits for the sidecar.
const TIMEOUT_MS: u64 = 250;

/// A clock that starts late enough for everything that looks back.
const START_MS: u64 = 86_400_000;

/// What the network does to a call of the plugin's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    /// There and back.
    pub(crate) latency_ms: (u64, u64),
    /// Requests and answers that vanish, in a thousand each.
    pub(crate) lost_per_mille: u32,
    /// Nobody listens at the other end.
    pub(crate) down: bool,
}

struct Letter {
    worker: usize,
    /// The VM that it is for: a new one in its place does not get it.
    life: u64,
    token: u32,
    what: What,
}

enum What {
    Request(Callout),
    Answer(Answer),
}

/// Changes an answer on its way.
pub(crate) type Tamper = Box<dyn FnMut(Answer) -> Answer>;

/// Workers and their sidecar.
pub(crate) struct World {
    pub(crate) vms: Vec<Vm>,
    pub(crate) sidecar: Sidecar,
    pub(crate) network: Network,
    pub(crate) random: fastrand::Rng,
    /// When each worker called the sidecar, in milliseconds.
    pub(crate) syncs: Vec<Vec<u64>>,
    /// What becomes of an answer on its way.
    pub(crate) tamper: Option<Tamper>,
    setup: Setup,
    /// The workers' clock. What time of the day it shows is nobody's business.
    clock: Clock,
    begins: UnixMillis,
    mail: BTreeMap<u64, Vec<Letter>>,
    posted: Vec<BTreeSet<u32>>,
    lives: Vec<u64>,
    born: u64,
}

impl World {
    /// Starts the workers. Nothing has been said yet.
    pub(crate) fn new(workers: usize, policy: &str) -> Self {
        Self::with_config(workers, policy, "")
    }

    /// The same with a configuration of the filter.
    pub(crate) fn with_config(workers: usize, policy: &str, config: &str) -> Self {
        Self::with_setup(workers, policy, &Setup::new(config))
    }

    /// The same in an Envoy of this kind.
    pub(crate) fn with_setup(workers: usize, policy: &str, setup: &Setup) -> Self {
        Self::beginning(workers, policy, setup, NEW_YEAR)
    }

    /// Started at this moment of the sidecar's wall clock, and the policy known to all.
    pub(crate) fn ready_at(workers: usize, policy: &str, begins: UnixMillis) -> Self {
        let mut world = Self::beginning(workers, policy, &Setup::new(""), begins);
        world.run(200);
        world
    }

    fn beginning(workers: usize, policy: &str, setup: &Setup, begins: UnixMillis) -> Self {
        let clock = Clock::default();
        let mut world = Self {
            vms: Vec::new(),
            sidecar: Sidecar::new(policy, begins),
            network: Network { latency_ms: (1, 3), lost_per_mille: 0, down: false },
            random: fastrand::Rng::with_seed(7),
            syncs: vec![Vec::new(); workers],
            tamper: None,
            setup: setup.clone().clock(&clock),
            clock,
            begins,
            mail: BTreeMap::new(),
            posted: vec![BTreeSet::new(); workers],
            lives: vec![0; workers],
            born: 0,
        };
        for worker in 0..workers {
            let vm = world.newborn(worker);
            world.vms.push(vm);
        }
        world
    }

    /// Started, and the policy known to all.
    pub(crate) fn ready(workers: usize, policy: &str) -> Self {
        let mut world = Self::new(workers, policy);
        world.run(200);
        world
    }

    /// Since the start of the world, in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_millis()).unwrap() - START_MS
    }

    /// The moment as the sidecar counts.
    pub(crate) fn moment(&self) -> Duration {
        Duration::from_millis(self.now())
    }

    /// What the sidecar's wall clock shows.
    pub(crate) fn wall(&self) -> UnixMillis {
        UnixMillis(self.begins.0 + self.now())
    }

    /// Sets the wall clock that the workers see. Nothing else moves.
    pub(crate) fn set_workers_wall(&mut self, wall: UnixMillis) {
        self.clock.set_wall(Duration::from_millis(wall.0));
    }

    /// Time goes by until the sidecar's wall clock shows this.
    pub(crate) fn run_until(&mut self, wall: UnixMillis) {
        while self.wall() < wall {
            self.step();
        }
    }

    /// The same from tick to tick, and from sign of life to sign of life, for hours in which nobody calls.
    pub(crate) fn rest_until(&mut self, wall: UnixMillis) {
        while self.wall() < wall {
            let left = wall.0 - self.wall().0;
            let letter = self.mail.keys().next().map_or(left, |at| at - self.now());
            let tick = self.vms.iter().filter_map(Vm::tick_period).min().unwrap_or_default();
            let tick = match u64::try_from(tick.as_millis()).unwrap() {
                // A worker that sleeps only shows with every tenth tick that it is alive.
                1_000.. => 10_000,
                tick => tick.max(1),
            };
            self.pass(left.min(letter).min(tick));
        }
    }

    /// So many milliseconds go by.
    pub(crate) fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.step();
        }
    }

    /// A millisecond goes by.
    pub(crate) fn step(&mut self) {
        self.pass(1);
    }

    /// So many milliseconds go by at once, with what comes at their end.
    fn pass(&mut self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
        let now = self.now();
        for letter in self.mail.remove(&now).into_iter().flatten() {
            self.deliver(letter);
        }
        for worker in 0..self.vms.len() {
            self.vms[worker].advance(Duration::ZERO).unwrap();
            self.collect(worker);
        }
    }

    /// Kills a worker's VM with everything in it; another takes its place.
    pub(crate) fn replace(&mut self, worker: usize) {
        self.vms[worker] = self.newborn(worker);
    }

    /// A request on a worker, with whatever it brings at once.
    pub(crate) fn call<N: AsRef<[u8]>>(
        &mut self,
        worker: usize,
        headers: &[(N, Vec<u8>)],
    ) -> StreamId {
        self.vms[worker].call(headers).unwrap()
    }

    /// A request, and time until it is decided.
    pub(crate) fn decided<N: AsRef<[u8]>>(
        &mut self,
        worker: usize,
        headers: &[(N, Vec<u8>)],
    ) -> StreamId {
        let stream = self.call(worker, headers);
        for _ in 0..500 {
            if !self.vms[worker].is_paused(stream) {
                return stream;
            }
            self.step();
        }
        panic!("the stream waits for ever")
    }

    /// The status and the code with which a stream was refused; `None` if it was not.
    pub(crate) fn refusal(&self, worker: usize, stream: StreamId) -> Option<(u32, String)> {
        let reply = self.vms[worker].reply(stream)?;
        Some((reply.status, reply.headers.text("x-tollkeeper-refusal").unwrap_or_default()))
    }

    /// The most calls of any worker to the sidecar in any second.
    pub(crate) fn busiest_second(&self) -> usize {
        let busiest = |times: &Vec<u64>| {
            let from = |(first, start): (usize, &u64)| {
                times[first..].iter().take_while(|time| **time < start + 1000).count()
            };
            times.iter().enumerate().map(from).max().unwrap_or(0)
        };
        self.syncs.iter().map(busiest).max().unwrap_or(0)
    }

    fn newborn(&mut self, worker: usize) -> Vm {
        self.born += 1;
        self.lives[worker] = self.born;
        self.posted[worker].clear();
        self.setup.clone().seed(self.born).start(Module::tollkeeper()).unwrap()
    }

    fn collect(&mut self, worker: usize) {
        for callout in self.vms[worker].callouts() {
            if !self.posted[worker].insert(callout.token) {
                continue;
            }
            let now = self.now();
            self.syncs[worker].push(now);
            let token = callout.token;
            if self.network.down {
                self.post(worker, token, 1, What::Answer(Answer::unreachable()));
            } else if self.is_lost() {
                self.post(worker, token, TIMEOUT_MS, What::Answer(Answer::timeout()));
            } else {
                self.post(worker, token, 1, What::Request(callout));
            }
        }
    }

    fn deliver(&mut self, letter: Letter) {
        let Letter { worker, life, token, what } = letter;
        if self.lives[worker] != life {
            return;
        }
        match what {
            What::Request(callout) => {
                let answer = self.sidecar.respond(&callout, self.moment());
                let answer = match &mut self.tamper {
                    Some(tamper) => tamper(answer),
                    None => answer,
                };
                let (least, most) = self.network.latency_ms;
                let back = self.random.u64(least..=most).saturating_sub(1);
                if self.is_lost() {
                    self.post(worker, token, TIMEOUT_MS - 1, What::Answer(Answer::timeout()));
                } else if back == 0 {
                    self.vms[worker].answer(token, answer).unwrap();
                } else {
                    self.post(worker, token, back, What::Answer(answer));
                }
            }
            What::Answer(answer) => {
                self.vms[worker].answer(token, answer).unwrap();
            }
        }
    }

    fn post(&mut self, worker: usize, token: u32, after: u64, what: What) {
        let letter = Letter { worker, life: self.lives[worker], token, what };
        self.mail.entry(self.now() + after).or_default().push(letter);
    }

    fn is_lost(&mut self) -> bool {
        self.random.u32(0..1000) < self.network.lost_per_mille
    }
}

/// The client key number `number`.
pub(crate) fn key(number: u8) -> String {
    client_key::issue(&[number; 32]).to_string()
}

/// A call of `GET /openai/v1/models` with this client key.
pub(crate) fn request(key: &str) -> Vec<(String, Vec<u8>)> {
    to("/openai/v1/models", &[("authorization", &format!("Bearer {key}"))])
}

/// A GET of `path` with these headers.
pub(crate) fn to(path: &str, more: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let head = [(":method", "GET"), (":scheme", "https"), (":authority", "gate"), (":path", path)];
    let all = head.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// A policy of one service `openai`, with clients 1 and 2, and these limits on client 1.
pub(crate) fn policy(limits: &str) -> String {
    policy_for(&[(1, "checkout".to_owned(), limits), (2, "search".to_owned(), "")])
}

/// The same for these clients: the number of the key, the name and the limits of each.
pub(crate) fn policy_for(clients: &[(u8, String, &str)]) -> String {
    let clients = clients.iter().map(|(number, name, limits)| {
        let digest = client_key::digest(key(*number).as_bytes());
        format!(
            r#""{name}": {{"owner": "{name}@acme.example", "known_by": [{{"key": "sha256:{digest}"}}],
                "may_use": {{"openai": {{}}}}, "limits": [{limits}]}}"#
        )
    });
    let clients: Vec<_> = clients.collect();
    format!(
        r#"{{"policy_version": 1,
            "organization": {{"name": "acme", "currency": "USD", "time_zone": "UTC"}},
            "services": {{"openai": {{
                "cluster": "openai", "hosts": ["api.openai.com"], "credential": "openai-prod",
                "inject": {{"as": "bearer"}}, "routes": [{{"match": "GET /v1/models", "free": "a test"}}]}}}},
            "clients": {{{}}}}}"#,
        clients.join(",")
    )
}
