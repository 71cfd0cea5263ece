//! The PKCS#11 module: loaded once in a process, initialized and finalized by one thread only.
//!
//! A second context in one process is how modules crash (both C_Initialize and C_Finalize are the
//! process's, not the caller's), so there is at most one [`Module`], which the type keeps.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::error::HsmError;

static LOADED: AtomicBool = AtomicBool::new(false);

/// The module, initialized. Dropping it finalizes it.
pub(super) struct Module {
    context: Pkcs11,
    _only: Only,
}

impl Module {
    pub(super) fn load(path: &Path) -> Result<Self, HsmError> {
        let only = Only::claim()?;
        let context = Pkcs11::new(path).map_err(|error| HsmError::ModuleLoad {
            path: path.to_owned(),
            why: error.to_string(),
        })?;
        initialize(&context)?;
        Ok(Self { context, _only: only })
    }

    pub(super) const fn context(&self) -> &Pkcs11 {
        &self.context
    }

    /// The last rung of recovery: forgets all state that the library has. The caller has dropped
    /// every session before.
    pub(super) fn reinitialize(&self) -> Result<(), HsmError> {
        finalize(&self.context);
        initialize(&self.context)
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        finalize(&self.context);
    }
}

fn initialize(context: &Pkcs11) -> Result<(), HsmError> {
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // A finalize that failed half-way: it is as initialized as it can be made.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn finalize(context: &Pkcs11) {
    if let Err(error) = context.clone().finalize() {
        tracing::warn!(%error, "the PKCS#11 module could not be finalized");
    }
}

struct Only;

impl Only {
    fn claim() -> Result<Self, HsmError> {
        match LOADED.swap(true, Ordering::AcqRel) {
            true => Err(HsmError::ModuleInUse),
            false => Ok(Self),
        }
    }
}

impl Drop for Only {
    fn drop(&mut self) {
        LOADED.store(false, Ordering::Release);
    }
}
