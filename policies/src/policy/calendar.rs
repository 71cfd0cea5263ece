//! The organization's calendar as instants. The zone library knows the zones; no arithmetic of our
//! own.

use jiff::Timestamp;
use jiff::civil::Date;
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
        self.start_of(next_day)
    }

    /// The starts of the next `days` calendar days, strictly after `from`, in the organization's
    /// zone. A day is as long as the zone makes it, and one that the zone skips has no start.
    #[must_use]
    pub fn day_boundaries(&self, from: UnixMillis, days: usize) -> Vec<UnixMillis> {
        let Some(today) = self.day_of(from) else {
            return Vec::new();
        };
        let mut boundaries: Vec<UnixMillis> = Vec::new();
        let mut day = today;
        while boundaries.len() < days.min(DAYS_MAX) {
            let Ok(next) = day.tomorrow() else { break };
            day = next;
            let Some(start) = self.start_of(day) else {
                break;
            };
            let last = boundaries.last().copied().unwrap_or(from);
            if start > last {
                boundaries.push(start);
            }
        }
        boundaries
    }

    fn day_of(&self, instant: UnixMillis) -> Option<Date> {
        let millis = i64::try_from(instant.0).ok()?;
        let timestamp = Timestamp::from_millisecond(millis).ok()?;
        let zone = self.organization.time_zone.clone();
        Some(timestamp.to_zoned_datetime(zone).date())
    }

    /// The first instant of a day. Where the clocks skip midnight, the day begins after the gap.
    fn start_of(&self, day: Date) -> Option<UnixMillis> {
        let zone = self.organization.time_zone.clone();
        let noon = day.at(12, 0, 0, 0).to_zoned_datetime(zone).ok()?;
        let start = noon.start_of_day().ok()?.timestamp();
        u64::try_from(start.as_millisecond()).ok().map(UnixMillis)
    }
}
