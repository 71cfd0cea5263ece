//! The books as they are after a list of events: every balance is a sum over all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger::money::command::{Definition, Period};
use ledger::money::record::Account;
use wire::ids::BudgetName;
use wire::money::Nanos;
use wire::units::UnixMillis;

pub(crate) type Name = (BudgetName, Arc<str>);
/// Holder and term.
pub(crate) type Who = (u128, u64);

pub(crate) const TTL: u64 = 10_000;
pub(crate) const FORGOTTEN: u64 = 6 * 3_600_000;
const OF_LATE: u64 = 1_000;

/// Something that has happened. What silence does is not among them: it follows from the times.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Define(Vec<Definition>),
    /// Accounts are needed, and their term.
    Need(Vec<Name>),
    Word(u128),
    Cost {
        term: u64,
        amount: u64,
    },
    /// Settled or given back.
    Take {
        who: Who,
        amount: u64,
    },
    Lend {
        who: Who,
        amount: u64,
    },
    /// A line of somebody, what it wanted, and of which accounts it waits for money.
    Ask {
        who: Who,
        wants: u64,
        waits_on: Vec<Name>,
    },
    Correct {
        names: Vec<Name>,
        amount: i64,
    },
    /// A command, whatever it says: what has run out by then is over.
    Look,
    Restart,
}

/// What is known of an account besides its sums.
#[derive(Clone, Debug)]
struct Known {
    within: Option<BudgetName>,
    starts: u64,
    ends: Option<u64>,
    cap: Option<u64>,
}

#[derive(Clone, Debug)]
struct Asked {
    at: u64,
    who: Who,
    wants: u64,
    waits_on: Vec<Name>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    pub(crate) now: u64,
    pub(crate) budgets: BTreeMap<BudgetName, Definition>,
    known: BTreeMap<Name, Known>,
    pub(crate) terms: Vec<Vec<Name>>,
    costs: Vec<(u64, u64)>,
    corrections: Vec<(Vec<Name>, i64)>,
    /// Lent and presumed.
    pub(crate) leases: BTreeMap<Who, (u64, u64)>,
    /// When each holder was heard, and whether its silence has had its first consequence.
    pub(crate) holders: BTreeMap<u128, (u64, bool)>,
    asked: Vec<Asked>,
    pub(crate) entries: u64,
}

impl Book {
    pub(crate) fn of(events: &[(u64, Event)], now: u64) -> Self {
        let mut book = Self::default();
        for (at, event) in events {
            // Nobody draws the consequences of silence while the process is down.
            match event {
                Event::Restart => book.now = *at,
                _ => book.pass_to(*at),
            }
            book.take(event);
        }
        book.pass_to(now);
        book
    }

    fn pass_to(&mut self, now: u64) {
        self.now = now;
        for (holder, (heard, silent)) in self.holders.clone() {
            if !silent && now >= heard + TTL {
                self.holders.insert(holder, (heard, true));
                for (_, (lent, presumed)) in
                    self.leases.iter_mut().filter(|(who, _)| who.0 == holder)
                {
                    self.entries += u64::from(*lent > 0);
                    *presumed += std::mem::take(lent);
                }
            }
            if now >= heard + FORGOTTEN {
                self.holders.remove(&holder);
                let gone = self.leases.clone().into_iter().filter(|(who, _)| who.0 == holder);
                for (who, (_, presumed)) in gone {
                    self.leases.remove(&who);
                    self.leases.entry((0, who.1)).or_default().1 += presumed;
                }
            }
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Define(definitions) => self.define(definitions),
            Event::Need(names) => self.need(names),
            Event::Word(holder) => {
                self.holders.insert(*holder, (self.now, false));
            }
            Event::Cost { term, amount } => {
                self.costs.push((*term, *amount));
                self.entries += 1;
            }
            Event::Take { who, amount } => {
                if let Some((lent, presumed)) = self.leases.get_mut(who) {
                    let late = (*amount).min(*presumed);
                    *presumed -= late;
                    *lent -= (amount - late).min(*lent);
                    self.entries += u64::from(late > 0);
                }
                self.leases.retain(|_, lease| *lease != (0, 0));
            }
            Event::Lend { who, amount } => self.leases.entry(*who).or_default().0 += amount,
            Event::Ask { who, wants, waits_on } => {
                let (at, who, wants, waits_on) = (self.now, *who, *wants, waits_on.clone());
                self.asked.push(Asked { at, who, wants, waits_on });
            }
            Event::Correct { names, amount } => {
                self.corrections.push((names.clone(), *amount));
                self.entries += 1;
            }
            Event::Look => {}
            Event::Restart => {
                self.asked.clear();
                self.budgets.clear();
                let now = self.now;
                self.holders.values_mut().for_each(|known| *known = (now, false));
            }
        }
    }

    fn define(&mut self, definitions: &[Definition]) {
        self.budgets = definitions.iter().map(|one| (one.name.clone(), one.clone())).collect();
        for ((budget, label), known) in &mut self.known {
            let Some(definition) = self.budgets.get(budget) else {
                continue;
            };
            let Some(period) = definition.periods.iter().find(|period| period.label == *label)
            else {
                continue;
            };
            (known.starts, known.ends) = (period.starts.0, period.ends.map(|ends| ends.0));
            if known.ends.is_none_or(|ends| ends > self.now) {
                let cap = definition.cap.map(|cap| cap.0);
                self.entries += u64::from(cap != known.cap);
                known.cap = cap;
                known.within.clone_from(&definition.within);
            }
        }
    }

    fn need(&mut self, names: &[Name]) {
        for name in names {
            if self.known.contains_key(name) {
                continue;
            }
            let definition = self.budgets.get(&name.0);
            let period = definition.and_then(|definition| period_at(definition, self.now));
            let period = period.filter(|period| period.label == name.1);
            let known = match (definition, period) {
                (Some(definition), Some(period)) => Known {
                    within: definition.within.clone(),
                    starts: period.starts.0,
                    ends: period.ends.map(|ends| ends.0),
                    cap: definition.cap.map(|cap| cap.0),
                },
                _ => Known { within: None, starts: 0, ends: None, cap: None },
            };
            self.known.insert(name.clone(), known);
            self.entries += 1;
        }
        if !self.terms.iter().any(|term| term == names) {
            self.terms.push(names.to_vec());
        }
    }

    // === Sums ===

    pub(crate) fn accounts(&self) -> Vec<Account> {
        self.known.keys().map(|name| self.account(name).unwrap()).collect()
    }

    pub(crate) fn account(&self, name: &Name) -> Option<Account> {
        let known = self.known.get(name)?;
        let counts = |term: u64| self.path(term).is_some_and(|path| path.contains(name));
        let leases = || self.leases.iter().filter(|((_, term), _)| counts(*term));
        let corrections = self.corrections.iter().filter(|(names, _)| names.contains(name));
        Some(Account {
            budget: name.0.clone(),
            period: Arc::clone(&name.1),
            within: known.within.clone(),
            starts: UnixMillis(known.starts),
            ends: known.ends.map(UnixMillis),
            cap: known.cap.map(Nanos),
            settled: Nanos(
                self.costs.iter().filter(|(term, _)| counts(*term)).map(|(_, c)| c).sum(),
            ),
            presumed: Nanos(leases().map(|(_, (_, presumed))| presumed).sum()),
            corrected: corrections.map(|(_, amount)| amount).sum(),
            reserved: Nanos(leases().map(|(_, (lent, _))| lent).sum()),
        })
    }

    pub(crate) fn path(&self, term: u64) -> Option<&Vec<Name>> {
        self.terms.get(usize::try_from(term).unwrap().checked_sub(1)?)
    }

    /// The term of this path, if it has been needed.
    pub(crate) fn term(&self, path: &[Name]) -> Option<u64> {
        let place = self.terms.iter().position(|term| term == path)?;
        Some(u64::try_from(place).unwrap() + 1)
    }

    pub(crate) fn has_account_of(&self, budget: &BudgetName) -> bool {
        self.known.keys().any(|(own, _)| own == budget)
    }

    pub(crate) fn latest_of(&self, budget: &BudgetName) -> Option<Name> {
        let own = self.known.iter().filter(|((own, _), _)| own == budget);
        own.max_by_key(|(_, known)| known.starts).map(|(name, _)| name.clone())
    }

    /// An account and those that share the most time with it, upwards.
    pub(crate) fn and_above(&self, name: &Name) -> Vec<Name> {
        let mut names = vec![name.clone()];
        let mut child = &self.known[name];
        while let Some(within) = &child.within {
            let end = |known: &Known| known.ends.unwrap_or(u64::MAX);
            let shared = |known: &Known| {
                end(known).min(end(child)).saturating_sub(known.starts.max(child.starts))
            };
            let parents = self.known.iter().filter(|((own, _), _)| own == within);
            let parents = parents.filter(|(_, known)| shared(known) > 0);
            let best = parents.max_by_key(|(_, known)| (shared(known), known.starts));
            let Some((parent, known)) = best else {
                break;
            };
            names.push(parent.clone());
            child = known;
        }
        names
    }

    // === Who asked, who waits ===

    fn of_late(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| asked.at + OF_LATE >= self.now)
    }

    pub(crate) fn askers(&self, name: &Name) -> u64 {
        let of_it = |asked: &&Asked| {
            asked.wants > 0 && self.path(asked.who.1).is_some_and(|path| path.contains(name))
        };
        let who: BTreeSet<_> = self.of_late().filter(of_it).map(|asked| asked.who).collect();
        u64::try_from(who.len()).unwrap()
    }

    /// Who waits for money of this account: by the last word of each.
    pub(crate) fn waiters(&self, name: &Name) -> BTreeSet<Who> {
        let last: BTreeMap<Who, &Asked> = self.of_late().map(|asked| (asked.who, asked)).collect();
        let waits = |(who, asked): (Who, &Asked)| asked.waits_on.contains(name).then_some(who);
        last.into_iter().filter_map(waits).collect()
    }
}

pub(crate) fn period_at(definition: &Definition, now: u64) -> Option<&Period> {
    definition
        .periods
        .iter()
        .find(|period| period.starts.0 <= now && period.ends.is_none_or(|ends| now < ends.0))
}
