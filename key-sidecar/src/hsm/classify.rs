//! What a PKCS#11 return code means for us: one table, one line for each code that cryptoki names.
//!
//! The match is exhaustive on purpose: a new code of a new cryptoki does not compile until somebody
//! has decided. Neighbours: [`super::worker`] and [`super::keeper`] act by [`Class`], never by a
//! code.

use std::borrow::Cow;

use cryptoki::error::RvError;

/// What is to be done about a failed call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// The input's fault. The HSM is well; nothing is retried.
    Data,
    /// The session is of no use any more. Discard it and try once in a fresh one.
    Session,
    /// The token has no room for another session. Back-pressure, not an outage.
    Capacity,
    /// The login is gone. Its owner logs in again.
    Login,
    /// The object handle is stale. Find the key once more.
    Handle,
    /// The device fails. Stop calling it, and recover with back-off.
    Device,
    /// The library's own state is broken: only finalize and initialize help.
    Library,
    /// The PIN. Never retried: a token counts the attempts.
    Pin,
    /// The module does not do what we need, or we called it wrongly. Retrying changes nothing.
    Usage,
}

/// The class and the specification's name of a code.
pub(super) fn classify(code: RvError) -> (Class, Cow<'static, str>) {
    match code {
        RvError::VendorDefined(code) => (Class::Device, format!("vendor code {code:#x}").into()),
        RvError::UnknownErrorCode(code) => {
            (Class::Device, format!("unknown code {code:#x}").into())
        }
        named => {
            let (class, name) = row(named);
            (class, name.into())
        }
    }
}

#[rustfmt::skip]
const fn row(code: RvError) -> (Class, &'static str) {
    use Class::{Capacity, Data, Device, Handle, Library, Login, Pin, Session, Usage};
    match code {
        RvError::DataInvalid => (Data, "CKR_DATA_INVALID"),
        RvError::DataLenRange => (Data, "CKR_DATA_LEN_RANGE"),
        RvError::EncryptedDataInvalid => (Data, "CKR_ENCRYPTED_DATA_INVALID"),
        RvError::EncryptedDataLenRange => (Data, "CKR_ENCRYPTED_DATA_LEN_RANGE"),
        RvError::KeySizeRange => (Data, "CKR_KEY_SIZE_RANGE"),
        RvError::SignatureInvalid => (Data, "CKR_SIGNATURE_INVALID"),
        RvError::SignatureLenRange => (Data, "CKR_SIGNATURE_LEN_RANGE"),
        RvError::UnwrappingKeySizeRange => (Data, "CKR_UNWRAPPING_KEY_SIZE_RANGE"),
        RvError::WrappedKeyInvalid => (Data, "CKR_WRAPPED_KEY_INVALID"),
        RvError::WrappedKeyLenRange => (Data, "CKR_WRAPPED_KEY_LEN_RANGE"),
        RvError::WrappingKeySizeRange => (Data, "CKR_WRAPPING_KEY_SIZE_RANGE"),

        RvError::Cancel => (Session, "CKR_CANCEL"),
        RvError::FunctionCanceled => (Session, "CKR_FUNCTION_CANCELED"),
        RvError::OperationActive => (Session, "CKR_OPERATION_ACTIVE"),
        RvError::OperationNotInitialized => (Session, "CKR_OPERATION_NOT_INITIALIZED"),
        RvError::SessionClosed => (Session, "CKR_SESSION_CLOSED"),
        RvError::SessionExists => (Session, "CKR_SESSION_EXISTS"),
        RvError::SessionHandleInvalid => (Session, "CKR_SESSION_HANDLE_INVALID"),
        RvError::SessionParallelNotSupported => (Session, "CKR_SESSION_PARALLEL_NOT_SUPPORTED"),
        RvError::SessionReadOnly => (Session, "CKR_SESSION_READ_ONLY"),
        RvError::SessionReadOnlyExists => (Session, "CKR_SESSION_READ_ONLY_EXISTS"),
        RvError::SessionReadWriteSoExists => (Session, "CKR_SESSION_READ_WRITE_SO_EXISTS"),

        RvError::SessionCount => (Capacity, "CKR_SESSION_COUNT"),

        RvError::UserAlreadyLoggedIn => (Login, "CKR_USER_ALREADY_LOGGED_IN"),
        RvError::UserAnotherAlreadyLoggedIn => (Login, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN"),
        RvError::UserNotLoggedIn => (Login, "CKR_USER_NOT_LOGGED_IN"),
        RvError::UserTooManyTypes => (Login, "CKR_USER_TOO_MANY_TYPES"),

        RvError::KeyHandleInvalid => (Handle, "CKR_KEY_HANDLE_INVALID"),
        RvError::ObjectHandleInvalid => (Handle, "CKR_OBJECT_HANDLE_INVALID"),
        RvError::UnwrappingKeyHandleInvalid => (Handle, "CKR_UNWRAPPING_KEY_HANDLE_INVALID"),
        RvError::WrappingKeyHandleInvalid => (Handle, "CKR_WRAPPING_KEY_HANDLE_INVALID"),

        RvError::DeviceError => (Device, "CKR_DEVICE_ERROR"),
        RvError::DeviceMemory => (Device, "CKR_DEVICE_MEMORY"),
        RvError::DeviceRemoved => (Device, "CKR_DEVICE_REMOVED"),
        RvError::FipsSelfTestFailed => (Device, "CKR_FIPS_SELF_TEST_FAILED"),
        RvError::FunctionFailed => (Device, "CKR_FUNCTION_FAILED"),
        RvError::GeneralError => (Device, "CKR_GENERAL_ERROR"),
        RvError::HostMemory => (Device, "CKR_HOST_MEMORY"),
        RvError::SlotIdInvalid => (Device, "CKR_SLOT_ID_INVALID"),
        RvError::TokenNotPresent => (Device, "CKR_TOKEN_NOT_PRESENT"),
        RvError::TokenNotRecognized => (Device, "CKR_TOKEN_NOT_RECOGNIZED"),
        RvError::UnknownErrorCode(_) => (Device, "unknown code"),
        RvError::VendorDefined(_) => (Device, "vendor code"),

        RvError::CantLock => (Library, "CKR_CANT_LOCK"),
        RvError::CryptokiAlreadyInitialized => (Library, "CKR_CRYPTOKI_ALREADY_INITIALIZED"),
        RvError::CryptokiNotInitialized => (Library, "CKR_CRYPTOKI_NOT_INITIALIZED"),
        RvError::LibraryLoadFailed => (Library, "CKR_LIBRARY_LOAD_FAILED"),
        RvError::MutexBad => (Library, "CKR_MUTEX_BAD"),
        RvError::MutexNotLocked => (Library, "CKR_MUTEX_NOT_LOCKED"),
        RvError::NeedToCreateThreads => (Library, "CKR_NEED_TO_CREATE_THREADS"),

        RvError::NewPinMode => (Pin, "CKR_NEW_PIN_MODE"),
        RvError::NextOtp => (Pin, "CKR_NEXT_OTP"),
        RvError::PinExpired => (Pin, "CKR_PIN_EXPIRED"),
        RvError::PinIncorrect => (Pin, "CKR_PIN_INCORRECT"),
        RvError::PinInvalid => (Pin, "CKR_PIN_INVALID"),
        RvError::PinLenRange => (Pin, "CKR_PIN_LEN_RANGE"),
        RvError::PinLocked => (Pin, "CKR_PIN_LOCKED"),
        RvError::PinTooWeak => (Pin, "CKR_PIN_TOO_WEAK"),
        RvError::UserPinNotInitialized => (Pin, "CKR_USER_PIN_NOT_INITIALIZED"),

        RvError::ActionProhibited => (Usage, "CKR_ACTION_PROHIBITED"),
        RvError::ArgumentsBad => (Usage, "CKR_ARGUMENTS_BAD"),
        RvError::AttributeReadOnly => (Usage, "CKR_ATTRIBUTE_READ_ONLY"),
        RvError::AttributeSensitive => (Usage, "CKR_ATTRIBUTE_SENSITIVE"),
        RvError::AttributeTypeInvalid => (Usage, "CKR_ATTRIBUTE_TYPE_INVALID"),
        RvError::AttributeValueInvalid => (Usage, "CKR_ATTRIBUTE_VALUE_INVALID"),
        RvError::BufferTooSmall => (Usage, "CKR_BUFFER_TOO_SMALL"),
        RvError::CurveNotSupported => (Usage, "CKR_CURVE_NOT_SUPPORTED"),
        RvError::DomainParamsInvalid => (Usage, "CKR_DOMAIN_PARAMS_INVALID"),
        RvError::ExceededMaxIterations => (Usage, "CKR_EXCEEDED_MAX_ITERATIONS"),
        RvError::FunctionNotParallel => (Usage, "CKR_FUNCTION_NOT_PARALLEL"),
        RvError::FunctionNotSupported => (Usage, "CKR_FUNCTION_NOT_SUPPORTED"),
        RvError::FunctionRejected => (Usage, "CKR_FUNCTION_REJECTED"),
        RvError::InformationSensitive => (Usage, "CKR_INFORMATION_SENSITIVE"),
        RvError::KeyChanged => (Usage, "CKR_KEY_CHANGED"),
        RvError::KeyFunctionNotPermitted => (Usage, "CKR_KEY_FUNCTION_NOT_PERMITTED"),
        RvError::KeyIndigestible => (Usage, "CKR_KEY_INDIGESTIBLE"),
        RvError::KeyNeeded => (Usage, "CKR_KEY_NEEDED"),
        RvError::KeyNotNeeded => (Usage, "CKR_KEY_NOT_NEEDED"),
        RvError::KeyNotWrappable => (Usage, "CKR_KEY_NOT_WRAPPABLE"),
        RvError::KeyTypeInconsistent => (Usage, "CKR_KEY_TYPE_INCONSISTENT"),
        RvError::KeyUnextractable => (Usage, "CKR_KEY_UNEXTRACTABLE"),
        RvError::MechanismInvalid => (Usage, "CKR_MECHANISM_INVALID"),
        RvError::MechanismParamInvalid => (Usage, "CKR_MECHANISM_PARAM_INVALID"),
        RvError::NoEvent => (Usage, "CKR_NO_EVENT"),
        RvError::PublicKeyInvalid => (Usage, "CKR_PUBLIC_KEY_INVALID"),
        RvError::RandomNoRng => (Usage, "CKR_RANDOM_NO_RNG"),
        RvError::RandomSeedNotSupported => (Usage, "CKR_RANDOM_SEED_NOT_SUPPORTED"),
        RvError::SavedStateInvalid => (Usage, "CKR_SAVED_STATE_INVALID"),
        RvError::StateUnsaveable => (Usage, "CKR_STATE_UNSAVEABLE"),
        RvError::TemplateIncomplete => (Usage, "CKR_TEMPLATE_INCOMPLETE"),
        RvError::TemplateInconsistent => (Usage, "CKR_TEMPLATE_INCONSISTENT"),
        RvError::TokenWriteProtected => (Usage, "CKR_TOKEN_WRITE_PROTECTED"),
        RvError::UnwrappingKeyTypeInconsistent => (Usage, "CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT"),
        RvError::UserTypeInvalid => (Usage, "CKR_USER_TYPE_INVALID"),
        RvError::WrappingKeyTypeInconsistent => (Usage, "CKR_WRAPPING_KEY_TYPE_INCONSISTENT"),
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;
    use cryptoki::error::{Error, Rv};

    use super::*;

    /// The codes by their numbers in the PKCS#11 3.0 header, so that the table is held against the
    /// specification and not against itself.
    const BY_NUMBER: &[(u64, Class)] = &[
        (0x01, Class::Session),       // CANCEL
        (0x02, Class::Device),        // HOST_MEMORY
        (0x03, Class::Device),        // SLOT_ID_INVALID
        (0x05, Class::Device),        // GENERAL_ERROR
        (0x06, Class::Device),        // FUNCTION_FAILED
        (0x07, Class::Usage),         // ARGUMENTS_BAD
        (0x0a, Class::Library),       // CANT_LOCK
        (0x12, Class::Usage),         // ATTRIBUTE_TYPE_INVALID
        (0x20, Class::Data),          // DATA_INVALID
        (0x21, Class::Data),          // DATA_LEN_RANGE
        (0x30, Class::Device),        // DEVICE_ERROR
        (0x31, Class::Device),        // DEVICE_MEMORY
        (0x32, Class::Device),        // DEVICE_REMOVED
        (0x40, Class::Data),          // ENCRYPTED_DATA_INVALID
        (0x41, Class::Data),          // ENCRYPTED_DATA_LEN_RANGE
        (0x60, Class::Handle),        // KEY_HANDLE_INVALID
        (0x62, Class::Data),          // KEY_SIZE_RANGE
        (0x70, Class::Usage),         // MECHANISM_INVALID
        (0x82, Class::Handle),        // OBJECT_HANDLE_INVALID
        (0x90, Class::Session),       // OPERATION_ACTIVE
        (0x91, Class::Session),       // OPERATION_NOT_INITIALIZED
        (0xa0, Class::Pin),           // PIN_INCORRECT
        (0xa1, Class::Pin),           // PIN_INVALID
        (0xa2, Class::Pin),           // PIN_LEN_RANGE
        (0xa3, Class::Pin),           // PIN_EXPIRED
        (0xa4, Class::Pin),           // PIN_LOCKED
        (0xb0, Class::Session),       // SESSION_CLOSED
        (0xb1, Class::Capacity),      // SESSION_COUNT
        (0xb3, Class::Session),       // SESSION_HANDLE_INVALID
        (0xc0, Class::Data),          // SIGNATURE_INVALID
        (0xd1, Class::Usage),         // TEMPLATE_INCONSISTENT
        (0xe0, Class::Device),        // TOKEN_NOT_PRESENT
        (0xe1, Class::Device),        // TOKEN_NOT_RECOGNIZED
        (0x100, Class::Login),        // USER_ALREADY_LOGGED_IN
        (0x101, Class::Login),        // USER_NOT_LOGGED_IN
        (0x102, Class::Pin),          // USER_PIN_NOT_INITIALIZED
        (0x190, Class::Library),      // CRYPTOKI_NOT_INITIALIZED
        (0x1a0, Class::Library),      // MUTEX_BAD
        (0x1b0, Class::Pin),          // NEW_PIN_MODE
        (0x1b6, Class::Device),       // none: unknown
        (0x7fff_ffff, Class::Device), // none: unknown
        (0x8000_0000, Class::Device), // vendor
        (0x8000_0383, Class::Device), // vendor
    ];

    #[test]
    fn every_code_of_the_header_has_its_class() {
        for (number, class) in BY_NUMBER {
            let Err(Error::Pkcs11(code, _)) = Rv::from(*number).into_result(Function::Sign) else {
                panic!("{number:#x} is no error");
            };
            assert_eq!(classify(code).0, *class, "{number:#x} {}", classify(code).1);
        }
    }

    #[test]
    fn a_code_without_a_name_is_told_by_its_number() {
        assert_eq!(classify(RvError::VendorDefined(0x8000_0383)).1, "vendor code 0x80000383");
        assert_eq!(classify(RvError::UnknownErrorCode(0x1b6)).1, "unknown code 0x1b6");
        assert_eq!(classify(RvError::PinLocked).1, "CKR_PIN_LOCKED");
    }
}
