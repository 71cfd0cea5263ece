//! Is who owns a budget told once of each threshold, whatever fails on the way?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use key_sidecar::alerts::rule::Threshold;
use key_sidecar::alerts::{Alerts, BudgetRule, Rules};
use key_sidecar::clock::Clock;
use key_sidecar::config::WebhookConfig;
use key_sidecar::metrics::AlertMetrics;
use key_sidecar::service::figures::Figures;
use ledger::money::record::Account;
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::fixture::Site;
use crate::holder::{Holder, budget};
use crate::receiver::{Receiver, Says};
use crate::serving::Serving;
use crate::wait::{PATIENCE, until};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const CENT: u64 = 10_000_000;

/// Balances, a state directory, and alerts that can be started again on both.
struct Desk {
    state: TempDir,
    webhook: WebhookConfig,
    figures: Arc<Figures>,
    alerts: Option<Alerts>,
}

impl Desk {
    fn new(receiver: &Receiver) -> Self {
        let state = tempfile::tempdir().unwrap();
        let secret_file = state.path().join("secret");
        fs::write(&secret_file, SECRET).unwrap();
        let webhook = WebhookConfig { url: receiver.url().parse().unwrap(), secret_file };
        let mut desk = Self { state, webhook, figures: Arc::default(), alerts: None };
        desk.start();
        desk
    }

    fn start(&mut self) {
        let (figures, clock) = (Arc::clone(&self.figures), Clock::system());
        let webhook = Some(&self.webhook);
        let alerts =
            Alerts::start(self.state.path(), webhook, figures, clock, AlertMetrics::default());
        let alerts = alerts.unwrap();
        let rule = BudgetRule {
            owner: "lead@acme.example".into(),
            thresholds: [50, 80, 100].map(Threshold).to_vec(),
        };
        alerts.set_rules(Rules {
            organization: "acme".into(),
            currency: "USD".into(),
            budgets: [(budget("team"), rule)].into(),
        });
        self.alerts = Some(alerts);
    }

    /// Waits until the receiver has said what it has to say.
    fn stop(&mut self) {
        self.alerts = None;
    }

    fn spend(&self, settled: u64, cap: u64) {
        let account = Account {
            budget: budget("team"),
            period: "2026".into(),
            within: None,
            starts: UnixMillis(0),
            ends: None,
            cap: Some(Nanos(cap * CENT)),
            settled: Nanos(settled * CENT),
            presumed: Nanos::ZERO,
            corrected: 0,
            reserved: Nanos::ZERO,
        };
        self.figures.update([account].iter());
    }
}

fn thresholds(receiver: &Receiver) -> Vec<String> {
    let taken = receiver.taken();
    taken.iter().map(|one| one.json()["threshold"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn until_told(receiver: &Receiver, expected: &[&str]) {
    until(PATIENCE, || (thresholds(receiver).len() >= expected.len()).then_some(()));
    assert_eq!(thresholds(receiver), expected);
}

#[test]
fn an_alert_is_signed_and_says_what_its_owner_needs() {
    let receiver = Receiver::new(&[]);
    let desk = Desk::new(&receiver);
    desk.spend(51, 100);
    until_told(&receiver, &["50%"]);
    let delivery = &receiver.taken()[0];
    assert!(delivery.is_signed_with(SECRET));
    assert!(!delivery.is_signed_with(b"another"));
    let mut body = delivery.json();
    assert_eq!(delivery.header("x-tollkeeper-alert"), body["id"].as_str().unwrap());
    assert_eq!(delivery.header("content-type"), "application/json");
    for field in ["id", "at"] {
        assert!(body.as_object_mut().unwrap().remove(field).is_some());
    }
    assert_eq!(
        body,
        json!({
            "type": "budget.threshold", "organization": "acme", "currency": "USD",
            "budget": "team", "owner": "lead@acme.example", "period": "2026",
            "threshold": "50%", "cap": "1.00", "spent": "0.51", "resets": null
        })
    );
}

#[test]
fn a_jump_over_several_tells_each_in_order_and_a_raised_cap_those_above_again() {
    let receiver = Receiver::new(&[]);
    let desk = Desk::new(&receiver);
    desk.spend(100, 100);
    until_told(&receiver, &["50%", "80%", "100%"]);
    desk.spend(100, 150);
    desk.spend(101, 150);
    // Armed again first: the alerts look at most twenty times a second.
    until_armed(&desk, 2);
    desk.spend(130, 150);
    until_told(&receiver, &["50%", "80%", "100%", "80%"]);
    let ids: Vec<_> = receiver.taken().iter().map(|one| one.json()["id"].to_string()).collect();
    assert_ne!(ids[1], ids[3], "another cap, another alert");
}

fn until_armed(desk: &Desk, count: i64) {
    let journal = rusqlite::Connection::open(desk.state.path().join("alerts.sqlite")).unwrap();
    let sql = "SELECT count(*) FROM threshold WHERE armed = 1";
    until(PATIENCE, || {
        let armed: i64 = journal.query_row(sql, [], |row| row.get(0)).unwrap();
        (armed == count).then_some(())
    });
}

#[test]
fn what_the_receiver_did_not_take_is_sent_again_with_the_same_id() {
    let script = [Says::Status(500), Says::Nothing, Says::Status(302)];
    let receiver = Receiver::new(&script);
    let desk = Desk::new(&receiver);
    desk.spend(50, 100);
    until(PATIENCE, || (receiver.taken().len() == 4).then_some(()));
    assert_eq!(receiver.unsaid(), 0);
    let taken = receiver.taken();
    assert!(taken.iter().all(|one| one.body == taken[0].body && one.is_signed_with(SECRET)));
    drop(desk);
    assert_eq!(receiver.taken().len(), 4);
}

#[test]
fn a_restart_neither_forgets_nor_repeats() {
    let receiver = Receiver::new(&[Says::Nothing]);
    let mut desk = Desk::new(&receiver);
    desk.spend(60, 100);
    until(PATIENCE, || (receiver.taken().len() == 1).then_some(()));
    desk.stop();

    desk.start();
    desk.spend(61, 100);
    until(PATIENCE, || (receiver.taken().len() == 2).then_some(()));
    assert_eq!(receiver.taken()[1].body, receiver.taken()[0].body);
    desk.stop();

    desk.start();
    desk.spend(85, 100);
    until_told(&receiver, &["50%", "50%", "80%"]);
}

#[test]
fn a_secret_that_cannot_be_used_is_told_at_the_start() {
    let receiver = Receiver::new(&[]);
    let mut desk = Desk::new(&receiver);
    desk.stop();
    fs::write(&desk.webhook.secret_file, "short").unwrap();
    let alerts = Alerts::start(
        desk.state.path(),
        Some(&desk.webhook),
        Arc::clone(&desk.figures),
        Clock::system(),
        AlertMetrics::default(),
    );
    let error = alerts.err().unwrap().to_string();
    assert!(error.contains("fewer than 16 bytes") && !error.contains("short"), "{error}");
}

#[test]
fn doctor_says_who_is_told_and_what_keeps_them_from_it() {
    let site = Site::ready();
    let file = site.path("sidecar.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let url = "https://hooks.acme.example/s3cret-path";
    config["alerts"] = json!({ "webhook": { "url": url, "secret_file": "secret" } });
    fs::write(file, config.to_string()).unwrap();
    let finds = |words: &str| {
        let out = site.run(&["doctor"]).out;
        assert!(out.contains(words) && !out.contains("s3cret-path"), "{words} is not in:\n{out}");
    };
    finds("alerts.webhook.secret_file");
    fs::write(site.path("secret"), SECRET).unwrap();
    fs::set_permissions(site.path("secret"), fs::Permissions::from_mode(0o644)).unwrap();
    finds("others can sign");
    fs::set_permissions(site.path("secret"), fs::Permissions::from_mode(0o400)).unwrap();
    finds("ok       alerts        to hooks.acme.example");
}

#[test]
fn a_settled_call_that_reaches_a_threshold_is_told_also_after_a_crash() {
    let receiver = Receiver::new(&[Says::Status(503)]);
    let mut serving = Serving::configured("1.00", |site, config| {
        fs::write(site.path("secret"), SECRET).unwrap();
        config["alerts"] = json!({
            "webhook": { "url": receiver.url(), "secret_file": "secret" }
        });
    });
    let mut holder = Holder::new(1);
    let lent = serving.sync(&holder.want("team", 85 * CENT));
    holder.take(&lent.money);
    serving.sync(&holder.settle("team", 82 * CENT, 0));
    until(PATIENCE, || (!receiver.taken().is_empty()).then_some(()));
    serving.kill();
    serving.start();
    // The first was refused, so it comes again; the second may have arrived before the crash.
    let told = || {
        let mut told = thresholds(&receiver);
        told.sort();
        told.dedup();
        (told == ["50%", "80%"] && receiver.unsaid() == 0).then_some(())
    };
    until(PATIENCE, told);
    let log = serving.log();
    assert!(log.contains("a budget has reached a threshold"), "{log}");
    assert!(!log.contains("s3cret-path"), "{log}");
    let counted = "alert_deliveries_total{result=\"Delivered\"}";
    until(PATIENCE, || serving.metrics().contains(counted).then_some(()));
}
