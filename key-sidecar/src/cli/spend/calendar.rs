//! When: what people type as a period or a day, as instants; and the hours, days and months of a
//! report. All in the organization's zone, by the zone library.
//!
//! Invariant: an hour lies in one day and a day in one month, also where the clocks change, so no row
//! of a report crosses a billing period. Neighbours: the ledger names its periods itself, by the
//! labels that [`Calendar::label`] reads.

use std::cell::Cell;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use wire::units::UnixMillis;

use crate::clock::{timestamp, unix_millis};

/// The zone that days begin in.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    zone: TimeZone,
    /// The day that was asked for last. Entries are nearly in the order of their time, so the next is
    /// almost always in it, and the zone need not be asked.
    last: Cell<Option<(Span, Date)>>,
}

/// From an instant to another, which is not part of it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Span {
    pub(super) starts: UnixMillis,
    /// `None` never ends.
    pub(super) ends: Option<UnixMillis>,
}

impl Span {
    /// All of time.
    pub(super) const EVER: Self = Self { starts: UnixMillis(0), ends: None };

    pub(super) fn contains(self, at: UnixMillis) -> bool {
        self.starts <= at && self.ends.is_none_or(|ends| at < ends)
    }

    /// The instant itself, or the nearest one inside.
    pub(super) fn clamp(self, at: UnixMillis) -> UnixMillis {
        let last = self.ends.map_or(u64::MAX, |ends| ends.0.saturating_sub(1));
        UnixMillis(at.0.min(last).max(self.starts.0))
    }
}

/// How finely a report tells the time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Grain {
    /// A row for each hour
    Hour,
    /// A row for each day
    Day,
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl Calendar {
    pub(super) const fn new(zone: TimeZone) -> Self {
        Self { zone, last: Cell::new(None) }
    }

    /// The calendar period of this label: `2026-11-25`, `week of 2026-11-23`, `2026-11`, `2026-Q4`,
    /// `2026`. Fiscal ones and those of a budget's own the ledger knows, not the calendar.
    pub(super) fn label(&self, label: &str) -> Option<Span> {
        let (first, next) = dates(label)?;
        self.between(first, next)
    }

    /// `--since` and `--until`: a day is in it, an instant that ends it is not.
    pub(super) fn range(&self, since: Option<&str>, until: Option<&str>) -> Result<Span, String> {
        let starts = match since {
            None => UnixMillis(0),
            Some(text) => self.moment(text, false)?,
        };
        let ends = until.map(|text| self.moment(text, true)).transpose()?;
        if ends.is_some_and(|ends| ends <= starts) {
            return Err(format!(
                "nothing lies between {} and {}: --since comes before --until",
                since.unwrap_or("the beginning"),
                until.unwrap_or("the end")
            ));
        }
        Ok(Span { starts, ends })
    }

    /// The hour or day that the instant is in.
    pub(super) fn bucket(&self, at: UnixMillis, grain: Grain) -> Span {
        let day = self.day(at);
        match (grain, day.ends) {
            (Grain::Hour, Some(day_ends)) => hour_of(day.starts, day_ends, at),
            _ => day,
        }
    }

    /// The day that the instant is in.
    pub(super) fn day(&self, at: UnixMillis) -> Span {
        self.dated(at).0
    }

    /// The month that the instant is in.
    pub(super) fn month(&self, at: UnixMillis) -> Span {
        let first = self.date(at).first_of_month();
        let next = first.checked_add(1.month()).ok();
        next.and_then(|next| self.between(first, next)).unwrap_or(Span::EVER)
    }

    /// The date of an instant.
    pub(super) fn date(&self, at: UnixMillis) -> Date {
        self.dated(at).1
    }

    fn dated(&self, at: UnixMillis) -> (Span, Date) {
        if let Some(last) = self.last.get().filter(|(day, _)| day.contains(at)) {
            return last;
        }
        let date = self.zoned(at).date();
        let day = date.tomorrow().ok().and_then(|next| self.between(date, next));
        let dated = (day.unwrap_or(Span::EVER), date);
        self.last.set(Some(dated));
        dated
    }

    /// An instant as people here read it: `2026-11-30 23:00`.
    pub(super) fn clock_time(&self, at: UnixMillis) -> String {
        self.zoned(at).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn zoned(&self, at: UnixMillis) -> ZonedDateTime {
        timestamp(at).to_zoned_datetime(self.zone.clone())
    }

    fn moment(&self, text: &str, closes: bool) -> Result<UnixMillis, String> {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Ok(unix_millis(instant));
        }
        let date = text.parse::<Date>().ok().filter(|_| text.len() == 10);
        let first = match (date, closes) {
            (Some(date), true) => date.tomorrow().ok(),
            (date, _) => date,
        };
        first.and_then(|date| self.start_of(date)).ok_or_else(|| {
            format!(
                "{text:?} is neither a day, as in 2026-11-25, nor an instant, as in \
                 2026-11-25T12:00:00Z"
            )
        })
    }

    fn between(&self, first: Date, next: Date) -> Option<Span> {
        Some(Span { starts: self.start_of(first)?, ends: Some(self.start_of(next)?) })
    }

    /// Where the clocks skip midnight, the day begins after the gap; a day that the zone skips is
    /// where the next one begins.
    fn start_of(&self, date: Date) -> Option<UnixMillis> {
        let start = date.to_zoned_datetime(self.zone.clone()).ok()?;
        Some(unix_millis(start.timestamp()))
    }
}

fn hour_of(starts: UnixMillis, ends: UnixMillis, at: UnixMillis) -> Span {
    let length = u64::try_from(HOUR.as_millis()).unwrap_or(u64::MAX);
    let into = at.since(starts).0;
    let begun = into.saturating_sub(into.checked_rem(length).unwrap_or(0));
    let hour = UnixMillis(starts.0.saturating_add(begun));
    Span { starts: hour, ends: Some(UnixMillis(hour.0.saturating_add(length)).min(ends)) }
}

/// The first day of a labelled period, and the first after it.
fn dates(label: &str) -> Option<(Date, Date)> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if let Some(first) = label.strip_prefix("week of ") {
        let first: Date = first.parse().ok().filter(|_| plain(first))?;
        return Some((first, first.checked_add(1.week()).ok()?));
    }
    if let Some((year, quarter)) = label.split_once("-Q") {
        let quarter: i8 = quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter))?;
        let month = quarter.checked_sub(1)?.checked_mul(3)?.checked_add(1)?;
        let first = Date::new(year_of(year)?, month, 1).ok()?;
        return Some((first, first.checked_add(3.months()).ok()?));
    }
    if !plain(label) {
        return None;
    }
    let parts: Vec<&str> = label.split('-').collect();
    match parts.as_slice() {
        [year] => {
            let first = Date::new(year_of(year)?, 1, 1).ok()?;
            Some((first, first.checked_add(1.year()).ok()?))
        }
        [year, month] if month.len() == 2 => {
            let first = Date::new(year_of(year)?, month.parse().ok()?, 1).ok()?;
            Some((first, first.checked_add(1.month()).ok()?))
        }
        [_, month, day] if month.len() == 2 && day.len() == 2 => {
            let first: Date = label.parse().ok()?;
            Some((first, first.tomorrow().ok()?))
        }
        _ => None,
    }
}

fn year_of(text: &str) -> Option<i16> {
    text.parse().ok().filter(|_| text.len() == 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str) -> Calendar {
        Calendar::new(TimeZone::get(zone).unwrap())
    }

    fn at(text: &str) -> UnixMillis {
        unix_millis(text.parse().unwrap())
    }

    fn span(starts: &str, ends: &str) -> Span {
        Span { starts: at(starts), ends: Some(at(ends)) }
    }

    #[test]
    fn a_label_is_its_period_in_the_zone() {
        let tokyo = calendar("Asia/Tokyo");
        for (label, starts, ends) in [
            ("2026-11", "2026-10-31T15:00:00Z", "2026-11-30T15:00:00Z"),
            ("2026-11-25", "2026-11-24T15:00:00Z", "2026-11-25T15:00:00Z"),
            ("2026-Q4", "2026-09-30T15:00:00Z", "2026-12-31T15:00:00Z"),
            ("2026", "2025-12-31T15:00:00Z", "2026-12-31T15:00:00Z"),
            ("week of 2026-11-23", "2026-11-22T15:00:00Z", "2026-11-29T15:00:00Z"),
        ] {
            assert_eq!(tokyo.label(label), Some(span(starts, ends)), "{label}");
        }
        for label in ["FY2026", "2026-13", "2026-Q5", "26", "2026-1", "total", "2026-11-31", ""] {
            assert_eq!(tokyo.label(label), None, "{label}");
        }
    }

    #[test]
    fn the_day_that_until_names_is_in() {
        let berlin = calendar("Europe/Berlin");
        let range = berlin.range(Some("2026-11-01"), Some("2026-11-30"));
        assert_eq!(range, Ok(span("2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z")));
        let range = berlin.range(None, Some("2026-11-01T12:00:00Z"));
        assert_eq!(range.unwrap().ends, Some(at("2026-11-01T12:00:00Z")));
        assert!(berlin.range(Some("2026-11-30"), Some("2026-11-01")).is_err());
        assert!(berlin.range(Some("yesterday"), None).unwrap_err().contains("2026-11-25"));
    }

    #[test]
    fn hours_fill_the_day_also_where_the_clocks_change() {
        // 25 hours; then a day whose clocks move by half an hour.
        for (zone, noon, length) in [
            ("Europe/Berlin", "2026-10-25T12:00:00Z", 25 * 60),
            ("Europe/Berlin", "2026-03-29T12:00:00Z", 23 * 60),
            ("Australia/Lord_Howe", "2026-04-05T02:00:00Z", 24 * 60 + 30),
        ] {
            let calendar = calendar(zone);
            let day = calendar.day(at(noon));
            let mut next = day.starts;
            let mut minutes = 0;
            while Some(next) != day.ends {
                let hour = calendar.bucket(next, Grain::Hour);
                assert_eq!(hour.starts, next, "{zone}");
                let ends = hour.ends.unwrap();
                minutes += ends.since(next).0 / 60_000;
                next = ends;
            }
            assert_eq!(minutes, length, "{zone}");
        }
    }

    #[test]
    fn an_instant_outside_is_moved_to_the_nearest_inside() {
        let november = span("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        assert_eq!(november.clamp(at("2026-12-01T00:00:10Z")), at("2026-11-30T23:59:59.999Z"));
        assert_eq!(november.clamp(at("2026-11-05T00:00:00Z")), at("2026-11-05T00:00:00Z"));
        assert_eq!(Span::EVER.clamp(UnixMillis(7)), UnixMillis(7));
    }
}
