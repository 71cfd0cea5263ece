//! A checked policy, and what the sidecar asks of it.
//!
//! Invariant: every name that a part refers to exists, every limit has its own key, every client
//! key has one client, no budget lies in itself, and who may use what costs has a budget. It is never changed; a new policy is a new value with a new version.

mod budget;
mod calendar;
mod facts;
mod hold;
mod version;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use wire::facts::{LimitFacts, ServiceFacts, UseFacts};
use wire::ids::{BudgetName, ClientKeyDigest, ClientName, PolicyVersion, PriceListName};
use wire::limit::{LimitKey, LimitRule};
use wire::tariff::PriceList;

pub use budget::{Budget, BudgetPeriod, BudgetPlan, Every, Span};
pub(crate) use version::version;

use crate::bounds::PLUGIN_BYTES_MAX;
use crate::error::{Code, Problem, Report};
use crate::validate::Parts;

/// A policy without a mistake.
#[derive(Clone, Debug)]
pub struct Policy {
    version: PolicyVersion,
    organization: Organization,
    prices: BTreeMap<PriceListName, Prices>,
    budgets: BTreeMap<BudgetName, Budget>,
    services: Vec<Service>,
    clients: BTreeMap<ClientName, Client>,
    known_by: HashMap<ClientKeyDigest, ClientName>,
}

/// Whose policy it is, and the calendar that it lives by.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Organization {
    /// Its name, for refusals.
    pub name: Arc<str>,
    /// The code of its currency, as in `USD`.
    pub currency: Arc<str>,
    /// Its days begin at midnight here.
    pub time_zone: TimeZone,
    /// The first day of its weeks.
    pub week_starts: Weekday,
    /// The first day of its fiscal year.
    pub fiscal_year_starts: MonthDay,
}

/// A day of every year.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MonthDay {
    /// From 1 to 12.
    pub month: i8,
    /// From 1 to what the month has in every year.
    pub day: i8,
}

/// An upstream API.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Service {
    /// What it is for.
    pub purpose: Option<Arc<str>>,
    /// Envoy's cluster for it.
    pub cluster: Arc<str>,
    /// What the plugin is told of it, its name first.
    pub facts: ServiceFacts,
}

/// A price list, and where it is from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prices {
    /// Where the prices were found.
    pub source: Arc<str>,
    /// The day from which they hold, for people: a route uses the list that it names, on any day.
    pub effective_from: Option<Date>,
    /// The prices.
    pub list: PriceList,
}

/// A calling program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Client {
    /// Its name.
    pub name: ClientName,
    /// Whom to ask about it.
    pub owner: Arc<str>,
    /// What it is for.
    pub purpose: Option<Arc<str>>,
    /// Its last day: it works through the whole of it, in the organization's zone.
    pub expires: Option<Date>,
    /// The keys that the policy lists; the key directory may know others.
    pub known_by: Vec<ClientKeyDigest>,
    /// What pays for its calls; `None` if all that it may use is free.
    pub budget: Option<BudgetName>,
    /// What it may use.
    pub uses: Vec<UseFacts>,
    /// Limits on all its calls.
    pub limits: Vec<LimitFacts>,
}

impl Policy {
    /// Which policy this is: it changes with every change of a file.
    #[must_use]
    pub const fn version(&self) -> &PolicyVersion {
        &self.version
    }

    /// Whose policy it is.
    #[must_use]
    pub const fn organization(&self) -> &Organization {
        &self.organization
    }

    /// All services, in the order of the files.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The price list of that name, whether or not a route uses it.
    #[must_use]
    pub fn prices(&self, name: &PriceListName) -> Option<&Prices> {
        self.prices.get(name)
    }

    /// The budget of that name.
    #[must_use]
    pub fn budget(&self, name: &BudgetName) -> Option<&Budget> {
        self.budgets.get(name)
    }

    /// All clients, by name.
    pub fn clients(&self) -> impl ExactSizeIterator<Item = &Client> {
        self.clients.values()
    }

    /// The client of that name.
    #[must_use]
    pub fn client(&self, name: &ClientName) -> Option<&Client> {
        self.clients.get(name)
    }

    /// The client that the policy itself knows by this key.
    #[must_use]
    pub fn client_of(&self, digest: &ClientKeyDigest) -> Option<&ClientName> {
        self.known_by.get(digest)
    }

    /// Every limit: on services, on clients, and on what a client may use.
    pub fn limits(&self) -> impl Iterator<Item = (LimitKey, LimitRule)> {
        let of_services = self.services.iter().flat_map(|service| &service.facts.limits);
        let of_clients = self.clients.values().flat_map(|client| {
            let of_uses = client.uses.iter().flat_map(|one| &one.limits);
            client.limits.iter().chain(of_uses)
        });
        of_services.chain(of_clients).map(|limit| (limit.key.clone(), limit.rule))
    }
}

/// Puts the parts together, if nothing is wrong with any of them.
pub(crate) fn compile(
    parts: Parts,
    version: Option<PolicyVersion>,
    report: &mut Report<'_>,
) -> Option<Policy> {
    if !report.is_clean() {
        return None;
    }
    let clients = parts.clients.into_iter();
    let policy = Policy {
        version: version?,
        organization: parts.organization?,
        prices: parts.prices,
        budgets: parts.budgets,
        services: parts.services,
        clients: clients.map(|client| (client.name.clone(), client)).collect(),
        known_by: parts.known_by,
    };
    check_size(&policy, report);
    report.is_clean().then_some(policy)
}

/// The plugin must be able to hold all services and prices: a policy that it cannot read would close the gate.
fn check_size(policy: &Policy, report: &mut Report<'_>) {
    let bytes = serde_json::to_vec(&policy.plugin_facts()).map_or(usize::MAX, |text| text.len());
    if bytes > PLUGIN_BYTES_MAX {
        let message = format!(
            "the services and their prices take {bytes} bytes in the filter, which is too much"
        );
        report.push(
            Problem::nowhere(Code::TooLarge, message)
                .expected(format!(
                    "services and price lists of at most {PLUGIN_BYTES_MAX} bytes in all"
                ))
                .remedy(
                    "say it with fewer routes, where * and ** stand for many, or with fewer models",
                ),
        );
    }
}
