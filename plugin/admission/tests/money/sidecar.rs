//! A sidecar that knows two clients, a few priced routes and one budget within another.
//!
//! Its ledger of money is a model in a few lines: what was lent, what was settled, what is left. It asserts
//! what must hold whenever it is spoken to, and answers repetitions as the first time.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wire::budget::{BudgetView, MoneyAnswer, MoneyLine, MoneyShortage, MoneyWhy, Settlement, Term};
use wire::client_key;
use wire::frame::{decode_request, encode_reply};
use wire::ids::Epoch;
use wire::money::Nanos;
use wire::sync::{
    ClientAnswer, CredentialAnswer, Identity, LeaseAnswer, PROTOCOL, Release, Shortage, SyncReply,
    SyncRequest,
};
use wire::units::Millis;

/// The rate limit of the client.
const LIMIT: &str = "client/checkout/requests-per-second";

/// How long money may be spent without a word from the sidecar.
const TTL: Millis = Millis(10_000);

pub(crate) fn key(number: u8) -> String {
    client_key::issue(&[number; 32]).to_string()
}

/// The budget's name.
pub(crate) const TEAM: &str = "search-team";

/// The sidecar.
pub(crate) struct Sidecar {
    pub(crate) epoch: u64,
    pub(crate) term: Option<Term>,
    pub(crate) cap: u64,
    pub(crate) recall: bool,
    /// Of the cap, what other holders have been lent.
    pub(crate) elsewhere: u64,
    /// Which budget refuses, if any does.
    pub(crate) refuses: &'static str,
    pub(crate) rate: u64,
    /// What is lent of each term, and what was settled on it.
    pub(crate) lent: BTreeMap<Term, u64>,
    pub(crate) settled: BTreeMap<Term, u64>,
    pub(crate) settlements: Vec<Settlement>,
    pub(crate) requests: Vec<SyncRequest>,
    last: Option<(Vec<u8>, Vec<u8>)>,
}

impl Default for Sidecar {
    fn default() -> Self {
        Self {
            epoch: 1,
            term: Some(Term(1)),
            cap: 1_000_000_000,
            recall: false,
            elsewhere: 0,
            refuses: TEAM,
            rate: 1_000,
            lent: BTreeMap::new(),
            settled: BTreeMap::new(),
            settlements: Vec::new(),
            requests: Vec::new(),
            last: None,
        }
    }
}

impl Sidecar {
    pub(crate) fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        if let Some((asked, answered)) = &self.last
            && asked == bytes
        {
            return answered.clone();
        }
        let request = decode_request(bytes).unwrap();
        let reply = encode_reply(&self.reply(&request)).unwrap();
        self.last = Some((bytes.to_vec(), reply.clone()));
        self.requests.push(request);
        reply
    }

    fn reply(&mut self, request: &SyncRequest) -> SyncReply {
        for settlement in &request.settlements {
            self.book(settlement);
        }
        let mut lines = request.money.clone();
        let knows = lines.iter().any(|line| line.term == self.term);
        if !request.who.is_empty() && !knows {
            lines.push(MoneyLine {
                budget: serde_json::from_value(json!(TEAM)).unwrap(),
                term: None,
                returned: Nanos::ZERO,
                wants: Nanos(1),
                least: Nanos(1),
            });
        }
        let money = lines.iter().map(|line| self.lend(line)).collect();
        let clients = request.who.iter().map(|who| ClientAnswer {
            digest: who.digest,
            identity: match [1, 2, 3]
                .into_iter()
                .find(|n| client_key::digest(key(*n).as_bytes()) == who.digest)
            {
                Some(number) => Identity::Known(serde_json::from_value(client(number)).unwrap()),
                None => Identity::Unknown,
            },
            ttl_ms: Millis(60_000),
        });
        let limits = request.leases.iter().map(|line| (line.limit.clone(), line.wants));
        let first =
            (!request.who.is_empty()).then(|| (serde_json::from_value(json!(LIMIT)).unwrap(), 1));
        SyncReply {
            protocol: PROTOCOL,
            sequence: request.sequence,
            epoch: Epoch(self.epoch),
            policy: request.policy.is_none().then(|| serde_json::from_value(policy()).unwrap()),
            directory: 1,
            changes: vec![],
            clients: clients.collect(),
            credentials: vec![CredentialAnswer {
                name: serde_json::from_value(json!("prod")).unwrap(),
                release: Release::Released(
                    serde_json::from_value(json!({
                        "version": 1, "secret": "c2stcmVhbC1rZXk=", "hosts": ["api.example"],
                        "ttl_ms": 60_000,
                    }))
                    .unwrap(),
                ),
            }],
            leases: limits
                .chain(first)
                .map(|(limit, wants)| LeaseAnswer {
                    limit,
                    gets: if wants > 0 { self.rate } else { 0 },
                    ttl_ms: Millis(2_000),
                    recall: false,
                    short: (self.rate == 0).then_some(Shortage {
                        ask_again_ms: Millis(400),
                        retry_ms: Millis(700),
                        lent_elsewhere: false,
                        undefined: false,
                    }),
                    remaining: 0,
                    resets_ms: Millis(1_000),
                })
                .collect(),
            money,
        }
    }

    fn book(&mut self, settlement: &Settlement) {
        let lent = self.lent.entry(settlement.term).or_default();
        *lent = lent.saturating_sub(settlement.cost.0);
        *self.settled.entry(settlement.term).or_default() += settlement.cost.0;
        self.settlements.push(settlement.clone());
    }

    fn lend(&mut self, line: &MoneyLine) -> MoneyAnswer {
        assert!(line.least <= line.wants, "{line:?}");
        if let Some(term) = line.term {
            let lent = self.lent.entry(term).or_default();
            *lent = lent.checked_sub(line.returned.0).expect("more comes back than was lent");
        }
        let now = self.term.unwrap_or_default();
        let (lent, settled) = (*self.lent.entry(now).or_default(), self.spent());
        let left = self.cap.saturating_sub(lent + settled + self.elsewhere);
        let need = if line.wants.0 > 0 { line.least.0.max(1) } else { 0 };
        let gets = match (self.term, left.min(line.wants.0)) {
            (None, _) => 0,
            (Some(_), part) if part < need => 0,
            (Some(_), part) => part,
        };
        *self.lent.entry(now).or_default() += gets;
        let why = match (self.term, self.cap.saturating_sub(settled) < need) {
            (None, _) => MoneyWhy::Closed,
            (Some(_), true) => MoneyWhy::Spent,
            (Some(_), false) => MoneyWhy::LentElsewhere,
        };
        MoneyAnswer {
            budget: line.budget.clone(),
            term: self.term,
            gets: Nanos(gets),
            ttl_ms: TTL,
            recall: self.recall,
            tightest: Some(self.view(TEAM)),
            short: (gets < need).then(|| MoneyShortage {
                why,
                ask_again_ms: Millis(400),
                refused_by: Some(self.view(self.refuses)),
            }),
        }
    }

    fn view(&self, budget: &str) -> BudgetView {
        BudgetView {
            budget: serde_json::from_value(json!(budget)).unwrap(),
            owner: format!("{budget}@acme.example").into(),
            period: "2026-11".into(),
            cap: Nanos(self.cap),
            spent: Nanos(self.spent()),
            reserved: Nanos(self.lent() + self.elsewhere),
            resets_ms: Some(Millis(90_000)),
        }
    }

    /// What was settled on the present term.
    pub(crate) fn spent(&self) -> u64 {
        self.term.and_then(|term| self.settled.get(&term)).copied().unwrap_or(0)
    }

    /// What is lent of the present term.
    pub(crate) fn lent(&self) -> u64 {
        self.term.and_then(|term| self.lent.get(&term)).copied().unwrap_or(0)
    }
}

/// `priced` is a price per call, `chat` goes by model, `free` is free, and what is not listed costs most.
fn policy() -> Value {
    let rate = |picos: u64| json!([{"kind": "call", "picos": picos}]);
    let tariff = |rates: Value, hold: Value| json!({"priced": {"rates": rates, "hold": hold}});
    let model =
        |name: &str| json!({"model": name, "items": [["input", 250_000], ["output", 2_000_000]]});
    let by_model = |usage: &str| json!({"priced": {"usage": {"api": usage}, "prices": "list", "hold": {"amount": 250_000_000}}});
    json!({"version": "p1", "organization": "acme", "currency": "USD",
        "services": [
            {"name": "api", "hosts": ["api.example"], "credential": "prod", "inject": {"as": "bearer"},
             "routes": [
                {"match": "GET /free", "charge": "free"},
                {"match": "GET /priced", "charge": tariff(rate(13_700_000_000), json!({"amount": 13_700_000}))},
                {"match": "GET /dear", "charge": tariff(rate(300_000_000_000), json!({"amount": 300_000_000}))},
                {"match": "POST /v1/chat/completions", "charge": by_model("openai-chat")},
                {"match": "POST /v1/messages", "charge": by_model("anthropic-messages")},
                {"match": "POST /v1beta/models/*", "charge": by_model("gemini")},
                {"match": "GET /v1/responses/*", "charge": by_model("openai-responses")}],
             "unlisted": tariff(rate(1_000_000_000), json!({"amount": 1_000_000})),
             "limits": []},
            {"name": "strict", "hosts": ["strict.example"], "credential": "prod", "inject": {"as": "bearer"},
             "routes": [], "limits": []}],
        "price_lists": [{"name": "list", "models": [
            model("gpt-5"), model("gpt-5-mini"), model("claude-haiku-5"), model("gemini-3")]}]})
}

fn client(number: u8) -> Value {
    let limit =
        json!({"key": LIMIT, "rule": {"requests": {"amount": 50, "per": "second", "burst": 50}}});
    match number {
        1 => {
            json!({"name": "checkout", "owner": "owner@acme.example", "budget": TEAM, "limits": [limit],
            "uses": [{"service": "api", "limits": []}, {"service": "strict", "limits": []}]})
        }
        3 => json!({"name": "batch", "owner": "owner@acme.example", "budget": TEAM, "limits": [],
            "uses": [{"service": "api", "models": ["gpt-5-mini"], "limits": []}]}),
        _ => json!({"name": "search", "owner": "owner@acme.example", "limits": [],
            "uses": [{"service": "api", "limits": []}]}),
    }
}
