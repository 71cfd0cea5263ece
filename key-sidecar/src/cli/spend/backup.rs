//! `spend backup`: a copy of the ledger while it is served.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::output::{Failure, print, print_json};
use super::source::Ledger;
use crate::config::Config;
use crate::store::sqlite::backup::backup;

/// Copy the ledger.
#[derive(Debug, Args)]
pub(in crate::cli) struct Backup {
    /// Where the copy goes; there must be no such file
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(super) fn run(self, config: &Config) -> Result<(), Failure> {
        let ledger = Ledger::open(&config.state)?;
        let copied = backup(ledger.path(), &self.to)?;
        match self.json {
            true => print_json(&json!({
                "file": self.to, "last_entry": copied.last_entry, "bytes": copied.bytes,
            })),
            false => print(&format!(
                "{}: {} entries, {} bytes, checked",
                self.to.display(),
                copied.last_entry,
                copied.bytes
            )),
        }
    }
}
