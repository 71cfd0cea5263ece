//! An invoice as CSV: a provider's own columns, mapped to ours, every wrong cell named.
//!
//! Wanted are who was paid and how much; a model and a period where the invoice has them. Nothing is
//! guessed: an amount with a currency sign or a comma is an error that names line and column.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;

use super::super::amount::Money;

/// More mistakes than these help nobody.
const ERRORS_MAX: usize = 20;

/// What an invoice tells us.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Field {
    /// Who is paid: a service of the policy, or a name that --name maps to one
    Service,
    /// Which model; may be missing
    Model,
    /// How much, in the policy's currency
    Amount,
    /// Which period; may be missing
    Period,
}

impl Field {
    const ALL: [Self; 4] = [Self::Service, Self::Model, Self::Amount, Self::Period];

    /// Its name, and the headings that are taken for it unless `--map` says otherwise.
    const fn headings(self) -> &'static [&'static str] {
        match self {
            Self::Service => &["service", "provider"],
            Self::Model => &["model"],
            Self::Amount => &["amount", "cost"],
            Self::Period => &["period", "month"],
        }
    }

    fn name(self) -> &'static str {
        self.headings().first().copied().unwrap_or_default()
    }
}

/// Which column a field is in: `--map amount="Total Cost"`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mapping {
    field: Field,
    column: String,
}

impl Mapping {
    /// Reads one, for the command line.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "{text:?} is no mapping: write FIELD=COLUMN, as in amount=\"Total Cost\"; fields are \
                 service, model, amount, period"
            )
        };
        let (name, column) = text.split_once('=').ok_or_else(expected)?;
        let field = Field::ALL.into_iter().find(|field| field.name() == name);
        match (field, column) {
            (Some(field), column) if !column.is_empty() => {
                Ok(Self { field, column: column.to_owned() })
            }
            _ => Err(expected()),
        }
    }
}

/// A line of an invoice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct InvoiceRow {
    pub(super) service: String,
    pub(super) model: Option<String>,
    pub(super) amount: Money,
    pub(super) period: Option<String>,
}

/// All that is wrong with an invoice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct InvoiceErrors(Vec<String>);

impl fmt::Display for InvoiceErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().take(ERRORS_MAX);
        out.write_str(&shown.map(String::as_str).collect::<Vec<_>>().join("\n"))?;
        match self.0.len().saturating_sub(ERRORS_MAX) {
            0 => Ok(()),
            more => write!(out, "\nand {more} more"),
        }
    }
}

/// Reads an invoice.
pub(super) fn read(
    file: impl Read,
    delimiter: u8,
    mappings: &[Mapping],
) -> Result<Vec<InvoiceRow>, InvoiceErrors> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(file);
    let heading = reader.headers().map_err(|error| InvoiceErrors(vec![error.to_string()]))?;
    let columns = Columns::find(heading, mappings)?;
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for record in reader.records() {
        match record {
            Ok(record) if record.iter().all(str::is_empty) => {}
            Ok(record) => match columns.row(&record) {
                Ok(row) => rows.push(row),
                Err(mut wrong) => errors.append(&mut wrong),
            },
            Err(error) => errors.push(error.to_string()),
        }
    }
    if errors.is_empty() { Ok(rows) } else { Err(InvoiceErrors(errors)) }
}

/// Where the fields are.
#[derive(Debug)]
struct Columns {
    service: (usize, String),
    amount: (usize, String),
    model: Option<usize>,
    period: Option<usize>,
}

impl Columns {
    fn find(heading: &csv::StringRecord, mappings: &[Mapping]) -> Result<Self, InvoiceErrors> {
        let mut errors = Vec::new();
        let mut place = |field: Field| match column_of(heading, mappings, field) {
            Ok(found) => found,
            Err(why) => {
                errors.push(why);
                None
            }
        };
        let [service, model, amount, period] = Field::ALL.map(&mut place);
        for (field, found) in [(Field::Service, &service), (Field::Amount, &amount)] {
            if found.is_none() && errors.is_empty() {
                errors.push(format!(
                    "line 1: no column is called {}; it has {}; say which one it is with --map \
                     {}=COLUMN",
                    field.headings().join(" or "),
                    heading.iter().collect::<Vec<_>>().join(", "),
                    field.name(),
                ));
            }
        }
        let named =
            |at: Option<usize>| at.map(|at| (at, heading.get(at).unwrap_or_default().to_owned()));
        match (named(service), named(amount)) {
            (Some(service), Some(amount)) if errors.is_empty() => {
                Ok(Self { service, amount, model, period })
            }
            _ => Err(InvoiceErrors(errors)),
        }
    }

    fn row(&self, record: &csv::StringRecord) -> Result<InvoiceRow, Vec<String>> {
        let line = record.position().map_or(0, csv::Position::line);
        let mut errors = Vec::new();
        let service = record.get(self.service.0).unwrap_or_default();
        if service.is_empty() {
            errors.push(format!("line {line}, column {}: who is paid is missing", self.service.1));
        }
        let text = record.get(self.amount.0).unwrap_or_default();
        let amount = Money::parse(text).unwrap_or_else(|error| {
            errors.push(format!(
                "line {line}, column {}: {text:?} is no amount: {error}",
                self.amount.1
            ));
            Money::ZERO
        });
        let optional = |at: Option<usize>| {
            at.and_then(|at| record.get(at)).filter(|cell| !cell.is_empty()).map(str::to_owned)
        };
        let row = InvoiceRow {
            service: service.to_owned(),
            model: optional(self.model),
            amount,
            period: optional(self.period),
        };
        if errors.is_empty() { Ok(row) } else { Err(errors) }
    }
}

fn column_of(
    heading: &csv::StringRecord,
    mappings: &[Mapping],
    field: Field,
) -> Result<Option<usize>, String> {
    let find = |name: &str| heading.iter().position(|column| column.eq_ignore_ascii_case(name));
    match mappings.iter().find(|mapping| mapping.field == field) {
        Some(mapping) => find(&mapping.column).map(Some).ok_or_else(|| {
            format!(
                "line 1: there is no column {:?}, which --map names; it has {}",
                mapping.column,
                heading.iter().collect::<Vec<_>>().join(", ")
            )
        }),
        None => Ok(field.headings().iter().find_map(|name| find(name))),
    }
}

/// The period that the invoice is of: the one that was asked for, or the only one that it names.
pub(super) fn period(rows: &[InvoiceRow], asked: Option<&str>) -> Result<String, String> {
    let named: BTreeSet<&str> = rows.iter().filter_map(|row| row.period.as_deref()).collect();
    match (asked, named.first(), named.len()) {
        (Some(asked), ..) => Ok(asked.to_owned()),
        (None, Some(only), 1) => Ok((*only).to_owned()),
        (None, _, 0) => Err("the invoice does not say of which period it is: name it with \
                             --period, as in --period 2026-11"
            .into()),
        (None, ..) => {
            let names = named.into_iter().collect::<Vec<_>>().join(", ");
            Err(format!("the invoice has several periods ({names}): say which with --period"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, mappings: &[&str]) -> Result<Vec<InvoiceRow>, InvoiceErrors> {
        let mappings: Vec<_> = mappings.iter().map(|text| Mapping::parse(text).unwrap()).collect();
        read(text.as_bytes(), b',', &mappings)
    }

    #[test]
    fn columns_are_found_by_name_or_mapped() {
        let expected = vec![InvoiceRow {
            service: "openai".into(),
            model: Some("gpt-5-mini".into()),
            amount: Money(12_500_000_000),
            period: Some("2026-11".into()),
        }];
        let plain = "Period,Provider,Model,Amount\n2026-11,openai,gpt-5-mini,12.50\n\n";
        assert_eq!(rows(plain, &[]), Ok(expected.clone()));
        let own = "\u{feff}Vendor,What,When,\"Total, net\"\nopenai , gpt-5-mini,2026-11,12.5\n";
        let maps = ["service=Vendor", "model=What", "period=When", "amount=Total, net"];
        assert_eq!(rows(own, &maps), Ok(expected));
    }

    #[test]
    fn every_wrong_cell_is_named_by_line_and_column() {
        let text = "service,amount\nopenai,$5\n,1\nopenai,\"1,234.50\"\nopenai,1,2\n";
        let errors = rows(text, &[]).unwrap_err().to_string();
        let lines: Vec<_> = errors.lines().collect();
        assert!(lines[0].starts_with("line 2, column amount: \"$5\" is no amount"), "{errors}");
        assert!(lines[1].starts_with("line 3, column service"), "{errors}");
        assert!(lines[2].starts_with("line 4, column amount: \"1,234.50\""), "{errors}");
        assert!(lines[3].contains("line: 5"), "{errors}");
    }

    #[test]
    fn a_column_that_is_not_there_is_asked_for() {
        let errors = rows("vendor,amount\nx,1\n", &[]).unwrap_err().to_string();
        assert!(errors.contains("no column is called service or provider"), "{errors}");
        assert!(errors.contains("--map service=COLUMN"), "{errors}");
        let errors = rows("service,amount\nx,1\n", &["amount=Sum"]).unwrap_err().to_string();
        assert!(errors.contains("no column \"Sum\""), "{errors}");
    }

    #[test]
    fn a_period_is_asked_for_where_it_is_not_plain() {
        let row = |period: Option<&str>| InvoiceRow {
            service: "openai".into(),
            model: None,
            amount: Money::ZERO,
            period: period.map(Into::into),
        };
        let two = [row(Some("2026-10")), row(Some("2026-11"))];
        assert_eq!(period(&two[1..], None), Ok("2026-11".into()));
        assert_eq!(period(&two, Some("2026-10")), Ok("2026-10".into()));
        assert!(period(&two, None).unwrap_err().contains("2026-10, 2026-11"));
        assert!(period(&[row(None)], None).is_err());
    }

    #[test]
    fn a_mapping_names_a_field_and_a_column() {
        for bad in ["amount", "sum=Total", "amount=", "=x"] {
            assert!(Mapping::parse(bad).unwrap_err().contains("FIELD=COLUMN"), "{bad}");
        }
    }
}
