//! The command `spend show`.

use clap::Args;
use wire::ids::{BudgetName, ClientName, ServiceName};
use wire::units::UnixMillis;

use super::super::super::output::{Failure, note, print, print_json};
use super::super::charge::{Book, Selection};
use super::super::source::{Ledger, Words};
use super::super::when::When;
use super::balances::{Balances, Which};
use super::{Dimension, Sums, tally};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::StoreError;

/// Show what was spent.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// What the lines stand for
    #[arg(long, value_enum, default_value_t = Dimension::Budget)]
    by: Dimension,
    /// Only this budget, with what lies in it
    #[arg(long, value_parser = BudgetName::parse)]
    budget: Option<BudgetName>,
    /// Only this client
    #[arg(long, value_parser = ClientName::parse)]
    client: Option<ClientName>,
    /// Only this service
    #[arg(long, value_parser = ServiceName::parse)]
    service: Option<ServiceName>,
    #[command(flatten)]
    when: When,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(in super::super) fn run(self, config: &Config) -> Result<(), Failure> {
        let ledger = Ledger::open(&config.state)?;
        let _still = ledger.still()?;
        let book = ledger.book()?;
        let words = Words::load(config, &book);
        let of_calls = self.client.is_some() || self.service.is_some();
        match self.by {
            Dimension::Budget if !of_calls => self.balances(&book, &words, Clock::system().wall()),
            _ => self.sums(&ledger, &book, &words),
        }
    }

    /// The accounts as they stand.
    fn balances(&self, book: &Book, words: &Words, now: UnixMillis) -> Result<(), Failure> {
        let which = match (&self.when.period, self.when.is_range()) {
            (Some(label), _) => Which::Period(label.clone()),
            (None, true) => Which::Within(self.when.span(book, &words.calendar)?),
            (None, false) => Which::At(now),
        };
        let balances = Balances::new(book, &which, self.budget.as_ref());
        if self.json {
            return print_json(&balances.json(&words.currency));
        }
        if balances.is_empty() {
            note("no budget has such a period in the ledger; one begins with its first call");
            return Ok(());
        }
        print(&balances.table(&words.currency))
    }

    /// The entries, added up.
    fn sums(&self, ledger: &Ledger, book: &Book, words: &Words) -> Result<(), Failure> {
        let selection = Selection {
            span: self.when.span(book, &words.calendar)?,
            budget: self.budget.clone(),
            client: self.client.clone(),
            service: self.service.clone(),
        };
        let sums = match self.tallied(ledger, book, &selection)? {
            Some(sums) => sums,
            None => self.read(ledger, book, &selection, words)?,
        };
        match self.json {
            true => print_json(&sums.json(&words.currency)),
            false => print(&sums.table(&words.currency)),
        }
    }

    /// The store's own sums, where they are certain.
    fn tallied(
        &self,
        ledger: &Ledger,
        book: &Book,
        selection: &Selection,
    ) -> Result<Option<Sums>, StoreError> {
        match self.when.is_range() {
            true => Ok(None),
            false => tally::sums(ledger, book, self.by, selection, self.when.period.as_deref()),
        }
    }

    /// Entry by entry.
    fn read(
        &self,
        ledger: &Ledger,
        book: &Book,
        selection: &Selection,
        words: &Words,
    ) -> Result<Sums, StoreError> {
        let mut sums = Sums::new(self.by);
        for entry in ledger.entries(selection)? {
            let entry = entry?;
            if let Some(charge) = book.charge(&entry).filter(|charge| selection.takes(charge)) {
                sums.add(&charge, &words.calendar);
            }
        }
        Ok(sums)
    }
}
