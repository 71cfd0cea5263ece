//! `spend show`: what was spent, by any dimension. Pure: charges in, a report out; [`balances`] are the
//! accounts as they stand, [`tally`] the sums that the store has ready.

mod balances;
pub(super) mod command;
mod tally;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::amount::{Money, percent};
use super::calendar::Calendar;
use super::charge::{Charge, Spent};
use super::table::{Column, table};

pub(super) use self::balances::spent;

/// The line of what no call has cost.
const PRESUMED: &str = "(presumed)";
/// The line of what people have corrected.
const CORRECTIONS: &str = "(corrections)";

/// What the lines of a report stand for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Dimension {
    /// Each budget: cap, spent, reserved, remaining
    Budget,
    /// Each client
    Client,
    /// Each service
    Service,
    /// Each route, with its service
    Route,
    /// Each model that served
    Model,
    /// Each period of the budget that was charged
    Period,
    /// Each day
    Day,
    /// What the costs rest on
    Basis,
}

impl Dimension {
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Budget => "BUDGET",
            Self::Client => "CLIENT",
            Self::Service => "SERVICE",
            Self::Route => "ROUTE",
            Self::Model => "MODEL",
            Self::Period => "PERIOD",
            Self::Day => "DAY",
            Self::Basis => "BASIS",
        }
    }

    /// The line that a charge belongs to.
    fn key(self, charge: &Charge<'_>, calendar: &Calendar) -> String {
        match (self, charge.accounts.first(), charge.call()) {
            (Self::Budget, Some((budget, _)), _) => return budget.to_string(),
            (Self::Period, Some((_, period)), _) => return period.to_string(),
            (Self::Day, ..) => return calendar.date(charge.at).to_string(),
            (Self::Client, _, Some(call)) => return call.client.to_string(),
            (Self::Service, _, Some(call)) => return call.service.to_string(),
            (Self::Route, _, Some(call)) => return format!("{} {}", call.service, call.route),
            (Self::Model, _, Some(call)) => {
                return call.model.as_deref().unwrap_or("(no model)").to_owned();
            }
            (Self::Basis, _, Some(call)) => return call.basis.to_string(),
            _ => {}
        }
        match charge.what {
            Spent::Corrected { .. } => CORRECTIONS,
            Spent::Presumed(_) => PRESUMED,
            Spent::Call(_) => "(unknown)",
        }
        .to_owned()
    }
}

/// The sums of a report.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Sum {
    pub(super) calls: u64,
    pub(super) cost: Money,
    /// Of the calls' cost, what was settled at the hold.
    pub(super) estimated: Money,
    /// Of the cost, what calls have cost.
    pub(super) of_calls: Money,
}

impl Sum {
    pub(super) fn add(&mut self, charge: &Charge<'_>) {
        self.cost = self.cost + charge.cost();
        if let Some(call) = charge.call() {
            self.calls = self.calls.saturating_add(call.calls);
            self.of_calls = self.of_calls + charge.cost();
            if call.basis.is_estimate() {
                self.estimated = self.estimated + charge.cost();
            }
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            cost: self.cost + other.cost,
            estimated: self.estimated + other.estimated,
            of_calls: self.of_calls + other.of_calls,
        }
    }

    /// The share of what calls have cost that rests on the hold.
    pub(super) fn estimated_share(&self) -> Option<String> {
        percent(self.estimated.0, self.of_calls.0)
    }
}

/// Charges, summed along a dimension.
#[derive(Debug)]
pub(super) struct Sums {
    dimension: Dimension,
    lines: BTreeMap<String, Sum>,
    total: Sum,
}

impl Sums {
    pub(super) const fn new(dimension: Dimension) -> Self {
        let total =
            Sum { calls: 0, cost: Money::ZERO, estimated: Money::ZERO, of_calls: Money::ZERO };
        Self { dimension, lines: BTreeMap::new(), total }
    }

    pub(super) fn add(&mut self, charge: &Charge<'_>, calendar: &Calendar) {
        self.total.add(charge);
        self.lines.entry(self.dimension.key(charge, calendar)).or_default().add(charge);
    }

    /// Adds a whole line.
    fn put(&mut self, key: String, sum: Sum) {
        self.total = self.total.plus(sum);
        let line = self.lines.entry(key).or_default();
        *line = line.plus(sum);
    }

    /// The lines, the dearest first; days and periods in their order.
    fn sorted(&self) -> Vec<(&str, Sum)> {
        let mut lines: Vec<_> = self.lines.iter().map(|(key, sum)| (key.as_str(), *sum)).collect();
        if !matches!(self.dimension, Dimension::Day | Dimension::Period) {
            lines.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.cost));
        }
        lines
    }

    pub(super) fn table(&self, currency: &str) -> String {
        let mut lines = self.sorted();
        lines.push(("TOTAL", self.total));
        let share = |sum: &Sum| sum.estimated_share().unwrap_or_else(|| "-".into());
        table(vec![
            Column::words(self.dimension.heading(), lines.iter().map(|(key, _)| *key)),
            Column::figures("CALLS", lines.iter().map(|(_, sum)| sum.calls.to_string())),
            Column::money("COST", lines.iter().map(|(_, sum)| Some(sum.cost)), ""),
            Column::words("", lines.iter().map(|_| currency)),
            Column::figures("AT THE HOLD", lines.iter().map(|(_, sum)| share(sum))),
        ])
    }

    pub(super) fn json(&self, currency: &str) -> Value {
        let one = |sum: &Sum| {
            json!({
                "calls": sum.calls,
                "cost": sum.cost,
                "settled_at_hold": sum.estimated,
                "settled_at_hold_share": sum.estimated_share(),
            })
        };
        let line = |(key, sum): &(&str, Sum)| {
            let mut line = one(sum);
            line[self.dimension.heading().to_lowercase()] = json!(key);
            line
        };
        json!({
            "currency": currency,
            "lines": self.sorted().iter().map(line).collect::<Vec<_>>(),
            "total": one(&self.total),
        })
    }
}

#[cfg(test)]
mod tests;
