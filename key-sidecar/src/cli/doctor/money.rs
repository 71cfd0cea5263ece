//! The checks of money: the ledger's file, room for it, and whom alerts go to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Finding;
use crate::alerts;
use crate::config::Config;
use crate::store::Fault;
use crate::store::spend::Spend;
use crate::store::sqlite::FILE;

/// A ledger that takes longer is looked at by `PRAGMA quick_check` in quiet.
const PATIENCE: Duration = Duration::from_secs(30);

/// A busy gate writes some hundred MB a day; with less room than this it is near its end.
const FREE_BYTES_MIN: u64 = 256 << 20;

/// The ledger: it can be read, is of our version, is not damaged, and can grow.
pub(super) async fn ledger(config: &Config) -> Finding {
    let entries = match Spend::in_state(&config.state).and_then(|spend| spend.last_entry()) {
        Ok(entries) => entries,
        Err(error) if matches!(error.fault, Fault::Missing) => {
            return Finding::ok("ledger", "none yet: the service makes it at its first start");
        }
        Err(error) => return Finding::fail("ledger", error.to_string()),
    };
    let path = config.state.join(FILE);
    let place = path.display();
    if let Some(free) = free_bytes(&config.state)
        && free < FREE_BYTES_MIN
    {
        let free = free >> 20;
        return Finding::fail("ledger", format!("{place}: only {free} MiB are free: make room"));
    }
    let seen = format!("{place}: {entries} entries");
    match quick_check(&path).await {
        Some(Ok(())) => Finding::ok("ledger", seen),
        Some(Err(why)) => Finding::fail(
            "ledger",
            format!(
                "{place} is damaged ({why}): stop the service, keep the file, restore a backup"
            ),
        ),
        None => Finding::ok("ledger", format!("{seen}; too many to check their pages in 30 s")),
    }
}

/// What SQLite finds wrong with the pages; `None` if it takes too long.
async fn quick_check(path: &Path) -> Option<Result<(), String>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = match connection {
        Ok(connection) => connection,
        Err(error) => return Some(Err(error.to_string())),
    };
    let interrupt = connection.get_interrupt_handle();
    let checking = spawn_blocking(move || {
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
    });
    let Ok(checked) = timeout(PATIENCE, checking).await else {
        interrupt.interrupt();
        return None;
    };
    Some(match checked {
        Ok(Ok(verdict)) if verdict == "ok" => Ok(()),
        Ok(Ok(verdict)) => Err(verdict),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    })
}

fn free_bytes(directory: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(directory).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// The webhook: its secret can be used. Nothing is sent.
pub(super) fn alerts(config: &Config) -> Finding {
    let Some(webhook) = &config.webhook else {
        return Finding::ok("alerts", "to the log; no webhook is configured");
    };
    let file = &webhook.secret_file;
    if let Err(error) = alerts::check_secret(file) {
        return Finding::fail("alerts", error.to_string());
    }
    let mode = fs::metadata(file).map_or(0, |about| about.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        let place = file.display();
        let why = format!("{place}: its mode is {mode:04o}, so others can sign. Make it 0400");
        return Finding::fail("alerts", why);
    }
    Finding::ok("alerts", format!("to {}", webhook.url.host().unwrap_or_default()))
}
