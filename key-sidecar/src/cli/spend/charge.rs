//! An entry of the ledger as a charge: how much, on which accounts, and when it counts.
//!
//! A call belongs to the periods that admitted it, so a charge counts at the instant it happened or,
//! where that lies outside, at the nearest one inside: a call that ends ten seconds into December is
//! still November's. So the charges of a month, a day or an hour add up to what the accounts say.
//! Neighbours: `source` reads the ledger, all reports are made of charges.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::money::record::{Account, Entry, TermRecord, What};
use wire::budget::{Settlement, Term};
use wire::ids::{BudgetName, ClientName, ServiceName};
use wire::units::UnixMillis;

use super::amount::Money;
use super::calendar::Span;

/// Budget and period: an account's name.
pub(super) type AccountName = (BudgetName, Arc<str>);

/// The accounts of the ledger, and which of them a call is charged to.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    pub(super) accounts: Vec<Account>,
    spans: HashMap<AccountName, Span>,
    terms: HashMap<Term, Vec<AccountName>>,
}

/// A change of what was spent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge<'b> {
    /// The entry's number.
    pub(super) number: u64,
    /// When it counts.
    pub(super) at: UnixMillis,
    /// The accounts that it is on, from the charged one up.
    pub(super) accounts: &'b [AccountName],
    /// It was booked after the period that it counts in had ended.
    pub(super) late: bool,
    /// What it is.
    pub(super) what: Spent<'b>,
}

/// What was spent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spent<'b> {
    /// A call, or several alike.
    Call(&'b Settlement),
    /// A lease that ran out unsettled; less than zero where its holder spoke after all.
    Presumed(Money),
    /// A person's correction.
    Corrected {
        /// Added to what was spent.
        amount: Money,
        /// By whom.
        who: &'b str,
        /// For what reason.
        why: &'b str,
    },
}

impl Charge<'_> {
    pub(super) fn cost(&self) -> Money {
        match self.what {
            Spent::Call(settlement) => settlement.cost.into(),
            Spent::Presumed(amount) | Spent::Corrected { amount, .. } => amount,
        }
    }

    pub(super) const fn call(&self) -> Option<&Settlement> {
        match self.what {
            Spent::Call(settlement) => Some(settlement),
            _ => None,
        }
    }

    /// The budget that was charged.
    pub(super) fn budget(&self) -> Option<&BudgetName> {
        self.accounts.first().map(|(budget, _)| budget)
    }
}

impl Book {
    pub(super) fn new(accounts: Vec<Account>, terms: Vec<TermRecord>) -> Self {
        let span = |account: &Account| {
            let name = (account.budget.clone(), account.period.clone());
            (name, Span { starts: account.starts, ends: account.ends })
        };
        Self {
            spans: accounts.iter().map(span).collect(),
            terms: terms.into_iter().map(|term| (term.term, term.accounts)).collect(),
            accounts,
        }
    }

    /// What an entry charges; `None` if it charges nothing.
    pub(super) fn charge<'b>(&'b self, entry: &'b Entry) -> Option<Charge<'b>> {
        let of_term = |term: &Term| self.terms.get(term).map(Vec::as_slice).unwrap_or_default();
        let (accounts, happened, what) = match &entry.what {
            What::Settled { term, ended, settlement, .. } => {
                (of_term(term), *ended, Spent::Call(settlement))
            }
            What::Presumed { term, amount, .. } => {
                (of_term(term), entry.at, Spent::Presumed((*amount).into()))
            }
            What::Unpresumed { term, amount, .. } => {
                (of_term(term), entry.at, Spent::Presumed(Money::ZERO - (*amount).into()))
            }
            What::Corrected { accounts, amount, who, why, .. } => {
                let amount = Money((*amount).into());
                (accounts.as_slice(), entry.at, Spent::Corrected { amount, who, why })
            }
            What::Capped { .. } => return None,
        };
        let span = self.common_span(accounts);
        let late = !matches!(what, Spent::Call(_)) && span.ends.is_some_and(|end| entry.at >= end);
        Some(Charge { number: entry.number, at: span.clamp(happened), accounts, late, what })
    }

    /// When all these accounts are open: what a call can have been admitted in.
    fn common_span(&self, accounts: &[AccountName]) -> Span {
        let spans = accounts.iter().filter_map(|name| self.spans.get(name));
        spans.fold(Span::EVER, |all, one| Span {
            starts: all.starts.max(one.starts),
            ends: all.ends.into_iter().chain(one.ends).min(),
        })
    }

    /// The one span that all accounts of this period have; `None` if there is none, or several.
    pub(super) fn period(&self, label: &str) -> Option<Span> {
        let mut spans =
            self.spans.iter().filter(|((_, period), _)| &**period == label).map(|(_, span)| *span);
        let first = spans.next()?;
        spans.all(|span| span == first).then_some(first)
    }

    /// The budget's name with those that it lies in, from the root down: `acme/search-team`.
    pub(super) fn path(accounts: &[AccountName]) -> String {
        let names: Vec<_> = accounts.iter().rev().map(|(budget, _)| budget.as_str()).collect();
        names.join("/")
    }
}

/// Which charges a report is about.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub(super) span: Span,
    pub(super) budget: Option<BudgetName>,
    pub(super) client: Option<ClientName>,
    pub(super) service: Option<ServiceName>,
}

impl Selection {
    /// All charges of a time.
    pub(super) const fn of(span: Span) -> Self {
        Self { span, budget: None, client: None, service: None }
    }

    pub(super) fn takes(&self, charge: &Charge<'_>) -> bool {
        let call = charge.call();
        self.span.contains(charge.at)
            && self
                .budget
                .as_ref()
                .is_none_or(|wanted| charge.accounts.iter().any(|(budget, _)| budget == wanted))
            && self
                .client
                .as_ref()
                .is_none_or(|wanted| call.is_some_and(|call| &call.client == wanted))
            && self
                .service
                .as_ref()
                .is_none_or(|wanted| call.is_some_and(|call| &call.service == wanted))
    }

    /// Whether an entry about a cap is meant, which charges nothing: it counts when it was booked.
    pub(super) fn takes_cap(&self, entry: &Entry) -> bool {
        let What::Capped { budget, .. } = &entry.what else {
            return false;
        };
        self.span.contains(entry.at)
            && self.budget.as_ref().is_none_or(|wanted| wanted == budget)
            && self.client.is_none()
            && self.service.is_none()
    }
}

#[cfg(test)]
pub(super) mod tests;
