//! What a call has used, in disjoint kinds.

use wire::money::Quantity;
use wire::usage::Kind;

use super::counter::{Counter, Tally};
use super::note::Note;

/// How many kinds there are.
const KINDS: usize = Kind::ALL.len();

/// An amount for each kind, in millionths.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts([u128; KINDS]);

impl Counts {
    /// How much there was of it.
    pub(crate) fn get(&self, kind: Kind) -> u128 {
        self.0.get(kind_index(kind)).copied().unwrap_or_default()
    }

    /// Adds so much.
    pub(crate) fn add(&mut self, kind: Kind, amount: u128) {
        if let Some(slot) = self.0.get_mut(kind_index(kind)) {
            *slot = slot.saturating_add(amount);
        }
    }

    /// Takes so much away again.
    pub(crate) fn remove(&mut self, kind: Kind, amount: u128) {
        if let Some(slot) = self.0.get_mut(kind_index(kind)) {
            *slot = slot.saturating_sub(amount);
        }
    }

    /// What there was any of; `None` instead of an amount that is larger than can be kept.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Kind, Option<Quantity>)> {
        Kind::ALL
            .iter()
            .zip(&self.0)
            .filter(|(_, amount)| **amount > 0)
            .map(|(kind, amount)| (*kind, u64::try_from(*amount).ok().map(Quantity)))
    }

    /// Tokens of the prompt, whichever way they came: what decides the tier.
    pub(crate) fn total_input(&self) -> u64 {
        let millionths = Kind::ALL
            .iter()
            .filter(|kind| kind.is_input())
            .fold(0_u128, |sum, kind| sum.saturating_add(self.get(*kind)));
        let tokens = millionths.div_ceil(u128::from(Quantity::ONE.0));
        u64::try_from(tokens).unwrap_or(u64::MAX)
    }

    /// Whether tokens were used, of the prompt or of the answer.
    pub(crate) fn has_tokens(&self) -> bool {
        let tokens = |kind: &&Kind| {
            kind.is_input()
                || matches!(
                    kind,
                    Kind::Output | Kind::OutputReasoning | Kind::OutputAudio | Kind::OutputImage
                )
        };
        Kind::ALL.iter().filter(tokens).any(|kind| self.get(*kind) > 0)
    }
}

#[expect(clippy::as_conversions, reason = "the number of a variant")]
const fn kind_index(kind: Kind) -> usize {
    kind as usize
}

/// What a rule makes of a report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// The kinds.
    pub(crate) counts: Counts,
    /// Tokens of `output` that are reasoning, for price lists that price them apart.
    pub(crate) reasoning: u128,
    /// The report has all that its API reports.
    pub(crate) complete: bool,
    /// What was found odd.
    pub(crate) notes: Vec<Note>,
    /// It contradicts itself: what was computed from it is not to be trusted alone.
    pub(crate) contradictory: bool,
}

impl Counted {
    /// Counts `counter` as `kind`.
    pub(crate) fn take(&mut self, tally: &Tally, counter: Counter, kind: Kind) {
        self.counts.add(kind, tally.or_zero(counter));
    }

    /// What remains of `whole` without its `parts`. Parts that are larger than the whole contradict it.
    pub(crate) fn remainder(&mut self, whole: u128, parts: &[u128]) -> u128 {
        let sum = parts.iter().fold(0_u128, |sum, part| sum.saturating_add(*part));
        if sum > whole {
            self.contradictory = true;
            self.notes.push(Note::NegativeRemainder);
        }
        whole.saturating_sub(sum)
    }

    /// Counts cache writes: the aggregate is the sum of its lifetimes; what has none lives five minutes.
    pub(crate) fn cache_writes(&mut self, tally: &Tally) {
        let (short, long) =
            (tally.or_zero(Counter::CacheWrite5m), tally.or_zero(Counter::CacheWrite1h));
        let rest = tally.or_zero(Counter::CacheWrite).saturating_sub(short.saturating_add(long));
        self.counts.add(Kind::CacheWrite5m, short.saturating_add(rest));
        self.counts.add(Kind::CacheWrite1h, long);
    }
}
