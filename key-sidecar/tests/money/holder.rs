//! A plugin's side of the conversation, as one worker of an Envoy has it.

use wire::budget::{Basis, MoneyAnswer, MoneyLine, Settlement, Term};
use wire::client_key;
use wire::ids::{BudgetName, ClientName, HolderId, ServiceName};
use wire::money::Nanos;
use wire::sync::{PROTOCOL, SyncRequest, WhoIs};
use wire::units::Millis;

/// The client key that the test policy knows.
pub(crate) const KEY: &str = "key-of-checkout-api";

/// What it says next, and what it has.
pub(crate) struct Holder {
    id: HolderId,
    sequence: u64,
    pub(crate) term: Option<Term>,
    pub(crate) free: u64,
}

pub(crate) fn budget(name: &str) -> BudgetName {
    BudgetName::parse(name).unwrap()
}

impl Holder {
    pub(crate) fn new(id: u128) -> Self {
        Self { id: HolderId(id), sequence: 0, term: None, free: 0 }
    }

    /// A request that says nothing.
    pub(crate) fn greet(&mut self) -> SyncRequest {
        self.sequence += 1;
        SyncRequest {
            protocol: PROTOCOL,
            holder: self.id,
            sequence: self.sequence,
            epoch: None,
            policy: None,
            directory: 0,
            who: vec![],
            credentials: vec![],
            leases: vec![],
            money: vec![],
            settlements: vec![],
        }
    }

    /// Asks whose the key is.
    pub(crate) fn ask_who(&mut self) -> SyncRequest {
        let service = ServiceName::parse("openai").unwrap();
        let who = vec![WhoIs { digest: client_key::digest(KEY.as_bytes()), service }];
        SyncRequest { who, ..self.greet() }
    }

    /// Asks for money of a budget.
    pub(crate) fn want(&mut self, name: &str, wants: u64) -> SyncRequest {
        let line = self.line(name, wants);
        SyncRequest { money: vec![line], ..self.greet() }
    }

    /// Says what a call of its money has cost, and asks for more.
    pub(crate) fn settle(&mut self, name: &str, cost: u64, wants: u64) -> SyncRequest {
        self.free -= cost;
        let settlement = Settlement {
            budget: budget(name),
            term: self.term.unwrap(),
            client: ClientName::parse("checkout-api").unwrap(),
            service: ServiceName::parse("openai").unwrap(),
            route: "POST /v1/chat/completions".into(),
            model: None,
            calls: 1,
            cost: Nanos(cost),
            hold: Nanos(cost),
            basis: Basis::Flat,
            counts: vec![],
            prices: None,
            status: 200,
            upstream_id: None,
            ago_ms: Millis::ZERO,
        };
        SyncRequest { settlements: vec![settlement], ..self.want(name, wants) }
    }

    fn line(&self, name: &str, wants: u64) -> MoneyLine {
        let (wants, returned) = (Nanos(wants), Nanos::ZERO);
        MoneyLine { budget: budget(name), term: self.term, returned, wants, least: wants }
    }

    /// Takes what it was lent: how much that was.
    pub(crate) fn take(&mut self, answers: &[MoneyAnswer]) -> u64 {
        let [answer] = answers else { panic!("one budget, one answer: {answers:?}") };
        self.term = answer.term;
        self.free += answer.gets.0;
        answer.gets.0
    }
}
