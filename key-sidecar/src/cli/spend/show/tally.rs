//! Sums that need not read every call: the store adds calls up as it books them.
//!
//! Only where that is certain to be the same as reading the entries, which is the meaning of a report:
//! by what a call says of itself, and either for one budget or where the calls come to what the
//! outermost accounts say. `None` sends the command to the entries.

use ledger::money::record::Account;
use wire::ids::BudgetName;

use super::super::amount::Money;
use super::super::calendar::Span;
use super::super::charge::{Book, Selection};
use super::super::source::Ledger;
use super::{Dimension, Sum, Sums};
use crate::store::StoreError;
use crate::store::spend::query::{self, Filter, Key, Query, Scope};

/// The sums of a period, or of all time, from the store's own; `None` if they are not certain.
pub(super) fn sums(
    ledger: &Ledger,
    book: &Book,
    by: Dimension,
    selection: &Selection,
    period: Option<&str>,
) -> Result<Option<Sums>, StoreError> {
    let Some(dimensions) = dimensions(by) else {
        return Ok(None);
    };
    if period.is_some_and(|label| !names_all_of(book, label, selection.span)) {
        return Ok(None);
    }
    let mut sums = Sums::new(by);
    for row in ledger.sums(&Query {
        by: dimensions.to_vec(),
        filter: filter(selection, period),
        ..Query::default()
    })? {
        let sum = Sum {
            calls: row.sum.calls,
            cost: Money(row.sum.cost_nanos),
            estimated: Money(row.sum.at_hold_nanos),
            of_calls: Money(row.sum.cost_nanos),
        };
        sums.put(words(&row.keys), sum);
    }
    let of_calls = selection.client.is_some() || selection.service.is_some();
    let certain = of_calls || add_others(&mut sums, book, selection.budget.as_ref(), period);
    Ok(certain.then_some(sums))
}

/// Days are cut off at the ends of periods, and periods are those of the charged budget: entries know.
const fn dimensions(by: Dimension) -> Option<&'static [query::Dimension]> {
    match by {
        Dimension::Client => Some(&[query::Dimension::Client]),
        Dimension::Service => Some(&[query::Dimension::Service]),
        Dimension::Route => Some(&[query::Dimension::Service, query::Dimension::Route]),
        Dimension::Model => Some(&[query::Dimension::Model]),
        Dimension::Basis => Some(&[query::Dimension::Basis]),
        Dimension::Budget | Dimension::Period | Dimension::Day => None,
    }
}

/// Whether every account that shares some of this time has this name.
fn names_all_of(book: &Book, label: &str, span: Span) -> bool {
    let shares = |account: &&Account| {
        account.ends.is_none_or(|ends| span.starts < ends)
            && span.ends.is_none_or(|ends| account.starts < ends)
    };
    book.accounts.iter().filter(shares).all(|account| *account.period == *label)
}

fn filter(selection: &Selection, period: Option<&str>) -> Filter {
    let budget = selection.budget.as_ref();
    Filter {
        scope: if budget.is_some() { Scope::Path } else { Scope::Charged },
        budgets: budget.map(ToString::to_string).into_iter().collect(),
        periods: period.map(str::to_owned).into_iter().collect(),
        clients: selection.client.as_ref().map(ToString::to_string).into_iter().collect(),
        services: selection.service.as_ref().map(ToString::to_string).into_iter().collect(),
        ..Filter::default()
    }
}

fn words(keys: &[Key]) -> String {
    let word = |key: &Key| match key {
        Key::Name(Some(name)) => name.to_string(),
        Key::Name(None) | Key::Start(_) => "(no model)".to_owned(),
    };
    keys.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Adds what is no call, as the accounts of the budget have it, or the outermost ones. Says whether
/// those accounts have the same calls.
fn add_others(
    sums: &mut Sums,
    book: &Book,
    budget: Option<&BudgetName>,
    period: Option<&str>,
) -> bool {
    let meant = |account: &&Account| match budget {
        Some(budget) => account.budget == *budget,
        None => account.within.is_none(),
    };
    let accounts: Vec<_> = book
        .accounts
        .iter()
        .filter(meant)
        .filter(|account| period.is_none_or(|label| *account.period == *label))
        .collect();
    let settled: Money = accounts.iter().map(|account| Money::from(account.settled)).sum();
    let certain = settled == sums.total.of_calls;
    let presumed = accounts.iter().map(|account| Money::from(account.presumed)).sum();
    let corrected = accounts.iter().map(|account| Money(account.corrected.into())).sum();
    for (word, cost) in [(super::PRESUMED, presumed), (super::CORRECTIONS, corrected)] {
        if cost != Money::ZERO {
            sums.put(word.to_owned(), Sum { cost, ..Sum::default() });
        }
    }
    certain
}
