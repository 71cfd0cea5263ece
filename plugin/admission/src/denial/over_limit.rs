//! The refusal by a rate or a number of concurrent requests.

use std::fmt::Write;

use wire::limit::LimitRule;
use wire::units::Millis;

use crate::lease::Shortage;

/// Which limit, and how things stand with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OverLimit {
    /// The limit's name.
    pub rule_name: Box<str>,
    /// What it allows.
    pub rule: LimitRule,
    /// When to come back and what is left.
    pub shortage: Shortage,
}

impl OverLimit {
    pub(super) fn words(&self) -> (u32, &'static str, String) {
        let rule = &self.rule;
        let name = &self.rule_name;
        match (rule, self.shortage.lent_elsewhere) {
            (_, true) => (
                429,
                "limit_lent_elsewhere",
                format!(
                    "What is left of {rule} ({name}) is with other workers of the gate for a moment."
                ),
            ),
            (LimitRule::Concurrent { .. }, false) => {
                (429, "concurrency_limited", format!("{rule} are running already ({name})."))
            }
            (LimitRule::Requests { .. }, false) => {
                (429, "rate_limited", format!("{rule} are used up ({name})."))
            }
        }
    }

    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and the header that
    /// keeps a caller's own Envoy from retrying at once.
    pub(super) fn push_headers(&self, headers: &mut Vec<(&'static str, String)>, now: Millis) {
        let name = &self.rule_name;
        let resets = self.shortage.resets_at.since(now).div_ceil_secs();
        let mut policy = String::new();
        let mut state = format!("\"{name}\";r=0");
        // Writing to a string cannot fail.
        let _ = match self.rule {
            LimitRule::Requests { amount, per, .. } => {
                let _ = write!(state, ";t={resets}");
                write!(policy, "\"{name}\";q={amount};w={}", per.duration().div_ceil_secs())
            }
            LimitRule::Concurrent { places } => {
                write!(policy, "\"{name}\";q={places};qu=\"concurrent-requests\"")
            }
        };
        headers.push(("ratelimit-policy", policy));
        headers.push(("ratelimit", state));
        headers.push(("x-envoy-ratelimited", "true".to_owned()));
    }
}
