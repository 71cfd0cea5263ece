//! `spend correct`: a line of the ledger by a person, booked by the running service.
//!
//! The service alone writes the ledger and knows who asks. The id makes a repetition harmless: it is
//! printed before anything is sent, so that a command whose answer got lost can be repeated.

use std::io::{self, BufRead, IsTerminal};

use clap::Args;
use serde_json::json;
use wire::ids::BudgetName;

use super::super::output::{Failure, note, print, print_json};
use super::amount::Money;
use crate::admin::client::post;
use crate::admin::{CORRECT_PATH, Corrected, Correction};
use crate::config::Config;

/// Correct what was spent.
#[derive(Debug, Args)]
pub(in crate::cli) struct Correct {
    /// Which budget; those that it lies in are corrected with it
    #[arg(long, value_parser = BudgetName::parse)]
    budget: BudgetName,
    /// Which period, as `spend show` prints it; the present one if left out
    #[arg(long, value_name = "PERIOD")]
    period: Option<String>,
    /// Added to what was spent; below zero for a refund
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = parse_amount)]
    amount: Money,
    /// Why: it stays in the ledger for good
    #[arg(long)]
    why: String,
    /// Names this correction: repeating it with the same id books nothing twice
    #[arg(long)]
    id: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Correct {
    pub(super) async fn run(self, config: &Config) -> Result<(), Failure> {
        let (json, yes) = (self.json, self.yes);
        let correction = self.correction()?;
        if !yes {
            confirm(&correction)?;
        }
        note(&format!("correction {}: to repeat it, say --id {0}", correction.id));
        let booked: Corrected =
            post(&config.administration.socket, CORRECT_PATH, &correction).await?;
        match json {
            true => print_json(&json!({
                "entry": booked.entry, "who": booked.who, "id": correction.id,
            })),
            false => print(&format!("entry {}, by {}", booked.entry, booked.who)),
        }
    }

    fn correction(self) -> Result<Correction, Failure> {
        let id = match self.id {
            Some(id) => id,
            None => new_id()?,
        };
        Ok(Correction {
            id,
            budget: self.budget.to_string(),
            period: self.period,
            amount: self.amount.to_string(),
            why: self.why,
        })
    }
}

/// Asks the person at the terminal. Where there is none, nobody can be asked.
fn confirm(correction: &Correction) -> Result<(), Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::refused("nobody is there to confirm it: add --yes"));
    }
    note(&question(correction));
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    match matches!(answer.trim(), "y" | "yes") {
        true => Ok(()),
        false => Err(Failure::refused("nothing was booked")),
    }
}

fn question(correction: &Correction) -> String {
    let (verb, amount) = match correction.amount.strip_prefix('-') {
        Some(amount) => ("take off", amount),
        None => ("add", correction.amount.as_str()),
    };
    format!(
        "{verb} {amount} of what {} and the budgets above it have spent in {}, because: {}\nBook it? \
         [y/N]",
        correction.budget,
        correction.period.as_deref().unwrap_or("the present period"),
        correction.why
    )
}

fn parse_amount(text: &str) -> Result<Money, String> {
    match Money::parse(text) {
        Ok(Money::ZERO) => Err("0.00 corrects nothing".into()),
        Ok(amount) => Ok(amount),
        Err(error) => Err(format!("{error}; write -12.50 for a refund")),
    }
}

fn new_id() -> Result<String, Failure> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    Ok(format!("correct-{:016x}", u64::from_be_bytes(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_says_what_will_be_booked() {
        let mut correction = Correction {
            id: "1".into(),
            budget: "search-team".into(),
            period: None,
            amount: "-12.50".into(),
            why: "refund of invoice 7".into(),
        };
        assert!(question(&correction).starts_with(
            "take off 12.50 of what search-team and the budgets above it have spent in the present \
             period, because: refund of invoice 7"
        ));
        (correction.amount, correction.period) = ("3.00".into(), Some("2026-10".into()));
        assert!(question(&correction).starts_with("add 3.00 of what"));
        assert!(question(&correction).contains("in 2026-10"));
    }

    #[test]
    fn an_amount_of_nothing_and_one_with_a_comma_are_told() {
        assert_eq!(parse_amount("-12.50"), Ok(Money(-12_500_000_000)));
        assert!(parse_amount("0.00").unwrap_err().contains("corrects nothing"));
        assert!(parse_amount("-12,50").unwrap_err().contains("-12.50 for a refund"));
    }
}
