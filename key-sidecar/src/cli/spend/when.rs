//! `--period`, `--since`, `--until`: which time a report is about.

use clap::Args;

use super::super::output::Failure;
use super::calendar::{Calendar, Span};
use super::charge::Book;

/// Which time.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct When {
    /// A period by its name: 2026-11, 2026-11-25, 2026-Q4, 2026, "week of 2026-11-23", or as
    /// `spend show` prints it
    #[arg(long, value_name = "PERIOD", conflicts_with_all = ["since", "until"])]
    pub(super) period: Option<String>,
    /// The first day, as in 2026-11-01, or an instant, as in 2026-11-01T12:00:00Z
    #[arg(long, value_name = "DAY")]
    pub(super) since: Option<String>,
    /// The last day, which counts, or an instant, which does not
    #[arg(long, value_name = "DAY")]
    pub(super) until: Option<String>,
}

impl When {
    /// The time that is meant; all of it if nothing is said.
    pub(super) fn span(&self, book: &Book, calendar: &Calendar) -> Result<Span, Failure> {
        match &self.period {
            Some(label) => period(label, book, calendar),
            None => calendar
                .range(self.since.as_deref(), self.until.as_deref())
                .map_err(Failure::refused),
        }
    }

    pub(super) const fn is_range(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }
}

/// A period by its name: the ledger's own, or one of the calendar.
pub(super) fn period(label: &str, book: &Book, calendar: &Calendar) -> Result<Span, Failure> {
    book.period(label).or_else(|| calendar.label(label)).ok_or_else(|| {
        Failure::refused(format!(
            "there is no period {label:?}, or several budgets mean different times by it; \
             `key-sidecar spend show --by period` lists them, --since and --until name any other time"
        ))
    })
}
