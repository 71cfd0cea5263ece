//! What the calls of a route cost, and what must be known of a call before it leaves.
//!
//! A call with a price list must name a model that is on it and that the client may use. The model
//! stands in the path or in the body; where a body must be read, [`Reads`] says how far.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use wire::ids::{PriceListName, ServiceName};
use wire::money::Nanos;
use wire::tariff::{Hold, ModelPrices, Tariff};
use wire::usage::{Profile, Usage};

use crate::ask::{self, AskReader, Asked};
use crate::denial::Reason;
use crate::meter;
use crate::price::{self, PriceIndex};

/// What must be known of a request besides its head before it leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reads {
    /// Nothing.
    Nothing,
    /// The model. If it does not stand in the path, the whole body: a second one may follow the first.
    Model,
    /// The body, whatever the path says.
    Body,
}

/// What the calls of a route cost.
#[derive(Debug)]
pub struct Fare {
    service: ServiceName,
    route: Arc<str>,
    tariff: Arc<Tariff>,
    prices: Option<Rc<PriceIndex>>,
    /// Where the price is known in advance.
    flat: Option<Flat>,
}

/// A price that is known in advance.
#[derive(Clone, Copy, Debug)]
struct Flat {
    /// What each billed call costs.
    cost: Nanos,
    /// What each call reserves.
    hold: Nanos,
}

/// The price lists of the policy by name.
pub(crate) type PriceLists = HashMap<PriceListName, Rc<PriceIndex>>;

impl Fare {
    pub(crate) fn new(
        service: ServiceName,
        route: Arc<str>,
        tariff: Arc<Tariff>,
        lists: &PriceLists,
    ) -> Self {
        let prices = tariff.prices.as_ref().and_then(|name| lists.get(name).cloned());
        let flat = price::flat_cost(&tariff).map(|cost| Flat {
            cost,
            hold: match tariff.hold {
                Hold::Amount(amount) => amount.max(cost),
                Hold::Worst { .. } => cost,
            },
        });
        Self { service, route, tariff, prices, flat }
    }

    /// The service that it is a route of.
    #[must_use]
    pub const fn service(&self) -> &ServiceName {
        &self.service
    }

    /// The route as policy writes it.
    #[must_use]
    pub const fn route(&self) -> &Arc<str> {
        &self.route
    }

    /// The price list that it uses.
    #[must_use]
    pub fn list(&self) -> Option<&PriceListName> {
        self.tariff.prices.as_ref()
    }

    pub(crate) const fn tariff(&self) -> &Arc<Tariff> {
        &self.tariff
    }

    pub(crate) const fn prices(&self) -> Option<&Rc<PriceIndex>> {
        self.prices.as_ref()
    }

    /// What must be known of a request, made by a client that may use these models only, if that is said.
    pub(crate) fn reads(&self, models: Option<&[Arc<str>]>) -> Reads {
        match &self.tariff.usage {
            _ if self.flat.is_some() => Reads::Nothing,
            Some(Usage::Api(profile)) if must_ask_for_usage(*profile) => Reads::Body,
            _ if matches!(self.tariff.hold, Hold::Worst { .. }) => Reads::Body,
            Some(_) if self.is_by_model(models) => Reads::Model,
            _ => Reads::Nothing,
        }
    }

    /// Whether a call must name a model, made by a client that may use these models only, if that is said.
    pub(crate) fn is_by_model(&self, models: Option<&[Arc<str>]>) -> bool {
        self.tariff.usage.is_some() && (self.tariff.prices.is_some() || models.is_some())
    }

    /// Whether a streamed answer says what it used only if it is asked to.
    pub(crate) fn must_ask_for_usage(&self) -> bool {
        matches!(&self.tariff.usage, Some(Usage::Api(profile)) if must_ask_for_usage(*profile))
    }

    /// What each call reserves, where its price is known in advance.
    pub(crate) fn flat_hold(&self) -> Option<Nanos> {
        self.flat.map(|flat| flat.hold)
    }

    /// What a call has cost whose price was known in advance, by the status of its answer.
    pub(crate) fn flat_cost(&self, status: u16) -> Nanos {
        let billed = self.flat.filter(|_| meter::bills(&self.tariff, status));
        billed.map_or(Nanos::ZERO, |flat| flat.cost)
    }

    /// Whether what a call has cost stands in the body of its answer.
    pub(crate) fn reads_answer(&self) -> bool {
        matches!(self.tariff.usage, Some(Usage::Api(_) | Usage::Json(_)))
    }

    /// A reader for the body of a call to `path`.
    pub(crate) fn reader(&self, path: &[u8]) -> AskReader {
        let usage = self.tariff.usage.as_ref();
        let model = match usage {
            Some(Usage::Api(profile)) => ask::model_in_path(*profile, path),
            _ => None,
        };
        AskReader::new(usage, model.as_deref())
    }

    /// What a call reserves whose price is not known in advance. `models` are those that the client may use; `None` is all on the list.
    ///
    /// # Errors
    /// The [`Reason`] why such a call does not leave.
    pub(crate) fn hold(
        &self,
        asked: &Asked,
        must_name_model: bool,
        request_bytes: u64,
        models: Option<&[Arc<str>]>,
    ) -> Result<Nanos, Reason> {
        if asked.duplicate {
            return Err(Reason::BodyAmbiguous);
        }
        if asked.unreadable {
            return Err(Reason::BodyUnreadable);
        }
        let model = asked.model.as_deref();
        if model.is_none() && must_name_model {
            return Err(Reason::ModelUnknown);
        }
        let prices = match (model, self.tariff.prices.is_some()) {
            (Some(model), true) => Some(self.priced(model)?),
            _ => None,
        };
        if let (Some(model), Some(models)) = (model, models)
            && !models
                .iter()
                .any(|one| **one == *model || prices.is_some_and(|own| own.model == *one))
        {
            return Err(Reason::ModelNotAllowed(models.iter().take(NAMES_MAX).cloned().collect()));
        }
        match self.tariff.hold {
            Hold::Amount(amount) => Ok(amount),
            Hold::Worst { .. } => price::worst(&self.tariff, prices, asked, request_bytes)
                .ok_or(Reason::CostUnbounded),
        }
    }

    fn priced(&self, model: &str) -> Result<&ModelPrices, Reason> {
        let list = self.prices.as_ref();
        list.and_then(|list| list.find(model)).ok_or_else(|| {
            let nearest = list.map(|list| list.nearest(model)).unwrap_or_default();
            Reason::ModelNotPriced(nearest.into_iter().map(Arc::from).collect())
        })
    }
}

/// A refusal names so many models at most.
const NAMES_MAX: usize = 5;

/// These APIs say what a streamed answer used in a last event that must be asked for; the others of
/// their family send it unasked, or refuse the question.
const fn must_ask_for_usage(profile: Profile) -> bool {
    matches!(profile, Profile::OpenaiChat | Profile::Deepseek)
}
