//! The lines of the ledger, one after the other, for NDJSON: never more than a page of them in
//! memory.

mod page;

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::Serialize;
use wire::budget::{Basis, Term};
use wire::ids::{BudgetName, ClientName, HolderId, PriceListName, ServiceName};
use wire::money::{Nanos, Quantity};
use wire::units::UnixMillis;
use wire::usage::Kind;

use super::Spend;
use super::query::Filter;
use super::source::Conditions;
use crate::store::error::StoreError;

/// Entries whose numbers are looked at at a time.
const PAGE: u64 = 1_024;

/// A line of the ledger. As JSON: `number`, `at`, `what`, and what that one says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The entry's number.
    pub number: u64,
    /// When it was booked.
    pub at: UnixMillis,
    /// What it says.
    #[serde(flatten)]
    pub said: Said,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Said {
    /// A call, or several alike, has cost so much.
    Settled(Box<Settled>),
    /// A lease ran out: what it had not settled counts as spent.
    Presumed(Presumption),
    /// The holder spoke after all: so much of the presumption is gone.
    Unpresumed(Presumption),
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
        /// The cap before.
        from: Option<Nanos>,
        /// The cap now.
        to: Option<Nanos>,
        /// Which policy says so.
        by: Arc<str>,
    },
}

/// A settlement as it was booked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settled {
    /// When the call ended.
    pub ended: UnixMillis,
    /// Which term it was booked on.
    pub term: Term,
    /// The budget that was charged, and the period of it.
    pub budget: BudgetName,
    /// The period of the charged budget.
    pub period: Arc<str>,
    /// Who called.
    pub client: ClientName,
    /// What was called.
    pub service: ServiceName,
    /// Which route.
    pub route: Arc<str>,
    /// The model that served.
    pub model: Option<Arc<str>>,
    /// The price list that was used.
    pub prices: Option<PriceListName>,
    /// The answer's status; 0 if there was none.
    pub status: u16,
    /// What the cost rests on.
    pub basis: Basis,
    /// How many calls.
    pub calls: u64,
    /// What they cost together.
    pub cost: Nanos,
    /// What had been reserved for them together.
    pub hold: Nanos,
    /// What was counted, in the order of the kinds.
    pub counts: Vec<(Kind, Quantity)>,
    /// The provider's own id of the answer.
    pub upstream_id: Option<Arc<str>>,
    /// Who said so.
    pub holder: HolderId,
    /// In which of its requests.
    pub sequence: u64,
}

/// A presumption, or so much of one that is gone.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Presumption {
    /// Whose lease.
    pub holder: HolderId,
    /// Of which term.
    pub term: Term,
    /// The charged budget of the term.
    pub budget: BudgetName,
    /// And its period.
    pub period: Arc<str>,
    /// How much.
    pub amount: Nanos,
}

/// Lines in the order of their numbers; ends after the first error.
#[derive(Debug)]
pub struct Lines<'a> {
    spend: &'a Spend,
    filter: Filter,
    numbers: RangeInclusive<u64>,
    settled: RangeInclusive<u64>,
    page: VecDeque<Line>,
}

impl Spend {
    /// The lines that a filter means, up to the last entry of this moment. Where the filter is
    /// about calls (client, service, route, model, prices, basis) only settlements are meant.
    /// `from` and `until` are when a call ended; for other entries, when they were booked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lines(&self, filter: Filter) -> Result<Lines<'_>, StoreError> {
        let numbers = 1..=self.last_entry()?;
        let settled = self.where_settled(&filter)?;
        let numbers = if filter.is_about_calls() { settled.clone() } else { numbers };
        Ok(Lines { spend: self, filter, numbers, settled, page: VecDeque::new() })
    }

    /// Between which numbers the settlements of a filter lie: the tallies know.
    fn where_settled(&self, filter: &Filter) -> Result<RangeInclusive<u64>, StoreError> {
        let mut conditions = Conditions::default();
        conditions.about_call(filter);
        conditions.on_path(filter, "term");
        conditions.quarters(filter);
        let sql = format!(
            "SELECT coalesce(min(first_entry), 1), coalesce(max(last_entry), 0)
             FROM tally WHERE {}",
            conditions.all()
        );
        let parameters = rusqlite::params_from_iter(&conditions.values);
        let found = self
            .rows(&sql, parameters, ("tally", 0), |row| Ok((row.unsigned(0)?, row.unsigned(1)?)))?;
        let (first, last) = found.first().copied().unwrap_or((1, 0));
        Ok(first..=last)
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<Line, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.page.is_empty() && !self.numbers.is_empty() {
            let (first, end) = (*self.numbers.start(), *self.numbers.end());
            let last = first.saturating_add(PAGE - 1).min(end);
            self.numbers = last.saturating_add(1)..=end;
            match self.read_page(first, last) {
                Ok(page) => self.page = page,
                Err(error) => {
                    self.numbers = end.saturating_add(1)..=end;
                    return Some(Err(error));
                }
            }
        }
        self.page.pop_front().map(Ok)
    }
}
