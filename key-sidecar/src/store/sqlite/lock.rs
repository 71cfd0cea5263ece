//! One ledger, one sidecar: a file beside it that is locked for as long as it is served.
//!
//! SQLite's own locks let two writers take turns; two ledgers in memory over one file would each
//! lend the same money. The system drops the lock with the process, however it ends.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::files;
use crate::store::error::{Fault, StoreError};

/// The lock, held.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a ledger, or says who has it. Does not wait: who has it does not end soon.
    pub(super) fn take(ledger: &Path) -> Result<Self, StoreError> {
        let path = ledger.with_extension("lock");
        let fail = |error| StoreError::io(&path, &error);
        let directory = path.parent().unwrap_or(Path::new("."));
        files::make_directory(directory)
            .map_err(|error| StoreError::new(directory, Fault::Io(error.to_string())))?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(fail)?;
        files::give_to_owner_of(directory, &file).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {
                note_process(&mut file).map_err(fail)?;
                Ok(Self { file })
            }
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::new(ledger, Fault::Locked { process: noted_process(&mut file) }))
            }
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }
}

impl Drop for Lock {
    /// Said, not left to the closing: a process that was forked in this moment and has not yet
    /// become another program holds the file open too.
    fn drop(&mut self) {
        // If it fails, the system releases it with the last one who has the file open.
        let _ = self.file.unlock();
    }
}

fn note_process(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn noted_process(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
