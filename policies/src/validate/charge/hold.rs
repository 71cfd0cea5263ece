//! What a call reserves: an amount, or the worst that it can cost.

use wire::money::Nanos;

use super::super::amount::whole;
use super::super::fields::Fields;
use super::super::money;
use crate::bounds::PROMPT_TOKENS_MAX;
use crate::error::{Code, Problem, Report};

/// `hold` as written.
#[derive(Clone, Copy, Debug)]
pub(super) enum HoldWords {
    Amount(Nanos),
    /// By the request's size and its output limit; for a request without one, so many tokens. 0
    /// where none are said.
    Worst(u64),
}

/// Reads `hold` and `hold_output_tokens`; `Some(None)` if there is none.
pub(super) fn hold(fields: &Fields<'_, '_>, report: &mut Report<'_>) -> Option<Option<HoldWords>> {
    let output = fields.member("hold_output_tokens");
    let tokens = match output {
        Some(member) => {
            const REMEDY: &str = "write how many tokens an answer may have \
                                  whose request sets no limit, in digits only, as in 4096";
            whole(&member.node, 1..=PROMPT_TOKENS_MAX, REMEDY, report)
        }
        None => Some(0),
    };
    let Some(node) = fields.get("hold") else {
        return tokens.map(|_| None);
    };
    if node.value.as_text() == Some("worst") {
        return tokens.map(|tokens| Some(HoldWords::Worst(tokens)));
    }
    if let Some(member) = output {
        report.push(
            Problem::missing(
                Code::PriceForm,
                member.name_at,
                "\"hold_output_tokens\" says nothing beside a hold that is an amount",
            )
            .expected("\"hold\": \"worst\" beside it")
            .remedy("delete it, or write \"worst\" as the hold")
            .other(node.at, "the hold"),
        );
    }
    const EXPECTED: &str = "the most that one call may cost, as in \"0.25\", or \"worst\"";
    let amount = money::amount(node, EXPECTED, report)?;
    (output.is_none()).then_some(Some(HoldWords::Amount(amount)))
}
