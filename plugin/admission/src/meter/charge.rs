//! The rule of every bill: what is billed, what was seen of it, and what is charged for it.

use std::sync::Arc;

use wire::budget::Basis;
use wire::money::{Nanos, Quantity};
use wire::tariff::ModelPrices;
use wire::usage::{Kind, Usage};

use super::Meter;
use super::bill::Bill;
use super::counts::{Counted, Counts};
use super::head::Billed;
use super::note::Note;
use super::report::Report;
use super::role::Name;
use crate::price::{Priced, Prices, price};

/// What was seen of a billed answer.
struct Seen {
    counted: Counted,
    any: bool,
    whole: bool,
    stated: Option<u128>,
    /// What the cost rests on if all is well.
    basis: Basis,
}

impl Meter {
    /// The bill for what has gone by. `complete` says whether the answer ended by itself.
    pub(super) fn bill(&self, complete: bool) -> Bill {
        let filtered = self.body.as_ref().is_some_and(|body| body.is_filtered());
        match self.billed {
            Billed::Yes => self.billed_answer(complete),
            Billed::IfFiltered if filtered => {
                let mut bill = Bill::new(self.hold, Basis::Reserve, self.status);
                bill.notes.push(Note::ContentFilter);
                bill
            }
            Billed::No | Billed::IfFiltered => {
                let mut bill = Bill::new(Nanos::ZERO, Basis::Zero, self.status);
                bill.picos = Some(0);
                bill.notes.push(Note::NotBilled);
                bill
            }
        }
    }

    fn billed_answer(&self, complete: bool) -> Bill {
        let mut seen = self.seen(complete);
        self.count_transfer(&mut seen.counted.counts);
        let (model, model_notes) = self.model();
        let served = self.report().map(served).unwrap_or_default();
        let total_input = seen.counted.counts.total_input();
        let prices = Prices { model, rates: &self.tariff.rates, served: &served, total_input };
        if prices.has(Kind::OutputReasoning) {
            let reasoning = seen.counted.reasoning.min(seen.counted.counts.get(Kind::Output));
            seen.counted.counts.remove(Kind::Output, reasoning);
            seen.counted.counts.add(Kind::OutputReasoning, reasoning);
        }
        let counts = seen.counted.counts;
        let mut notes = std::mem::take(&mut seen.counted.notes);
        if seen.stated == Some(0) && counts.has_tokens() {
            seen.stated = None;
            notes.push(Note::ZeroCostNotBelieved);
        }
        let priced = match seen.stated {
            // The provider has the last word; only what policy charges for the call itself is added.
            Some(stated) => {
                seen.basis = Basis::ProviderCost;
                price(&transfer(&counts), stated, prices)
            }
            None => {
                notes.extend(model_notes);
                price(&counts, 0, prices)
            }
        };
        notes.extend(priced.notes.iter().cloned());
        let mut bill = self.decide(&seen, &priced);
        bill.counts = counts.iter().filter_map(|(kind, amount)| Some((kind, amount?))).collect();
        bill.total_input = total_input;
        bill.variant = priced.variant;
        bill.rows = priced.rows;
        bill.picos = priced.picos.filter(|_| bill.measured.is_some());
        bill.notes = notes;
        bill
    }

    /// The rule of every bill: whole usage is charged as it is, anything less at the hold at least.
    fn decide(&self, seen: &Seen, priced: &Priced) -> Bill {
        let measured = priced.cost.filter(|_| seen.any);
        match measured {
            Some(cost) if seen.whole && !priced.partial => {
                let mut bill = Bill::new(cost, seen.basis, self.status);
                bill.measured = measured;
                bill
            }
            _ => {
                let has_price = seen.stated.is_some() || !priced.rows.is_empty();
                let basis =
                    if seen.any && has_price { Basis::MaxUsageReserve } else { Basis::Reserve };
                let least = priced.cost.unwrap_or_default();
                let mut bill = Bill::new(self.hold.max(least), basis, self.status);
                bill.measured = measured.filter(|_| has_price);
                bill
            }
        }
    }

    /// What the answer showed.
    fn seen(&self, complete: bool) -> Seen {
        let mut counted = Counted::default();
        if !self.head_seen {
            counted.notes.push(Note::NoAnswer);
            return Seen { counted, any: false, whole: false, stated: None, basis: Basis::Reserve };
        }
        match (&self.tariff.usage, &self.body) {
            (None, _) => {
                let by_bytes = self.has_rate(Kind::BytesIn) || self.has_rate(Kind::BytesOut);
                let basis = if by_bytes { Basis::Bytes } else { Basis::Flat };
                let whole = complete || !by_bytes;
                if !whole {
                    counted.notes.push(Note::Cut);
                }
                Seen { counted, any: true, whole, stated: None, basis }
            }
            (Some(Usage::Header(header)), _) => {
                let mut stated = None;
                match (self.header, header.counts) {
                    (None, _) => counted.notes.push(Note::NoUsage),
                    (Some(Err(_)), _) => counted.notes.push(Note::UnreadableNumber),
                    (Some(Ok(amount)), Some(kind)) => counted.counts.add(kind, amount),
                    (Some(Ok(amount)), None) => stated = Some(amount),
                }
                let any = matches!(self.header, Some(Ok(_)));
                Seen { counted, any, whole: any, stated, basis: Basis::HeaderUnits }
            }
            (Some(_), Some(body)) => {
                let usage = body.usage(complete);
                Seen {
                    counted: usage.counted,
                    any: usage.seen,
                    whole: usage.whole,
                    stated: usage.stated,
                    basis: Basis::Usage,
                }
            }
            (Some(_), None) => {
                counted.notes.push(Note::NoUsage);
                Seen { counted, any: false, whole: false, stated: None, basis: Basis::Reserve }
            }
        }
    }

    /// Counts the call and its bytes, where they have a price.
    fn count_transfer(&self, counts: &mut Counts) {
        let one = u128::from(Quantity::ONE.0);
        if self.has_rate(Kind::Call) && counts.get(Kind::Call) == 0 {
            counts.add(Kind::Call, one);
        }
        for (kind, bytes) in [(Kind::BytesIn, self.bytes_in), (Kind::BytesOut, self.bytes_out)] {
            if self.has_rate(kind) {
                counts.add(kind, u128::from(bytes).saturating_mul(one));
            }
        }
    }

    /// The prices of the model that served. An answer may name it otherwise than the list does, as with
    /// dated snapshots: then those of the model that was asked for and admitted.
    fn model(&self) -> (Option<&ModelPrices>, Option<Note>) {
        let Some(prices) = &self.prices else { return (None, None) };
        let served = self.report().and_then(|report| report.name(Name::Model));
        if let Some(found) = served.and_then(|served| prices.find(served)) {
            return (Some(found), None);
        }
        let Some(found) = self.asked.model.as_deref().and_then(|asked| prices.find(asked)) else {
            return (None, Some(Note::NoPrices));
        };
        let note = served.map(|served| Note::ModelNotListed {
            served: served.into(),
            priced_as: Arc::clone(&found.model),
        });
        (Some(found), note)
    }
}

/// How the answer says it was served.
fn served(report: &Report) -> Vec<String> {
    [
        (Name::ServiceTier, "service_tier"),
        (Name::TrafficType, "trafficType"),
        (Name::Speed, "speed"),
        (Name::InferenceGeo, "inference_geo"),
    ]
    .into_iter()
    .filter_map(|(name, field)| Some(format!("{field}={}", report.name(name)?)))
    .collect()
}

/// The call and its bytes alone.
fn transfer(counts: &Counts) -> Counts {
    let mut alone = Counts::default();
    for kind in [Kind::Call, Kind::BytesIn, Kind::BytesOut] {
        alone.add(kind, counts.get(kind));
    }
    alone
}
