//! What is stored: present balances that can be overwritten, and entries that never are.
//!
//! A command's changes are one transaction. [`Image`] is all that a store gives back at the start.

use std::sync::Arc;

use wire::budget::{MoneyAnswer, Settlement, Term};
use wire::ids::{BudgetName, HolderId};
use wire::money::Nanos;
use wire::units::UnixMillis;

/// One thing to store. Records replace the record of the same key; entries are appended.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Key: budget and period.
    Account(Account),
    /// Key: the term. Written once.
    Term(TermRecord),
    /// Key: holder and term.
    Lease(LeaseRecord),
    /// The lease of this holder and term is no more.
    LeaseGone(HolderId, Term),
    /// Key: the holder.
    Holder(HolderRecord),
    /// The holder is forgotten.
    HolderGone(HolderId),
    /// Appended; numbers rise by one.
    Entry(Entry),
}

/// One period of one budget.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// The budget.
    pub budget: BudgetName,
    /// The period's name.
    pub period: Arc<str>,
    /// What the budget lies in, as last defined.
    pub within: Option<BudgetName>,
    /// Its first instant, as last defined.
    pub starts: UnixMillis,
    /// The first instant after it; `None` if it never ends.
    pub ends: Option<UnixMillis>,
    /// Its cap as last defined; `None` is unlimited.
    pub cap: Option<Nanos>,
    /// What calls have cost.
    pub settled: Nanos,
    /// What holders were lent that never settled it: counts as spent until they do.
    pub presumed: Nanos,
    /// The sum of the corrections, which can be less than zero.
    pub corrected: i64,
    /// What is lent now.
    pub reserved: Nanos,
}

/// Which accounts a term joins: the charged budget's first, then those above it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TermRecord {
    /// Which term.
    pub term: Term,
    /// Budget and period of each, from the charged one up.
    pub accounts: Vec<(BudgetName, Arc<str>)>,
}

/// What one holder has of one term.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeaseRecord {
    /// Who; [`NOBODY`](crate::money::NOBODY) for what forgotten holders never settled.
    pub holder: HolderId,
    /// Of which term.
    pub term: Term,
    /// Lent and not settled.
    pub lent: Nanos,
    /// Ran out unsettled and counts as spent; a late word of the holder takes from this.
    pub presumed: Nanos,
}

/// How far a holder has been heard, and the last answer, in case it did not arrive.
#[derive(Clone, Debug, PartialEq)]
pub struct HolderRecord {
    /// Who.
    pub holder: HolderId,
    /// Its last sequence that was booked.
    pub sequence: u64,
    /// The answer to it.
    pub answers: Vec<MoneyAnswer>,
    /// When it was heard.
    pub heard: UnixMillis,
}

/// A line of the ledger. Never changed, never removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Counts entries, from 1, without a gap.
    pub number: u64,
    /// When it was booked.
    pub at: UnixMillis,
    /// What happened.
    pub what: What,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A call, or several alike, has cost so much: posted.
    Settled {
        /// Who said so.
        holder: HolderId,
        /// In which sequence.
        sequence: u64,
        /// When the call ended.
        ended: UnixMillis,
        /// Which term it was booked on. The settlement's own, unless the ledger does not know that one.
        term: Term,
        /// What it said.
        settlement: Settlement,
    },
    /// A lease ran out: what it had not settled counts as spent.
    Presumed {
        /// Whose.
        holder: HolderId,
        /// Of which term.
        term: Term,
        /// How much.
        amount: Nanos,
    },
    /// The holder spoke after all: so much of the presumption is gone.
    Unpresumed {
        /// Whose.
        holder: HolderId,
        /// Of which term.
        term: Term,
        /// How much.
        amount: Nanos,
    },
    /// A person corrected an account and all above it.
    Corrected {
        /// The id of the correction.
        id: Arc<str>,
        /// Budget and period of each, from the one that was named up.
        accounts: Vec<(BudgetName, Arc<str>)>,
        /// Added to what was spent.
        amount: i64,
        /// Who.
        who: Arc<str>,
        /// Why.
        why: Arc<str>,
    },
    /// An account was opened, or its cap changed.
    Capped {
        /// Which budget.
        budget: BudgetName,
        /// Which period.
        period: Arc<str>,
        /// The cap before; `None` is unlimited, or that the account is new.
        from: Option<Nanos>,
        /// The cap now; `None` is unlimited.
        to: Option<Nanos>,
        /// Which policy says so.
        by: Arc<str>,
    },
}

/// All that a store gives back at the start. Entries stay where they are, but for the ids of
/// corrections, which make a repetition harmless.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// All accounts.
    pub accounts: Vec<Account>,
    /// All terms that a lease or a coming settlement can name.
    pub terms: Vec<TermRecord>,
    /// All leases.
    pub leases: Vec<LeaseRecord>,
    /// All holders.
    pub holders: Vec<HolderRecord>,
    /// The corrections: their ids and what they said, with the number of the entry.
    pub corrections: Vec<(u64, crate::money::command::Correction)>,
    /// The number of the last entry; 0 if there is none.
    pub last_entry: u64,
}
