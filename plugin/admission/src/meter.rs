//! How much an answer cost, read from it as it goes by.
//!
//! A [`Meter`] sees the head of an answer and the pieces of its body, cut anywhere, and says at the end
//! what the call is charged. The way of a body is the list of modules: `inflate`, `framing` with
//! `documents`, `sse` and `eventstream`, `scan` for the places that `profile` names, `report`
//! for what stood there, the profile's rule for disjoint `counts`, and [`crate::price`] for money.
//!
//! What is billed and did not show its whole usage is charged the larger of the hold and what was
//! measured: never zero, never lost. A reported zero is a report; `null` is none.

use std::rc::Rc;
use std::str;
use std::sync::Arc;

use wire::money::Nanos;
use wire::tariff::Tariff;
use wire::usage::{Kind, Usage};

use crate::ask::Asked;
use crate::price::PriceIndex;

pub use self::bill::Bill;
pub use self::head::Answer;
pub use self::note::Note;

use self::body::Body;
use self::counter::Counter;
use self::head::Billed;
use self::number::Unusable;
use self::report::Report;
use self::role::Name;

mod base64;
mod bill;
mod body;
mod charge;
pub(crate) mod counter;
pub(crate) mod counts;
mod documents;
mod eventstream;
mod framing;
mod gather;
mod head;
mod inflate;
pub(crate) mod note;
pub(crate) mod number;
mod profile;
mod report;
mod role;
pub(crate) mod scan;
mod sse;
mod text;
pub(crate) mod tree;

/// The meter of one stream.
///
/// It keeps at most 64 KiB whatever comes, as `tests/meter_memory.rs` counts: 32 KiB of window and 11 KiB
/// of tables if the body is compressed; a number for each place that the profile names (under 4 KiB), three
/// tallies of 1 KiB; at most 128 bytes for each of the answer's names, 256 for the string that is being
/// read, 1 KiB for the headers of an event stream's message. That is under 50 KiB, and nothing grows with
/// the body. The places themselves are shared by all streams of a profile; those that a policy names for
/// a JSON answer are at most one for each kind, and belong to the stream.
#[derive(Debug)]
pub struct Meter {
    tariff: Arc<Tariff>,
    prices: Option<Rc<PriceIndex>>,
    asked: Asked,
    hold: Nanos,
    status: u16,
    billed: Billed,
    head_seen: bool,
    /// The number that a header states, where the tariff looks there.
    header: Option<Result<u128, Unusable>>,
    /// What Bedrock's headers count, where its body does not.
    bedrock: (Option<u128>, Option<u128>),
    header_id: Option<String>,
    body: Option<Box<Body>>,
    bytes_in: u64,
    bytes_out: u64,
}

impl Meter {
    /// A meter for an answer of a route with this `tariff`. `prices` is the price list that it names,
    /// `asked` what the request said, `hold` what is reserved for the call.
    #[must_use]
    pub fn new(
        tariff: Arc<Tariff>,
        prices: Option<Rc<PriceIndex>>,
        asked: Asked,
        hold: Nanos,
    ) -> Self {
        Self {
            tariff,
            prices,
            asked,
            hold,
            status: 0,
            billed: Billed::Yes,
            head_seen: false,
            header: None,
            bedrock: (None, None),
            header_id: None,
            body: None,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// The answer's status and headers, names in lower case.
    pub fn headers<'a>(&mut self, pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) {
        let answer = Answer::read(pairs.clone());
        let reading = head::reading(&self.tariff);
        self.head_seen = true;
        self.status = answer.status;
        self.billed = Billed::of(answer.status, &self.tariff, reading.as_ref());
        self.header_id = answer
            .id
            .and_then(|id| str::from_utf8(id).ok())
            .filter(|id| id.len() <= ID_MAX)
            .map(Into::into);
        if let Some(Usage::Header(header)) = &self.tariff.usage {
            self.header = head::stated(header, pairs);
        }
        let bedrock = head::is_bedrock(&self.tariff);
        if bedrock {
            let tokens = |value: Option<&[u8]>| value.and_then(|text| number::count(text).ok());
            let (input, output) = answer.bedrock_tokens;
            self.bedrock = (tokens(input), tokens(output));
        }
        self.body = reading
            .filter(|_| self.billed != Billed::No)
            .map(|reading| Box::new(Body::new(reading, &answer, bedrock)));
    }

    /// Whether the body must be read at all: not if the price is known from the head, or nothing can be
    /// read.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        let counts_bytes = self.billed != Billed::No && self.has_rate(Kind::BytesOut);
        counts_bytes || self.body.as_ref().is_some_and(|body| body.is_readable())
    }

    /// A piece of the answer's body, cut anywhere.
    pub fn body(&mut self, piece: &[u8]) {
        self.bytes_out = self.bytes_out.saturating_add(length(piece));
        if let Some(body) = &mut self.body {
            body.push(piece);
        }
    }

    /// So many bytes of the request's body went by.
    pub fn request_bytes(&mut self, count: u64) {
        self.bytes_in = self.bytes_in.saturating_add(count);
    }

    /// The stream is over. `complete` says whether the answer ended by itself, rather than by a reset.
    /// To be called once.
    pub fn settle(&mut self, complete: bool) -> Bill {
        if let Some(body) = &mut self.body {
            body.finish();
            if self.billed == Billed::Yes {
                let (input, output) = self.bedrock;
                body.fill(Counter::Input, input);
                body.fill(Counter::Output, output);
            }
        }
        let mut bill = self.bill(complete);
        let report = self.report();
        let named = report.and_then(|report| report.name(Name::Model)).map(Arc::from);
        bill.model = named.or_else(|| self.asked.model.clone());
        let id = report.and_then(|report| report.name(Name::Id)).map(Into::into);
        bill.upstream_id = id.or_else(|| self.header_id.clone());
        self.body = None;
        bill
    }

    /// The cost, where it is known as soon as the headers are there: of calls priced in advance, by a
    /// header, or not at all.
    #[must_use]
    pub fn known_cost(&self) -> Option<Nanos> {
        if !self.head_seen {
            return None;
        }
        let by_bytes = self.has_rate(Kind::BytesIn) || self.has_rate(Kind::BytesOut);
        let known = match (self.billed, &self.tariff.usage) {
            (Billed::No, _) => true,
            (Billed::IfFiltered, _) => false,
            (Billed::Yes, None | Some(Usage::Header(_))) => !by_bytes,
            (Billed::Yes, Some(_)) => false,
        };
        known.then(|| self.bill(true).cost)
    }

    fn report(&self) -> Option<&Report> {
        self.body.as_deref().map(Body::report)
    }

    fn has_rate(&self, kind: Kind) -> bool {
        self.tariff.rates.iter().any(|rate| rate.kind == kind)
    }
}

/// Whether an answer of this status is billed, where the body of an answer says nothing about that.
pub(crate) fn bills(tariff: &Tariff, status: u16) -> bool {
    Billed::of(status, tariff, None) == Billed::Yes
}

/// The longest id that is taken from a header.
const ID_MAX: usize = 128;

fn length(piece: &[u8]) -> u64 {
    u64::try_from(piece.len()).unwrap_or(u64::MAX)
}
