//! What the plugin is told: all services, and one client at a time.

use wire::facts::{ClientFacts, PolicyFacts};
use wire::ids::ClientName;
use wire::units::UnixMillis;

use super::Policy;

impl Policy {
    /// The part of the policy that every plugin holds.
    #[must_use]
    pub fn plugin_facts(&self) -> PolicyFacts {
        PolicyFacts {
            version: self.version.clone(),
            organization: self.organization.name.clone(),
            currency: "".into(),
            services: self.services.iter().map(|service| service.facts.clone()).collect(),
            price_lists: Vec::new(),
        }
    }

    /// What a plugin is told of one client. Of one that has expired, that it ends now.
    #[must_use]
    pub fn client_facts(&self, name: &ClientName, now: UnixMillis) -> Option<ClientFacts> {
        let client = self.clients.get(name)?;
        Some(ClientFacts {
            name: client.name.clone(),
            owner: client.owner.as_ref().to_owned(),
            expires_ms: self.client_expires(name).map(|end| end.since(now)),
            budget: None,
            limits: client.limits.clone(),
            uses: client.uses.clone(),
        })
    }
}
