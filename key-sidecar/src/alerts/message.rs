//! An alert as it is told: a line of the log, and the JSON that is sent.

use std::fmt::Write as _;
use std::sync::Arc;

use ledger::money::record::Account;
use serde::Serialize;
use sha2::{Digest, Sha256};
use wire::ids::BudgetName;
use wire::units::UnixMillis;

use super::Rules;
use super::rule::{Step, spent};
use crate::clock::timestamp;

/// What is sent. Fields are added, never renamed: programs of others read this.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    /// The same, however often it is sent.
    pub(super) id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    at: String,
    organization: Arc<str>,
    currency: Arc<str>,
    pub(super) budget: BudgetName,
    owner: Arc<str>,
    pub(super) period: Arc<str>,
    threshold: String,
    cap: String,
    spent: String,
    /// When the period ends; none if it never does.
    resets: Option<String>,
}

impl Message {
    /// `None` if the budget has no rule any longer.
    pub(super) fn new(
        rules: &Rules,
        salt: &str,
        account: &Account,
        step: &Step,
        now: UnixMillis,
    ) -> Option<Self> {
        let rule = rules.budgets.get(&account.budget)?;
        Some(Self {
            id: id(salt, account, step),
            kind: "budget.threshold",
            at: timestamp(now).to_string(),
            organization: Arc::clone(&rules.organization),
            currency: Arc::clone(&rules.currency),
            budget: account.budget.clone(),
            owner: Arc::clone(&rule.owner),
            period: Arc::clone(&account.period),
            threshold: step.threshold.to_string(),
            cap: step.fired.cap.to_string(),
            spent: spent(account).to_string(),
            resets: account.ends.map(|end| timestamp(end).to_string()),
        })
    }

    pub(super) fn log(&self) {
        tracing::warn!(
            alert = self.id,
            budget = self.budget.as_str(),
            owner = &*self.owner,
            period = &*self.period,
            threshold = self.threshold,
            spent = self.spent,
            cap = self.cap,
            currency = &*self.currency,
            "a budget has reached a threshold"
        );
    }
}

/// Made of what the alert is about, so that it is the same if a crash makes us find it twice.
fn id(salt: &str, account: &Account, step: &Step) -> String {
    let Account { budget, period, .. } = account;
    let Step { threshold, fired } = step;
    let about = format!("{salt}\n{budget}\n{period}\n{threshold}\n{}", fired.times);
    let digest = Sha256::digest(about.as_bytes());
    let mut id = "alert-".to_owned();
    for byte in digest.iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}
