//! Reads a JSON document as it goes by, cut anywhere, and tells of the places that a [`Tree`] names.
//!
//! It keeps the way down to where it is, and of strings only those that a place asks for, up to
//! [`TEXT_MAX`]; everything else is skipped without being looked at closely, however long or deep it is.
//! So it accepts some texts that are no JSON, but never takes a string's content for structure.

use super::gather::cut;
use super::text::{Text, Took};
use super::tree::{NodeId, Tree};

pub(crate) use self::sink::{Progress, Scalar, Sink};

use self::skip::{Skip, Skipped};

mod sink;
mod skip;
#[cfg(test)]
mod tests;

/// The longest key or value that is read: model names and numbers are far shorter.
pub(crate) const TEXT_MAX: usize = 256;

/// The deepest place that is followed; what lies deeper is skipped.
const LEVELS_MAX: usize = 12;

/// One document's reader.
#[derive(Debug)]
pub(crate) struct Scanner {
    state: State,
    levels: [Level; LEVELS_MAX],
    depth: usize,
    /// Where the value leads that is read or comes next; `None` if nobody asks for it.
    node: Option<NodeId>,
    skip: Skip,
    text: Text,
}

/// An object or array on the way down.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    node: NodeId,
    array: bool,
    index: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Start,
    /// A value must follow; or the end, right after `[`.
    Value {
        or_end: bool,
    },
    /// A key must follow; or the end, right after `{`.
    Key {
        or_end: bool,
    },
    InKey,
    Colon,
    /// A value has ended.
    CommaOrEnd,
    /// In a string that somebody asks for.
    InText,
    /// In a number or a word that somebody asks for.
    InToken,
    /// In an object or array, or a string, that nobody asks for.
    Skip,
    /// In a number or a word that nobody asks for.
    SkipToken,
    Done,
    Bad,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            state: State::Start,
            levels: [Level::default(); LEVELS_MAX],
            depth: 0,
            node: Some(Tree::<()>::ROOT),
            skip: Skip::default(),
            text: Text::default(),
        }
    }
}

impl Scanner {
    /// Where the document stands.
    pub(crate) fn progress(&self) -> Progress {
        match self.state {
            State::Start => Progress::Fresh,
            State::Done => Progress::Done,
            State::Bad => Progress::Bad,
            _ => Progress::Inside,
        }
    }

    /// Makes ready for the next document.
    pub(crate) fn reset(&mut self) {
        self.state = State::Start;
        self.depth = 0;
        self.node = Some(Tree::<()>::ROOT);
        self.text.clear();
    }

    /// Reads on, to the end of the document at most; says how many bytes that were.
    pub(crate) fn push<R: Copy, S: Sink<R>>(
        &mut self,
        bytes: &[u8],
        tree: &Tree<R>,
        sink: &mut S,
    ) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && !matches!(self.state, State::Done | State::Bad) {
            rest = self.step(rest, tree, sink);
        }
        bytes.len().saturating_sub(rest.len())
    }

    /// Reads one piece of structure, and returns what is left.
    fn step<'a, R: Copy, S: Sink<R>>(
        &mut self,
        bytes: &'a [u8],
        tree: &Tree<R>,
        sink: &mut S,
    ) -> &'a [u8] {
        match self.state {
            State::InKey => return self.key_text(bytes, tree, sink),
            State::InText => return self.value_text(bytes, tree, sink),
            State::InToken => return self.token(bytes, tree, sink),
            State::Skip => return self.skip(bytes),
            State::SkipToken => return self.skip_token(bytes),
            _ => {}
        }
        let Some((&byte, rest)) = bytes.split_first() else { return bytes };
        if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            return rest;
        }
        match (self.state, byte) {
            (State::Start, b'{' | b'[') => self.value_start(byte, tree, sink),
            (State::Value { or_end: true }, b']') => self.close(true, tree, sink),
            (State::Value { .. }, _) => return self.value(byte, bytes, rest, tree, sink),
            (State::Key { .. }, b'"') => self.state = State::InKey,
            (State::Key { or_end: true }, b'}') => self.close(false, tree, sink),
            (State::Colon, b':') => self.state = State::Value { or_end: false },
            (State::CommaOrEnd, b',') => self.next(tree),
            (State::CommaOrEnd, b'}' | b']') => self.close(byte == b']', tree, sink),
            _ => self.state = State::Bad,
        }
        rest
    }

    fn value<'a, R: Copy, S: Sink<R>>(
        &mut self,
        byte: u8,
        bytes: &'a [u8],
        rest: &'a [u8],
        tree: &Tree<R>,
        sink: &mut S,
    ) -> &'a [u8] {
        match byte {
            b'{' | b'[' => self.value_start(byte, tree, sink),
            b'"' => {
                let asked = self.node.is_some_and(|node| tree.role(node).is_some());
                self.state = if asked { State::InText } else { State::Skip };
                self.skip = Skip::of_text();
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                let asked = self.node.is_some_and(|node| tree.role(node).is_some());
                self.state = if asked { State::InToken } else { State::SkipToken };
                // The token's first byte belongs to it.
                return bytes;
            }
            _ => self.state = State::Bad,
        }
        rest
    }

    /// An object or array begins.
    fn value_start<R: Copy, S: Sink<R>>(&mut self, byte: u8, tree: &Tree<R>, sink: &mut S) {
        if let Some(role) = self.node.and_then(|node| tree.role(node)) {
            sink.open(role);
        }
        let followed = self.node.filter(|node| tree.has_children(*node));
        let level = followed.zip(self.levels.get_mut(self.depth));
        let Some((node, level)) = level else {
            self.skip = Skip::of_nested();
            self.state = State::Skip;
            return;
        };
        let array = byte == b'[';
        *level = Level { node, array, index: 0 };
        self.depth = self.depth.saturating_add(1);
        if array {
            self.node = tree.element(node, 0);
            self.state = State::Value { or_end: true };
        } else {
            self.state = State::Key { or_end: true };
        }
    }

    /// A comma stands after a value.
    fn next<R>(&mut self, tree: &Tree<R>) {
        let Some(level) = self.depth.checked_sub(1).and_then(|top| self.levels.get_mut(top)) else {
            self.state = State::Bad;
            return;
        };
        if level.array {
            level.index = level.index.saturating_add(1);
            self.node = tree.element(level.node, level.index);
            self.state = State::Value { or_end: false };
        } else {
            self.state = State::Key { or_end: false };
        }
    }

    /// The innermost object or array ends.
    fn close<R: Copy, S: Sink<R>>(&mut self, array: bool, tree: &Tree<R>, sink: &mut S) {
        let Some(top) = self.depth.checked_sub(1) else {
            self.state = State::Bad;
            return;
        };
        let Some(level) = self.levels.get(top).filter(|level| level.array == array) else {
            self.state = State::Bad;
            return;
        };
        if let Some(role) = tree.role(level.node) {
            sink.close(role);
        }
        self.depth = top;
        self.value_end();
    }

    fn value_end(&mut self) {
        self.state = if self.depth == 0 { State::Done } else { State::CommaOrEnd };
    }

    fn key_text<'a, R: Copy, S: Sink<R>>(
        &mut self,
        bytes: &'a [u8],
        tree: &Tree<R>,
        sink: &mut S,
    ) -> &'a [u8] {
        let Took { rest, ended } = self.text.take(bytes);
        let Some(key) = ended else { return rest };
        let level = self.depth.checked_sub(1).and_then(|top| self.levels.get(top));
        let parent = level.map(|level| level.node);
        let key = key.of(&self.text);
        self.node = parent.zip(key).and_then(|(parent, key)| tree.child(parent, key));
        if let Some(node) = self.node {
            sink.key(tree, node);
        } else if S::MINDS_CASE
            && let Some(near) =
                parent.zip(key).and_then(|(parent, key)| tree.child_of_any_case(parent, key))
        {
            sink.near_key(near);
        }
        self.text.clear();
        self.state = State::Colon;
        rest
    }

    fn value_text<'a, R: Copy, S: Sink<R>>(
        &mut self,
        bytes: &'a [u8],
        tree: &Tree<R>,
        sink: &mut S,
    ) -> &'a [u8] {
        let place = self.node.and_then(|node| tree.role(node).map(|role| (node, role)));
        let Some((node, role)) = place else {
            self.state = State::Bad;
            return bytes;
        };
        if sink.in_pieces(role) {
            return self.pieces(bytes, role, sink);
        }
        let Took { rest, ended } = self.text.take(bytes);
        let Some(text) = ended else { return rest };
        sink.scalar(node, role, text.of(&self.text).map_or(Scalar::Long, Scalar::Text));
        self.text.clear();
        self.value_end();
        rest
    }

    /// Passes on what there is of a string, in pieces that fit.
    fn pieces<'a, R: Copy, S: Sink<R>>(
        &mut self,
        bytes: &'a [u8],
        role: R,
        sink: &mut S,
    ) -> &'a [u8] {
        let (now, later) = cut(bytes, TEXT_MAX.saturating_sub(4));
        let Took { rest, ended } = self.text.take(now);
        match ended {
            Some(text) => {
                sink.piece(role, text.of(&self.text).unwrap_or_default());
                self.text.clear();
                self.value_end();
            }
            None => {
                sink.piece(role, self.text.so_far());
                self.text.forget_so_far();
            }
        }
        // `rest` and `later` lie beside each other in `bytes`.
        let left = rest.len().saturating_add(later.len());
        bytes.get(bytes.len().saturating_sub(left)..).unwrap_or_default()
    }

    fn token<'a, R: Copy, S: Sink<R>>(
        &mut self,
        bytes: &'a [u8],
        tree: &Tree<R>,
        sink: &mut S,
    ) -> &'a [u8] {
        let (token, rest) = split_token(bytes);
        if rest.is_empty() {
            self.text.add(token);
            return rest;
        }
        let whole = self.text.joined(token);
        let place = self.node.and_then(|node| tree.role(node).map(|role| (node, role)));
        if let Some((node, role)) = place {
            let scalar = match whole {
                None => Scalar::Long,
                Some(b"null") => Scalar::Null,
                Some(b"true") => Scalar::Bool(true),
                Some(b"false") => Scalar::Bool(false),
                Some(number) => Scalar::Number(number),
            };
            sink.scalar(node, role, scalar);
        }
        self.text.clear();
        self.value_end();
        rest
    }

    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (rest, skipped) = self.skip.push(bytes);
        match skipped {
            Skipped::Inside => {}
            Skipped::Done => self.value_end(),
            Skipped::TooDeep => self.state = State::Bad,
        }
        rest
    }

    fn skip_token<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (_, rest) = split_token(bytes);
        if !rest.is_empty() {
            self.value_end();
        }
        rest
    }
}

/// A number or word, and what stands behind it.
fn split_token(bytes: &[u8]) -> (&[u8], &[u8]) {
    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
    let at = bytes.iter().position(ends).unwrap_or(bytes.len());
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}
