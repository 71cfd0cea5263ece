//! How hard to try and how long to wait: new login, then a library made anew, then with growing
//! pauses.
//!
//! Pure: time comes in, a step and a moment go out. A dead HSM is not hammered, which would only
//! flood its audit log; a shaky one climbs to the next rung although each new login works at first.

use wire::units::Millis;

/// A connection that lasted this long was well; the next failure starts at the first rung.
const STABLE: Millis = Millis::from_secs(10);

/// The first two rungs are tried at once: most failures end there, within one client's deadline.
const AT_ONCE: u32 = 2;
const PAUSE_FIRST: Millis = Millis(250);
const PAUSE_MAX: Millis = Millis::from_secs(30);

/// What the next attempt does first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rung {
    /// A new session and login on the library as it is.
    Login,
    /// `C_Finalize` and `C_Initialize` before.
    Library,
}

/// The state of recovery.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    failures: u32,
    connected_at: Option<Millis>,
    rung_min: Option<Rung>,
    due: Millis,
}

impl Recovery {
    /// A connection was made.
    pub(super) const fn connected(&mut self, now: Millis) {
        self.connected_at = Some(now);
        self.rung_min = None;
    }

    /// A connection or an attempt to make one failed. `library` says that only a new library helps;
    /// `people` that only a person can, so that the longest pause is right at once.
    pub(super) fn failed(&mut self, now: Millis, library: bool, people: bool) {
        let was_stable = self.connected_at.take().is_some_and(|at| now.since(at) >= STABLE);
        self.failures = match was_stable {
            true => 1,
            false => self.failures.saturating_add(1),
        };
        if library {
            self.rung_min = Some(Rung::Library);
        }
        self.due = now.plus(match people {
            true => PAUSE_MAX,
            false => self.pause(),
        });
    }

    /// When the next attempt is due.
    pub(super) const fn due(&self) -> Millis {
        self.due
    }

    /// What the next attempt does first.
    pub(super) fn rung(&self) -> Rung {
        match self.rung_min {
            Some(rung) => rung,
            None if self.failures < AT_ONCE => Rung::Login,
            None => Rung::Library,
        }
    }

    fn pause(&self) -> Millis {
        if self.failures <= AT_ONCE {
            return Millis::ZERO;
        }
        let doublings = self.failures.saturating_sub(AT_ONCE.saturating_add(1));
        let pause = 1_u64
            .checked_shl(doublings)
            .map_or(u64::MAX, |times| PAUSE_FIRST.0.saturating_mul(times));
        Millis(pause).min(PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(recovery: &mut Recovery, now: u64) -> (Rung, u64) {
        recovery.failed(Millis(now), false, false);
        (recovery.rung(), recovery.due().since(Millis(now)).0)
    }

    #[test]
    fn it_climbs_from_login_to_library_and_then_waits_longer_each_time() {
        let mut recovery = Recovery::default();
        let steps: Vec<_> = (0..11).map(|_| step(&mut recovery, 5)).collect();
        assert_eq!(steps[0], (Rung::Login, 0));
        assert_eq!(steps[1], (Rung::Library, 0));
        let pauses: Vec<_> = steps.iter().skip(2).map(|(_, pause)| *pause).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    }

    #[test]
    fn a_login_that_does_not_last_climbs_and_one_that_does_starts_over() {
        let mut recovery = Recovery::default();
        assert_eq!(step(&mut recovery, 0).0, Rung::Login);
        recovery.connected(Millis(1));
        assert_eq!(step(&mut recovery, 9_000).0, Rung::Library);
        recovery.connected(Millis(10_000));
        assert_eq!(step(&mut recovery, 20_000).0, Rung::Login);
    }

    #[test]
    fn a_broken_library_is_made_anew_at_once() {
        let mut recovery = Recovery::default();
        recovery.failed(Millis(0), true, false);
        assert_eq!((recovery.rung(), recovery.due()), (Rung::Library, Millis(0)));
    }

    #[test]
    fn what_only_a_person_can_mend_is_looked_at_every_half_minute() {
        let mut recovery = Recovery::default();
        recovery.failed(Millis(7), false, true);
        assert_eq!(recovery.due(), Millis(30_007));
    }

    #[test]
    fn no_number_of_failures_overflows() {
        let mut recovery = Recovery { failures: u32::MAX, ..Recovery::default() };
        assert_eq!(step(&mut recovery, 0), (Rung::Library, 30_000));
    }
}
