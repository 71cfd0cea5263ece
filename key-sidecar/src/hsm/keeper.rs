//! The keeper: the one thread that loads the module, logs in, makes keys, and recovers.
//!
//! Workers report; the keeper decides. It keeps the session of the login alive, proves the root key
//! at every login, and after a failure climbs the rungs of [`super::recovery`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tokio::sync::oneshot;
use wire::units::Millis;

use super::classify::Class;
use super::error::HsmError;
use super::keys::{Made, RootKey};
use super::login;
use super::module::Module;
use super::recovery::{Recovery, Rung};
use super::root::RootRecord;
use super::shared::{Failure, Shared};
use crate::clock::timestamp;
use crate::config::HsmConfig;
use crate::exit::Exit;

/// Shorter than the 30 s after which a YubiHSM drops an idle session.
const KEEP_ALIVE: Millis = Millis::from_secs(20);

/// What the keeper is asked.
pub(super) enum Errand {
    /// A call failed. `done` is dropped when the keeper has done what can be done at once.
    Failed { failure: Failure, done: Option<Sender<()>> },
    /// Make the keys that are missing.
    EnsureKeys(oneshot::Sender<Result<Ensured, HsmError>>),
    /// Log out and end.
    Stop,
}

/// What `init` did on the token.
#[derive(Clone, Debug)]
pub struct Ensured {
    /// The token's label.
    pub token_label: String,
    /// Its serial number.
    pub token_serial: String,
    /// The keys.
    pub keys: Vec<(RootKey, Made)>,
}

/// The keeper.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) errands: Receiver<Errand>,
    pub(super) config: HsmConfig,
    pub(super) state: PathBuf,
    pub(super) expected: Option<RootRecord>,
    pub(super) first: Option<Sender<Result<(), HsmError>>>,
    pub(super) life: Life,
}

/// What the keeper remembers.
#[derive(Default)]
pub(super) struct Life {
    module: Option<Module>,
    recovery: Recovery,
    generation: u64,
    connected: bool,
    checked_at: Millis,
}

impl Keeper {
    /// Works until it is told to stop or nobody can tell it any more.
    pub(super) fn run(mut self) {
        self.look();
        loop {
            let mut waiting = None;
            match self.errands.recv_timeout(self.until_due()) {
                Ok(Errand::Failed { failure, done }) => {
                    waiting = done;
                    self.inside(|keeper| keeper.hear(failure));
                }
                Ok(Errand::EnsureKeys(reply)) => {
                    let answer = self.inside(Self::ensure_keys);
                    // Its caller may have left.
                    let _ = reply.send(answer);
                }
                Ok(Errand::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    self.inside(Self::end);
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.look();
            drop(waiting);
        }
    }

    /// Connects or checks, whichever is due.
    fn look(&mut self) {
        if self.until_due().is_zero() {
            self.inside(|keeper| match keeper.life.connected {
                true => keeper.check(),
                false => keeper.connect(),
            });
        }
    }

    fn until_due(&self) -> Duration {
        let due = match self.life.connected {
            true => self.life.checked_at.plus(KEEP_ALIVE),
            false => self.life.recovery.due(),
        };
        Duration::from_millis(due.since(self.shared.clock.monotonic()).0)
    }

    fn connect(&mut self) {
        // A failure at the first rungs is followed by the next at once; the pause ends it.
        while !self.life.connected && self.until_due().is_zero() {
            let outcome = self.try_connect();
            let told = outcome.clone();
            match outcome {
                Ok(()) => self.is_connected(),
                Err(error) => self.failed(error),
            }
            if let Some(first) = self.first.take() {
                // Whoever opened may not wait any longer.
                let _ = first.send(told);
            }
        }
    }

    fn try_connect(&mut self) -> Result<(), HsmError> {
        let rung = self.life.recovery.rung();
        let module = match self.life.module.take() {
            Some(module) => {
                let module = self.life.module.insert(module);
                if rung == Rung::Library {
                    tracing::info!("initializing the PKCS#11 module anew");
                    module.reinitialize()?;
                }
                module
            }
            None => self.life.module.insert(Module::load(&self.config.module)?),
        };
        let generation = self.life.generation.saturating_add(1);
        let connection = login::connect(
            module.context(),
            &self.config,
            &self.state,
            self.expected.as_ref(),
            generation,
            timestamp(self.shared.clock.wall()),
        )?;
        self.life.generation = generation;
        tracing::info!(token = %connection.describe(), generation, "logged in to the HSM token");
        self.shared.replace(Some(connection));
        Ok(())
    }

    fn is_connected(&mut self) {
        let now = self.shared.clock.monotonic();
        self.life.connected = true;
        self.life.checked_at = now;
        self.life.recovery.connected(now);
        self.shared.health().answered();
        self.shared.set_breaker(false);
    }

    fn failed(&mut self, error: HsmError) {
        let now = self.shared.clock.monotonic();
        self.life.connected = false;
        self.life.recovery.failed(now, error.class() == Class::Library, is_for_people(&error));
        tracing::error!(%error, "the HSM does not serve");
        self.shared.health().failed(now, Arc::new(error));
        self.shared.set_breaker(!self.until_due().is_zero());
    }

    fn hear(&mut self, failure: Failure) {
        let is_news = self.life.connected && failure.generation == self.life.generation;
        if !is_news {
            return;
        }
        if matches!(failure.error, HsmError::KeyMissing { .. }) && self.is_root_proven() {
            // The token is the right one and answers: the key is really not there.
            return;
        }
        self.shared.mark_broken(failure.generation);
        self.shared.replace(None);
        self.failed(failure.error);
    }

    fn check(&mut self) {
        let touched = self.shared.with_connection(|connection| {
            connection.touch_anchor()?;
            match &self.expected {
                Some(expected) => login::prove_root(connection, expected),
                None => Ok(()),
            }
        });
        self.life.checked_at = self.shared.clock.monotonic();
        if let Err(failure) = touched {
            self.shared.mark_broken(failure.generation);
            self.shared.replace(None);
            self.failed(failure.error);
        }
    }

    fn is_root_proven(&self) -> bool {
        self.expected.as_ref().is_some_and(|expected| {
            self.shared
                .with_connection(|connection| login::prove_root(connection, expected))
                .is_ok()
        })
    }

    fn ensure_keys(&mut self) -> Result<Ensured, HsmError> {
        let ensured = self.shared.with_connection_alone(|connection| {
            Ok(Ensured {
                keys: connection.ensure_keys()?,
                token_label: connection.label.clone(),
                token_serial: connection.serial.clone(),
            })
        });
        ensured.map_err(|failure| failure.error)
    }

    fn end(&mut self) {
        let logged_out = self.shared.with_connection(|connection| {
            connection.log_out();
            Ok(())
        });
        if logged_out.is_err() {
            tracing::debug!("there was no login to end");
        }
        self.shared.mark_broken(u64::MAX);
        self.shared.replace(None);
        self.life.module = None;
    }

    /// Does something that may hang, so that somebody can notice.
    fn inside<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let shared = Arc::clone(&self.shared);
        let _inside = shared.busy.enter(self.config.sessions, shared.clock.monotonic());
        work(self)
    }
}

/// Whether a person must act before another attempt can succeed. A token that is missing is not of
/// this kind: that is also how a network HSM looks that restarts.
fn is_for_people(error: &HsmError) -> bool {
    error.exit() == Exit::Pin
        || matches!(
            error,
            HsmError::KeyAmbiguous { .. }
                | HsmError::KeyWeak { .. }
                | HsmError::ModuleLoad { .. }
                | HsmError::PinUnreadable { .. }
                | HsmError::SessionsTooMany { .. }
                | HsmError::TokenAmbiguous { .. }
                | HsmError::WrongRoot { .. }
        )
}
