//! Corrections of what was spent: who, why, how much; a line of the ledger for good.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use ledger::money::command::{Correction as Booked, Refusal};
use serde::{Deserialize, Serialize};
use wire::ids::BudgetName;
use wire::money::{MoneyError, Nanos};

use super::Refused;
use crate::door::Peer;
use crate::near;
use crate::service::Service;
use crate::service::desk::DeskError;

/// The longest id and the longest reason: they stay in the ledger for good.
const ID_BYTES_MAX: usize = 128;
const WHY_BYTES_MAX: usize = 4_096;

/// What is asked for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// Chosen by who asks, once for each correction: a repetition books nothing.
    pub id: String,
    /// Which budget; those above it are corrected with it.
    pub budget: String,
    /// Which period, as `spend show` names it; the present one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// Added to what was spent, as decimal text: `12.50`, or `-12.50` for a refund.
    pub amount: String,
    /// Why.
    pub why: String,
}

/// What was done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Corrected {
    /// The number of the ledger's entry.
    pub entry: u64,
    /// Who is on record for it.
    pub who: String,
}

pub(super) async fn correct(
    State(service): State<Arc<Service>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Bytes,
) -> Result<Json<Corrected>, Refused> {
    let asked: Correction = serde_json::from_slice(&body).map_err(|error| {
        Refused::new(StatusCode::BAD_REQUEST, "malformed", format!("not a correction: {error}"))
    })?;
    let budget = asked.budget.clone();
    let who = peer.describe();
    let booked = checked(asked, &who)?;
    let (id, amount) = (Arc::clone(&booked.id), booked.amount);
    match service.desk().correct(booked).await {
        Ok(entry) => {
            tracing::info!(entry, %id, budget, amount_nanos = amount, who, "spend corrected");
            Ok(Json(Corrected { entry, who }))
        }
        Err(error) => Err(refusal(&service, &budget, &error)),
    }
}

fn checked(asked: Correction, who: &str) -> Result<Booked, Refused> {
    let wrong = |field: &str, why: &str| {
        Err(Refused::new(StatusCode::BAD_REQUEST, "malformed", format!("{field}: {why}")))
    };
    if asked.id.is_empty() || asked.id.len() > ID_BYTES_MAX {
        return wrong("id", "expected 1 to 128 characters, another for each correction");
    }
    if asked.why.trim().is_empty() || asked.why.len() > WHY_BYTES_MAX {
        return wrong("why", "say why, in at most 4096 characters: it stays in the ledger");
    }
    let budget = match BudgetName::parse(&asked.budget) {
        Ok(budget) => budget,
        Err(error) => return wrong("budget", &error.to_string()),
    };
    let amount = match signed(&asked.amount) {
        Ok(0) => return wrong("amount", "0.00 corrects nothing"),
        Ok(amount) => amount,
        Err(error) => return wrong("amount", &error.to_string()),
    };
    Ok(Booked {
        id: asked.id.into(),
        budget,
        period: asked.period.map(Into::into),
        amount,
        who: who.into(),
        why: asked.why.into(),
    })
}

/// Decimal text that may be negative, in nano-units.
fn signed(text: &str) -> Result<i64, MoneyError> {
    let (amount, negative) = match text.strip_prefix('-') {
        Some(amount) => (amount, true),
        None => (text, false),
    };
    if amount.starts_with('-') {
        return Err(MoneyError::Form);
    }
    let nanos = i64::try_from(Nanos::parse(amount)?.0).map_err(|_| MoneyError::TooLarge)?;
    Ok(if negative { nanos.saturating_neg() } else { nanos })
}

fn refusal(service: &Service, budget: &str, error: &DeskError) -> Refused {
    let (status, code) = match error {
        DeskError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        DeskError::Store | DeskError::Closed => {
            (StatusCode::SERVICE_UNAVAILABLE, "money_unavailable")
        }
        DeskError::Unfit(_) => (StatusCode::BAD_REQUEST, "malformed"),
        DeskError::Refused(refusal) => match refusal {
            Refusal::NoBudget => return no_budget(service, budget),
            Refusal::NoPeriod => {
                let text = format!("budget {budget} has no such period; spend show lists them");
                return Refused::new(StatusCode::NOT_FOUND, "no_period", text);
            }
            Refusal::IdReused => (StatusCode::CONFLICT, "id_reused"),
            Refusal::TooLarge => (StatusCode::UNPROCESSABLE_ENTITY, "too_large"),
            Refusal::Stale { .. } | Refusal::Crowded | Refusal::TooMany => {
                (StatusCode::CONFLICT, "refused")
            }
        },
    };
    Refused::new(status, code, error.to_string())
}

fn no_budget(service: &Service, budget: &str) -> Refused {
    let names = service.book().budget_names();
    let near = near::nearest(budget, names.iter().map(BudgetName::as_str));
    let remedy = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    let text = format!("there is no budget {budget:?}{remedy}");
    Refused::new(StatusCode::NOT_FOUND, "no_budget", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_may_be_negative_and_is_exact() {
        assert_eq!(signed("12.50"), Ok(12_500_000_000));
        assert_eq!(signed("-0.000000001"), Ok(-1));
        assert_eq!(signed("-0"), Ok(0));
        for text in ["--1", "+1", "", "-", "1,50", "- 1"] {
            assert_eq!(signed(text), Err(MoneyError::Form), "{text:?}");
        }
        assert_eq!(signed("0.0000000001"), Err(MoneyError::TooFine));
    }
}
