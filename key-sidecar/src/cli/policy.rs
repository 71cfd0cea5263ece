//! `key-sidecar policy`: the policy files, offline. No HSM, no service.

mod charge;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use policies::Policy;
use serde_json::json;

use self::charge::ChargeCommand;
use super::output::{Failure, print, print_json};
use crate::config::{Config, ConfigErrors};

/// The policy files, offline.
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Say everything that is wrong with a policy, or that nothing is
    Check {
        /// The directory of the policy files; that of the configuration if left out
        directory: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what an answer costs, with the code of the gate
    #[command(after_help = CHARGE_HELP)]
    Charge(ChargeCommand),
}

const CHARGE_HELP: &str = "\
Example:
  curl -sD headers.txt -o body.json ... &&
  key-sidecar policy charge --policy policies --service openai \\
      --route \"POST /v1/chat/completions\" --status 200 --headers headers.txt --body body.json";

impl PolicyCommand {
    pub(super) fn run(
        self,
        config: impl FnOnce() -> Result<Config, ConfigErrors>,
    ) -> Result<(), Failure> {
        match self {
            Self::Check { directory: Some(directory), json } => check(&directory, json),
            Self::Check { directory: None, json } => check(&config()?.policy, json),
            Self::Charge(command) => command.run(config),
        }
    }
}

fn check(directory: &Path, json: bool) -> Result<(), Failure> {
    let files = policies::read_directory(directory)?;
    match policies::load(&files) {
        Ok(policy) if json => print_json(&json!({
            "ok": true,
            "version": policy.version().as_str(),
            "services": policy.services().len(),
            "clients": policy.clients().len(),
        })),
        Ok(policy) => print(&summary(&policy)),
        Err(errors) => {
            if json {
                let mut answer = json!({ "ok": false });
                if let (Some(answer), serde_json::Value::Object(errors)) =
                    (answer.as_object_mut(), serde_json::to_value(&errors)?)
                {
                    answer.extend(errors);
                }
                print_json(&answer)?;
            }
            let text = match json {
                true => String::new(),
                false => format!("the policy in {} is wrong\n{errors}", directory.display()),
            };
            Err(Failure::refused(text))
        }
    }
}

/// What is in a policy, in one line.
pub(super) fn summary(policy: &Policy) -> String {
    format!(
        "policy {} is right: {} services, {} clients",
        policy.version(),
        policy.services().len(),
        policy.clients().len()
    )
}

/// The policy of a directory, or what is wrong with it.
pub(super) fn load(directory: &Path) -> Result<Policy, Failure> {
    let files = policies::read_directory(directory)?;
    Ok(policies::load(&files)?)
}
