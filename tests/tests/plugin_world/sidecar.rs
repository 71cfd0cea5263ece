//! A sidecar in a few lines: the real policies and the real ledgers, credentials without an HSM.
//!
//! It answers as the service in `key-sidecar` does, in what a plugin can tell: what is known, what has
//! changed, first leases for whom it is asked about. What a test does to it, an operator would do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ledger::money::record::{Account, Change as Booked, Entry};
use ledger::money::{MoneyLedger, command as money_command};
use ledger::{Command, Definition, Ledger, Now, Reply, Start, Sync};
use policies::{Policy, SourceFile};
use tollkeeper_tests::host::{Answer, Callout, Headers};
use wire::budget::{MoneyLine, Settlement};
use wire::facts::{CredentialFacts, PolicyFacts};
use wire::ids::{BudgetName, ClientKeyDigest, CredentialName, Epoch};
use wire::limit::LimitRule;
use wire::money::Nanos;
use wire::secret::Secret;
use wire::sync::{
    Change, ClientAnswer, CredentialAnswer, Identity, LEASES_MAX, LeaseLine, PROTOCOL, Release,
    SyncReply, SyncRequest, WhoIs,
};
use wire::units::{Millis, UnixMillis};
use wire::{PROTOCOL_HEADER, frame};

/// What a worker is lent with a client's first call: as in the service.
const FIRST_REQUESTS: u64 = 8;
const FIRST_PLACES: u64 = 2;

/// How long a plugin may believe what it is told: as in the service.
const IDENTITY_TTL: Millis = Millis(60_000);
const STRANGER_TTL: Millis = Millis(1_000);
const CREDENTIAL_TTL: Millis = Millis(60_000);

/// When a world begins that does not say when: 2026-01-01T00:00:00Z.
pub(crate) const NEW_YEAR: UnixMillis = UnixMillis(1_767_225_600_000);

/// The service tells its ledgers anew which days and periods are near, so often and so late.
const HOUR_MS: u64 = 3_600_000;
const HOUR_IS_LATE_MS: u64 = 1_000;

/// The sidecar.
pub(crate) struct Sidecar {
    policy: Policy,
    facts: PolicyFacts,
    ledger: Ledger,
    money: MoneyLedger,
    credentials: BTreeMap<CredentialName, (u32, String)>,
    revoked: BTreeSet<ClientKeyDigest>,
    changes: Vec<Change>,
    /// Everything that it was asked and did answer.
    pub(crate) requests: Vec<SyncRequest>,
    /// Everything that its ledger of money has entered.
    pub(crate) entries: Vec<Entry>,
    /// The wall clock's time when the world began.
    begins: UnixMillis,
    /// In which hour the ledgers were told which periods are near.
    told: u64,
}

impl Sidecar {
    /// A sidecar with this policy, from this moment on. Each credential's secret is [`secret_of`] its
    /// name.
    pub(crate) fn new(policy: &str, begins: UnixMillis) -> Self {
        let policy = load(policy);
        let credentials = policy.services().iter().map(|service| {
            let name = service.facts.credential.clone();
            let secret = secret_of(name.as_str(), 1);
            (name, (1, secret))
        });
        Self {
            facts: policy.plugin_facts(),
            ledger: Ledger::new(Epoch(1), Start::Full),
            money: MoneyLedger::new(),
            credentials: credentials.collect(),
            revoked: BTreeSet::new(),
            changes: Vec::new(),
            requests: Vec::new(),
            entries: Vec::new(),
            policy,
            begins,
            told: 0,
        }
        .defined()
    }

    /// Replaces the policy.
    pub(crate) fn set_policy(&mut self, policy: &str, now: Duration) {
        self.policy = load(policy);
        self.facts = self.policy.plugin_facts();
        self.define(self.at(now));
    }

    /// Gives a credential its next version; returns the new secret.
    pub(crate) fn rotate(&mut self, name: &str) -> String {
        let name = CredentialName::parse(name).unwrap();
        let (version, secret) = self.credentials.get_mut(&name).unwrap();
        *version += 1;
        *secret = secret_of(name.as_str(), *version);
        let secret = secret.clone();
        self.changes.push(Change::CredentialRotated(name));
        secret
    }

    /// Gives a credential this secret, without anybody being told.
    pub(crate) fn set_secret(&mut self, name: &str, secret: &str) {
        let name = CredentialName::parse(name).unwrap();
        self.credentials.insert(name, (1, secret.to_owned()));
    }

    /// Takes a credential away.
    pub(crate) fn revoke_credential(&mut self, name: &str) {
        let name = CredentialName::parse(name).unwrap();
        self.credentials.remove(&name);
        self.changes.push(Change::CredentialRevoked(name));
    }

    /// Ends a client key.
    pub(crate) fn revoke_key(&mut self, key: &str) {
        let digest = wire::client_key::digest(key.as_bytes());
        self.revoked.insert(digest);
        self.changes.push(Change::ClientKey(digest));
    }

    /// Dies and comes back: with a snapshot of its last moment, or without one.
    pub(crate) fn restart(&mut self, clean: bool, now: Duration) {
        let next = Epoch(self.ledger.epoch().0 + 1);
        self.ledger = if clean {
            Ledger::restore(next, self.ledger.snapshot(), Start::Full).unwrap()
        } else {
            Ledger::new(next, Start::Empty)
        };
        self.changes.clear();
        // Money is on disk: its ledger lives on.
        self.define(self.at(now));
    }

    /// What a limit has lent at this moment, by the ledger's own figures.
    pub(crate) fn lent(&mut self, limit: &str, now: Duration) -> u64 {
        let now = self.at(now);
        self.ledger.apply(Command::Expire, now);
        let mut keys = self.policy.limits().map(|(key, _)| key);
        let key = keys.find(|key| key.as_str() == limit).unwrap();
        self.ledger.view(&key, now.wall).unwrap().lent
    }

    /// The present account of a budget.
    pub(crate) fn account(&self, budget: &str) -> Account {
        let budget = BudgetName::parse(budget).unwrap();
        self.money.present_account(&budget).unwrap().clone()
    }

    /// The account of a budget in a period; `None` if nobody has asked for its money.
    pub(crate) fn account_of(&self, budget: &str, period: &str) -> Option<Account> {
        let budget = BudgetName::parse(budget).unwrap();
        self.money.account(&budget, &period.into()).cloned()
    }

    /// Every settlement that it has heard, in order.
    pub(crate) fn settlements(&self) -> impl Iterator<Item = &Settlement> {
        self.requests.iter().flat_map(|request| &request.settlements)
    }

    /// Answers a call of the plugin's.
    pub(crate) fn respond(&mut self, callout: &Callout, now: Duration) -> Answer {
        let Ok(request) = frame::decode_request(&callout.body) else {
            return Answer::status(400, "");
        };
        let now = self.at(now);
        if self.told != hour(now.wall) {
            self.define(now);
        }
        match self.reply(&request, now) {
            Some(reply) => {
                self.requests.push(request);
                framed(&reply)
            }
            None => Answer::status(409, ""),
        }
    }

    fn reply(&mut self, request: &SyncRequest, now: Now) -> Option<SyncReply> {
        let clients: Vec<_> = request.who.iter().map(|who| self.identify(who, now.wall)).collect();
        let lines = self.with_first_leases(request, &clients);
        let sync = Sync {
            holder: request.holder,
            sequence: request.sequence,
            epoch: request.epoch,
            lines,
        };
        let money = money_command::Sync {
            holder: request.holder,
            sequence: request.sequence,
            lines: self.with_first_money(request, &clients),
            settlements: request.settlements.clone(),
        };
        let outcome = self.money.apply(money_command::Command::Sync(money), now.wall);
        assert!(outcome.faults.is_empty(), "the plugin miscounts: {:?}", outcome.faults);
        self.enter(outcome.changes);
        let money_command::Reply::Synced(money) = outcome.reply else { return None };
        let leases = match self.ledger.apply(Command::Sync(sync), now).reply {
            Reply::Synced(synced) => synced.answers,
            _ => return None,
        };
        let epoch = self.ledger.epoch();
        Some(SyncReply {
            protocol: PROTOCOL,
            sequence: request.sequence,
            epoch,
            policy: (request.policy.as_ref() != Some(&self.facts.version))
                .then(|| self.facts.clone()),
            directory: u64::try_from(self.changes.len()).unwrap(),
            changes: match request.epoch {
                None => Vec::new(),
                Some(known) if known == epoch => {
                    let heard = usize::try_from(request.directory).unwrap();
                    self.changes.get(heard..).unwrap_or_default().to_vec()
                }
                Some(_) => vec![Change::AllClients, Change::AllCredentials],
            },
            clients,
            credentials: self.release(request),
            leases,
            money,
        })
    }

    fn identify(&self, who: &WhoIs, wall: UnixMillis) -> ClientAnswer {
        let client = self.policy.client_of(&who.digest);
        let identity = match client {
            Some(name) if self.revoked.contains(&who.digest) => Identity::Revoked(name.clone()),
            Some(name) => Identity::Known(self.policy.client_facts(name, wall).unwrap()),
            None => Identity::Unknown,
        };
        let ttl_ms = if client.is_some() { IDENTITY_TTL } else { STRANGER_TTL };
        ClientAnswer { digest: who.digest, identity, ttl_ms }
    }

    fn with_first_leases(&self, request: &SyncRequest, clients: &[ClientAnswer]) -> Vec<LeaseLine> {
        let mut lines = request.leases.clone();
        for (who, answer) in request.who.iter().zip(clients) {
            let Identity::Known(client) = &answer.identity else { continue };
            let of_use = client.uses.iter().filter(|used| used.service == who.service);
            let of_service = self.facts.services.iter().filter(|one| one.name == who.service);
            let limits = client
                .limits
                .iter()
                .chain(of_use.flat_map(|used| &used.limits))
                .chain(of_service.flat_map(|service| &service.limits));
            for limit in limits {
                let is_new = lines.iter().all(|line| line.limit != limit.key);
                if is_new && lines.len() < LEASES_MAX {
                    let wants = match limit.rule {
                        LimitRule::Requests { .. } => FIRST_REQUESTS,
                        LimitRule::Concurrent { .. } => FIRST_PLACES,
                    };
                    let limit = limit.key.clone();
                    lines.push(LeaseLine { limit, spent: 0, returned: 0, wants });
                }
            }
        }
        lines
    }

    fn with_first_money(&self, request: &SyncRequest, clients: &[ClientAnswer]) -> Vec<MoneyLine> {
        let mut lines = request.money.clone();
        for (who, answer) in request.who.iter().zip(clients) {
            let Identity::Known(client) = &answer.identity else { continue };
            let Some(budget) = &client.budget else { continue };
            let hold = self.policy.largest_hold(&who.service).unwrap_or_default();
            if hold > Nanos::ZERO && lines.iter().all(|line| line.budget != *budget) {
                lines.push(MoneyLine {
                    budget: budget.clone(),
                    term: None,
                    returned: Nanos::ZERO,
                    wants: hold,
                    // As in the service: what the call will reserve is not known.
                    least: Nanos::ZERO,
                });
            }
        }
        lines
    }

    fn release(&self, request: &SyncRequest) -> Vec<CredentialAnswer> {
        let of_who = request.who.iter().filter_map(|who| {
            let service = self.facts.services.iter().find(|one| one.name == who.service);
            service.map(|service| &service.credential)
        });
        let wanted: BTreeSet<_> = request.credentials.iter().chain(of_who).cloned().collect();
        wanted.into_iter().map(|name| self.released(name)).collect()
    }

    fn released(&self, name: CredentialName) -> CredentialAnswer {
        let services = self.facts.services.iter().filter(|one| one.credential == name);
        let release = match self.credentials.get(&name) {
            None => Release::Missing,
            Some((version, secret)) => Release::Released(CredentialFacts {
                version: *version,
                secret: Secret::new(secret.clone().into_bytes()),
                hosts: services.flat_map(|one| one.hosts.iter().cloned()).collect(),
                ttl_ms: CREDENTIAL_TTL,
            }),
        };
        CredentialAnswer { name, release }
    }

    fn defined(mut self) -> Self {
        self.define(self.at(Duration::ZERO));
        self
    }

    /// The moment so long after the beginning of the world.
    fn at(&self, since_start: Duration) -> Now {
        let millis = u64::try_from(since_start.as_millis()).unwrap();
        Now { monotonic: Millis(millis), wall: UnixMillis(self.begins.0 + millis) }
    }

    fn define(&mut self, now: Now) {
        self.told = hour(now.wall);
        let limits = self.policy.limits().map(|(key, rule)| Definition { key, rule }).collect();
        let day_boundaries = self.policy.day_boundaries(UnixMillis(now.wall.0 - 100_000_000), 9);
        self.ledger.apply(Command::Define { limits, day_boundaries }, now);
        let period = |one: policies::BudgetPeriod| money_command::Period {
            label: one.label,
            starts: one.starts,
            ends: one.ends,
        };
        let budget = |plan: policies::BudgetPlan| money_command::Definition {
            name: plan.name,
            within: plan.within,
            owner: plan.owner,
            cap: plan.cap,
            mode: plan.mode,
            periods: plan.periods.into_iter().map(period).collect(),
        };
        let budgets = self.policy.budgets(now.wall).into_iter().map(budget).collect();
        let by = "a test".into();
        let command = money_command::Command::Define { budgets, by };
        let outcome = self.money.apply(command, now.wall);
        self.enter(outcome.changes);
    }

    fn enter(&mut self, booked: Vec<Booked>) {
        let entries = booked.into_iter().filter_map(|change| match change {
            Booked::Entry(entry) => Some(entry),
            _ => None,
        });
        self.entries.extend(entries);
    }
}

/// A canary: what a secret of this credential looks like.
pub(crate) fn secret_of(credential: &str, version: u32) -> String {
    format!("sk-canary-{credential}-v{version}")
}

/// An answer as the sidecar's socket gives it.
pub(crate) fn framed(reply: &SyncReply) -> Answer {
    let mut answer = Answer::ok(frame::encode_reply(reply).unwrap());
    let version = PROTOCOL.to_string();
    answer.headers = Headers::new(&[(":status", "200"), (PROTOCOL_HEADER, &version)]);
    answer
}

fn load(text: &str) -> Policy {
    let file = SourceFile { path: "policy.json".to_owned(), text: text.to_owned() };
    policies::load(&[file]).unwrap_or_else(|errors| panic!("the test's policy: {errors}"))
}

/// The hour as the service has noticed it, at the latest.
fn hour(wall: UnixMillis) -> u64 {
    (wall.0 - HOUR_IS_LATE_MS) / HOUR_MS
}
