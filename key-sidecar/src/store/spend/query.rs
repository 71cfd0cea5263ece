//! What can be asked of the spend: which calls, and by what they are grouped.

use std::sync::Arc;

use jiff::tz::TimeZone;
use wire::budget::Basis;
use wire::units::UnixMillis;

/// What calls are grouped by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Dimension {
    /// The budget: the charged one, or each above it too; see [`Scope`].
    Budget,
    /// The period of that budget.
    Period,
    /// Who called.
    Client,
    /// What was called.
    Service,
    /// Which route, as the policy writes it.
    Route,
    /// The model that served.
    Model,
    /// The price list that was used.
    Prices,
    /// What the cost rests on.
    Basis,
    /// The day, in the query's time zone, in which the call ended.
    Day,
    /// The hour in which the call ended.
    Hour,
}

/// Which budget a call is counted with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scope {
    /// The one that was charged: each call counts once.
    #[default]
    Charged,
    /// The one that was charged and each above it: each call counts once in each of them. Without a
    /// filter or a grouping by budget, that is once too often.
    Path,
}

/// Which calls. An empty list is all; a filter with everything empty is every call.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// What `budgets` and `periods` mean.
    pub scope: Scope,
    /// Only with these budgets.
    pub budgets: Vec<String>,
    /// Only in these periods.
    pub periods: Vec<String>,
    /// Only of these clients.
    pub clients: Vec<String>,
    /// Only of these services.
    pub services: Vec<String>,
    /// Only of these routes.
    pub routes: Vec<String>,
    /// Only of these models; the empty name is that there is none.
    pub models: Vec<String>,
    /// Only by these price lists; the empty name is that there is none.
    pub prices: Vec<String>,
    /// Only on these bases.
    pub bases: Vec<Basis>,
    /// Only calls that ended then or later.
    pub from: Option<UnixMillis>,
    /// Only calls that ended before.
    pub until: Option<UnixMillis>,
}

/// A question about sums.
#[derive(Clone, Debug)]
pub struct Query {
    /// The groups, in this order; none is one sum of all.
    pub by: Vec<Dimension>,
    /// Which calls.
    pub filter: Filter,
    /// Where days and hours begin.
    pub zone: TimeZone,
}

impl Default for Query {
    fn default() -> Self {
        Self { by: Vec::new(), filter: Filter::default(), zone: TimeZone::UTC }
    }
}

impl Query {
    /// Everything by these dimensions, days in UTC.
    #[must_use]
    pub fn by(dimensions: &[Dimension]) -> Self {
        Self { by: dimensions.to_vec(), ..Self::default() }
    }
}

/// What a group has of one dimension.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Key {
    /// A name; `None` where there is none (calls without a model).
    Name(Option<Arc<str>>),
    /// The first instant of the day or hour.
    Start(UnixMillis),
}

impl Filter {
    /// Whether it looks at what only calls have, so that other entries are not meant.
    pub(super) fn is_about_calls(&self) -> bool {
        [&self.clients, &self.services, &self.routes, &self.models, &self.prices]
            .iter()
            .any(|names| !names.is_empty())
            || !self.bases.is_empty()
    }
}
