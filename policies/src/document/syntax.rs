//! What is wrong with a text that is not JSON, in words for who wrote it.

use jsonc_parser::ast::Value;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind, parse_to_ast};
use serde::de::IgnoredAny;

use crate::error::{Code, Problem};
use crate::source::Spot;

/// JSON as RFC 8259 has it, and nothing beside.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

const BYTE_ORDER_MARK: char = '\u{feff}';

pub(super) fn parse(file: usize, text: &str) -> Result<Value<'_>, Box<Problem>> {
    if text.starts_with(BYTE_ORDER_MARK) {
        let words = Words {
            wrong: "the file begins with an invisible byte order mark",
            expected: "JSON, which begins with {",
            remedy: "save the file as \"UTF-8\", not as \"UTF-8 with BOM\"",
        };
        return Err(words.at(Spot::new(file, 0, 0)));
    }
    let judged = serde_json::from_str::<IgnoredAny>(text);
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT);
    match (judged, parsed.map(|parsed| parsed.value)) {
        (Ok(_), Ok(Some(value))) => Ok(value),
        (_, Err(error)) => Err(explain(file, text, &error)),
        (_, Ok(None)) => {
            let words = Words {
                wrong: "the file is empty",
                expected: "an object: { … }",
                remedy: "begin with samples/quick-start.json, or delete the file",
            };
            Err(words.at(Spot::new(file, 0, 0)))
        }
        (Err(error), Ok(Some(_))) => Err(explain_strict(file, text, &error)),
    }
}

struct Words {
    wrong: &'static str,
    expected: &'static str,
    remedy: &'static str,
}

impl Words {
    fn at(self, at: Spot) -> Box<Problem> {
        Box::new(
            Problem::new(Code::Json, at, self.wrong).expected(self.expected).remedy(self.remedy),
        )
    }
}

fn explain(file: usize, text: &str, error: &ParseError) -> Box<Problem> {
    let range = error.range();
    let start = range.start.min(text.len());
    // An unterminated object ends with the file; what helps is where it begins.
    let end = match error.kind() {
        ParseErrorKind::UnterminatedObject | ParseErrorKind::UnterminatedArray => {
            start.saturating_add(1)
        }
        _ => range.end,
    };
    let words = slip(text, start).unwrap_or_else(|| words(error.kind()));
    words.at(Spot::new(file, start, end.min(text.len())))
}

/// Slips that are known by the characters at the place rather than by what a parser makes of them.
fn slip(text: &str, place: usize) -> Option<Words> {
    let (before, rest) = text.split_at_checked(place)?;
    let next = rest.chars().next()?;
    if matches!(next, '“' | '”' | '„' | '‘' | '’' | '«' | '»') {
        return Some(Words {
            wrong: "these are quotes for print, not for JSON",
            expected: "plain double quotes",
            remedy: "write \" instead; a word processor puts in the others by itself",
        });
    }
    let digits_before = before.ends_with(|last: char| last.is_ascii_digit());
    if digits_before && (next == '_' || next == '\'' || next.is_ascii_alphabetic()) {
        return Some(NUMBER);
    }
    None
}

const NUMBER: Words = Words {
    wrong: "this is not a number as JSON writes it",
    expected: "digits, as in 20",
    remedy: "write digits only, without sign, unit or separator",
};

fn words(kind: &ParseErrorKind) -> Words {
    use ParseErrorKind as Kind;
    let (wrong, expected, remedy) = match kind {
        Kind::CommentsNotAllowed | Kind::UnterminatedCommentBlock => (
            "a comment is not allowed in JSON",
            "JSON without comments",
            "delete it; say what a service or client is for in its \"purpose\"",
        ),
        Kind::TrailingCommasNotAllowed => (
            "there is a comma after the last entry",
            "no comma before a closing bracket",
            "delete this comma",
        ),
        Kind::ExpectedComma => {
            ("a comma is missing", "a comma between two entries", "add a comma here")
        }
        Kind::UnexpectedComma => (
            "there is a comma and nothing before it",
            "an entry before each comma",
            "delete this comma",
        ),
        Kind::ExpectedColonAfterObjectKey | Kind::UnexpectedColon => (
            "a name and its value are not joined by one colon",
            "\"name\": value",
            "write one colon between the name and the value",
        ),
        Kind::ExpectedObjectValue => (
            "a name has no value",
            "a value after the colon",
            "write the value, or delete the name",
        ),
        Kind::ExpectedStringObjectProperty | Kind::UnexpectedTokenInObject => (
            "here should be a name in double quotes",
            "\"name\": value",
            "put the name in double quotes",
        ),
        Kind::SingleQuotedStringsNotAllowed => {
            ("a text is in single quotes", "double quotes", "write \" instead of '")
        }
        Kind::UnexpectedWord | Kind::UnexpectedToken => (
            "this is not JSON",
            "a text in double quotes, a number, true, false, null, { or [",
            "put text in double quotes",
        ),
        Kind::MultipleRootJsonValues => (
            "something follows after the end of the object",
            "one object in a file",
            "delete what follows, or move it into a file of its own",
        ),
        Kind::UnexpectedCloseBrace | Kind::UnexpectedCloseBracket => (
            "this bracket closes nothing that is open",
            "an entry, or the bracket that fits the one that is open",
            "compare the opening and the closing brackets before this place",
        ),
        Kind::UnterminatedObject | Kind::UnterminatedArray => (
            "this bracket is never closed",
            "a closing bracket for each opening one",
            "add the closing bracket",
        ),
        Kind::String(ParseStringErrorKind::UnterminatedStringLiteral) => (
            "this text is never closed",
            "a double quote at the end of the text",
            "add the closing double quote",
        ),
        Kind::String(_) => (
            "this escape means nothing in JSON",
            "\\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four hex digits",
            "write \\\\ for one backslash",
        ),
        Kind::NestingDepthExceeded => (
            "brackets are nested deeper than any policy needs",
            "fewer brackets",
            "look for a bracket that is not closed before this one",
        ),
        Kind::BareDecimalPointNumbersNotAllowed
        | Kind::ExpectedDigit
        | Kind::ExpectedDigitFollowingNegativeSign
        | Kind::ExpectedPlusMinusOrDigitInNumberLiteral
        | Kind::HexadecimalNumbersNotAllowed
        | Kind::NonFiniteNumbersNotAllowed
        | Kind::UnaryPlusNumbersNotAllowed => return NUMBER,
    };
    Words { wrong, expected, remedy }
}

/// What only the strict judge refuses: raw control characters in a text, spaces that are none in
/// JSON. Its words are for programmers; its place is exact.
fn explain_strict(file: usize, text: &str, error: &serde_json::Error) -> Box<Problem> {
    let line = error.line().saturating_sub(1);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let mut start = before.saturating_add(error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(start) {
        start = start.saturating_sub(1);
    }
    let width = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let words = Words {
        wrong: "there is a character that JSON does not allow at this place",
        expected: "plain spaces between values, and no line break or tab inside a text",
        remedy: "type this place anew; inside a text write \\n or \\t",
    };
    words.at(Spot::new(file, start, start.saturating_add(width)))
}
