//! A route with prices, and answers to be charged on it.

use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;

use admission::ask::Asked;
use admission::meter::{Bill, Meter};
use admission::price::PriceIndex;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::{Value, json};
use wire::money::{Nanos, Quantity};
use wire::tariff::Tariff;
use wire::usage::Kind;

/// How the calls of a route are charged.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) tariff: Value,
    pub(crate) models: Vec<Value>,
    pub(crate) asked: Asked,
    pub(crate) hold: u64,
}

/// A route as a gate has it: read once, for many calls.
pub(crate) struct Ready {
    pub(crate) tariff: Arc<Tariff>,
    pub(crate) prices: Option<Rc<PriceIndex>>,
    pub(crate) asked: Asked,
    pub(crate) hold: Nanos,
}

/// An answer to one of them.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The hold of calls that do not say otherwise.
pub(crate) const HOLD: u64 = 77_000_000;

impl Route {
    /// One that reads answers as this API's, of the model `m`, at 1.00 for a million of input, 0.1 for
    /// cached, and 5.00 for output.
    pub(crate) fn of(profile: &str) -> Self {
        let items = json!([
            ["input", 1_000_000],
            ["cache_read", 100_000],
            ["output", 5_000_000],
            ["web_search", 10_000_000_000_u64],
        ]);
        Self {
            tariff: json!({"usage": {"api": profile}, "prices": "list", "hold": {"amount": HOLD}}),
            models: vec![json!({"model": "m", "items": items})],
            asked: Asked { model: Some("m".into()), ..Asked::default() },
            hold: HOLD,
        }
    }

    /// One without a price list.
    pub(crate) fn with_tariff(tariff: Value) -> Self {
        Self { tariff, models: Vec::new(), asked: Asked::default(), hold: HOLD }
    }

    /// The same, as a gate has it.
    pub(crate) fn ready(&self) -> Ready {
        let tariff: Tariff = serde_json::from_value(self.tariff.clone()).unwrap();
        let list = json!({"name": "list", "models": self.models});
        let prices = (!self.models.is_empty())
            .then(|| Rc::new(PriceIndex::new(&serde_json::from_value(list).unwrap())));
        let asked = self.asked.clone();
        Ready { tariff: Arc::new(tariff), prices, asked, hold: Nanos(self.hold) }
    }

    /// A meter for a call of it.
    pub(crate) fn meter(&self) -> Meter {
        self.ready().meter()
    }

    /// The bill for an answer as it is; it is the same however it is cut.
    pub(crate) fn bill(&self, answer: &Answer) -> Bill {
        self.bill_ending(answer, true)
    }

    /// The same, of a stream that a reset ended.
    pub(crate) fn bill_cut_off(&self, answer: &Answer) -> Bill {
        self.bill_ending(answer, false)
    }

    fn bill_ending(&self, answer: &Answer, complete: bool) -> Bill {
        let ready = self.ready();
        let whole = ready.bill_for(answer, &[&answer.body], complete);
        let same = format!("{whole:?}");
        // Every place to cut in short bodies, so many in long ones.
        let step = answer.body.len() / 200 + 1;
        for cut in (0..answer.body.len()).step_by(step) {
            let (left, right) = answer.body.split_at(cut);
            let bill = ready.bill_for(answer, &[left, right], complete);
            assert_eq!(format!("{bill:?}"), same, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = answer.body.chunks(1).collect();
        assert_eq!(format!("{:?}", ready.bill_for(answer, &bytes, complete)), same, "byte by byte");
        whole
    }
}

impl Ready {
    /// A meter for a call.
    pub(crate) fn meter(&self) -> Meter {
        let Self { tariff, prices, asked, hold } = self;
        Meter::new(Arc::clone(tariff), prices.clone(), asked.clone(), *hold)
    }

    /// The bill for an answer that comes in these pieces.
    pub(crate) fn bill_for(&self, answer: &Answer, pieces: &[&[u8]], complete: bool) -> Bill {
        let mut meter = self.meter();
        meter.headers(answer.pairs());
        if meter.wants_body() {
            pieces.iter().for_each(|piece| meter.body(piece));
        }
        meter.settle(complete)
    }
}

impl Answer {
    /// A JSON document.
    pub(crate) fn json(body: impl ToString) -> Self {
        Self::new("application/json", body.to_string())
    }

    /// Events, each with this data.
    pub(crate) fn events<T: ToString>(data: impl IntoIterator<Item = T>) -> Self {
        let lines = data.into_iter().map(|data| format!("data: {}\n\n", data.to_string()));
        Self::new("text/event-stream", lines.collect::<String>())
    }

    pub(crate) fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![
            (":status".to_owned(), "200".to_owned()),
            ("content-type".to_owned(), content_type.to_owned()),
        ];
        Self { headers, body: body.into() }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.headers[0].1 = status.to_string();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn gzip(self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.body).unwrap();
        Self { body: encoder.finish().unwrap(), ..self.header("content-encoding", "gzip") }
    }

    pub(crate) fn zlib(self) -> Self {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.body).unwrap();
        Self { body: encoder.finish().unwrap(), ..self.header("content-encoding", "deflate") }
    }

    pub(crate) fn bare_deflate(self) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.body).unwrap();
        Self { body: encoder.finish().unwrap(), ..self.header("content-encoding", "deflate") }
    }

    /// Only the first bytes of the body come.
    pub(crate) fn cut(mut self, len: usize) -> Self {
        self.body.truncate(len);
        self
    }

    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
    }
}

/// What a bill counts, in whole units.
pub(crate) fn counts(bill: &Bill) -> Vec<(Kind, u64)> {
    bill.counts.iter().map(|(kind, amount)| (*kind, amount.0 / Quantity::ONE.0)).collect()
}
