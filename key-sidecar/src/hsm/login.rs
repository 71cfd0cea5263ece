//! From an initialized module to a connection: choose the token, look at its PIN flags, log in
//! once, prove the root key.

use std::path::Path;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Limit;
use jiff::Timestamp;

use super::attempt::AttemptLog;
use super::classify::Class;
use super::connection::{Connection, open_session};
use super::error::{CallError, HsmError};
use super::keys::RootKey;
use super::pin::Pin;
use super::root::{CHECK_INPUT, RootRecord};
use super::token::{self, Token};
use crate::config::HsmConfig;

/// Logs in and makes the connection of the given generation. With an `expected` root, the token
/// must have that one.
pub(super) fn connect(
    context: &Pkcs11,
    config: &HsmConfig,
    state: &Path,
    expected: Option<&RootRecord>,
    generation: u64,
    now: Timestamp,
) -> Result<Connection, HsmError> {
    let token = token::choose(context, &config.token)?;
    check_pin_flags(&token)?;
    check_sessions(&token, config.sessions)?;
    let pin = Pin::read(&config.pin)?;
    let anchor = open_session(context, token.slot)?;
    log_in(&anchor, &token, &pin, state, now)?;
    drop(pin);
    let connection = Connection::new(generation, context.clone(), &token, anchor, config.sessions);
    if let Some(expected) = expected {
        prove_root(&connection, expected)?;
    }
    Ok(connection)
}

/// Compares what the token answers now with what it answered `init`.
pub(super) fn prove_root(connection: &Connection, expected: &RootRecord) -> Result<(), HsmError> {
    let check = connection.hmac_by_anchor(RootKey::Root, CHECK_INPUT)?;
    match expected.is_met_by(&check) {
        true => Ok(()),
        false => {
            Err(HsmError::WrongRoot { token: connection.describe(), expected: expected.describe() })
        }
    }
}

fn log_in(
    anchor: &Session,
    token: &Token,
    pin: &Pin,
    state: &Path,
    now: Timestamp,
) -> Result<(), HsmError> {
    let attempt = AttemptLog::in_state(state).begin(token.serial(), pin, now)?;
    match anchor.login_with_raw(UserType::User, &pin.raw()) {
        Ok(()) => attempt.accepted(),
        // Somebody in this process is: the PIN was not looked at.
        Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => attempt.not_judged(),
        Err(error) => {
            let call = CallError::new(&error);
            match call.class {
                Class::Pin => attempt.refused()?,
                _ => attempt.not_judged()?,
            }
            Err(HsmError::Call(call))
        }
    }
}

fn check_pin_flags(token: &Token) -> Result<(), HsmError> {
    let info = &token.info;
    let why = if info.user_pin_locked() {
        "its PIN is locked"
    } else if info.user_pin_final_try() {
        "one more wrong PIN would lock it, and that try is for a person"
    } else if info.user_pin_to_be_changed() {
        "its PIN must be changed first"
    } else if !info.user_pin_initialized() {
        "it has no user PIN"
    } else {
        return Ok(());
    };
    Err(HsmError::PinState { serial: token.serial().to_owned(), why })
}

/// Small tokens have few sessions, and finding that out under load would be late.
fn check_sessions(token: &Token, wanted: usize) -> Result<(), HsmError> {
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    for limit in [token.info.max_session_count(), token.info.max_rw_session_count()] {
        if let Limit::Max(most) = limit
            && wanted >= most
        {
            return Err(HsmError::SessionsTooMany {
                token: token.describe(),
                most: most.saturating_sub(1),
            });
        }
    }
    Ok(())
}
