//! What to change on an admitted request: the caller's credentials off, the upstream's on.
//!
//! Edits are data; the adapter applies them in this order. The mark comes last: a request that was
//! only half prepared, whatever went wrong, meets no route to the upstream.

use std::rc::Rc;

use wire::MARK_HEADER;
use wire::facts::Inject;

use crate::credential::Credential;
use crate::identify::{is_key_parameter, parameters};
use crate::leases::Places;
use crate::money::toll::Toll;
use crate::policy::Service;
use crate::request::Strip;
use crate::select::Selected;

/// One change of the request's headers.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Edit<'a> {
    /// Take the header off, all its values.
    Remove(&'a str),
    /// Put this value in place of all values.
    Set(&'a str, &'a [u8]),
}

/// A request that may go, with everything that it needs. It can be made by [`crate::gate`] only, after
/// all checks, and nothing else can be injected.
pub struct Admission {
    pub(crate) service: Rc<Service>,
    pub(crate) credential: Rc<Credential>,
    pub(crate) strip: Strip,
    pub(crate) target: Option<Vec<u8>>,
    pub(crate) authority_changes: Option<Box<str>>,
    pub(crate) has_own_key_header: bool,
    /// The places that it holds until it is over.
    pub places: Places,
    /// What it owes, if it costs anything. Taken when it is settled.
    pub toll: Option<Box<Toll>>,
}

impl Admission {
    /// The credential that goes with it: what its answer must not quote.
    #[must_use]
    pub const fn credential(&self) -> &Rc<Credential> {
        &self.credential
    }

    /// The changes, in order; stops at the first that cannot be made.
    ///
    /// # Errors
    /// What `apply` says.
    pub fn edits<E>(&self, mut apply: impl FnMut(Edit<'_>) -> Result<(), E>) -> Result<(), E> {
        let injected = self.injected_header();
        for name in self.strip.names().filter(|name| injected != Some(*name)) {
            apply(Edit::Remove(name))?;
        }
        let own = self.service.own_key_header().filter(|_| self.has_own_key_header);
        if let Some(name) = own.filter(|name| injected != Some(*name)) {
            apply(Edit::Remove(name))?;
        }
        if let Some(target) = &self.target {
            apply(Edit::Set(":path", target))?;
        }
        if let Some(host) = &self.authority_changes {
            apply(Edit::Set(":authority", host.as_bytes()))?;
        }
        if self.toll.as_ref().is_some_and(|toll| toll.reads_answer()) {
            // What is compressed cannot be read as it goes by.
            apply(Edit::Set("accept-encoding", b"identity"))?;
        }
        if let Some(name) = injected {
            apply(Edit::Set(name, self.credential.value()))?;
        }
        apply(Edit::Set(MARK_HEADER, self.service.facts.name.as_str().as_bytes()))
    }

    fn injected_header(&self) -> Option<&str> {
        match &self.service.facts.inject {
            Inject::Bearer | Inject::Basic => Some("authorization"),
            Inject::Header { name, .. } => Some(name),
            Inject::Query { .. } => None,
        }
    }
}

/// The target to send, where it is not the one that came: without the segment that named the service,
/// without key parameters, with the credential if the service wants it in the query.
pub(crate) fn target(
    selected: &Selected<'_>,
    key_in_query: bool,
    inject: &Inject,
    credential: &Credential,
) -> Option<Vec<u8>> {
    let parameter = match inject {
        Inject::Query { name } => Some(name.as_bytes()),
        _ => None,
    };
    if !selected.path_changed && !key_in_query && parameter.is_none() {
        return None;
    }
    let query = selected.query.unwrap_or_default();
    let room = query.len().saturating_add(credential.value().len()).saturating_add(64);
    let mut target = Vec::with_capacity(selected.path.len().saturating_add(room));
    target.extend_from_slice(&selected.path);
    let mut separator = b'?';
    let mut push = |parts: &[&[u8]]| {
        target.push(std::mem::replace(&mut separator, b'&'));
        parts.iter().for_each(|part| target.extend_from_slice(part));
    };
    if key_in_query || parameter.is_some() {
        for kept in parameters(query).filter(|one| !is_key_parameter(one, inject)) {
            push(&[kept.whole]);
        }
    } else if selected.query.is_some() {
        push(&[query]);
    }
    if let Some(name) = parameter {
        push(&[name, b"=", credential.value()]);
    }
    Some(target)
}
