//! The versions of the schema. A file says its own in `user_version`; each step leads one further,
//! in a transaction of its own.

use rusqlite::{Connection, TransactionBehavior};

use super::APPLICATION_ID;
use crate::store::error::Fault;

/// What leads from each version to the next. Steps are never changed once they were released; new
/// ones are added.
const STEPS: &[&[&str]] = &[&[
    include_str!("../schema/records.sql"),
    include_str!("../schema/guards.sql"),
    include_str!("../schema/views.sql"),
]];

/// Brings a file to the present version; an empty one gets everything.
pub(super) fn up_to_date(connection: &mut Connection) -> Result<(), Fault> {
    migrate(connection, STEPS)
}

/// Whether a file can be read as it is.
pub(super) fn is_present_version(connection: &Connection) -> Result<(), Fault> {
    let (known, found) = (count(STEPS), version(connection)?);
    match found {
        _ if found == known => Ok(()),
        0 => Err(Fault::Missing),
        _ if found < known => Err(Fault::Older { found, known }),
        _ => Err(Fault::Newer { found, known }),
    }
}

fn migrate(connection: &mut Connection, steps: &[&[&str]]) -> Result<(), Fault> {
    let (known, found) = (count(steps), version(connection)?);
    if found > known {
        return Err(Fault::Newer { found, known });
    }
    for (step, next) in steps.iter().zip(1_u32..).skip(usize::try_from(found).unwrap_or(0)) {
        take(connection, step, next).map_err(|error| Fault::of(&error))?;
    }
    Ok(())
}

fn take(connection: &mut Connection, step: &[&str], next: u32) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for part in step {
        transaction.execute_batch(&spell_out_money(part))?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", next)?;
    transaction.commit()
}

fn count(steps: &[&[&str]]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

/// The file's version; 0 is empty.
fn version(connection: &Connection) -> Result<u32, Fault> {
    let fail = |error| Fault::of(&error);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let id = pragma("application_id").map_err(fail)?;
    let version = pragma("user_version").map_err(fail)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(fail)?;
    match (id, version, tables) {
        (0, 0, 0) => Ok(0),
        (id, version, _) if id == i64::from(APPLICATION_ID) => {
            u32::try_from(version).map_err(|_| Fault::Foreign)
        }
        _ => Err(Fault::Foreign),
    }
}

/// Writes out each `MONEY(x)`: the decimal text of nano-units, exact; null of null. SQLite has no
/// functions that are kept in a file, and the views must work in every shell.
fn spell_out_money(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len().saturating_mul(2));
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("MONEY(") {
        let (argument, behind) = split_at_closing(after);
        text.push_str(before);
        text.push_str(&format!(
            "iif(({argument}) IS NULL, NULL, printf('%s%d.%09d', iif({argument} < 0, '-', ''), \
             abs({argument}) / 1000000000, abs({argument}) % 1000000000))"
        ));
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// What stands before the bracket that closes one opened before `text`, and what stands behind it.
fn split_at_closing(text: &str) -> (&str, &str) {
    let mut open = 1_u32;
    for (place, character) in text.char_indices() {
        match character {
            '(' => open = open.saturating_add(1),
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            let (argument, behind) = text.split_at(place);
            return (argument, behind.strip_prefix(')').unwrap_or(behind));
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[&str] = &["CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"];
    const TWO: &[&str] = &["ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7;"];
    const BROKEN: &[&str] = &["UPDATE a SET x = 9;", "SELECT nothing FROM nowhere;"];

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn number(connection: &Connection, sql: &str) -> i64 {
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_older_file_is_brought_up_to_date_and_keeps_what_it_has() {
        let mut connection = memory();
        migrate(&mut connection, &[ONE]).unwrap();
        migrate(&mut connection, &[ONE, TWO]).unwrap();
        assert_eq!(number(&connection, "SELECT x * 10 + y FROM a"), 17);
        assert_eq!(version(&connection).unwrap(), 2);
        migrate(&mut connection, &[ONE, TWO]).unwrap();
        assert_eq!(number(&connection, "SELECT count(*) FROM a"), 1);
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before() {
        let mut connection = memory();
        migrate(&mut connection, &[ONE]).unwrap();
        migrate(&mut connection, &[ONE, BROKEN]).unwrap_err();
        assert_eq!((number(&connection, "SELECT x FROM a"), version(&connection).unwrap()), (1, 1));
    }

    #[test]
    fn a_newer_file_and_a_foreign_one_are_refused_in_words() {
        let mut connection = memory();
        migrate(&mut connection, &[ONE, TWO]).unwrap();
        let text = migrate(&mut connection, &[ONE]).unwrap_err().to_string();
        assert!(text.contains("version 2") && text.contains("up to 1"), "{text}");

        let mut foreign = memory();
        foreign.execute_batch("CREATE TABLE b (x)").unwrap();
        assert!(matches!(migrate(&mut foreign, &[ONE]), Err(Fault::Foreign)));
    }

    #[test]
    fn money_is_spelled_out_exactly() {
        let connection = memory();
        for (nanos, text) in [
            ("0", Some("0.000000000")),
            ("-1", Some("-0.000000001")),
            ("9223372036854775807", Some("9223372036.854775807")),
            ("max(3, (1)) + 1500000000", Some("1.500000003")),
            ("null", None),
        ] {
            let sql = spell_out_money(&format!("SELECT MONEY({nanos}), 1"));
            let found: Option<String> = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
            assert_eq!(found.as_deref(), text, "{sql}");
        }
    }
}
