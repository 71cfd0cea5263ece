//! Where reports come from: the ledger's file, read beside the service, and the policy's words.
//!
//! The only file of `spend` that knows the store. A report is of one moment: [`Ledger::still`] is
//! taken before the first read.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use ledger::money::record::{Entry, What};
use policies::Policy;
use wire::budget::Settlement;
use wire::facts::PolicyFacts;
use wire::ids::{BudgetName, PriceListName};
use wire::units::{Millis, UnixMillis};

use super::super::output::note;
use super::super::policy;
use super::calendar::Calendar;
use super::charge::{Book, Selection};
use crate::config::Config;
use crate::store::spend::entries::{Line, Said};
use crate::store::spend::query::{Dimension, Filter, Key, Query};
use crate::store::spend::sums::SumRow;
use crate::store::spend::{Spend, Still};
use crate::store::{LATE_WORD_MAX, StoreError};

/// The ledger of a state directory.
#[derive(Debug)]
pub(super) struct Ledger(Spend);

impl Ledger {
    pub(super) fn open(state: &Path) -> Result<Self, StoreError> {
        Spend::in_state(state).map(Self)
    }

    /// Everything that is read while this lives is of one moment.
    pub(super) fn still(&self) -> Result<Still<'_>, StoreError> {
        self.0.still()
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn book(&self) -> Result<Book, StoreError> {
        let balances = self.0.balances(&Filter::default())?;
        let accounts = balances.into_iter().map(|balance| balance.account).collect();
        Ok(Book::new(accounts, self.0.terms()?))
    }

    /// The store's own sums of calls.
    pub(super) fn sums(&self, query: &Query) -> Result<Vec<SumRow>, StoreError> {
        self.0.sums(query)
    }

    /// Every price list that calls were priced with.
    pub(super) fn price_lists(&self) -> Result<Vec<PriceListName>, StoreError> {
        let rows = self.0.sums(&Query::by(&[Dimension::Prices]))?;
        let keys = rows.into_iter().flat_map(|row| row.keys);
        let name = |key| match key {
            Key::Name(Some(name)) => PriceListName::parse(&name).ok(),
            Key::Name(None) | Key::Start(_) => None,
        };
        Ok(keys.filter_map(name).collect())
    }

    /// The entries that can be meant, in order, and others.
    ///
    /// An entry counts in a period that may have ended before it was booked, so there is no end to
    /// look at; one that counts here can have happened before only as long ago as a holder may be
    /// cut off.
    pub(super) fn entries(
        &self,
        selection: &Selection,
    ) -> Result<impl Iterator<Item = Result<Entry, StoreError>> + '_, StoreError> {
        let Millis(late) = LATE_WORD_MAX;
        let from = selection.span.starts.0.saturating_sub(late);
        let lines = self.0.lines(Filter {
            from: (from > 0).then_some(UnixMillis(from)),
            clients: selection.client.as_ref().map(ToString::to_string).into_iter().collect(),
            services: selection.service.as_ref().map(ToString::to_string).into_iter().collect(),
            ..Filter::default()
        })?;
        Ok(lines.map(|line| line.map(entry)))
    }
}

/// A line of the store as the ledger said it.
fn entry(line: Line) -> Entry {
    let what = match line.said {
        Said::Settled(said) => What::Settled {
            holder: said.holder,
            sequence: said.sequence,
            ended: said.ended,
            term: said.term,
            settlement: Settlement {
                budget: said.budget,
                term: said.term,
                client: said.client,
                service: said.service,
                route: said.route,
                model: said.model,
                calls: said.calls,
                cost: said.cost,
                hold: said.hold,
                basis: said.basis,
                counts: said.counts,
                prices: said.prices,
                status: said.status,
                upstream_id: said.upstream_id.map(|id| id.as_ref().to_owned()),
                ago_ms: Millis::ZERO,
            },
        },
        Said::Presumed(said) => {
            What::Presumed { holder: said.holder, term: said.term, amount: said.amount }
        }
        Said::Unpresumed(said) => {
            What::Unpresumed { holder: said.holder, term: said.term, amount: said.amount }
        }
        Said::Corrected { id, accounts, amount, who, why } => {
            What::Corrected { id, accounts, amount, who, why }
        }
        Said::Capped { budget, period, from, to, by } => {
            What::Capped { budget, period, from, to, by }
        }
    };
    Entry { number: line.number, at: line.at, what }
}

/// What the policy says that reports need.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) organization: Arc<str>,
    pub(super) currency: Arc<str>,
    pub(super) calendar: Calendar,
    pub(super) facts: Option<PolicyFacts>,
    pub(super) owners: HashMap<BudgetName, Arc<str>>,
}

impl Words {
    /// Of a policy; the owners of these budgets.
    pub(super) fn of(policy: &Policy, book: &Book) -> Self {
        let organization = policy.organization();
        let names = book.accounts.iter().map(|account| &account.budget);
        let owner = |name: &BudgetName| {
            policy.budget(name).map(|budget| (name.clone(), Arc::clone(&budget.owner)))
        };
        Self {
            organization: organization.name.clone(),
            currency: organization.currency.clone(),
            calendar: Calendar::new(organization.time_zone.clone()),
            facts: Some(policy.plugin_facts()),
            owners: names.filter_map(owner).collect(),
        }
    }

    /// Of the configured policy or, while that does not check, without it: what was spent can be
    /// looked at all the same.
    pub(super) fn load(config: &Config, book: &Book) -> Self {
        match policy::load(&config.policy) {
            Ok(policy) => Self::of(&policy, book),
            Err(_) => {
                note(
                    "the policy does not check, so days are shown in UTC and money without its \
                     currency; `key-sidecar policy check` says why",
                );
                Self {
                    organization: "".into(),
                    currency: "".into(),
                    calendar: Calendar::new(TimeZone::UTC),
                    facts: None,
                    owners: HashMap::new(),
                }
            }
        }
    }
}
