//! `key-sidecar doctor`: is everything there that the service needs, and if not, what is to be
//! done?
//!
//! Every check runs, also after one that failed; what cannot be looked at because of an earlier
//! failure says so. The checks of the HSM keep the rule of one login for each PIN value.

mod checks;
mod money;

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::output::{Failure, print, print_json};
use crate::config::{Config, ConfigErrors};

/// Check everything that the service needs.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of one check.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: &'static str,
    result: Verdict,
    /// What was seen; where it is wrong, with the remedy.
    detail: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Fail,
    /// Could not be looked at.
    Skipped,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, result: Verdict::Ok, detail: detail.into() }
    }

    fn fail(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, result: Verdict::Fail, detail: detail.into() }
    }

    fn skipped(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, result: Verdict::Skipped, detail: detail.into() }
    }

    fn line(&self) -> String {
        let result = match self.result {
            Verdict::Ok => "ok",
            Verdict::Fail => "FAIL",
            Verdict::Skipped => "skipped",
        };
        let detail = self.detail.trim_end().replace('\n', "\n                       ");
        format!("{result:8} {:13} {detail}", self.check)
    }
}

impl Doctor {
    pub(super) async fn run(
        self,
        path: &Path,
        config: Result<Config, ConfigErrors>,
    ) -> Result<(), Failure> {
        let findings = examine(path, config).await;
        if self.json {
            print_json(&findings)?;
        } else {
            for finding in &findings {
                print(&finding.line())?;
            }
        }
        let failed = findings.iter().filter(|finding| finding.result == Verdict::Fail);
        match failed.count() {
            0 => Ok(()),
            count => Err(Failure::refused(format!("{count} checks failed"))),
        }
    }
}

async fn examine(path: &Path, config: Result<Config, ConfigErrors>) -> Vec<Finding> {
    let config = match config {
        Ok(config) => config,
        Err(errors) => return vec![Finding::fail("config", errors.to_string())],
    };
    let mut findings = vec![Finding::ok("config", path.display().to_string())];
    findings.extend(checks::module_and_token(&config).await);
    findings.push(checks::pin(&config));
    findings.push(checks::state(&config));
    findings.push(money::ledger(&config).await);
    findings.push(checks::root_key(&config).await);
    findings.push(checks::socket(&config));
    let (finding, policy) = checks::policy(&config);
    findings.push(finding);
    findings.extend(checks::credentials(&config, policy.as_ref()));
    findings.push(checks::clients(&config, policy.as_ref()));
    findings.push(money::alerts(&config));
    findings
}
