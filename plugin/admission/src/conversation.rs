//! When to sync, and what to make of it: the holder's side of the one conversation.
//!
//! One request is under way at a time, one every [`PACE`] and two at once after a rest. What was not answered is repeated
//! to the byte, so nothing is settled twice and nothing is lost. A gate that nobody calls gives
//! everything back, forgets who called, and falls asleep.

use wire::frame::{self, FrameError};
use wire::ids::{ClientKeyDigest, CredentialName, Epoch, HolderId, PolicyVersion, ServiceName};
use wire::sync::{CREDENTIALS_MAX, LEASES_MAX, PROTOCOL, SyncReply, SyncRequest, WHO_MAX, WhoIs};
use wire::units::Millis;

use crate::leases::Leases;
use crate::money::purses::Purses;

/// The time in which one more sync is allowed. With [`REST`] a worker syncs at most 20 times in any
/// second, whatever is offered, and after a rest a second sync need not wait for the first one's turn.
pub const PACE: Millis = Millis(55);

/// How much of the allowance is kept while nothing is said: one sync more.
const REST: Millis = PACE;

/// The longest wait of a request for an answer, and of a sync for the sidecar.
pub const DEADLINE: Millis = Millis(250);

/// What was spent is reported within this time.
const SETTLE: Millis = Millis(250);

/// A gate in use hears of revocations at least this often: twice within the promised second.
const HEARTBEAT: Millis = Millis(500);

/// A gate asleep only shows that it is alive.
const HEARTBEAT_ASLEEP: Millis = Millis(10_000);

/// Nobody called for this long: fall asleep.
const ASLEEP_AFTER: Millis = Millis(10_000);

/// After this long without an answer nothing that was learned is believed any longer.
const SILENCE_MAX: Millis = Millis(5_000);

/// Failed syncs are repeated ever more slowly, up to this.
const BACKOFF_MAX: Millis = Millis(500);

/// Of the unknown keys in one sync, so many may lack our format: a flood of those must not keep
/// out a new client.
const FOREIGN_MAX: usize = 16;

/// Why a sync brought nothing.
#[derive(Debug)]
pub enum Failure {
    /// It could not be sent, was not answered in time, or was answered with an error.
    Unreachable,
    /// The answer lacks the protocol header: something else listens there.
    NotASidecar,
    /// The answer cannot be read.
    Frame(FrameError),
    /// The answer is to another request.
    Sequence,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable => out.write_str("the sidecar did not answer; is it running?"),
            Self::NotASidecar => out.write_str(
                "what answers is no key-sidecar of this protocol version; check the cluster's address",
            ),
            Self::Frame(error) => error.fmt(out),
            Self::Sequence => out.write_str("the answer is to another request"),
        }
    }
}

/// What requests need to know. Emptied into the next sync.
#[derive(Debug, Default)]
pub struct Wishes {
    who: Vec<WhoIs>,
    foreign: usize,
    credentials: Vec<CredentialName>,
    /// Keys that the sync under way asks about.
    asked: Vec<ClientKeyDigest>,
}

impl Wishes {
    /// Asks whose key this is. Returns false where too many questions wait already.
    pub fn who(&mut self, digest: ClientKeyDigest, service: &ServiceName, foreign: bool) -> bool {
        let waits = self.who.iter().any(|who| who.digest == digest);
        if waits || self.asked.contains(&digest) {
            return true;
        }
        if self.who.len() >= WHO_MAX || foreign && self.foreign >= FOREIGN_MAX {
            return false;
        }
        self.foreign = self.foreign.saturating_add(usize::from(foreign));
        self.who.push(WhoIs { digest, service: service.clone() });
        true
    }

    /// Asks for a credential.
    pub fn credential(&mut self, name: &CredentialName) {
        if self.credentials.len() < CREDENTIALS_MAX && !self.credentials.contains(name) {
            self.credentials.push(name.clone());
        }
    }

    fn take_who(&mut self) -> Vec<WhoIs> {
        self.foreign = 0;
        self.asked = self.who.iter().map(|who| who.digest).collect();
        std::mem::take(&mut self.who)
    }

    /// What was asked has been answered: who asks again, asks anew.
    pub(crate) fn answered(&mut self) {
        self.asked.clear();
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.who.is_empty() && self.credentials.is_empty()
    }
}

/// A sync to be sent now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Due {
    /// The one that was not answered, again.
    Repeat,
    /// A new one, with what was touched.
    Changes,
    /// A new one that also renews everything that is held.
    Heartbeat,
}

/// What an answer brought.
#[derive(Debug)]
pub struct Outcome {
    /// The answer.
    pub reply: SyncReply,
    /// When its request was sent: what it lends is good from then.
    pub sent_at: Millis,
    /// The ledger has begun a new life: what an earlier one lent is void.
    pub forget: bool,
}

/// The state of the conversation.
#[derive(Debug)]
pub struct Conversation {
    holder: HolderId,
    sequence: u64,
    epoch: Option<Epoch>,
    policy: Option<PolicyVersion>,
    directory: u64,
    /// Not answered yet.
    unanswered: Option<Vec<u8>>,
    under_way: bool,
    sent_at: Option<Millis>,
    /// When the allowance is whole again.
    rested_at: Millis,
    heard_at: Option<Millis>,
    called_at: Millis,
    failures: u32,
    asleep: bool,
    /// The ledger's life is new: the next sync declares which places run, and wants nothing else.
    declares: bool,
}

impl Conversation {
    pub(crate) fn new(seed: u128) -> Self {
        Self {
            holder: HolderId(seed),
            sequence: 0,
            epoch: None,
            policy: None,
            directory: 0,
            unanswered: None,
            under_way: false,
            sent_at: None,
            rested_at: Millis::ZERO,
            heard_at: None,
            called_at: Millis::ZERO,
            failures: 0,
            asleep: false,
            declares: false,
        }
    }

    /// A request has come.
    pub(crate) const fn called(&mut self, now: Millis) {
        self.called_at = now;
        self.asleep = false;
    }

    /// Whether so much time has passed without an answer that nothing learned counts any longer.
    pub(crate) fn is_silent(&self, now: Millis) -> bool {
        self.heard_at.is_none_or(|heard| now.since(heard) > SILENCE_MAX)
    }

    /// Whether the last sync failed, so that waiting for the next would be in vain.
    pub(crate) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    pub(crate) const fn is_dormant(&self) -> bool {
        self.asleep && !self.under_way && self.unanswered.is_none()
    }

    /// Notices, once, that nobody calls any longer.
    pub(crate) fn falls_asleep(&mut self, now: Millis, busy: bool) -> bool {
        let falls = !self.asleep && !busy && now.since(self.called_at) > ASLEEP_AFTER;
        self.asleep |= falls;
        falls
    }

    pub(crate) const fn is_asleep(&self) -> bool {
        self.asleep
    }

    pub(crate) const fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Until the pace allows another sync.
    pub(crate) fn possible_in(&self, now: Millis) -> Millis {
        Millis(self.rested_at.since(now).0.saturating_sub(REST.0))
    }

    pub(crate) fn due(
        &self,
        now: Millis,
        wishes: &Wishes,
        leases: &mut Leases,
        purses: &mut Purses,
    ) -> Option<Due> {
        if self.under_way {
            return None;
        }
        let Some(sent_at) = self.sent_at else {
            return Some(Due::Heartbeat);
        };
        let quiet = now.since(sent_at);
        if self.unanswered.is_some() {
            return (quiet >= self.backoff()).then_some(Due::Repeat);
        }
        if self.declares {
            return (self.possible_in(now) == Millis::ZERO).then_some(Due::Heartbeat);
        }
        let heartbeat = if self.asleep { HEARTBEAT_ASLEEP } else { HEARTBEAT };
        if quiet >= heartbeat {
            return Some(Due::Heartbeat);
        }
        let urgent = !wishes.is_empty() || leases.presses(now) || purses.presses(now);
        let may = self.possible_in(now) == Millis::ZERO;
        let changes = urgent && may || quiet >= SETTLE && (leases.owes() || purses.owes());
        changes.then_some(Due::Changes)
    }

    pub(crate) fn begin(
        &mut self,
        due: Due,
        now: Millis,
        wishes: &mut Wishes,
        leases: &mut Leases,
        purses: &mut Purses,
    ) -> Option<&[u8]> {
        if due != Due::Repeat {
            let (settlements, money) = purses.say(due == Due::Heartbeat, now);
            self.sequence = self.sequence.saturating_add(1);
            let declares = std::mem::take(&mut self.declares);
            // Whom the sidecar learns to know now it would lend first places, on top of those declared.
            let who = if declares { Vec::new() } else { wishes.take_who() };
            let request = SyncRequest {
                protocol: PROTOCOL,
                holder: self.holder,
                sequence: self.sequence,
                epoch: self.epoch,
                policy: self.policy.clone(),
                directory: self.directory,
                who,
                credentials: std::mem::take(&mut wishes.credentials),
                leases: match due {
                    Due::Heartbeat => leases.settle_all(now, declares, LEASES_MAX),
                    Due::Changes | Due::Repeat => leases.settle(now, LEASES_MAX),
                },
                money,
                settlements,
            };
            self.unanswered = frame::encode_request(&request).ok();
        }
        self.sent_at = Some(now);
        self.rested_at = self.rested_at.max(now).plus(PACE);
        self.under_way = self.unanswered.is_some();
        self.unanswered.as_deref()
    }

    pub(crate) const fn failed(&mut self) {
        self.under_way = false;
        self.failures = self.failures.saturating_add(1);
    }

    pub(crate) fn answered(&mut self, bytes: &[u8], now: Millis) -> Result<Outcome, Failure> {
        let reply = frame::decode_reply(bytes).map_err(Failure::Frame)?;
        if reply.sequence != self.sequence || !self.under_way {
            return Err(Failure::Sequence);
        }
        self.under_way = false;
        self.unanswered = None;
        self.failures = 0;
        self.heard_at = Some(now);
        self.directory = reply.directory;
        if let Some(policy) = &reply.policy {
            self.policy = Some(policy.version.clone());
        }
        let forget = self.epoch.is_some_and(|epoch| epoch != reply.epoch);
        self.epoch = Some(reply.epoch);
        self.declares |= forget;
        Ok(Outcome { reply, sent_at: self.sent_at.unwrap_or(now), forget })
    }

    fn backoff(&self) -> Millis {
        let doubled = PACE.0.saturating_mul(1_u64.checked_shl(self.failures).unwrap_or(u64::MAX));
        Millis(doubled.min(BACKOFF_MAX.0))
    }
}
