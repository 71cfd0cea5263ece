//! `spend reconcile`: the ledger beside a provider's invoice.

use serde_json::json;

use crate::books::{november, policy};
use crate::desk::Desk;

#[test]
fn drift_above_the_tolerance_is_exit_code_one() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    desk.write(
        "invoice.csv",
        "Vendor,Model,\"Total, net\",Month\n\
         \"OpenAI, LLC\",gpt-5-mini,0.00102,2026-11\n\
         \"OpenAI, LLC\",gpt-5-mini,9.99,2026-10\n",
    );
    let arguments = [
        "spend",
        "reconcile",
        "--invoice",
        "invoice.csv",
        "--map",
        "service=Vendor",
        "--map",
        "amount=Total, net",
        "--name",
        "OpenAI, LLC=openai",
        "--period",
        "2026-11",
    ];
    let ran = desk.run(&arguments).fails(1, "differs by more than the tolerance");
    assert!(ran.err.contains("1 lines of the invoice are of other periods"), "{}", ran.err);
    assert_eq!(
        ran.out,
        "SERVICE  MODEL       CALLS       LEDGER  INVOICE        DRIFT        DRIFT %  AT THE HOLD  \
         NO MODEL\n\
         openai   -               1  0.250000000  0.00000  0.250000000  USD         -       100.0%  \
         \x20      1  above the tolerance\n\
         openai   gpt-5-mini      3  0.001022826  0.00102  0.000002826  USD      0.3%         0.0%  \
         \x20      0\n\
         TOTAL    -               4  0.251022826  0.00102  0.250002826  USD  24510.1%        99.6%  \
         \x20      1\n\
         of no service, and not compared: presumed spend 0.005 USD, corrections -0.0015 USD\n"
    );
    let json = desk.run(&[&arguments[..], &["--tolerance", "0.25", "--json"]].concat()).ok().json();
    assert_eq!(json["agrees"], json!(true));
    assert_eq!(json["lines"][1]["drift"], "0.000002826");
    assert_eq!(json["lines"][0]["calls_without_model"], 1);
}

#[test]
fn a_wrong_invoice_is_told_by_line_and_column() {
    let desk = Desk::new(&policy());
    let _serving = november().serve(&desk);
    desk.write("invoice.csv", "service,amount\nopenai,$1\n");
    let run = |more: &[&str]| {
        desk.run(&[&["spend", "reconcile", "--invoice", "invoice.csv"], more].concat())
    };
    run(&["--period", "2026-11"]).fails(1, "line 2, column amount: \"$1\" is no amount");
    desk.write("invoice.csv", "service;amount\nopenai;1\n");
    run(&["--period", "2026-11"]).fails(1, "--map service=COLUMN");
    run(&["--delimiter", ";"]).fails(1, "name it with --period");
    desk.run(&["spend", "reconcile", "--invoice", "none.csv"]).fails(1, "cannot read none.csv");
}
