//! The exit codes, which scripts and supervisors act on. `README.md` documents them; they do not
//! change.

use std::error::Error;
use std::process::ExitCode;

use crate::config::ConfigErrors;
use crate::hsm::HsmError;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: what was asked for cannot be, or a check found something; standard error says what.
    Refused,
    /// 2: the command line is wrong.
    Usage,
    /// 3: the configuration is wrong.
    Config,
    /// 4: the HSM is not the one expected: no such module, token or key, or another root key.
    HsmMismatch,
    /// 5: the PIN was refused, or must not be tried. Do not restart: see `init
    /// --forget-failed-pin`.
    Pin,
    /// 6: the HSM does not answer now. Trying again later is right.
    HsmUnavailable,
    /// 75: a call into the PKCS#11 module never came back. Restart the process.
    HsmStuck,
}

impl Exit {
    /// The code for an error, by the first cause in its chain that has one of its own.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<HsmError>() {
                return error.exit();
            }
            if error.is::<ConfigErrors>() {
                return Self::Config;
            }
            next = error.source();
        }
        Self::Refused
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Config => 3,
            Exit::HsmMismatch => 4,
            Exit::Pin => 5,
            Exit::HsmUnavailable => 6,
            Exit::HsmStuck => 75,
        })
    }
}
