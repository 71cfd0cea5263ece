//! What is limited, how, and under which name the ledger, the filter and a refusal know it.

use alloc::format;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientName, ServiceName};
use crate::units::Millis;

/// What a limit stands on.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LimitScope {
    /// All calls of one client.
    Client(ClientName),
    /// All calls to one service, by whomever.
    Service(ServiceName),
    /// One client's calls to one service.
    Use(ClientName, ServiceName),
}

/// The time in which an amount is given out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// A second, as a token bucket.
    Second,
    /// A minute, as a token bucket.
    Minute,
    /// An hour, as a token bucket.
    Hour,
    /// A day of the calendar, in the organization's time zone.
    Day,
}

impl Per {
    /// The word of the policy language.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// How long it is. A day is 24 hours here; the calendar's own boundaries are the sidecar's matter.
    #[must_use]
    pub const fn duration(self) -> Millis {
        Millis(match self {
            Self::Second => 1_000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        })
    }
}

/// What is held to what.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitRule {
    /// So many requests in so much time.
    Requests {
        /// Requests in each `per`; at least 1.
        amount: u64,
        /// The time.
        per: Per,
        /// The most at once, where the time is a token bucket; at least 1. Not used for a day.
        burst: u64,
    },
    /// So many requests at the same moment.
    Concurrent {
        /// Requests at a time; at least 1.
        places: u64,
    },
}

impl fmt::Display for LimitRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests { amount, per, .. } => {
                write!(out, "{amount} requests per {}", per.as_str())
            }
            Self::Concurrent { places } => write!(out, "{places} concurrent requests"),
        }
    }
}

/// The name of a limit: `client/checkout-api/requests-per-second`. The amount is no part of it, so that
/// changing the amount does not forget what was used.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct LimitKey(Arc<str>);

impl LimitKey {
    /// The name of the limit that sets `rule` on `scope`.
    #[must_use]
    pub fn new(scope: &LimitScope, rule: &LimitRule) -> Self {
        let what = match rule {
            LimitRule::Requests { per, .. } => format!("requests-per-{}", per.as_str()),
            LimitRule::Concurrent { .. } => "concurrent".into(),
        };
        Self(
            match scope {
                LimitScope::Client(client) => format!("client/{client}/{what}"),
                LimitScope::Service(service) => format!("service/{service}/{what}"),
                LimitScope::Use(client, service) => format!("client/{client}/{service}/{what}"),
            }
            .into(),
        )
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Whether a limit refuses or only watches.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What is over is refused.
    #[default]
    Enforce,
    /// What is over is counted and passes.
    Watch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_scopes_share_a_name() {
        let client = ClientName::parse("a").unwrap();
        let service = ServiceName::parse("a").unwrap();
        let rule = LimitRule::Concurrent { places: 1 };
        let names = [
            LimitScope::Client(client.clone()),
            LimitScope::Service(service.clone()),
            LimitScope::Use(client, service),
        ]
        .map(|scope| LimitKey::new(&scope, &rule));
        assert_ne!(names[0], names[1]);
        assert_ne!(names[0], names[2]);
        assert_eq!(names[2].as_str(), "client/a/a/concurrent");
    }
}
