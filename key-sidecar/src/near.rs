//! The name that was probably meant.

/// The name among `names` that is nearest to `name`, if one is near enough to be worth saying: at
/// most two slips, and fewer than half of its letters.
pub fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    names
        .into_iter()
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .filter(|(slips, other)| *slips <= 2 && slips.saturating_mul(2) < other.len())
        .min()
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_name_is_suggested() {
        let names = ["openai-prod", "archive", "s3"];
        assert_eq!(nearest("opneai-prod", names), Some("openai-prod"));
        assert_eq!(nearest("geocoding", names), None);
        assert_eq!(nearest("xy", names), None);
    }
}
