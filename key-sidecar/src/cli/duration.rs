//! Durations as people type them: `90s`, `30m`, `12h`, `7d`, `2w`; `0` is none.

use jiff::{SignedDuration, Timestamp};

/// A duration that was typed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Typed(u32);

/// Reads one, for the command line.
pub(super) fn parse(text: &str) -> Result<Typed, String> {
    let expected = || format!("{text:?} is not a duration: write 90s, 30m, 12h, 7d or 2w");
    if text == "0" {
        return Ok(Typed(0));
    }
    let mut chars = text.chars();
    let seconds: u32 = match chars.next_back() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        Some('w') => 604_800,
        _ => return Err(expected()),
    };
    let number = chars.as_str();
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let total = number.parse::<u32>().ok().and_then(|number| number.checked_mul(seconds));
    match total.filter(|_| digits) {
        Some(total) => Ok(Typed(total)),
        None => Err(expected()),
    }
}

impl Typed {
    /// So much later.
    pub(super) fn after(self, now: Timestamp) -> Timestamp {
        now.saturating_add(SignedDuration::from_secs(self.0.into())).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_and_nothing_else_is_one() {
        assert_eq!(parse("7d"), Ok(Typed(604_800)));
        assert_eq!(parse("90s"), Ok(Typed(90)));
        assert_eq!(parse("0"), Ok(Typed(0)));
        for bad in ["", "7", "d", "-1d", "+1d", "1.5h", "7 d", "99999999w", "7é", "1month"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
