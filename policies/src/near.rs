//! The name that was probably meant.

use crate::bounds::NEAR_COMPARISONS_MAX;

/// Longer texts are no slips of the pen, and cost the square of their length.
const NEAR_BYTES_MAX: usize = 80;

/// Finds near names until its budget is spent.
#[derive(Debug)]
pub(crate) struct Near {
    comparisons_left: usize,
}

impl Near {
    pub(crate) const fn new() -> Self {
        Self { comparisons_left: NEAR_COMPARISONS_MAX }
    }

    /// The candidate that is nearest to what was written, if any is near; the first of equals.
    pub(crate) fn find<'c>(
        &mut self,
        written: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        if written.len() > NEAR_BYTES_MAX {
            return None;
        }
        let written = written.to_ascii_lowercase();
        let slips_max = (written.len() / 3).max(1);
        let mut best: Option<(usize, &str)> = None;
        for candidate in candidates {
            if candidate.len() > NEAR_BYTES_MAX {
                continue;
            }
            self.comparisons_left = self.comparisons_left.checked_sub(1)?;
            let slips = slips(&written, &candidate.to_ascii_lowercase());
            if slips <= slips_max && best.is_none_or(|(least, _)| slips < least) {
                best = Some((slips, candidate));
            }
        }
        best.map(|(_, name)| name)
    }
}

/// How many slips lie between two names. One that was cut short (`min` for `minute`) counts as one.
fn slips(written: &str, candidate: &str) -> usize {
    if written.len() >= 3 && candidate.starts_with(written) {
        return usize::from(written != candidate);
    }
    strsim::osa_distance(written, candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 4] = ["second", "minute", "hour", "day"];

    #[test]
    fn slips_of_the_pen_are_recognized() {
        for (written, meant) in [
            ("secnod", Some("second")),
            ("Minute", Some("minute")),
            ("min", Some("minute")),
            ("hours", Some("hour")),
            ("week", None),
            ("", None),
        ] {
            assert_eq!(Near::new().find(written, WORDS), meant, "{written}");
        }
    }

    #[test]
    fn the_budget_ends_the_search() {
        let mut near = Near { comparisons_left: 5 };
        assert_eq!(near.find("minuet", WORDS), Some("minute"));
        assert_eq!(near.find("minuet", WORDS), None);
    }
}
