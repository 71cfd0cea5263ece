//! What is true now: the policy, whose key is whose, which credentials there are; and what changed.
//!
//! A change gets a number. A plugin says which number it has heard of and is told what came since, so
//! a revocation reaches every worker with its next sync and nothing else is asked again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ledger::Definition;
use policies::Policy;
use wire::facts::{LimitFacts, PolicyFacts};
use wire::ids::{
    BudgetName, ClientKeyDigest, ClientName, CredentialName, PolicyVersion, ServiceName,
};
use wire::money::Nanos;
use wire::sync::{Change, Identity};
use wire::units::UnixMillis;

use crate::alerts::Rules;
use crate::credential::Record;
use crate::directory::{ClientDirectory, KeyState};
use crate::service::budgets;
use crate::service::desk::Budgets;

/// Changes that are remembered one by one. A plugin that missed more asks everything again.
const CHANGES_MAX: usize = 1_024;

/// Days for which the ledger knows the boundaries ahead; they are renewed with each new policy and daily.
const DAYS_AHEAD: usize = 40;

/// The credentials by name.
pub type Records = BTreeMap<CredentialName, Arc<Record>>;

/// The present facts.
pub struct Book {
    policy: Policy,
    facts: PolicyFacts,
    /// The most that one call of a service reserves; none of a service that costs nothing.
    holds: BTreeMap<ServiceName, Nanos>,
    keys: ClientDirectory,
    records: Records,
    generation: u64,
    changes: VecDeque<(u64, Change)>,
}

impl Book {
    /// The facts of the beginning.
    #[must_use]
    pub fn new(policy: Policy, keys: ClientDirectory, records: Records) -> Self {
        Self {
            facts: policy.plugin_facts(),
            holds: holds(&policy),
            policy,
            keys,
            records,
            generation: 1,
            changes: VecDeque::new(),
        }
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Replaces the policy. Plugins hear of it by its version.
    pub fn set_policy(&mut self, policy: Policy) {
        self.facts = policy.plugin_facts();
        self.holds = holds(&policy);
        self.policy = policy;
    }

    /// Replaces the client keys; every key that means something else now is a change.
    pub fn set_keys(&mut self, keys: ClientDirectory) {
        for digest in self.keys.differences(&keys) {
            self.note(Change::ClientKey(digest));
        }
        self.keys = keys;
    }

    /// Replaces the credentials; every one whose active version is another now is a change.
    pub fn set_records(&mut self, records: Records) {
        let before = std::mem::replace(&mut self.records, records);
        let names: BTreeSet<_> = before.keys().chain(self.records.keys()).cloned().collect();
        for name in names {
            let old = before.get(&name).and_then(|record| record.active());
            let new = self.records.get(&name).map(|record| (record, record.active()));
            let change = match (old, new) {
                (old, Some((_, new))) if old == new => continue,
                (Some(old), Some((record, Some(_)))) if !record.is_revoked(old.version) => {
                    Change::CredentialRotated(name)
                }
                (Some(_), _) => Change::CredentialRevoked(name),
                (None, _) => Change::CredentialRotated(name),
            };
            self.note(change);
        }
    }

    fn note(&mut self, change: Change) {
        self.generation += 1;
        if self.changes.len() >= CHANGES_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back((self.generation, change));
    }

    /// The number of the last change.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// What changed after number `heard`.
    #[must_use]
    pub fn changes_since(&self, heard: u64) -> Vec<Change> {
        if heard == self.generation {
            return Vec::new();
        }
        let oldest = self.changes.front().map_or(self.generation, |(number, _)| *number);
        if heard > self.generation || heard.saturating_add(1) < oldest {
            return everything();
        }
        let newer = self.changes.iter().filter(|(number, _)| *number > heard);
        newer.map(|(_, change)| change.clone()).collect()
    }

    /// The policy for a plugin that has `theirs`, if that is another.
    #[must_use]
    pub fn policy_unless(&self, theirs: Option<&PolicyVersion>) -> Option<PolicyFacts> {
        (theirs != Some(&self.facts.version)).then(|| self.facts.clone())
    }

    /// Whose key this is at this moment. The key directory goes before the policy's `known_by`, so
    /// that a revocation holds whatever a policy file says.
    #[must_use]
    pub fn identify(&self, digest: &ClientKeyDigest, now: UnixMillis) -> Identity {
        let (name, key_ends) = match self.keys.lookup(digest, now) {
            Some((name, KeyState::Revoked)) => return Identity::Revoked(name.clone()),
            Some((name, KeyState::Expired)) => return Identity::Expired(name.clone()),
            Some((name, KeyState::Good { until })) => (name, until),
            None => match self.policy.client_of(digest) {
                // A file that cannot be read may hold a revocation of just this key.
                Some(name) if self.keys.is_broken(name) => return Identity::Revoked(name.clone()),
                Some(name) => (name, None),
                None => return Identity::Unknown,
            },
        };
        self.known(name, key_ends, now)
    }

    fn known(&self, name: &ClientName, key_ends: Option<UnixMillis>, now: UnixMillis) -> Identity {
        let client_ends = self.policy.client_expires(name);
        let ends = [client_ends, key_ends].into_iter().flatten().min();
        if ends.is_some_and(|end| now >= end) {
            return Identity::Expired(name.clone());
        }
        match self.policy.client_facts(name, now) {
            Some(mut facts) => {
                facts.expires_ms = ends.map(|end| end.since(now));
                Identity::Known(facts)
            }
            // The key outlived its client: the policy has it no longer.
            None => Identity::Unknown,
        }
    }

    /// The limits that stand on a service.
    #[must_use]
    pub fn service_limits(&self, name: &ServiceName) -> Vec<LimitFacts> {
        let service = self.facts.services.iter().find(|service| service.name == *name);
        service.map(|service| service.limits.clone()).unwrap_or_default()
    }

    /// The most that one call of a service reserves; `None` if it costs nothing.
    #[must_use]
    pub fn largest_hold(&self, name: &ServiceName) -> Option<Nanos> {
        self.holds.get(name).copied()
    }

    /// The credential that a service wants.
    #[must_use]
    pub fn credential_of(&self, name: &ServiceName) -> Option<CredentialName> {
        let service = self.facts.services.iter().find(|service| service.name == *name);
        service.map(|service| service.credential.clone())
    }

    /// A credential's record.
    #[must_use]
    pub fn record(&self, name: &CredentialName) -> Option<Arc<Record>> {
        self.records.get(name).cloned()
    }

    /// All limits, for the ledger.
    #[must_use]
    pub fn limits(&self) -> Vec<Definition> {
        self.policy.limits().map(|(key, rule)| Definition { key, rule }).collect()
    }

    /// All budgets, for the ledger of money.
    #[must_use]
    pub fn budgets(&self, now: UnixMillis) -> Budgets {
        budgets::definitions(&self.policy, now)
    }

    /// The names of all budgets.
    #[must_use]
    pub fn budget_names(&self) -> Vec<BudgetName> {
        // Names do not depend on the time.
        self.policy.budgets(UnixMillis(0)).into_iter().map(|plan| plan.name).collect()
    }

    /// Whom alerts tell, and when.
    #[must_use]
    pub fn alert_rules(&self, now: UnixMillis) -> Rules {
        budgets::alert_rules(&self.policy, now)
    }

    /// A budget's cap; `None` if it is unlimited, or is none.
    #[must_use]
    pub fn cap_of(&self, name: &BudgetName) -> Option<Nanos> {
        self.policy.budget(name).and_then(|budget| budget.cap)
    }

    /// The day that is now and the next, for the ledger.
    #[must_use]
    pub fn day_boundaries(&self, now: UnixMillis) -> Vec<UnixMillis> {
        /// Longer than any day of any zone, clock changes and all.
        const DAY_MAX_MS: u64 = 27 * 3_600_000;
        let from = UnixMillis(now.0.saturating_sub(DAY_MAX_MS));
        self.policy.day_boundaries(from, DAYS_AHEAD)
    }
}

/// What a plugin is told whose memory cannot be brought up to date piece by piece.
#[must_use]
pub fn everything() -> Vec<Change> {
    vec![Change::AllClients, Change::AllCredentials]
}

fn holds(policy: &Policy) -> BTreeMap<ServiceName, Nanos> {
    let names = policy.services().iter().map(|service| &service.facts.name);
    names.filter_map(|name| Some((name.clone(), policy.largest_hold(name)?))).collect()
}
