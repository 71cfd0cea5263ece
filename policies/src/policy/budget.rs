//! Budgets, and what the ledger is told of them: caps, and periods as instants.

use std::sync::Arc;

use jiff::civil::Date;
use wire::ids::BudgetName;
use wire::limit::Mode;
use wire::money::Nanos;
use wire::units::UnixMillis;

use super::Policy;

/// An amount of money per period.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Budget {
    /// Its name.
    pub name: BudgetName,
    /// What it lies in.
    pub within: Option<BudgetName>,
    /// Whom to ask: its own owner, or that of the nearest budget above it that has one.
    pub owner: Arc<str>,
    /// Its cap in each period; `None` is unlimited.
    pub cap: Option<Nanos>,
    /// Its time.
    pub span: Span,
    /// Percent of the cap at which the owner is told, rising.
    pub alert_at: Vec<u16>,
    /// Whether it refuses.
    pub mode: Mode,
}

/// The time of a budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Span {
    /// A period of the calendar, again and again.
    Every(Every),
    /// From the beginning of one day to the end of another.
    Between {
        /// The first day.
        from: Date,
        /// The last day, which still counts; `None` if it does not end.
        until: Option<Date>,
    },
    /// Once and for all.
    Total,
}

/// A period of the organization's calendar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Every {
    /// From midnight to midnight.
    Day,
    /// Seven days, from the organization's first day of the week.
    Week,
    /// A month of the calendar, whenever the fiscal year begins.
    Month,
    /// Three months, counted from the first day of the fiscal year.
    Quarter,
    /// The fiscal year.
    Year,
}

/// A budget as the ledger needs it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BudgetPlan {
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
    /// Percent of the cap at which the owner is told, rising.
    pub alert_at: Vec<u16>,
    /// Its present and coming periods, in order, without gap or overlap. A moment in none of them
    /// has no money: the budget has not begun, or is over.
    pub periods: Vec<BudgetPeriod>,
}

/// A period as instants, the end excluded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BudgetPeriod {
    /// Its name: `2026-11`. An account is named by it, and not by the instants.
    pub label: Arc<str>,
    /// Its first instant.
    pub starts: UnixMillis,
    /// The first instant after it; `None` if it never ends.
    pub ends: Option<UnixMillis>,
}

impl Policy {
    /// Every budget by name, with the period that holds `now` and the next ones: three for days, two
    /// for longer ones, and the only one of a budget that has only one.
    #[must_use]
    pub fn budgets(&self, now: UnixMillis) -> Vec<BudgetPlan> {
        let plan = |budget: &Budget| BudgetPlan {
            name: budget.name.clone(),
            within: budget.within.clone(),
            owner: Arc::clone(&budget.owner),
            cap: budget.cap,
            mode: budget.mode,
            alert_at: budget.alert_at.clone(),
            periods: self.organization.periods(budget.span, now),
        };
        self.budgets.values().map(plan).collect()
    }
}
