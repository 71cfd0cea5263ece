//! What answers report, under one name each whatever the API calls it, before any rule is applied.
//!
//! These are the provider's own counters, with whatever they contain. Which of them overlap, knows the
//! rule of the profile, which makes disjoint [`Kind`]s of them.

use wire::usage::Kind;

use super::number::{self, Unusable};

macro_rules! counters {
    ($($(#[$note:meta])* $Name:ident,)+) => {
        /// A number that answers report.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Counter {
            $($(#[$note])* $Name,)+
        }

        impl Counter {
            const ALL: &[Self] = &[$(Self::$Name,)+];

            #[expect(clippy::as_conversions, reason = "the number of a variant")]
            const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

counters! {
    /// Prompt tokens.
    Input,
    /// Generated tokens.
    Output,
    /// The judge of what contains what.
    Total,
    /// Prompt tokens from the cache.
    CacheRead,
    /// Prompt tokens that the cache did not have.
    CacheMiss,
    /// Prompt tokens written to the cache.
    CacheWrite,
    /// Of these, for five minutes.
    CacheWrite5m,
    /// Of these, for an hour.
    CacheWrite1h,
    /// Prompt tokens of sound.
    InputAudio,
    /// Prompt tokens of pictures.
    InputImage,
    /// Cached prompt tokens of sound.
    CacheAudio,
    /// Cached prompt tokens of pictures.
    CacheImage,
    /// Prompt tokens that a tool added.
    ToolInput,
    /// Generated tokens of sound.
    OutputAudio,
    /// Generated tokens of pictures.
    OutputImage,
    /// Generated tokens of text, where an API makes pictures.
    OutputText,
    /// Generated tokens of reasoning.
    Reasoning,
    /// Searches that are billed, as reported.
    WebSearch,
    /// Searches that were seen in the answer.
    SearchesSeen,
    /// Seconds of sound.
    AudioSecond,
    /// The API's own units.
    Unit,
    /// Calls, where an answer counts them.
    Call,
    /// Prompt tokens beyond `Input`: of inferences that the provider made on the side.
    SideInput,
    /// As `CacheRead`, on the side.
    SideCacheRead,
    /// As `CacheWrite5m`, on the side.
    SideCacheWrite5m,
    /// As `CacheWrite1h`, on the side.
    SideCacheWrite1h,
    /// As `Output`, on the side.
    SideOutput,
    /// What the call costs, as the provider states it; in pico-units.
    Cost,
    /// What another provider charges besides; in pico-units.
    UpstreamCost,
    /// Whether that one's charge comes on top.
    IsByok,
    /// The cost in ten-billionths.
    CostTicks,
}

impl Counter {
    /// Reads its number.
    pub(crate) fn read(self, text: &[u8]) -> Result<u128, Unusable> {
        match self {
            Self::Cost | Self::UpstreamCost => number::cost(text),
            _ => number::count(text),
        }
    }

    /// The counter of an answer that counts in our own kinds.
    pub(crate) const fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Input => Self::Input,
            Kind::CacheRead => Self::CacheRead,
            Kind::CacheWrite => Self::CacheWrite,
            Kind::CacheWrite5m => Self::CacheWrite5m,
            Kind::CacheWrite1h => Self::CacheWrite1h,
            Kind::InputAudio => Self::InputAudio,
            Kind::InputImage => Self::InputImage,
            Kind::Output => Self::Output,
            Kind::OutputReasoning => Self::Reasoning,
            Kind::OutputAudio => Self::OutputAudio,
            Kind::OutputImage => Self::OutputImage,
            Kind::WebSearch => Self::WebSearch,
            Kind::AudioSecond => Self::AudioSecond,
            Kind::Unit => Self::Unit,
            Kind::Call => Self::Call,
            // The meter counts bytes by itself.
            Kind::BytesIn | Kind::BytesOut => return None,
        })
    }
}

/// A number for each counter that was reported: millionths, or pico-units of money.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally([Option<u128>; COUNTERS]);

/// How the documents of one stream add to one report. They are never summed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Merge {
    /// Of each counter the last that was reported: running totals.
    Last,
    /// Of each counter the largest: some relays repeat a counter with zero.
    Max,
}

impl Tally {
    /// What was reported.
    pub(crate) fn get(&self, counter: Counter) -> Option<u128> {
        self.0.get(counter.index()).copied().flatten()
    }

    /// What was reported, or nothing.
    pub(crate) fn or_zero(&self, counter: Counter) -> u128 {
        self.get(counter).unwrap_or_default()
    }

    /// Whether anything was.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Forgets it.
    pub(crate) fn clear(&mut self, counter: Counter) {
        self.change(counter, |_| None);
    }

    /// Takes the larger: one count under two names is one count.
    pub(crate) fn alias(&mut self, counter: Counter, value: u128) {
        self.change(counter, |old| old.max(Some(value)));
    }

    /// Adds, for counters that are split over a list.
    pub(crate) fn add(&mut self, counter: Counter, value: u128) {
        self.change(counter, |old| Some(old.unwrap_or_default().saturating_add(value)));
    }

    /// Takes over what `newer` reports.
    pub(crate) fn merge(&mut self, newer: &Self, merge: Merge) {
        for (mine, new) in self.0.iter_mut().zip(&newer.0) {
            *mine = match merge {
                Merge::Last => new.or(*mine),
                Merge::Max => (*mine).max(*new),
            };
        }
    }

    fn change(&mut self, counter: Counter, new: impl FnOnce(Option<u128>) -> Option<u128>) {
        if let Some(slot) = self.0.get_mut(counter.index()) {
            *slot = new(*slot);
        }
    }
}

const COUNTERS: usize = Counter::ALL.len();
