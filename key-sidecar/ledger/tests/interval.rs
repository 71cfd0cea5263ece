//! Can any interval of time, wherever it begins, see more than `burst + amount * t / period`
//! admitted?
//!
//! Holders here do what is allowed and is worst: they hoard, spend all at the last moment of their
//! lease, report late or never, give back and take again, fall silent and come back. Time is
//! random.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test is supposed to stop there")]

use std::collections::BTreeMap;

use ledger::{Command, Definition, Ledger, Now, Reply, Start, Sync};
use proptest::prelude::*;
use wire::ids::{ClientName, Epoch, HolderId};
use wire::limit::{LimitKey, LimitRule, LimitScope, Per};
use wire::sync::LeaseLine;
use wire::units::{Millis, UnixMillis};

#[derive(Clone, Debug)]
enum Step {
    Wait {
        ms: u64,
    },
    /// A holder spends of what it has, as far as its lease still runs.
    Spend {
        holder: usize,
        units: u64,
    },
    /// A holder reports, gives back, and wants. The request is `delay` under way.
    Sync {
        holder: usize,
        returns: u64,
        wants: u64,
        delay: u64,
    },
}

#[derive(Default)]
struct Hoarder {
    sequence: u64,
    has: u64,
    expires: u64,
    spent: u64,
    dropped: u64,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop_oneof![0..20u64, 0..500u64, 1500..2500u64].prop_map(|ms| Step::Wait { ms }),
        3 => (0..4usize, 1..30u64).prop_map(|(holder, units)| Step::Spend { holder, units }),
        4 => (0..4usize, prop_oneof![Just(0), 0..30u64], 0..60u64, prop_oneof![Just(0), 0..2500u64])
            .prop_map(|(holder, returns, wants, delay)| {
                Step::Sync { holder, returns, wants, delay }
            }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 250,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn no_interval_is_over(
        amount in 1..200u64,
        burst in 1..60u64,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut trace = Trace::new(amount, burst);
        steps.iter().for_each(|step| trace.take(step));
        trace.spend_all();
        for (first, (from, _)) in trace.admitted.iter().enumerate() {
            let mut sum = 0;
            for (at, units) in &trace.admitted[first..] {
                sum += units;
                let most = u128::from(burst) * 1000 + u128::from(amount) * u128::from(at - from);
                prop_assert!(u128::from(sum) * 1000 <= most, "{sum} from {from} to {at}");
            }
        }
    }
}

struct Trace {
    ledger: Ledger,
    key: LimitKey,
    now: u64,
    holders: BTreeMap<usize, Hoarder>,
    admitted: Vec<(u64, u64)>,
}

impl Trace {
    fn new(amount: u64, burst: u64) -> Self {
        let rule = LimitRule::Requests { amount, per: Per::Second, burst };
        let key = LimitKey::new(&LimitScope::Client(ClientName::parse("c").unwrap()), &rule);
        let mut ledger = Ledger::new(Epoch(1), Start::Full);
        let limits = vec![Definition { key: key.clone(), rule }];
        ledger.apply(Command::Define { limits, day_boundaries: Vec::new() }, at(0));
        Self { ledger, key, now: 0, holders: BTreeMap::new(), admitted: Vec::new() }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Wait { ms } => self.now += ms,
            Step::Spend { holder, units } => self.spend(holder, units),
            Step::Sync { holder, returns, wants, delay } => {
                self.sync(holder, returns, wants, delay);
            }
        }
    }

    fn spend(&mut self, who: usize, units: u64) {
        let holder = self.holders.entry(who).or_default();
        holder.expire(self.now);
        let units = units.min(holder.has);
        holder.has -= units;
        holder.spent += units;
        if units > 0 {
            self.admitted.push((self.now, units));
        }
    }

    fn sync(&mut self, who: usize, returns: u64, wants: u64, delay: u64) {
        let holder = self.holders.entry(who).or_default();
        holder.expire(self.now);
        let returns = returns.min(holder.has);
        holder.has -= returns;
        holder.sequence += 1;
        let line = LeaseLine {
            limit: self.key.clone(),
            spent: std::mem::take(&mut holder.spent),
            returned: returns + std::mem::take(&mut holder.dropped),
            wants,
        };
        let sent = self.now;
        let sync = Sync {
            holder: HolderId(u128::try_from(who).unwrap()),
            sequence: holder.sequence,
            epoch: (holder.sequence > 1).then_some(Epoch(1)),
            lines: vec![line],
        };
        // Everybody spends while the request is under way: this one what its lease still allows.
        self.now += delay / 2;
        self.spend(who, delay % 7);
        self.now += delay - delay / 2;
        let Reply::Synced(synced) = self.ledger.apply(Command::Sync(sync), at(self.now)).reply
        else {
            panic!("a sync in order is served");
        };
        assert!(synced.faults.iter().all(|fault| fault.kind == ledger::FaultKind::Late));
        let holder = self.holders.get_mut(&who).unwrap();
        holder.expire(self.now);
        holder.has += synced.answers[0].gets;
        holder.expires = sent + synced.answers[0].ttl_ms.0;
    }

    fn spend_all(&mut self) {
        (0..4).for_each(|who| self.spend(who, u64::MAX));
    }
}

impl Hoarder {
    fn expire(&mut self, now: u64) {
        if now >= self.expires {
            self.dropped += std::mem::take(&mut self.has);
        }
    }
}

fn at(now: u64) -> Now {
    Now { monotonic: Millis(now), wall: UnixMillis(now) }
}
