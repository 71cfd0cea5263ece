//! What a call costs before it leaves: its body where the price depends on it, its hold, its money.
//!
//! Neighbours: [`crate::money::fare`] knows the prices, [`crate::money::purse`] the money, [`crate::body`]
//! what was read.

use std::rc::Rc;
use std::sync::Arc;

use wire::money::Nanos;

use super::{Allowed, Attempt, Stop};
use crate::ask::Asked;
use crate::body::{Body, Reading};
use crate::client::Client;
use crate::denial::{Denial, Reason};
use crate::gate::Gate;
use crate::meter::Meter;
use crate::money::fare::{Fare, Reads};
use crate::money::purse::{Funds, Purse};
use crate::money::toll::Toll;
use crate::request::RequestHead;
use crate::select;

/// Without a policy, bodies up to this length are kept until there is one, in case they must be read.
/// Longer ones may be uploads, which Envoy holds back as it can.
const BLIND_BYTES_MAX: u64 = 256 * 1024;

/// What is reserved for a call.
pub(super) struct Quote<'a> {
    purse: &'a Rc<Purse>,
    fare: &'a Rc<Fare>,
    asked: Asked,
    hold: Nanos,
}

impl Gate {
    /// Nothing that was learned counts until the sidecar has answered. But whether a body must be read is not
    /// decided later: what is held as a whole cannot be read any more.
    pub(super) fn read_meanwhile(
        &self,
        head: &RequestHead<'_>,
        attempt: &mut Attempt,
    ) -> Result<(), Stop> {
        let Some(policy) = &self.policy else {
            attempt.blind = head.content_length.is_some_and(|length| length <= BLIND_BYTES_MAX);
            return Ok(());
        };
        attempt.blind = false;
        let Ok(selected) = select::service(policy, head) else { return Ok(()) };
        let service = &selected.service;
        let route = select::route(&service.facts.routes, head.method, &selected.path);
        self.read(service.fare(route).flatten(), head, &selected.path, Some(&[]), attempt)
    }

    /// Has as much of the body read as the price depends on. `models` are those that the client may use.
    pub(super) fn read(
        &self,
        fare: Option<&Rc<Fare>>,
        head: &RequestHead<'_>,
        path: &[u8],
        models: Option<&[Arc<str>]>,
        attempt: &mut Attempt,
    ) -> Result<(), Stop> {
        let reads = fare.map_or(Reads::Nothing, |fare| fare.reads(models));
        let (Some(fare), false) = (fare, reads == Reads::Nothing || head.only_reads()) else {
            return Ok(());
        };
        let bytes_max = self.body_bytes_max;
        let too_large = || Stop::from(Denial::new(Reason::RequestTooLarge { bytes_max }));
        match &attempt.body {
            Body::Reading(reading) if reading.is_too_long() => Err(too_large()),
            Body::Reading(reading) if !reading.is_done() => Err(Stop::Read),
            Body::Reading(_) | Body::None => Ok(()),
            Body::Unread | Body::Sealed => {
                let reader = fare.reader(path);
                if head.is_upgrade || reads == Reads::Model && reader.has_model() {
                    return Ok(());
                }
                if head.is_encoded {
                    return Err(Denial::new(Reason::BodyUnreadable).into());
                }
                if head.content_length.is_some_and(|length| length > bytes_max) {
                    return Err(too_large());
                }
                if matches!(attempt.body, Body::Sealed) {
                    // It came before the policy did. The next try finds both.
                    return Err(Denial::new(Reason::NoPolicy).into());
                }
                attempt.body = Body::Reading(Box::new(Reading::new(reader, fare, bytes_max)));
                Err(Stop::Read)
            }
        }
    }

    /// What the call reserves and from where; `None` if it costs nothing.
    pub(super) fn quote<'a>(
        &self,
        client: &'a Client,
        allowed: &Allowed<'a>,
        head: &RequestHead<'_>,
        path: &[u8],
        attempt: &mut Attempt,
    ) -> Result<Option<Quote<'a>>, Stop> {
        let Some(fare) = allowed.fare else { return Ok(None) };
        let denied = |reason| Stop::Deny(Denial::ask(reason, &client.facts.owner));
        let purse = client.purse.as_ref().ok_or_else(|| denied(Reason::NoBudget))?;
        if let Some(hold) = fare.flat_hold() {
            return Ok(Some(Quote { purse, fare, asked: Asked::default(), hold }));
        }
        let models = allowed.used.facts.models.as_deref();
        self.read(Some(fare), head, path, models, attempt)?;
        let asked = match &attempt.body {
            Body::Reading(reading) => reading.asked().clone(),
            _ => fare.reader(path).asked().clone(),
        };
        let must_name_model = fare.is_by_model(models) && !head.only_reads();
        let size = asked.bytes.max(head.content_length.unwrap_or(0));
        let hold = fare.hold(&asked, must_name_model, size, models).map_err(denied)?;
        Ok(Some(Quote { purse, fare, asked, hold }))
    }

    /// Whether the call must wait for money.
    pub(super) fn check_money(
        &mut self,
        quote: &Quote<'_>,
        last: bool,
        counted: bool,
        currency: &Arc<str>,
    ) -> Result<bool, Stop> {
        let Quote { purse, hold, .. } = quote;
        let now = self.now;
        if !counted {
            self.purses.ask(purse, *hold, now);
        }
        let funds = purse.funds(*hold, now);
        match funds {
            Funds::Enough => return Ok(false),
            Funds::Ask if !last => {}
            Funds::Short if !last && purse.is_worth_waiting_for() => {}
            Funds::Ask | Funds::Short => {
                let told = purse.shortage().filter(|_| !self.conversation.is_failing());
                return Err(match told {
                    Some(told) => Denial::over_budget(purse.budget(), *hold, told, currency),
                    None => Denial::new(Reason::SidecarGone),
                }
                .into());
            }
        }
        self.purses.wait(purse, *hold, now);
        Ok(true)
    }

    pub(super) fn reserve(&mut self, quote: Quote<'_>, client: &Client) -> Result<Box<Toll>, Stop> {
        let Quote { purse, fare, asked, hold } = quote;
        let held = self.purses.reserve(purse, hold, self.now).ok_or(Stop::Await)?;
        let (fare, client) = (Rc::clone(fare), client.facts.name.clone());
        if fare.flat_hold().is_some() {
            return Ok(Box::new(Toll::flat(held, fare, client)));
        }
        let bytes = asked.bytes;
        let mut meter = Meter::new(Arc::clone(fare.tariff()), fare.prices().cloned(), asked, hold);
        meter.request_bytes(bytes);
        Ok(Box::new(Toll::metered(held, fare, client, meter)))
    }
}
