//! A small ledger for the tests of all reports, and what is asked of charges.

use ledger::money::record::{Account, Entry, TermRecord, What};
use wire::budget::{Basis, Settlement, Term};
use wire::ids::{BudgetName, ClientName, HolderId, PriceListName, ServiceName};
use wire::money::{Nanos, Quantity};
use wire::units::{Millis, UnixMillis};
use wire::usage::Kind;

use super::*;

/// 2026-11-01T00:00:00Z.
pub(crate) const NOVEMBER: u64 = 1_793_491_200_000;
/// 2026-12-01T00:00:00Z.
pub(crate) const DECEMBER: u64 = NOVEMBER + 30 * 86_400_000;

pub(crate) fn budget(name: &str) -> BudgetName {
    BudgetName::parse(name).unwrap()
}

pub(crate) fn account(name: &str, within: Option<&str>, cap: &str, settled: &str) -> Account {
    Account {
        budget: budget(name),
        period: "2026-11".into(),
        within: within.map(budget),
        starts: UnixMillis(NOVEMBER),
        ends: Some(UnixMillis(DECEMBER)),
        cap: Nanos::parse(cap).ok(),
        settled: Nanos::parse(settled).unwrap(),
        presumed: Nanos::ZERO,
        corrected: 0,
        reserved: Nanos::ZERO,
    }
}

/// `search-team` within `acme`, both of them by the month.
pub(crate) fn book() -> Book {
    let accounts = vec![
        account("acme", None, "5000", "12"),
        account("search-team", Some("acme"), "800", "12"),
    ];
    let names = vec![(budget("search-team"), "2026-11".into()), (budget("acme"), "2026-11".into())];
    Book::new(accounts, vec![TermRecord { term: Term(1), accounts: names }])
}

pub(crate) fn settlement(cost: u64, counts: &[(Kind, u64)]) -> Settlement {
    Settlement {
        budget: budget("search-team"),
        term: Term(1),
        client: ClientName::parse("checkout-api").unwrap(),
        service: ServiceName::parse("openai").unwrap(),
        route: "POST /v1/chat/completions".into(),
        model: Some("gpt-5-mini".into()),
        calls: 1,
        cost: Nanos(cost),
        hold: Nanos(250_000_000),
        basis: Basis::Usage,
        counts: counts.iter().map(|(kind, n)| (*kind, Quantity::whole(*n).unwrap())).collect(),
        prices: PriceListName::parse("openai-2026-11").ok(),
        status: 200,
        upstream_id: None,
        ago_ms: Millis(0),
    }
}

pub(crate) fn settled(number: u64, ended: u64, settlement: Settlement) -> Entry {
    Entry {
        number,
        at: UnixMillis(ended + 50),
        what: What::Settled {
            holder: HolderId(7),
            sequence: number,
            ended: UnixMillis(ended),
            term: settlement.term,
            settlement,
        },
    }
}

pub(crate) fn presumed(number: u64, at: u64, amount: u64) -> Entry {
    let what = What::Presumed { holder: HolderId(7), term: Term(1), amount: Nanos(amount) };
    Entry { number, at: UnixMillis(at), what }
}

pub(crate) fn corrected(number: u64, at: u64, amount: i64, why: &str) -> Entry {
    let accounts =
        vec![(budget("search-team"), "2026-11".into()), (budget("acme"), "2026-11".into())];
    let what = What::Corrected {
        id: format!("id-{number}").into(),
        accounts,
        amount,
        who: "ada".into(),
        why: why.into(),
    };
    Entry { number, at: UnixMillis(at), what }
}

#[test]
fn a_call_that_ends_in_december_is_on_the_november_that_admitted_it() {
    let book = book();
    let entry = settled(1, DECEMBER + 10_000, settlement(5, &[]));
    let charge = book.charge(&entry).unwrap();
    assert_eq!(charge.at, UnixMillis(DECEMBER - 1));
    let november = Selection::of(book.period("2026-11").unwrap());
    assert!(november.takes(&charge));
    assert_eq!(Book::path(charge.accounts), "acme/search-team");
}

#[test]
fn a_correction_after_the_end_is_late_and_a_call_never_is() {
    let book = book();
    let late = corrected(1, DECEMBER + 9_000, -5, "refund");
    let early = corrected(2, NOVEMBER + 9_000, -5, "refund");
    let call = settled(3, DECEMBER + 10_000, settlement(5, &[]));
    let is_late = |entry: &Entry| book.charge(entry).unwrap().late;
    assert_eq!((is_late(&late), is_late(&early), is_late(&call)), (true, false, false));
}

#[test]
fn a_selection_of_a_client_has_no_corrections() {
    let book = book();
    let entry = corrected(1, NOVEMBER, -5, "refund");
    let charge = book.charge(&entry).unwrap();
    let mut selection = Selection::of(Span::EVER);
    selection.budget = Some(budget("acme"));
    assert!(selection.takes(&charge));
    selection.client = ClientName::parse("checkout-api").ok();
    assert!(!selection.takes(&charge));
}

#[test]
fn a_label_that_two_budgets_mean_differently_is_no_period() {
    let mut other = account("rome", None, "1", "0");
    other.starts = UnixMillis(NOVEMBER - 3_600_000);
    let book = Book::new(vec![account("acme", None, "1", "0"), other], Vec::new());
    assert_eq!(book.period("2026-11"), None);
    assert_eq!(book.period("2026-12"), None);
}
