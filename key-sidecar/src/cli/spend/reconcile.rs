//! `spend reconcile`: the ledger beside an invoice, by service and model.
//!
//! Where an invoice names no models for a service, the service is compared as a whole. Drift is ledger
//! less invoice; beside it stands what could explain it: the share settled at the hold, and calls of
//! which no model is known. Pure; `invoice` reads the file.

pub(super) mod command;
mod invoice;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use wire::money;

use self::invoice::InvoiceRow;
use super::amount::{Money, percent};
use super::charge::{Charge, Spent};
use super::show::Sum;
use super::table::{Column, table};

/// How much drift is nothing to look at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tolerance {
    /// An amount.
    Amount(Money),
    /// Of the invoice, in millionths of a percent.
    Percent(u64),
}

impl Tolerance {
    /// Reads one, for the command line: `0.5%` or `2.00`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let expected = |_| {
            format!("{text:?} is no tolerance: write a share, as in 0.5%, or an amount, as in 2.00")
        };
        match text.strip_suffix('%') {
            Some(share) => money::decimal(share, 6)
                .and_then(|share| u64::try_from(share).map_err(|_| money::MoneyError::TooLarge))
                .map(Self::Percent)
                .map_err(expected),
            None => money::Nanos::parse(text).map(Money::from).map(Self::Amount).map_err(expected),
        }
    }

    fn allows(self, drift: Money, invoice: Money) -> bool {
        /// Millionths of a percent in the whole.
        const WHOLE: u128 = 100_000_000;
        match self {
            Self::Amount(most) => drift.magnitude() <= most.magnitude(),
            Self::Percent(share) => {
                let most = invoice.magnitude().saturating_mul(share.into());
                drift.magnitude().saturating_mul(WHOLE) <= most
            }
        }
    }
}

/// Service and model.
type Key = (String, Option<String>);

/// What the ledger has, by service and model.
#[derive(Debug, Default)]
pub(super) struct Metered {
    lines: BTreeMap<Key, Sum>,
    presumed: Money,
    corrected: Money,
}

impl Metered {
    /// `canonical` gives a model the name that price lists have for it.
    pub(super) fn add(&mut self, charge: &Charge<'_>, canonical: impl Fn(&Arc<str>) -> Arc<str>) {
        match charge.what {
            Spent::Call(call) => {
                let model = call.model.as_ref().map(|model| canonical(model).to_string());
                self.lines.entry((call.service.to_string(), model)).or_default().add(charge);
            }
            Spent::Presumed(amount) => self.presumed = self.presumed + amount,
            Spent::Corrected { amount, .. } => self.corrected = self.corrected + amount,
        }
    }
}

/// A line of the comparison.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Compared {
    service: String,
    /// `None` is all models.
    model: Option<String>,
    ledger: Sum,
    invoice: Money,
    /// Calls of the service of which no model is known.
    without_model: u64,
    allowed: bool,
}

impl Compared {
    fn drift(&self) -> Money {
        self.ledger.cost - self.invoice
    }

    fn drift_share(&self) -> Option<String> {
        percent(self.drift().0, self.invoice.0)
    }
}

/// Ledger and invoice, side by side.
#[derive(Debug)]
pub(super) struct Comparison {
    lines: Vec<Compared>,
    total: Compared,
    presumed: Money,
    corrected: Money,
}

impl Comparison {
    fn new(metered: &Metered, invoice: &[InvoiceRow], tolerance: Tolerance) -> Self {
        let with_models: BTreeSet<&str> = invoice
            .iter()
            .filter(|row| row.model.is_some())
            .map(|row| row.service.as_str())
            .collect();
        let key = |service: &str, model: Option<&String>| {
            let model = model.filter(|_| with_models.contains(service)).cloned();
            (service.to_owned(), model)
        };
        let mut lines: BTreeMap<Key, (Sum, Money, u64)> = BTreeMap::new();
        for ((service, model), sum) in &metered.lines {
            let line = lines.entry(key(service, model.as_ref())).or_default();
            line.0 = line.0.plus(*sum);
            if model.is_none() {
                line.2 = line.2.saturating_add(sum.calls);
            }
        }
        for row in invoice {
            let line = lines.entry(key(&row.service, row.model.as_ref())).or_default();
            line.1 = line.1 + row.amount;
        }
        let total = lines.values().fold((Sum::default(), Money::ZERO, 0_u64), |all, one| {
            (all.0.plus(one.0), all.1 + one.1, all.2.saturating_add(one.2))
        });
        let compare = |(service, model): Key,
                       (ledger, invoice, without_model): (Sum, Money, u64)| {
            let allowed = tolerance.allows(ledger.cost - invoice, invoice);
            Compared { service, model, ledger, invoice, without_model, allowed }
        };
        Self {
            lines: lines.into_iter().map(|(key, line)| compare(key, line)).collect(),
            total: compare(("TOTAL".to_owned(), None), total),
            presumed: metered.presumed,
            corrected: metered.corrected,
        }
    }

    /// Whether no line drifts more than is allowed.
    pub(super) fn agrees(&self) -> bool {
        self.lines.iter().all(|line| line.allowed)
    }

    pub(super) fn table(&self, currency: &str) -> String {
        let lines = || self.lines.iter().chain([&self.total]);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let above = |line: &Compared| if line.allowed { "" } else { "above the tolerance" };
        let text = table(vec![
            Column::words("SERVICE", lines().map(|line| line.service.clone())),
            Column::words("MODEL", lines().map(|line| or_dash(line.model.clone()))),
            Column::figures("CALLS", lines().map(|line| line.ledger.calls.to_string())),
            Column::money("LEDGER", lines().map(|line| Some(line.ledger.cost)), ""),
            Column::money("INVOICE", lines().map(|line| Some(line.invoice)), ""),
            Column::money("DRIFT", lines().map(|line| Some(line.drift())), ""),
            Column::words("", lines().map(|_| currency)),
            Column::figures("DRIFT %", lines().map(|line| or_dash(line.drift_share()))),
            Column::figures(
                "AT THE HOLD",
                lines().map(|line| or_dash(line.ledger.estimated_share())),
            ),
            Column::figures("NO MODEL", lines().map(|line| line.without_model.to_string())),
            Column::words("", self.lines.iter().map(above).chain([""])),
        ]);
        match (self.presumed, self.corrected) {
            (Money::ZERO, Money::ZERO) => text,
            (presumed, corrected) => format!(
                "{text}\nof no service, and not compared: presumed spend {presumed} {currency}, \
                 corrections {corrected} {currency}"
            ),
        }
    }

    pub(super) fn json(&self, currency: &str, period: &str) -> Value {
        let one = |line: &Compared| {
            json!({
                "service": line.service,
                "model": line.model,
                "calls": line.ledger.calls,
                "ledger": line.ledger.cost,
                "invoice": line.invoice,
                "drift": line.drift(),
                "drift_share": line.drift_share(),
                "settled_at_hold": line.ledger.estimated,
                "settled_at_hold_share": line.ledger.estimated_share(),
                "calls_without_model": line.without_model,
                "above_tolerance": !line.allowed,
            })
        };
        json!({
            "currency": currency,
            "period": period,
            "agrees": self.agrees(),
            "lines": self.lines.iter().map(one).collect::<Vec<_>>(),
            "total": one(&self.total),
            "presumed": self.presumed,
            "corrected": self.corrected,
        })
    }
}

#[cfg(test)]
mod tests;
