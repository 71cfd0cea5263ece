//! What the ledger answers.
//!
//! A sync has exactly one result. In order of precedence, the first that applies:
//!
//! 1. [`Refusal::TooManyLines`]: nothing was booked.
//! 2. [`Refusal::Stale`]: the sequence number is older than the last one; nothing was booked.
//! 3. [`Synced`] with `repeated`: the stored answer again; nothing was booked.
//! 4. [`Refusal::Crowded`]: a newcomer, and no room for it; nothing was booked.
//! 5. [`Synced`]: every line was booked and answered, in order.
//!
//! And each line of it, the first that applies: undefined; without room for the lease; void
//! (another life's places); declared; given in part or not at all (`short`); given.

use wire::ids::HolderId;
use wire::limit::LimitKey;
use wire::sync::LeaseAnswer;

/// What a command did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// What had run out by the time of the command.
    pub lapses: Lapses,
    /// The answer to the command itself.
    pub reply: Reply,
}

/// What ran out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lapses {
    /// Leases that ran out with something left on them.
    pub leases: u64,
    /// Requests that are presumed spent with them.
    pub presumed_spent: u64,
    /// Places that came back with them.
    pub places_back: u64,
    /// Holders that were forgotten.
    pub holders: u64,
}

/// The answer to a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// To [`crate::Command::Define`].
    Defined(Defined),
    /// To [`crate::Command::Expire`].
    Expired,
    /// To [`crate::Command::Sync`], where it cannot be served.
    Refused(Refusal),
    /// To [`crate::Command::Sync`].
    Synced(Synced),
}

/// How a new set of limits differs from the old one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Defined {
    /// Limits that there were not before.
    pub added: u64,
    /// Limits whose amount, burst or places are others now.
    pub changed: u64,
    /// Limits that vanished, with their leases.
    pub removed: u64,
}

/// Why a sync was not served. Nothing of it was booked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// There are [`crate::HOLDERS_MAX`] holders. One that has been gone for
    /// [`crate::HOLDER_FORGOTTEN_AFTER`] makes room.
    Crowded,
    /// The holder has been answered on a later sequence number.
    Stale {
        /// The last number that was served.
        last: u64,
    },
    /// More lines than `wire::sync::LEASES_MAX`.
    TooManyLines,
}

/// A sync that was served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Synced {
    /// One per line, in the order of the lines.
    pub answers: Vec<LeaseAnswer>,
    /// It had been served before; this is the same answer, with what is left of its time.
    pub repeated: bool,
    /// It spoke of another life of the ledger (or of none): what it spent and gave back was not
    /// booked.
    pub void: bool,
    /// Where the holder said what cannot be.
    pub faults: Vec<Fault>,
}

/// Something that a holder said and that the ledger did not book.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Who said it.
    pub holder: HolderId,
    /// Of which limit.
    pub limit: LimitKey,
    /// How much was not booked.
    pub units: u64,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// Whose fault it is that something was not booked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultKind {
    /// The holder's: it spent or gave back more than it had been lent.
    Excess,
    /// Nobody's: the lease had run out before the word of it came, and had been booked by
    /// presumption.
    Late,
    /// The holder's: places are given back, never spent.
    SpentPlaces,
}

/// One limit's figures, for status pages and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LimitView {
    /// What may still be lent.
    pub level: u64,
    /// What is lent, and not reported spent.
    pub lent: u64,
    /// What was used: of the present day, or since the ledger's start. Places are never used up.
    pub used: u64,
    /// Held back after a restart, because an earlier life may have lent it.
    pub held: u64,
}
