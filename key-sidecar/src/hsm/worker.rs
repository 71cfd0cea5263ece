//! A worker: one thread, one session, one HMAC at a time.
//!
//! It retries once, only what is safe to repeat, and only while its caller still waits. What a
//! fresh session does not mend it tells the keeper, and does not try again.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;
use wire::units::Millis;
use zeroize::Zeroizing;

use super::classify::Class;
use super::connection::Mac;
use super::error::HsmError;
use super::keeper::Errand;
use super::keys::RootKey;
use super::shared::{Failure, Shared};

/// One HMAC that somebody waits for.
pub(super) struct Job {
    pub(super) key: RootKey,
    pub(super) data: Zeroizing<Vec<u8>>,
    pub(super) deadline: Millis,
    pub(super) reply: oneshot::Sender<Result<Mac, HsmError>>,
}

/// A worker.
pub(super) struct Worker {
    pub(super) number: usize,
    pub(super) jobs: Receiver<Job>,
    pub(super) keeper: Sender<Errand>,
    pub(super) shared: Arc<Shared>,
}

/// What to do about a first failure.
enum Remedy {
    Again,
    NewLogin,
    Tell,
    Nothing,
}

impl Worker {
    /// Works until nobody can send jobs any more.
    pub(super) fn run(self) {
        for job in &self.jobs {
            // Its caller has left, so the HSM is spared.
            if job.reply.is_closed() || self.left(&job).is_zero() {
                continue;
            }
            let inside = self.shared.busy.enter(self.number, self.shared.clock.monotonic());
            let answer = self.answer(&job);
            drop(inside);
            // It may have left in the meantime; that is its right.
            let _ = job.reply.send(answer);
        }
    }

    fn answer(&self, job: &Job) -> Result<Mac, HsmError> {
        let failure = match self.attempt(job) {
            Ok(mac) => return Ok(mac),
            Err(failure) => failure,
        };
        match remedy(&failure) {
            Remedy::Nothing => return Err(self.explain(failure.error)),
            Remedy::Tell => return Err(self.give_up(failure)),
            Remedy::NewLogin => self.wait_for_keeper(failure, self.left(job)),
            Remedy::Again => {}
        }
        if self.left(job).is_zero() {
            return Err(HsmError::Deadline { ms: 0 });
        }
        self.attempt(job).map_err(|failure| match remedy(&failure) {
            Remedy::Nothing => self.explain(failure.error),
            _ => self.give_up(failure),
        })
    }

    fn attempt(&self, job: &Job) -> Result<Mac, Failure> {
        self.shared.with_connection(|connection| connection.hmac(self.number, job.key, &job.data))
    }

    fn explain(&self, error: HsmError) -> HsmError {
        match error.class() {
            Class::Capacity => HsmError::Busy,
            _ => error,
        }
    }

    /// Tells the keeper and does not wait for it.
    fn give_up(&self, failure: Failure) -> HsmError {
        let error = failure.error.clone();
        self.tell(failure, None);
        error
    }

    /// Tells the keeper and waits until it has done what it can at once.
    fn wait_for_keeper(&self, failure: Failure, left: Duration) {
        let (done, is_done) = bounded::<()>(0);
        self.tell(failure, Some(done));
        // Nothing is ever sent: the keeper drops its end.
        let _ = is_done.recv_timeout(left);
    }

    fn tell(&self, failure: Failure, done: Option<Sender<()>>) {
        if !matches!(failure.error, HsmError::KeyMissing { .. }) {
            self.shared.mark_broken(failure.generation);
        }
        // A full queue means that the keeper has been told by others.
        let _ = self.keeper.try_send(Errand::Failed { failure, done });
    }

    fn left(&self, job: &Job) -> Duration {
        Duration::from_millis(job.deadline.since(self.shared.clock.monotonic()).0)
    }
}

fn remedy(failure: &Failure) -> Remedy {
    if failure.generation == 0 {
        return Remedy::NewLogin;
    }
    match failure.error.class() {
        Class::Session | Class::Handle => Remedy::Again,
        Class::Login => Remedy::NewLogin,
        Class::Device | Class::Library => Remedy::Tell,
        Class::Data | Class::Capacity | Class::Pin | Class::Usage => Remedy::Nothing,
    }
}
