//! What the money desk and the alerts count.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use wire::budget::Basis;

/// Sizes of groups: powers of two up to the largest.
const GROUPS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
/// Seconds: from a fast disk's flush to one that hangs.
const SECONDS: [f64; 12] =
    [0.0001, 0.0003, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.25, 1.0, 4.0];

/// The money desk. Clones count together.
#[derive(Clone)]
pub struct MoneyMetrics {
    /// Transactions that the store did not take.
    pub commit_failures: Counter,
    /// 1 while the store is read and written.
    pub store_up: Gauge,
    groups: Histogram,
    commits: Histogram,
    settled: Family<BasisLabels, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct BasisLabels {
    basis: &'static str,
}

impl Default for MoneyMetrics {
    fn default() -> Self {
        Self {
            commit_failures: Counter::default(),
            store_up: Gauge::default(),
            groups: Histogram::new(GROUPS),
            commits: Histogram::new(SECONDS),
            settled: Family::default(),
        }
    }
}

impl MoneyMetrics {
    /// Notes how many commands came together.
    pub fn observe_group(&self, commands: usize) {
        self.groups.observe(f64::from(u32::try_from(commands).unwrap_or(u32::MAX)));
    }

    /// Notes how long a transaction took.
    pub fn observe_commit(&self, took: Duration) {
        self.commits.observe(took.as_secs_f64());
    }

    /// Counts calls that were settled.
    pub fn count_settled(&self, basis: Basis, calls: u64) {
        self.settled.get_or_create(&BasisLabels { basis: basis.as_str() }).inc_by(calls);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "money_commit_failures",
            "Transactions that the ledger's store did not take",
            self.commit_failures.clone(),
        );
        registry.register(
            "money_store_up",
            "1 while the ledger's store is read and written; at 0 no money is lent",
            self.store_up.clone(),
        );
        registry.register(
            "money_group_size",
            "Commands that were booked in one transaction",
            self.groups.clone(),
        );
        registry.register_with_unit(
            "money_commit",
            "How long the ledger's transactions took",
            Unit::Seconds,
            self.commits.clone(),
        );
        registry.register(
            "settled_calls",
            "Calls that were settled, by what their cost rests on",
            self.settled.clone(),
        );
    }
}

/// The alerts. Clones count together.
#[derive(Clone, Default)]
pub struct AlertMetrics {
    /// Thresholds that were reached.
    pub raised: Counter,
    deliveries: Family<DeliveryLabels, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DeliveryLabels {
    result: Delivery,
}

/// What came of an attempt to send an alert.
#[derive(Clone, Copy, Debug, EncodeLabelValue, Eq, Hash, PartialEq)]
pub enum Delivery {
    /// The receiver has it.
    Delivered,
    /// It is tried again.
    Failed,
    /// It was tried for too long.
    GivenUp,
}

impl AlertMetrics {
    /// Counts an attempt.
    pub fn count_delivery(&self, result: Delivery) {
        self.deliveries.get_or_create(&DeliveryLabels { result }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "alerts_raised",
            "Thresholds of budgets that were reached",
            self.raised.clone(),
        );
        registry.register(
            "alert_deliveries",
            "Attempts to send an alert to the webhook, by result",
            self.deliveries.clone(),
        );
    }
}
