//! A simulated holder: how a plugin has to behave so that limits are kept and used up.
//!
//! 1. It spends from memory, until its *own* expiry: `ttl_ms` after it sent the request that was
//!    answered. At that moment it drops what is left, even with a sync under way, and says so
//!    (`returned`) in the next.
//! 2. It syncs at once when a caller waits, or when it has something to say, but 50 ms after its
//!    last sync at the soonest; once a second otherwise. Spent units are worth saying: until then
//!    they take room in the bucket.
//! 3. It wants what it expects to need in a quarter of a second (for a second after a short answer,
//!    in the twentieth until its next sync: a unit that waits in one memory is missed in another),
//!    less what it has; nothing before `ask_again_ms` is over (from when it sent, like every
//!    duration), and until then it refuses by itself what it cannot serve.
//! 4. It gives back what it does not need when it is recalled, and all of it when no call came for
//!    a quarter of a second. Recalled places go back in turns, though a call here waits for them
//!    too.
//! 5. It repeats a request to the byte until it is answered.
//! 6. A place is given back exactly once. One that was taken when the lease expired goes back when
//!    its call ends. After a change of epoch the next request wants exactly the places that are
//!    taken.

use std::collections::{BTreeMap, VecDeque};

use ledger::Sync;
use wire::ids::{Epoch, HolderId};
use wire::limit::LimitKey;
use wire::sync::{LeaseAnswer, LeaseLine};

/// How far back demand is looked at.
const DEMAND_MS: u64 = 250;
/// The shortest time between two syncs.
const SYNC_MS_MIN: u64 = 50;
/// The longest.
const SYNC_MS_MAX: u64 = 1_000;
/// How long after a short answer it asks for no more than it needs at once.
const MODEST_MS: u64 = 1_000;
/// How long a call waits for an answer.
const WAIT_MS: u64 = 250;
/// The most calls that wait for one limit.
const WAITING_MAX: usize = 64;
/// How long a holder keeps a place that others wait for.
const TURN_MS: u64 = 2_000;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    Admit,
    Await,
    Refuse,
}

/// What it knows of one limit.
#[derive(Debug, Default)]
struct Local {
    places: bool,
    /// May be spent; of places: free ones.
    free: u64,
    /// Places that are taken, and are reused when their call ends.
    taken: u64,
    /// Places that were taken when the lease expired, or that another epoch lent.
    orphans: u64,
    /// Orphans that the present epoch does not know of: nobody wants them back.
    undeclared: u64,
    expires: u64,
    spent: u64,
    returned: u64,
    ask_again: u64,
    /// Until when it asks for no more than it needs at once.
    modest_until: u64,
    recalled: bool,
    /// Since when it has had a turn with places.
    turn: u64,
    /// When each waiting call gives up.
    waiting: VecDeque<u64>,
    calls: VecDeque<u64>,
}

pub(crate) struct Holder {
    pub(crate) id: HolderId,
    epoch: Option<Epoch>,
    sequence: u64,
    last_sync: Option<u64>,
    under_way: Option<Sync>,
    declares: bool,
    /// How long a call waits for a place, beyond the answer that brought none.
    patience: u64,
    limits: BTreeMap<LimitKey, Local>,
}

impl Holder {
    pub(crate) fn new(id: u128, patience: u64) -> Self {
        Self {
            id: HolderId(id),
            epoch: None,
            sequence: 0,
            last_sync: None,
            under_way: None,
            declares: false,
            patience,
            limits: BTreeMap::new(),
        }
    }

    /// A call comes.
    pub(crate) fn call(&mut self, key: &LimitKey, places: bool, now: u64) -> Decision {
        self.expire(now);
        let local = self.limits.entry(key.clone()).or_default();
        local.places = places;
        local.calls.push_back(now);
        local.tire(now);
        if local.waiting.is_empty() && local.take() {
            return Decision::Admit;
        }
        let patience = if places { self.patience } else { 0 };
        if now < local.ask_again && patience == 0 || local.waiting.len() >= WAITING_MAX {
            return Decision::Refuse;
        }
        local.waiting.push_back(now + if now < local.ask_again { patience } else { WAIT_MS });
        Decision::Await
    }

    /// A call that took a place has ended. Says whether one that waits takes it.
    pub(crate) fn end(&mut self, key: &LimitKey, now: u64) -> bool {
        self.expire(now);
        let local = self.limits.get_mut(key).unwrap();
        if local.undeclared > 0 {
            local.undeclared -= 1;
        } else if local.orphans > 0 {
            local.orphans -= 1;
            local.returned += 1;
        } else {
            local.taken -= 1;
            local.free += 1;
            local.take_turns(now);
        }
        local.tire(now);
        local.waiting.front().is_some() && local.take() && local.waiting.pop_front().is_some()
    }

    /// The request to send now, if it is time for one.
    pub(crate) fn sync(&mut self, now: u64) -> Option<Sync> {
        let since = self.last_sync.map_or(u64::MAX, |last| now - last);
        if self.under_way.is_some() || since < SYNC_MS_MIN {
            return None;
        }
        self.expire(now);
        let has_lease = self.epoch.is_some();
        let urgent = self.limits.values_mut().any(|local| local.is_urgent(now));
        if !(urgent || self.declares || has_lease && since >= SYNC_MS_MAX) {
            return None;
        }
        let declares = std::mem::take(&mut self.declares);
        let lines = self.limits.iter_mut();
        let lines = lines.filter_map(|(key, local)| local.line(key, declares, now)).collect();
        self.sequence += 1;
        self.last_sync = Some(now);
        let sync = Sync { holder: self.id, sequence: self.sequence, epoch: self.epoch, lines };
        self.under_way = Some(sync.clone());
        Some(sync)
    }

    /// The request under way again: its answer did not come.
    pub(crate) fn repeat(&mut self, now: u64) -> Option<Sync> {
        let again = self.under_way.clone()?;
        self.last_sync = Some(now);
        Some(again)
    }

    /// The answer to the request of this `sequence` that was sent at `sent`. Tells for how many
    /// waiting calls of each limit there is room; the others are refused.
    pub(crate) fn answer(
        &mut self,
        sequence: u64,
        sent: u64,
        epoch: Epoch,
        answers: &[LeaseAnswer],
        now: u64,
    ) -> Vec<(LimitKey, u64)> {
        if self.under_way.as_ref().is_none_or(|sync| sync.sequence != sequence) {
            return Vec::new();
        }
        self.expire(now);
        self.under_way = None;
        if self.epoch.replace(epoch).is_some_and(|former| former != epoch) {
            self.forget_epoch();
        }
        let mut admitted = Vec::new();
        for answer in answers {
            let local = self.limits.get_mut(&answer.limit).unwrap();
            local.hear(answer, sent, now);
            local.tire(now);
            let room = (0..local.waiting.len()).take_while(|_| local.take()).count();
            local.waiting.drain(..room);
            if !local.places || self.patience == 0 {
                local.waiting.clear();
            }
            admitted.push((answer.limit.clone(), u64::try_from(room).unwrap()));
        }
        admitted
    }

    /// All that was lent is void. What runs, runs on, and is declared.
    fn forget_epoch(&mut self) {
        for local in self.limits.values_mut() {
            local.undeclared += local.taken + local.orphans;
            (local.free, local.taken, local.orphans) = (0, 0, 0);
            (local.spent, local.returned) = (0, 0);
        }
        self.declares = true;
    }

    fn expire(&mut self, now: u64) {
        self.limits.values_mut().for_each(|local| local.expire(now));
    }
}

impl Local {
    fn take(&mut self) -> bool {
        if self.free == 0 {
            return false;
        }
        self.free -= 1;
        if self.places {
            self.taken += 1;
        } else {
            self.spent += 1;
        }
        true
    }

    /// While others wait for places, one that comes free goes back every two seconds, though a call
    /// here waits for it too: else who has a place first keeps it for good.
    fn take_turns(&mut self, now: u64) {
        if self.recalled && now >= self.turn + TURN_MS {
            self.turn = now;
            self.free -= 1;
            self.returned += 1;
            self.ask_again = self.ask_again.max(now + 2 * SYNC_MS_MIN);
        }
    }

    fn tire(&mut self, now: u64) {
        self.waiting.retain(|end| *end > now);
    }

    fn expire(&mut self, now: u64) {
        if now >= self.expires {
            self.returned += std::mem::take(&mut self.free);
            self.orphans += std::mem::take(&mut self.taken);
        }
    }

    fn demand(&mut self, now: u64) -> u64 {
        while self.calls.front().is_some_and(|call| call + DEMAND_MS <= now) {
            self.calls.pop_front();
        }
        u64::try_from(self.calls.len()).unwrap()
    }

    /// What it would like to have in memory.
    fn target(&mut self, now: u64) -> u64 {
        match self.places {
            true => 0,
            false if now < self.modest_until => self.demand(now) * SYNC_MS_MIN / DEMAND_MS,
            false => self.demand(now),
        }
    }

    fn is_urgent(&mut self, now: u64) -> bool {
        let low = !self.places && self.free < self.target(now) / 2;
        let asks = (!self.waiting.is_empty() || low) && now >= self.ask_again;
        asks || self.spent > 0 || self.returned > 0 || (self.recalled && self.free > 0)
    }

    fn line(&mut self, key: &LimitKey, declares: bool, now: u64) -> Option<LeaseLine> {
        let demand = self.demand(now);
        let waiting = u64::try_from(self.waiting.len()).unwrap();
        let needed = self.target(now).max(waiting);
        if self.recalled || demand == 0 {
            let spare = self.free.saturating_sub(if self.places { 0 } else { demand });
            self.free -= spare;
            self.returned += spare;
        }
        self.recalled = false;
        let wants = match declares {
            true if self.places => self.undeclared,
            _ if now < self.ask_again => 0,
            _ => needed.saturating_sub(self.free),
        };
        let spent = std::mem::take(&mut self.spent);
        let returned = std::mem::take(&mut self.returned);
        let has = self.free + self.taken + self.orphans;
        (has + wants + spent + returned > 0).then(|| LeaseLine {
            limit: key.clone(),
            spent,
            returned,
            wants,
        })
    }

    fn hear(&mut self, answer: &LeaseAnswer, sent: u64, now: u64) {
        let declared = if self.places { answer.gets.min(self.undeclared) } else { 0 };
        self.undeclared -= declared;
        self.taken += declared;
        self.free += answer.gets - declared;
        if answer.gets > 0 {
            self.turn = now;
        }
        self.expires = sent + answer.ttl_ms.0;
        self.ask_again = answer.short.map_or(0, |short| sent + short.ask_again_ms.0);
        if answer.short.is_some() {
            self.modest_until = now + MODEST_MS;
        }
        self.recalled = answer.recall;
        self.expire(now);
    }
}
