//! A policy's budgets as the ledger of money and the alerts need them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::money::command::{Definition, Period};
use policies::{BudgetPeriod, BudgetPlan, Policy};
use wire::units::UnixMillis;

use super::desk::Budgets;
use crate::alerts::rule::Threshold;
use crate::alerts::{BudgetRule, Rules};

/// What the ledger is told: each budget with its present and coming periods.
#[must_use]
pub fn definitions(policy: &Policy, now: UnixMillis) -> Budgets {
    let budgets = policy.budgets(now).into_iter().map(definition).collect();
    Budgets { budgets, by: policy.version().as_str().into() }
}

/// Whom the alerts tell, and when.
#[must_use]
pub fn alert_rules(policy: &Policy, now: UnixMillis) -> Rules {
    let watched = policy.budgets(now).into_iter().filter(|plan| !plan.alert_at.is_empty());
    let rule = |plan: &BudgetPlan| BudgetRule {
        owner: Arc::clone(&plan.owner),
        thresholds: plan.alert_at.iter().map(|percent| Threshold(*percent)).collect(),
    };
    let organization = policy.organization();
    Rules {
        organization: Arc::clone(&organization.name),
        currency: Arc::clone(&organization.currency),
        budgets: watched.map(|plan| (plan.name.clone(), rule(&plan))).collect::<BTreeMap<_, _>>(),
    }
}

fn definition(plan: BudgetPlan) -> Definition {
    let BudgetPlan { name, within, owner, cap, mode, periods, .. } = plan;
    let periods = periods.into_iter().map(period).collect();
    Definition { name, within, owner, cap, mode, periods }
}

fn period(period: BudgetPeriod) -> Period {
    let BudgetPeriod { label, starts, ends } = period;
    Period { label, starts, ends }
}
