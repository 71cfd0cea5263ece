//! The services of the policy, as a request looks them up.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use wire::facts::{Inject, PolicyFacts, RouteFacts, ServiceFacts};
use wire::ids::{CredentialName, PolicyVersion};
use wire::tariff::{Charge, PriceList};
use wire::units::Millis;

use crate::credential::Slot;
use crate::lease::Lease;
use crate::leases::Leases;
use crate::money::fare::{Fare, PriceLists};
use crate::price::PriceIndex;
use crate::request::KEY_HEADERS;

/// How settlements name the calls that no route names.
const UNLISTED: &str = "unlisted";

/// A service, with the leases that bind all calls to it and the credential that it wants.
#[derive(Debug)]
pub struct Service {
    /// What policy says.
    pub facts: ServiceFacts,
    /// Limits on all calls to it.
    pub leases: Vec<Rc<Lease>>,
    /// Its credential.
    pub credential: Slot,
    /// What calls of each route cost, in the order of the routes; `None` is nothing.
    fares: Vec<Option<Rc<Fare>>>,
    /// What a call costs that no route names; without one it is refused.
    unlisted: Option<Option<Rc<Fare>>>,
}

impl Service {
    fn new(facts: ServiceFacts, lists: &PriceLists, leases: &mut Leases, now: Millis) -> Self {
        let fare = |route: String, charge: &Charge| match charge {
            Charge::Free => None,
            Charge::Priced(tariff) => {
                let (name, tariff) = (facts.name.clone(), Arc::clone(tariff));
                Some(Rc::new(Fare::new(name, route.into(), tariff, lists)))
            }
        };
        let of_route = |route: &RouteFacts| fare(route.pattern.to_string(), &route.charge);
        Self {
            leases: facts.limits.iter().map(|limit| leases.of(limit, now)).collect(),
            credential: Slot::default(),
            fares: facts.routes.iter().map(of_route).collect(),
            unlisted: facts.unlisted.as_ref().map(|charge| fare(UNLISTED.to_owned(), charge)),
            facts,
        }
    }

    /// What a call costs of the route at this place, or of none: `None` refuses it, `Some(None)` is free.
    #[must_use]
    pub fn fare(&self, route: Option<usize>) -> Option<Option<&Rc<Fare>>> {
        match route {
            Some(route) => self.fares.get(route).map(Option::as_ref),
            None => self.unlisted.as_ref().map(Option::as_ref),
        }
    }

    /// The header in which this service's own clients send their key, if no other service's do.
    #[must_use]
    pub fn own_key_header(&self) -> Option<&str> {
        match &self.facts.inject {
            Inject::Header { name, .. } if !KEY_HEADERS.contains(&name.as_ref()) => Some(name),
            _ => None,
        }
    }

    /// The host that its upstream is told, where the client named none of the service's.
    #[must_use]
    pub fn first_host(&self) -> &str {
        self.facts.hosts.first().map_or("", |host| host.as_ref())
    }

    /// The service's own spelling of an authority that names it.
    #[must_use]
    pub fn host_for(&self, authority: &[u8]) -> &str {
        let spelled = |host: &&Arc<str>| same_host(host.as_bytes(), authority);
        self.facts.hosts.iter().find(spelled).map_or(self.first_host(), |host| host.as_ref())
    }
}

/// Whether an authority means a host of the policy: case does not count, nor does a port that the
/// policy does not write.
fn same_host(host: &[u8], authority: &[u8]) -> bool {
    host.eq_ignore_ascii_case(authority)
        || without_port(authority).is_some_and(|bare| host.eq_ignore_ascii_case(bare))
}

fn without_port(authority: &[u8]) -> Option<&[u8]> {
    let colon = authority.iter().rposition(|byte| *byte == b':')?;
    let (host, port) = authority.split_at_checked(colon)?;
    let digits = port.strip_prefix(b":")?;
    digits.iter().all(u8::is_ascii_digit).then_some(host)
}

/// A policy, ready to be asked.
#[derive(Debug)]
pub struct Policy {
    /// Which one it is.
    pub version: PolicyVersion,
    /// The currency of all money.
    pub currency: Arc<str>,
    services: Vec<Rc<Service>>,
    by_name: HashMap<Box<[u8]>, Rc<Service>>,
    by_host: HashMap<Box<[u8]>, Rc<Service>>,
}

impl Policy {
    /// Makes the lookups. A host that two services share selects neither.
    #[must_use]
    pub fn new(facts: PolicyFacts, leases: &mut Leases, now: Millis) -> Self {
        let index = |list: &PriceList| (list.name.clone(), Rc::new(PriceIndex::new(list)));
        let lists: PriceLists = facts.price_lists.iter().map(index).collect();
        let services: Vec<_> = facts
            .services
            .into_iter()
            .map(|facts| Rc::new(Service::new(facts, &lists, leases, now)))
            .collect();
        let mut by_host: HashMap<Box<[u8]>, Option<Rc<Service>>> = HashMap::new();
        for service in &services {
            for host in &service.facts.hosts {
                by_host
                    .entry(host.to_ascii_lowercase().into_bytes().into())
                    .and_modify(|shared| *shared = None)
                    .or_insert_with(|| Some(Rc::clone(service)));
            }
        }
        let name = |service: &Rc<Service>| service.facts.name.as_str().as_bytes().into();
        Self {
            version: facts.version,
            currency: facts.currency,
            by_name: services.iter().map(|one| (name(one), Rc::clone(one))).collect(),
            by_host: by_host.into_iter().filter_map(|(host, one)| Some((host, one?))).collect(),
            services,
        }
    }

    /// The service of this name.
    #[must_use]
    pub fn by_name(&self, name: &[u8]) -> Option<Rc<Service>> {
        self.by_name.get(name).cloned()
    }

    /// The service that an authority names.
    #[must_use]
    pub fn by_authority(&self, authority: &[u8]) -> Option<Rc<Service>> {
        if let Some(service) = self.by_host.get(authority) {
            return Some(Rc::clone(service));
        }
        let lower = authority.to_ascii_lowercase();
        let bare = without_port(&lower).unwrap_or_default();
        self.by_host.get(lower.as_slice()).or_else(|| self.by_host.get(bare)).cloned()
    }

    /// All services.
    #[must_use]
    pub fn services(&self) -> &[Rc<Service>] {
        &self.services
    }

    /// The services that want a credential.
    pub fn wanting<'a>(
        &'a self,
        credential: &'a CredentialName,
    ) -> impl Iterator<Item = &'a Rc<Service>> {
        self.services.iter().filter(move |service| service.facts.credential == *credential)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn two_services() -> Policy {
        let facts = serde_json::from_str(
            r#"{"version": "1", "organization": "acme", "services": [
                {"name": "openai", "hosts": ["api.openai.com"], "credential": "openai-prod",
                 "inject": {"as": "bearer"}, "routes": [{"match": "GET /v1/**", "charge": "free"}], "limits": []},
                {"name": "maps", "hosts": ["maps.example", "shared.example"], "credential": "maps",
                 "inject": {"as": "query", "name": "key"}, "routes": [{"match": "GET /**", "charge": "free"}], "limits": []},
                {"name": "places", "hosts": ["shared.example"], "credential": "maps",
                 "inject": {"as": "header", "name": "x-places-key"}, "routes": [{"match": "GET /**", "charge": "free"}], "limits": []}
            ]}"#,
        );
        Policy::new(facts.unwrap(), &mut Leases::default(), Millis::ZERO)
    }

    #[test]
    fn a_shared_host_selects_nobody() {
        let policy = two_services();
        assert!(policy.by_authority(b"maps.example").is_some());
        assert!(policy.by_authority(b"shared.example").is_none());
        assert_eq!(policy.by_name(b"places").unwrap().own_key_header(), Some("x-places-key"));
    }

    #[test]
    fn the_upstream_hears_the_policys_spelling_of_its_host() {
        let maps = two_services().by_name(b"maps").unwrap();
        assert_eq!(maps.host_for(b"SHARED.example:80"), "shared.example");
        assert_eq!(maps.host_for(b"gate.local"), "maps.example");
    }
}
