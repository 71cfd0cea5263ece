//! Which service and which route a request is for.
//!
//! A request names its service by the host (`api.openai.com`, for clients whose host is pointed at
//! the gate) or by the first segment of its path (`/openai/v1/...`, for clients that have a base URL). The
//! choice only picks the rules; where a request goes, and with which credential, both follow from it.

use std::borrow::Cow;
use std::rc::Rc;

use wire::facts::RouteFacts;
use wire::path;

use crate::denial::{Denial, Reason};
use crate::policy::{Policy, Service};
use crate::request::RequestHead;

/// The service and the path that will be sent, in its normal form. No `Debug`: a query may hold a key.
#[derive(Clone)]
pub struct Selected<'a> {
    /// The service.
    pub service: Rc<Service>,
    /// The path without its query and without the segment that named the service.
    pub path: Cow<'a, [u8]>,
    /// The query, without `?`.
    pub query: Option<&'a [u8]>,
    /// Whether the path is not the one that came.
    pub path_changed: bool,
}

/// Finds the service.
///
/// # Errors
/// [`Reason::Path`] where the path could be read in two ways, [`Reason::ServiceUnknown`].
pub fn service<'a>(policy: &Policy, head: &RequestHead<'a>) -> Result<Selected<'a>, Denial> {
    let (raw, query) = path::split_query(head.target);
    let normal = path::normalize(raw).map_err(|error| Denial::new(Reason::Path(error)))?;
    if let Some(service) = policy.by_authority(head.authority) {
        let path_changed = matches!(normal, Cow::Owned(_));
        return Ok(Selected { service, path: normal, query, path_changed });
    }
    let unknown = || Denial::new(Reason::ServiceUnknown);
    let (name, rest) = split_first_segment(&normal).ok_or_else(unknown)?;
    let service = policy.by_name(name).ok_or_else(unknown)?;
    let path = match (&normal, rest) {
        (_, b"") => Cow::Borrowed(&b"/"[..]),
        (Cow::Borrowed(whole), rest) => {
            Cow::Borrowed(whole.get(whole.len().saturating_sub(rest.len())..).unwrap_or_default())
        }
        (Cow::Owned(_), rest) => Cow::Owned(rest.to_vec()),
    };
    Ok(Selected { service, path, query, path_changed: true })
}

/// Finds the route: its place in the service's list.
#[must_use]
pub fn route(routes: &[RouteFacts], method: &[u8], path: &[u8]) -> Option<usize> {
    routes.iter().position(|route| route.pattern.matches(method, path))
}

/// `/openai/v1` to `openai` and `/v1`; `/openai` to `openai` and nothing.
fn split_first_segment(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = path.strip_prefix(b"/")?;
    let end = inner.iter().position(|byte| *byte == b'/').unwrap_or(inner.len());
    inner.split_at_checked(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::two_services;

    fn select(authority: &str, target: &str) -> Result<(String, String, bool), Reason> {
        let head = RequestHead {
            method: b"GET",
            target: target.as_bytes(),
            authority: authority.as_bytes(),
            ..RequestHead::default()
        };
        service(&two_services(), &head)
            .map(|found| {
                let path = String::from_utf8(found.path.into_owned()).unwrap();
                (found.service.facts.name.to_string(), path, found.path_changed)
            })
            .map_err(|denial| denial.reason)
    }

    #[test]
    fn a_host_of_the_service_selects_it_and_keeps_the_path() {
        for authority in ["api.openai.com", "API.openai.com", "api.openai.com:443"] {
            let found = select(authority, "/v1/models?x=1").unwrap();
            assert_eq!(found, ("openai".into(), "/v1/models".into(), false), "{authority}");
        }
    }

    #[test]
    fn the_first_segment_selects_the_service_and_goes() {
        let found = select("gate.local:10000", "/maps/api/geocode/json?key=x").unwrap();
        assert_eq!(found, ("maps".into(), "/api/geocode/json".into(), true));
        assert_eq!(select("gate", "/maps").unwrap().1, "/");
        assert_eq!(select("gate", "/maps/%61").unwrap().1, "/a");
    }

    #[test]
    fn neither_host_nor_segment_is_a_refusal() {
        assert_eq!(select("gate", "/v1/models"), Err(Reason::ServiceUnknown));
        assert_eq!(select("gate", "/"), Err(Reason::ServiceUnknown));
        assert!(matches!(select("gate", "/maps/../openai"), Err(Reason::Path(_))));
        assert!(matches!(select("gate", ""), Err(Reason::Path(_))));
    }
}
