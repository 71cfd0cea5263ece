//! Why the HSM did not do it: place and remedy, never a secret.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use cryptoki::error::Error;

use super::classify::{Class, classify};
use crate::config::TokenChoice;
use crate::exit::Exit;
use crate::files::FileError;

/// What went wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HsmError {
    /// All sessions are at work and the queue is full, or the token has no session left.
    Busy,
    /// A PKCS#11 call failed.
    Call(CallError),
    /// No answer within the deadline.
    Deadline {
        /// The deadline.
        ms: u64,
    },
    /// Not tried: the HSM failed a moment ago and is being recovered.
    Down {
        /// The failure.
        cause: Arc<Self>,
    },
    /// Several keys have the label.
    KeyAmbiguous {
        /// The label.
        label: &'static str,
    },
    /// No key has the label.
    KeyMissing {
        /// The label.
        label: &'static str,
        /// The HSM token.
        token: String,
    },
    /// The key does not protect what it must.
    KeyWeak {
        /// The label.
        label: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// This process has a PKCS#11 module loaded already.
    ModuleInUse,
    /// The module cannot be loaded.
    ModuleLoad {
        /// The configured path.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// `init` was not run with this state directory.
    NotInitialized {
        /// The file that it writes.
        path: PathBuf,
    },
    /// This PIN value was tried before and is not tried again.
    PinNotTried {
        /// The token's serial number.
        serial: String,
        /// What is known of the earlier attempt.
        why: String,
    },
    /// The token itself says that its PIN is locked, on its last try, or was never set.
    PinState {
        /// The token's serial number.
        serial: String,
        /// What it says.
        why: &'static str,
    },
    /// The PIN cannot be read.
    PinUnreadable {
        /// Where it should be.
        place: String,
        /// Why.
        why: String,
    },
    /// The token has fewer sessions than are configured.
    SessionsTooMany {
        /// The token.
        token: String,
        /// What it has, less one that keeps the login.
        most: u64,
    },
    /// The HSM is shut down.
    Stopped,
    /// A file in the state directory.
    State(FileError),
    /// Several tokens match.
    TokenAmbiguous {
        /// What was looked for.
        wanted: TokenChoice,
        /// All tokens that are there.
        present: Vec<String>,
    },
    /// No token matches.
    TokenMissing {
        /// What was looked for.
        wanted: TokenChoice,
        /// All tokens that are there.
        present: Vec<String>,
    },
    /// The token has a root key, and it is another one than the records were sealed with.
    WrongRoot {
        /// The token that answered.
        token: String,
        /// The token that `init` saw.
        expected: String,
    },
}

/// A PKCS#11 call that failed.
#[derive(Clone, Debug)]
pub struct CallError {
    pub(super) class: Class,
    call: String,
    code: String,
}

impl CallError {
    pub(super) fn new(error: &Error) -> Self {
        match error {
            Error::Pkcs11(code, function) => {
                let (class, name) = classify(*code);
                Self { class, call: format!("C_{function:?}"), code: name.into_owned() }
            }
            other => Self {
                class: Class::Usage,
                call: "the PKCS#11 module".into(),
                code: other.to_string(),
            },
        }
    }

    /// An answer that the specification does not allow.
    pub(super) fn nonsense(call: &str, answer: &str) -> Self {
        Self { class: Class::Device, call: call.into(), code: answer.into() }
    }

    pub(super) fn with_class(self, class: Class) -> Self {
        Self { class, ..self }
    }
}

impl From<Error> for HsmError {
    fn from(error: Error) -> Self {
        Self::Call(CallError::new(&error))
    }
}

impl HsmError {
    /// The exit code of a command that ends with this.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Busy | Self::Deadline { .. } | Self::Stopped => Exit::HsmUnavailable,
            Self::Call(call) => match call.class {
                Class::Pin => Exit::Pin,
                Class::Usage => Exit::HsmMismatch,
                _ => Exit::HsmUnavailable,
            },
            Self::Down { cause } => cause.exit(),
            Self::PinNotTried { .. } | Self::PinState { .. } => Exit::Pin,
            Self::State(_) => Exit::Refused,
            Self::KeyAmbiguous { .. }
            | Self::KeyMissing { .. }
            | Self::KeyWeak { .. }
            | Self::ModuleInUse
            | Self::ModuleLoad { .. }
            | Self::NotInitialized { .. }
            | Self::PinUnreadable { .. }
            | Self::SessionsTooMany { .. }
            | Self::TokenAmbiguous { .. }
            | Self::TokenMissing { .. }
            | Self::WrongRoot { .. } => Exit::HsmMismatch,
        }
    }

    /// Whether trying again without a change by people can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.exit(), Exit::HsmUnavailable)
    }

    pub(super) const fn class(&self) -> Class {
        match self {
            Self::Call(call) => call.class,
            // An empty find can mean that the token vanished under us.
            Self::KeyMissing { .. } => Class::Handle,
            _ => Class::Usage,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} failed: {}", self.call, self.code)
    }
}

impl fmt::Display for HsmError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => {
                out.write_str("all HSM sessions are at work: try again, or raise hsm.sessions")
            }
            Self::Call(call) => {
                write!(out, "{call}")?;
                match call.class {
                    Class::Pin => out.write_str(
                        "; it is not tried again with this PIN: correct the PIN source, or see \
                         `key-sidecar init --forget-failed-pin`",
                    ),
                    _ => Ok(()),
                }
            }
            Self::Deadline { ms } => write!(out, "the HSM did not answer within {ms} ms"),
            Self::Down { cause } => write!(out, "the HSM is not in use at the moment: {cause}"),
            Self::KeyAmbiguous { label } => write!(
                out,
                "several keys on the HSM token are labelled {label}: rename or remove all but the \
                 right one"
            ),
            Self::KeyMissing { label, token } => write!(
                out,
                "HSM token {token} has no key {label}: run `key-sidecar init`, or restore the \
                 token if it had one"
            ),
            Self::KeyWeak { label, why } => write!(
                out,
                "key {label} is not fit: {why}. Remove it from the token and run `key-sidecar init`"
            ),
            Self::ModuleInUse => out.write_str("this process has a PKCS#11 module open already"),
            Self::ModuleLoad { path, why } => write!(
                out,
                "cannot load the PKCS#11 module {}: {why}. Correct hsm.module, or install the \
                 module",
                path.display()
            ),
            Self::NotInitialized { path } => write!(
                out,
                "{} is missing: run `key-sidecar init` once for this HSM token",
                path.display()
            ),
            Self::PinNotTried { serial, why } => write!(
                out,
                "this PIN is not tried on HSM token {serial}: {why}. Tokens lock after a few \
                 wrong PINs. Correct the PIN source, or run `key-sidecar init \
                 --forget-failed-pin` if you know that the PIN is right"
            ),
            Self::PinState { serial, why } => write!(
                out,
                "no login on HSM token {serial}: {why}. The token's security officer can reset \
                 the PIN"
            ),
            Self::PinUnreadable { place, why } => {
                write!(out, "cannot read the PIN from {place}: {why}")
            }
            Self::SessionsTooMany { token, most } => write!(
                out,
                "HSM token {token} has too few sessions: set hsm.sessions to at most {most}"
            ),
            Self::Stopped => out.write_str("the HSM connection is shut down"),
            Self::State(error) => write!(out, "{error}"),
            Self::TokenAmbiguous { wanted, present } => write!(
                out,
                "several HSM tokens {wanted}: choose one with hsm.token_serial. There are: {}",
                list(present)
            ),
            Self::TokenMissing { wanted, present } => {
                write!(out, "no HSM token {wanted}. There are: {}", list(present))
            }
            Self::WrongRoot { token, expected } => write!(
                out,
                "HSM token {token} holds another root key than the one that the state directory \
                 was made with (token {expected}): connect the right token, or point `state` at \
                 the right directory"
            ),
        }
    }
}

fn list(present: &[String]) -> String {
    match present {
        [] => "none (is the module's configuration readable for this user?)".into(),
        some => some.join(", "),
    }
}

impl std::error::Error for HsmError {}
