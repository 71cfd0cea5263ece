//! What is loaded adds up.

use std::sync::Arc;

use ledger::money::record::Image;
use ledger::money::{LoadError, MoneyLedger};
use wire::budget::{MoneyWhy, Term};
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::desk::{Desk, correction, name, tree, why};

#[test]
fn what_does_not_add_up_is_not_loaded_and_the_account_is_named() {
    let mut desk = Desk::new(tree(100, 50));
    desk.lent(1, "team", 30);
    let load = |change: &dyn Fn(&mut Image)| {
        let mut image = desk.store.image();
        change(&mut image);
        MoneyLedger::load(image, UnixMillis(0)).map(|_| ()).unwrap_err()
    };
    let error = load(&|image| image.accounts[1].reserved = Nanos(29));
    let text =
        "account team 2026-11 says 0.000000029 reserved, but its leases add up to 0.00000003";
    assert!(error.to_string().starts_with(text), "{error}");
    let error = load(&|image| image.accounts[0].presumed = Nanos(1));
    assert!(matches!(error, LoadError::Sum { what: "presumed", .. }));
    assert!(matches!(load(&|image| image.terms.clear()), LoadError::Lease { .. }));
    assert!(matches!(load(&|image| image.holders.clear()), LoadError::Lease { .. }));
    assert!(matches!(
        load(&|image| {
            image.accounts.remove(0);
        }),
        LoadError::Term(Term(1))
    ));
    let twice = |image: &mut Image| image.accounts.extend_from_within(..1);
    assert!(matches!(load(&twice), LoadError::Account { .. }));
    let correction = (9, correction("a", "team", None, 1));
    let error = load(&|image| image.corrections.push(correction.clone()));
    assert!(matches!(error, LoadError::Correction { number: 9, .. }));
}

#[test]
fn a_ledger_that_was_told_no_budgets_lends_nothing_and_books_everything() {
    let mut desk = Desk::new(tree(100, 50));
    let term = desk.lent(1, "team", 30);
    desk.restart(Vec::new());
    assert_eq!(why(&desk.wants(1, "team", 1)).0, MoneyWhy::Undefined);
    desk.settles(1, "team", term, 12);
    assert_eq!(desk.november("acme"), (12, 0, 0, 18));
    assert_eq!(desk.ledger.account(&name("team"), &Arc::from("2026-11")).unwrap().settled.0, 12);
}
