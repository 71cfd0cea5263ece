//! Who is told of a document, and what.

#[cfg(doc)]
use super::TEXT_MAX;
use crate::meter::tree::{NodeId, Tree};

/// Who is told.
pub(crate) trait Sink<R> {
    /// A key stands here that leads to `node`. All that was said of that place before is void: of
    /// duplicate keys the last one counts.
    fn key(&mut self, tree: &Tree<R>, node: NodeId);
    /// Whether keys are to be told that only differ in case from one that is looked for.
    const MINDS_CASE: bool = false;
    /// Such a key stands here.
    fn near_key(&mut self, _node: NodeId) {}
    /// An object or array begins that has a role.
    fn open(&mut self, _role: R) {}
    /// It ends. Told only of those that have places beneath.
    fn close(&mut self, _role: R) {}
    /// A value that is neither object nor array.
    fn scalar(&mut self, node: NodeId, role: R, scalar: Scalar<'_>);
    /// Whether a string of this role shall come in pieces, through [`Sink::piece`], however long it is.
    fn in_pieces(&self, _role: R) -> bool {
        false
    }
    /// A piece of such a string.
    fn piece(&mut self, _role: R, _bytes: &[u8]) {}
}

/// A value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// What stands where a number should.
    Number(&'a [u8]),
    /// A string, without its escapes.
    Text(&'a [u8]),
    /// A string or number of more than [`TEXT_MAX`].
    Long,
}

/// Where a document stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// Nothing of it was seen.
    Fresh,
    /// It has begun.
    Inside,
    /// It is complete.
    Done,
    /// It is no JSON.
    Bad,
}
