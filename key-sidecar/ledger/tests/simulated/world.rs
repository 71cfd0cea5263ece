//! A simulated world: holders, their callers, a network, and the ledger, a millisecond at a time.
//!
//! Seeded and deterministic. What was admitted is judged here, by the limit's own words, and not by
//! what the ledger believes.

use std::collections::BTreeMap;

use ledger::{Command, Definition, Ledger, Now, Reply, Start, Sync};
use wire::ids::{ClientName, Epoch, HolderId};
use wire::limit::{LimitKey, LimitRule, LimitScope, Per};
use wire::sync::LeaseAnswer;
use wire::units::{Millis, UnixMillis};

use crate::holder::{Decision, Holder};

/// How long a holder waits for an answer before it repeats.
const TIMEOUT_MS: u64 = 250;

/// What goes wrong, per mille of all messages or per holder and second.
#[derive(Clone, Copy, Default)]
pub(crate) struct Trouble {
    pub(crate) lost_per_mille: u64,
    pub(crate) deaths_per_mille: u64,
    /// The longest delay in milliseconds, one way; 3 if 0.
    pub(crate) delay_max: u64,
}

pub(crate) struct Scenario {
    pub(crate) rule: LimitRule,
    pub(crate) holders: usize,
    pub(crate) seconds: u64,
    /// Calls a second, over all holders.
    pub(crate) offered: u64,
    /// How the calls spread over the holders: the first gets this much of each hundred, if not 0.
    pub(crate) first_gets: u64,
    /// How long a call waits for a place.
    pub(crate) patience: u64,
    pub(crate) trouble: Trouble,
    /// When the sidecar restarts, and whether it could write its snapshot.
    pub(crate) restart: Option<(u64, bool)>,
    pub(crate) seed: u64,
}

/// What became of it; all of it is printed.
#[derive(Debug)]
#[expect(dead_code, reason = "some figures are for the reader of the output alone")]
pub(crate) struct Report {
    pub(crate) admitted: u64,
    /// Admitted, or place-milliseconds taken, in a thousand of what the limit allows.
    pub(crate) use_per_mille: u64,
    /// Calls above the limit, at whatever instant.
    pub(crate) over: u64,
    /// What the limit still had to lend at the end.
    pub(crate) left: u64,
    pub(crate) syncs_a_second_max: u64,
    pub(crate) syncs_a_second: u64,
    pub(crate) least: u64,
    pub(crate) most: u64,
}

enum Message {
    Request {
        from: usize,
        sent: u64,
        sync: Sync,
    },
    Answer {
        holder: HolderId,
        to: usize,
        sent: u64,
        sequence: u64,
        epoch: Epoch,
        answers: Vec<LeaseAnswer>,
    },
}

struct World {
    scenario: Scenario,
    random: Random,
    key: LimitKey,
    ledger: Ledger,
    holders: Vec<Holder>,
    waiting_since: Vec<u64>,
    mail: BTreeMap<u64, Vec<Message>>,
    ends: BTreeMap<u64, Vec<usize>>,
    syncs: Vec<Vec<u64>>,
    served: Vec<u64>,
    admitted: Vec<u64>,
    taken: u64,
    taken_time: u64,
    over: u64,
    born: u128,
}

pub(crate) fn run(scenario: Scenario) -> Report {
    let mut world = World::new(scenario);
    for now in 0..world.scenario.seconds * 1000 {
        world.step(now);
    }
    world.report()
}

impl World {
    fn new(scenario: Scenario) -> Self {
        let key =
            LimitKey::new(&LimitScope::Client(ClientName::parse("c").unwrap()), &scenario.rule);
        let mut ledger = Ledger::new(Epoch(1), Start::Full);
        define(&mut ledger, &key, scenario.rule, 0);
        let count = scenario.holders;
        Self {
            random: Random(scenario.seed),
            key,
            ledger,
            holders: (1..=count)
                .map(|id| Holder::new(u128::try_from(id).unwrap(), scenario.patience))
                .collect(),
            waiting_since: vec![0; count],
            mail: BTreeMap::new(),
            ends: BTreeMap::new(),
            syncs: vec![Vec::new(); count],
            served: vec![0; count],
            admitted: Vec::new(),
            taken: 0,
            taken_time: 0,
            over: 0,
            born: u128::try_from(count).unwrap(),
            scenario,
        }
    }

    fn step(&mut self, now: u64) {
        if let Some((_, clean)) = self.scenario.restart.filter(|(when, _)| *when == now) {
            self.restart(clean, now);
        }
        for who in self.ends.remove(&now).into_iter().flatten() {
            self.taken -= 1;
            if self.holders[who].end(&self.key, now) {
                self.admit(who, now);
            }
        }
        for message in self.mail.remove(&now).into_iter().flatten() {
            self.deliver(message, now);
        }
        let places = self.is_places();
        for who in 0..self.holders.len() {
            self.die(who);
            for _ in 0..self.calls(who) {
                if self.holders[who].call(&self.key, places, now) == Decision::Admit {
                    self.admit(who, now);
                }
            }
            self.send(who, now);
        }
        self.taken_time += self.taken;
    }

    fn restart(&mut self, clean: bool, now: u64) {
        let next = Epoch(self.ledger.epoch().0 + 1);
        self.ledger = if clean {
            Ledger::restore(next, self.ledger.snapshot(), Start::Full).unwrap()
        } else {
            Ledger::new(next, Start::Empty)
        };
        define(&mut self.ledger, &self.key, self.scenario.rule, now);
    }

    fn send(&mut self, who: usize, now: u64) {
        let holder = &mut self.holders[who];
        let sync = match holder.sync(now) {
            Some(sync) => Some(sync),
            None if now >= self.waiting_since[who] + TIMEOUT_MS => holder.repeat(now),
            None => None,
        };
        if let Some(sync) = sync {
            self.waiting_since[who] = now;
            self.syncs[who].push(now);
            self.post(Message::Request { from: who, sent: now, sync }, now);
        }
    }

    fn post(&mut self, message: Message, now: u64) {
        if self.random.below(1000) < self.scenario.trouble.lost_per_mille {
            return;
        }
        let delay = 1 + self.random.below(self.scenario.trouble.delay_max.max(3));
        self.mail.entry(now + delay).or_default().push(message);
    }

    fn deliver(&mut self, message: Message, now: u64) {
        match message {
            Message::Request { from, sent, sync } => {
                let sequence = sync.sequence;
                let holder = sync.holder;
                let Reply::Synced(synced) = self.ledger.apply(Command::Sync(sync), at(now)).reply
                else {
                    return;
                };
                assert!(
                    synced.faults.iter().all(|f| f.kind == ledger::FaultKind::Late),
                    "{synced:?}"
                );
                let epoch = self.ledger.epoch();
                let answers = synced.answers;
                self.post(
                    Message::Answer { holder, to: from, sent, sequence, epoch, answers },
                    now,
                );
            }
            Message::Answer { holder, to, sent, sequence, epoch, answers } => {
                if self.holders[to].id != holder {
                    return;
                }
                let admitted = self.holders[to].answer(sequence, sent, epoch, &answers, now);
                for (_, calls) in admitted {
                    (0..calls).for_each(|_| self.admit(to, now));
                }
            }
        }
    }

    fn admit(&mut self, who: usize, now: u64) {
        self.served[who] += 1;
        self.admitted.push(now);
        if let LimitRule::Concurrent { places } = self.scenario.rule {
            self.taken += 1;
            self.over += u64::from(self.taken > places);
            let lasts = 20 + self.random.below(181);
            self.ends.entry(now + lasts).or_default().push(who);
        }
    }

    /// A holder dies, and another takes its stead. Answers to the dead one are not read. (Its
    /// places: tested without deaths, since a call does not outlive the Envoy that it runs
    /// through.)
    fn die(&mut self, who: usize) {
        let deaths = self.scenario.trouble.deaths_per_mille;
        if deaths > 0 && self.random.below(1_000_000) < deaths {
            self.born += 1;
            self.holders[who] = Holder::new(self.born, self.scenario.patience);
        }
    }

    fn calls(&mut self, who: usize) -> u64 {
        let holders = u64::try_from(self.holders.len()).unwrap();
        let Scenario { offered, first_gets, .. } = self.scenario;
        let per_million = match (first_gets, who) {
            (0, _) => offered * 1000 / holders,
            (first, 0) => offered * 10 * first,
            (first, _) => offered * 10 * (100 - first) / (holders - 1).max(1),
        };
        per_million / 1_000_000 + u64::from(self.random.below(1_000_000) < per_million % 1_000_000)
    }

    fn is_places(&self) -> bool {
        matches!(self.scenario.rule, LimitRule::Concurrent { .. })
    }

    fn report(mut self) -> Report {
        let millis = self.scenario.seconds * 1000;
        self.ledger.apply(Command::Expire, at(millis));
        let left = self.ledger.view(&self.key, UnixMillis(millis)).unwrap().level;
        let admitted = u64::try_from(self.admitted.len()).unwrap();
        let (over, use_per_mille) = match self.scenario.rule {
            LimitRule::Concurrent { places } => {
                (self.over, self.taken_time * 1000 / (places * millis))
            }
            LimitRule::Requests { amount, per: Per::Day, .. } => {
                (admitted.saturating_sub(amount), admitted * 1000 / amount)
            }
            LimitRule::Requests { amount, per, burst } => {
                let possible = burst + amount * millis / per.duration().0;
                (over(&self.admitted, amount, per, burst), admitted * 1000 / possible)
            }
        };
        let syncs: usize = self.syncs.iter().map(Vec::len).sum();
        Report {
            admitted,
            use_per_mille,
            over,
            left,
            syncs_a_second_max: self.syncs.iter().map(|times| busiest_second(times)).max().unwrap(),
            syncs_a_second: u64::try_from(syncs).unwrap() / self.scenario.seconds,
            least: *self.served.iter().min().unwrap(),
            most: *self.served.iter().max().unwrap(),
        }
    }
}

fn define(ledger: &mut Ledger, key: &LimitKey, rule: LimitRule, now: u64) {
    let limits = vec![Definition { key: key.clone(), rule }];
    let day_boundaries = vec![UnixMillis(0), UnixMillis(86_400_000)];
    ledger.apply(Command::Define { limits, day_boundaries }, at(now));
}

/// How many calls were above `burst + amount * t / period` in any interval of length t: by a bucket
/// that stands at the gate itself and sees every call at its own instant.
pub(crate) fn over(admitted: &[u64], amount: u64, per: Per, burst: u64) -> u64 {
    let period = i128::from(per.duration().0);
    let (mut level, mut last, mut over) = (i128::from(burst) * period, 0, 0);
    for now in admitted {
        let refill = i128::from(now - last) * i128::from(amount);
        level = (level + refill).min(i128::from(burst) * period) - period;
        last = *now;
        over += u64::from(level < 0);
    }
    over
}

fn busiest_second(times: &[u64]) -> u64 {
    let busiest = times.iter().enumerate().map(|(first, start)| {
        times[first..].iter().take_while(|time| **time < start + 1000).count()
    });
    u64::try_from(busiest.max().unwrap_or(0)).unwrap()
}

pub(crate) fn at(now: u64) -> Now {
    Now { monotonic: Millis(now), wall: UnixMillis(now) }
}

/// splitmix64: small, seeded, good enough to try things.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
