//! What a stream has reported: its documents, one after the other, merged into one report.
//!
//! A document counts when it is complete. Within it, of duplicate keys the last one counts, and one
//! number under two names is one number; between documents the [`Merge`] of the profile decides.

use super::counter::{Counter, Merge, Tally};
use super::number::Unusable;
use super::role::{Field, Label, List, Name, Role, Word};
use super::scan::{Scalar, Sink};
use super::tree::{NodeId, Tree};

/// The longest name that is kept.
const NAME_MAX: usize = 128;

/// How many [`Name`]s there are.
const NAMES: usize = 6;

/// How many [`Field`]s there are.
const FIELDS: usize = 5;

/// All that a stream has said, so far.
#[derive(Debug)]
pub(crate) struct Report {
    merge: Merge,
    /// The document that is being read: its numbers, one for each node of the tree,
    numbers: Box<[Option<u128>]>,
    /// what its lists add up to,
    sums: Tally,
    /// the element that is being read,
    element: Element,
    /// and the rest.
    document: Document,
    names: [Vec<u8>; NAMES],
    tally: Tally,
    /// Searches in items that have passed by.
    searches: u128,
    /// What was said of the whole.
    pub(crate) seen: Seen,
}

/// What a stream has said, besides numbers and names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// How many documents were complete.
    pub(crate) documents: u64,
    /// One said that the usage is whole.
    pub(crate) ended: bool,
    /// One said that something failed.
    pub(crate) failed: bool,
    /// An error named the content filter.
    pub(crate) content_filter: bool,
    /// A number could not be read.
    pub(crate) unreadable: bool,
    /// A number was larger than can be kept.
    pub(crate) too_large: bool,
    /// A side inference had a model of its own, perhaps.
    pub(crate) side_inference: bool,
}

/// What is known of the document that is being read, besides its numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Document {
    counted: bool,
    summed: bool,
    words: [Option<Word>; FIELDS],
    failed: bool,
    ended: bool,
    unreadable: bool,
    too_large: bool,
}

#[derive(Debug, Default)]
struct Element {
    kind: Option<Word>,
    action: Option<Word>,
    parts: Tally,
}

impl Report {
    /// An empty one, for documents that are read by this tree.
    pub(crate) fn new(tree: &Tree<Role>, merge: Merge) -> Self {
        Self {
            merge,
            numbers: vec![None; tree.len()].into(),
            sums: Tally::default(),
            element: Element::default(),
            document: Document::default(),
            names: Default::default(),
            tally: Tally::default(),
            searches: 0,
            seen: Seen::default(),
        }
    }

    /// What was counted.
    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Takes what a header counts, where the documents do not.
    pub(crate) fn fill(&mut self, counter: Counter, value: u128) {
        if self.tally.get(counter).is_none() {
            self.tally.add(counter, value);
        }
    }

    /// The text, if the stream has it.
    pub(crate) fn name(&self, name: Name) -> Option<&str> {
        let bytes = self.names.get(name.index())?;
        std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())
    }

    /// Keeps a text. One that is longer than any real one is not kept.
    pub(crate) fn set_name(&mut self, name: Name, text: &[u8]) {
        let Some(kept) = self.names.get_mut(name.index()) else { return };
        // The first id is the answer's; of what served, the last word is true.
        let settled = name == Name::Id && !kept.is_empty();
        if !text.is_empty() && text.len() <= NAME_MAX && !settled && kept != text {
            kept.clear();
            kept.extend_from_slice(text);
        }
    }

    /// The document is over: what it says joins the report. `complete` is false if it was cut off.
    pub(crate) fn close_document(&mut self, tree: &Tree<Role>, complete: bool) {
        let document = std::mem::take(&mut self.document);
        if document.counted || document.summed {
            let mut tally = std::mem::take(&mut self.sums);
            for (id, role) in tree.roles(tree.beneath(Tree::<Role>::ROOT)) {
                let number = self.numbers.get_mut(id).and_then(Option::take);
                if let (Role::Count(counter), Some(value)) = (role, number) {
                    tally.alias(*counter, value);
                }
            }
            self.tally.merge(&tally, self.merge);
        }
        let word = |field: Field| document.words.get(field.index()).copied().flatten();
        if word(Field::Type) == Some(Word::ItemDone)
            && word(Field::ItemType) == Some(Word::WebSearchCall)
            && word(Field::ItemAction) == Some(Word::Search)
        {
            self.searches = self.searches.saturating_add(ONE);
            self.tally.alias(Counter::SearchesSeen, self.searches);
        }
        let last_delta = word(Field::Type) == Some(Word::MessageDelta)
            && word(Field::StopReason).is_some()
            && document.counted;
        let said_end = matches!(word(Field::Type), Some(Word::MessageStop | Word::ResponseEnd));
        let seen = &mut self.seen;
        seen.documents = seen.documents.saturating_add(u64::from(complete));
        seen.ended |= complete && (document.ended || last_delta || said_end);
        seen.failed |= document.failed || word(Field::Type) == Some(Word::Error);
        seen.content_filter |= word(Field::ErrorCode) == Some(Word::ContentFilter);
        seen.unreadable |= document.unreadable;
        seen.too_large |= document.too_large;
    }

    /// The document turned out to be none: nothing of it counts.
    pub(crate) fn drop_document(&mut self) {
        self.document = Document::default();
        self.sums = Tally::default();
        self.numbers.fill(None);
    }

    fn count(&mut self, node: NodeId, counter: Counter, scalar: Scalar<'_>) {
        let read = match scalar {
            Scalar::Null | Scalar::Text(b"") => return,
            Scalar::Bool(flag) => Ok(if flag { ONE } else { 0 }),
            Scalar::Number(text) | Scalar::Text(text) => counter.read(text),
            Scalar::Long => Err(Unusable::Form),
        };
        self.document.counted = true;
        if let (Some(value), Some(slot)) = (self.usable(read), self.numbers.get_mut(node)) {
            *slot = Some(value);
        }
    }

    fn part(&mut self, counter: Counter, scalar: Scalar<'_>) {
        if let Scalar::Number(text) | Scalar::Text(text) = scalar
            && let Some(value) = self.usable(counter.read(text))
        {
            self.element.parts.alias(counter, value);
        }
    }

    fn usable(&mut self, read: Result<u128, Unusable>) -> Option<u128> {
        self.document.unreadable |= read == Err(Unusable::Form);
        self.document.too_large |= read == Err(Unusable::TooLarge);
        read.ok()
    }

    /// An element of a list is over: it counts as what it says it is.
    fn close_element(&mut self, list: List) {
        let Element { kind, action, parts } = std::mem::take(&mut self.element);
        let sums = &mut self.sums;
        let mut add = |counter, part| {
            if let Some(value) = parts.get(part) {
                sums.add(counter, value);
            }
        };
        match (list, kind) {
            (List::Iterations, Some(Word::SideInference)) => {
                add(Counter::SideInput, Counter::Input);
                add(Counter::SideCacheRead, Counter::CacheRead);
                add(Counter::SideCacheWrite5m, Counter::CacheWrite5m);
                add(Counter::SideCacheWrite1h, Counter::CacheWrite1h);
                add(Counter::SideOutput, Counter::Output);
                // As at the top: the aggregate is its split, or else all of five minutes.
                let split = parts
                    .or_zero(Counter::CacheWrite5m)
                    .saturating_add(parts.or_zero(Counter::CacheWrite1h));
                let rest = parts.or_zero(Counter::CacheWrite).saturating_sub(split);
                sums.add(Counter::SideCacheWrite5m, rest);
            }
            (List::CacheDetails, Some(Word::OneHour)) => {
                add(Counter::CacheWrite1h, Counter::Input);
            }
            (List::CacheDetails, _) => add(Counter::CacheWrite5m, Counter::Input),
            (List::PromptModality, Some(Word::Audio)) => add(Counter::InputAudio, Counter::Input),
            (List::PromptModality, Some(Word::Image)) => add(Counter::InputImage, Counter::Input),
            (List::CacheModality, Some(Word::Audio)) => add(Counter::CacheAudio, Counter::Input),
            (List::CacheModality, Some(Word::Image)) => add(Counter::CacheImage, Counter::Input),
            (List::OutputModality, Some(Word::Audio)) => add(Counter::OutputAudio, Counter::Input),
            (List::OutputModality, Some(Word::Image)) => add(Counter::OutputImage, Counter::Input),
            (List::OutputItems, Some(Word::WebSearchCall)) if action == Some(Word::Search) => {
                sums.add(Counter::SearchesSeen, ONE);
            }
            _ => return,
        }
        self.document.summed = true;
        self.seen.side_inference |= list == List::Iterations;
    }
}

/// One, in millionths.
const ONE: u128 = 1_000_000;

impl Sink<Role> for Report {
    fn key(&mut self, tree: &Tree<Role>, node: NodeId) {
        if self.document.counted
            && let Some(numbers) = self.numbers.get_mut(tree.beneath(node))
        {
            numbers.fill(None);
        }
        if self.document.summed {
            for (_, role) in tree.roles(tree.beneath(node)) {
                if let Role::Each(list) = role {
                    list.counters().iter().for_each(|counter| self.sums.clear(*counter));
                }
            }
        }
    }

    fn open(&mut self, role: Role) {
        match role {
            Role::Error => self.document.failed = true,
            Role::Final => self.document.ended = true,
            Role::Each(_) => self.element = Element::default(),
            _ => {}
        }
    }

    fn close(&mut self, role: Role) {
        if let Role::Each(list) = role {
            self.close_element(list);
        }
    }

    fn scalar(&mut self, node: NodeId, role: Role, scalar: Scalar<'_>) {
        match (role, scalar) {
            (Role::Count(counter), _) => self.count(node, counter, scalar),
            (Role::Part(counter), _) => self.part(counter, scalar),
            (Role::Name(name), Scalar::Text(text)) => self.set_name(name, text),
            (Role::Word(field), Scalar::Text(text)) => {
                if let Some(slot) = self.document.words.get_mut(field.index()) {
                    *slot = Some(Word::of(text));
                }
            }
            (Role::Error, Scalar::Bool(true) | Scalar::Number(_) | Scalar::Long) => {
                self.document.failed = true;
            }
            (Role::Error, Scalar::Text(text)) => self.document.failed |= !text.is_empty(),
            (Role::Label(Label::Kind), Scalar::Text(text)) => {
                self.element.kind = Some(Word::of(text));
            }
            (Role::Label(Label::Action), Scalar::Text(text)) => {
                self.element.action = Some(Word::of(text));
            }
            _ => {}
        }
    }
}
