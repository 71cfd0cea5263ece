//! The balances of the present periods, read when somebody scrapes.
//!
//! In nano-units of the policy's currency, as integers: what the ledger has. A gauge of a past period
//! is not shown, so a new period begins with its own figures.

use std::fmt;
use std::sync::Arc;

use ledger::money::record::Account;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use wire::money::Nanos;

use crate::alerts::rule::spent;
use crate::clock::Clock;
use crate::service::figures::Figures;

/// The most budgets that are shown, the first by name; each is four series.
const SHOWN_MAX: usize = 250;

/// Reads the balances.
#[derive(Debug)]
pub struct Budgets {
    figures: Arc<Figures>,
    clock: Clock,
}

impl Budgets {
    /// Of what `figures` shows at the time that `clock` tells.
    #[must_use]
    pub const fn new(figures: Arc<Figures>, clock: Clock) -> Self {
        Self { figures, clock }
    }
}

type Figure = fn(&Account) -> Option<Nanos>;

const GAUGES: [(&str, &str, Figure); 4] = [
    (
        "budget_spent_nanos",
        "Settled and corrected in the present period, in 1e-9 of the currency",
        |account| Some(spent(account)),
    ),
    ("budget_reserved_nanos", "Lent to filters at present, in 1e-9 of the currency", |account| {
        Some(account.reserved)
    }),
    (
        "budget_presumed_nanos",
        "Presumed spent by filters that fell silent, in 1e-9 of the currency",
        |account| Some(account.presumed),
    ),
    (
        "budget_cap_nanos",
        "The cap of the present period, in 1e-9 of the currency; unlimited budgets have none",
        |account| account.cap,
    ),
];

impl Collector for Budgets {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let accounts = self.figures.present(self.clock.wall());
        for (name, help, figure) in GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for account in accounts.iter().take(SHOWN_MAX) {
                let Some(nanos) = figure(account) else { continue };
                let labels = [("budget", account.budget.as_str())];
                let nanos = i64::try_from(nanos.0).unwrap_or(i64::MAX);
                ConstGauge::new(nanos).encode(family.encode_family(&labels)?)?;
            }
        }
        let hidden = accounts.len().saturating_sub(SHOWN_MAX);
        let help = "Budgets that are not shown here because there are too many";
        let hidden = ConstGauge::new(i64::try_from(hidden).unwrap_or(i64::MAX));
        hidden.encode(encoder.encode_descriptor("budgets_hidden", help, None, MetricType::Gauge)?)
    }
}
