//! The organization: its name, its currency and its calendar. One for the whole policy.

use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::fields::{Fields, Shape};
use super::value::{choice, plain_text, text};
use crate::document::Node;
use crate::error::{Code, Problem, Report, quoted};
use crate::policy::{MonthDay, Organization};

const ORGANIZATION: Shape = Shape {
    what: "the organization",
    form: "{ \"name\": \"acme\", \"currency\": \"USD\", \"time_zone\": \"UTC\" }",
    fields: &["name", "currency", "time_zone", "week_starts", "fiscal_year_starts"],
    required: &["name", "currency", "time_zone"],
};

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// The organization of all files.
pub(super) fn merge(
    files: &[Fields<'_, '_>],
    all_readable: bool,
    report: &mut Report<'_>,
) -> Option<Organization> {
    let mut found = files.iter().filter_map(|file| file.member("organization"));
    let Some(first) = found.next() else {
        if all_readable && !files.is_empty() {
            report.push(
                Problem::nowhere(Code::MissingOrganization, "no file says whose policy this is")
                    .expected(
                        "an \"organization\" with its name, currency and time_zone \
                         in one of the files",
                    )
                    .remedy("copy the \"organization\" of samples/quick-start.json and adapt it"),
            );
        }
        return None;
    };
    for again in found {
        report.push(
            Problem::missing(
                Code::DuplicateName,
                again.name_at,
                "the organization is written twice",
            )
            .expected("one organization for all files")
            .remedy("delete one of them")
            .other(first.name_at, "first written here"),
        );
    }
    let fields = Fields::open(&first.node, first.name_at, &ORGANIZATION, report)?;
    organization(&fields, report)
}

fn organization(fields: &Fields<'_, '_>, report: &mut Report<'_>) -> Option<Organization> {
    let name =
        fields.get("name").and_then(|node| plain_text(node, "the organization's name", report));
    let currency = fields.get("currency").and_then(|node| currency(node, report));
    let zone = fields.get("time_zone").and_then(|node| time_zone(node, report));
    let week_starts = match fields.get("week_starts") {
        Some(node) => choice(node, &WEEKDAYS, report),
        None => Some(Weekday::Monday),
    };
    let fiscal_year_starts = match fields.get("fiscal_year_starts") {
        Some(node) => month_day(node, report),
        None => Some(MonthDay { month: 1, day: 1 }),
    };
    Some(Organization {
        name: name?.into(),
        currency: currency?,
        time_zone: zone?,
        week_starts: week_starts?,
        fiscal_year_starts: fiscal_year_starts?,
    })
}

fn currency(node: &Node<'_>, report: &mut Report<'_>) -> Option<Arc<str>> {
    let written = text(node, "a currency code", report)?;
    if written.len() == 3 && written.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(written.into());
    }
    report.push(
        Problem::new(
            Code::Currency,
            node.at,
            format!("{} is not a currency code", quoted(written)),
        )
        .expected("the three capital letters of ISO 4217, as in \"USD\" or \"EUR\"")
        .remedy("write the code, not the sign or the name"),
    );
    None
}

fn time_zone(node: &Node<'_>, report: &mut Report<'_>) -> Option<TimeZone> {
    let written = plain_text(node, "the name of a time zone", report)?;
    let zones = TimeZoneDatabase::bundled();
    let zone = zones.get(written).ok();
    // Lookup is lenient about case; a policy has one spelling of each name.
    if let Some(zone) = zone.filter(|zone| zone.iana_name() == Some(written)) {
        return Some(zone);
    }
    let known: Vec<String> = zones
        .available()
        .map(|name| name.to_string())
        .filter(|name| name.contains('/') || name == "UTC")
        .collect();
    let near = report.nearest(written, known.iter().map(String::as_str));
    report.push(
        Problem::new(Code::TimeZone, node.at, format!("{} is not a time zone", quoted(written)))
            .expected("a name of the IANA time zone database, as in \"Europe/Berlin\" or \"UTC\"")
            .remedy("write region and city; an abbreviation does not say when summer time begins")
            .near(near),
    );
    None
}

fn month_day(node: &Node<'_>, report: &mut Report<'_>) -> Option<MonthDay> {
    let written = text(node, "a month and a day", report)?;
    let parsed = parse_month_day(written);
    if parsed.is_none() {
        report.push(
            Problem::new(
                Code::MonthDay,
                node.at,
                format!("{} is not a month and a day of every year", quoted(written)),
            )
            .expected("two digits for the month, '-', two for the day, as in \"02-01\"")
            .remedy("write the month first; February 29 is not in every year"),
        );
    }
    parsed
}

fn parse_month_day(written: &str) -> Option<MonthDay> {
    /// Any year without a February 29.
    const COMMON_YEAR: i16 = 2001;
    let (month, day) = written.split_once('-')?;
    let (month, day) = (two_digits(month)?, two_digits(day)?);
    Date::new(COMMON_YEAR, month, day).ok()?;
    Some(MonthDay { month, day })
}

/// Exactly two digits.
pub(super) fn two_digits(text: &str) -> Option<i8> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
