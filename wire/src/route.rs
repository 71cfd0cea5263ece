//! Route patterns such as `POST /v1/chat/completions` or `GET /maps/**`: one meaning for the policy
//! that writes them and the filter that matches them.
//!
//! `*` stands for one segment that is not empty, `**` at the end for any number of segments, `*` as
//! the method for every method. Patterns are tried in the order of the file; the first that matches wins.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::path;

/// The longest path pattern, in segments. A bound on what one request can make the filter compare.
pub const SEGMENTS_MAX: usize = 32;

/// A method and a path with wildcards.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoutePattern {
    method: Option<Box<str>>,
    segments: Vec<Segment>,
    /// Ends with `**`.
    open: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Segment {
    Any,
    Literal(Box<str>),
}

/// Why a text is no route pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteError {
    /// It is not a method, one space and a path.
    Form,
    /// The method is neither `*` nor made of `A-Z` and `-`.
    Method,
    /// The path is not in its normal form ([`path::normalize`]), or has a query.
    Path,
    /// `*` or `**` shares its segment with other characters, or `**` is not the last segment.
    Wildcard,
    /// It has more than [`SEGMENTS_MAX`] segments.
    TooLong,
}

impl fmt::Display for RouteError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Form => "a route is a method, one space and a path, as in \"POST /v1/chat\"",
            Self::Method => "the method is written in capitals, or is * for every method",
            Self::Path => "the path begins with '/', has no query and is in its normal form",
            Self::Wildcard => {
                "* stands for one whole segment, and ** for all that follow, at the end only"
            }
            Self::TooLong => "a route has at most 32 segments",
        })
    }
}

impl core::error::Error for RouteError {}

impl RoutePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`RouteError`] says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        let (method, path) = text.split_once(' ').ok_or(RouteError::Form)?;
        let method = match method {
            "*" => None,
            "" => return Err(RouteError::Form),
            name if name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') => Some(name.into()),
            _ => return Err(RouteError::Method),
        };
        match path::normalize(path.as_bytes()) {
            Ok(normal) if normal.as_ref() == path.as_bytes() => {}
            _ => return Err(RouteError::Path),
        }
        let mut segments = Vec::new();
        let mut open = false;
        for segment in path.strip_prefix('/').ok_or(RouteError::Path)?.split('/') {
            if open {
                return Err(RouteError::Wildcard);
            }
            match segment {
                "**" => open = true,
                "*" => segments.push(Segment::Any),
                literal if literal.contains('*') => return Err(RouteError::Wildcard),
                literal => segments.push(Segment::Literal(literal.into())),
            }
        }
        if segments.len() > SEGMENTS_MAX {
            return Err(RouteError::TooLong);
        }
        Ok(Self { method, segments, open })
    }

    /// Whether a request matches. `path` is in its normal form and has no query.
    #[must_use]
    pub fn matches(&self, method: &[u8], path: &[u8]) -> bool {
        if self.method.as_deref().is_some_and(|own| own.as_bytes() != method) {
            return false;
        }
        let Some(path) = path.strip_prefix(b"/") else {
            return false;
        };
        let mut rest = path.split(|byte| *byte == b'/');
        for own in &self.segments {
            match (own, rest.next()) {
                (Segment::Any, Some(segment)) if !segment.is_empty() => {}
                (Segment::Literal(literal), Some(segment)) if literal.as_bytes() == segment => {}
                _ => return false,
            }
        }
        self.open || rest.next().is_none()
    }

    /// Whether every request that `other` matches is matched by `self` too, so that `other`, if it
    /// stands after `self`, can never be reached.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if self.method.is_some() && self.method != other.method {
            return false;
        }
        if !self.open && (other.open || self.segments.len() != other.segments.len()) {
            return false;
        }
        if self.segments.len() > other.segments.len() {
            return false;
        }
        self.segments.iter().zip(&other.segments).all(|pair| match pair {
            (Segment::Any, Segment::Any) => true,
            (Segment::Any, Segment::Literal(theirs)) => !theirs.is_empty(),
            (Segment::Literal(_), Segment::Any) => false,
            (Segment::Literal(own), Segment::Literal(theirs)) => own == theirs,
        })
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.method.as_deref().unwrap_or("*"))?;
        for segment in &self.segments {
            match segment {
                Segment::Any => out.write_str("/*")?,
                Segment::Literal(literal) => write!(out, "/{literal}")?,
            }
        }
        if self.open { out.write_str("/**") } else { Ok(()) }
    }
}

impl Serialize for RoutePattern {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for RoutePattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> RoutePattern {
        RoutePattern::parse(text).unwrap()
    }

    #[test]
    fn wildcards_stand_for_what_the_guide_says() {
        let geocode = pattern("GET /maps/api/geocode/**");
        assert!(geocode.matches(b"GET", b"/maps/api/geocode/json"));
        assert!(geocode.matches(b"GET", b"/maps/api/geocode"));
        assert!(!geocode.matches(b"GET", b"/maps/api/geocoded"));
        assert!(!geocode.matches(b"POST", b"/maps/api/geocode/json"));

        let model = pattern("* /v1/models/*");
        assert!(model.matches(b"DELETE", b"/v1/models/gpt-5"));
        assert!(!model.matches(b"GET", b"/v1/models/"));
        assert!(!model.matches(b"GET", b"/v1/models/gpt-5/x"));

        let all = pattern("PUT /**");
        assert!(all.matches(b"PUT", b"/"));
        assert!(all.matches(b"PUT", b"/a//b"));
        assert!(pattern("GET /").matches(b"GET", b"/"));
    }

    #[test]
    fn a_text_that_is_no_route_says_why() {
        for (text, why) in [
            ("/v1", RouteError::Form),
            ("post /v1", RouteError::Method),
            ("GET v1", RouteError::Path),
            ("GET /v1?x=1", RouteError::Path),
            ("GET /a/../b", RouteError::Path),
            ("GET /%63", RouteError::Path),
            ("GET /**/a", RouteError::Wildcard),
            ("GET /a*", RouteError::Wildcard),
        ] {
            assert_eq!(RoutePattern::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_pattern_that_hides_another_is_recognized() {
        for (first, second, hidden) in [
            ("GET /v1/**", "GET /v1/models", true),
            ("GET /v1/**", "POST /v1/models", false),
            ("* /v1/*", "GET /v1/models", true),
            ("GET /v1/*", "GET /v1/**", false),
            ("GET /v1/models", "GET /v1/*", false),
            ("GET /**", "GET /", true),
            ("GET /*", "GET /", false),
        ] {
            assert_eq!(pattern(first).covers(&pattern(second)), hidden, "{first} / {second}");
        }
    }

    fn patterns() -> impl Strategy<Value = RoutePattern> {
        "(GET|POST|[*]) (/([ab]|[*]|)){1,3}(/[*][*])?".prop_map(|text| pattern(&text))
    }

    proptest! {
        #[test]
        fn a_pattern_survives_its_text(pattern in patterns()) {
            prop_assert_eq!(RoutePattern::parse(&pattern.to_string()), Ok(pattern));
        }

        #[test]
        fn what_is_covered_is_matched(
            first in patterns(), second in patterns(),
            method in "GET|POST|PUT", path in "(/[abc]?){1,4}",
        ) {
            let matched = second.matches(method.as_bytes(), path.as_bytes());
            if first.covers(&second) && matched {
                prop_assert!(first.matches(method.as_bytes(), path.as_bytes()));
            }
        }
    }
}
