//! The places in a JSON document that somebody wants to know of, as a tree.
//!
//! It is made once from dotted paths, and a [`super::scan::Scanner`] walks down it. In a path, `*` is each
//! element of an array, a number is one element, and anything else is a key. Nodes are numbered in the
//! order of a walk, so what lies beneath a node is one range of numbers.

use std::ops::Range;

/// The number of a node: an index into [`Tree`].
pub(crate) type NodeId = usize;

/// Places in a document; `R` says what each is for.
#[derive(Debug)]
pub(crate) struct Tree<R> {
    nodes: Vec<Node<R>>,
}

#[derive(Debug)]
struct Node<R> {
    /// The key that leads here from its parent.
    name: Box<str>,
    role: Option<R>,
    children: Box<[NodeId]>,
    /// One past the last node beneath.
    end: NodeId,
}

/// Each element of an array.
const EACH: &str = "*";

impl<R: Copy> Tree<R> {
    /// The tree of these paths. Of two that are the same, the first counts.
    pub(crate) fn new<'a>(paths: impl IntoIterator<Item = (&'a str, R)>) -> Self {
        let paths: Vec<(Vec<&str>, R)> =
            paths.into_iter().map(|(path, role)| (path.split('.').collect(), role)).collect();
        let mut tree = Self { nodes: Vec::new() };
        let all: Vec<&(Vec<&str>, R)> = paths.iter().collect();
        tree.grow("", &all, 0);
        tree
    }

    /// Adds the node `name`, which all of `paths` lead to in `depth` steps, and what is beneath it.
    fn grow(&mut self, name: &str, paths: &[&(Vec<&str>, R)], depth: usize) -> NodeId {
        let id = self.nodes.len();
        let here = paths.iter().find(|(path, _)| path.len() == depth);
        let role = here.map(|(_, role)| *role);
        self.nodes.push(Node { name: name.into(), role, children: Box::default(), end: id });
        let mut names: Vec<&str> = Vec::new();
        for (path, _) in paths {
            if let Some(next) = path.get(depth)
                && !names.contains(next)
            {
                names.push(next);
            }
        }
        let mut children = Vec::with_capacity(names.len());
        for next in names {
            let beneath: Vec<_> =
                paths.iter().copied().filter(|(path, _)| path.get(depth) == Some(&next)).collect();
            children.push(self.grow(next, &beneath, depth.saturating_add(1)));
        }
        let end = self.nodes.len();
        if let Some(node) = self.nodes.get_mut(id) {
            node.children = children.into();
            node.end = end;
        }
        id
    }
}

impl<R> Tree<R> {
    /// The document itself.
    pub(crate) const ROOT: NodeId = 0;

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The roles of these nodes.
    pub(crate) fn roles(&self, range: Range<NodeId>) -> impl Iterator<Item = (NodeId, &R)> {
        let start = range.start;
        let nodes = self.nodes.get(range).unwrap_or_default();
        nodes.iter().enumerate().filter_map(move |(at, node)| {
            node.role.as_ref().map(|role| (start.saturating_add(at), role))
        })
    }

    /// The node and all that is beneath it.
    pub(crate) fn beneath(&self, node: NodeId) -> Range<NodeId> {
        node..self.nodes.get(node).map_or(node, |found| found.end)
    }

    pub(crate) fn has_children(&self, node: NodeId) -> bool {
        self.nodes.get(node).is_some_and(|found| !found.children.is_empty())
    }

    /// Where the key leads.
    pub(crate) fn child(&self, node: NodeId, key: &[u8]) -> Option<NodeId> {
        self.find(node, |name| name.as_bytes() == key)
    }

    /// Where the key would lead if case did not matter.
    pub(crate) fn child_of_any_case(&self, node: NodeId, key: &[u8]) -> Option<NodeId> {
        self.find(node, |name| name.as_bytes().eq_ignore_ascii_case(key))
    }

    /// Where the element of an array leads.
    pub(crate) fn element(&self, node: NodeId, index: usize) -> Option<NodeId> {
        self.find(node, |name| name == EACH || name.parse() == Ok(index))
    }

    fn find(&self, node: NodeId, fits: impl Fn(&str) -> bool) -> Option<NodeId> {
        let children = &self.nodes.get(node)?.children;
        children.iter().copied().find(|id| self.nodes.get(*id).is_some_and(|one| fits(&one.name)))
    }
}

impl<R: Copy> Tree<R> {
    /// What the node is for.
    pub(crate) fn role(&self, node: NodeId) -> Option<R> {
        self.nodes.get(node)?.role
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_roles() {
        let tree =
            Tree::new([("usage.in", 'i'), ("usage.list.*.n", 'n'), ("c.0.x", 'x'), ("usage", 'u')]);
        let usage = tree.child(Tree::<char>::ROOT, b"usage").unwrap();
        assert_eq!(tree.role(usage), Some('u'));
        assert_eq!(tree.role(tree.child(usage, b"in").unwrap()), Some('i'));
        assert_eq!(tree.child(usage, b"In"), None);
        assert_eq!(tree.child_of_any_case(usage, b"In"), tree.child(usage, b"in"));
        let list = tree.child(usage, b"list").unwrap();
        let element = tree.element(list, 7).unwrap();
        assert_eq!(tree.role(tree.child(element, b"n").unwrap()), Some('n'));
        let choices = tree.child(Tree::<char>::ROOT, b"c").unwrap();
        assert!(tree.element(choices, 0).is_some() && tree.element(choices, 1).is_none());
        let beneath: String = tree.roles(tree.beneath(usage)).map(|(_, role)| *role).collect();
        assert_eq!(beneath, "uin");
    }
}
