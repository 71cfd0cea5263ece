//! `sync`, the one conversation: what I need to know, want to borrow, have spent; and its answer.
//!
//! A request has a sequence number. The plugin repeats it to the byte until it is answered, and the
//! sidecar answers a repetition as it did the first time, so that each is booked once (holder,
//! sequence). All durations are relative: the sidecar's clock is the only one that limits know.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::budget::{MoneyAnswer, MoneyLine, Settlement};
use crate::facts::{ClientFacts, CredentialFacts, PolicyFacts};
use crate::ids::{
    ClientKeyDigest, ClientName, CredentialName, Epoch, HolderId, PolicyVersion, ServiceName,
};
use crate::limit::LimitKey;
use crate::units::Millis;

/// The version of this contract. Each side refuses any other, in words.
pub const PROTOCOL: u16 = 2;

/// The most digests in one request. More strangers than this wait for the next one.
pub const WHO_MAX: usize = 64;
/// The most credentials in one request: a gateway has tens of services, not thousands.
pub const CREDENTIALS_MAX: usize = 64;
/// The most lease lines in one request: what a worker can have spent from in a twentieth of a second.
pub const LEASES_MAX: usize = 2048;
/// The most money lines in one request: budgets that a worker spends from at one time.
pub const MONEY_MAX: usize = 512;
/// The most settlements in one request; more than these wait for the next one.
pub const SETTLEMENTS_MAX: usize = 1024;

/// What a plugin says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SyncRequest {
    /// [`PROTOCOL`].
    pub protocol: u16,
    /// Who speaks.
    pub holder: HolderId,
    /// Counts this holder's requests, from 1.
    pub sequence: u64,
    /// The ledger's life that lent what this holder has; `None` before its first answer.
    #[serde(default)]
    pub epoch: Option<Epoch>,
    /// The policy it works by; `None` before its first answer.
    #[serde(default)]
    pub policy: Option<PolicyVersion>,
    /// The last change of the key directory that it has heard of.
    #[serde(default)]
    pub directory: u64,
    /// Client keys that it has seen and does not know.
    #[serde(default)]
    pub who: Vec<WhoIs>,
    /// Credentials that it will need.
    #[serde(default)]
    pub credentials: Vec<CredentialName>,
    /// What it spent, gives back and wants.
    #[serde(default)]
    pub leases: Vec<LeaseLine>,
    /// The money it gives back and wants. Settlements of the same request are booked before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub money: Vec<MoneyLine>,
    /// What calls have cost since the last sequence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settlements: Vec<Settlement>,
}

/// A question: whose key is this?
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WhoIs {
    /// The SHA-256 of the key.
    pub digest: ClientKeyDigest,
    /// What it was shown for: the answer brings first leases and the credential for it.
    pub service: ServiceName,
}

/// One limit, as its borrower sees it. `spent` and `returned` both leave what the holder has been lent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseLine {
    /// Which limit.
    pub limit: LimitKey,
    /// Used up since the last sequence. Always 0 for a concurrency limit, whose places come back.
    #[serde(default)]
    pub spent: u64,
    /// Given back unused since the last sequence.
    #[serde(default)]
    pub returned: u64,
    /// What the holder would like to have on top of what it keeps; 0 asks for nothing.
    #[serde(default)]
    pub wants: u64,
}

/// What the sidecar answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SyncReply {
    /// [`PROTOCOL`].
    pub protocol: u16,
    /// The request's sequence number.
    pub sequence: u64,
    /// The life of the ledger's memory. If it is not the request's, all that `leases` lent is void.
    pub epoch: Epoch,
    /// The present policy, where the request's is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyFacts>,
    /// The last change of the key directory.
    pub directory: u64,
    /// What changed since the request's `directory`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Answers to `who`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientAnswer>,
    /// The credentials asked for, and those for the services that `who` named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<CredentialAnswer>,
    /// Answers to `leases`, and first leases for the clients that `who` asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<LeaseAnswer>,
    /// Answers to `money`, and the first money for the clients that `who` asked about. What is lent
    /// here outlives `epoch`: the ledger of money is on disk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub money: Vec<MoneyAnswer>,
}

/// Something that a plugin may remember and must not any longer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Everything about every client; ask again at its next call.
    AllClients,
    /// One client key: revoked, or its client is another now.
    ClientKey(ClientKeyDigest),
    /// Every credential; ask again.
    AllCredentials,
    /// A credential has a new version. The old one is good until the new one has arrived.
    CredentialRotated(CredentialName),
    /// A credential must not be used any longer.
    CredentialRevoked(CredentialName),
}

/// Whose key it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ClientAnswer {
    /// The key asked about.
    pub digest: ClientKeyDigest,
    /// The answer.
    pub identity: Identity,
    /// How long it may be believed without asking again.
    pub ttl_ms: Millis,
}

/// What the key directory says of a client key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// It opens the gate for this client.
    Known(ClientFacts),
    /// It was this client's, and has ended.
    Expired(ClientName),
    /// It was this client's, and was revoked.
    Revoked(ClientName),
    /// Nobody has such a key.
    Unknown,
}

/// A credential, or why there is none.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CredentialAnswer {
    /// Which one.
    pub name: CredentialName,
    /// The answer.
    pub release: Release,
}

/// What became of the wish for a credential.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// Here it is.
    Released(CredentialFacts),
    /// No such credential, or none of its versions is active.
    Missing,
    /// It cannot be unsealed: wrong HSM token, or the record was changed.
    Refused,
    /// The HSM does not answer; ask again later.
    Unavailable,
}

/// What a borrower gets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LeaseAnswer {
    /// Which limit.
    pub limit: LimitKey,
    /// Added to what the holder keeps.
    pub gets: u64,
    /// How long all that it now has of this limit may be spent, from when it sent the request.
    pub ttl_ms: Millis,
    /// Others wait for this: give back what is not needed at the next opportunity.
    #[serde(default)]
    pub recall: bool,
    /// Where it got less than it needs: when to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<Shortage>,
    /// What the limit has left that nobody was lent.
    pub remaining: u64,
    /// Until the limit is whole again (bucket full, or the day over).
    pub resets_ms: Millis,
}

/// Why a borrower got nothing, and when that ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Shortage {
    /// Asking again sooner brings nothing: until then the holder refuses by itself.
    pub ask_again_ms: Millis,
    /// When a caller who is refused now may expect a place: what `Retry-After` says.
    pub retry_ms: Millis,
    /// The limit is not used up: other holders have been lent what is left of it.
    pub lent_elsewhere: bool,
    /// The limit is not defined (any longer): the policy has changed under the holder.
    #[serde(default)]
    pub undefined: bool,
}
