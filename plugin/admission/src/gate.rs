//! The gate of one VM: everything that it remembers, and the time.

use wire::sync::{Change, CredentialAnswer, Identity, Release};
use wire::units::Millis;

use crate::client::{Client, Clients, Refusal};
use crate::conversation::{Conversation, Failure, Outcome, Wishes};
use crate::counters::{Counter, Counters};
use crate::credential::{Credential, Unusable};
use crate::leases::{Leases, Places};
use crate::money::purses::Purses;
use crate::money::toll::{End, Toll};
use crate::policy::Policy;

/// The longest request body that is read for its model, unless the operator says otherwise: a
/// mebibyte less than Envoy holds back, so that the refusal is ours.
pub const BODY_BYTES_MAX: u64 = 15 << 20;

/// The state of one root context of the plugin: a holder, in the ledger's words.
#[derive(Debug)]
pub struct Gate {
    pub(crate) now: Millis,
    pub(crate) policy: Option<Policy>,
    pub(crate) clients: Clients,
    pub(crate) leases: Leases,
    pub(crate) purses: Purses,
    /// The longest request body that is read for its model.
    pub(crate) body_bytes_max: u64,
    pub(crate) wishes: Wishes,
    pub(crate) conversation: Conversation,
    /// What happened, for Envoy's statistics.
    pub counters: Counters,
}

impl Gate {
    /// A gate that knows nothing yet and refuses everything. `seed` is random: half of it names the
    /// holder, so that no two ever share a name.
    #[must_use]
    pub fn new(seed: u128) -> Self {
        Self {
            now: Millis::ZERO,
            policy: None,
            clients: Clients::default(),
            leases: Leases::default(),
            purses: Purses::default(),
            body_bytes_max: BODY_BYTES_MAX,
            wishes: Wishes::default(),
            conversation: Conversation::new(seed),
            counters: Counters::default(),
        }
    }

    /// Sets the time: at ticks, at answers, and when a request must wait.
    pub fn set_now(&mut self, now: Millis) {
        self.now = self.now.max(now);
    }

    /// The time as this gate knows it.
    #[must_use]
    pub const fn now(&self) -> Millis {
        self.now
    }

    /// Whether this gate is asleep: nobody has called for a while, and it holds nothing.
    #[must_use]
    pub const fn is_dormant(&self) -> bool {
        self.conversation.is_dormant()
    }

    /// Whether a sync should leave as soon as the pace allows: a slice runs low or is wanted back.
    #[must_use]
    pub fn hurries(&self) -> bool {
        let presses = self.leases.pressing() || self.purses.pressing() || !self.wishes.is_empty();
        !self.conversation.is_under_way() && presses
    }

    /// How long it is at least until something can be done for those who wait; `None` if that is for
    /// the answer under way to say, or if nobody waits for a lease.
    #[must_use]
    pub fn sync_useful_in(&mut self) -> Option<Millis> {
        if self.conversation.is_under_way() {
            return None;
        }
        let now = self.now;
        let presses = self.leases.presses(now) || self.purses.presses(now);
        let askable = || {
            let both = [self.leases.askable_in(now), self.purses.askable_in(now)];
            both.into_iter().flatten().min()
        };
        let useful = presses.then_some(Millis::ZERO).or_else(askable)?;
        Some(useful.max(self.conversation.possible_in(self.now)))
    }

    /// How long it is at least until a sync may leave.
    #[must_use]
    pub fn sync_possible_in(&self, now: Millis) -> Millis {
        self.conversation.possible_in(now)
    }

    /// A request is over.
    pub fn release(&mut self, places: &mut Places) {
        self.leases.release(places, self.now);
    }

    /// What a call has cost is known, or never will be.
    pub fn settle(&mut self, toll: Toll, end: End) {
        let basis = toll.settle(end, &mut self.purses, self.now);
        self.counters.add(Counter::Settled);
        if basis.is_estimate() {
            self.counters.add(Counter::SettledAtHold);
            if end == End::Whole {
                self.counters.add(Counter::Unreadable);
            }
        }
    }

    /// All requests that wait are about to be decided on anew.
    pub fn recount(&self) {
        self.purses.recount();
    }

    /// Sets the longest request body that is read for its model.
    pub const fn set_body_bytes_max(&mut self, bytes: u64) {
        self.body_bytes_max = bytes;
    }

    /// The bytes of a sync, if one is due. `waiting` says whether requests are held back for it.
    pub fn sync_due(&mut self, waiting: bool) -> Option<&[u8]> {
        let now = self.now;
        // What calls have reserved is theirs until they are over, and their cost must be told.
        if self.conversation.falls_asleep(now, waiting || self.purses.is_busy()) {
            self.clients.forget_all();
            self.leases.return_all();
            self.purses.return_all();
        }
        self.keep_credentials();
        let (leases, purses) = (&mut self.leases, &mut self.purses);
        let due = self.conversation.due(now, &self.wishes, leases, purses)?;
        self.counters.add(Counter::Syncs);
        self.conversation.begin(due, now, &mut self.wishes, leases, purses)
    }

    /// A sync could not be sent or was not answered.
    pub fn sync_failed(&mut self) {
        self.counters.add(Counter::SyncFailures);
        self.conversation.failed();
    }

    /// The answer to a sync.
    ///
    /// # Errors
    /// [`Failure`] says, without quoting it, what is wrong with the answer.
    pub fn sync_answered(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let now = self.now;
        let Outcome { reply, sent_at, forget } = match self.conversation.answered(bytes, now) {
            Ok(outcome) => outcome,
            Err(failure) => {
                self.sync_failed();
                return Err(failure);
            }
        };
        if forget {
            self.leases.void();
        }
        if let Some(facts) = reply.policy {
            self.clients.forget_all();
            self.policy = Some(Policy::new(facts, &mut self.leases, now));
        }
        reply.changes.iter().for_each(|change| self.forget(change));
        self.wishes.answered();
        for answer in reply.clients {
            self.learn(answer, now);
        }
        for answer in &reply.credentials {
            self.equip(answer, now);
        }
        self.leases.absorb(&reply.leases, sent_at, now);
        self.purses.absorb(&reply.money, sent_at, now);
        Ok(())
    }

    fn learn(&mut self, answer: wire::sync::ClientAnswer, now: Millis) {
        let until = now.plus(answer.ttl_ms);
        let refusal = match answer.identity {
            Identity::Known(facts) => {
                let client =
                    Client::new(facts, answer.ttl_ms, &mut self.leases, &mut self.purses, now);
                return self.clients.insert(answer.digest, client);
            }
            Identity::Expired(_) => Refusal::Expired,
            Identity::Revoked(_) => Refusal::Revoked,
            Identity::Unknown => Refusal::Unknown,
        };
        self.clients.refuse(answer.digest, refusal, until);
    }

    fn equip(&self, answer: &CredentialAnswer, now: Millis) {
        let Some(policy) = &self.policy else { return };
        for service in policy.wanting(&answer.name) {
            let facts = &service.facts;
            service.credential.put(
                match &answer.release {
                    Release::Released(released) => {
                        Credential::new(released, &facts.inject, &facts.hosts, now)
                    }
                    Release::Missing => Err(Unusable::Missing),
                    Release::Refused => Err(Unusable::Refused),
                    Release::Unavailable => Err(Unusable::HsmUnavailable),
                },
                now,
            );
        }
    }

    fn forget(&mut self, change: &Change) {
        let Some(policy) = &self.policy else { return };
        match change {
            Change::AllClients => self.clients.forget_all(),
            Change::ClientKey(digest) => self.clients.forget(digest),
            Change::AllCredentials => {
                policy.services().iter().for_each(|service| service.credential.rotated());
            }
            Change::CredentialRotated(name) => {
                policy.wanting(name).for_each(|service| service.credential.rotated());
            }
            Change::CredentialRevoked(name) => {
                policy.wanting(name).for_each(|service| service.credential.forget());
            }
        }
    }

    /// Wipes credentials whose time is over, or all if nobody calls; asks, ahead of need, for those that
    /// are about to end or have been rotated.
    fn keep_credentials(&mut self) {
        let Some(policy) = &self.policy else { return };
        let asleep = self.conversation.is_asleep();
        for service in policy.services() {
            service.credential.tidy(self.now, asleep);
            if service.credential.wants_refresh(self.now) {
                self.wishes.credential(&service.facts.credential);
            }
        }
    }
}
