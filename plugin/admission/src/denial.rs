//! A refusal is a contract: status, headers and body that a program and a person can act on.
//!
//! Where several reasons hold at once, the one that stands first in [`Reason`] is given. The codes
//! are stable. What is ours carries `x-tollkeeper-refusal`; what the upstream refused never does.

mod over_budget;
mod over_limit;

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};
use wire::budget::MoneyShortage;
use wire::ids::BudgetName;
use wire::money::Nanos;
use wire::path::PathError;
use wire::units::Millis;

use crate::counters::Counter;
use crate::credential::Unusable;
use crate::lease::{Lease, Shortage};
use crate::money::purse::Told;
pub use over_budget::OverBudget;
pub use over_limit::OverLimit;

/// Tells a refusal of the gate from one of the upstream, and names its code in access logs.
pub const REFUSAL_HEADER: &str = "x-tollkeeper-refusal";

/// Why a request is refused, in order of precedence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The host did not do what it must; nothing was forwarded.
    HostFailure,
    /// The filter's configuration is bad; the log says how.
    Misconfigured,
    /// A credential header or parameter comes twice.
    KeyRepeated,
    /// Nothing is known yet: the sidecar has not told the policy.
    NoPolicy,
    /// The path can be read in more than one way.
    Path(PathError),
    /// Two places hold different client keys.
    KeysDiffer,
    /// No place holds a client key.
    KeyMissing,
    /// Begins like a client key and is none: mistyped or cut off.
    KeyBroken,
    /// Nobody's key.
    KeyUnknown,
    /// The key was revoked.
    KeyRevoked,
    /// The client or its key has ended.
    ClientExpired,
    /// Neither host nor path name a service.
    ServiceUnknown,
    /// The client may not use the service.
    ServiceNotAllowed,
    /// No route of the service matches.
    RouteNotListed,
    /// The client may not use this route.
    RouteNotAllowed,
    /// The call costs money, and the client has no budget.
    NoBudget,
    /// The body is longer than the gate reads for its model.
    RequestTooLarge {
        /// How long it may be.
        bytes_max: u64,
    },
    /// The body is compressed or malformed, so that what it asks for cannot be read.
    BodyUnreadable,
    /// The body says something twice that the price depends on.
    BodyAmbiguous,
    /// Envoy does not hand over the body while the head is held.
    BodyWithheld,
    /// The price depends on the model, and the request names none.
    ModelUnknown,
    /// The model is not on the price list; these names are the nearest.
    ModelNotPriced(Vec<Arc<str>>),
    /// The client may not use the model, but these.
    ModelNotAllowed(Vec<Arc<str>>),
    /// What the call can cost has no bound.
    CostUnbounded,
    /// There is no credential to put on.
    Credential(Unusable),
    /// A rate or a number of concurrent requests is used up.
    Limit(Box<OverLimit>),
    /// There is no money for it.
    Budget(Box<OverBudget>),
    /// Too many unknown keys wait for an answer already.
    Crowded,
    /// The sidecar does not answer.
    SidecarGone,
    /// The upstream refused the credential that the gate put on.
    CredentialRefused(u16),
}

/// A refusal, to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// Whom to ask about it.
    pub ask: Option<Rc<str>>,
}

/// A refusal as HTTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u32,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// `application/problem+json`.
    pub body: Vec<u8>,
}

impl Denial {
    /// A refusal that nobody in particular can mend.
    #[must_use]
    pub const fn new(reason: Reason) -> Self {
        Self { reason, ask: None }
    }

    /// A refusal about which `owner` can be asked.
    #[must_use]
    pub fn ask(reason: Reason, owner: &str) -> Self {
        Self { reason, ask: Some(owner.into()) }
    }

    /// A refusal by the limit of `lease`.
    #[must_use]
    pub fn over(lease: &Lease, shortage: Shortage, owner: &str) -> Self {
        let over =
            OverLimit { rule_name: lease.key().as_str().into(), rule: lease.rule(), shortage };
        Self::ask(Reason::Limit(Box::new(over)), owner)
    }

    /// A refusal for want of money to reserve `hold` of `budget`.
    #[must_use]
    pub fn over_budget(
        budget: &BudgetName,
        hold: Nanos,
        told: Told<MoneyShortage>,
        currency: &Arc<str>,
    ) -> Self {
        let over =
            OverBudget { budget: budget.clone(), hold, told, currency: Arc::clone(currency) };
        let ask = over.owner().map(Rc::from);
        Self { reason: Reason::Budget(Box::new(over)), ask }
    }

    /// What it counts as.
    #[must_use]
    pub const fn counter(&self) -> Counter {
        match self.reason {
            Reason::HostFailure => Counter::HostFailures,
            Reason::KeyRepeated
            | Reason::KeysDiffer
            | Reason::KeyMissing
            | Reason::KeyBroken
            | Reason::KeyUnknown
            | Reason::KeyRevoked
            | Reason::ClientExpired => Counter::DeniedClient,
            Reason::Path(_)
            | Reason::ServiceUnknown
            | Reason::ServiceNotAllowed
            | Reason::RouteNotListed
            | Reason::RouteNotAllowed
            | Reason::RequestTooLarge { .. }
            | Reason::BodyUnreadable
            | Reason::BodyAmbiguous
            | Reason::ModelUnknown
            | Reason::ModelNotPriced(_)
            | Reason::ModelNotAllowed(_)
            | Reason::CostUnbounded => Counter::DeniedRoute,
            Reason::Limit(_) => Counter::DeniedLimit,
            Reason::NoBudget | Reason::Budget(_) => Counter::DeniedBudget,
            Reason::Misconfigured
            | Reason::NoPolicy
            | Reason::BodyWithheld
            | Reason::Credential(_)
            | Reason::Crowded
            | Reason::SidecarGone => Counter::DeniedUnavailable,
            Reason::CredentialRefused(_) => Counter::CredentialRefused,
        }
    }

    /// Status, stable code and a sentence for people.
    fn words(&self) -> (u32, &'static str, String) {
        let plain = |status, code, text: &str| (status, code, text.to_owned());
        match &self.reason {
            Reason::HostFailure => plain(
                503,
                "gate_failure",
                "The gate could not prepare the request; nothing was sent.",
            ),
            Reason::Misconfigured => plain(
                503,
                "gate_misconfigured",
                "The gate's own configuration is bad; Envoy's log says how.",
            ),
            Reason::KeyRepeated => plain(
                400,
                "client_key_repeated",
                "A header or query parameter for keys comes more than once. Send the client key once.",
            ),
            Reason::NoPolicy => plain(
                503,
                "no_policy",
                "The gate has not received its policy yet. Try again shortly.",
            ),
            Reason::Path(error) => {
                (400, "path_ambiguous", format!("The gate refuses this path: {error}."))
            }
            Reason::KeysDiffer => plain(
                400,
                "client_keys_differ",
                "Two places of the request hold different keys. Send the client key, once, and no other.",
            ),
            Reason::KeyMissing => plain(
                401,
                "client_key_missing",
                "The request has no client key. Send it where your client library puts its API key.",
            ),
            Reason::KeyBroken => plain(
                401,
                "client_key_broken",
                "The client key is mistyped or cut off: its check is wrong.",
            ),
            Reason::KeyUnknown => plain(401, "client_key_unknown", "Nobody has this client key."),
            Reason::KeyRevoked => plain(401, "client_key_revoked", "This client key was revoked."),
            Reason::ClientExpired => plain(401, "client_expired", "This client's time is over."),
            Reason::ServiceUnknown => plain(
                404,
                "service_unknown",
                "Neither the host nor the first path segment names a service of this gate.",
            ),
            Reason::ServiceNotAllowed => {
                plain(403, "service_not_allowed", "This client may not use this service.")
            }
            Reason::RouteNotListed => plain(
                403,
                "route_not_listed",
                "The policy lists no route of this service for this method and path.",
            ),
            Reason::RouteNotAllowed => plain(
                403,
                "route_not_allowed",
                "This client may not use this route of the service.",
            ),
            Reason::Credential(why) => plain(
                503,
                "credential_unavailable",
                match why {
                    Unusable::Missing => "The gate has no credential for this service.",
                    Unusable::Refused => "The gate cannot unseal its credential for this service.",
                    Unusable::HsmUnavailable => "The gate's HSM does not answer.",
                    Unusable::OtherHosts => {
                        "The gate's credential is sealed to other hosts than this service's."
                    }
                    Unusable::Malformed => {
                        "The gate's credential for this service cannot stand in a header."
                    }
                },
            ),
            Reason::NoBudget => plain(
                403,
                "no_budget",
                "This call costs money, and the client has no budget that it could be charged to.",
            ),
            Reason::RequestTooLarge { bytes_max } => (
                413,
                "request_too_large",
                format!(
                    "The price depends on what the body asks for, and the gate reads {bytes_max} bytes of it \
                     at most."
                ),
            ),
            Reason::BodyUnreadable => plain(
                400,
                "body_unreadable",
                "The price depends on what the body asks for, and it cannot be read. Send valid JSON, without \
                 content-encoding.",
            ),
            Reason::BodyAmbiguous => plain(
                400,
                "body_ambiguous",
                "The body names the model, or another thing that the price depends on, more than once.",
            ),
            Reason::BodyWithheld => plain(
                503,
                "body_withheld",
                "Envoy did not hand over the body, on which the price depends. Set \
                 allow_on_headers_stop_iteration: true in the filter's config, beside failure_policy.",
            ),
            Reason::ModelUnknown => plain(
                400,
                "model_unknown",
                "The price depends on the model, and the request names none. Send a JSON body with \"model\".",
            ),
            Reason::ModelNotPriced(nearest) => (
                404,
                "model_not_priced",
                format!("The policy has no price for this model.{}", listed("Nearest", nearest)),
            ),
            Reason::ModelNotAllowed(models) => (
                403,
                "model_not_allowed",
                format!("This client may not use this model.{}", listed("It may use", models)),
            ),
            Reason::CostUnbounded => plain(
                400,
                "cost_unbounded",
                "What this call can cost has no bound. Send a limit of the output tokens.",
            ),
            Reason::Limit(over) => over.words(),
            Reason::Budget(over) => over.words(),
            Reason::Crowded => plain(
                503,
                "too_many_unknown_keys",
                "Too many keys that the gate does not know yet are waiting to be looked up.",
            ),
            Reason::SidecarGone => plain(
                503,
                "sidecar_unavailable",
                "The gate's sidecar does not answer; nothing was sent.",
            ),
            Reason::CredentialRefused(status) => (
                u32::from(*status),
                "upstream_refused_credential",
                format!(
                    "The upstream answered {status} to the gate's own credential. Your client key is not at \
                     fault. The upstream's text is withheld because it may quote the credential."
                ),
            ),
        }
    }

    /// How long a caller should wait; none where waiting does not help.
    fn retry_after(&self, now: Millis) -> Option<Millis> {
        match &self.reason {
            Reason::Limit(over) => Some(Millis(over.shortage.retry_at.since(now).0.max(1))),
            Reason::Budget(over) => over.retry_after(now),
            Reason::NoPolicy
            | Reason::BodyWithheld
            | Reason::Credential(_)
            | Reason::Crowded
            | Reason::SidecarGone
            | Reason::HostFailure => Some(Millis(1_000)),
            _ => None,
        }
    }

    /// The refusal as HTTP.
    #[must_use]
    pub fn reply(&self, now: Millis) -> Reply {
        let (status, code, detail) = self.words();
        let retry_after = self.retry_after(now);
        let mut headers = vec![
            ("content-type", "application/problem+json".to_owned()),
            ("cache-control", "no-store".to_owned()),
            (REFUSAL_HEADER, code.to_owned()),
        ];
        if let Some(wait) = retry_after {
            headers.push(("retry-after", wait.div_ceil_secs().to_string()));
        }
        if status == 401 {
            headers.push(("www-authenticate", "Bearer realm=\"tollkeeper\"".to_owned()));
        }
        match &self.reason {
            Reason::Limit(over) => over.push_headers(&mut headers, now),
            Reason::Budget(over) => over.push_headers(&mut headers),
            _ => {}
        }
        let body = self.body(status, code, &detail, retry_after, now);
        Reply { status, headers, body: body.to_string().into_bytes() }
    }

    fn body(
        &self,
        status: u32,
        code: &str,
        detail: &str,
        wait: Option<Millis>,
        now: Millis,
    ) -> Value {
        let mut body = json!({
            "type": format!("urn:tollkeeper:refusal:{code}"),
            "title": code.replace('_', " "),
            "status": status,
            "detail": detail,
            "code": code,
            // The shape in which OpenAI's own clients look for an error.
            "error": {
                "message": detail, "type": error_type(status), "code": code, "param": self.parameter(),
            },
        });
        let Some(fields) = body.as_object_mut() else {
            return body;
        };
        if let Some(wait) = wait {
            fields.insert("retry_after_ms".into(), json!(wait.0));
        }
        if let Some(owner) = &self.ask {
            fields.insert("ask".into(), json!(owner.as_ref()));
        }
        match &self.reason {
            Reason::Limit(over) => {
                fields.insert("rule".into(), json!(over.rule_name));
                fields.insert("limit".into(), json!(over.rule.to_string()));
                fields.insert("resets_in_ms".into(), json!(over.shortage.resets_at.since(now).0));
            }
            Reason::Budget(over) => over.describe(fields, now),
            Reason::ModelNotPriced(models) | Reason::ModelNotAllowed(models) => {
                let models: Vec<&str> = models.iter().map(AsRef::as_ref).collect();
                fields.insert("models".into(), json!(models));
            }
            _ => {}
        }
        body
    }

    /// Which parameter of the request is at fault, in OpenAI's words.
    const fn parameter(&self) -> Option<&'static str> {
        match self.reason {
            Reason::ModelUnknown | Reason::ModelNotPriced(_) | Reason::ModelNotAllowed(_) => {
                Some("model")
            }
            _ => None,
        }
    }
}

fn listed(what: &str, names: &[Arc<str>]) -> String {
    match names {
        [] => String::new(),
        names => format!(" {what}: {}.", names.join(", ")),
    }
}

const fn error_type(status: u32) -> &'static str {
    match status {
        400 | 404 | 413 => "invalid_request_error",
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use wire::facts::LimitFacts;
    use wire::ids::ClientName;
    use wire::limit::{LimitKey, LimitRule, LimitScope, Mode, Per};

    use super::*;

    fn over(rule: LimitRule, shortage: Shortage) -> Reply {
        let scope = LimitScope::Client(ClientName::parse("checkout").unwrap());
        let facts = LimitFacts { key: LimitKey::new(&scope, &rule), rule, mode: Mode::Enforce };
        Denial::over(&Lease::new(&facts, Millis(0)), shortage, "owner@acme.example")
            .reply(Millis(1_000))
    }

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_rate_refusal_says_all_that_a_caller_can_act_on() {
        let rule = LimitRule::Requests { amount: 50, per: Per::Second, burst: 50 };
        let shortage =
            Shortage { retry_at: Millis(1_020), resets_at: Millis(2_500), ..Shortage::default() };
        let reply = over(rule, shortage);
        assert_eq!(reply.status, 429);
        assert_eq!(header(&reply, "retry-after"), Some("1"));
        assert_eq!(header(&reply, "x-envoy-ratelimited"), Some("true"));
        assert_eq!(
            header(&reply, "ratelimit-policy"),
            Some("\"client/checkout/requests-per-second\";q=50;w=1")
        );
        assert_eq!(
            header(&reply, "ratelimit"),
            Some("\"client/checkout/requests-per-second\";r=0;t=2")
        );
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["code"], "rate_limited");
        assert_eq!(body["rule"], "client/checkout/requests-per-second");
        assert_eq!(body["limit"], "50 requests per second");
        assert_eq!(body["retry_after_ms"], 20);
        assert_eq!(body["ask"], "owner@acme.example");
        assert_eq!(body["error"]["type"], "rate_limit_error");
    }

    #[test]
    fn lent_elsewhere_is_not_used_up() {
        let rule = LimitRule::Concurrent { places: 4 };
        let shortage = Shortage { lent_elsewhere: true, ..Shortage::default() };
        assert_eq!(header(&over(rule, shortage), REFUSAL_HEADER), Some("limit_lent_elsewhere"));
        let reply = over(rule, Shortage::default());
        assert_eq!(header(&reply, REFUSAL_HEADER), Some("concurrency_limited"));
    }

    #[test]
    fn a_retry_is_asked_for_only_where_it_helps() {
        let wait = |reason| header(&Denial::new(reason).reply(Millis(0)), "retry-after").is_some();
        assert!(wait(Reason::SidecarGone));
        assert!(!wait(Reason::KeyMissing));
        assert!(!wait(Reason::RouteNotListed));
    }

    #[test]
    fn a_missing_key_is_answered_as_http_wants_it() {
        let reply = Denial::new(Reason::KeyMissing).reply(Millis(0));
        assert_eq!(reply.status, 401);
        assert!(header(&reply, "www-authenticate").is_some());
    }
}
