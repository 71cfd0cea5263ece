//! Client keys as a policy knows them: by their SHA-256.

use std::collections::HashMap;

use wire::ids::{ClientKeyDigest, ClientName};

use super::fields::{Fields, Shape};
use super::value::{any_list, text};
use crate::document::Node;
use crate::error::{Code, Problem, Report};
use crate::source::Spot;

const KNOWN_BY: Shape = Shape {
    what: "an entry of \"known_by\"",
    form: "{ \"key\": \"sha256:…\" }",
    fields: &["key"],
    required: &["key"],
};

/// The digests of all clients, each of one client only.
#[derive(Debug, Default)]
pub(super) struct Digests {
    first: HashMap<ClientKeyDigest, Spot>,
    pub(super) owners: HashMap<ClientKeyDigest, ClientName>,
}

impl Digests {
    /// Reads `known_by`.
    pub(super) fn read(
        &mut self,
        node: Option<&Node<'_>>,
        client: Option<&ClientName>,
        report: &mut Report<'_>,
    ) -> Option<Vec<ClientKeyDigest>> {
        let Some(node) = node else {
            return Some(Vec::new());
        };
        let entries = any_list(node, "a list of keys", report)?;
        let mut digests = Vec::with_capacity(entries.len());
        for entry in entries {
            let fields = Fields::open(entry, entry.at.opening(), &KNOWN_BY, report);
            let Some(key) = fields.and_then(|fields| fields.get("key")) else {
                continue;
            };
            let Some(digest) = digest(key, report) else {
                continue;
            };
            if let Some(first) = self.first.get(&digest) {
                report.push(again(key.at, *first));
                continue;
            }
            self.first.insert(digest, key.at);
            if let Some(client) = client {
                self.owners.insert(digest, client.clone());
            }
            digests.push(digest);
        }
        (digests.len() == entries.len()).then_some(digests)
    }
}

fn digest(node: &Node<'_>, report: &mut Report<'_>) -> Option<ClientKeyDigest> {
    let written = text(node, "the SHA-256 of a client key", report)?;
    let digest = written.strip_prefix("sha256:").and_then(ClientKeyDigest::from_hex);
    if digest.is_none() {
        // It may be the key itself.
        report.hide(node.at);
        let remedy = match written.starts_with("sha256:") {
            true => "copy all 64 digits as `key-sidecar client issue` or `sha256sum` printed them",
            false => {
                "write the key's SHA-256, never the key itself; \
                 a key that has stood in a file is to be replaced"
            }
        };
        report.push(
            Problem::new(
                Code::Digest,
                node.at,
                "here is something else than the SHA-256 of a client key",
            )
            .expected("\"sha256:\" and 64 digits of 0 to 9 and a to f")
            .remedy(remedy),
        );
    }
    digest
}

fn again(at: Spot, first: Spot) -> Problem {
    Problem::new(
        Code::DuplicateDigest,
        at,
        "this client key is listed twice, so it does not say who calls",
    )
    .expected("a key that no other client has")
    .remedy("delete it from the client that shall not use it, or issue a second key")
    .other(first, "first written here")
}
