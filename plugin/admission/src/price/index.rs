//! A price list, made ready to find models in.

use std::sync::Arc;

use wire::tariff::{ModelPrices, PriceList};

/// The models of a price list by all their names.
#[derive(Debug)]
pub struct PriceIndex {
    models: Vec<ModelPrices>,
    /// Sorted; a number is an index into `models`.
    names: Vec<(Arc<str>, usize)>,
}

/// Names that a refusal suggests.
const NEAREST: usize = 3;

/// Longer names are not compared: the time that it takes grows with the square.
const NAME_MAX: usize = 80;

impl PriceIndex {
    /// The index of this list.
    #[must_use]
    pub fn new(list: &PriceList) -> Self {
        let models = list.models.clone();
        let own =
            models.iter().enumerate().map(|(at, model)| (Arc::clone(&model.model), false, at));
        let also = models.iter().enumerate().flat_map(|(at, model)| {
            model.also.iter().map(move |name| (Arc::clone(name), true, at))
        });
        let mut all: Vec<(Arc<str>, bool, usize)> = own.chain(also).collect();
        // A model's own name comes before another's second name, should both be the same.
        all.sort_unstable();
        all.dedup_by(|later, first| later.0 == first.0);
        let names = all.into_iter().map(|(name, _, at)| (name, at)).collect();
        Self { models, names }
    }

    /// The prices of the model of exactly this name. No other is guessed: `-mini` is not its parent.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<&ModelPrices> {
        let at = self.names.binary_search_by(|(name, _)| (**name).cmp(model)).ok()?;
        self.models.get(self.names.get(at)?.1)
    }

    /// Up to three names that look like this one, the likeliest first.
    #[must_use]
    pub fn nearest(&self, model: &str) -> Vec<&str> {
        let model = model.get(..NAME_MAX).unwrap_or(model);
        let farthest = model.chars().count().div_ceil(2).max(3);
        let mut near: Vec<(usize, &str)> = self
            .names
            .iter()
            .filter(|(name, _)| name.len() <= NAME_MAX && model.len() <= NAME_MAX)
            .map(|(name, _)| (distance(model, name), &**name))
            .filter(|(far, _)| *far <= farthest)
            .collect();
        near.sort_unstable();
        near.into_iter().take(NEAREST).map(|(_, name)| name).collect()
    }
}

/// How many letters must be changed, added or left out to make one of the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at.saturating_add(1);
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (cell, other) in cells.zip(&to) {
            let change = diagonal.saturating_add(usize::from(letter != *other));
            diagonal = *cell;
            left = change.min(left.saturating_add(1)).min(cell.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(names: &[(&str, &[&str])]) -> PriceIndex {
        let models = names
            .iter()
            .map(|(model, also)| ModelPrices {
                model: (*model).into(),
                also: also.iter().map(|name| (*name).into()).collect(),
                ..ModelPrices::default()
            })
            .collect();
        PriceIndex::new(&PriceList { name: serde_json::from_str("\"list\"").unwrap(), models })
    }

    #[test]
    fn models_are_found_by_all_their_names_and_no_others() {
        let index = index(&[("gpt-5", &["gpt-5-2026-08-07"]), ("gpt-5-mini", &["gpt-5"])]);
        assert_eq!(&*index.find("gpt-5").unwrap().model, "gpt-5");
        assert_eq!(&*index.find("gpt-5-2026-08-07").unwrap().model, "gpt-5");
        assert!(index.find("gpt-5-nano").is_none() && index.find("").is_none());
    }

    #[test]
    fn near_names_are_suggested() {
        let index =
            index(&[("gpt-5", &[]), ("gpt-5-mini", &[]), ("claude-x", &[]), ("gpt-5x", &[])]);
        assert_eq!(index.nearest("gpt-5-mni"), ["gpt-5-mini", "gpt-5", "gpt-5x"]);
        assert_eq!(index.nearest("claud-x"), ["claude-x"]);
        assert!(index.nearest(&"x".repeat(500)).is_empty());
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
