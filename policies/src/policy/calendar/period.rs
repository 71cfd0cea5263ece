//! The periods of budgets: which days they begin on, and what they are called.
//!
//! Quarters and years are counted from the first day of the fiscal year and are named by the year in
//! which it begins; months are months of the calendar. A name is made of days alone, so a change of
//! the zone in the middle of a period leaves its account where it was.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use wire::units::UnixMillis;

use super::super::{BudgetPeriod, Every, MonthDay, Organization, Span};
use super::{day_of, start_of};

/// The first day of every calendar year.
const JANUARY_FIRST: MonthDay = MonthDay { month: 1, day: 1 };
/// Periods more than are wanted, of which the first may be over: where the clocks go back over
/// midnight, the end of a day comes a second time after the next day has begun.
const SPARE: usize = 2;

impl Organization {
    /// The period of the span that holds `now`, and the next ones.
    pub(in crate::policy) fn periods(&self, span: Span, now: UnixMillis) -> Vec<BudgetPeriod> {
        match span {
            Span::Every(every) => self.every(every, now),
            Span::Between { from, until } => self.between(from, until).into_iter().collect(),
            Span::Total => {
                vec![BudgetPeriod { label: "total".into(), starts: UnixMillis(0), ends: None }]
            }
        }
    }

    fn between(&self, from: Date, until: Option<Date>) -> Option<BudgetPeriod> {
        let ends = match until {
            // The last day counts: what is over begins with the day after it.
            Some(last) => Some(start_of(last.tomorrow().ok()?, &self.time_zone)?),
            None => None,
        };
        let starts = start_of(from, &self.time_zone)?;
        let label = format!("from {from}").into();
        Some(BudgetPeriod { label, starts, ends })
    }

    fn every(&self, every: Every, now: UnixMillis) -> Vec<BudgetPeriod> {
        let ahead = match every {
            Every::Day => 3,
            Every::Week | Every::Month | Every::Quarter | Every::Year => 2,
        };
        let Some(first) = day_of(now, &self.time_zone).and_then(|day| self.first_day(every, day))
        else {
            return Vec::new();
        };
        let holds_or_follows = |period: &BudgetPeriod| period.ends.is_none_or(|ends| ends > now);
        // A period that the zone skips altogether has no moment, and so no account.
        let days = std::iter::successors(Some(first), |day| self.next(every, *day));
        days.map_while(|day| self.period(every, day))
            .filter(|period| period.ends.is_none_or(|ends| ends > period.starts))
            .take(ahead + 1 + SPARE)
            .filter(holds_or_follows)
            .take(ahead + 1)
            .collect()
    }

    /// The period that begins on `day`. The last one of the calendar has no end.
    fn period(&self, every: Every, day: Date) -> Option<BudgetPeriod> {
        let next = self.next(every, day);
        let ends = next.and_then(|next| start_of(next, &self.time_zone));
        // What began before 1970 is clipped: no clock of ours shows that time.
        let starts = start_of(day, &self.time_zone).unwrap_or(UnixMillis(0));
        Some(BudgetPeriod { label: self.label(every, day), starts, ends })
    }

    /// The first day of the period that holds `day`.
    fn first_day(&self, every: Every, day: Date) -> Option<Date> {
        match every {
            Every::Day => Some(day),
            Every::Week => first_of_week(day, self.week_starts),
            Every::Month => Some(day.first_of_month()),
            Every::Quarter => {
                let year = self.fiscal_year_of(day)?;
                let starts = (0..4).rev().filter_map(|quarter| quarter_of(year, quarter));
                starts.into_iter().find(|start| *start <= day)
            }
            Every::Year => self.fiscal_year_of(day),
        }
    }

    /// The first day of the period after the one that begins on `first`.
    fn next(&self, every: Every, first: Date) -> Option<Date> {
        match every {
            Every::Day => first.tomorrow().ok(),
            Every::Week => first.checked_add(1.week()).ok(),
            Every::Month => first.checked_add(1.month()).ok(),
            Every::Quarter => {
                // From the year's first day: a quarter that begins on the 31st of a shorter month
                // would drift.
                let year = self.fiscal_year_of(first)?;
                (1..=4).filter_map(|quarter| quarter_of(year, quarter)).find(|day| *day > first)
            }
            Every::Year => first.checked_add(1.year()).ok(),
        }
    }

    /// The first day of the fiscal year that holds `day`.
    fn fiscal_year_of(&self, day: Date) -> Option<Date> {
        let MonthDay { month, day: first } = self.fiscal_year_starts;
        let this = Date::new(day.year(), month, first).ok()?;
        if this <= day { Some(this) } else { this.checked_sub(1.year()).ok() }
    }

    /// What the period that begins on `first` is called.
    fn label(&self, every: Every, first: Date) -> Arc<str> {
        let fiscal = match self.fiscal_year_starts {
            JANUARY_FIRST => "",
            _ => "FY",
        };
        let label = match every {
            Every::Day => first.to_string(),
            Every::Week => format!("week of {first}"),
            Every::Month => first.strftime("%Y-%m").to_string(),
            Every::Quarter => {
                let year = self.fiscal_year_of(first).unwrap_or(first);
                let before = (0..4).filter_map(|quarter| quarter_of(year, quarter));
                let number = before.filter(|start| *start <= first).count();
                format!("{fiscal}{}-Q{number}", year.year())
            }
            Every::Year => format!("{fiscal}{}", first.year()),
        };
        label.into()
    }
}

fn first_of_week(day: Date, starts: Weekday) -> Option<Date> {
    let since = day.weekday().since(starts);
    day.checked_sub(i64::from(since).days()).ok()
}

/// The first day of a quarter of the fiscal year that begins on `year`, from 0; 4 is the next year.
fn quarter_of(year: Date, quarter: i64) -> Option<Date> {
    year.checked_add((quarter * 3).months()).ok()
}
