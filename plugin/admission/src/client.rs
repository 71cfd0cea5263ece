//! The clients that call through this VM: a bounded memory of whose key is whose.
//!
//! Two halves instead of a list in order of use: a hit in the older half moves up, and when the
//! younger half is full it becomes the older one. So the memory is bounded, a lookup is one or two
//! probes, and whoever calls is never forgotten for somebody who does not.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use wire::facts::{ClientFacts, UseFacts};
use wire::ids::{ClientKeyDigest, ServiceName};
use wire::units::Millis;

use crate::lease::Lease;
use crate::leases::Leases;
use crate::money::purse::Purse;
use crate::money::purses::Purses;

/// Clients in each half: at some hundred bytes each this is a few megabytes a VM at most.
const HALF_MAX: usize = 5_000;

/// Keys in each half that were asked about and are nobody's. Few: they are worth nothing.
const STRANGERS_HALF_MAX: usize = 512;

/// A client, with the leases that bind it.
#[derive(Debug)]
pub struct Client {
    /// What the directory says.
    pub facts: ClientFacts,
    /// When it ends, on this VM's clock.
    pub expires_at: Option<Millis>,
    /// Until when this may be believed.
    pub good_until: Millis,
    /// Limits on all its calls.
    pub leases: Vec<Rc<Lease>>,
    /// What its calls are charged to.
    pub purse: Option<Rc<Purse>>,
    /// What it may use.
    pub uses: Vec<Use>,
}

/// A client's use of one service.
#[derive(Debug)]
pub struct Use {
    /// What policy says.
    pub facts: UseFacts,
    /// Limits on these calls.
    pub leases: Vec<Rc<Lease>>,
}

impl Client {
    /// Makes the client of an answer that came `now` and is good for `ttl_ms`.
    #[must_use]
    pub fn new(
        facts: ClientFacts,
        ttl_ms: Millis,
        leases: &mut Leases,
        purses: &mut Purses,
        now: Millis,
    ) -> Self {
        let of = |all: &[_], leases: &mut Leases| {
            all.iter().map(|limit| leases.of(limit, now)).collect()
        };
        Self {
            expires_at: facts.expires_ms.map(|left| now.plus(left)),
            good_until: now.plus(ttl_ms),
            leases: of(&facts.limits, leases),
            purse: facts.budget.as_ref().map(|budget| purses.of(budget, now)),
            uses: facts
                .uses
                .iter()
                .map(|facts| Use { facts: facts.clone(), leases: of(&facts.limits, leases) })
                .collect(),
            facts,
        }
    }

    /// What it may do with a service, if anything.
    #[must_use]
    pub fn use_of(&self, service: &ServiceName) -> Option<&Use> {
        self.uses.iter().find(|own| own.facts.service == *service)
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    /// Whether it is time to ask again, ahead of need.
    #[must_use]
    pub fn wants_refresh(&self, now: Millis) -> bool {
        self.good_until.since(now).0 < REFRESH_AHEAD.0
    }
}

/// An answer is renewed this long before it ends, so that a caller in use never waits for it.
const REFRESH_AHEAD: Millis = Millis(15_000);

/// What this VM remembers of a key.
#[derive(Clone, Debug)]
pub enum Known {
    /// Whose it is.
    Client(Rc<Client>),
    /// It opens nothing.
    Refused(Refusal),
}

/// Why a key opens nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It has ended.
    Expired,
    /// It was revoked.
    Revoked,
    /// It is nobody's.
    Unknown,
}

/// The memory.
#[derive(Debug, Default)]
pub struct Clients {
    clients: Halves<Rc<Client>>,
    strangers: Halves<(Refusal, Millis)>,
}

impl Clients {
    /// Whose key this is, if that is known and still good.
    pub fn get(&mut self, digest: &ClientKeyDigest, now: Millis) -> Option<Known> {
        if let Some(client) = self.clients.get(digest, HALF_MAX) {
            return (now < client.good_until).then(|| Known::Client(Rc::clone(client)));
        }
        let (refusal, until) = self.strangers.get(digest, STRANGERS_HALF_MAX)?;
        (now < *until).then_some(Known::Refused(*refusal))
    }

    /// Remembers a client.
    pub fn insert(&mut self, digest: ClientKeyDigest, client: Client) {
        self.strangers.remove(&digest);
        self.clients.insert(digest, Rc::new(client), HALF_MAX);
    }

    /// Remembers that a key opens nothing.
    pub fn refuse(&mut self, digest: ClientKeyDigest, refusal: Refusal, until: Millis) {
        self.clients.remove(&digest);
        self.strangers.insert(digest, (refusal, until), STRANGERS_HALF_MAX);
    }

    /// Forgets one key.
    pub fn forget(&mut self, digest: &ClientKeyDigest) {
        self.clients.remove(digest);
        self.strangers.remove(digest);
    }

    /// Forgets all.
    pub fn forget_all(&mut self) {
        *self = Self::default();
    }
}

type Map<V> = HashMap<ClientKeyDigest, V, BuildHasherDefault<DigestHasher>>;

#[derive(Debug)]
struct Halves<V> {
    young: Map<V>,
    old: Map<V>,
}

impl<V> Default for Halves<V> {
    fn default() -> Self {
        Self { young: Map::default(), old: Map::default() }
    }
}

impl<V> Halves<V> {
    fn get(&mut self, digest: &ClientKeyDigest, half_max: usize) -> Option<&V> {
        if !self.young.contains_key(digest) {
            let found = self.old.remove(digest)?;
            self.insert(*digest, found, half_max);
        }
        self.young.get(digest)
    }

    fn insert(&mut self, digest: ClientKeyDigest, value: V, half_max: usize) {
        if self.young.len() >= half_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&digest);
        self.young.insert(digest, value);
    }

    fn remove(&mut self, digest: &ClientKeyDigest) {
        self.young.remove(digest);
        self.old.remove(digest);
    }
}

/// A SHA-256 is its own hash: its first eight bytes are as good as any function of it.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(head) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*head);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u64) -> ClientKeyDigest {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        ClientKeyDigest(bytes)
    }

    #[test]
    fn memory_is_bounded_and_keeps_who_calls() {
        let mut halves = Halves::default();
        halves.insert(digest(0), 0, 10);
        for number in 1..1000 {
            halves.insert(digest(number), number, 10);
            assert_eq!(halves.get(&digest(0), 10), Some(&0), "after {number}");
            assert!(halves.young.len() + halves.old.len() <= 20);
        }
        assert_eq!(halves.get(&digest(1), 10), None);
    }

    #[test]
    fn what_was_believed_too_long_is_asked_again() {
        let mut clients = Clients::default();
        clients.refuse(digest(1), Refusal::Unknown, Millis(1000));
        assert!(matches!(
            clients.get(&digest(1), Millis(999)),
            Some(Known::Refused(Refusal::Unknown))
        ));
        assert!(clients.get(&digest(1), Millis(1000)).is_none());
    }
}
