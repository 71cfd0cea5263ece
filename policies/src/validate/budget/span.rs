//! The time of a budget: again and again, from one day until another, or once and for all.

use jiff::civil::Date;

use super::super::date::date;
use super::super::fields::Fields;
use super::super::value::choice;
use crate::document::Member;
use crate::error::{Code, Problem, Report};
use crate::policy::{Every, Span};

const PERIODS: [(&str, Every); 5] = [
    ("day", Every::Day),
    ("week", Every::Week),
    ("month", Every::Month),
    ("quarter", Every::Quarter),
    ("year", Every::Year),
];

/// Reads `every`, or `from` and `until`.
pub(super) fn span(fields: &Fields<'_, '_>, report: &mut Report<'_>) -> Option<Span> {
    let (from, until) = (fields.member("from"), fields.member("until"));
    let every = fields.member("every");
    let period = every.map(|member| choice(&member.node, &PERIODS, report));
    let first = from.map(|member| first_day(member, report));
    let last = until.map(|member| last_day(member, report));
    if let (Some(every), Some(day)) = (every, from.or(until)) {
        report.push(
            Problem::missing(
                Code::BudgetPeriod,
                every.name_at,
                "this budget has two times: one that comes again, and one by date",
            )
            .expected("\"every\", or \"from\" and \"until\"")
            .remedy("keep the one that is meant; make a second budget for the other")
            .other(day.name_at, "the other time"),
        );
        return None;
    }
    match (period, first, last) {
        (Some(period), _, _) => period.map(Span::Every),
        (None, None, None) => Some(Span::Total),
        (None, Some(first), None) => first.map(|from| Span::Between { from, until: None }),
        (None, None, Some(_)) => {
            report.push(no_first_day(until?));
            None
        }
        (None, Some(first), Some(last)) => {
            let (from, last) = (first?, last?);
            in_order(from, last, until, report)
        }
    }
}

fn no_first_day(until: &Member<'_>) -> Problem {
    let message = "this budget ends, and does not say when it begins";
    Problem::missing(Code::BudgetPeriod, until.name_at, message)
        .expected("\"from\" beside it")
        .remedy("add \"from\" with the first day")
}

fn in_order(
    from: Date,
    until: Date,
    written: Option<&Member<'_>>,
    report: &mut Report<'_>,
) -> Option<Span> {
    if from <= until {
        return Some(Span::Between { from, until: Some(until) });
    }
    let at = written?.node.at;
    report.push(
        Problem::new(Code::DateOrder, at, "this budget ends before it begins")
            .expected("a last day that is not before the first")
            .remedy("exchange the two days, or correct the year"),
    );
    None
}

fn first_day(member: &Member<'_>, report: &mut Report<'_>) -> Option<Date> {
    const EXPECTED: &str = "year-month-day of the first day, as in \"2026-12-01\"";
    const REMEDY: &str = "write four digits for the year, two for the month, two for the day";
    date(&member.node, EXPECTED, REMEDY, report)
}

fn last_day(member: &Member<'_>, report: &mut Report<'_>) -> Option<Date> {
    const EXPECTED: &str =
        "year-month-day of the last day, which still counts, as in \"2026-12-03\"";
    const REMEDY: &str = "write four digits for the year, two for the month, two for the day; \
                          leave the field out if it does not end";
    date(&member.node, EXPECTED, REMEDY, report)
}
