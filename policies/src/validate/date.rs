//! Days of the calendar as files have them: year-month-day.

use jiff::civil::Date;

use super::organization::two_digits;
use super::value::text;
use crate::document::Node;
use crate::error::{Code, Problem, Report, quoted};

/// A day. `expected` says which one, `remedy` what to write, or not to write, instead.
pub(super) fn date(
    node: &Node<'_>,
    expected: &'static str,
    remedy: &'static str,
    report: &mut Report<'_>,
) -> Option<Date> {
    let written = text(node, "a date", report)?;
    let Some((year, month, day)) = year_month_day(written) else {
        report.push(
            Problem::new(
                Code::Date,
                node.at,
                format!("{} is not a date in the form that is used here", quoted(written)),
            )
            .expected(expected)
            .remedy(remedy),
        );
        return None;
    };
    let date = Date::new(year, month, day).ok();
    if date.is_none() {
        report.push(
            Problem::new(
                Code::NoSuchDate,
                node.at,
                format!("the calendar has no {}", quoted(written)),
            )
            .expected("a day that exists")
            .remedy("look up how many days the month has"),
        );
    }
    date
}

/// Years of this millennium: everything else is a slip.
fn year_month_day(written: &str) -> Option<(i16, i8, i8)> {
    let (year, rest) = written.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let year_is_plain =
        year.len() == 4 && year.starts_with('2') && year.bytes().all(|b| b.is_ascii_digit());
    let year = year_is_plain.then(|| year.parse().ok()).flatten()?;
    let (month, day) = (two_digits(month)?, two_digits(day)?);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some((year, month, day))
}
