//! From what sums are made, and the conditions of a filter as SQL. Only column names that stand
//! here are put into a statement; what a person typed is always a parameter.

use rusqlite::types::Value;
use wire::units::UnixMillis;

use super::QUARTER_MS;
use super::query::{Dimension, Filter, Scope};

/// Where sums come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// The tallies: for whole quarters of an hour.
    Tally,
    /// The calls themselves: for any range, and slower.
    Settlement,
}

impl Source {
    /// The cheapest one that is exact for this filter.
    pub(super) fn for_filter(filter: &Filter) -> Self {
        let whole = |at: &UnixMillis| at.0.is_multiple_of(QUARTER_MS);
        match [filter.from, filter.until].iter().flatten().all(whole) {
            true => Self::Tally,
            false => Self::Settlement,
        }
    }

    /// A table expression with the columns of a tally; `part` is its key.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Tally => "(SELECT *, tally AS part, quarter AS ended_at FROM tally)",
            Self::Settlement => {
                "(SELECT entry AS part, ended_at, ended_at / 900000 * 900000 AS quarter, term, \
                 client, service, route, coalesce(model, '') AS model, \
                 coalesce(prices, '') AS prices, \
                 basis, calls, cost_nanos / 1000000000 AS cost_units, \
                 cost_nanos % 1000000000 AS cost_nanos FROM settlement)"
            }
        }
    }

    /// The counts of its parts.
    pub(super) const fn counts(self) -> &'static str {
        match self {
            Self::Tally => "(SELECT tally AS part, kind, units, micros FROM tally_count)",
            Self::Settlement => "(SELECT entry AS part, kind, units, micros FROM settlement_count)",
        }
    }
}

/// Conditions that all hold, with their parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    sql: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Conditions {
    pub(super) fn plain(&mut self, sql: &str) {
        self.sql.push(sql.to_owned());
    }

    /// The column is one of the names, if any are given.
    pub(super) fn one_of(&mut self, column: &str, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let marks = vec!["?"; names.len()].join(", ");
        self.sql.push(format!("{column} IN ({marks})"));
        self.values.extend(names.iter().cloned().map(Value::Text));
    }

    pub(super) fn number(&mut self, condition: &str, number: u64) {
        self.sql.push(format!("{condition} ?"));
        self.values.push(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)));
    }

    /// What a filter says of a call, but for its budgets and periods.
    pub(super) fn about_call(&mut self, filter: &Filter) {
        self.one_of("client", &filter.clients);
        self.one_of("service", &filter.services);
        self.one_of("route", &filter.routes);
        self.one_of("coalesce(model, '')", &filter.models);
        self.one_of("coalesce(prices, '')", &filter.prices);
        let bases: Vec<_> = filter.bases.iter().map(|basis| basis.as_str().to_owned()).collect();
        self.one_of("basis", &bases);
    }

    /// The range of time, for an instant in `column`.
    pub(super) fn within(&mut self, column: &str, filter: &Filter) {
        if let Some(UnixMillis(from)) = filter.from {
            self.number(&format!("{column} >="), from);
        }
        if let Some(UnixMillis(until)) = filter.until {
            self.number(&format!("{column} <"), until);
        }
    }

    /// The budgets and periods of an account in these columns.
    pub(super) fn about_account(&mut self, filter: &Filter) {
        self.one_of("budget", &filter.budgets);
        self.one_of("period", &filter.periods);
    }

    /// Of several accounts, those that the scope means.
    pub(super) fn in_scope(&mut self, filter: &Filter) {
        if filter.scope == Scope::Charged {
            self.plain("position = 0");
        }
    }

    /// The filter's budgets and periods are on the path of the term in this column.
    pub(super) fn on_path(&mut self, filter: &Filter, column: &str) {
        let mut account = Self::default();
        account.about_account(filter);
        account.in_scope(filter);
        account.among(column, "SELECT term FROM term_account", self);
    }

    /// The quarters of an hour that the range of time touches.
    pub(super) fn quarters(&mut self, filter: &Filter) {
        if let Some(UnixMillis(from)) = filter.from {
            self.number(&format!("quarter + {QUARTER_MS} >"), from);
        }
        if let Some(UnixMillis(until)) = filter.until {
            self.number("quarter <", until);
        }
    }

    /// As the condition of a query; true if there is none.
    pub(super) fn all(&self) -> String {
        match self.sql.as_slice() {
            [] => "true".to_owned(),
            some => some.join(" AND "),
        }
    }

    /// The column is among those that a query finds by these conditions, if there are any to look
    /// for.
    pub(super) fn among(self, column: &str, query: &str, outer: &mut Self) {
        if !self.values.is_empty() {
            outer.sql.push(format!("{column} IN ({query} WHERE {})", self.all()));
            outer.values.extend(self.values);
        }
    }
}

impl Dimension {
    /// The column that names it; `None` for what is reckoned from the quarter of an hour.
    pub(super) const fn column(self) -> Option<&'static str> {
        Some(match self {
            Self::Budget => "budget",
            Self::Period => "period",
            Self::Client => "client",
            Self::Service => "service",
            Self::Route => "route",
            Self::Model => "model",
            Self::Prices => "prices",
            Self::Basis => "basis",
            Self::Day | Self::Hour => return None,
        })
    }
}
