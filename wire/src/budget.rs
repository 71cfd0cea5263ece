//! Money in the one conversation: what is lent of a budget, and what calls have cost.
//!
//! A lease is of the budget that a client charges and counts against it and all above it. It belongs
//! to a [`Term`]: one period of each of them. A new period is a new term; what was reserved in the old
//! one settles there.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{BudgetName, ClientName, PriceListName, ServiceName};
use crate::money::{Nanos, Quantity};
use crate::units::Millis;
use crate::usage::Kind;

/// Counts the terms of a ledger, from 1: one period of a budget and of each above it.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Term(pub u64);

/// One budget, as its borrower sees it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyLine {
    /// The budget that calls are charged to.
    pub budget: BudgetName,
    /// The term that `returned` belongs to; `None` where nothing was lent yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Term>,
    /// Given back unused since the last sequence.
    #[serde(default)]
    pub returned: Nanos,
    /// What the holder would like to have on top, of the present term; 0 asks for nothing.
    #[serde(default)]
    pub wants: Nanos,
    /// The least that is of use to it: the hold of the call that waits. At most `wants`.
    #[serde(default)]
    pub least: Nanos,
}

/// What became of a call's money, or of several that differ in nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// The budget that it was charged to.
    pub budget: BudgetName,
    /// The term that admitted it.
    pub term: Term,
    /// Who called.
    pub client: ClientName,
    /// What was called.
    pub service: ServiceName,
    /// Which route, as policy writes it.
    pub route: Arc<str>,
    /// The model that served, or the one asked for; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<str>>,
    /// How many calls: 1, or more where they are alike in all that stands here.
    pub calls: u64,
    /// What they cost together.
    pub cost: Nanos,
    /// What had been reserved for them together.
    pub hold: Nanos,
    /// What the cost rests on.
    pub basis: Basis,
    /// What was counted, together, each kind once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<(Kind, Quantity)>,
    /// The price list that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PriceListName>,
    /// The answer's status; 0 if there was no answer.
    pub status: u16,
    /// The provider's own id of the answer, for the comparison with its invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_id: Option<String>,
    /// How long ago the call ended, when the sync was written.
    pub ago_ms: Millis,
}

/// What the cost of a call rests on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The whole usage that the answer reported.
    Usage,
    /// The cost that the provider stated.
    ProviderCost,
    /// Units that a header reported.
    HeaderUnits,
    /// A price for each call.
    Flat,
    /// Bytes that went by.
    Bytes,
    /// The hold: the answer is billed and never said what it used.
    Reserve,
    /// The larger of the hold and what was measured: the answer is billed and was cut off.
    MaxUsageReserve,
    /// Nothing: the answer is not billed.
    Zero,
}

impl Basis {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Usage,
        Self::ProviderCost,
        Self::HeaderUnits,
        Self::Flat,
        Self::Bytes,
        Self::Reserve,
        Self::MaxUsageReserve,
        Self::Zero,
    ];

    /// The word of the ledger and of the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::ProviderCost => "provider_cost",
            Self::HeaderUnits => "header_units",
            Self::Flat => "flat",
            Self::Bytes => "bytes",
            Self::Reserve => "reserve",
            Self::MaxUsageReserve => "max_usage_reserve",
            Self::Zero => "zero",
        }
    }

    /// Whether the hold stood in for what is not known: the share of these is what finance asks for
    /// when an invoice differs.
    #[must_use]
    pub const fn is_estimate(self) -> bool {
        matches!(self, Self::Reserve | Self::MaxUsageReserve)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What a borrower gets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MoneyAnswer {
    /// Which budget.
    pub budget: BudgetName,
    /// The present term; `None` if the budget has no period now, or is not defined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Term>,
    /// Added to what the holder has of that term.
    pub gets: Nanos,
    /// How long what it has of that term may be spent, from when it sent the request. Never beyond
    /// the term's end.
    pub ttl_ms: Millis,
    /// Others wait for this: give back what is not needed at the next opportunity.
    #[serde(default)]
    pub recall: bool,
    /// Of the budgets on the path, the one with the least left; `None` if all are unlimited or none is
    /// defined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tightest: Option<BudgetView>,
    /// Where it got less than it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<MoneyShortage>,
}

/// A budget's present period, in figures.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BudgetView {
    /// Which budget.
    pub budget: BudgetName,
    /// Whom to ask.
    pub owner: Arc<str>,
    /// Which period: `2026-11`.
    pub period: Arc<str>,
    /// Its cap.
    pub cap: Nanos,
    /// What was spent of it, presumed spend and corrections included.
    pub spent: Nanos,
    /// What is lent to holders: reserved for calls, or about to be.
    pub reserved: Nanos,
    /// Until the period is over; `None` if it never is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_ms: Option<Millis>,
}

/// Why a borrower got less than it needs, and when that ends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MoneyShortage {
    /// Why.
    pub why: MoneyWhy,
    /// Asking again sooner brings nothing: until then the holder refuses by itself.
    pub ask_again_ms: Millis,
    /// The budget that refused, in figures; `None` if it is not defined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<BudgetView>,
}

/// Why there is no money.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyWhy {
    /// The budget is spent: what is left does not pay for the least that is wanted.
    Spent,
    /// What is left has been lent to other holders and may come back.
    LentElsewhere,
    /// The budget has not begun, or is over.
    Closed,
    /// The policy has no such budget (any longer).
    Undefined,
}
