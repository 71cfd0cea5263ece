//! The organization's calendar as instants. The zone library knows the zones; no arithmetic of our
//! own on instants: a period is two days of the calendar, and a day begins when the zone says.
//! `period` has the days of each kind of period and their names.

mod period;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use wire::ids::ClientName;
use wire::units::UnixMillis;

use super::Policy;

/// Ten years: nobody plans further ahead, and an asked-for number never decides how long this
/// takes.
const DAYS_MAX: usize = 3660;

impl Policy {
    /// When the client ends: at the end of its last day, in the organization's zone. `None` for one
    /// that the policy does not have or that never ends.
    #[must_use]
    pub fn client_expires(&self, name: &ClientName) -> Option<UnixMillis> {
        let last_day = self.clients.get(name)?.expires?;
        // Behind the end of the calendar, for all that is measured in milliseconds, is never.
        let next_day = last_day.tomorrow().ok()?;
        start_of(next_day, &self.organization.time_zone)
    }

    /// The starts of the next `days` calendar days, strictly after `from`, in the organization's
    /// zone. A day is as long as the zone makes it, and one that the zone skips has no start.
    #[must_use]
    pub fn day_boundaries(&self, from: UnixMillis, days: usize) -> Vec<UnixMillis> {
        let zone = &self.organization.time_zone;
        let Some(today) = day_of(from, zone) else {
            return Vec::new();
        };
        let mut boundaries: Vec<UnixMillis> = Vec::new();
        let mut day = today;
        while boundaries.len() < days.min(DAYS_MAX) {
            let Ok(next) = day.tomorrow() else { break };
            day = next;
            let Some(start) = start_of(day, zone) else {
                break;
            };
            let last = boundaries.last().copied().unwrap_or(from);
            if start > last {
                boundaries.push(start);
            }
        }
        boundaries
    }
}

/// Which day it is.
fn day_of(instant: UnixMillis, zone: &TimeZone) -> Option<Date> {
    let millis = i64::try_from(instant.0).ok()?;
    let timestamp = Timestamp::from_millisecond(millis).ok()?;
    Some(timestamp.to_zoned_datetime(zone.clone()).date())
}

/// The first instant of a day. Where the clocks skip midnight, the day begins after the gap; where
/// they skip the whole day, it begins with the next one.
fn start_of(day: Date, zone: &TimeZone) -> Option<UnixMillis> {
    let noon = day.at(12, 0, 0, 0).to_zoned_datetime(zone.clone()).ok()?;
    let start = noon.start_of_day().ok()?.timestamp();
    u64::try_from(start.as_millisecond()).ok().map(UnixMillis)
}
