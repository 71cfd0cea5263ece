//! What the plugin is told: the services of the policy, and the clients and credentials it asked for.
//!
//! Facts are good for as long as the answer that brought them says. A plugin holds all services and
//! only the clients that call through it.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{BudgetName, ClientName, CredentialName, PolicyVersion, ServiceName};
use crate::limit::{LimitKey, LimitRule, Mode};
use crate::route::RoutePattern;
use crate::secret::Secret;
use crate::tariff::{Charge, PriceList};
use crate::units::Millis;

/// The part of a policy that every plugin holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PolicyFacts {
    /// Which policy this is.
    pub version: PolicyVersion,
    /// The organization's name, for refusals.
    pub organization: Arc<str>,
    /// The currency of all money, as ISO 4217 has it; empty if policy knows no money.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub currency: Arc<str>,
    /// Every service.
    pub services: Vec<ServiceFacts>,
    /// The price lists that routes use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub price_lists: Vec<PriceList>,
}

/// An upstream API.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ServiceFacts {
    /// Its name: the first path segment that selects it, and the value of the mark.
    pub name: ServiceName,
    /// Its hosts. A request for one of them selects the service, unless two services share it; the
    /// first is what the upstream is told, where the service was selected by path.
    pub hosts: Vec<Arc<str>>,
    /// Which credential it wants.
    pub credential: CredentialName,
    /// How the credential is put on.
    pub inject: Inject,
    /// What may be called, in order; the first that matches wins.
    pub routes: Vec<RouteFacts>,
    /// What a call costs that no route names; `None` refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Charge>,
    /// Limits on all calls to it.
    pub limits: Vec<LimitFacts>,
}

/// What may be called, and what it costs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RouteFacts {
    /// Which requests it is for.
    #[serde(rename = "match")]
    pub pattern: RoutePattern,
    /// What they cost. Never left out: what has no price is not free.
    pub charge: Charge,
}

impl From<RoutePattern> for RouteFacts {
    /// A route that is free.
    fn from(pattern: RoutePattern) -> Self {
        Self { pattern, charge: Charge::Free }
    }
}

/// How a credential is put on a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "as", rename_all = "lowercase", deny_unknown_fields)]
pub enum Inject {
    /// `authorization: Bearer SECRET`.
    Bearer,
    /// `authorization: Basic base64(SECRET)`; the secret is `user:password`.
    Basic,
    /// A header of the service's own.
    Header {
        /// Its name, in lower case.
        name: Arc<str>,
        /// What stands before the secret, with its space.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<Arc<str>>,
    },
    /// A query parameter.
    Query {
        /// Its name.
        name: Arc<str>,
    },
}

/// A limit as the filter needs it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LimitFacts {
    /// Its name in the ledger.
    pub key: LimitKey,
    /// What it allows, for the refusal.
    pub rule: LimitRule,
    /// Whether it refuses.
    #[serde(default)]
    pub mode: Mode,
}

/// A calling program.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ClientFacts {
    /// Its name.
    pub name: ClientName,
    /// Whom to ask about it.
    pub owner: String,
    /// When it ends, from now; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<Millis>,
    /// What its calls are charged to; `None` if it may use nothing that costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetName>,
    /// Limits on all its calls.
    pub limits: Vec<LimitFacts>,
    /// What it may use.
    pub uses: Vec<UseFacts>,
}

/// What one client may do with one service.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct UseFacts {
    /// The service.
    pub service: ServiceName,
    /// Which of the service's routes, as places in [`ServiceFacts::routes`]; `None` is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<usize>>,
    /// Which models; `None` is all that the price list has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<Arc<str>>>,
    /// Limits on this client's calls to this service.
    pub limits: Vec<LimitFacts>,
}

/// A credential, released for a short time.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CredentialFacts {
    /// Counts the credential's secrets, from 1.
    pub version: u32,
    /// The secret itself, fit for a header: 0x20 to 0x7E, trimmed.
    pub secret: Secret,
    /// The hosts it is sealed to. A service with another host does not get it.
    pub hosts: Vec<Arc<str>>,
    /// How long the plugin may keep it.
    pub ttl_ms: Millis,
}
