//! Records to store: a team's budget within the organization's, a month of both, calls on it.

use std::path::Path;
use std::sync::Arc;

use key_sidecar::store::sqlite::SqliteStore;
use ledger::money::record::{Account, Change, Entry, HolderRecord, LeaseRecord, TermRecord, What};
use wire::budget::{Basis, MoneyAnswer, Settlement, Term};
use wire::ids::{BudgetName, ClientName, HolderId, PriceListName, ServiceName};
use wire::money::{Nanos, Quantity};
use wire::units::{Millis, UnixMillis};
use wire::usage::Kind;

/// 2026-11-25T00:00:00Z.
pub(crate) const TODAY: u64 = 1_795_564_800_000;

pub(crate) const TERM: Term = Term(1);

pub(crate) fn budget(name: &str) -> BudgetName {
    BudgetName::parse(name).unwrap()
}

pub(crate) fn account(name: &str, period: &str, within: Option<&str>) -> Account {
    Account {
        budget: budget(name),
        period: period.into(),
        within: within.map(budget),
        starts: UnixMillis(1_793_491_200_000),
        ends: Some(UnixMillis(1_796_083_200_000)),
        cap: Some(Nanos(800_000_000_000)),
        settled: Nanos::ZERO,
        presumed: Nanos::ZERO,
        corrected: 0,
        reserved: Nanos::ZERO,
    }
}

/// Budget and period of the team's term, up to the organization's.
pub(crate) fn path() -> Vec<(BudgetName, Arc<str>)> {
    vec![(budget("team"), "2026-11".into()), (budget("acme"), "2026-11".into())]
}

/// Two accounts and the term of both.
pub(crate) fn opening() -> Vec<Change> {
    vec![
        Change::Account(account("acme", "2026-11", None)),
        Change::Account(account("team", "2026-11", Some("acme"))),
        Change::Term(TermRecord { term: TERM, accounts: path() }),
    ]
}

pub(crate) fn lease(holder: u128, lent: u64) -> Change {
    Change::Lease(LeaseRecord {
        holder: HolderId(holder),
        term: TERM,
        lent: Nanos(lent),
        presumed: Nanos::ZERO,
    })
}

pub(crate) fn holder(id: u128, sequence: u64) -> Change {
    Change::Holder(HolderRecord {
        holder: HolderId(id),
        sequence,
        answers: vec![MoneyAnswer {
            budget: budget("team"),
            term: Some(TERM),
            gets: Nanos(sequence),
            ttl_ms: Millis(10_000),
            recall: false,
            tightest: None,
            short: None,
        }],
        heard: UnixMillis(TODAY),
    })
}

pub(crate) fn entry(number: u64, what: What) -> Change {
    Change::Entry(Entry { number, at: UnixMillis(TODAY + number), what })
}

pub(crate) fn settled(number: u64, settlement: Settlement) -> Change {
    let what = What::Settled {
        holder: HolderId(7),
        sequence: number,
        ended: UnixMillis(TODAY + number - settlement.ago_ms.0),
        term: TERM,
        settlement,
    };
    entry(number, what)
}

/// A metered call.
pub(crate) fn call(client: &str, model: &str, cost: u64) -> Settlement {
    Settlement {
        budget: budget("team"),
        term: TERM,
        client: ClientName::parse(client).unwrap(),
        service: ServiceName::parse("openai").unwrap(),
        route: "POST /v1/chat/completions".into(),
        model: Some(model.into()),
        calls: 1,
        cost: Nanos(cost),
        hold: Nanos(250_000_000),
        basis: Basis::Usage,
        counts: vec![
            (Kind::Input, Quantity(1_200_000_000)),
            (Kind::CacheRead, Quantity(300_000_000)),
            (Kind::Output, Quantity(88_000_000)),
        ],
        prices: Some(PriceListName::parse("openai-2026-11").unwrap()),
        status: 200,
        upstream_id: Some("chatcmpl-1".to_owned()),
        ago_ms: Millis(1),
    }
}

pub(crate) fn corrected(number: u64, id: &str, amount: i64) -> Change {
    let what = What::Corrected {
        id: id.into(),
        accounts: path(),
        amount,
        who: "lead@acme.example".into(),
        why: "refund of an outage".into(),
    };
    entry(number, what)
}

/// A ledger on disk with the opening and these changes.
pub(crate) fn on_disk(state: &Path, changes: &[Change]) -> SqliteStore {
    use key_sidecar::store::Store;

    let mut store = SqliteStore::open(state).unwrap();
    store.commit(&opening()).unwrap();
    store.commit(changes).unwrap();
    store
}
