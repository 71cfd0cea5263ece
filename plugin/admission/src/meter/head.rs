//! The head of an answer: status, form, and the numbers that stand in headers.

use std::str;

use wire::tariff::Tariff;
use wire::usage::{HeaderUsage, Profile, Usage};

use super::counter::Counter;
use super::inflate::Encoding;
use super::number::Unusable;
use super::profile::Reading;

/// What matters of an answer's head. Names come in lower case.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// `:status`; 0 if there is none.
    pub status: u16,
    /// `content-type`.
    pub content_type: &'a [u8],
    /// `content-encoding`.
    pub content_encoding: &'a [u8],
    /// The provider's id, where it is in a header.
    pub id: Option<&'a [u8]>,
    /// How Bedrock served it.
    pub bedrock_tier: Option<&'a [u8]>,
    /// What Bedrock counted: prompt and generated tokens.
    pub bedrock_tokens: (Option<&'a [u8]>, Option<&'a [u8]>),
}

impl<'a> Answer<'a> {
    /// Reads the head.
    pub fn read(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut answer = Self {
            status: 0,
            content_type: &[],
            content_encoding: &[],
            id: None,
            bedrock_tier: None,
            bedrock_tokens: (None, None),
        };
        let mut encodings = 0_u32;
        for (name, value) in pairs {
            match name {
                b":status" => {
                    let status = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    answer.status = status.unwrap_or_default();
                }
                b"content-type" => answer.content_type = value,
                b"content-encoding" => {
                    encodings = encodings.saturating_add(1);
                    // Several at once are not read, in however many headers they stand.
                    answer.content_encoding = if encodings == 1 { value } else { b"several" };
                }
                b"x-request-id" | b"request-id" | b"x-amzn-requestid" | b"apim-request-id" => {
                    answer.id = answer.id.or(Some(value));
                }
                b"x-amzn-bedrock-service-tier" => answer.bedrock_tier = Some(value),
                b"x-amzn-bedrock-input-token-count" => answer.bedrock_tokens.0 = Some(value),
                b"x-amzn-bedrock-output-token-count" => answer.bedrock_tokens.1 = Some(value),
                _ => {}
            }
        }
        answer
    }

    /// How the body is encoded.
    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::of(self.content_encoding)
    }
}

/// Whether an answer is billed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Billed {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It is if it names the content filter.
    IfFiltered,
}

impl Billed {
    /// What the tariff says of the status; where it says nothing, what is known of the API.
    pub(crate) fn of(status: u16, tariff: &Tariff, reading: Option<&Reading>) -> Self {
        let knows_refusals = reading.is_some_and(|reading| reading.bills_refusals);
        let billed = if tariff.billable.is_empty() {
            match status {
                200..=299 => true,
                400 if knows_refusals => return Self::IfFiltered,
                408 => knows_refusals,
                _ => false,
            }
        } else {
            tariff.billable.iter().any(|range| (range.from..=range.to).contains(&status))
        };
        if billed { Self::Yes } else { Self::No }
    }
}

/// How the body of this tariff's answers is read; `None` if nothing of it matters.
pub(crate) fn reading(tariff: &Tariff) -> Option<Reading> {
    match tariff.usage.as_ref()? {
        Usage::Api(profile) => Some(Reading::of(*profile)),
        Usage::Json(json) => Some(Reading::of_json(json)),
        Usage::Header(_) => None,
    }
}

/// The number that a header states; of several, the largest. `None` if there is none.
pub(crate) fn stated<'a>(
    usage: &HeaderUsage,
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Option<Result<u128, Unusable>> {
    let counter = if usage.counts.is_some() { Counter::Unit } else { Counter::Cost };
    pairs
        .filter(|(name, _)| *name == usage.name.as_bytes())
        .map(|(_, value)| counter.read(value.trim_ascii()))
        .reduce(|left, right| match (left, right) {
            (Ok(left), Ok(right)) => Ok(left.max(right)),
            (Err(error), _) | (_, Err(error)) => Err(error),
        })
}

/// Whether Bedrock's headers count for this tariff.
pub(crate) const fn is_bedrock(tariff: &Tariff) -> bool {
    matches!(tariff.usage, Some(Usage::Api(Profile::BedrockInvoke | Profile::BedrockConverse)))
}
