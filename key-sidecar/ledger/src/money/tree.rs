//! The budgets of the present policy, and what lies within what.

use std::collections::BTreeMap;
use std::sync::Arc;

use wire::budget::Term;
use wire::ids::BudgetName;
use wire::units::UnixMillis;

use crate::money::command::{Definition, Period};
use crate::money::term::Path;

/// The deepest path. Policy allows fewer; a deeper one, such as a ring, counts as undefined.
pub const PATH_MAX: usize = 16;

/// Why a budget has no term now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum NoTerm {
    /// It, or one above it, is not in the policy.
    Undefined,
    /// This one, from the charged budget up the first, has no period now.
    Closed(BudgetName),
}

/// The present term of a budget.
#[derive(Clone, Debug)]
pub(super) struct Present {
    pub(super) term: Term,
    pub(super) path: Path,
    /// The first instant after it; `None` if it never ends.
    pub(super) ends: Option<UnixMillis>,
}

/// A budget of the policy.
#[derive(Clone, Debug)]
struct Budget {
    definition: Definition,
    /// Its term as last looked up.
    present: Option<Present>,
}

/// The budgets of the policy.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    budgets: BTreeMap<BudgetName, Budget>,
    /// Which policy.
    pub(super) by: Arc<str>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { budgets: BTreeMap::new(), by: Arc::from("") }
    }
}

impl Tree {
    /// Of two definitions of one name the later one holds.
    pub(super) fn new(definitions: Vec<Definition>, by: Arc<str>) -> Self {
        let budget = |definition: Definition| {
            (definition.name.clone(), Budget { definition, present: None })
        };
        Self { budgets: definitions.into_iter().map(budget).collect(), by }
    }

    pub(super) fn definition(&self, name: &BudgetName) -> Option<&Definition> {
        self.budgets.get(name).map(|budget| &budget.definition)
    }

    pub(super) fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.budgets.values().map(|budget| &budget.definition)
    }

    /// The budget and all above it, each with its period now.
    pub(super) fn path(
        &self,
        charged: &BudgetName,
        now: UnixMillis,
    ) -> Result<Vec<(&Definition, &Period)>, NoTerm> {
        let mut budgets = Vec::new();
        let mut next = Some(charged);
        while let Some(name) = next {
            let definition = self.definition(name).ok_or(NoTerm::Undefined)?;
            if budgets.len() == PATH_MAX {
                return Err(NoTerm::Undefined);
            }
            budgets.push(definition);
            next = definition.within.as_ref();
        }
        let with_period = |definition| match period_at(definition, now) {
            Some(period) => Ok((definition, period)),
            None => Err(NoTerm::Closed(definition.name.clone())),
        };
        budgets.into_iter().map(with_period).collect()
    }

    /// The term as last looked up, if it still is.
    pub(super) fn present(&self, charged: &BudgetName, now: UnixMillis) -> Option<&Present> {
        let present = self.budgets.get(charged)?.present.as_ref()?;
        present.ends.is_none_or(|ends| now < ends).then_some(present)
    }

    pub(super) fn set_present(&mut self, charged: &BudgetName, present: Present) {
        if let Some(budget) = self.budgets.get_mut(charged) {
            budget.present = Some(present);
        }
    }
}

/// The period that contains an instant.
pub(super) fn period_at(definition: &Definition, now: UnixMillis) -> Option<&Period> {
    let contains =
        |period: &&Period| period.starts <= now && period.ends.is_none_or(|ends| now < ends);
    definition.periods.iter().find(contains)
}
