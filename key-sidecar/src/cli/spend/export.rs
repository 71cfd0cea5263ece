//! `spend export`: the ledger as FOCUS 1.2, as a chargeback file, or as it is.
//!
//! Entries are read one after the other and written as they come; what has to be added up is kept in
//! bounded memory (`rows`). Before a file gets its name it is proved to be the ledger (`proof`). The
//! way of an entry: `lines` makes of a charge what a bill shows, `focus` and `chargeback` add that up
//! to rows, `sheet` writes them; `ndjson` writes entries.

mod chargeback;
mod focus;
mod lines;
mod ndjson;
mod prices;
mod proof;
mod rows;
mod sheet;
mod sink;
mod unit;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ledger::money::record::Entry;
use wire::ids::{BudgetName, ClientName, ServiceName};

use super::super::output::{Failure, note};
use super::super::policy;
use super::calendar::Grain;
use super::charge::{Charge, Selection};
use super::source::{Ledger, Words};
use super::when::When;
use crate::config::Config;

use self::chargeback::Chargeback;
use self::focus::{Focus, Issuer};
use self::ndjson::Ndjson;
use self::prices::Prices;
use self::proof::Proof;
use self::sink::Sink;

/// Which file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// FOCUS 1.2, CSV
    Focus,
    /// A bill for each cost centre, CSV
    Chargeback,
    /// The entries themselves, one a line
    Ndjson,
}

/// Export the ledger.
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// Which file
    #[arg(long, value_enum)]
    format: Format,
    #[command(flatten)]
    when: When,
    /// Only this budget, with what lies in it
    #[arg(long, value_parser = BudgetName::parse)]
    budget: Option<BudgetName>,
    /// Only this client
    #[arg(long, value_parser = ClientName::parse)]
    client: Option<ClientName>,
    /// Only this service
    #[arg(long, value_parser = ServiceName::parse)]
    service: Option<ServiceName>,
    /// FOCUS: how long the charge period of a row is
    #[arg(long, value_enum, default_value_t = Grain::Day)]
    grain: Grain,
    /// Where the file goes, whole or not at all; standard output if left out
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self, config: &Config) -> Result<(), Failure> {
        let policy = policy::load(&config.policy)?;
        let ledger = Ledger::open(&config.state)?;
        let _still = ledger.still()?;
        let book = ledger.book()?;
        let words = Words::of(&policy, &book);
        let selection = Selection {
            span: self.when.span(&book, &words.calendar)?,
            budget: self.budget.clone(),
            client: self.client.clone(),
            service: self.service.clone(),
        };
        let mut sink = Sink::open(self.output.as_deref()).map_err(|error| self.failure(error))?;
        let mut proof = Proof::default();
        let lists = ledger.price_lists()?;
        let lists = lists.iter().filter_map(|name| policy.prices(name));
        let facts = policy.plugin_facts();
        let prices = Prices::new(&facts.services, lists.map(|prices| prices.list.clone()));
        let mut writer = self.writer(&mut sink, words, prices)?;
        for entry in ledger.entries(&selection)? {
            let entry = entry?;
            let charge = book.charge(&entry).filter(|charge| selection.takes(charge));
            if let Some(charge) = &charge {
                proof.add(charge);
            }
            writer.add(&entry, charge.as_ref(), &selection)?;
        }
        let (rows, total) = (writer.finish()?, proof.total());
        if self.budget.is_none() && self.client.is_none() && self.service.is_none() {
            proof.check(&book, selection.span).map_err(Failure::refused)?;
        }
        sink.finish().map_err(|error| self.failure(error))?;
        note(&format!("{rows} rows, {total} {} in all", policy.organization().currency));
        Ok(())
    }

    fn writer<W: Write>(&self, out: W, words: Words, prices: Prices) -> io::Result<Writer<W>> {
        Ok(match self.format {
            Format::Focus => {
                let issuer = Issuer {
                    organization: words.organization,
                    currency: words.currency,
                    calendar: words.calendar,
                };
                Writer::Focus(Box::new(Focus::new(out, issuer, self.grain)?), prices)
            }
            Format::Chargeback => {
                let file = Chargeback::new(out, words.currency, words.owners)?;
                Writer::Chargeback(Box::new(file), prices)
            }
            Format::Ndjson => Writer::Ndjson(Ndjson::new(out)),
        })
    }

    /// Names the file; standard output needs no name, and a closed one is no failure.
    fn failure(&self, error: io::Error) -> Failure {
        match &self.output {
            None => error.into(),
            Some(path) => Failure::refused(format!("cannot write {}: {error}", path.display())),
        }
    }
}

/// A file that is being written.
enum Writer<W: Write> {
    Focus(Box<Focus<W>>, Prices),
    Chargeback(Box<Chargeback<W>>, Prices),
    Ndjson(Ndjson<W>),
}

impl<W: Write> Writer<W> {
    fn add(
        &mut self,
        entry: &Entry,
        charge: Option<&Charge<'_>>,
        selection: &Selection,
    ) -> io::Result<()> {
        match (self, charge) {
            (Self::Focus(file, prices), Some(charge)) => file.add(charge, prices),
            (Self::Chargeback(file, prices), Some(charge)) => file.add(charge, prices),
            (Self::Ndjson(file), charge) if charge.is_some() || selection.takes_cap(entry) => {
                file.add(entry, charge)
            }
            _ => Ok(()),
        }
    }

    fn finish(self) -> io::Result<u64> {
        match self {
            Self::Focus(file, _) => file.finish(),
            Self::Chargeback(file, _) => file.finish(),
            Self::Ndjson(file) => file.finish(),
        }
    }
}
