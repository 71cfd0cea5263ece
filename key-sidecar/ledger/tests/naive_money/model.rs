//! The naive ledger of money: predicts every balance and every refusal from a list of all events.
//!
//! Of how much is lent it knows the bounds only; what was lent becomes an event like any other.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::money::command::{Correction, Definition, Refusal, Sync};
use wire::budget::{BudgetView, MoneyAnswer, MoneyLine, MoneyWhy, Term};
use wire::ids::BudgetName;
use wire::limit::Mode;
use wire::money::Nanos;
use wire::units::Millis;

use super::book::{Book, Event, Name, period_at};

#[derive(Default)]
pub(crate) struct Model {
    events: Vec<(u64, Event)>,
    now: u64,
    told: BTreeMap<u128, (u64, Vec<MoneyAnswer>)>,
    corrections: BTreeMap<Arc<str>, (u64, Correction)>,
}

impl Model {
    pub(crate) fn book(&self) -> Book {
        Book::of(&self.events, self.now)
    }

    fn note(&mut self, event: Event) {
        self.events.push((self.now, event));
    }

    pub(crate) fn pass_to(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.note(Event::Look);
        let book = self.book();
        self.told.retain(|holder, _| book.holders.contains_key(holder));
    }

    pub(crate) fn define(&mut self, budgets: &[Definition]) {
        self.note(Event::Define(budgets.to_vec()));
    }

    pub(crate) fn restart(&mut self, now: u64) {
        self.now = now;
        self.note(Event::Restart);
    }

    // === Corrections ===

    pub(crate) fn correct(&mut self, correction: &Correction) -> Result<u64, Refusal> {
        let book = self.book();
        if let Some((entry, first)) = self.corrections.get(&correction.id) {
            let period = correction.period.clone().or(first.period.clone());
            let same = Correction { period, ..correction.clone() } == *first;
            return if same { Ok(*entry) } else { Err(Refusal::IdReused) };
        }
        let budget = &correction.budget;
        if !book.budgets.contains_key(budget) && !book.has_account_of(budget) {
            return Err(Refusal::NoBudget);
        }
        let present = present(&book, budget).ok();
        let is_meant =
            |path: &Vec<Name>| correction.period.as_ref().is_none_or(|period| path[0].1 == *period);
        let closed = || {
            let name = (budget.clone(), Arc::clone(correction.period.as_ref()?));
            book.account(&name).map(|_| book.and_above(&name))
        };
        let names = match present.filter(is_meant) {
            Some(names) => {
                if names.iter().any(|name| book.account(name).is_none()) {
                    self.note(Event::Need(names.clone()));
                }
                names
            }
            None => closed().ok_or(Refusal::NoPeriod)?,
        };
        let period = Some(Arc::clone(&names[0].1));
        self.note(Event::Correct { names, amount: correction.amount });
        let entry = self.book().entries;
        let booked = Correction { period, ..correction.clone() };
        self.corrections.insert(Arc::clone(&correction.id), (entry, booked));
        Ok(entry)
    }

    // === Syncs ===

    /// Checks the answer to a sync, and books it.
    pub(crate) fn sync(&mut self, sync: &Sync, heard: &Result<Vec<MoneyAnswer>, Refusal>) {
        let id = sync.holder.0;
        match self.told.get(&id).cloned() {
            Some((last, _)) if sync.sequence < last => {
                assert_eq!(*heard, Err(Refusal::Stale { last }));
            }
            Some((last, answers)) if sync.sequence == last => {
                self.note(Event::Word(id));
                let again = answers.into_iter().map(|answer| self.again(answer)).collect();
                assert_eq!(*heard, Ok(again));
            }
            _ => {
                self.note(Event::Word(id));
                let answers = heard.as_ref().unwrap();
                self.book_sync(sync, answers);
                self.told.insert(id, (sync.sequence, answers.clone()));
            }
        }
    }

    fn again(&self, answer: MoneyAnswer) -> MoneyAnswer {
        let book = self.book();
        let left = answer.term.map_or(u64::MAX, |term| left(&book, book.path(term.0).unwrap()));
        MoneyAnswer { ttl_ms: answer.ttl_ms.min(Millis(left)), ..answer }
    }

    fn book_sync(&mut self, sync: &Sync, answers: &[MoneyAnswer]) {
        let id = sync.holder.0;
        for settlement in &sync.settlements {
            self.settle(id, &settlement.budget, settlement.term.0, settlement.cost.0);
        }
        for line in &sync.lines {
            if let Some(term) = line.term.filter(|term| self.is_own(&line.budget, term.0)) {
                self.note(Event::Take { who: (id, term.0), amount: line.returned.0 });
            }
        }
        assert_eq!(answers.len(), sync.lines.len());
        for (line, answer) in sync.lines.iter().zip(answers) {
            assert_eq!(answer.budget, line.budget);
            self.line(id, line, answer);
        }
    }

    fn is_own(&self, budget: &BudgetName, term: u64) -> bool {
        self.book().path(term).is_some_and(|path| path[0].0 == *budget)
    }

    fn settle(&mut self, holder: u128, budget: &BudgetName, named: u64, amount: u64) {
        if self.is_own(budget, named) {
            self.note(Event::Take { who: (holder, named), amount });
            self.note(Event::Cost { term: named, amount });
            return;
        }
        let book = self.book();
        let unassigned = || vec![(budget.clone(), Arc::from("unassigned"))];
        let path = present(&book, budget).unwrap_or_else(|_| {
            book.latest_of(budget).map_or_else(unassigned, |latest| book.and_above(&latest))
        });
        self.note(Event::Need(path.clone()));
        let term = self.book().term(&path).unwrap();
        self.note(Event::Cost { term, amount });
    }

    fn line(&mut self, holder: u128, line: &MoneyLine, answer: &MoneyAnswer) {
        match present(&self.book(), &line.budget) {
            Ok(path) => self.open_line(holder, line, answer, &path),
            Err(why) => {
                assert_eq!((answer.term, answer.gets, answer.ttl_ms), (None, Nanos(0), Millis(0)));
                assert_eq!((answer.recall, &answer.tightest), (line.term.is_some(), &None));
                let heard = answer.short.as_ref().map(|short| (short.why, short.ask_again_ms.0));
                let wait = ask_again(opens_in(&self.book(), &line.budget));
                assert_eq!(heard, (line.wants > Nanos(0)).then_some((why, wait)));
            }
        }
    }

    fn open_line(&mut self, holder: u128, line: &MoneyLine, answer: &MoneyAnswer, path: &[Name]) {
        self.note(Event::Need(path.to_vec()));
        let term = self.book().term(path).unwrap();
        let who = (holder, term);
        self.note(Event::Ask { who, wants: line.wants.0, waits_on: Vec::new() });
        let book = self.book();
        assert_eq!(answer.term, Some(Term(term)));
        assert_eq!(answer.ttl_ms, Millis(left(&book, path).min(10_000)));
        let least = line.least.min(line.wants).0;
        let need = if line.wants.0 > 0 { least.max(1) } else { 0 };
        let room = path.iter().map(|name| room(&book, name)).min().unwrap();
        let gets = answer.gets.0;
        if line.wants.0 == 0 || room < need {
            assert_eq!(gets, 0);
        } else {
            let others = |name: &Name| book.waiters(name).into_iter().any(|other| other != who);
            let fair = path.iter().map(|name| room_of(&book, name)).min().unwrap();
            let bounds = match (path.iter().any(others), line.wants.0 <= fair) {
                (true, _) => (least, least),
                (false, true) => (line.wants.0, line.wants.0),
                (false, false) => (least, fair.max(least)),
            };
            assert!(bounds.0 <= gets && gets <= bounds.1.min(room), "{gets} is not in {bounds:?}");
        }
        self.note(Event::Lend { who, amount: gets });
        let waits_on = self.check_shortage(who, answer, path, need, room < need);
        let wants = line.wants.0;
        self.note(Event::Ask { who, wants, waits_on });
        self.check_figures(who, answer, path);
    }

    /// Tells of which accounts the borrower waits for money.
    fn check_shortage(
        &self,
        who: (u128, u64),
        answer: &MoneyAnswer,
        path: &[Name],
        need: u64,
        is_short: bool,
    ) -> Vec<Name> {
        let Some(short) = answer.short.as_ref().filter(|_| is_short) else {
            assert_eq!(answer.short.is_some(), is_short);
            return Vec::new();
        };
        let book = self.book();
        let unspent = |name: &Name| match enforced(&book, name) {
            Some(cap) => i128::from(cap) - spent(&book, name),
            None => i128::MAX,
        };
        let spent_one = path.iter().find(|name| unspent(name) < i128::from(need));
        let lacking: Vec<_> =
            path.iter().filter(|name| room(&book, name) < need).cloned().collect();
        let by = spent_one.unwrap_or(&lacking[0]);
        assert_eq!(short.refused_by, Some(view(&book, by)));
        let new_term = ask_again(left(&book, path));
        if spent_one.is_some() {
            assert_eq!((short.why, short.ask_again_ms), (MoneyWhy::Spent, Millis(new_term)));
            return Vec::new();
        }
        let waiting = |name: &Name| {
            let others = book.waiters(name).into_iter().filter(|other| *other != who);
            u64::try_from(others.count()).unwrap() + 1
        };
        let waiting = lacking.iter().map(waiting).max().unwrap();
        let wait = Millis((10 * waiting).clamp(50, 500).min(new_term));
        assert_eq!((short.why, short.ask_again_ms), (MoneyWhy::LentElsewhere, wait));
        lacking
    }

    fn check_figures(&self, who: (u128, u64), answer: &MoneyAnswer, path: &[Name]) {
        let book = self.book();
        let wanted = |name: &Name| {
            let is_over = enforced(&book, name).is_some_and(|cap| {
                spent(&book, name) + i128::from(reserved(&book, name)) > i128::from(cap)
            });
            is_over || book.waiters(name).into_iter().any(|other| other != who)
        };
        let has = book.leases.get(&who).is_some_and(|lease| *lease != (0, 0));
        assert_eq!(answer.recall, has && path.iter().any(wanted));
        let capped = path.iter().filter_map(|name| {
            let cap = book.account(name).unwrap().cap?;
            Some((enforced(&book, name).is_none(), i128::from(cap.0) - spent(&book, name), name))
        });
        let tightest = capped.min_by_key(|(watched, left, _)| (*watched, *left));
        assert_eq!(answer.tightest, tightest.map(|(_, _, name)| view(&book, name)));
    }
}

// === What the books say ===

/// The present accounts of a budget and those above it.
fn present(book: &Book, budget: &BudgetName) -> Result<Vec<Name>, MoneyWhy> {
    let mut definitions = Vec::new();
    let mut next = Some(budget);
    while let Some(name) = next {
        let definition = book.budgets.get(name).ok_or(MoneyWhy::Undefined)?;
        next = definition.within.as_ref();
        definitions.push(definition);
    }
    let name = |definition: &&Definition| {
        let period = period_at(definition, book.now).ok_or(MoneyWhy::Closed)?;
        Ok((definition.name.clone(), Arc::clone(&period.label)))
    };
    definitions.iter().map(name).collect()
}

/// When somebody should come back whom nothing helps but what begins so much later.
fn ask_again(begins_in: u64) -> u64 {
    begins_in.clamp(50, 500)
}

/// How long a budget without a present account stays closed, as far as its calendar says.
fn opens_in(book: &Book, budget: &BudgetName) -> u64 {
    let Some(definition) = book.budgets.get(budget) else {
        return u64::MAX;
    };
    if period_at(definition, book.now).is_some() {
        let above = definition.within.as_ref();
        return above.map_or(u64::MAX, |above| opens_in(book, above));
    }
    let starts = definition.periods.iter().map(|period| period.starts.0);
    starts.filter(|starts| *starts > book.now).min().map_or(u64::MAX, |starts| starts - book.now)
}

fn left(book: &Book, path: &[Name]) -> u64 {
    let ends = path.iter().filter_map(|name| book.account(name).unwrap().ends);
    ends.map(|ends| ends.0).min().map_or(u64::MAX, |ends| ends.saturating_sub(book.now))
}

fn mode(book: &Book, name: &Name) -> Mode {
    book.budgets.get(&name.0).map_or(Mode::Enforce, |definition| definition.mode)
}

fn enforced(book: &Book, name: &Name) -> Option<u64> {
    let cap = book.account(name).unwrap().cap.map(|cap| cap.0);
    cap.filter(|_| mode(book, name) == Mode::Enforce)
}

fn spent(book: &Book, name: &Name) -> i128 {
    let account = book.account(name).unwrap();
    i128::from(account.settled.0) + i128::from(account.presumed.0) + i128::from(account.corrected)
}

fn reserved(book: &Book, name: &Name) -> u64 {
    book.account(name).unwrap().reserved.0
}

fn room(book: &Book, name: &Name) -> u64 {
    let Some(cap) = enforced(book, name) else {
        return u64::MAX / 4;
    };
    let room = i128::from(cap) - spent(book, name) - i128::from(reserved(book, name));
    u64::try_from(room.max(0)).unwrap()
}

/// Half of one asker's part.
fn room_of(book: &Book, name: &Name) -> u64 {
    room(book, name) / (2 * book.askers(name).max(1))
}

fn view(book: &Book, name: &Name) -> BudgetView {
    let account = book.account(name).unwrap();
    BudgetView {
        budget: name.0.clone(),
        owner: Arc::clone(&book.budgets[&name.0].owner),
        period: Arc::clone(&name.1),
        cap: account.cap.unwrap(),
        spent: Nanos(u64::try_from(spent(book, name).max(0)).unwrap()),
        reserved: account.reserved,
        resets_ms: account.ends.map(|ends| Millis(ends.0.saturating_sub(book.now))),
    }
}
