//! The normal form of a request path: the one value that is matched and sent.
//!
//! Two programs that read one path differently are how a request for one route is judged as
//! another. So what cannot be read in only one way is refused, and the rest is brought to one form.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathError {
    /// It does not begin with `/` (`*`, or an absolute URL).
    NotAbsolute,
    /// It holds a byte that no path may hold: a control, a space, `\`, `#` or one above 0x7E.
    Byte,
    /// A `%` is not followed by two hex digits.
    Escape,
    /// It hides a `/`, a `\` or a NUL behind a `%`.
    HiddenSlash,
    /// It has a segment `.` or `..`, plain or escaped.
    DotSegment,
}

impl fmt::Display for PathError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotAbsolute => "the path does not begin with '/'",
            Self::Byte => "the path holds a byte that must be percent-encoded",
            Self::Escape => "a '%' in the path is not followed by two hex digits",
            Self::HiddenSlash => "the path hides a slash, a backslash or a NUL behind a '%'",
            Self::DotSegment => "the path has a segment '.' or '..'",
        })
    }
}

impl core::error::Error for PathError {}

/// Splits a request target at the first `?`: the path, and the query without its `?`.
#[must_use]
pub fn split_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    (parts.next().unwrap_or_default(), parts.next())
}

/// Brings a path (without query) to its normal form: escapes of unreserved characters are undone, the
/// others are written in upper case, everything else stays (RFC 3986, section 6.2.2).
///
/// # Errors
/// [`PathError`] where the path could be read in more than one way.
pub fn normalize(path: &[u8]) -> Result<Cow<'_, [u8]>, PathError> {
    if path.first() != Some(&b'/') {
        return Err(PathError::NotAbsolute);
    }
    let normal = match path.contains(&b'%') {
        false => Cow::Borrowed(path),
        true => Cow::Owned(undo_escapes(path)?),
    };
    if normal.iter().any(|byte| !is_path_byte(*byte)) {
        return Err(PathError::Byte);
    }
    if normal.split(|byte| *byte == b'/').any(|segment| matches!(segment, b"." | b"..")) {
        return Err(PathError::DotSegment);
    }
    Ok(normal)
}

fn undo_escapes(path: &[u8]) -> Result<Vec<u8>, PathError> {
    let mut normal = Vec::with_capacity(path.len());
    let mut rest = path.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            normal.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (rest.next(), rest.next()) else {
            return Err(PathError::Escape);
        };
        match unescape(high, low).ok_or(PathError::Escape)? {
            b'/' | b'\\' | 0 => return Err(PathError::HiddenSlash),
            plain if is_unreserved(plain) => normal.push(plain),
            _ => normal.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]),
        }
    }
    Ok(normal)
}

fn unescape(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(high)?.checked_shl(4)? | digit(low)?)
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

const fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'?')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_path_is_not_copied() {
        assert!(matches!(normalize(b"/v1/chat/completions"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn unreserved_escapes_are_undone_and_others_upper_case() {
        assert_eq!(normalize(b"/v1/%63hat/a%20b%2bc").unwrap().as_ref(), b"/v1/chat/a%20b%2Bc");
        assert_eq!(normalize(b"//a//").unwrap().as_ref(), b"//a//");
    }

    #[test]
    fn what_could_be_read_twice_is_refused() {
        for (path, why) in [
            (&b"v1"[..], PathError::NotAbsolute),
            (b"*", PathError::NotAbsolute),
            (b"/a%2Fb", PathError::HiddenSlash),
            (b"/a%5cb", PathError::HiddenSlash),
            (b"/a%00", PathError::HiddenSlash),
            (b"/a\\b", PathError::Byte),
            (b"/a b", PathError::Byte),
            (b"/a\xff", PathError::Byte),
            (b"/a#b", PathError::Byte),
            (b"/a%2", PathError::Escape),
            (b"/a%zz", PathError::Escape),
            (b"/a/../b", PathError::DotSegment),
            (b"/a/%2e%2E", PathError::DotSegment),
            (b"/./a", PathError::DotSegment),
        ] {
            assert_eq!(normalize(path), Err(why), "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own_normal_form(path in "/[a-zA-Z0-9%/._~+-]{0,40}") {
            if let Ok(once) = normalize(path.as_bytes()) {
                let once = once.into_owned();
                let twice = normalize(&once).map(Cow::into_owned);
                prop_assert_eq!(twice, Ok(once));
            }
        }

        #[test]
        fn any_bytes_are_answered(path in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = normalize(&path);
        }
    }
}
