//! The sidecar's statistics, in the OpenMetrics form.
//!
//! A fixed set, and no name of a client in any of it: the number of series does not grow with use. Of
//! budgets the first some hundred are shown. Neighbours: [`budgets`] the balances, `money` the desk
//! and the alerts.

pub mod budgets;
mod money;

use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use wire::sync::Release;

pub use self::money::{AlertMetrics, Delivery, MoneyMetrics};
use crate::clock::Clock;
use crate::service::figures::Figures;

/// All of them.
pub struct Metrics {
    registry: Registry,
    /// Syncs answered or refused.
    pub syncs: Counter,
    /// Policies that were loaded.
    pub policy_loads: Counter,
    /// Policies that did not check and were not loaded.
    pub policy_rejections: Counter,
    /// 1 while the files on disk are not what is in force.
    pub policy_stale: Gauge,
    /// The money desk.
    pub money: MoneyMetrics,
    /// The alerts.
    pub alerts: AlertMetrics,
    releases: Family<ReleaseLabels, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ReleaseLabels {
    result: ReleaseResult,
}

#[derive(Clone, Copy, Debug, EncodeLabelValue, Eq, Hash, PartialEq)]
enum ReleaseResult {
    Missing,
    Refused,
    Released,
    Unavailable,
}

impl Metrics {
    /// All at zero, with the balances that `figures` shows.
    #[must_use]
    pub fn new(figures: Arc<Figures>, clock: Clock) -> Self {
        let mut registry = Registry::with_prefix("tollkeeper_sidecar");
        let metrics = Self {
            syncs: Counter::default(),
            policy_loads: Counter::default(),
            policy_rejections: Counter::default(),
            policy_stale: Gauge::default(),
            money: MoneyMetrics::default(),
            alerts: AlertMetrics::default(),
            releases: Family::default(),
            registry: Registry::default(),
        };
        registry.register("syncs", "Syncs of plugins", metrics.syncs.clone());
        registry.register(
            "policy_loads",
            "Policies taken into force",
            metrics.policy_loads.clone(),
        );
        registry.register(
            "policy_rejections",
            "Policies that did not check; the last good one stayed in force",
            metrics.policy_rejections.clone(),
        );
        registry.register(
            "policy_stale",
            "1 while the policy on disk is not the one in force",
            metrics.policy_stale.clone(),
        );
        registry.register(
            "credential_releases",
            "Wishes for a credential, by result",
            metrics.releases.clone(),
        );
        metrics.money.register(&mut registry);
        metrics.alerts.register(&mut registry);
        registry.register_collector(Box::new(budgets::Budgets::new(figures, clock)));
        Self { registry, ..metrics }
    }

    /// Counts what became of a wish for a credential.
    pub fn count_release(&self, release: &Release) {
        let result = match release {
            Release::Missing => ReleaseResult::Missing,
            Release::Refused => ReleaseResult::Refused,
            Release::Released(_) => ReleaseResult::Released,
            Release::Unavailable => ReleaseResult::Unavailable,
        };
        self.releases.get_or_create(&ReleaseLabels { result }).inc();
    }

    /// The page that a scraper reads.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut page, &self.registry);
        page
    }
}
