//! A small ledger, written through the store as the service writes it.

use std::sync::Arc;

use key_sidecar::store::Store;
use key_sidecar::store::sqlite::SqliteStore;
use ledger::money::record::{Account, Change, Entry, TermRecord, What};
use serde_json::{Value, json};
use wire::budget::{Basis, Settlement, Term};
use wire::ids::{BudgetName, ClientName, HolderId, PriceListName, ServiceName};
use wire::money::{Nanos, Quantity};
use wire::units::{Millis, UnixMillis};
use wire::usage::Kind;

use crate::desk::Desk;

/// 2026-11-01 in New York.
pub(crate) const NOVEMBER: u64 = 1_793_505_600_000;
/// 2026-12-01 in New York, whose November is an hour longer.
pub(crate) const DECEMBER: u64 = NOVEMBER + (30 * 24 + 1) * 3_600_000;

/// The policy whose spend this is.
pub(crate) fn policy() -> Value {
    json!({
        "policy_version": 1,
        "organization": { "name": "acme", "currency": "USD", "time_zone": "America/New_York" },
        "services": { "openai": {
            "purpose": "language models", "cluster": "openai", "hosts": ["api.openai.com"],
            "credential": "openai-prod", "inject": { "as": "bearer" },
            "routes": [{ "match": "POST /v1/chat/completions", "usage": "openai-chat",
                         "prices": "openai-2026-11", "hold": "0.25" }],
        } },
        "prices": { "openai-2026-11": {
            "source": "a contract", "effective_from": "2026-11-01",
            "models": { "gpt-5-mini": {
                "also": ["gpt-5-mini-2026-08-07"],
                "input_per_million": "0.0375", "output_per_million": "2.00",
                "served": { "service_tier=flex": {
                    "input_per_million": "0.01875", "output_per_million": "1.00"
                } },
            } },
        } },
        "budgets": {
            "acme": { "cap": "5000.00", "every": "month", "owner": "finance@acme.example" },
            "search-team": { "within": "acme", "cap": "800.00", "every": "month",
                             "owner": "=lead@acme.example" },
        },
        "clients": { "checkout-api": {
            "owner": "payments@acme.example", "budget": "search-team", "may_use": { "openai": {} },
        } },
    })
}

/// What is about to be written.
pub(crate) struct Books {
    accounts: [Account; 2],
    entries: Vec<Entry>,
}

fn name(text: &str) -> BudgetName {
    BudgetName::parse(text).unwrap()
}

fn account(budget: &str, within: Option<&str>, cap: u64) -> Account {
    Account {
        budget: name(budget),
        period: "2026-11".into(),
        within: within.map(name),
        starts: UnixMillis(NOVEMBER),
        ends: Some(UnixMillis(DECEMBER)),
        cap: Some(Nanos(cap * 1_000_000_000)),
        settled: Nanos::ZERO,
        presumed: Nanos::ZERO,
        corrected: 0,
        reserved: Nanos(250_000_000),
    }
}

/// A call with so many input and output tokens at the list's price.
pub(crate) fn call(cost: u64, input: u64, output: u64) -> Settlement {
    let count = |kind, units| (kind, Quantity::whole(units).unwrap());
    Settlement {
        budget: name("search-team"),
        term: Term(1),
        client: ClientName::parse("checkout-api").unwrap(),
        service: ServiceName::parse("openai").unwrap(),
        route: "POST /v1/chat/completions".into(),
        model: Some("gpt-5-mini-2026-08-07".into()),
        calls: 1,
        cost: Nanos(cost),
        hold: Nanos(250_000_000),
        basis: Basis::Usage,
        counts: vec![count(Kind::Input, input), count(Kind::Output, output)],
        prices: PriceListName::parse("openai-2026-11").ok(),
        status: 200,
        upstream_id: Some("chatcmpl-1".into()),
        ago_ms: Millis::ZERO,
    }
}

impl Books {
    pub(crate) fn new() -> Self {
        let accounts = [account("search-team", Some("acme"), 800), account("acme", None, 5000)];
        Self { accounts, entries: Vec::new() }
    }

    /// Both accounts in another period.
    pub(crate) fn in_period(mut self, label: &str, starts: u64, ends: u64) -> Self {
        for account in &mut self.accounts {
            account.period = label.into();
            (account.starts, account.ends) = (UnixMillis(starts), Some(UnixMillis(ends)));
        }
        self
    }

    fn names(&self) -> Vec<(BudgetName, Arc<str>)> {
        self.accounts.iter().map(|one| (one.budget.clone(), one.period.clone())).collect()
    }

    fn enter(&mut self, at: u64, what: What) {
        let number = u64::try_from(self.entries.len()).unwrap() + 1;
        self.entries.push(Entry { number, at: UnixMillis(at), what });
    }

    pub(crate) fn settle(&mut self, ended: u64, settlement: Settlement) {
        for account in &mut self.accounts {
            account.settled.0 += settlement.cost.0;
        }
        let what = What::Settled {
            holder: HolderId(7),
            sequence: 1,
            ended: UnixMillis(ended),
            term: Term(1),
            settlement,
        };
        self.enter(ended + 40, what);
    }

    pub(crate) fn presume(&mut self, at: u64, amount: u64) {
        for account in &mut self.accounts {
            account.presumed.0 += amount;
        }
        self.enter(
            at,
            What::Presumed { holder: HolderId(7), term: Term(1), amount: Nanos(amount) },
        );
    }

    pub(crate) fn correct(&mut self, at: u64, amount: i64) {
        for account in &mut self.accounts {
            account.corrected += amount;
        }
        let what = What::Corrected {
            id: format!("id-{}", self.entries.len()).into(),
            accounts: self.names(),
            amount,
            who: "ada (uid 1000)".into(),
            why: "refund, invoice 7".into(),
        };
        self.enter(at, what);
    }

    /// Makes the accounts say more than their entries.
    pub(crate) fn tamper(&mut self, nanos: u64) {
        for account in &mut self.accounts {
            account.settled.0 += nanos;
        }
    }

    /// Writes it all, and goes on serving it: the store stays open.
    pub(crate) fn serve(self, desk: &Desk) -> SqliteStore {
        let mut store = SqliteStore::open(&desk.path("state")).unwrap();
        let term = TermRecord { term: Term(1), accounts: self.names() };
        // Accounts first: terms and entries name them.
        let changes: Vec<_> = self
            .accounts
            .into_iter()
            .rev()
            .map(Change::Account)
            .chain([Change::Term(term)])
            .chain(self.entries.into_iter().map(Change::Entry))
            .collect();
        store.commit(&changes).unwrap();
        store
    }
}

/// A November with a call that is rounded, one that was served at another price, one settled at the
/// hold, one that ends in December, a lease that ran out, and a refund in December.
pub(crate) fn november() -> Books {
    let mut books = Books::new();
    // 1 x 37500 and 1 x 2000000 picos: 2037.5 nanos.
    books.settle(NOVEMBER + 1_000, call(2_038, 1, 1));
    // Half of that price.
    books.settle(NOVEMBER + 2_000, call(1_018_750, 1_000, 1_000));
    let mut held = call(250_000_000, 0, 0);
    (held.basis, held.model, held.counts) = (Basis::Reserve, None, Vec::new());
    // The first day of that November has 25 hours.
    books.settle(NOVEMBER + 25 * 3_600_000, held);
    books.settle(DECEMBER + 10_000, call(2_038, 1, 1));
    books.presume(DECEMBER + 20_000, 5_000_000);
    books.correct(DECEMBER + 9 * 86_400_000, -1_500_000);
    books
}

/// What that November comes to.
pub(crate) const NOVEMBER_TOTAL: &str = "0.254522826";
