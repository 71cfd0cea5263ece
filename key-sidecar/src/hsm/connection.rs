//! One login generation: the token, an anchor session that keeps the login, a session for each
//! worker, and the key handles. They live and die together, because handles die with the login.
//!
//! Recovery never repairs a connection; it drops it and makes the next. Sessions are disposable:
//! one failed `C_Sign` leaves a session busy for good, so any error discards it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use zeroize::{Zeroize, Zeroizing};

use super::classify::Class;
use super::error::{CallError, HsmError};
use super::keys::{self, Made, RootKey};
use super::token::Token;

/// An HMAC-SHA256.
pub(super) type Mac = Zeroizing<[u8; 32]>;

/// A login that lasts. Fields drop in order: the anchor goes last, and with it the login.
pub(super) struct Connection {
    pub(super) generation: u64,
    pub(super) label: String,
    pub(super) serial: String,
    handles: Mutex<HashMap<RootKey, ObjectHandle>>,
    sessions: Box<[Mutex<Option<Session>>]>,
    anchor: Mutex<Session>,
    slot: Slot,
    context: Pkcs11,
}

impl Connection {
    /// Takes over a session that is logged in.
    pub(super) fn new(
        generation: u64,
        context: Pkcs11,
        token: &Token,
        anchor: Session,
        workers: usize,
    ) -> Self {
        Self {
            generation,
            label: token.info.label().to_owned(),
            serial: token.serial().to_owned(),
            handles: Mutex::default(),
            sessions: (0..workers).map(|_| Mutex::default()).collect(),
            anchor: Mutex::new(anchor),
            slot: token.slot,
            context,
        }
    }

    /// HMAC in the session of one worker.
    pub(super) fn hmac(&self, worker: usize, key: RootKey, data: &[u8]) -> Result<Mac, HsmError> {
        let Some(place) = self.sessions.get(worker) else {
            return Err(HsmError::Busy);
        };
        let mut place = lock(place);
        let session = match place.take() {
            Some(session) => session,
            None => open_session(&self.context, self.slot)?,
        };
        let mac = self.hmac_in(&session, key, data)?;
        *place = Some(session);
        Ok(mac)
    }

    /// HMAC in the anchor session. Only the keeper does this; after an error it drops the
    /// connection.
    pub(super) fn hmac_by_anchor(&self, key: RootKey, data: &[u8]) -> Result<Mac, HsmError> {
        self.hmac_in(&lock(&self.anchor), key, data)
    }

    /// Asks the token whether the anchor session is still there.
    pub(super) fn touch_anchor(&self) -> Result<(), HsmError> {
        lock(&self.anchor).get_session_info()?;
        Ok(())
    }

    /// Makes the keys that are missing.
    pub(super) fn ensure_keys(&self) -> Result<Vec<(RootKey, Made)>, HsmError> {
        let anchor = lock(&self.anchor);
        let token = self.describe();
        RootKey::ALL.into_iter().map(|key| Ok((key, keys::ensure(&anchor, key, &token)?))).collect()
    }

    /// Ends the login for every session of this process.
    pub(super) fn log_out(&self) {
        if let Err(error) = lock(&self.anchor).logout() {
            tracing::debug!(%error, "no log-out from the HSM token");
        }
    }

    /// The token's label and serial number, for messages.
    pub(super) fn describe(&self) -> String {
        format!("{:?} (serial number {})", self.label, self.serial)
    }

    fn hmac_in(&self, session: &Session, key: RootKey, data: &[u8]) -> Result<Mac, HsmError> {
        let handle = self.handle(session, key)?;
        let signed = session.sign(&Mechanism::Sha256Hmac, handle, data);
        let mut bytes = signed.map_err(|error| {
            let error = HsmError::from(error);
            if error.class() == Class::Handle {
                lock(&self.handles).remove(&key);
            }
            error
        })?;
        let mut mac = Zeroizing::new([0; 32]);
        let fits = bytes.len() == mac.len();
        if fits {
            mac.copy_from_slice(&bytes);
        }
        bytes.zeroize();
        match fits {
            true => Ok(mac),
            false => Err(HsmError::Call(CallError::nonsense(
                "C_Sign",
                "an HMAC-SHA256 that is not of 32 bytes",
            ))),
        }
    }

    /// Finding costs up to milliseconds and grows with the token's objects: once for each login.
    fn handle(&self, session: &Session, key: RootKey) -> Result<ObjectHandle, HsmError> {
        if let Some(handle) = lock(&self.handles).get(&key) {
            return Ok(*handle);
        }
        let handle = keys::find(session, key, &self.describe())?;
        keys::check_fit(session, handle, key)?;
        lock(&self.handles).insert(key, handle);
        Ok(handle)
    }
}

/// Opens a session. Read-write, because some modules have no other.
pub(super) fn open_session(context: &Pkcs11, slot: Slot) -> Result<Session, HsmError> {
    context.open_rw_session(slot).map_err(|error| {
        let call = CallError::new(&error);
        match error {
            // What CloudHSM says when it has no session left.
            Error::Pkcs11(RvError::ArgumentsBad, _) => {
                HsmError::Call(call.with_class(Class::Capacity))
            }
            _ => HsmError::Call(call),
        }
    })
}

/// A thread that panicked left nothing half-done here: each value is replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
