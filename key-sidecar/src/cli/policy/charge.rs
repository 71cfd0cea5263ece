//! `key-sidecar policy charge`: what an answer costs, offline, with the very code of the gate.
//!
//! The answer is given as files: its status, its headers as `curl -D` writes them, its body as it came
//! over the wire, compressed or framed as the headers say. `call` finds the route and its hold, the
//! meter of `admission` reads the answer, `report` prints the bill. No HSM, no service, no ledger.

mod call;
mod head;
mod report;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use policies::Policy;
use wire::ids::ServiceName;
use wire::money::Nanos;

use self::call::{Call, Request};
use super::super::output::{Failure, print, print_json};
use super::load;
use crate::config::{Config, ConfigErrors};

/// Longer answers than this are no example, and an offline command has them in memory.
const BYTES_MAX: u64 = 256 << 20;

/// Say what an answer costs.
#[derive(Debug, Args)]
pub(in crate::cli) struct ChargeCommand {
    /// The directory of the policy files; that of the configuration if left out
    #[arg(long, value_name = "DIR")]
    policy: Option<PathBuf>,
    /// The service that was called
    #[arg(long, value_parser = ServiceName::parse)]
    service: ServiceName,
    /// The route as the policy writes it, or a method and a path that it matches
    #[arg(long, value_name = "\"POST /v1/...\"")]
    route: String,
    /// The answer's status
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(100..600))]
    status: u16,
    /// The answer's headers, one a line, as `curl -D FILE` writes them; - is standard input
    #[arg(long, value_name = "FILE")]
    headers: PathBuf,
    /// The answer's body as it came; - is standard input
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// The request's body, for its model, its output limit and its size; - is standard input
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// The request's path, where the route has wildcards and the path names the model
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// What is reserved for the call; what the policy says if left out
    #[arg(long, value_name = "AMOUNT", value_parser = Nanos::parse)]
    hold: Option<Nanos>,
    /// The answer was cut off: the client went, or the upstream
    #[arg(long)]
    cut_off: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ChargeCommand {
    pub(in crate::cli) fn run(
        self,
        config: impl FnOnce() -> Result<Config, ConfigErrors>,
    ) -> Result<(), Failure> {
        self.check_input()?;
        let directory = match &self.policy {
            Some(directory) => directory.clone(),
            None => config()?.policy,
        };
        let policy = load(&directory)?;
        let (call, headers, body) = self.read(&policy)?;
        let bill = call.bill(self.status, &headers, &body, !self.cut_off);
        let currency = &policy.organization().currency;
        match self.json {
            true => print_json(&report::json(&bill, call.hold(), currency)),
            false => print(&report::text(&bill, call.hold(), currency)),
        }
    }

    /// Standard input can be read once.
    fn check_input(&self) -> Result<(), Failure> {
        let files = [Some(&self.headers), Some(&self.body), self.request.as_ref()];
        let inputs = files.into_iter().flatten().filter(|path| is_stdin(path)).count();
        match inputs {
            0 | 1 => Ok(()),
            _ => Err(Failure::refused("- is standard input, and only one file can be that")),
        }
    }

    fn read(&self, policy: &Policy) -> Result<(Call, head::Headers, Vec<u8>), Failure> {
        let request = match &self.request {
            Some(path) => Some(read(path)?),
            None => None,
        };
        let request = Request { body: request.as_deref(), path: self.path.as_deref() };
        let call = call::find(policy, &self.service, &self.route, &request, self.hold)
            .map_err(Failure::refused)?;
        let headers = head::parse(&read(&self.headers)?)
            .map_err(|why| Failure::refused(format!("{}, {why}", self.headers.display())))?;
        Ok((call, headers, read(&self.body)?))
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |why: String| {
        let name =
            if is_stdin(path) { "standard input".into() } else { path.display().to_string() };
        Failure::refused(format!("cannot read {name}: {why}"))
    };
    let mut bytes = Vec::new();
    let read = match is_stdin(path) {
        true => io::stdin().lock().take(BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes),
        false => File::open(path)
            .and_then(|file| file.take(BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes)),
    };
    read.map_err(|error| fail(format!("{error}; name a file, or - for standard input")))?;
    match u64::try_from(bytes.len()).is_ok_and(|length| length <= BYTES_MAX) {
        true => Ok(bytes),
        false => Err(fail(format!("it is longer than {BYTES_MAX} bytes; give a part of it"))),
    }
}
