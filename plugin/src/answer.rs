//! What comes back: kept free of the credential, metered as it goes by, never held, never changed.
//!
//! A call settles once, at the first of: the end of its answer, the replacement of its answer by ours, an
//! answer that Envoy gave itself, the end of the stream. Where Envoy answers, or the stream ends without
//! an answer, Envoy is asked whether the request was ever on a connection to the upstream. If it was not,
//! the call costs nothing; if it was, the upstream may bill it, and it costs what it had reserved.

use std::str;

use admission::counters::Counter;
use admission::denial::{Denial, Reason};
use admission::inject::Admission;
use admission::money::toll::{COST_HEADER, End, REMAINING_HEADER};
use admission::scrub::{self, Verdict};
use wire::money::Nanos;

use crate::host::{self, HostError, Map, Pairs};
use crate::root::Shared;

/// Looks at the head of an answer; returns what to answer instead, if anything.
pub(crate) fn head(shared: &Shared, admission: &mut Admission, end: bool) -> Option<Denial> {
    let Ok(packed) = host::headers(Map::Response) else {
        shared.count(Counter::HostFailures);
        shared.settle(admission, End::CutOff);
        return Some(Denial::new(Reason::HostFailure));
    };
    let pairs = host::pairs(&packed);
    let shown = charge(shared, admission, &pairs, end);
    match scrub::inspect(pairs.clone(), admission.credential()) {
        Verdict::Replace(denial) => {
            shared.settle(admission, End::CutOff);
            Some(denial)
        }
        Verdict::Pass(remove) => {
            remove.iter().for_each(|_| shared.count(Counter::Scrubbed));
            let edited =
                remove.into_iter().try_for_each(|name| host::remove_header(Map::Response, name));
            match edited.and_then(|()| shown.apply(&pairs)) {
                Ok(()) => None,
                Err(_) => {
                    shared.settle(admission, End::CutOff);
                    Some(Denial::new(Reason::HostFailure))
                }
            }
        }
    }
}

/// A piece of an answer's body goes by.
pub(crate) fn body(shared: &Shared, admission: &mut Admission, size: usize, end: bool) {
    let Some(toll) = &mut admission.toll else { return };
    if let Some(meter) = toll.meter().filter(|meter| meter.wants_body()) {
        match host::response_body(size) {
            Ok(piece) => meter.body(&piece),
            Err(_) => {
                shared.count(Counter::HostFailures);
                return shared.settle(admission, End::CutOff);
            }
        }
    }
    if end {
        shared.settle(admission, End::Whole);
    }
}

/// How a call has come to its end whose stream is over.
pub(crate) fn end_without(answered: bool) -> End {
    if answered || was_sent() { End::CutOff } else { End::NeverSent }
}

/// What the caller is told of its money.
#[derive(Default)]
struct Shown {
    cost: Option<Nanos>,
    remaining: Option<Nanos>,
}

impl Shown {
    fn apply(&self, pairs: &Pairs<'_>) -> Result<(), HostError> {
        for (name, amount) in [(COST_HEADER, self.cost), (REMAINING_HEADER, self.remaining)] {
            match amount {
                Some(amount) => {
                    let text = amount.text();
                    host::set_header(Map::Response, name, text.as_str().as_bytes())?;
                }
                // Only the gate says this.
                None if pairs.clone().any(|(own, _)| own == name.as_bytes()) => {
                    host::remove_header(Map::Response, name)?;
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// Meters the head, and settles if nothing that comes will change what the call costs.
fn charge(shared: &Shared, admission: &mut Admission, pairs: &Pairs<'_>, end: bool) -> Shown {
    let Some(toll) = &mut admission.toll else { return Shown::default() };
    let remaining = toll.remaining();
    let status = status(pairs);
    if status.is_none_or(is_error) && !is_upstreams() {
        let end = if was_sent() { End::CutOff } else { End::NeverSent };
        let cost = (end == End::NeverSent).then_some(Nanos::ZERO);
        shared.settle(admission, end);
        return Shown { cost, remaining };
    }
    let cost = toll.answered(status.unwrap_or_default(), pairs.clone());
    if end || toll.is_decided() {
        shared.settle(admission, End::Whole);
    }
    Shown { cost, remaining }
}

fn status(pairs: &Pairs<'_>) -> Option<u16> {
    let (_, value) = pairs.clone().find(|(name, _)| *name == b":status")?;
    str::from_utf8(value).ok()?.parse().ok()
}

/// Envoy answers by itself with errors only.
const fn is_error(status: u16) -> bool {
    status >= 400
}

/// Whether the upstream gave this answer, and not Envoy for it. What Envoy does not say is the upstream's.
fn is_upstreams() -> bool {
    match host::property(&["response", "code_details"]) {
        Ok(Some(details)) => details == b"via_upstream",
        Ok(None) | Err(_) => true,
    }
}

/// Whether the request was put on a connection to the upstream. In doubt it was.
fn was_sent() -> bool {
    !matches!(host::property(&["upstream", "local_address"]), Ok(None))
}
