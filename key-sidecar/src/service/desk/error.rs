//! Why the desk does not do what it is asked.

use std::fmt;

use ledger::money::LoadError;
use ledger::money::command::Refusal;

use crate::store::StoreError;

/// Why something was not booked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DeskError {
    /// Too much waits already.
    Busy,
    /// The store does not take what is written, or does not give back what it has. Nothing is lent.
    Store,
    /// The service ends, or an invariant of the ledger was broken.
    Closed,
    /// It cannot be kept, and why.
    Unfit(String),
    /// By the ledger.
    Refused(Refusal),
}

impl fmt::Display for DeskError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => out.write_str("the money desk has too much to do; repeat the request"),
            Self::Store => out.write_str(
                "the ledger of money cannot be written; nothing was booked: see the service's log",
            ),
            Self::Closed => out.write_str("the money desk is closed"),
            Self::Unfit(why) => write!(out, "what is said of money cannot be kept: {why}"),
            Self::Refused(Refusal::Stale { last }) => {
                write!(out, "sequence {last} has been booked already")
            }
            Self::Refused(Refusal::Crowded) => out.write_str("too many holders of money"),
            Self::Refused(Refusal::TooMany) => out.write_str("too many lines of money"),
            Self::Refused(Refusal::IdReused) => {
                out.write_str("the id was used for another correction: choose a new one")
            }
            Self::Refused(Refusal::NoBudget) => out.write_str("there is no such budget"),
            Self::Refused(Refusal::NoPeriod) => out.write_str("the budget has no such period"),
            Self::Refused(Refusal::TooLarge) => {
                out.write_str("the correction is more than can be kept")
            }
        }
    }
}

impl std::error::Error for DeskError {}

/// Why there is no ledger of money.
#[derive(Debug)]
pub enum OpenError {
    /// The store cannot be read.
    Store(StoreError),
    /// What it has is no ledger.
    Load(LoadError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(out, "{error}"),
            Self::Load(error) => write!(
                out,
                "the ledger does not add up: {error}; keep the file aside and restore a backup of it"
            ),
        }
    }
}

impl std::error::Error for OpenError {}
