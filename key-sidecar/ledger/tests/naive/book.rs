//! The naive book of one limit: every event that ever was, and all figures recomputed from the
//! first on.
//!
//! Written against the rules, not against the code: no levels are kept, no indexes, no scaled
//! arithmetic beyond what a replay needs. Slow, and easy to believe.

use std::collections::BTreeMap;

use wire::limit::{LimitRule, Per};

/// A day's first instant and the next day's.
pub(crate) type Day = (u64, u64);

#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The limit has these figures from now on.
    Rule(LimitRule),
    /// A holder spoke; `booked` tells whether its words count.
    Line {
        holder: u128,
        booked: bool,
        spent: u64,
        returned: u64,
        gets: u64,
        timer: u64,
        day: Option<Day>,
    },
    /// A holder turned out to have nothing.
    Void {
        holder: u128,
    },
    Short {
        holder: u128,
        nothing: bool,
    },
    Asked {
        holder: u128,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) events: Vec<(u64, Event)>,
    /// What an earlier life may have lent, and until when.
    pub(crate) held: (u64, u64),
    pub(crate) starts_full: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Loan {
    pub(crate) lent: u64,
    pub(crate) lapsed: u64,
    day: Option<u64>,
    timer: u64,
}

/// Everything there is to know of a limit at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) rule: LimitRule,
    pub(crate) loans: BTreeMap<u128, Loan>,
    pub(crate) held: (u64, u64),
    /// Of a bucket, in units times milliseconds of the period.
    pub(crate) fluid: u128,
    used: BTreeMap<Option<u64>, u64>,
    /// Late and excessive units of the last line, and places said to be spent.
    pub(crate) faults: [u64; 3],
    now: u64,
}

impl Book {
    pub(crate) fn at(&self, time: u64) -> Figures {
        let (born, Event::Rule(rule)) = &self.events[0] else {
            panic!("a book begins with a rule")
        };
        let mut figures = Figures {
            rule: *rule,
            loans: BTreeMap::new(),
            held: self.held,
            fluid: 0,
            used: BTreeMap::new(),
            faults: [0; 3],
            now: *born,
        };
        if let (true, LimitRule::Requests { burst, .. }) = (self.starts_full, rule) {
            figures.fluid = u128::from(*burst) * figures.period();
        }
        for (when, event) in &self.events {
            figures.pass_to(*when);
            figures.take(event);
        }
        figures.pass_to(time);
        figures
    }

    /// How many holders went short in the second of `time`, or in the one before, if those were
    /// more.
    pub(crate) fn hungry(&self, time: u64) -> u64 {
        let in_second = |second: Option<u64>| {
            let holders: std::collections::BTreeSet<u128> = self
                .events
                .iter()
                .filter(|(when, _)| Some(when / 1000) == second)
                .filter_map(|(_, event)| match event {
                    Event::Short { holder, .. } => Some(*holder),
                    _ => None,
                })
                .collect();
            u64::try_from(holders.len()).unwrap()
        };
        in_second(Some(time / 1000)).max(in_second((time / 1000).checked_sub(1)))
    }

    pub(crate) fn turned_away_besides(&self, me: u128, time: u64) -> bool {
        self.events.iter().any(|(when, event)| match event {
            Event::Short { holder, nothing: true } => *holder != me && time - when <= 1000,
            _ => false,
        })
    }

    pub(crate) fn asked(&self, me: u128) -> Option<u64> {
        let mine = |event: &Event| matches!(event, Event::Asked { holder } if *holder == me);
        self.events.iter().rev().find(|(_, event)| mine(event)).map(|(when, _)| *when)
    }
}

impl Figures {
    pub(crate) fn lent(&self) -> u64 {
        self.loans.values().map(|loan| loan.lent).sum()
    }

    pub(crate) fn out(&self) -> u64 {
        self.lent() + self.held.0
    }

    pub(crate) fn used(&self, day: Option<Day>) -> u64 {
        match self.rule {
            LimitRule::Requests { per: Per::Day, .. } => {
                day.map_or(0, |day| self.used.get(&Some(day.0)).copied().unwrap_or(0))
            }
            LimitRule::Requests { .. } => self.used.values().sum(),
            LimitRule::Concurrent { .. } => 0,
        }
    }

    pub(crate) fn level(&self, day: Option<Day>) -> u64 {
        match self.rule {
            LimitRule::Requests { amount, per: Per::Day, .. } => day.map_or(0, |day| {
                let today = self.loans.values().filter(|loan| loan.day == Some(day.0));
                let lent: u64 = today.map(|loan| loan.lent).sum();
                amount.saturating_sub(self.used(Some(day)) + lent)
            }),
            LimitRule::Requests { .. } => u64::try_from(self.fluid / self.period()).unwrap(),
            LimitRule::Concurrent { places } => places.saturating_sub(self.out()),
        }
    }

    pub(crate) fn period(&self) -> u128 {
        match self.rule {
            LimitRule::Requests { per, .. } => u128::from(per.duration().0),
            LimitRule::Concurrent { .. } => 1,
        }
    }

    /// Room in the bucket, in the fluid's measure.
    pub(crate) fn room(&self) -> u128 {
        match self.rule {
            LimitRule::Requests { burst, .. } => {
                u128::from(burst.saturating_sub(self.out())) * self.period()
            }
            LimitRule::Concurrent { .. } => 0,
        }
    }

    fn pass_to(&mut self, time: u64) {
        loop {
            let due = self.loans.values().filter(|loan| loan.lent > 0).map(|loan| loan.timer);
            let due = due.chain((self.held.0 > 0).then_some(self.held.1)).min();
            let next = due.filter(|due| *due <= time).unwrap_or(time);
            self.flow_to(next);
            if self.held.1 <= next {
                self.held.0 = 0;
            }
            let lapsing = self.loans.iter().filter(|(_, loan)| loan.lent > 0 && loan.timer <= next);
            for holder in lapsing.map(|(holder, _)| *holder).collect::<Vec<_>>() {
                self.lapse(holder);
            }
            if due.is_none_or(|due| due > time) {
                return;
            }
        }
    }

    fn flow_to(&mut self, time: u64) {
        if let LimitRule::Requests { amount, .. } = self.rule {
            let fluid = self.fluid + u128::from(amount) * u128::from(time - self.now);
            self.fluid = fluid.min(self.room().max(self.fluid));
        }
        self.now = time;
    }

    fn lapse(&mut self, holder: u128) {
        let places = matches!(self.rule, LimitRule::Concurrent { .. });
        let loan = self.loans.entry(holder).or_default();
        if !places {
            *self.used.entry(loan.day).or_default() += loan.lent;
        }
        loan.lapsed += loan.lent;
        loan.lent = 0;
    }

    fn take(&mut self, event: &Event) {
        match *event {
            Event::Rule(rule) => {
                self.rule = rule;
                self.fluid = self.fluid.min(self.room());
            }
            Event::Void { holder } => {
                self.lapse(holder);
                self.loans.entry(holder).or_default().lapsed = 0;
            }
            Event::Line { holder, booked, spent, returned, gets, timer, day } => {
                self.faults = [0; 3];
                if booked {
                    self.say(holder, spent, returned);
                }
                self.settle(holder, day);
                let loan = self.loans.entry(holder).or_default();
                loan.lent += gets;
                loan.timer = timer;
                loan.day = day.map(|day| day.0);
                self.fluid = self.fluid.saturating_sub(u128::from(gets) * self.period());
                if let LimitRule::Concurrent { places } = self.rule {
                    self.held.0 = self.held.0.min(places.saturating_sub(self.lent()));
                }
            }
            Event::Short { .. } | Event::Asked { .. } => {}
        }
    }

    /// One unit after the other, the lapsed ones first.
    fn say(&mut self, holder: u128, mut spent: u64, mut returned: u64) {
        if matches!(self.rule, LimitRule::Concurrent { .. }) {
            self.faults[2] = std::mem::take(&mut spent);
        }
        let loan = self.loans.entry(holder).or_default();
        for words in [&mut returned, &mut spent] {
            while *words > 0 && loan.lapsed > 0 {
                *words -= 1;
                loan.lapsed -= 1;
                self.faults[0] += 1;
            }
        }
        let mut came_back = 0;
        while spent > 0 && loan.lent > 0 {
            spent -= 1;
            loan.lent -= 1;
            *self.used.entry(loan.day).or_default() += 1;
        }
        while returned > 0 && loan.lent > 0 {
            returned -= 1;
            loan.lent -= 1;
            came_back += 1;
        }
        self.faults[1] = spent + returned;
        self.fluid = (self.fluid + came_back * self.period()).min(self.room());
    }

    fn settle(&mut self, holder: u128, day: Option<Day>) {
        let loan_day = self.loans.entry(holder).or_default().day;
        match self.rule {
            LimitRule::Requests { per: Per::Day, .. } if loan_day != day.map(|day| day.0) => {
                self.lapse(holder);
            }
            LimitRule::Concurrent { .. } => {
                let free = self.level(day);
                let loan = self.loans.entry(holder).or_default();
                let again = free.min(loan.lapsed);
                loan.lapsed -= again;
                loan.lent += again;
            }
            LimitRule::Requests { .. } => {}
        }
    }
}
