//! FOCUS 1.2 (FinOps Open Cost and Usage Specification): the 21 mandatory columns, those of the
//! others that a meter can fill, and our own, named `x_`, last.
//!
//! A row is an hour or a day of one client, service, model, kind and price. Usage rows have
//! `ListCost = ListUnitPrice x PricingQuantity` to the last digit; a cost that is no such product
//! (`reserve`, `provider_cost`, `unsplit`) is that many units of currency at a price of 1. What no
//! call has used is an `Adjustment`: rounding, presumed spend, corrections, whose `ChargeClass` is
//! `Correction` where the period had ended. The sum of `BilledCost` is the ledger's.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::json;
use wire::ids::{BudgetName, ClientName, PriceListName, ServiceName};

use super::super::amount::Exact;
use super::super::calendar::{Calendar, Grain, Span};
use super::super::charge::{Book, Charge, Spent};
use super::lines::{Item, Line, lines};
use super::prices::Prices;
use super::rows::{Row, Rows};
use super::sheet::{Sheet, text};
use super::unit::{PricingUnit, counted, meter, quantity};
use crate::clock::timestamp;

/// The columns: the mandatory ones, then those of the others that we fill, then ours.
pub(super) const COLUMNS: [&str; 46] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ChargeFrequency",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "x_BudgetPath",
    "x_Client",
    "x_EstimatedCost",
    "x_Kind",
    "x_PriceList",
    "x_RequestCount",
    "x_SettleReason",
];

/// What tells rows apart; the time first, so that rows leave in its order.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    bucket: Span,
    path: String,
    budget: Option<BudgetName>,
    client: Option<ClientName>,
    service: Option<ServiceName>,
    model: Option<Arc<str>>,
    prices: Option<PriceListName>,
    item: Item,
    /// The basis of calls, the words of a correction.
    reason: String,
    late: bool,
}

/// Whose bill it is.
#[derive(Clone, Debug)]
pub(super) struct Issuer {
    pub(super) organization: Arc<str>,
    pub(super) currency: Arc<str>,
    pub(super) calendar: Calendar,
}

/// A FOCUS file that is being written.
#[derive(Debug)]
pub(super) struct Focus<W: Write> {
    sheet: Sheet<W>,
    rows: Rows<Key>,
    issuer: Issuer,
    grain: Grain,
}

impl<W: Write> Focus<W> {
    pub(super) fn new(out: W, issuer: Issuer, grain: Grain) -> io::Result<Self> {
        Ok(Self { sheet: Sheet::new(out, COLUMNS)?, rows: Rows::new(), issuer, grain })
    }

    pub(super) fn add(&mut self, charge: &Charge<'_>, prices: &Prices) -> io::Result<()> {
        let too_large = || io::Error::other("an amount is larger than any ledger holds");
        for line in lines(charge, prices).ok_or_else(too_large)? {
            let key = self.key(charge, &line);
            self.rows.add(key, &line).ok_or_else(too_large)?;
        }
        for (key, row) in self.rows.overflow() {
            write(&mut self.sheet, &self.issuer, &key, row)?;
        }
        Ok(())
    }

    /// Ends the file; says how many rows it has.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        for (key, row) in self.rows.finish() {
            write(&mut self.sheet, &self.issuer, &key, row)?;
        }
        self.sheet.finish()
    }

    fn key(&self, charge: &Charge<'_>, line: &Line) -> Key {
        let call = charge.call();
        Key {
            bucket: self.issuer.calendar.bucket(charge.at, self.grain),
            path: Book::path(charge.accounts),
            budget: charge.budget().cloned(),
            client: call.map(|call| call.client.clone()),
            service: call.map(|call| call.service.clone()),
            model: call.and_then(|call| call.model.clone()),
            prices: call.and_then(|call| call.prices.clone()),
            item: line.item,
            reason: match charge.what {
                Spent::Call(call) => call.basis.to_string(),
                Spent::Presumed(_) => "presumed".into(),
                Spent::Corrected { who, why, .. } => format!("corrected by {who}: {why}"),
            },
            late: charge.late,
        }
    }
}

/// What a row says of quantity and price; empty cells are nulls.
#[derive(Debug, Default)]
struct Pricing {
    pricing_quantity: String,
    pricing_unit: String,
    unit_price: String,
    consumed_quantity: String,
    consumed_unit: String,
    category: &'static str,
}

/// `None` where an exact decimal does not exist; `lines` has let nothing of that kind through.
fn pricing(item: Item, row: Row, currency: &str) -> Option<Pricing> {
    Some(match item {
        Item::Metered { kind, picos, per } => {
            let unit = PricingUnit::of(kind, per);
            Pricing {
                pricing_quantity: unit.quantity(row.micros)?,
                unit_price: unit.price(picos)?,
                pricing_unit: unit.name,
                consumed_quantity: quantity(row.micros),
                consumed_unit: counted(kind).to_owned(),
                category: "Standard",
            }
        }
        Item::ProviderCost | Item::Reserve | Item::Unsplit => Pricing {
            pricing_quantity: row.cost.to_string(),
            pricing_unit: currency.to_owned(),
            unit_price: "1".to_owned(),
            consumed_quantity: row.calls.to_string(),
            consumed_unit: "Requests".to_owned(),
            category: "Other",
        },
        Item::Rounding | Item::Presumed | Item::Correction(_) => Pricing::default(),
    })
}

fn write<W: Write>(sheet: &mut Sheet<W>, issuer: &Issuer, key: &Key, row: Row) -> io::Result<()> {
    if row.cost.is_zero() && !matches!(key.item, Item::Metered { .. }) {
        return Ok(());
    }
    let no_decimal = || io::Error::other("a price has no exact decimal");
    let pricing = pricing(key.item, row, &issuer.currency).ok_or_else(no_decimal)?;
    let used = !matches!(key.item, Item::Rounding | Item::Presumed | Item::Correction(_));
    let month = issuer.calendar.month(key.bucket.starts);
    let cost = row.cost.to_string();
    let service = key.service.as_ref().map_or("budgets", |service| service.as_str());
    let provider = key.service.as_ref().map_or(&*issuer.organization, |service| service.as_str());
    let model = key.model.as_deref().map(text).unwrap_or_default();
    let (category, subcategory) = service_category(key);
    let sku = sku(key, used);
    let estimated = if key.item == Item::Reserve { row.cost } else { Exact::ZERO };
    let cells: [&str; COLUMNS.len()] = [
        &cost,
        &issuer.organization,
        &issuer.organization,
        &issuer.currency,
        &end(month),
        &start(month),
        if used { "Usage" } else { "Adjustment" },
        if key.late { "Correction" } else { "" },
        &text(&description(key)),
        &end(key.bucket),
        &start(key.bucket),
        &cost,
        &cost,
        provider,
        &cost,
        &pricing.pricing_quantity,
        &pricing.pricing_unit,
        provider,
        provider,
        category,
        service,
        if used { "Usage-Based" } else { "One-Time" },
        &pricing.consumed_quantity,
        &pricing.consumed_unit,
        &pricing.unit_price,
        &pricing.unit_price,
        pricing.category,
        &issuer.currency,
        &model,
        &model,
        if model.is_empty() { "" } else { "Model" },
        subcategory,
        &sku.id,
        sku.meter,
        &sku.price,
        key.budget.as_ref().map_or("", |budget| budget.as_str()),
        key.budget.as_ref().map_or("", |budget| budget.as_str()),
        if key.budget.is_some() { "Budget" } else { "" },
        &tags(key),
        &key.path,
        key.client.as_ref().map_or("", |client| client.as_str()),
        &estimated.to_string(),
        key.item.word(),
        key.prices.as_ref().map_or("", |prices| prices.as_str()),
        &row.calls.to_string(),
        &text(&key.reason),
    ];
    sheet.row(cells)
}

/// Of FOCUS's closed lists: what has a model is AI, anything else we do not know.
fn service_category(key: &Key) -> (&'static str, &'static str) {
    match key.model {
        Some(_) => ("AI and Machine Learning", "Generative AI"),
        None => ("Other", "Other (Other)"),
    }
}

/// What is sold, and at which price.
#[derive(Debug, Default)]
struct Sku {
    id: String,
    meter: &'static str,
    price: String,
}

fn sku(key: &Key, used: bool) -> Sku {
    let Some(service) = key.service.as_ref().filter(|_| used) else {
        return Sku::default();
    };
    let model = key.model.as_deref().map_or(String::new(), |model| format!("/{model}"));
    let id = format!("{service}{model}/{}", key.item.word());
    let (meter, price) = match key.item {
        Item::Metered { kind, picos, per } => {
            let list = key.prices.as_ref().map_or("rates", |prices| prices.as_str());
            (meter(kind), format!("{list}:{id}:{picos}:{per}"))
        }
        Item::ProviderCost => ("Cost stated by the provider", format!("stated:{id}")),
        Item::Reserve => ("Settled at the hold", format!("stated:{id}")),
        _ => ("Cost without a known price", format!("stated:{id}")),
    };
    Sku { id, meter, price }
}

fn description(key: &Key) -> String {
    match (&key.item, &key.model) {
        (Item::Correction(number), _) => format!("entry {number}, {}", key.reason),
        (Item::Presumed, _) => "lent to a gateway that did not settle it: presumed spent".into(),
        (Item::Rounding, _) => "each call is rounded up to nano-units".into(),
        (item, Some(model)) => format!("{model}, {}", item.word()),
        (item, None) => item.word().into(),
    }
}

fn tags(key: &Key) -> String {
    match &key.client {
        Some(client) => json!({ "budget": key.path, "client": client }).to_string(),
        None => json!({ "budget": key.path }).to_string(),
    }
}

fn start(span: Span) -> String {
    timestamp(span.starts).to_string()
}

fn end(span: Span) -> String {
    span.ends.map_or(String::new(), |ends| timestamp(ends).to_string())
}

#[cfg(test)]
mod tests;
