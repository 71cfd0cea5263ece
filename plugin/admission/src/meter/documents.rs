//! JSON documents one behind the other: a single one, the elements of one array, lines of JSON.
//!
//! Gemini streams one array in pieces, others send a document a line; whatever the form, each
//! document is read by itself and joins the report when it is complete.

use super::report::Report;
use super::role::Role;
use super::scan::{Progress, Scanner};
use super::tree::Tree;

/// A sequence of documents.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    scanner: Scanner,
    array: Array,
    /// It is no JSON: nothing more is read.
    lost: bool,
    count: u64,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Array {
    #[default]
    None,
    Open,
    Closed,
}

impl Documents {
    /// Reads on.
    pub(crate) fn push(&mut self, bytes: &[u8], tree: &Tree<Role>, report: &mut Report) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.lost {
            if self.scanner.progress() == Progress::Fresh {
                let Some((&byte, after)) = rest.split_first() else { return };
                if byte != b'{' {
                    rest = after;
                    self.between(byte);
                    continue;
                }
            }
            let taken = self.scanner.push(rest, tree, report);
            rest = rest.get(taken..).unwrap_or_default();
            match self.scanner.progress() {
                Progress::Done => {
                    self.scanner.reset();
                    self.count = self.count.saturating_add(1);
                    report.close_document(tree, true);
                }
                Progress::Bad => {
                    self.lost = true;
                    report.drop_document();
                }
                Progress::Fresh | Progress::Inside => {}
            }
        }
    }

    /// A byte that stands between documents.
    fn between(&mut self, byte: u8) {
        match (byte, self.array) {
            (b' ' | b'\t' | b'\r' | b'\n' | b',', _) => {}
            (b'[', Array::None) if self.count == 0 => self.array = Array::Open,
            (b']', Array::Open) => self.array = Array::Closed,
            _ => self.lost = true,
        }
    }

    /// The event that holds the documents is over. What is not complete now never will be.
    pub(crate) fn end_event(&mut self, report: &mut Report) {
        if self.scanner.progress() != Progress::Fresh {
            report.drop_document();
        }
        self.scanner.reset();
        self.lost = false;
    }

    /// The stream is over. What is not complete still says something: what was used at least.
    pub(crate) fn finish(&mut self, tree: &Tree<Role>, report: &mut Report) {
        if self.scanner.progress() == Progress::Inside {
            report.close_document(tree, false);
        }
    }

    /// Whether all has come that the form promises: the one document, or the end of the array.
    pub(crate) const fn is_whole(&self) -> bool {
        match self.array {
            Array::None => self.count == 1,
            Array::Open => false,
            Array::Closed => true,
        }
    }

    /// Whether it may be over here: no array is open.
    pub(crate) const fn may_end(&self) -> bool {
        !matches!(self.array, Array::Open)
    }

    /// Whether a document has begun and not ended.
    pub(crate) fn is_inside(&self) -> bool {
        self.scanner.progress() == Progress::Inside
    }

    /// Whether something was no JSON.
    pub(crate) const fn is_lost(&self) -> bool {
        self.lost
    }
}
