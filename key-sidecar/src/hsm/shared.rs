//! What the threads of the HSM share: the connection, the breaker, the health, who is busy.
//!
//! A worker uses the connection under the read side of the lock, the keeper replaces it under the
//! write side: so a library is never finalized while a call is inside it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::busy::Busy;
use super::connection::Connection;
use super::error::HsmError;
use super::health::{Health, HsmState};
use crate::clock::Clock;

/// Shared by the handle, the workers and the keeper.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) busy: Busy,
    connection: RwLock<Option<Connection>>,
    /// The newest generation that failed: nobody uses it again, also before the keeper has dropped
    /// it.
    broken: AtomicU64,
    /// Recovery is in a pause: callers are told at once.
    breaker_open: AtomicBool,
    health: Mutex<Health>,
    single_threaded: bool,
}

/// A failure, and the generation of the connection it happened on; 0 if there was none.
pub(super) struct Failure {
    pub(super) generation: u64,
    pub(super) error: HsmError,
}

impl Shared {
    pub(super) fn new(clock: Clock, workers: usize, single_threaded: bool) -> Self {
        Self {
            clock,
            busy: Busy::new(workers.saturating_add(1)),
            connection: RwLock::default(),
            broken: AtomicU64::new(0),
            breaker_open: AtomicBool::new(false),
            health: Mutex::default(),
            single_threaded,
        }
    }

    /// Calls `work` with the connection, if there is one that works.
    pub(super) fn with_connection<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, HsmError>,
    ) -> Result<T, Failure> {
        if self.single_threaded {
            self.with_connection_alone(work)
        } else {
            let guard = self.connection.read();
            self.run(guard.unwrap_or_else(PoisonError::into_inner).as_ref(), work)
        }
    }

    /// The same while nobody else calls the module.
    pub(super) fn with_connection_alone<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, HsmError>,
    ) -> Result<T, Failure> {
        let guard = self.connection.write();
        self.run(guard.unwrap_or_else(PoisonError::into_inner).as_ref(), work)
    }

    fn run<T>(
        &self,
        connection: Option<&Connection>,
        work: impl FnOnce(&Connection) -> Result<T, HsmError>,
    ) -> Result<T, Failure> {
        let broken = self.broken.load(Ordering::Acquire);
        match connection.filter(|connection| connection.generation > broken) {
            None => Err(Failure { generation: 0, error: self.down() }),
            Some(connection) => work(connection)
                .map_err(|error| Failure { generation: connection.generation, error }),
        }
    }

    /// Replaces the connection, after every call that uses the old one has ended.
    pub(super) fn replace(&self, connection: Option<Connection>) {
        let mut place = self.connection.write().unwrap_or_else(PoisonError::into_inner);
        *place = connection;
    }

    pub(super) fn mark_broken(&self, generation: u64) {
        self.broken.fetch_max(generation, Ordering::AcqRel);
    }

    pub(super) fn set_breaker(&self, open: bool) {
        self.breaker_open.store(open, Ordering::Release);
    }

    pub(super) fn is_breaker_open(&self) -> bool {
        self.breaker_open.load(Ordering::Acquire)
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> HsmState {
        self.health().state(self.clock.monotonic())
    }

    /// Why it is down.
    pub(super) fn down(&self) -> HsmError {
        match self.health().fault() {
            Some(cause) => HsmError::Down { cause },
            None => HsmError::Down { cause: Arc::new(HsmError::Stopped) },
        }
    }
}
