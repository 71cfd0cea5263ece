//! READY, DEGRADED or DOWN, by what happened and what time it is.

use std::sync::Arc;

use wire::units::Millis;

use super::error::HsmError;

/// How long what was unsealed before may be served after the HSM stopped answering.
pub const GRACE: Millis = Millis::from_secs(15 * 60);

/// What the HSM can be relied on for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HsmState {
    /// It answers.
    Ready,
    /// It does not answer now. What was unsealed before may still be served.
    Degraded,
    /// Nothing may be served: it never answered, has not for [`GRACE`], or holds another root key.
    Down,
}

/// What is known of the HSM.
#[derive(Debug, Default)]
pub(super) struct Health {
    was_ready: bool,
    fault: Option<(Millis, Arc<HsmError>)>,
}

impl Health {
    pub(super) fn answered(&mut self) {
        self.was_ready = true;
        self.fault = None;
    }

    /// The time of the first failure in a row counts, the latest cause is told.
    pub(super) fn failed(&mut self, now: Millis, error: Arc<HsmError>) {
        if matches!(*error, HsmError::WrongRoot { .. }) {
            self.was_ready = false;
        }
        let since = self.fault.as_ref().map_or(now, |(since, _)| *since);
        self.fault = Some((since, error));
    }

    pub(super) fn state(&self, now: Millis) -> HsmState {
        match &self.fault {
            None if self.was_ready => HsmState::Ready,
            Some((since, _)) if self.was_ready && now.since(*since) < GRACE => HsmState::Degraded,
            _ => HsmState::Down,
        }
    }

    pub(super) fn fault(&self) -> Option<Arc<HsmError>> {
        self.fault.as_ref().map(|(_, error)| Arc::clone(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault() -> Arc<HsmError> {
        Arc::new(HsmError::Deadline { ms: 200 })
    }

    #[test]
    fn an_hsm_that_never_answered_is_down() {
        let mut health = Health::default();
        assert_eq!(health.state(Millis(0)), HsmState::Down);
        health.failed(Millis(0), fault());
        assert_eq!(health.state(Millis(1)), HsmState::Down);
    }

    #[test]
    fn what_was_unsealed_lives_to_the_end_of_grace_and_not_a_millisecond_longer() {
        let mut health = Health::default();
        health.answered();
        assert_eq!(health.state(Millis(0)), HsmState::Ready);
        health.failed(Millis(1000), fault());
        health.failed(Millis(500_000), fault());
        let end = GRACE.plus(Millis(1000));
        assert_eq!(health.state(Millis(end.0 - 1)), HsmState::Degraded);
        assert_eq!(health.state(end), HsmState::Down);
        health.answered();
        assert_eq!(health.state(end), HsmState::Ready);
    }

    #[test]
    fn another_root_key_is_down_at_once() {
        let mut health = Health::default();
        health.answered();
        let wrong = HsmError::WrongRoot { token: "b".into(), expected: "a".into() };
        health.failed(Millis(1), Arc::new(wrong));
        assert_eq!(health.state(Millis(1)), HsmState::Down);
    }
}
