//! Money as files have it: a decimal in double quotes, in the organization's currency.
//!
//! The form is stricter than what the wire reads, so that an amount has one spelling: digits, at
//! most one point, no sign, no exponent. What people write instead is recognized, and the error
//! says what to write. No float is made of any of it.

use wire::money::{Nanos, Picos, decimal};

use crate::document::{Node, Value};
use crate::error::{Code, Problem, Report, quoted};

/// Decimal places of an amount: what the ledger keeps.
const AMOUNT_PLACES: usize = 9;
/// Digits before the point that an amount may have; ten only below 9 billion, which is what the
/// ledger holds.
const AMOUNT_DIGITS: usize = 10;
/// Digits before the point that a price may have: what 64 bits of pico-units hold.
const PRICE_DIGITS: usize = 7;

/// Decimal places of the price of a million: pico-units for one.
const MILLION_PLACES: usize = 6;

/// What makes a text no amount.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Slip {
    Empty,
    Sign,
    Negative,
    Percent,
    Comma,
    Exponent,
    NoNumber,
    HalfAPoint,
    LeadingZero,
    TooFine,
    TooLarge,
}

/// An amount: a cap, a hold.
pub(super) fn amount(
    node: &Node<'_>,
    expected: &'static str,
    report: &mut Report<'_>,
) -> Option<Nanos> {
    let written = money_text(node, expected, report)?;
    let slip = match slip(written, AMOUNT_DIGITS, AMOUNT_PLACES) {
        Some(slip) => slip,
        None if is_ten_digits_of_nine_billion(written) => Slip::TooLarge,
        None => match Nanos::parse(written) {
            Ok(amount) => return Some(amount),
            Err(_) => Slip::TooLarge,
        },
    };
    report.push(not_money(node, written, slip, AMOUNT_PLACES).expected(expected));
    None
}

/// A price of one piece, in pico-units: of a call, of a million tokens. `0` alone is nothing.
pub(super) fn price(
    node: &Node<'_>,
    places: usize,
    expected: &'static str,
    report: &mut Report<'_>,
) -> Option<Picos> {
    let written = money_text(node, expected, report)?;
    let slip = match slip(written, PRICE_DIGITS, places) {
        Some(slip) => slip,
        None => match Picos::parse(written, 1) {
            Ok(Picos(0)) if written != "0" => {
                report.push(
                    Problem::new(Code::Money, node.at, "this price is nothing, written at length")
                        .expected(expected)
                        .remedy("if it costs nothing, write \"0\"; otherwise write the price"),
                );
                return None;
            }
            Ok(price) => return Some(price),
            Err(_) => Slip::TooLarge,
        },
    };
    let mut problem = not_money(node, written, slip, places).expected(expected);
    if let (Slip::TooFine, MILLION_PLACES, Some(million)) = (slip, places, for_a_million(written)) {
        problem = problem
            .remedy("this looks like the price of one token: write the price of a million")
            .near(Some(&million));
    }
    report.push(problem);
    None
}

/// What a million cost, if what is written is the price of one.
fn for_a_million(written: &str) -> Option<String> {
    // Millionths of a nano-unit for one are nano-units for a million.
    let nanos = decimal(written, 15).ok()?;
    u64::try_from(nanos).ok().map(|nanos| Nanos(nanos).to_string())
}

/// The text of an amount. A number is an error that says why.
fn money_text<'d>(
    node: &'d Node<'_>,
    expected: &'static str,
    report: &mut Report<'_>,
) -> Option<&'d str> {
    let problem = match &node.value {
        Value::Text(text) => return Some(text),
        Value::Number(_) => Problem::new(
            Code::WrongType,
            node.at,
            "money is a text here, because programs round the numbers of JSON",
        )
        .remedy("put it in double quotes: then it stays as it is written, to the last digit"),
        _ => super::value::wrong_type(node, "an amount of money")
            .remedy("write the amount in double quotes, as in \"0.25\""),
    };
    report.push(problem.expected(expected));
    None
}

fn slip(text: &str, digits_max: usize, places_max: usize) -> Option<Slip> {
    let (whole, fraction) = match text.split_once('.') {
        None => (text, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) {
        return Some(form(text));
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Some(Slip::LeadingZero);
    }
    if whole.len() > digits_max {
        return Some(Slip::TooLarge);
    }
    fraction.is_some_and(|fraction| fraction.len() > places_max).then_some(Slip::TooFine)
}

/// What a text is that is not digits with a point between them.
fn form(text: &str) -> Slip {
    let bare = text.trim();
    let rest = bare.trim_start_matches('-');
    if bare.is_empty() {
        Slip::Empty
    } else if bare.ends_with('%') {
        Slip::Percent
    } else if rest.len() < bare.len() && decimal(bare, 12).is_err() {
        Slip::Negative
    } else if bare.contains(',') && bare.bytes().all(|b| b.is_ascii_digit() || b",.' ".contains(&b))
    {
        Slip::Comma
    } else if bare.ends_with('.') || bare.starts_with('.') {
        Slip::HalfAPoint
    } else if decimal(bare, 12).is_ok() {
        // A sign before zero, spaces around it, or an exponent.
        if bare.contains(['e', 'E']) { Slip::Exponent } else { Slip::Sign }
    } else if bare.contains(|c: char| c.is_ascii_digit()) {
        Slip::Sign
    } else {
        Slip::NoNumber
    }
}

/// The ledger ends a little above 9.2 billion; a round bound is easier to say.
fn is_ten_digits_of_nine_billion(text: &str) -> bool {
    let whole = text.split('.').next().unwrap_or_default();
    whole.len() == AMOUNT_DIGITS && whole.starts_with('9')
}

fn not_money(node: &Node<'_>, written: &str, slip: Slip, places: usize) -> Problem {
    let remedy = match slip {
        Slip::Empty => "write the amount between the quotes".into(),
        Slip::Sign => "write the digits alone, without currency, sign, unit or spaces; \
             the currency stands once, in \"organization\""
            .into(),
        Slip::Negative => "write it without the minus; a refund is booked with \
             `key-sidecar spend correct`, not written into a policy"
            .into(),
        Slip::Percent => "write the amount that this share is".into(),
        Slip::Comma => "write a point before the decimals, and nothing between thousands, \
             as in \"1234.50\""
            .into(),
        Slip::Exponent => "write all digits out, as in \"0.0000001\"".into(),
        Slip::NoNumber => "write digits, as in \"0.25\"".into(),
        Slip::HalfAPoint => "write a digit on both sides of the point, as in \"0.50\"".into(),
        Slip::LeadingZero => "leave out the zeros before the first digit".into(),
        Slip::TooFine => format!("write at most {places} digits behind the point"),
        Slip::TooLarge if places == AMOUNT_PLACES => {
            "look for zeros too many; amounts end below 9,000,000,000".into()
        }
        Slip::TooLarge => {
            "look for zeros too many, or for a price that is meant for more than one".into()
        }
    };
    let message = match slip {
        Slip::Negative => format!("{} is less than nothing", quoted(written)),
        Slip::TooFine => format!("{} is finer than can be kept here", quoted(written)),
        Slip::TooLarge => format!("{} is more than can be kept here", quoted(written)),
        _ => format!("{} is not money in the form that is used here", quoted(written)),
    };
    Problem::new(Code::Money, node.at, message).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_instead_is_recognized() {
        for (text, expected) in [
            ("0", None),
            ("0.25", None),
            ("1234567.123456", None),
            ("", Some(Slip::Empty)),
            ("$5", Some(Slip::Sign)),
            ("5 USD", Some(Slip::Sign)),
            ("+5", Some(Slip::Sign)),
            (" 5", Some(Slip::Sign)),
            ("-0", Some(Slip::Sign)),
            ("-5", Some(Slip::Negative)),
            ("5%", Some(Slip::Percent)),
            ("0,25", Some(Slip::Comma)),
            ("1,234.50", Some(Slip::Comma)),
            ("1e-7", Some(Slip::Exponent)),
            ("free", Some(Slip::NoNumber)),
            (".5", Some(Slip::HalfAPoint)),
            ("5.", Some(Slip::HalfAPoint)),
            ("007", Some(Slip::LeadingZero)),
            ("0.1234567", Some(Slip::TooFine)),
            ("12345678", Some(Slip::TooLarge)),
        ] {
            assert_eq!(slip(text, PRICE_DIGITS, 6), expected, "{text:?}");
        }
    }
}
