//! The command `spend reconcile`.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use wire::facts::PolicyFacts;

use super::super::super::output::{Failure, note, print, print_json};
use super::super::calendar::Calendar;
use super::super::charge::{Book, Selection};
use super::super::source::{Ledger, Words};
use super::super::when;
use super::invoice::{self, InvoiceRow, Mapping};
use super::{Comparison, Metered, Tolerance};
use crate::config::Config;

/// Compare the ledger with an invoice.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reconcile {
    /// The invoice, a CSV file with a heading
    #[arg(long, value_name = "FILE")]
    invoice: PathBuf,
    /// Which column has which field: service, model, amount, period. May be repeated
    #[arg(long, value_name = "FIELD=COLUMN", value_parser = Mapping::parse)]
    map: Vec<Mapping>,
    /// The service that a name of the invoice means. May be repeated
    #[arg(long, value_name = "NAME=SERVICE", value_parser = parse_name)]
    name: Vec<(String, String)>,
    /// The period; that of the invoice if it names one
    #[arg(long, value_name = "PERIOD")]
    period: Option<String>,
    /// How much drift of a line is nothing to look at: a share of it or an amount
    #[arg(long, value_name = "SHARE|AMOUNT", default_value = "1%", value_parser = Tolerance::parse)]
    tolerance: Tolerance,
    /// What stands between the invoice's columns
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = parse_delimiter)]
    delimiter: u8,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Reconcile {
    pub(in super::super) fn run(self, config: &Config) -> Result<(), Failure> {
        let rows = self.read()?;
        let label = invoice::period(&rows, self.period.as_deref()).map_err(Failure::refused)?;
        let ledger = Ledger::open(&config.state)?;
        let _still = ledger.still()?;
        let book = ledger.book()?;
        let words = Words::load(config, &book);
        let selection = Selection::of(when::period(&label, &book, &words.calendar)?);
        let names = model_names(words.facts.as_ref());
        let canonical =
            |model: &Arc<str>| names.get(model).cloned().unwrap_or_else(|| Arc::clone(model));
        let mut metered = Metered::default();
        for entry in ledger.entries(&selection)? {
            let entry = entry?;
            if let Some(charge) = book.charge(&entry).filter(|charge| selection.takes(charge)) {
                metered.add(&charge, canonical);
            }
        }
        let rows = self.of_period(rows, &label, &book, &words.calendar);
        let rows: Vec<_> =
            rows.into_iter().map(|row| renamed(row, &self.name, canonical)).collect();
        let comparison = Comparison::new(&metered, &rows, self.tolerance);
        match self.json {
            true => print_json(&comparison.json(&words.currency, &label))?,
            false => print(&comparison.table(&words.currency))?,
        }
        match comparison.agrees() {
            true => Ok(()),
            false => Err(Failure::refused("the invoice differs by more than the tolerance")),
        }
    }

    fn read(&self) -> Result<Vec<InvoiceRow>, Failure> {
        let path = self.invoice.display();
        let file = File::open(&self.invoice)
            .map_err(|error| Failure::refused(format!("cannot read {path}: {error}")))?;
        invoice::read(file, self.delimiter, &self.map)
            .map_err(|errors| Failure::refused(format!("{path} is no invoice:\n{errors}")))
    }

    /// The rows of the period, and those that name none.
    fn of_period(
        &self,
        rows: Vec<InvoiceRow>,
        label: &str,
        book: &Book,
        calendar: &Calendar,
    ) -> Vec<InvoiceRow> {
        let whole = when::period(label, book, calendar).ok();
        let is_in = |row: &InvoiceRow| match &row.period {
            None => true,
            Some(named) if named == label => true,
            Some(named) => calendar.label(named).zip(whole).is_some_and(|(part, whole)| {
                whole.contains(part.starts) && part.ends.is_some_and(|end| whole.clamp(end) == end)
            }),
        };
        let before = rows.len();
        let rows: Vec<_> = rows.into_iter().filter(is_in).collect();
        match before.saturating_sub(rows.len()) {
            0 => {}
            others => note(&format!("{others} lines of the invoice are of other periods")),
        }
        rows
    }
}

/// The row with the names that the policy has.
fn renamed(
    row: InvoiceRow,
    names: &[(String, String)],
    canonical: impl Fn(&Arc<str>) -> Arc<str>,
) -> InvoiceRow {
    let service = names.iter().find(|(name, _)| *name == row.service).map(|(_, name)| name.clone());
    InvoiceRow {
        service: service.unwrap_or(row.service),
        model: row.model.map(|model| canonical(&Arc::from(model)).to_string()),
        ..row
    }
}

/// What the price lists call the models that answers and invoices have other names for.
fn model_names(facts: Option<&PolicyFacts>) -> HashMap<Arc<str>, Arc<str>> {
    let lists = facts.map(|facts| facts.price_lists.as_slice()).unwrap_or_default();
    let models = lists.iter().flat_map(|list| &list.models);
    models
        .flat_map(|model| {
            model.also.iter().map(|also| (Arc::clone(also), Arc::clone(&model.model)))
        })
        .collect()
}

fn parse_name(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((name, service)) if !name.is_empty() && !service.is_empty() => {
            Ok((name.to_owned(), service.to_owned()))
        }
        _ => Err(format!("{text:?} is no pair: write NAME=SERVICE, as in \"OpenAI, LLC=openai\"")),
    }
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [one] => Ok(*one),
        _ => Err(format!("{text:?} is not one character, such as ; or ,")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_comma_and_an_equals_sign_is_a_name() {
        let pair = |one: &str, other: &str| Ok((one.to_owned(), other.to_owned()));
        assert_eq!(parse_name("OpenAI, LLC=openai"), pair("OpenAI, LLC", "openai"));
        assert_eq!(parse_name("a=b=c"), pair("a=b", "c"));
        assert!(parse_name("openai=").is_err());
    }
}
