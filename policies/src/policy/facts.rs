//! What the plugin is told: all services with the prices that they use, and one client at a time.

use std::collections::BTreeSet;

use wire::facts::{ClientFacts, PolicyFacts};
use wire::ids::{ClientName, PriceListName};
use wire::tariff::{Charge, PriceList};
use wire::units::UnixMillis;

use super::Policy;

impl Policy {
    /// The part of the policy that every plugin holds.
    #[must_use]
    pub fn plugin_facts(&self) -> PolicyFacts {
        PolicyFacts {
            version: self.version.clone(),
            organization: self.organization.name.clone(),
            currency: self.organization.currency.clone(),
            services: self.services.iter().map(|service| service.facts.clone()).collect(),
            price_lists: self.lists_in_use(),
        }
    }

    /// The price lists that routes name, by name.
    fn lists_in_use(&self) -> Vec<PriceList> {
        let routes = self.services.iter().flat_map(|service| &service.facts.routes);
        let names: BTreeSet<&PriceListName> = routes
            .filter_map(|route| match &route.charge {
                Charge::Free => None,
                Charge::Priced(tariff) => tariff.prices.as_ref(),
            })
            .collect();
        names.into_iter().filter_map(|name| Some(self.prices.get(name)?.list.clone())).collect()
    }

    /// What a plugin is told of one client. Of one that has expired, that it ends now.
    #[must_use]
    pub fn client_facts(&self, name: &ClientName, now: UnixMillis) -> Option<ClientFacts> {
        let client = self.clients.get(name)?;
        Some(ClientFacts {
            name: client.name.clone(),
            owner: client.owner.as_ref().to_owned(),
            expires_ms: self.client_expires(name).map(|end| end.since(now)),
            budget: client.budget.clone(),
            limits: client.limits.clone(),
            uses: client.uses.clone(),
        })
    }
}
