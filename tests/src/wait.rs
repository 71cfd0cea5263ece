//! Waiting for a fact, never for luck: the one place of the fixtures that looks at a real clock.
//!
//! Every wait has a deadline, and a wait that meets it ends the test with the words of what was
//! waited for and what was seen instead.

use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a slow, shared machine; a wait that works ends long before.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks. Short, so that waiting costs a test next to nothing.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until `look` has a value.
///
/// # Errors
/// The last reason why there was none, once `patience` is over.
pub fn until<T>(
    patience: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let started = now();
    loop {
        match look() {
            Ok(value) => return Ok(value),
            Err(reason) if started.elapsed() >= patience => {
                return Err(format!("after {patience:?}: {reason}"));
            }
            Err(_) => pause(),
        }
    }
}

/// Lets `time` pass, where it is the fact that is waited for: a limit's time, a load's duration.
#[expect(clippy::disallowed_methods, reason = "the time itself is waited for")]
pub fn pass(time: Duration) {
    thread::sleep(time);
}

/// How long `act` takes.
pub fn measured<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let started = now();
    let value = act();
    (value, started.elapsed())
}

/// The clock by which tests measure what other processes do.
#[expect(clippy::disallowed_methods, reason = "what other processes do happens in real time")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "other processes announce nothing; between two looks the machine is theirs"
)]
fn pause() {
    thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_ends_the_wait_and_a_deadline_says_what_was_missing() {
        let mut looks = 0;
        let third = until(PATIENCE, || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err("not yet".to_owned()) }
        });
        assert_eq!(third, Ok(3));

        let never = until::<()>(Duration::ZERO, || Err("no socket".to_owned()));
        assert_eq!(never, Err("after 0ns: no socket".to_owned()));
    }
}
