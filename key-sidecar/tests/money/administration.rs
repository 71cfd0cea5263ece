//! Can administrators correct what was spent, on a socket of their own, and nobody on another?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use key_sidecar::admin::client::{self, AdminError};
use key_sidecar::admin::{CORRECT_PATH, Corrected, Correction, HEALTH_PATH, Health};
use ledger::money::record::Account;
use wire::budget::MoneyWhy;
use wire::money::Nanos;

use crate::holder::Holder;
use crate::serving::{Serving, ask};

const CENT: u64 = 10_000_000;

fn correction(id: &str, amount: &str) -> Correction {
    Correction {
        id: id.into(),
        budget: "team".into(),
        period: None,
        amount: amount.into(),
        why: "invoice 7 differs".into(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn post(socket: &Path, correction: &Correction) -> Result<Corrected, AdminError> {
    client::post(socket, CORRECT_PATH, correction).await
}

#[tokio::main(flavor = "current_thread")]
async fn health(socket: &Path) -> Result<Health, AdminError> {
    client::get(socket, HEALTH_PATH).await
}

#[track_caller]
fn refused(serving: &Serving, correction: &Correction, code: &str, words: &str) {
    let error = post(&serving.admin_socket(), correction).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    let AdminError::Refused(problem) = error else { panic!("{error:?}") };
    assert_eq!(problem.code, code);
}

#[test]
fn a_correction_counts_at_the_next_sync_and_once_and_says_who() {
    let serving = Serving::with_cap("1.00");
    let socket = serving.admin_socket();
    let mut holder = Holder::new(1);
    let lent = serving.sync(&holder.want("team", CENT));
    holder.take(&lent.money);

    let done = post(&socket, &correction("c-1", "1.00")).unwrap();
    assert!(done.who.contains("(uid "), "{done:?}");
    assert_eq!(post(&socket, &correction("c-1", "1.00")).unwrap().entry, done.entry);
    let answers = serving.sync(&holder.want("team", CENT)).money;
    assert_eq!(answers[0].short.as_ref().unwrap().why, MoneyWhy::Spent);

    let refund = post(&socket, &correction("c-2", "-0.50")).unwrap();
    assert!(refund.entry > done.entry);
    let answers = serving.sync(&holder.want("team", CENT)).money;
    assert_eq!(answers[0].gets, Nanos(CENT));
    let corrected = |account: Account| account.corrected;
    assert_eq!(corrected(serving.account("team")), 500_000_000);
    assert_eq!(corrected(serving.account("acme")), 500_000_000);
}

#[test]
fn what_cannot_be_corrected_is_said_with_the_remedy() {
    let serving = Serving::with_cap("1.00");
    let right = || correction("c-1", "1.00");
    refused(&serving, &correction("c-1", "1,00"), "malformed", "amount: money is written");
    refused(&serving, &correction("c-1", "0.00"), "malformed", "corrects nothing");
    refused(&serving, &correction("", "1.00"), "malformed", "id: expected");
    let no_reason = Correction { why: " ".into(), ..right() };
    refused(&serving, &no_reason, "malformed", "why: say why");
    let misspelt = Correction { budget: "teem".into(), ..right() };
    refused(&serving, &misspelt, "no_budget", "did you mean \"team\"?");
    let long_ago = Correction { period: Some("1999".into()), ..right() };
    refused(&serving, &long_ago, "no_period", "has no such period");
    post(&serving.admin_socket(), &right()).unwrap();
    refused(&serving, &correction("c-1", "2.00"), "id_reused", "choose a new one");
}

#[test]
fn each_socket_serves_its_own_and_nothing_of_the_other() {
    let serving = Serving::with_cap("1.00");
    let body = serde_json::to_vec(&correction("c-1", "1.00")).unwrap();
    let status = |socket: &Path, method, path| ask(socket, method, path, &body).status;
    assert_eq!(status(&serving.socket(), "POST", CORRECT_PATH), 404);
    assert_eq!(status(&serving.socket(), "GET", HEALTH_PATH), 404);
    assert_eq!(status(&serving.admin_socket(), "POST", wire::SYNC_PATH), 404);
    assert_eq!(serving.account_or_none("team"), None);

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&serving.admin_socket()), 0o600);
    assert_eq!(mode(&serving.socket()), 0o660);
    assert_eq!(health(&serving.admin_socket()).unwrap().money, None);
}

#[test]
fn who_is_not_on_the_list_is_not_answered() {
    let serving = Serving::configured("1.00", |_, config| {
        config["admin_uids"] = serde_json::json!([4_000_000]);
    });
    let error = post(&serving.admin_socket(), &correction("c-1", "1.00")).unwrap_err();
    assert!(matches!(error, AdminError::Broken(..)), "{error}");
    assert!(serving.log().contains("the uid is not in admin_uids"), "{}", serving.log());
}

#[test]
fn a_service_that_does_not_run_is_said_to() {
    let mut serving = Serving::with_cap("1.00");
    serving.stop();
    let error = post(&serving.admin_socket(), &correction("c-1", "1.00")).unwrap_err();
    assert!(error.to_string().contains("is the service running"), "{error}");
}
