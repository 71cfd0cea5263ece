-- Entries are never changed and never removed, by nobody, not even with the `sqlite3` shell. What was
-- booked wrongly is corrected by an entry.

CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER entry_is_never_removed BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER settlement_is_never_changed BEFORE UPDATE ON settlement
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER settlement_is_never_removed BEFORE DELETE ON settlement
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER settlement_count_is_never_changed BEFORE UPDATE ON settlement_count
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER settlement_count_is_never_removed BEFORE DELETE ON settlement_count
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER presumption_is_never_changed BEFORE UPDATE ON presumption
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER presumption_is_never_removed BEFORE DELETE ON presumption
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER correction_is_never_changed BEFORE UPDATE ON correction
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER correction_is_never_removed BEFORE DELETE ON correction
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER correction_account_is_never_changed BEFORE UPDATE ON correction_account
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER correction_account_is_never_removed BEFORE DELETE ON correction_account
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER cap_change_is_never_changed BEFORE UPDATE ON cap_change
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER cap_change_is_never_removed BEFORE DELETE ON cap_change
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER term_is_never_changed BEFORE UPDATE ON term
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER term_is_never_removed BEFORE DELETE ON term
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER term_account_is_never_changed BEFORE UPDATE ON term_account
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;

CREATE TRIGGER term_account_is_never_removed BEFORE DELETE ON term_account
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a correction instead'); END;
