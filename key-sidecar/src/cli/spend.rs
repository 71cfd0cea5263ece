//! `key-sidecar spend`: what finance asks. Reads the ledger beside the service, or asks the service.
//!
//! A command is a file: it reads the command line, takes from [`source`] what the ledger and the
//! policy say, and prints what a pure part made of that. [`charge`] is how an entry counts, [`amount`]
//! and [`calendar`] how money and time are written; everything is integers and instants.

mod amount;
mod backup;
mod calendar;
mod charge;
mod correct;
mod export;
mod forecast;
mod reconcile;
mod show;
mod source;
mod table;
mod when;

use clap::Subcommand;

pub(super) use self::amount::decimal;
use self::backup::Backup;
use self::correct::Correct;
use self::export::Export;
use self::reconcile::command::Reconcile;
use self::show::command::Show;
use super::output::Failure;
use crate::config::Config;

/// What was spent, by whom, and what will be.
#[derive(Debug, Subcommand)]
pub(super) enum Spend {
    /// Show what was spent: each budget, or by client, service, route, model, period, day, basis
    #[command(after_help = SHOW_HELP)]
    Show(Show),
    /// Write the ledger as FOCUS 1.2, as a chargeback file, or as NDJSON
    #[command(after_help = EXPORT_HELP)]
    Export(Export),
    /// Correct what was spent: a refund, a mistake; the running service books it
    #[command(after_help = CORRECT_HELP)]
    Correct(Correct),
    /// Show what the present periods will have cost at their end
    #[command(after_help = FORECAST_HELP)]
    Forecast(forecast::command::Ask),
    /// Compare the ledger with a provider's invoice; exit code 1 if they differ
    #[command(after_help = RECONCILE_HELP)]
    Reconcile(Reconcile),
    /// Copy the ledger while it is served
    #[command(after_help = BACKUP_HELP)]
    Backup(Backup),
}

impl Spend {
    pub(super) async fn run(self, config: &Config) -> Result<(), Failure> {
        match self {
            Self::Show(command) => command.run(config),
            Self::Export(command) => command.run(config),
            Self::Correct(command) => command.run(config).await,
            Self::Forecast(command) => command.run(config),
            Self::Reconcile(command) => command.run(config),
            Self::Backup(command) => command.run(config),
        }
    }
}

const SHOW_HELP: &str = "\
Examples:
  key-sidecar spend show
  key-sidecar spend show --by model --budget search-team --period 2026-11
  key-sidecar spend show --by day --since 2026-11-01 --until 2026-11-07 --json

A call counts in the period that admitted it, also if it ends a little later. AT THE HOLD is the
share of the cost that rests on a hold, because the answer never said what was used.";

const EXPORT_HELP: &str = "\
Examples:
  key-sidecar spend export --format focus --period 2026-11 --output focus-2026-11.csv
  key-sidecar spend export --format chargeback --period 2026-11 | column -s, -t
  key-sidecar spend export --format ndjson --since 2026-11-24

The sum of a file is the ledger's, to the last digit. Some kinds are no use of an API:
  reserve        settled at the hold, because the answer never said what was used
  provider_cost  as the provider stated it
  unsplit        no prices of the policy come to this cost: it has changed since
  rounding       each call is rounded up to nano-units, once
  presumed       lent to a gateway that did not settle it, and counts as spent until it does
  correction     by a person";

const CORRECT_HELP: &str = "\
Example:
  key-sidecar spend correct --budget search-team --period 2026-11 --amount -12.50 \\
      --why \"refund, invoice 2026-1187\"";

const FORECAST_HELP: &str = "\
Example:
  key-sidecar spend forecast --budget search-team

Spend so far, divided by the elapsed share of the period; not before a tenth of it is over. From
three whole days on, LOW and HIGH are the days to come as the quieter and the busier quarter of days
were.";

const RECONCILE_HELP: &str = "\
Examples:
  key-sidecar spend reconcile --invoice openai.csv --period 2026-11
  key-sidecar spend reconcile --invoice costs.csv --map amount=\"Total Cost\" --map service=Vendor \\
      --name \"OpenAI, LLC=openai\" --tolerance 0.5%

Drift is ledger less invoice. Exit code 1 says that a line drifts more than the tolerance.";

const BACKUP_HELP: &str = "\
Example:
  key-sidecar spend backup --to /backup/ledger-2026-11-25.sqlite";
