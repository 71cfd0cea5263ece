//! What was said and what is still to be sent, on disk.
//!
//! An own file beside the ledger, so that alerts never wait for the desk nor it for them. That a
//! threshold has fired and the alert about it are one transaction: nothing is told twice for a crash,
//! and nothing is forgotten. Times are milliseconds since 1970.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use ledger::money::record::Account;
use rusqlite::{Connection, OptionalExtension, Result, params};
use wire::money::Nanos;
use wire::units::{Millis, UnixMillis};

use super::AlertError;
use super::message::Message;
use super::rule::{Fired, Step, Threshold};
use crate::files;
use crate::service::figures::KEPT_AFTER_END_MS;

/// The form of the file.
const VERSION: i64 = 1;

/// Alerts that may wait for the receiver. A receiver that is gone for good must not fill the disk; past
/// this, an alert is a line of the log and a statistic only.
const WAITING_MAX: i64 = 10_000;

/// How long an alert is shown after it was told.
const KEPT_MS: u64 = 90 * 24 * 3_600_000;

/// Somebody may look into the file while we write.
const BUSY: Duration = Duration::from_secs(2);

/// The file.
pub(super) struct Journal {
    connection: Connection,
    salt: String,
}

/// An alert that is to be sent.
pub(super) struct Due {
    pub(super) number: i64,
    pub(super) id: String,
    pub(super) body: String,
    pub(super) at: UnixMillis,
    pub(super) attempts: u32,
}

/// When there is something to send.
pub(super) enum Next {
    Now(Due),
    In(Millis),
    Never,
}

impl Journal {
    pub(super) fn open(path: &Path) -> std::result::Result<Self, AlertError> {
        let place = path.display().to_string();
        let failed = |error| AlertError::Journal(place.clone(), error);
        make_file(path).map_err(|error| AlertError::File(place.clone(), error))?;
        let connection = Connection::open(path).map_err(failed)?;
        let version = prepare(&connection).map_err(failed)?;
        if version != VERSION {
            return Err(AlertError::Version(place));
        }
        let salt = connection.query_row("SELECT salt FROM journal", [], |row| row.get(0));
        Ok(Self { salt: salt.map_err(failed)?, connection })
    }

    /// What makes the ids of this journal's alerts differ from those of all others.
    pub(super) fn salt(&self) -> &str {
        &self.salt
    }

    /// What is remembered of an account's thresholds.
    pub(super) fn fired(&self, account: &Account) -> Result<BTreeMap<Threshold, Fired>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT percent, times, armed, cap FROM threshold WHERE budget = ?1 AND period = ?2",
        )?;
        let rows =
            statement.query_map(params![account.budget.as_str(), &*account.period], |row| {
                let fired = Fired {
                    times: row.get(1)?,
                    armed: row.get(2)?,
                    cap: Nanos(row.get::<_, i64>(3)?.unsigned_abs()),
                };
                Ok((Threshold(row.get(0)?), fired))
            })?;
        rows.collect()
    }

    /// Remembers the steps of one account, and the alerts that come of them. How many of those will not
    /// be sent because too many wait.
    pub(super) fn write(
        &mut self,
        account: &Account,
        steps: &[Step],
        messages: &[(Message, String)],
        now: UnixMillis,
        sends: bool,
    ) -> Result<usize> {
        let transaction = self.connection.transaction()?;
        let ends = account.ends.map(millis);
        for Step { threshold, fired } in steps {
            transaction.execute(
                "INSERT INTO threshold (budget, period, percent, times, armed, cap, ends)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT DO UPDATE SET times = excluded.times, armed = excluded.armed,
                     cap = excluded.cap, ends = excluded.ends",
                params![
                    account.budget.as_str(),
                    &*account.period,
                    threshold.0,
                    fired.times,
                    fired.armed,
                    i64::try_from(fired.cap.0).unwrap_or(i64::MAX),
                    ends
                ],
            )?;
        }
        let waiting: i64 = transaction.query_row(
            "SELECT count(*) FROM alert WHERE due IS NOT NULL",
            [],
            |row| row.get(0),
        )?;
        let room = usize::try_from(WAITING_MAX.saturating_sub(waiting)).unwrap_or(0);
        for (place, (message, body)) in messages.iter().enumerate() {
            let due = (sends && place < room).then(|| millis(now));
            transaction.execute(
                "INSERT INTO alert (id, at, body, due) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
                params![message.id, millis(now), body, due],
            )?;
        }
        transaction.commit()?;
        Ok(if sends { messages.len().saturating_sub(room) } else { 0 })
    }

    /// What to send, and when.
    pub(super) fn next(&self, now: UnixMillis) -> Result<Next> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT number, id, body, at, attempts, due FROM alert WHERE due IS NOT NULL
             ORDER BY due, number LIMIT 1",
            )?
            .query_row([], |row| {
                let due = Due {
                    number: row.get(0)?,
                    id: row.get(1)?,
                    body: row.get(2)?,
                    at: UnixMillis(row.get::<_, i64>(3)?.unsigned_abs()),
                    attempts: row.get(4)?,
                };
                Ok((due, UnixMillis(row.get::<_, i64>(5)?.unsigned_abs())))
            })
            .optional()?;
        Ok(match found {
            None => Next::Never,
            Some((due, at)) if at <= now => Next::Now(due),
            Some((_, at)) => Next::In(at.since(now)),
        })
    }

    /// The receiver has it.
    pub(super) fn delivered(&self, due: &Due, now: UnixMillis) -> Result<()> {
        let sql = "UPDATE alert SET due = NULL, delivered = ?2 WHERE number = ?1";
        self.connection.execute(sql, params![due.number, millis(now)]).map(drop)
    }

    /// The receiver does not have it; `again` is `None` if it is not tried any longer.
    pub(super) fn failed(&self, due: &Due, again: Option<UnixMillis>) -> Result<()> {
        let sql = "UPDATE alert SET due = ?2, attempts = attempts + 1 WHERE number = ?1";
        self.connection.execute(sql, params![due.number, again.map(millis)]).map(drop)
    }

    /// Forgets what is over.
    pub(super) fn prune(&self, now: UnixMillis) -> Result<()> {
        let over = UnixMillis(now.0.saturating_sub(KEPT_AFTER_END_MS));
        let old = UnixMillis(now.0.saturating_sub(KEPT_MS));
        self.connection.execute("DELETE FROM threshold WHERE ends <= ?1", [millis(over)])?;
        self.connection
            .execute("DELETE FROM alert WHERE due IS NULL AND at <= ?1", [millis(old)])?;
        Ok(())
    }
}

/// An empty file that only the service's user reads: SQLite gives its mode to those beside it.
fn make_file(path: &Path) -> io::Result<()> {
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    files::give_to_owner_of(path.parent().unwrap_or(Path::new(".")), &file)
}

/// Makes the tables if they are not there; the file's version.
fn prepare(connection: &Connection) -> Result<i64> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let version = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
    };
    if version(connection)? == 0 {
        let sql = include_str!("journal.sql");
        connection
            .execute_batch(&format!("BEGIN; {sql} PRAGMA user_version = {VERSION}; COMMIT;"))?;
    }
    version(connection)
}

fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
