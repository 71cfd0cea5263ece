use std::sync::Arc;

use wire::ids::BudgetName;

use super::*;
use crate::alerts::{BudgetRule, Rules};

fn account(budget: &BudgetName) -> Account {
    Account {
        budget: budget.clone(),
        period: "2026-11".into(),
        within: None,
        starts: UnixMillis(0),
        ends: Some(UnixMillis(1_000)),
        cap: Some(Nanos(100)),
        settled: Nanos(100),
        presumed: Nanos::ZERO,
        corrected: 0,
        reserved: Nanos::ZERO,
    }
}

const STEP: Step =
    Step { threshold: Threshold(80), fired: Fired { times: 1, armed: false, cap: Nanos(100) } };

fn message(budget: &BudgetName) -> (Message, String) {
    let rule = BudgetRule { owner: "o@acme.example".into(), thresholds: Vec::new() };
    let (organization, currency): (Arc<str>, Arc<str>) = ("acme".into(), "USD".into());
    let rules = Rules { organization, currency, budgets: [(budget.clone(), rule)].into() };
    let message = Message::new(&rules, "salt", &account(budget), &STEP, UnixMillis(5)).unwrap();
    let body = message.id.clone();
    (message, body)
}

fn journal() -> (tempfile::TempDir, Journal) {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(&directory.path().join("alerts.sqlite")).unwrap();
    (directory, journal)
}

fn budget(name: &str) -> BudgetName {
    BudgetName::parse(name).unwrap()
}

#[test]
fn no_more_alerts_wait_than_there_is_room_for() {
    let (_directory, mut journal) = journal();
    let (team, now) = (budget("team"), UnixMillis(5));
    let messages: Vec<_> =
        (0..=WAITING_MAX).map(|number| message(&budget(&number.to_string()))).collect();
    let unsent = journal.write(&account(&team), &[STEP], &messages, now, true);
    assert_eq!(unsent.unwrap(), 1);
    assert_eq!(journal.write(&account(&team), &[], &[message(&team)], now, true).unwrap(), 1);
    let Next::Now(due) = journal.next(now).unwrap() else { panic!("something is due") };
    journal.delivered(&due, now).unwrap();
    let other = message(&budget("other"));
    assert_eq!(journal.write(&account(&team), &[], &[other], now, true).unwrap(), 0);
}

#[test]
fn where_nobody_is_told_nothing_waits() {
    let (_directory, mut journal) = journal();
    let team = budget("team");
    let told = journal.write(&account(&team), &[STEP], &[message(&team)], UnixMillis(5), false);
    assert_eq!(told.unwrap(), 0);
    assert!(matches!(journal.next(UnixMillis(5)).unwrap(), Next::Never));
    assert_eq!(journal.fired(&account(&team)).unwrap()[&Threshold(80)], STEP.fired);
}

#[test]
fn what_is_over_is_forgotten_and_no_sooner() {
    let (_directory, mut journal) = journal();
    let team = account(&budget("team"));
    journal.write(&team, &[STEP], &[], UnixMillis(5), true).unwrap();
    journal.prune(UnixMillis(999 + KEPT_AFTER_END_MS)).unwrap();
    assert_eq!(journal.fired(&team).unwrap().len(), 1);
    journal.prune(UnixMillis(1_000 + KEPT_AFTER_END_MS)).unwrap();
    assert!(journal.fired(&team).unwrap().is_empty());
}

#[test]
fn two_journals_have_different_salts_and_each_keeps_its_own() {
    let (directory, first) = journal();
    let again = Journal::open(&directory.path().join("alerts.sqlite")).unwrap();
    assert_eq!(first.salt(), again.salt());
    assert_ne!(first.salt(), journal().1.salt());
}

#[test]
fn the_journal_of_a_later_version_is_left_alone() {
    let (directory, journal) = journal();
    journal.connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
    let error = Journal::open(&directory.path().join("alerts.sqlite")).err().unwrap();
    assert!(error.to_string().contains("a later key-sidecar"), "{error}");
}
