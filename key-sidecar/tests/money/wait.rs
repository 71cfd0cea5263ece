//! Waiting for a fact, with an end.

use std::sync::mpsc;
use std::time::Duration;

/// Longer than anything takes on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often the fact is looked for.
const GLANCE: Duration = Duration::from_millis(10);

/// What `fact` finds, looked for until then.
#[track_caller]
pub(crate) fn until<T>(patience: Duration, mut fact: impl FnMut() -> Option<T>) -> T {
    let (_never, pause) = mpsc::channel::<()>();
    let mut left = patience;
    loop {
        if let Some(found) = fact() {
            return found;
        }
        left = left.checked_sub(GLANCE).expect("the fact comes in time");
        let _ = pause.recv_timeout(GLANCE);
    }
}
