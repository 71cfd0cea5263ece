//! Which HSM token: by serial number or label, exactly one. Slot numbers move and are never used.

use cryptoki::context::Pkcs11;
use cryptoki::slot::{Slot, TokenInfo};

use super::error::HsmError;
use crate::config::TokenChoice;

/// The token that was chosen.
pub(super) struct Token {
    pub(super) slot: Slot,
    pub(super) info: TokenInfo,
}

impl Token {
    /// Its label and serial number, for messages.
    pub(super) fn describe(&self) -> String {
        describe(&self.info)
    }

    pub(super) fn serial(&self) -> &str {
        self.info.serial_number()
    }
}

/// Finds the one token that is meant.
pub(super) fn choose(context: &Pkcs11, wanted: &TokenChoice) -> Result<Token, HsmError> {
    let tokens = all(context)?;
    let present = || tokens.iter().map(Token::describe).collect::<Vec<_>>();
    let mut matching = tokens.iter().filter(|token| matches(&token.info, wanted));
    match (matching.next(), matching.next()) {
        (Some(_), Some(_)) => {
            Err(HsmError::TokenAmbiguous { wanted: wanted.clone(), present: present() })
        }
        (Some(token), None) => Ok(Token { slot: token.slot, info: token.info.clone() }),
        (None, _) => Err(HsmError::TokenMissing { wanted: wanted.clone(), present: present() }),
    }
}

/// Every initialized token. A slot whose token does not answer is passed over: it is not ours, or
/// its absence is what will be reported.
pub(super) fn all(context: &Pkcs11) -> Result<Vec<Token>, HsmError> {
    let slots = context.get_slots_with_token()?;
    let tokens = slots.into_iter().filter_map(|slot| {
        let info = context.get_token_info(slot).ok()?;
        info.token_initialized().then_some(Token { slot, info })
    });
    Ok(tokens.collect())
}

fn matches(info: &TokenInfo, wanted: &TokenChoice) -> bool {
    match wanted {
        TokenChoice::Label(label) => info.label() == label,
        TokenChoice::Serial(serial) => info.serial_number() == serial,
    }
}

fn describe(info: &TokenInfo) -> String {
    format!("{:?} (serial number {})", info.label(), info.serial_number())
}
