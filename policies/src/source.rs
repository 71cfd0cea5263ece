//! The files as they come, and places in them.

use serde::{Deserialize, Serialize};

/// A policy file: where it is from, and its text.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SourceFile {
    /// The path, as errors name it.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A stretch of one file's text, in bytes. Ordered by file, then by place.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Spot {
    pub(crate) file: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Spot {
    /// Files are bounded far below `u32::MAX` bytes before anything points into them.
    pub(crate) fn new(file: usize, start: usize, end: usize) -> Self {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { file: narrow(file), start: narrow(start), end: narrow(end) }
    }

    pub(crate) const fn file(self) -> usize {
        self.file as usize
    }

    pub(crate) const fn start(self) -> usize {
        self.start as usize
    }

    pub(crate) const fn end(self) -> usize {
        self.end as usize
    }

    /// Its first byte alone: the `{` of an object, for what concerns the object as a whole.
    pub(crate) const fn opening(self) -> Self {
        Self { end: self.start.saturating_add(1), ..self }
    }
}

/// The files in the order of their paths, which is the order of errors and of the version's hash.
pub(crate) fn sorted(files: &[SourceFile]) -> Vec<&SourceFile> {
    let mut sources: Vec<_> = files.iter().collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}
