//! Where the client key is, and what of the request must not go on because of it.
//!
//! A client library puts the key where its own provider wants it, so every such place is read:
//! `authorization` with any scheme, Basic user or password, the `*-key` headers, the service's own header, a
//! query parameter. One key, however: two different ones are refused, never tried in turn.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::client_key::{self, Shape};
use wire::facts::Inject;
use zeroize::Zeroizing;

use crate::denial::{Denial, Reason};
use crate::request::{KEY_HEADERS, RequestHead};

/// Query parameters in which client libraries put a key. The service's own is read as well.
const KEY_PARAMETERS: [&str; 3] = ["key", "api_key", "api-key"];

/// What was found of client keys in a request. It has no `Debug`: it holds one.
#[derive(Default)]
pub struct Found<'a> {
    key: Option<Candidate<'a>>,
    /// Whether the query has a parameter for keys, so that it must be rewritten.
    pub in_query: bool,
}

type Candidate<'a> = Cow<'a, [u8]>;

impl<'a> Found<'a> {
    /// The key, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    fn offer(&mut self, candidate: Candidate<'a>) -> Result<(), Denial> {
        if candidate.is_empty() {
            return Ok(());
        }
        match &self.key {
            Some(key) if *key != candidate => Err(Denial::new(Reason::KeysDiffer)),
            _ => {
                self.key = Some(candidate);
                Ok(())
            }
        }
    }
}

/// Looks in every place of the head, in `own_header` (the value of the service's own key header,
/// where that is not one of the usual) and in the query.
///
/// # Errors
/// [`Reason::KeysDiffer`] if two places hold different keys, [`Reason::KeyRepeated`] if a query
/// parameter that holds one comes twice.
pub fn find<'a>(
    head: &RequestHead<'a>,
    own_header: Option<&'a [u8]>,
    query: Option<&'a [u8]>,
    inject: &Inject,
) -> Result<Found<'a>, Denial> {
    let mut found = Found::default();
    for (name, value) in KEY_HEADERS.iter().zip(head.keys) {
        let Some(value) = value else { continue };
        match *name {
            "authorization" => found.offer(from_authorization(value))?,
            _ => found.offer(Cow::Borrowed(value.trim_ascii()))?,
        }
    }
    if let Some(value) = own_header {
        found.offer(Cow::Borrowed(value.trim_ascii()))?;
    }
    if let Some(query) = query {
        from_query(&mut found, query, inject)?;
    }
    Ok(found)
}

/// Whether a query parameter holds a key and is therefore taken out: the one in which the service
/// takes its credential, whatever it holds, and any other usual one if an issued key stands in it. `key=` is
/// an ordinary parameter to many services.
#[must_use]
pub fn is_key_parameter(parameter: &Parameter<'_>, inject: &Inject) -> bool {
    // A name may be escaped (`%6bey`): the upstream would undo it, so it is undone here.
    let name = percent_decoded(parameter.name);
    let own = matches!(inject, Inject::Query { name: own } if own.as_bytes() == name.as_ref());
    own || KEY_PARAMETERS.iter().any(|known| known.as_bytes() == name.as_ref())
        && client_key::inspect(&percent_decoded(parameter.value)) != Shape::Foreign
}

/// `Bearer KEY`, `bearer   KEY`, `Token KEY`, `KEY`, `Basic base64(user:password)`.
fn from_authorization(value: &[u8]) -> Candidate<'_> {
    let value = value.trim_ascii();
    let Some(space) = value.iter().position(u8::is_ascii_whitespace) else {
        return Cow::Borrowed(value);
    };
    let (scheme, rest) = value.split_at_checked(space).unwrap_or_default();
    let rest = rest.trim_ascii_start();
    if scheme.eq_ignore_ascii_case(b"basic") { from_basic(rest) } else { Cow::Borrowed(rest) }
}

/// The one of user and password that is a client key; else the one that is not empty, password first.
fn from_basic(encoded: &[u8]) -> Candidate<'static> {
    let Ok(decoded) = STANDARD.decode(encoded).map(Zeroizing::new) else {
        return Cow::Borrowed(b"(not base64)");
    };
    let colon = decoded.iter().position(|byte| *byte == b':').unwrap_or(decoded.len());
    let (user, rest) = decoded.split_at_checked(colon).unwrap_or_default();
    let password = rest.strip_prefix(b":").unwrap_or_default();
    let issued = |part: &&[u8]| client_key::inspect(part) != Shape::Foreign;
    let parts = [password, user];
    let best = parts.iter().find(|part| issued(part));
    let best = best.or_else(|| parts.iter().find(|part| !part.is_empty()));
    Cow::Owned(best.copied().unwrap_or_default().to_vec())
}

fn from_query<'a>(found: &mut Found<'a>, query: &'a [u8], inject: &Inject) -> Result<(), Denial> {
    for (place, parameter) in parameters(query).enumerate() {
        if !is_key_parameter(&parameter, inject) {
            continue;
        }
        let name = percent_decoded(parameter.name);
        if parameters(query).take(place).any(|earlier| percent_decoded(earlier.name) == name) {
            return Err(Denial::new(Reason::KeyRepeated));
        }
        found.in_query = true;
        found.offer(percent_decoded(parameter.value))?;
    }
    Ok(())
}

/// One `name=value` of a query.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<'a> {
    /// As it stands in the query.
    pub name: &'a [u8],
    /// As it stands in the query.
    pub value: &'a [u8],
    /// Both, with what is between them.
    pub whole: &'a [u8],
}

/// Splits a query at `&`.
pub fn parameters(query: &[u8]) -> impl Iterator<Item = Parameter<'_>> {
    query.split(|byte| *byte == b'&').filter(|whole| !whole.is_empty()).map(|whole| {
        let mut sides = whole.splitn(2, |byte| *byte == b'=');
        let name = sides.next().unwrap_or_default();
        Parameter { name, value: sides.next().unwrap_or_default(), whole }
    })
}

fn percent_decoded(value: &[u8]) -> Candidate<'_> {
    if !value.contains(&b'%') {
        return Cow::Borrowed(value);
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high.wrapping_shl(4) | low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query_inject() -> Inject {
        Inject::Query { name: "key".into() }
    }

    fn find_in<'a>(
        keys: [Option<&'a str>; 4],
        query: Option<&'a str>,
    ) -> Result<Option<Vec<u8>>, Reason> {
        let head =
            RequestHead { keys: keys.map(|key| key.map(str::as_bytes)), ..RequestHead::default() };
        find(&head, None, query.map(str::as_bytes), &query_inject())
            .map(|found| found.key().map(<[u8]>::to_vec))
            .map_err(|denial| denial.reason)
    }

    fn authorization(value: &str) -> Option<Vec<u8>> {
        find_in([Some(value), None, None, None], None).unwrap()
    }

    #[test]
    fn any_scheme_case_and_spaces_will_do() {
        for value in ["Bearer k", "bearer k", "BEARER   k ", "Token k", "k", "bearer\tk"] {
            assert_eq!(authorization(value).as_deref(), Some(&b"k"[..]), "{value}");
        }
        assert_eq!(authorization("Bearer "), Some(b"Bearer".to_vec()));
        assert_eq!(authorization(""), None);
    }

    #[test]
    fn basic_holds_the_key_as_user_or_password() {
        let key = client_key::issue(&[1; 32]);
        for pair in [format!("{}:", *key), format!("me:{}", *key), format!("{}:x", *key)] {
            let value = format!("Basic {}", STANDARD.encode(pair));
            assert_eq!(authorization(&value).as_deref(), Some(key.as_bytes()), "{value}");
        }
        let foreign = format!("basic {}", STANDARD.encode("sk-foreign:"));
        assert_eq!(authorization(&foreign).as_deref(), Some(&b"sk-foreign"[..]));
        assert!(authorization("Basic !!").is_some(), "a broken value is no missing key");
    }

    #[test]
    fn every_key_header_is_read() {
        for place in 1..4 {
            let mut keys = [None; 4];
            keys[place] = Some(" k ");
            assert_eq!(find_in(keys, None), Ok(Some(b"k".to_vec())));
        }
    }

    #[test]
    fn a_query_parameter_is_read_even_if_its_name_is_escaped() {
        assert_eq!(find_in([None; 4], Some("a=1&key=a%2Bb")), Ok(Some(b"a+b".to_vec())));
        assert_eq!(find_in([None; 4], Some("%6bey=k&")), Ok(Some(b"k".to_vec())));
        assert_eq!(find_in([None; 4], Some("monkey=k")), Ok(None));
    }

    #[test]
    fn a_parameter_named_key_is_left_alone_where_it_holds_none() {
        let issued = client_key::issue(&[1; 32]);
        let whole = format!("api_key={}", issued.as_str());
        let one = |query| parameters(query).next().unwrap();
        assert!(is_key_parameter(&one(whole.as_bytes()), &Inject::Bearer));
        assert!(is_key_parameter(&one(b"api%5fkey=tk%5fbroken"), &Inject::Bearer));
        assert!(!is_key_parameter(&one(b"key=users/7"), &Inject::Bearer));
        assert!(is_key_parameter(&one(b"key=users/7"), &query_inject()));
    }

    #[test]
    fn two_different_keys_are_refused_and_two_equal_ones_are_one() {
        assert_eq!(
            find_in([Some("Bearer a"), Some("b"), None, None], None),
            Err(Reason::KeysDiffer)
        );
        assert_eq!(
            find_in([Some("Bearer a"), Some("a"), None, None], None),
            Ok(Some(b"a".to_vec()))
        );
        assert_eq!(
            find_in([Some("Bearer a"), None, None, None], Some("key=b")),
            Err(Reason::KeysDiffer)
        );
        assert_eq!(find_in([None; 4], Some("key=a&key=a")), Err(Reason::KeyRepeated));
        assert_eq!(find_in([None; 4], Some("key=a&%6Bey=a")), Err(Reason::KeyRepeated));
    }

    #[test]
    fn an_empty_value_is_no_key() {
        assert_eq!(find_in([Some("  "), Some(""), None, None], Some("key=")), Ok(None));
    }
}
