//! The call that an answer is of: its route, what that charges, and what is reserved for it.

use std::rc::Rc;
use std::sync::Arc;

use admission::ask::{AskReader, Asked, model_in_path};
use admission::meter::{Bill, Meter};
use admission::price::{self, PriceIndex};
use policies::{Policy, Service};
use wire::facts::ServiceFacts;
use wire::ids::ServiceName;
use wire::money::Nanos;
use wire::tariff::{Charge, Hold, Tariff};
use wire::usage::Usage;

use super::head::Headers;
use crate::near::nearest;

/// What is known of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'r> {
    pub(super) body: Option<&'r [u8]>,
    pub(super) path: Option<&'r str>,
}

/// A call whose answer can be charged.
#[derive(Debug)]
pub(super) enum Call {
    /// Policy says that it is not billed.
    Free,
    /// It has prices.
    Priced(Priced),
}

/// What the meter needs.
#[derive(Debug)]
pub(super) struct Priced {
    tariff: Arc<Tariff>,
    prices: Option<Rc<PriceIndex>>,
    asked: Asked,
    hold: Nanos,
}

impl Call {
    pub(super) const fn hold(&self) -> Nanos {
        match self {
            Self::Free => Nanos::ZERO,
            Self::Priced(priced) => priced.hold,
        }
    }

    /// The bill for an answer; `None` if the route is free.
    pub(super) fn bill(
        &self,
        status: u16,
        headers: &Headers,
        body: &[u8],
        complete: bool,
    ) -> Option<Bill> {
        let Self::Priced(call) = self else {
            return None;
        };
        let (tariff, prices) = (Arc::clone(&call.tariff), call.prices.clone());
        let mut meter = Meter::new(tariff, prices, call.asked.clone(), call.hold);
        let status = status.to_string();
        let pairs = headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        meter.headers(std::iter::once((&b":status"[..], status.as_bytes())).chain(pairs));
        meter.request_bytes(call.asked.bytes);
        if meter.wants_body() {
            meter.body(body);
        }
        Some(meter.settle(complete))
    }
}

/// Finds the call; what is wrong is told with its remedy.
pub(super) fn find(
    policy: &Policy,
    service: &ServiceName,
    route: &str,
    request: &Request<'_>,
    hold: Option<Nanos>,
) -> Result<Call, String> {
    let facts = find_service(policy.services(), service)?;
    let Charge::Priced(tariff) = find_charge(facts, route)? else {
        return Ok(Call::Free);
    };
    let prices = tariff.prices.as_ref().and_then(|name| policy.prices(name));
    let prices = prices.map(|prices| Rc::new(PriceIndex::new(&prices.list)));
    let asked = asked(tariff, route, request);
    let hold = match hold {
        Some(hold) => hold,
        None => reserved(tariff, prices.as_deref(), &asked, request.body.is_some())?,
    };
    Ok(Call::Priced(Priced { tariff: Arc::clone(tariff), prices, asked, hold }))
}

fn find_service<'p>(
    services: &'p [Service],
    name: &ServiceName,
) -> Result<&'p ServiceFacts, String> {
    let names = || services.iter().map(|service| service.facts.name.as_str());
    services.iter().map(|service| &service.facts).find(|facts| facts.name == *name).ok_or_else(
        || match nearest(name.as_str(), names()) {
            Some(near) => format!("the policy has no service {name}; did you mean {near:?}?"),
            None => format!(
                "the policy has no service {name}; it has {}",
                names().collect::<Vec<_>>().join(", ")
            ),
        },
    )
}

/// The route of this text, or the first that matches it as a request; otherwise what is unlisted.
fn find_charge<'p>(service: &'p ServiceFacts, text: &str) -> Result<&'p Charge, String> {
    let written = service.routes.iter().find(|route| route.pattern.to_string() == text);
    let matching = || {
        let (method, path) = text.split_once(' ')?;
        let path = path.split('?').next()?;
        service
            .routes
            .iter()
            .find(|route| route.pattern.matches(method.as_bytes(), path.as_bytes()))
    };
    written.or_else(matching).map(|route| &route.charge).or(service.unlisted.as_ref()).ok_or_else(
        || {
            let routes: Vec<_> =
                service.routes.iter().map(|route| format!("\"{}\"", route.pattern)).collect();
            format!(
                "the service {} has no route {text:?}; it has {}",
                service.name,
                routes.join(", ")
            )
        },
    )
}

fn asked(tariff: &Tariff, route: &str, request: &Request<'_>) -> Asked {
    let path = request.path.or_else(|| route.split_once(' ').map(|(_, path)| path));
    let model = match (&tariff.usage, path) {
        (Some(Usage::Api(profile)), Some(path)) if !path.contains('*') => {
            model_in_path(*profile, path.as_bytes())
        }
        _ => None,
    };
    let mut reader = AskReader::new(tariff.usage.as_ref(), model.as_deref());
    if let Some(body) = request.body {
        reader.body(body);
    }
    reader.asked().clone()
}

/// What the gate would reserve.
fn reserved(
    tariff: &Tariff,
    prices: Option<&PriceIndex>,
    asked: &Asked,
    has_request: bool,
) -> Result<Nanos, String> {
    match tariff.hold {
        Hold::Amount(amount) => Ok(amount.max(price::flat_cost(tariff).unwrap_or_default())),
        Hold::Worst { .. } if !has_request => {
            Err("the route's hold is \"worst\", which depends on \
                                                   the request: give it with --request, or an \
                                                   amount with --hold"
                .into())
        }
        Hold::Worst { .. } => {
            let model = asked.model.as_deref();
            let listed = model.and_then(|model| prices?.find(model));
            match (model, listed, prices) {
                (Some(model), None, Some(prices)) => Err(not_listed(model, prices)),
                _ => price::worst(tariff, listed, asked, asked.bytes).ok_or_else(|| {
                    "the request names no model whose prices are known, so its hold \"worst\" has no \
                     bound and the gate refuses it: give an amount with --hold"
                        .into()
                }),
            }
        }
    }
}

fn not_listed(model: &str, prices: &PriceIndex) -> String {
    let near = prices.nearest(model);
    let hint = match near.as_slice() {
        [] => "add it to the price list".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    format!(
        "the request's model {model:?} is not on the price list, so the gate refuses the call; {hint}"
    )
}
