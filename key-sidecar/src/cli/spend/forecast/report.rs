//! Forecasts for people, rounded to the cent, and for programs, to the nano-unit.

use serde_json::{Value, json};

use super::super::amount::Money;
use super::super::calendar::Calendar;
use super::super::table::{Column, table};
use super::{CapOutlook, Forecast, Outlook, scaled};
use crate::clock::timestamp;

/// The forecasts as people read them; money to the cent, because more digits would be a claim.
pub(super) fn report(forecasts: &[Forecast], calendar: &Calendar, currency: &str) -> String {
    let cells = |of: fn(&Outlook) -> String| forecasts.iter().map(move |one| of(&one.outlook));
    let notes = forecasts.iter().map(|one| remark(&one.outlook, calendar));
    table(vec![
        Column::words("BUDGET", forecasts.iter().map(|one| one.budget.to_string())),
        Column::words("PERIOD", forecasts.iter().map(|one| one.period.clone())),
        Column::money("CAP", forecasts.iter().map(|one| one.cap), "unlimited"),
        Column::figures("SPENT", forecasts.iter().map(|one| cents(one.spent))),
        Column::figures("EXPECTED", cells(expected)),
        Column::figures("LOW", cells(|outlook| bound(outlook, |(low, _)| low))),
        Column::figures("HIGH", cells(|outlook| bound(outlook, |(_, high)| high))),
        Column::words("", forecasts.iter().map(|_| currency.to_owned())),
        Column::words("CAP IS REACHED", notes),
    ])
}

fn expected(outlook: &Outlook) -> String {
    match outlook {
        Outlook::Expected { expected, .. } => cents(*expected),
        _ => "-".into(),
    }
}

fn bound(outlook: &Outlook, of: fn((Money, Money)) -> Money) -> String {
    match outlook {
        Outlook::Expected { range: Some(range), .. } => cents(of(*range)),
        _ => "-".into(),
    }
}

fn remark(outlook: &Outlook, calendar: &Calendar) -> String {
    match outlook {
        Outlook::TooEarly(from) => {
            format!("too early to say before {}", calendar.clock_time(*from))
        }
        Outlook::NoEnd => "the period has no end to look at".into(),
        Outlook::Expected { cap, .. } => match cap {
            CapOutlook::Unlimited => "there is none".into(),
            CapOutlook::Holds => "not in this period".into(),
            CapOutlook::ReachedAt(at) => format!("about {}", calendar.clock_time(*at)),
            CapOutlook::Reached => "already".into(),
        },
    }
}

/// To the nearest cent.
fn cents(amount: Money) -> String {
    const CENT: i128 = 10_000_000;
    let rounded = scaled(amount, 1, CENT).0.saturating_mul(CENT);
    Money(rounded).to_string()
}

/// The forecasts for programs, to the nano-unit.
pub(super) fn json(forecasts: &[Forecast], currency: &str) -> Value {
    let one = |forecast: &Forecast| {
        let mut line = json!({
            "budget": forecast.budget,
            "period": forecast.period,
            "cap": forecast.cap,
            "spent": forecast.spent,
        });
        match &forecast.outlook {
            Outlook::TooEarly(from) => line["not_before"] = json!(timestamp(*from)),
            Outlook::NoEnd => line["no_end"] = json!(true),
            Outlook::Expected { expected, range, cap } => {
                line["expected"] = json!(expected);
                line["low"] = json!(range.map(|(low, _)| low));
                line["high"] = json!(range.map(|(_, high)| high));
                line["cap_reached"] = match cap {
                    CapOutlook::Unlimited | CapOutlook::Holds => Value::Null,
                    CapOutlook::ReachedAt(at) => json!(timestamp(*at)),
                    CapOutlook::Reached => json!("already"),
                };
            }
        }
        line
    };
    json!({ "currency": currency, "budgets": forecasts.iter().map(one).collect::<Vec<_>>() })
}
