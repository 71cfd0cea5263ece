//! Which budget lies in which: unknown ones, circles, and how deep. Owners are inherited.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::bounds::BUDGET_LEVELS_MAX;
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

/// All budgets as written, whatever else is wrong with them.
#[derive(Debug)]
pub(super) struct Tree<'d> {
    places: BTreeMap<&'d str, Place<'d>>,
    /// Whether a file could not be read, which may hold more.
    incomplete: bool,
}

/// Where a budget stands in the tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'d> {
    pub(super) within: Option<(&'d str, Spot)>,
    pub(super) owner: Option<&'d str>,
}

impl<'d> Tree<'d> {
    pub(super) const fn new(incomplete: bool) -> Self {
        Self { places: BTreeMap::new(), incomplete }
    }

    pub(super) fn insert(&mut self, name: &'d str, place: Place<'d>) {
        self.places.insert(name, place);
    }

    /// All names, sorted.
    pub(super) fn names(&self) -> Vec<&'d str> {
        self.places.keys().copied().collect()
    }

    /// The budget's owner, or that of the nearest budget above it that names one.
    pub(super) fn owner_of(&self, name: &str) -> Option<&'d str> {
        self.path(name).find_map(|(_, place)| place.owner)
    }

    /// Reports what is wrong with the tree.
    pub(super) fn check(&self, report: &mut Report<'_>) {
        for circle in self.circles() {
            let within = circle.first().and_then(|name| self.places.get(name)?.within);
            if let Some((_, at)) = within {
                report.push(goes_round(&circle, at));
            }
        }
        for (name, place) in &self.places {
            let Some((within, at)) = place.within else { continue };
            if !self.places.contains_key(within) {
                if !self.incomplete {
                    self.report_unknown(within, at, report);
                }
            } else if self.path(name).count() == BUDGET_LEVELS_MAX.saturating_add(1) {
                report.push(too_deep(name, at));
            }
        }
    }

    fn report_unknown(&self, within: &str, at: Spot, report: &mut Report<'_>) {
        let near = report.nearest(within, self.places.keys().copied());
        report.push(unknown(within, at).near(near));
    }

    /// The budget and those above it, at most two more than may be: a circle ends too, and of those
    /// that lie too deep only the first is one more.
    fn path(&self, name: &str) -> impl Iterator<Item = (&'d str, Place<'d>)> {
        let entry =
            |name: &str| self.places.get_key_value(name).map(|(name, place)| (*name, *place));
        std::iter::successors(entry(name), move |(_, place)| entry(place.within?.0))
            .take(BUDGET_LEVELS_MAX.saturating_add(2))
    }

    /// The circles in which budgets lie in one another. Each budget is walked over once, so that no
    /// file of made-up budgets takes long.
    fn circles(&self) -> Vec<Vec<&'d str>> {
        let mut circles = Vec::new();
        let mut settled: HashSet<&str> = HashSet::new();
        for start in self.places.keys() {
            let mut path: Vec<&'d str> = Vec::new();
            let mut places_on_path: HashMap<&str, usize> = HashMap::new();
            let mut next = Some(*start);
            while let Some(name) = next.filter(|name| !settled.contains(name)) {
                if let Some(first) = places_on_path.get(name) {
                    circles.push(path.split_off(*first));
                    break;
                }
                places_on_path.insert(name, path.len());
                path.push(name);
                next = self.above(name);
            }
            settled.extend(places_on_path.into_keys());
        }
        circles
    }

    /// The budget that this one lies in, if there is one.
    fn above(&self, name: &str) -> Option<&'d str> {
        let (within, _) = self.places.get(name)?.within?;
        self.places.get_key_value(within).map(|(name, _)| *name)
    }
}

/// An error about a budget that no file has.
pub(in crate::validate) fn unknown(written: &str, at: Spot) -> Problem {
    let message = format!("there is no budget {}", quoted(written));
    Problem::new(Code::UnknownBudget, at, message)
        .expected("the name of a budget that stands under \"budgets\" in one of the files")
        .remedy("correct the name, or add the budget")
}

/// Names of a circle that are shown; the message is one line.
const NAMES_SHOWN: usize = 6;

fn goes_round(circle: &[&str], at: Spot) -> Problem {
    let mut names: Vec<String> = circle.iter().take(NAMES_SHOWN).map(|name| quoted(name)).collect();
    if circle.len() > NAMES_SHOWN {
        names.push("…".to_owned());
    }
    names.extend(circle.first().map(|name| quoted(name)));
    let message = match circle {
        [one] => format!("the budget {} lies within itself", quoted(one)),
        _ => format!("budgets lie within one another in a circle: {}", names.join(" in ")),
    };
    Problem::new(Code::BudgetCycle, at, message)
        .expected("a budget that lies outside of this one")
        .remedy("delete \"within\" from the budget that is the outermost of them")
}

fn too_deep(name: &str, at: Spot) -> Problem {
    let message = format!("the budget {} lies too deep in others", quoted(name));
    Problem::new(Code::BudgetCycle, at, message)
        .expected(format!("at most {BUDGET_LEVELS_MAX} budgets inside one another"))
        .remedy("leave out a level that no one looks at: each call is counted on every one")
}
