//! What a settlement was priced with: the ledger keeps the price list's name and what was counted,
//! the policy keeps the prices.
//!
//! A list's name is dated and its prices do not change (POLICY), so they can be looked up again, and
//! are multiplied by the code of the gate. How a call was served (`service_tier=flex`) is not in the
//! ledger, so every way that the list knows is a candidate; the one whose products come to the booked
//! cost is the right one, and `lines` proves it.

use std::collections::HashMap;
use std::sync::Arc;

use admission::price::{PriceIndex, PriceRow, products};
use wire::budget::Settlement;
use wire::facts::ServiceFacts;
use wire::ids::{PriceListName, ServiceName};
use wire::tariff::{Charge, ModelPrices, PriceList, Tariff};

use super::super::amount::Exact;
use super::lines::{Item, Line};

/// The prices of a policy, by what settlements name.
#[derive(Debug, Default)]
pub(super) struct Prices {
    tariffs: HashMap<(ServiceName, Arc<str>), Arc<Tariff>>,
    unlisted: HashMap<ServiceName, Arc<Tariff>>,
    lists: HashMap<PriceListName, List>,
}

/// A price list.
#[derive(Debug)]
struct List {
    index: PriceIndex,
    models: Vec<ModelPrices>,
}

impl Prices {
    /// The prices of these routes and lists.
    pub(super) fn new(
        services: &[ServiceFacts],
        lists: impl IntoIterator<Item = PriceList>,
    ) -> Self {
        let mut prices = Self::default();
        for service in services {
            for route in &service.routes {
                if let Charge::Priced(tariff) = &route.charge {
                    let name = (service.name.clone(), route.pattern.to_string().into());
                    prices.tariffs.insert(name, tariff.clone());
                }
            }
            if let Some(Charge::Priced(tariff)) = &service.unlisted {
                prices.unlisted.insert(service.name.clone(), tariff.clone());
            }
        }
        for list in lists {
            let index = PriceIndex::new(&list);
            prices.lists.insert(list.name, List { index, models: list.models });
        }
        prices
    }

    /// The products of each way in which the settlement may have been priced.
    pub(super) fn candidates<'s>(
        &'s self,
        settlement: &'s Settlement,
    ) -> impl Iterator<Item = Vec<Line>> + 's {
        let route = (settlement.service.clone(), settlement.route.clone());
        let tariff = self.tariffs.get(&route).or_else(|| self.unlisted.get(&settlement.service));
        let rates = tariff.map(|tariff| tariff.rates.as_slice()).unwrap_or_default();
        let named = settlement.prices.as_ref().zip(settlement.model.as_deref());
        let models = named.and_then(|(list, model)| Some(self.lists.get(list)?.priced_as(model)));
        let models = models
            .filter(|models| !models.is_empty())
            .map_or(vec![None], |models| models.into_iter().map(Some).collect());
        models.into_iter().flat_map(move |model| {
            ways(model).filter_map(move |served| {
                let rows = products(rates, model, &settlement.counts, &served)?;
                rows.iter().map(line).collect()
            })
        })
    }
}

impl List {
    /// The models whose prices a call can have had that this one served: the model itself or, if the
    /// list does not have it, the one that was asked for. Providers answer `gpt-5-mini` with
    /// `gpt-5-mini-2026-08-07`, so that is one with which its name begins.
    fn priced_as(&self, served: &str) -> Vec<&ModelPrices> {
        if let Some(model) = self.index.find(served) {
            return vec![model];
        }
        let mut models: Vec<_> =
            self.models.iter().filter(|model| served.starts_with(&*model.model)).collect();
        models.sort_by_key(|model| std::cmp::Reverse(model.model.len()));
        models
    }
}

/// The ways to be served that a model has prices for, as answers say them; none first.
fn ways(model: Option<&ModelPrices>) -> impl Iterator<Item = Vec<String>> {
    let variants = model.into_iter().flat_map(|model| &model.variants);
    std::iter::once(Vec::new()).chain(variants.map(|variant| vec![variant.when.clone()]))
}

/// `None` where the product has no last digit.
fn line(row: &PriceRow) -> Option<Line> {
    let (picos, micros) = (row.picos.0, u128::from(row.quantity.0));
    let cost = Exact::product(picos, micros, row.per)?;
    let item = Item::Metered { kind: row.kind, picos, per: row.per };
    Some(Line { item, micros, cost, calls: 0 })
}
