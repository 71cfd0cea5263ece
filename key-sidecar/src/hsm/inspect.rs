//! What a module shows without a login: for `doctor`.

use cryptoki::mechanism::MechanismType;

use super::error::HsmError;
use super::module::Module;
use super::token;
use crate::config::HsmConfig;

/// What was seen.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The module's own description.
    pub library: String,
    /// The token that the configuration means, or why there is no such.
    pub token: Result<TokenSeen, HsmError>,
}

/// The chosen token.
#[derive(Clone, Debug)]
pub struct TokenSeen {
    /// Its label and serial number.
    pub description: String,
    /// Needed mechanisms that it lacks.
    pub lacking: Vec<&'static str>,
}

/// Loads the module, looks, and unloads it. Blocks as long as the module does.
///
/// # Errors
/// [`HsmError`] if the module itself cannot be used.
pub fn inspect(config: &HsmConfig) -> Result<Inspection, HsmError> {
    let module = Module::load(&config.module)?;
    let info = module.context().get_library_info()?;
    let token = token::choose(module.context(), &config.token).and_then(|token| {
        let offered = module.context().get_mechanism_list(token.slot)?;
        let needed = [
            (MechanismType::SHA256_HMAC, "CKM_SHA256_HMAC"),
            (MechanismType::GENERIC_SECRET_KEY_GEN, "CKM_GENERIC_SECRET_KEY_GEN"),
        ];
        let lacking = needed.iter().filter(|(kind, _)| !offered.contains(kind));
        Ok(TokenSeen {
            description: token.describe(),
            lacking: lacking.map(|(_, name)| *name).collect(),
        })
    });
    Ok(Inspection {
        library: format!(
            "{}, {} {}",
            info.manufacturer_id(),
            info.library_description(),
            info.library_version()
        ),
        token,
    })
}
