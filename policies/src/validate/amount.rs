//! Whole numbers, first of all in limits. None and unlimited are not numbers here, and the errors
//! say what to write.

use crate::bounds::AMOUNT_MAX;
use crate::document::{Node, Value};
use crate::error::{Code, Problem, Report, quoted};

/// What a value is as a whole number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Number {
    /// Digits only.
    Whole(u64),
    /// A whole number that a limit could have, but written as `20.0` or `2e1`.
    OtherForm(u64),
    /// Another number: negative, a fraction, or too large.
    OutOfRange,
    /// No number.
    None,
}

/// Looks at a value.
pub(super) fn whole_number(node: &Node<'_>) -> Number {
    let Value::Number(written) = node.value else {
        return Number::None;
    };
    if written.bytes().all(|byte| byte.is_ascii_digit()) {
        return written.parse().map_or(Number::OutOfRange, Number::Whole);
    }
    // Only to choose the words of the error: no float is ever used as an amount.
    match written.parse::<f64>() {
        Ok(value) if value.fract() == 0.0 && (1.0..=1e12).contains(&value) => {
            Number::OtherForm(value as u64)
        }
        _ => Number::OutOfRange,
    }
}

/// The error about `20.0`.
pub(super) fn other_form(node: &Node<'_>) -> Problem {
    Problem::new(Code::NumberForm, node.at, "a whole number is written in digits only")
        .expected("digits alone, as in 20")
        .remedy("leave out the point and the exponent")
}

/// An amount of a limit: 1 to [`AMOUNT_MAX`].
pub(super) fn amount(node: &Node<'_>, report: &mut Report<'_>) -> Option<u64> {
    const ZERO: &str = "to refuse all calls, leave the service out of the client's \"may_use\"";
    read(node, ZERO, report)
}

/// The burst of a limit: the same range.
pub(super) fn burst(node: &Node<'_>, report: &mut Report<'_>) -> Option<u64> {
    const ZERO: &str = "leave \"burst\" out: then it is as large as \"requests\"";
    read(node, ZERO, report)
}

fn read(node: &Node<'_>, zero: &'static str, report: &mut Report<'_>) -> Option<u64> {
    let problem = match whole_number(node) {
        Number::Whole(0) => {
            Problem::new(Code::Amount, node.at, "0 is not written as a limit").remedy(zero)
        }
        Number::Whole(amount) if amount <= AMOUNT_MAX => return Some(amount),
        Number::OtherForm(_) => {
            report.push(other_form(node));
            return None;
        }
        Number::Whole(_) | Number::OutOfRange => out_of_range(node),
        Number::None => no_number(node),
    };
    report.push(problem.expected(format!("a whole number from 1 to {AMOUNT_MAX}")));
    None
}

/// A whole number of `range`, of something that is no limit.
pub(super) fn whole(
    node: &Node<'_>,
    range: std::ops::RangeInclusive<u64>,
    remedy: &'static str,
    report: &mut Report<'_>,
) -> Option<u64> {
    let problem = match whole_number(node) {
        Number::Whole(number) if range.contains(&number) => return Some(number),
        Number::OtherForm(number) if range.contains(&number) => {
            report.push(other_form(node));
            return None;
        }
        Number::None => super::value::wrong_type(node, "a whole number"),
        _ => Problem::new(Code::Amount, node.at, "this number is outside of what makes sense here"),
    };
    report.push(
        problem
            .expected(format!("a whole number from {} to {}", range.start(), range.end()))
            .remedy(remedy),
    );
    None
}

fn out_of_range(node: &Node<'_>) -> Problem {
    let (message, remedy) = match node.value {
        Value::Number(written) if written.starts_with('-') => {
            ("a limit cannot be negative", "write it without the sign")
        }
        Value::Number(written) if written.contains(['.', 'e', 'E']) => {
            ("a limit is a whole number", "choose a longer time: 0.5 per second are 30 per minute")
        }
        _ => (
            "this limit is larger than any that makes sense",
            "to set no limit, leave the whole entry out of \"limits\"",
        ),
    };
    Problem::new(Code::Amount, node.at, message).remedy(remedy)
}

fn no_number(node: &Node<'_>) -> Problem {
    let Value::Text(text) = &node.value else {
        return super::value::wrong_type(node, "a whole number").remedy("write digits, as in 20");
    };
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return super::value::wrong_type(node, "a whole number")
            .remedy("write it without the double quotes");
    }
    let remedy = match text.trim().to_ascii_lowercase().as_str() {
        "unlimited" | "infinite" | "infinity" | "inf" | "none" | "no limit" => {
            "to set no limit, leave the whole entry out of \"limits\""
        }
        _ => "write digits only, without unit or separator, as in 20",
    };
    let message = format!("{} is not a number", quoted(text));
    Problem::new(Code::WrongType, node.at, message).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Spot;

    #[test]
    fn only_digits_are_an_amount() {
        for (written, number) in [
            ("20", Number::Whole(20)),
            ("0", Number::Whole(0)),
            ("20.0", Number::OtherForm(20)),
            ("2e1", Number::OtherForm(20)),
            ("1e12", Number::OtherForm(1_000_000_000_000)),
            ("1e13", Number::OutOfRange),
            ("0.5", Number::OutOfRange),
            ("-3", Number::OutOfRange),
            ("99999999999999999999999", Number::OutOfRange),
        ] {
            let node = Node { at: Spot::new(0, 0, 0), value: Value::Number(written) };
            assert_eq!(whole_number(&node), number, "{written}");
        }
    }
}
