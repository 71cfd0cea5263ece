//! What the ledger of money can be asked, and what it answers.

use std::sync::Arc;

use wire::budget::{MoneyAnswer, MoneyLine, Settlement};
use wire::ids::{BudgetName, HolderId};
use wire::limit::Mode;
use wire::money::Nanos;
use wire::units::UnixMillis;

/// What can be asked. Each is idempotent: by (holder, sequence), by id, or by its nature.
#[derive(Clone, Debug)]
pub enum Command {
    /// The budgets of the present policy, all of them. Accounts of budgets that are not among them stay.
    Define {
        /// In any order.
        budgets: Vec<Definition>,
        /// Which policy says so, for the entries about changed caps.
        by: Arc<str>,
    },
    /// A holder settles, gives back and borrows.
    Sync(Sync),
    /// A person corrects an account.
    Correct(Correction),
    /// Lets leases run out whose time is over.
    Expire,
}

/// A budget of the policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Definition {
    /// Its name.
    pub name: BudgetName,
    /// What it lies in.
    pub within: Option<BudgetName>,
    /// Whom to ask.
    pub owner: Arc<str>,
    /// Its cap in each period; `None` is unlimited.
    pub cap: Option<Nanos>,
    /// Whether it refuses.
    pub mode: Mode,
    /// Its present and coming periods, in order, without overlap. A moment in none of them has no
    /// money.
    pub periods: Vec<Period>,
}

/// A period of the calendar as instants, the end excluded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Period {
    /// Its name: `2026-11`. The account is named by it, not by the instants, so that a zone change in the
    /// middle of a month leaves what was spent where it was.
    pub label: Arc<str>,
    /// Its first instant.
    pub starts: UnixMillis,
    /// The first instant after it; `None` if it never ends.
    pub ends: Option<UnixMillis>,
}

/// What a holder says of its money.
#[derive(Clone, Debug)]
pub struct Sync {
    /// Who speaks.
    pub holder: HolderId,
    /// Counts the holder's requests. The last one is answered again as it was; an older one is refused.
    pub sequence: u64,
    /// What it gives back and wants.
    pub lines: Vec<MoneyLine>,
    /// What calls have cost; booked before the lines.
    pub settlements: Vec<Settlement>,
}

/// A correction by a person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Correction {
    /// Chosen by who asks: a repetition books nothing.
    pub id: Arc<str>,
    /// Which budget. Those above it are corrected with it.
    pub budget: BudgetName,
    /// Which period; `None` is the present one.
    pub period: Option<Arc<str>>,
    /// Added to what was spent, in nano-units; negative for a refund.
    pub amount: i64,
    /// Who corrects.
    pub who: Arc<str>,
    /// Why.
    pub why: Arc<str>,
}

/// What the ledger answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// To [`Command::Sync`], in the order of the lines.
    Synced(Vec<MoneyAnswer>),
    /// To [`Command::Correct`]: the number of the entry, old or new.
    Corrected(u64),
    /// To [`Command::Define`] and [`Command::Expire`].
    Done,
    /// Nothing of the command was booked.
    Refused(Refusal),
}

/// Why nothing was booked, in order of precedence: the first that holds is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The sequence has been answered, and another after it.
    Stale {
        /// The last sequence that was booked.
        last: u64,
    },
    /// There are too many holders.
    Crowded,
    /// The request has more lines or settlements than the contract allows.
    TooMany,
    /// The correction's id was used for another one.
    IdReused,
    /// No such budget.
    NoBudget,
    /// The budget has no such period.
    NoPeriod,
    /// The correction is more than can be kept.
    TooLarge,
}
