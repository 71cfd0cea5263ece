//! The refusal for want of money: which budget of the tree, how it stands, when it begins anew.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use wire::budget::{BudgetView, MoneyShortage, MoneyWhy};
use wire::ids::BudgetName;
use wire::money::Nanos;
use wire::units::Millis;

use crate::money::purse::Told;

/// Money that is not there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OverBudget {
    /// The budget that the call is charged to.
    pub budget: BudgetName,
    /// What it would have reserved.
    pub hold: Nanos,
    /// What the ledger said.
    pub told: Told<MoneyShortage>,
    /// The currency of all amounts.
    pub currency: Arc<str>,
}

impl OverBudget {
    fn why(&self) -> MoneyWhy {
        self.told.what.why
    }

    fn view(&self) -> Option<&BudgetView> {
        self.told.what.refused_by.as_ref()
    }

    /// The budget that refused: the charged one or one above it.
    fn name(&self) -> &BudgetName {
        self.view().map_or(&self.budget, |view| &view.budget)
    }

    /// Whom to ask about it.
    pub(super) fn owner(&self) -> Option<&str> {
        self.view().map(|view| view.owner.as_ref())
    }

    pub(super) fn words(&self) -> (u32, &'static str, String) {
        let name = self.name();
        let currency = &self.currency;
        match (self.why(), self.view()) {
            (MoneyWhy::Spent, Some(view)) => (
                402,
                "budget_spent",
                format!(
                    "The budget {name} has spent {} {currency} of its {} for {}; this call would reserve {}.",
                    view.spent, view.cap, view.period, self.hold
                ),
            ),
            (MoneyWhy::Spent, None) => {
                (402, "budget_spent", format!("The budget {name} is spent."))
            }
            (MoneyWhy::Closed, _) => {
                (402, "budget_closed", format!("The budget {name} has not begun, or is over."))
            }
            (MoneyWhy::LentElsewhere, _) => (
                429,
                "budget_lent_elsewhere",
                format!(
                    "What is left of the budget {name} is reserved for calls that run, or is with other \
                     workers of the gate for a moment."
                ),
            ),
            (MoneyWhy::Undefined, _) => (
                403,
                "no_budget",
                format!("The policy has no budget {name} that this call could be charged to."),
            ),
        }
    }

    /// When it begins anew; `None` if it never does, or if that is not why.
    fn resets_in(&self, now: Millis) -> Option<Millis> {
        let resets = self.told.at.plus(self.view()?.resets_ms?);
        Some(Millis(resets.since(now).0.max(1)))
    }

    /// How long a caller should wait.
    pub(super) fn retry_after(&self, now: Millis) -> Option<Millis> {
        match self.why() {
            MoneyWhy::Spent | MoneyWhy::Closed => self.resets_in(now),
            MoneyWhy::LentElsewhere => Some(Millis(1_000)),
            MoneyWhy::Undefined => None,
        }
    }

    /// Client libraries retry a 429 by themselves, and some a 402: money that is spent does not come back
    /// by asking again.
    pub(super) fn push_headers(&self, headers: &mut Vec<(&'static str, String)>) {
        match self.why() {
            MoneyWhy::LentElsewhere => headers.push(("x-envoy-ratelimited", "true".to_owned())),
            _ => headers.push(("x-should-retry", "false".to_owned())),
        }
    }

    pub(super) fn describe(&self, fields: &mut Map<String, Value>, now: Millis) {
        fields.insert("budget".into(), json!(self.name()));
        fields.insert("charged_to".into(), json!(self.budget));
        fields.insert("currency".into(), json!(self.currency.as_ref()));
        fields.insert("hold".into(), json!(self.hold.to_string()));
        if let Some(view) = self.view() {
            fields.insert("period".into(), json!(view.period.as_ref()));
            fields.insert("cap".into(), json!(view.cap.to_string()));
            fields.insert("spent".into(), json!(view.spent.to_string()));
            fields.insert("reserved".into(), json!(view.reserved.to_string()));
        }
        if let Some(resets) = self.resets_in(now) {
            fields.insert("resets_in_ms".into(), json!(resets.0));
        }
    }
}
