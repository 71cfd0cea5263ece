//! The naive ledger: predicts what every command is answered, from the books of all limits.

use std::collections::BTreeMap;

use ledger::{Definition, FaultKind, LimitView, Start, Sync};
use wire::ids::Epoch;
use wire::limit::{LimitKey, LimitRule, Per};
use wire::sync::{LeaseAnswer, LeaseLine, Shortage};
use wire::units::Millis;

use crate::book::{Book, Day, Event, Figures};

#[derive(Debug, PartialEq)]
pub(crate) enum Predicted {
    Stale(u64),
    Answers { answers: Vec<LeaseAnswer>, repeated: bool, faults: Vec<(FaultKind, u64)> },
}

pub(crate) struct Model {
    epoch: Epoch,
    start: Start,
    defined: bool,
    books: BTreeMap<LimitKey, Book>,
    holders: BTreeMap<u128, Known>,
    pub(crate) boundaries: Vec<u64>,
}

struct Known {
    sequence: u64,
    seen: u64,
    declares: bool,
    told: Vec<(LeaseAnswer, u64)>,
}

impl Model {
    pub(crate) fn new(epoch: Epoch, start: Start) -> Self {
        let (books, holders, boundaries) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { epoch, start, defined: false, books, holders, boundaries }
    }

    /// Who has been silent for a minute is forgotten.
    pub(crate) fn pass_to(&mut self, now: u64) {
        let gone = |known: &Known| known.seen + 60_000 <= now;
        for holder in self.holders.iter().filter(|(_, known)| gone(known)).map(|(id, _)| *id) {
            for book in self.books.values_mut() {
                book.events.push((now, Event::Void { holder }));
            }
        }
        self.holders.retain(|_, known| !gone(known));
    }

    pub(crate) fn define(&mut self, limits: &[Definition], now: u64) {
        let former = std::mem::take(&mut self.books);
        let again = self.start == Start::Empty && !self.defined;
        for Definition { key, rule } in limits {
            let book = former.get(key).cloned().unwrap_or_else(|| Book {
                events: Vec::new(),
                starts_full: !again,
                held: match rule {
                    LimitRule::Requests { per: Per::Day, .. } => (0, 0),
                    LimitRule::Requests { burst, .. } if again => (*burst, now + 2000),
                    LimitRule::Concurrent { places } if again => (*places, now + 5000),
                    _ => (0, 0),
                },
            });
            self.books.insert(key.clone(), book);
            let book = self.books.get_mut(key).unwrap();
            book.events.push((now, Event::Rule(*rule)));
        }
        // What vanishes, vanishes with its leases: a repeated answer is worth nothing then.
        for known in self.holders.values_mut() {
            for (answer, until) in &mut known.told {
                if !self.books.contains_key(&answer.limit) {
                    *until = 0;
                }
            }
        }
        self.defined = true;
    }

    pub(crate) fn view(&self, key: &LimitKey, now: u64, wall: u64) -> Option<LimitView> {
        let figures = self.books.get(key)?.at(now);
        let day = self.day(wall);
        Some(LimitView {
            level: figures.level(day),
            lent: figures.lent(),
            used: figures.used(day),
            held: figures.held.0,
        })
    }

    pub(crate) fn sync(&mut self, sync: &Sync, now: u64, wall: u64) -> Predicted {
        let id = sync.holder.0;
        if let Some(known) = self.holders.get(&id) {
            if sync.sequence < known.sequence {
                return Predicted::Stale(known.sequence);
            }
            if sync.sequence == known.sequence {
                let again = |(answer, until): &(LeaseAnswer, u64)| LeaseAnswer {
                    ttl_ms: Millis(until.saturating_sub(now)),
                    ..answer.clone()
                };
                let answers = known.told.iter().map(again).collect();
                return Predicted::Answers { answers, repeated: true, faults: Vec::new() };
            }
        }
        let native = sync.epoch == Some(self.epoch);
        let declares = native && self.holders.get(&id).is_some_and(|known| known.declares);
        if !native {
            for book in self.books.values_mut() {
                book.events.push((now, Event::Void { holder: id }));
            }
        }
        let foreign = !native && sync.epoch.is_some();
        let mut told = Vec::new();
        let mut faults = Vec::new();
        for line in &sync.lines {
            let how = How { native, declares, foreign };
            told.push(self.line(id, line, how, now, wall, &mut faults));
        }
        let answers = told.iter().map(|(answer, _)| answer.clone()).collect();
        let known = Known { sequence: sync.sequence, seen: now, declares: foreign, told };
        self.holders.insert(id, known);
        Predicted::Answers { answers, repeated: false, faults }
    }

    fn line(
        &mut self,
        id: u128,
        line: &LeaseLine,
        how: How,
        now: u64,
        wall: u64,
        faults: &mut Vec<(FaultKind, u64)>,
    ) -> (LeaseAnswer, u64) {
        let day = self.day(wall);
        let Some(book) = self.books.get_mut(&line.limit) else {
            return (unknown(&line.limit), 0);
        };
        let spoken = |gets, timer| Event::Line {
            holder: id,
            booked: how.native,
            spent: line.spent,
            returned: line.returned,
            gets,
            timer,
            day,
        };
        let asked = book.asked(id).filter(|asked| now - asked < 2000);
        let place = book.events.len();
        book.events.push((now, spoken(0, u64::MAX)));
        if line.wants > 0 {
            book.events.push((now, Event::Asked { holder: id }));
        }
        let before = book.at(now);
        let kinds = [FaultKind::SpentPlaces, FaultKind::Excess, FaultKind::Late];
        let units = [before.faults[2], before.faults[1], before.faults[0]];
        faults.extend(kinds.into_iter().zip(units).filter(|(_, units)| *units > 0));
        let waited = asked.map_or(0, |asked| (now - asked).min(1000));
        let gets = gets(&before, line.wants, how, waited, book.hungry(now).max(1), day);
        let has = before.loans.get(&id).map_or(0, |loan| loan.lent) + gets;
        let until = now + time_to_live(&before.rule, has, day, wall);
        let places = matches!(before.rule, LimitRule::Concurrent { .. });
        book.events[place].1 = spoken(gets, until + if places { 3000 } else { 0 });
        if gets < line.wants {
            book.events.push((now, Event::Short { holder: id, nothing: gets == 0 }));
        }
        let after = book.at(now);
        let answer = LeaseAnswer {
            limit: line.limit.clone(),
            gets,
            ttl_ms: Millis(until - now),
            recall: has > 0 && book.turned_away_besides(id, now),
            short: (gets < line.wants)
                .then(|| short(&after, has, book.hungry(now), day, wall, now)),
            remaining: after.level(day),
            resets_ms: Millis(resets(&after, day, wall)),
        };
        (answer, until)
    }

    fn day(&self, wall: u64) -> Option<Day> {
        self.boundaries
            .windows(2)
            .map(|pair| (pair[0], pair[1]))
            .find(|(start, end)| (*start..*end).contains(&wall))
    }
}

#[derive(Clone, Copy)]
struct How {
    native: bool,
    declares: bool,
    foreign: bool,
}

fn gets(of: &Figures, wants: u64, how: How, waited: u64, hungry: u64, day: Option<Day>) -> u64 {
    let flowed = match of.rule {
        LimitRule::Concurrent { .. } if how.foreign => return 0,
        LimitRule::Concurrent { places } if how.declares => {
            return wants.min(places.saturating_sub(of.lent()));
        }
        LimitRule::Requests { amount, per, .. } if per != Per::Day => {
            (amount * waited).div_ceil(per.duration().0 * hungry)
        }
        _ => 0,
    };
    let level = of.level(day);
    [wants, level, 1.max(flowed).max(level / (2 * hungry))].into_iter().min().unwrap()
}

fn time_to_live(rule: &LimitRule, has: u64, day: Option<Day>, wall: u64) -> u64 {
    match (rule, day) {
        (LimitRule::Requests { per: Per::Day, .. }, Some((_, end))) if has > 0 => {
            (end - wall).min(2000)
        }
        _ => 2000,
    }
}

fn short(of: &Figures, has: u64, hungry: u64, day: Option<Day>, wall: u64, now: u64) -> Shortage {
    let level = of.level(day);
    let elsewhere = level == 0 && of.out() > has;
    let (ask, retry) = match of.rule {
        LimitRule::Requests { per: Per::Day, .. } => match (level, elsewhere) {
            (1.., _) => (50, 1000),
            (0, true) => (50 * hungry, 1000),
            (0, false) => (1000, day.map_or(1000, |(_, end)| end - wall)),
        },
        LimitRule::Requests { amount, per, .. } => {
            let missing = of.period() - of.fluid % of.period();
            let next = (of.fluid + missing <= of.room())
                .then(|| u64::try_from(missing.div_ceil(u128::from(amount))).unwrap());
            let emission = per.duration().0.div_ceil(amount);
            let retry = next.unwrap_or(1000).min(if elsewhere { 1000 } else { u64::MAX });
            (next.unwrap_or(50) + emission * (hungry - 1) / 2, retry)
        }
        LimitRule::Concurrent { .. } if level > 0 => (50, 1000),
        LimitRule::Concurrent { places } => {
            let held = of.lent() == 0 && of.held.0 > 0;
            let retry = if held { of.held.1 - now } else { 1000 };
            (50 / places * (hungry - 1) / 2, retry)
        }
    };
    Shortage {
        ask_again_ms: Millis(ask.clamp(50, 1000)),
        retry_ms: Millis(retry.max(1)),
        lent_elsewhere: elsewhere,
        undefined: false,
    }
}

fn resets(of: &Figures, day: Option<Day>, wall: u64) -> u64 {
    match of.rule {
        LimitRule::Requests { per: Per::Day, .. } => day.map_or(1000, |(_, end)| end - wall),
        LimitRule::Requests { amount, burst, .. } => {
            let missing = (u128::from(burst) * of.period()).saturating_sub(of.fluid);
            u64::try_from(missing.div_ceil(u128::from(amount))).unwrap()
        }
        LimitRule::Concurrent { .. } => {
            if of.out() > 0 {
                1000
            } else {
                0
            }
        }
    }
}

fn unknown(key: &LimitKey) -> LeaseAnswer {
    let short = Shortage {
        ask_again_ms: Millis(1000),
        retry_ms: Millis(1000),
        lent_elsewhere: false,
        undefined: true,
    };
    LeaseAnswer {
        limit: key.clone(),
        gets: 0,
        ttl_ms: Millis(0),
        recall: false,
        short: Some(short),
        remaining: 0,
        resets_ms: Millis(0),
    }
}
