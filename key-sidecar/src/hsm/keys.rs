//! The few keys that live on the token, whatever the number of credentials.
//!
//! A key is found by its label and made by the token itself: 32 bytes, sensitive, never
//! extractable. What was made is read back, because a token may ignore a template.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::classify::Class;
use super::error::{CallError, HsmError};

/// HMAC-SHA256 wants a key of its own length, and SoftHSM refuses a shorter one.
const KEY_BYTES: u64 = 32;

/// A key on the token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RootKey {
    /// All keys that seal credentials are derived from this one.
    Root,
    /// Chains the audit log.
    Audit,
}

/// Whether a key was there already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Made {
    /// It was.
    Found,
    /// It was made now.
    Created,
}

impl RootKey {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Root, Self::Audit];

    /// Its label on the token.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Root => "tollkeeper-root",
            Self::Audit => "tollkeeper-audit",
        }
    }
}

/// Finds the key. No match may also mean that the token vanished; the caller decides.
pub(super) fn find(session: &Session, key: RootKey, token: &str) -> Result<ObjectHandle, HsmError> {
    let label = key.label();
    let found = session.find_objects(&[
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(label.into()),
    ])?;
    match found.as_slice() {
        [] => Err(HsmError::KeyMissing { label, token: token.to_owned() }),
        [one] => Ok(*one),
        _ => Err(HsmError::KeyAmbiguous { label }),
    }
}

/// Makes the key if it is missing. Either way it is fit for use afterwards, or this fails.
pub(super) fn ensure(session: &Session, key: RootKey, token: &str) -> Result<Made, HsmError> {
    match find(session, key, token) {
        Ok(handle) => check_fit(session, handle, key).map(|()| Made::Found),
        Err(HsmError::KeyMissing { .. }) => {
            let handle = generate(session, key)?;
            if let Err(error) = check_fit(session, handle, key) {
                // It was made a moment ago and nothing depends on it.
                session.destroy_object(handle)?;
                return Err(error);
            }
            Ok(Made::Created)
        }
        Err(error) => Err(error),
    }
}

/// Fails unless the token itself says that the key cannot leave it.
pub(super) fn check_fit(
    session: &Session,
    handle: ObjectHandle,
    key: RootKey,
) -> Result<(), HsmError> {
    let attributes = session.get_attributes(
        handle,
        &[AttributeType::Sensitive, AttributeType::Extractable, AttributeType::ValueLen],
    )?;
    let weak = |why: &str| HsmError::KeyWeak { label: key.label(), why: why.into() };
    let says = |wanted: &Attribute| attributes.contains(wanted);
    if !says(&Attribute::Sensitive(true)) {
        return Err(weak("the token does not say that it is sensitive"));
    }
    if !says(&Attribute::Extractable(false)) {
        return Err(weak("the token does not say that it cannot be extracted"));
    }
    // Some tokens do not tell the length of a secret key; then the self-test has to do.
    let length = attributes.iter().find_map(|attribute| match attribute {
        Attribute::ValueLen(length) => Some(u64::from(*length)),
        _ => None,
    });
    match length {
        Some(length) if length < KEY_BYTES => {
            Err(weak(&format!("it has {length} bytes, and {KEY_BYTES} are needed")))
        }
        _ => Ok(()),
    }
}

/// Tokens differ in what they want in a template. The order is fixed, so that a token gets the same
/// key every time; only what a template can cause leads to the next.
fn generate(session: &Session, key: RootKey) -> Result<ObjectHandle, HsmError> {
    let mut refusal = None;
    for template in templates(key) {
        match session.generate_key(&Mechanism::GenericSecretKeyGen, &template) {
            Ok(handle) => return Ok(handle),
            Err(error) => match CallError::new(&error) {
                call if call.class == Class::Usage => refusal = Some(call),
                call => return Err(HsmError::Call(call)),
            },
        }
    }
    let refusal = refusal.unwrap_or_else(|| CallError::nonsense("C_GenerateKey", "no template"));
    Err(HsmError::Call(refusal))
}

fn templates(key: RootKey) -> [Vec<Attribute>; 3] {
    let core = vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::ValueLen(KEY_BYTES.into()),
        Attribute::Label(key.label().into()),
    ];
    let typed = [
        core.clone(),
        vec![
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
        ],
    ]
    .concat();
    let single_purpose = [
        typed.clone(),
        vec![
            Attribute::Id(key.label().into()),
            Attribute::Verify(false),
            Attribute::Encrypt(false),
            Attribute::Decrypt(false),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::Derive(false),
        ],
    ]
    .concat();
    [single_purpose, typed, core]
}
