//! The body of an answer: inflated, framed, scanned, into one report; all of it in bounded memory.

use super::counter::Counter;
use super::counts::Counted;
use super::framing::Framing;
use super::head::Answer;
use super::inflate::{Encoding, Inflate};
use super::note::Note;
use super::profile::{Ending, Reading};
use super::report::Report;
use super::role::Name;

/// What reads a body.
#[derive(Debug)]
pub(crate) struct Body {
    reading: Reading,
    framing: Framing,
    report: Report,
    inflate: Option<Box<Inflate>>,
    readable: bool,
    finished: bool,
}

/// What a body said of usage.
#[derive(Debug)]
pub(crate) struct Usage {
    /// What was counted.
    pub(crate) counted: Counted,
    /// Something was.
    pub(crate) seen: bool,
    /// All was, and the parts agree.
    pub(crate) whole: bool,
    /// The cost that the provider states, in pico-units.
    pub(crate) stated: Option<u128>,
}

impl Body {
    /// A reader for the body of this answer.
    pub(crate) fn new(reading: Reading, answer: &Answer<'_>, bedrock: bool) -> Self {
        let inflate = match answer.encoding() {
            Encoding::Gzip => Some(Inflate::gzip()),
            Encoding::Deflate => Some(Inflate::deflate()),
            Encoding::Identity | Encoding::Unreadable => None,
        };
        let mut report = Report::new(&reading.tree, reading.merge);
        if let Some(tier) = answer.bedrock_tier.filter(|_| bedrock) {
            report.set_name(Name::ServiceTier, tier);
        }
        Self {
            framing: Framing::of(answer.content_type, reading.nested),
            report,
            inflate: inflate.map(Box::new),
            readable: answer.encoding() != Encoding::Unreadable,
            finished: false,
            reading,
        }
    }

    /// Whether it can be read.
    pub(crate) const fn is_readable(&self) -> bool {
        self.readable
    }

    /// What was said besides numbers.
    pub(crate) const fn report(&self) -> &Report {
        &self.report
    }

    /// Reads on.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let Self { reading, framing, report, inflate, .. } = self;
        if !self.readable {
            return;
        }
        match inflate {
            None => framing.push(bytes, &reading.tree, report),
            Some(inflate) => {
                inflate.push(bytes, &mut |plain| framing.push(plain, &reading.tree, report));
            }
        }
    }

    /// The body is over.
    pub(crate) fn finish(&mut self) {
        if !self.finished {
            self.finished = true;
            self.framing.finish(&self.reading.tree, &mut self.report);
        }
    }

    /// Takes what headers count, where the body does not.
    pub(crate) fn fill(&mut self, counter: Counter, value: Option<u128>) {
        if let Some(value) = value {
            self.report.fill(counter, value);
        }
    }

    /// Whether an error named the content filter.
    pub(crate) const fn is_filtered(&self) -> bool {
        self.report.seen.content_filter
    }

    /// What it said. `complete` says whether the stream ended by itself.
    pub(crate) fn usage(&self, complete: bool) -> Usage {
        let tally = self.report.tally();
        let mut counted = (self.reading.rule)(tally);
        let seen = self.report.seen;
        let (stated, upstream_missing) = self.stated();
        let any = !tally.is_empty();
        let ended = self.has_ended(complete, counted.complete);
        let failed = seen.failed && !seen.ended;
        let notes = &mut counted.notes;
        let garbled = self.framing.is_garbled() || self.inflate_failed();
        for (found, note) in [
            (!self.readable, Note::UnreadableEncoding),
            (garbled, Note::Garbled),
            (self.readable && !garbled && !any, Note::NoUsage),
            (any && !ended, Note::Cut),
            (any && ended && !counted.complete, Note::PartialUsage),
            (failed, Note::Failed),
            (seen.unreadable, Note::UnreadableNumber),
            (seen.too_large, Note::TooLarge),
            (seen.side_inference, Note::SideInference),
            (upstream_missing, Note::UpstreamCostMissing),
        ] {
            if found {
                notes.push(note);
            }
        }
        let doubtful = counted.contradictory
            || failed
            || seen.unreadable
            || seen.too_large
            || upstream_missing;
        let whole = any && ended && counted.complete && !doubtful;
        Usage { counted, seen: any, whole, stated }
    }

    /// Whether nothing more can come that changes what was used.
    fn has_ended(&self, complete: bool, counted: bool) -> bool {
        let inflated = self.inflate.as_ref().is_none_or(|inflate| inflate.is_whole());
        let by_itself = complete && inflated && !self.framing.is_cut();
        let said = self.report.seen.ended;
        if !self.framing.is_stream() {
            return self.framing.is_whole() || by_itself;
        }
        match self.reading.ending {
            Ending::OfStream => self.framing.is_whole() || by_itself || said,
            Ending::Said => said,
            Ending::Usage => counted,
        }
    }

    fn inflate_failed(&self) -> bool {
        self.inflate.as_ref().is_some_and(|inflate| inflate.is_garbled())
    }

    /// The cost that the provider states; and whether a part of it is missing.
    fn stated(&self) -> (Option<u128>, bool) {
        let tally = self.report.tally();
        // A tick is a ten-billionth: a hundred pico-units; counts are in millionths.
        let ticks = tally.get(Counter::CostTicks).map(|ticks| ticks.div_ceil(10_000));
        let Some(cost) = tally.get(Counter::Cost).or(ticks) else { return (None, false) };
        if tally.or_zero(Counter::IsByok) == 0 {
            return (Some(cost), false);
        }
        let upstream = tally.get(Counter::UpstreamCost);
        (Some(cost.saturating_add(upstream.unwrap_or_default())), upstream.is_none())
    }
}
