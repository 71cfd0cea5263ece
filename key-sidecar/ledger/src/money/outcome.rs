//! What a command has led to: the reply, what to store before it is sent, and what to complain of.

use std::sync::Arc;

use wire::budget::Term;
use wire::ids::{BudgetName, HolderId};
use wire::money::Nanos;

use crate::money::command::Reply;
use crate::money::record::Change;

/// What a command has led to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What to answer, once `changes` are stored.
    pub reply: Reply,
    /// What to store, in one transaction and in this order: at most one record for each key, then
    /// the entries by number. Nothing refers to what comes later.
    pub changes: Vec<Change>,
    /// What was booked though it should not have happened: for the log.
    pub faults: Vec<Fault>,
}

/// Something that only a mistake or a lost ledger can bring about. All of it is booked as said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A holder gave back more than it had been lent. The excess is not booked.
    ReturnedTooMuch {
        /// Who.
        holder: HolderId,
        /// Of which budget.
        budget: BudgetName,
        /// By how much.
        excess: Nanos,
    },
    /// A settlement named a term that this ledger does not know, or another budget's.
    UnknownTerm {
        /// Who settled.
        holder: HolderId,
        /// Which budget.
        budget: BudgetName,
        /// What it named.
        named: Term,
        /// Where it was booked.
        booked: Term,
    },
    /// An account has reached the largest amount that can be kept, and counts no further. Its
    /// entries are exact.
    Saturated {
        /// Which budget.
        budget: BudgetName,
        /// Which period.
        period: Arc<str>,
    },
}
