//! The HSM: the only module that knows cryptoki.
//!
//! Calls into a PKCS#11 module block and cannot be cancelled, so they are made by threads of their
//! own: the `worker`s, each with one session, and one `keeper`, which owns module, login and
//! recovery. Who asks is async and has a deadline that does not depend on them. Portable core only:
//! `CKM_SHA256_HMAC` with keys that never leave the token. Neighbours: `credential` derives sealing
//! keys here.

mod attempt;
mod busy;
mod classify;
mod connection;
mod error;
mod health;
mod inspect;
mod keeper;
mod keys;
mod login;
mod module;
mod pin;
mod recovery;
mod root;
mod shared;
mod token;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};
use zeroize::Zeroizing;

use self::attempt::AttemptLog;
use self::keeper::{Errand, Keeper, Life};
use self::shared::Shared;
use self::worker::{Job, Worker};
use crate::clock::{Clock, timestamp};
use crate::config::{HsmConfig, PinSource};
use crate::files::FileError;

pub use self::error::{CallError, HsmError};
pub use self::health::{GRACE, HsmState};
pub use self::inspect::{Inspection, TokenSeen, inspect};
pub use self::keeper::Ensured;
pub use self::keys::{Made, RootKey};
pub use self::root::RootRecord;

/// Jobs that may wait for a worker. At a millisecond each they would be late by then; more wait
/// elsewhere or are told that the HSM is busy.
const QUEUE: usize = 256;

/// Reports that may wait for the keeper. It acts on the first of a generation and ignores the
/// others.
const ERRANDS: usize = 64;

/// How long opening waits for the first login. Network tokens take seconds.
const OPEN: Duration = Duration::from_secs(30);

/// How long closing waits for calls that are under way.
const CLOSE: Duration = Duration::from_secs(2);

/// How often [`Hsm::stuck`] looks.
const WATCH: Duration = Duration::from_secs(1);

/// The HSM. Clones are the same one; the last that is dropped logs out.
#[derive(Clone)]
pub struct Hsm(Arc<Inner>);

struct Inner {
    /// None once closed, which ends the workers.
    jobs: Mutex<Option<Sender<Job>>>,
    errands: Sender<Errand>,
    shared: Arc<Shared>,
    deadline: Duration,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Disconnected when every thread has done its last call.
    ended: Receiver<()>,
}

impl Hsm {
    /// Opens the token, logs in and proves that it holds the root key that `STATE/root.json`
    /// expects. Blocks until the first attempt has ended.
    ///
    /// An HSM that does not answer is no error here: it is [`HsmState::Down`] until it does.
    ///
    /// # Errors
    /// [`HsmError`] where only a person can help: module, token, PIN, keys, another root.
    pub fn open(config: &HsmConfig, state: &Path) -> Result<Self, HsmError> {
        let expected = RootRecord::load(state)?
            .ok_or_else(|| HsmError::NotInitialized { path: RootRecord::path(state) })?;
        match Self::start(config, state, Some(expected))? {
            (hsm, Ok(())) => Ok(hsm),
            (hsm, Err(error)) if error.is_transient() => Ok(hsm),
            (_, Err(error)) => Err(error),
        }
    }

    /// HMAC-SHA256 of `data` with a key on the token.
    ///
    /// # Errors
    /// [`HsmError`], after the configured deadline at the latest.
    pub async fn hmac(&self, key: RootKey, data: &[u8]) -> Result<Zeroizing<[u8; 32]>, HsmError> {
        let inner = &self.0;
        if inner.shared.is_breaker_open() {
            return Err(inner.shared.down());
        }
        let ms = u64::try_from(inner.deadline.as_millis()).unwrap_or(u64::MAX);
        let (reply, answer) = oneshot::channel();
        let job = Job {
            key,
            data: Zeroizing::new(data.to_vec()),
            deadline: inner.shared.clock.monotonic().plus(wire::units::Millis(ms)),
            reply,
        };
        match lock(&inner.jobs).as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_))) => return Err(HsmError::Busy),
            Some(Err(TrySendError::Disconnected(_))) | None => return Err(HsmError::Stopped),
        }
        match timeout(inner.deadline, answer).await {
            Ok(Ok(answer)) => answer,
            // A worker drops a job unanswered only when its time is over.
            Ok(Err(_)) | Err(_) => Err(HsmError::Deadline { ms }),
        }
    }

    /// What the HSM can be relied on for at this moment.
    #[must_use]
    pub fn state(&self) -> HsmState {
        self.0.shared.state()
    }

    /// Why it is not [`HsmState::Ready`].
    #[must_use]
    pub fn fault(&self) -> Option<Arc<HsmError>> {
        self.0.shared.health().fault()
    }

    /// Ends when calls hang in the module for so long that only a new process helps.
    pub async fn stuck(&self) {
        let mut ticks = interval(WATCH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let shared = &self.0.shared;
            if shared.busy.is_stuck(shared.clock.monotonic()) {
                return;
            }
        }
    }

    /// Logs out and unloads the module, if calls that are under way end soon.
    pub fn close(&self) {
        self.0.close();
    }

    fn start(
        config: &HsmConfig,
        state: &Path,
        expected: Option<RootRecord>,
    ) -> Result<(Self, Result<(), HsmError>), HsmError> {
        let (jobs, jobs_in) = bounded(QUEUE);
        let (errands, errands_in) = bounded(ERRANDS);
        let (first, first_in) = bounded(1);
        let shared =
            Arc::new(Shared::new(Clock::system(), config.sessions, config.single_threaded));
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            errands: errands_in,
            config: config.clone(),
            state: state.to_owned(),
            expected,
            first: Some(first),
            life: Life::default(),
        };
        let (alive, ended) = bounded(0);
        let mut threads = vec![spawn("hsm-keeper".into(), &alive, move || keeper.run())?];
        for number in 0..config.sessions {
            let worker = Worker {
                number,
                jobs: jobs_in.clone(),
                keeper: errands.clone(),
                shared: Arc::clone(&shared),
            };
            threads.push(spawn(format!("hsm-{number}"), &alive, move || worker.run())?);
        }
        let hsm = Self(Arc::new(Inner {
            jobs: Mutex::new(Some(jobs)),
            errands,
            shared,
            deadline: Duration::from_millis(config.deadline.0),
            threads: Mutex::new(threads),
            ended,
        }));
        let ms = u64::try_from(OPEN.as_millis()).unwrap_or(u64::MAX);
        let outcome = first_in.recv_timeout(OPEN).unwrap_or(Err(HsmError::Deadline { ms }));
        Ok((hsm, outcome))
    }
}

impl Inner {
    fn close(&self) {
        *lock(&self.jobs) = None;
        // A keeper that is gone has nothing to stop.
        let _ = self.errands.try_send(Errand::Stop);
        let has_ended = self.ended.recv_timeout(CLOSE) == Err(RecvTimeoutError::Disconnected);
        if !has_ended {
            tracing::warn!("calls hang in the PKCS#11 module; closing without them");
            return;
        }
        // A thread that still ends while the process does meets a library that is half gone.
        for thread in lock(&self.threads).drain(..) {
            // It panicked, then: its end is all that matters here.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes the keys that are missing on the token, and the check value in the state directory. Safe
/// to run twice.
///
/// # Errors
/// [`HsmError`]; in particular [`HsmError::WrongRoot`] if the state directory belongs to another
/// root key, which is then left as it is.
pub async fn init(config: &HsmConfig, state: &Path) -> Result<Ensured, HsmError> {
    let known = RootRecord::load(state)?;
    // A token that lost the known root must not get a new one in its place.
    let (hsm, outcome) = Hsm::start(config, state, known.clone())?;
    outcome?;
    let (reply, answer) = oneshot::channel();
    let errand = Errand::EnsureKeys(reply);
    hsm.0.errands.try_send(errand).map_err(|_| HsmError::Busy)?;
    let ms = u64::try_from(OPEN.as_millis()).unwrap_or(u64::MAX);
    let ensured = timeout(OPEN, answer).await;
    let ensured =
        ensured.map_err(|_| HsmError::Deadline { ms })?.map_err(|_| HsmError::Stopped)??;
    if known.is_none() {
        let check = hsm.hmac(RootKey::Root, root::CHECK_INPUT).await?;
        let now = timestamp(hsm.0.shared.clock.wall());
        RootRecord::new(&ensured.token_label, &ensured.token_serial, &check, now).store(state)?;
    }
    hsm.close();
    Ok(ensured)
}

/// Forgets that a PIN was refused: an operator answers for it.
///
/// # Errors
/// [`FileError`].
pub fn forget_failed_pin(state: &Path) -> Result<(), FileError> {
    AttemptLog::in_state(state).forget()
}

/// The file that the PIN is read from, and what is wrong with it. For `doctor`.
///
/// # Errors
/// [`HsmError::PinUnreadable`].
pub fn check_pin_source(source: &PinSource) -> Result<(PathBuf, Option<String>), HsmError> {
    let path = pin::locate(source)?;
    pin::Pin::read(source)?;
    let exposure = pin::exposure(&path);
    Ok((path, exposure))
}

/// Starts a thread. It holds a clone of `alive` until its work is done.
fn spawn(
    name: String,
    alive: &Sender<()>,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, HsmError> {
    let alive = alive.clone();
    let started = thread::Builder::new().name(name.clone()).spawn(move || {
        work();
        drop(alive);
    });
    started
        .map_err(|error| HsmError::ModuleLoad { path: PathBuf::from(name), why: error.to_string() })
}

/// What is behind these locks is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
