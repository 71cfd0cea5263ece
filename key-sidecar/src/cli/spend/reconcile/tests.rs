use wire::budget::{Basis, Settlement};

use super::super::charge::tests::{NOVEMBER, book, corrected, settled, settlement};
use super::*;

fn call(cost: u64, model: Option<&str>, basis: Basis) -> Settlement {
    let mut settlement = settlement(cost, &[]);
    (settlement.model, settlement.basis) = (model.map(Into::into), basis);
    settlement
}

fn metered(calls: &[Settlement]) -> Metered {
    let book = book();
    let mut metered = Metered::default();
    for call in calls {
        let entry = settled(1, NOVEMBER, call.clone());
        metered.add(&book.charge(&entry).unwrap(), Arc::clone);
    }
    metered
}

fn row(service: &str, model: Option<&str>, amount: &str) -> InvoiceRow {
    InvoiceRow {
        service: service.into(),
        model: model.map(Into::into),
        amount: Money::parse(amount).unwrap(),
        period: None,
    }
}

fn ledger() -> Metered {
    metered(&[
        call(10_000_000_000, Some("gpt-5-mini"), Basis::Usage),
        call(500_000_000, Some("gpt-5-mini"), Basis::Reserve),
        call(1_000_000_000, None, Basis::Reserve),
    ])
}

#[test]
fn models_are_compared_where_the_invoice_names_them() {
    let invoice = [row("openai", Some("gpt-5-mini"), "10"), row("maps", None, "3")];
    let comparison = Comparison::new(&ledger(), &invoice, Tolerance::Percent(1_000_000));
    assert_eq!(
        comparison.table("USD"),
        "SERVICE  MODEL       CALLS  LEDGER  INVOICE  DRIFT       DRIFT %  AT THE HOLD  NO MODEL\n\
         maps     -               0    0.00     3.00  -3.00  USD  -100.0%            -         0  above the tolerance\n\
         openai   -               1    1.00     0.00   1.00  USD        -       100.0%         1  above the tolerance\n\
         openai   gpt-5-mini      2   10.50    10.00   0.50  USD     5.0%         4.8%         0  above the tolerance\n\
         TOTAL    -               3   11.50    13.00  -1.50  USD   -11.5%        13.0%         1"
    );
    assert!(!comparison.agrees());
}

#[test]
fn a_service_without_models_on_the_invoice_is_compared_whole() {
    let invoice = [row("openai", None, "6"), row("openai", None, "5.5")];
    let comparison = Comparison::new(&ledger(), &invoice, Tolerance::Percent(0));
    assert!(comparison.agrees());
    let json = comparison.json("USD", "2026-11");
    assert_eq!(json["lines"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["lines"][0]["drift"], "0.00");
    assert_eq!(json["lines"][0]["calls_without_model"], 1);
}

#[test]
fn a_tolerance_is_a_share_of_the_invoice_or_an_amount() {
    let allows =
        |text: &str, drift: i128| Tolerance::parse(text).unwrap().allows(Money(drift), Money(1000));
    assert!(allows("0.5%", 5) && allows("0.5%", -5) && !allows("0.5%", 6));
    assert!(allows("0.000000005", -5) && !allows("0.000000005", 6));
    assert!(!Tolerance::Percent(1_000_000).allows(Money(1), Money::ZERO));
    for bad in ["", "%", "-1%", "a", "-2"] {
        assert!(Tolerance::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_of_no_service_is_told_apart() {
    let book = book();
    let mut metered = Metered::default();
    let entry = corrected(1, NOVEMBER, -500_000_000, "refund");
    metered.add(&book.charge(&entry).unwrap(), Arc::clone);
    let text = Comparison::new(&metered, &[], Tolerance::Percent(0)).table("USD");
    assert!(text.ends_with("presumed spend 0.00 USD, corrections -0.50 USD"), "{text}");
}
