//! The command line: everything that a person does with Tollkeeper.
//!
//! Answers go to standard output, explanations and errors to standard error, and the exit code is
//! one of [`crate::exit`]. Neighbours: a file for each command; [`crate::serve`] is the service.

mod client;
mod credential;
mod doctor;
mod duration;
mod init;
mod output;
mod policy;
mod secret_input;
mod spend;

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;
use tracing_subscriber::EnvFilter;
use wire::units::Millis;

use self::output::{Failure, note};
use crate::config::{Config, DEFAULT_PATH};
use crate::exit::Exit;
use crate::serve::{self, ServeError};

/// People wait longer than requests, and a command's first call may find a token that wakes up.
const PATIENCE: Millis = Millis::from_secs(10);

/// How long the end of a command waits for what still runs.
const FAREWELL: Duration = Duration::from_secs(2);

/// Tollkeeper's sidecar and command line.
///
/// Exit codes: 0 done; 1 refused, or a check found something; 2 wrong command line; 3 wrong
/// configuration; 4 not the expected HSM; 5 the PIN was refused (do not restart); 6 the HSM does
/// not answer now; 75 the HSM hangs (restart).
#[derive(Debug, Parser)]
#[command(name = "key-sidecar", version, max_term_width = 100)]
struct Cli {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The service: Unix socket for plugins, admin page and metrics on loopback
    Serve,
    /// Make the keys on the HSM token; safe to run twice
    Init(init::Init),
    /// Check module, token, PIN, keys, files, ledger and policy, each with its remedy
    Doctor(doctor::Doctor),
    /// The upstream's secrets, sealed under the HSM
    #[command(subcommand)]
    Credential(credential::Credential),
    /// The keys of the calling programs
    #[command(subcommand)]
    Client(client::Client),
    /// The policy files, offline
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// What was spent, by whom, and what will be
    #[command(subcommand)]
    Spend(spend::Spend),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    start_log(matches!(cli.command, Command::Serve));
    match run(cli) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            if !failure.text.is_empty() {
                note(&format!("key-sidecar: {}", failure.text));
            }
            failure.exit.into()
        }
    }
}

/// `--help` and `--version` are answers; anything else is a wrong command line.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is no reason to fail.
    let _ = error.print();
    match error.use_stderr() {
        true => Exit::Usage.into(),
        false => Exit::Done.into(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let load = || Config::load(&cli.config);
    match cli.command {
        Command::Serve => {
            let config = load()?;
            block_on(Builder::new_multi_thread(), serve::run(config))?.map_err(service_failure)
        }
        Command::Init(init) => block_on(Builder::new_current_thread(), init.run(patient(load()?)))?,
        Command::Doctor(doctor) => {
            block_on(Builder::new_current_thread(), doctor.run(&cli.config, load().map(patient)))?
        }
        Command::Credential(command) => {
            block_on(Builder::new_current_thread(), command.run(patient(load()?)))?
        }
        Command::Client(command) => command.run(&load()?),
        Command::Policy(command) => command.run(load),
        Command::Spend(command) => {
            let config = load()?;
            block_on(Builder::new_current_thread(), command.run(&config))?
        }
    }
}

/// A supervisor acts on the code: a refused PIN must not be restarted, a module that hangs must.
fn service_failure(error: ServeError) -> Failure {
    match error {
        ServeError::Hsm(error) => error.into(),
        ServeError::HsmStuck => Failure { exit: Exit::HsmStuck, text: error.to_string() },
        other => other.into(),
    }
}

fn block_on<T>(mut runtime: Builder, work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = runtime.enable_all().build()?;
    let output = runtime.block_on(work);
    // A call that hangs in the PKCS#11 module must not keep the command from ending.
    runtime.shutdown_timeout(FAREWELL);
    Ok(output)
}

fn patient(mut config: Config) -> Config {
    config.hsm.deadline = config.hsm.deadline.max(PATIENCE);
    config
}

/// The service tells what it does; a command's errors are its own to tell.
fn start_log(serving: bool) {
    let default = if serving { "info" } else { "off" };
    let filter = EnvFilter::try_from_env("TOLLKEEPER_LOG").unwrap_or_else(|_| default.into());
    // The HTTP client tells whole URLs and headers when it tells all, and those may be secrets.
    let quiet = ["ureq=info", "ureq_proto=info"].into_iter().filter_map(|one| one.parse().ok());
    let filter = quiet.fold(filter, EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
