//! A place in bytes to a line, a column and the line's text, with everything hidden that must be.
//!
//! Lines are counted once per file, and only for files with a mistake. No step takes time that
//! grows with the number of errors times the size of a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::redact::{cut, mask, mask_whole};
use super::{Excerpt, Place};
use crate::bounds::LINE_BYTES_MAX;
use crate::source::{SourceFile, Spot};

/// Finds lines and columns.
pub(super) struct Places<'s> {
    sources: &'s [&'s SourceFile],
    /// What must not be shown, sorted; no two overlap.
    hidden: &'s [Spot],
    /// The files that were asked about.
    lines: BTreeMap<usize, Lines>,
}

impl<'s> Places<'s> {
    pub(super) const fn new(sources: &'s [&'s SourceFile], hidden: &'s [Spot]) -> Self {
        Self { sources, hidden, lines: BTreeMap::new() }
    }

    pub(super) fn place(&mut self, at: Spot) -> Place {
        let text = self.text(at);
        let lines = self.lines.entry(at.file()).or_insert_with(|| {
            let source = self.sources.get(at.file());
            Lines::new(source.map_or("", |source| &source.path), text)
        });
        let (number, start) = lines.line_of(at.start());
        let before =
            lines.chars_before(text, at.start()).saturating_sub(lines.chars_before(text, start));
        Place {
            file: Arc::clone(&lines.path),
            line: number,
            column: before.saturating_add(1),
            excerpt: self.excerpt(at, start),
        }
    }

    /// The line that begins at `start`, unless the place is too far behind its beginning.
    fn excerpt(&self, at: Spot, start: usize) -> Option<Excerpt> {
        let text = self.text(at);
        let bound = text.floor_char_boundary(start.saturating_add(LINE_BYTES_MAX));
        let kept = text.get(start..bound)?;
        let line = kept.split(['\n', '\r']).next().unwrap_or_default();
        let end = start.saturating_add(line.len());
        if at.start() > end {
            return None;
        }
        let range = start..end;
        let marked_end = at.end().clamp(at.start(), end);
        let (shown, places) = self.shown(at.file(), &range, [at.start(), marked_end]);
        Some(Excerpt { line: shown, marked: places[0]..places[1] })
    }

    /// The value as written, its first line, cut.
    pub(super) fn value(&self, at: Spot) -> Option<String> {
        let text = self.text(at);
        let end = text.floor_char_boundary(at.end().min(at.start().saturating_add(LINE_BYTES_MAX)));
        let written = text.get(at.start()..end)?;
        let first = written.lines().next().unwrap_or_default();
        let range = at.start()..at.start().saturating_add(first.len());
        let (shown, _) = self.shown(at.file(), &range, [at.start(); 2]);
        (!shown.is_empty()).then(|| cut(&shown))
    }

    /// The text of `range` as it may be shown, and where two places of the file are in it now:
    /// masking keeps characters, not bytes.
    fn shown(&self, file: usize, range: &Range<usize>, places: [usize; 2]) -> (String, [usize; 2]) {
        let text = self.sources.get(file).map_or("", |source| source.text.as_str());
        let original = text.get(range.clone()).unwrap_or_default();
        let mut shown = String::with_capacity(original.len());
        let mut from = range.start;
        for hidden in self.hidden_in(file, range) {
            let (start, end) = (hidden.start().max(from), hidden.end().clamp(from, range.end));
            shown.push_str(text.get(from..start).unwrap_or_default());
            shown.push_str(&mask_whole(text.get(start..end).unwrap_or_default()));
            from = end;
        }
        shown.push_str(text.get(from..range.end).unwrap_or_default());
        let shown = mask(&shown);
        let moved = places.map(|place| {
            let chars = text.get(range.start..place).map_or(0, |before| before.chars().count());
            shown.char_indices().nth(chars).map_or(shown.len(), |(byte, _)| byte)
        });
        (shown, moved)
    }

    fn hidden_in(&self, file: usize, range: &Range<usize>) -> impl Iterator<Item = Spot> + 's {
        let first =
            self.hidden.partition_point(|spot| (spot.file(), spot.end()) < (file, range.start));
        let end = range.end;
        let rest = self.hidden.get(first..).unwrap_or_default();
        rest.iter().copied().take_while(move |spot| spot.file() == file && spot.start() < end)
    }

    fn text(&self, at: Spot) -> &'s str {
        self.sources.get(at.file()).map_or("", |source| source.text.as_str())
    }
}

/// Where the lines of one file begin, and how many characters stand before each of its blocks, so
/// that a column costs one block even where the whole file is one line.
struct Lines {
    path: Arc<str>,
    starts: Vec<usize>,
    chars_before_blocks: Vec<usize>,
}

const BLOCK_BYTES: usize = 4096;

impl Lines {
    fn new(path: &str, text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(place, _)| place + 1);
        let blocks = text.as_bytes().chunks(BLOCK_BYTES);
        let before = blocks
            .scan(0, |before, block| Some(std::mem::replace(before, *before + chars_in(block))));
        Self {
            path: path.into(),
            starts: std::iter::once(0).chain(breaks).collect(),
            chars_before_blocks: before.collect(),
        }
    }

    /// The number of the line that holds `place`, from 1, and where it begins.
    fn line_of(&self, place: usize) -> (usize, usize) {
        let number = self.starts.partition_point(|start| *start <= place);
        let start = self.starts.get(number.saturating_sub(1));
        (number, start.copied().unwrap_or_default())
    }

    fn chars_before(&self, text: &str, place: usize) -> usize {
        let block = place / BLOCK_BYTES;
        let before = self.chars_before_blocks.get(block).copied();
        let rest = text.as_bytes().get(block * BLOCK_BYTES..place);
        match (before, rest) {
            (Some(before), Some(rest)) => before + chars_in(rest),
            // The end of a text whose last block is full.
            _ => text.chars().count(),
        }
    }
}

/// Counts the bytes that begin a character.
fn chars_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, start: usize, hidden: &[Spot]) -> Place {
        let source = SourceFile { path: "a.json".into(), text: text.into() };
        Places::new(&[&source], hidden).place(Spot::new(0, start, start + 1))
    }

    #[test]
    fn columns_count_characters_also_in_one_endless_line() {
        let text = format!("{}x", "é".repeat(3 * BLOCK_BYTES));
        let found = place(&text, text.len() - 1, &[]);
        assert_eq!((found.line, found.column), (1, 3 * BLOCK_BYTES + 1));
        assert_eq!(found.excerpt, None);
        let full = "x".repeat(BLOCK_BYTES);
        assert_eq!(place(&full, BLOCK_BYTES, &[]).column, BLOCK_BYTES + 1);
    }

    #[test]
    fn a_line_ends_before_its_break_of_either_kind() {
        let found = place("{\r\n  x\r\n}", 5, &[]);
        assert_eq!((found.line, found.column), (2, 3));
        assert_eq!(found.excerpt.map(|e| (e.line, e.marked)), Some(("  x".into(), 2..3)));
    }

    #[test]
    fn what_is_hidden_is_hidden_in_every_line_that_shows_it() {
        let text = "é \"geheim é\" x";
        let end = text.len();
        let found = place(text, end - 1, &[Spot::new(0, 3, end - 2)]);
        assert_eq!(
            found.excerpt.map(|e| (e.line, e.marked)),
            Some(("é \"********\" x".into(), 14..15))
        );
    }
}
