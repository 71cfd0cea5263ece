//! The credentials that this VM holds for a short time, ready to be put on a request.

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use wire::facts::{CredentialFacts, Inject};
use wire::units::Millis;
use zeroize::Zeroizing;

/// A shorter secret is not looked for in answers: it would be found by chance.
const SCRUB_BYTES_MIN: usize = 6;

/// A released credential as one service puts it on. Shared with the requests that carry it, so that a
/// rotation does not take it from under them; wiped when the last of them is over. No `Debug`.
pub struct Credential {
    /// The value of the header, or of the query parameter.
    value: Zeroizing<Vec<u8>>,
    /// The secret as answers may quote it.
    forms: Vec<Zeroizing<Vec<u8>>>,
    good_until: Millis,
    refresh_at: Millis,
}

/// Why a credential cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// There is none, or it was revoked.
    Missing,
    /// It cannot be unsealed.
    Refused,
    /// The HSM does not answer.
    HsmUnavailable,
    /// It is sealed to other hosts than the service's.
    OtherHosts,
    /// It holds a byte that no header may hold.
    Malformed,
}

impl Credential {
    /// Makes the injected value, once for all requests.
    ///
    /// # Errors
    /// [`Unusable::OtherHosts`] or [`Unusable::Malformed`].
    pub fn new(
        facts: &CredentialFacts,
        inject: &Inject,
        hosts: &[std::sync::Arc<str>],
        now: Millis,
    ) -> Result<Self, Unusable> {
        if hosts.is_empty() || !hosts.iter().all(|host| facts.hosts.contains(host)) {
            return Err(Unusable::OtherHosts);
        }
        let secret = Zeroizing::new(facts.secret.expose().to_vec());
        // Envoy answers 503 to a header with a control in it, on every request, and names the header.
        if secret.is_empty() || !secret.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return Err(Unusable::Malformed);
        }
        Ok(Self {
            value: rendered(&secret, inject),
            forms: forms(secret),
            good_until: now.plus(facts.ttl_ms),
            refresh_at: now.plus(Millis(facts.ttl_ms.0.saturating_mul(2).div_ceil(3))),
        })
    }

    /// What is injected.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Whether `bytes` hold the secret, plain or encoded as in a header or a query.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| form.len() >= SCRUB_BYTES_MIN && contains(bytes, form))
    }
}

/// The secret as it is, in base64 and percent-encoded, each in both its spellings. Most secrets need
/// no escapes and have two forms. An encoding that begins in the middle of it is not looked for.
fn forms(secret: Zeroizing<Vec<u8>>) -> Vec<Zeroizing<Vec<u8>>> {
    // Whole groups of three bytes: the last digits depend on what comes after the secret.
    let whole = secret.len().saturating_sub(secret.len() % 3);
    let groups = secret.get(..whole).unwrap_or_default();
    let escaped = |digits| {
        let mut escaped = Zeroizing::new(Vec::with_capacity(secret.len().saturating_mul(3)));
        secret.iter().for_each(|byte| push_escaped(&mut escaped, *byte, digits));
        escaped
    };
    let more = [
        Zeroizing::new(STANDARD_NO_PAD.encode(groups).into_bytes()),
        Zeroizing::new(URL_SAFE_NO_PAD.encode(groups).into_bytes()),
        escaped(UPPER),
        escaped(LOWER),
    ];
    let mut forms = Vec::with_capacity(5);
    forms.push(secret);
    for form in more {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

fn rendered(secret: &[u8], inject: &Inject) -> Zeroizing<Vec<u8>> {
    let mut value = Zeroizing::new(Vec::with_capacity(secret.len().saturating_mul(3)));
    match inject {
        Inject::Bearer => value.extend_from_slice(b"Bearer "),
        Inject::Header { prefix: Some(prefix), .. } => value.extend_from_slice(prefix.as_bytes()),
        Inject::Basic | Inject::Header { prefix: None, .. } | Inject::Query { .. } => {}
    }
    match inject {
        Inject::Basic => {
            value.extend_from_slice(b"Basic ");
            let encoded = Zeroizing::new(STANDARD.encode(secret));
            value.extend_from_slice(encoded.as_bytes());
        }
        Inject::Query { .. } => {
            secret.iter().for_each(|byte| push_escaped(&mut value, *byte, UPPER))
        }
        Inject::Bearer | Inject::Header { .. } => value.extend_from_slice(secret),
    }
    value
}

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

/// Escapes everything that is not unreserved (RFC 3986, section 2.3): right in every query.
fn push_escaped(value: &mut Vec<u8>, byte: u8, digits: &[u8; 16]) {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        value.push(byte);
        return;
    }
    let digit = |nibble: u8| digits.get(usize::from(nibble)).copied().unwrap_or_default();
    value.extend([b'%', digit(byte >> 4), digit(byte & 0xf)]);
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.len() >= needle.len() && memchr::memmem::find(haystack, needle).is_some()
}

/// Where a service keeps its credential. All requests to it look here.
#[derive(Default)]
pub struct Slot(RefCell<State>);

#[derive(Default)]
struct State {
    credential: Option<Rc<Credential>>,
    unusable: Option<(Unusable, Millis)>,
    stale: bool,
}

/// What a request finds in a slot.
pub enum Found {
    /// A credential to put on.
    Usable(Rc<Credential>),
    /// It must be asked for.
    Ask,
    /// It was asked for, and there is none.
    Unusable(Unusable),
}

impl Slot {
    /// What is there.
    #[must_use]
    pub fn find(&self, now: Millis) -> Found {
        let state = self.0.borrow();
        match (&state.credential, state.unusable) {
            (Some(credential), _) if now < credential.good_until => {
                Found::Usable(Rc::clone(credential))
            }
            (_, Some((why, until))) if now < until => Found::Unusable(why),
            _ => Found::Ask,
        }
    }

    /// Whether it should be asked for, ahead of need or because it has been rotated.
    #[must_use]
    pub fn wants_refresh(&self, now: Millis) -> bool {
        let state = self.0.borrow();
        state.credential.as_ref().is_some_and(|credential| {
            state.stale || now >= credential.refresh_at && now < credential.good_until
        })
    }

    /// Puts an answer in. A refusal does not take away a credential whose time is not over, unless
    /// it is that there is none any longer.
    pub fn put(&self, answer: Result<Credential, Unusable>, now: Millis) {
        let mut state = self.0.borrow_mut();
        match answer {
            Ok(credential) => {
                *state = State { credential: Some(Rc::new(credential)), ..State::default() };
            }
            Err(why) => {
                if why != Unusable::HsmUnavailable {
                    state.credential = None;
                }
                state.stale = false;
                state.unusable = Some((why, now.plus(UNUSABLE_FOR)));
            }
        }
    }

    /// The credential has a newer version: fetch it, and use this one until it is there.
    pub fn rotated(&self) {
        let mut state = self.0.borrow_mut();
        state.stale = true;
        state.unusable = None;
    }

    /// Wipes a credential whose time is over, and any if nobody calls.
    pub fn tidy(&self, now: Millis, asleep: bool) {
        let mut state = self.0.borrow_mut();
        state.credential.take_if(|credential| asleep || now >= credential.good_until);
    }

    /// The credential must not be used any longer.
    pub fn forget(&self) {
        *self.0.borrow_mut() = State::default();
    }
}

/// How long a refusal is remembered: what an operator mends works within a second.
const UNUSABLE_FOR: Millis = Millis(1_000);

impl std::fmt::Debug for Slot {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Slot([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use wire::secret::Secret;

    use super::*;

    fn facts(secret: &[u8]) -> CredentialFacts {
        CredentialFacts {
            version: 1,
            secret: Secret::new(secret.to_vec()),
            hosts: vec!["api.example".into()],
            ttl_ms: Millis(900),
        }
    }

    fn value(secret: &[u8], inject: &Inject) -> Result<Vec<u8>, Unusable> {
        Credential::new(&facts(secret), inject, &["api.example".into()], Millis(0))
            .map(|credential| credential.value().to_vec())
    }

    #[test]
    fn each_way_of_injecting_has_its_own_value() {
        let header = |prefix: Option<&str>| Inject::Header {
            name: "x-key".into(),
            prefix: prefix.map(Into::into),
        };
        for (inject, expected) in [
            (Inject::Bearer, "Bearer u:p+w"),
            (Inject::Basic, "Basic dTpwK3c="),
            (header(None), "u:p+w"),
            (header(Some("Token ")), "Token u:p+w"),
            (Inject::Query { name: "key".into() }, "u%3Ap%2Bw"),
        ] {
            assert_eq!(value(b"u:p+w", &inject).unwrap(), expected.as_bytes());
        }
    }

    #[test]
    fn a_credential_goes_to_its_own_hosts_only() {
        let hosts = ["api.example".into(), "evil.example".into()];
        let made = Credential::new(&facts(b"secret"), &Inject::Bearer, &hosts, Millis(0));
        assert_eq!(made.err(), Some(Unusable::OtherHosts));
    }

    #[test]
    fn a_newline_never_reaches_a_header() {
        assert_eq!(value(b"secret\n", &Inject::Bearer), Err(Unusable::Malformed));
        assert_eq!(value(b"", &Inject::Bearer), Err(Unusable::Malformed));
    }

    #[test]
    fn a_rotation_keeps_the_old_until_the_new_is_there_and_a_revocation_does_not() {
        let slot = Slot::default();
        let new = || {
            Credential::new(&facts(b"secret"), &Inject::Bearer, &["api.example".into()], Millis(0))
        };
        slot.put(new(), Millis(0));
        assert!(!slot.wants_refresh(Millis(0)));
        slot.rotated();
        assert!(slot.wants_refresh(Millis(0)));
        assert!(matches!(slot.find(Millis(0)), Found::Usable(_)));
        slot.put(Err(Unusable::HsmUnavailable), Millis(0));
        assert!(matches!(slot.find(Millis(0)), Found::Usable(_)), "the HSM may be back in time");
        assert!(matches!(slot.find(Millis(900)), Found::Unusable(Unusable::HsmUnavailable)));
        assert!(matches!(slot.find(Millis(1000)), Found::Ask));
        slot.put(new(), Millis(0));
        slot.forget();
        assert!(matches!(slot.find(Millis(0)), Found::Ask));
    }

    #[test]
    fn a_secret_is_recognized_in_all_its_forms() {
        let inject = Inject::Basic;
        let made =
            Credential::new(&facts(b"user:password"), &inject, &["api.example".into()], Millis(0));
        let made = made.ok().unwrap();
        assert!(made.is_in(b"bad key user:password!"));
        assert!(made.is_in(b"Basic dXNlcjpwYXNzd29yZA=="));
        assert!(made.is_in(b"?auth=user%3Apassword") && made.is_in(b"user%3apassword"));
        assert!(!made.is_in(b"nothing"));
    }
}
