//! What the ledger is told, and when.
//!
//! Time is a part of every command. Two clocks are needed: leases and buckets run on the monotonic
//! one, calendar days on the wall's, and only the wall's may jump. Neighbours: `outcome` is what
//! comes back, `state` applies.

use wire::ids::{Epoch, HolderId};
use wire::limit::{LimitKey, LimitRule};
use wire::sync::LeaseLine;
use wire::units::{Millis, UnixMillis};

/// The two clocks at the moment of a command.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Never goes back; where it does, the ledger stays at the latest that it has heard.
    pub monotonic: Millis,
    /// May jump either way. Decides only to which calendar day a loan belongs.
    pub wall: UnixMillis,
}

/// One thing to do. Leases that have run out by then are expired first, whatever the command.
#[derive(Clone, Debug)]
pub enum Command {
    /// The limits of a policy, all of them. New ones appear; a changed amount keeps what was used
    /// and lent, and a lowered one counts at once for all that is not lent; a missing one vanishes
    /// with its leases.
    Define {
        /// Every limit there is.
        limits: Vec<Definition>,
        /// The instants at which calendar days begin, the present day's included. A day lasts until
        /// the next of them: past the last, day limits lend nothing, since to guess is to
        /// overspend.
        day_boundaries: Vec<UnixMillis>,
    },
    /// Nothing but the expiry of what has run out.
    Expire,
    /// What a holder has spent, gives back and wants.
    Sync(Sync),
}

/// One limit and what it allows.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name. The name says the kind and the time; the amount may change under it.
    pub key: LimitKey,
    /// What it allows.
    pub rule: LimitRule,
}

/// The ledger's part of a `wire::sync::SyncRequest`.
#[derive(Clone, Debug)]
pub struct Sync {
    /// Who speaks.
    pub holder: HolderId,
    /// Counts the holder's requests. The same number again is the same request again.
    pub sequence: u64,
    /// The ledger's life that lent what the holder has; `None` if it has had no answer yet.
    pub epoch: Option<Epoch>,
    /// What it says of each limit.
    pub lines: Vec<LeaseLine>,
}

/// What may be presumed of the time before this ledger's life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Start {
    /// Nothing was lent before: a first start, or a restart from a clean snapshot. Buckets are
    /// full, or as the snapshot has them.
    Full,
    /// Anything may have been lent before: a restart that was not clean. Buckets are empty and stay
    /// so for as long as a lease of the former life can last; places are held back until every
    /// holder has had the time to declare what still runs. Counts of a day are as the snapshot has
    /// them.
    Empty,
}
