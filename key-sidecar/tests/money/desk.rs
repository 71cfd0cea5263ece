//! Does the money desk answer nothing that is not stored, and everything that is?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use key_sidecar::clock::{Clock, Hand};
use key_sidecar::metrics::MoneyMetrics;
use key_sidecar::service::desk::{Budgets, Desk, DeskError};
use key_sidecar::service::figures::Figures;
use ledger::money::MONEY_TTL;
use ledger::money::command::{Correction, Definition, Period, Refusal, Sync};
use tokio::task::JoinSet;
use wire::ids::HolderId;
use wire::limit::Mode;
use wire::money::Nanos;
use wire::sync::SyncRequest;
use wire::units::{Millis, UnixMillis};

use crate::flaky::Disk;
use crate::holder::{Holder, budget};
use crate::wait::{PATIENCE, until};

/// A desk on a store that the test has in hand.
struct Office {
    desk: Arc<Desk>,
    disk: Disk,
    figures: Arc<Figures>,
    hand: Hand,
}

impl Office {
    fn new(cap: u64) -> Self {
        Self::on(Disk::default(), cap)
    }

    fn on(disk: Disk, cap: u64) -> Self {
        let (clock, hand) = Clock::by_hand(UnixMillis(1_000));
        let figures = Arc::new(Figures::default());
        let metrics = MoneyMetrics::default();
        let desk = Desk::open(disk.store(), clock, Arc::clone(&figures), metrics).unwrap();
        desk.define(budgets(cap));
        Self { desk: Arc::new(desk), disk, figures, hand }
    }

    async fn says(
        &self,
        request: SyncRequest,
    ) -> Result<Vec<wire::budget::MoneyAnswer>, DeskError> {
        self.desk.sync(sync(request)).await
    }

    /// Everything that is asked for goes on at once; each answer as it comes.
    async fn all_say(
        &self,
        requests: Vec<SyncRequest>,
        meanwhile: impl FnOnce(),
    ) -> Vec<Result<u64, DeskError>> {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = requests.len();
        let mut asking = JoinSet::new();
        for request in requests {
            let (desk, asked) = (Arc::clone(&self.desk), Arc::clone(&asked));
            asking.spawn(async move {
                asked.fetch_add(1, Ordering::SeqCst);
                let answers = desk.sync(sync(request)).await?;
                Ok(answers.iter().map(|answer| answer.gets.0).sum())
            });
        }
        while asked.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
        meanwhile();
        asking.join_all().await
    }
}

fn budgets(cap: u64) -> Budgets {
    let period = Period { label: "total".into(), starts: UnixMillis(0), ends: None };
    let definition = Definition {
        name: budget("acme"),
        within: None,
        owner: "finance@acme.example".into(),
        cap: Some(Nanos(cap)),
        mode: Mode::Enforce,
        periods: vec![period],
    };
    Budgets { budgets: vec![definition], by: "v1".into() }
}

fn sync(request: SyncRequest) -> Sync {
    let SyncRequest { holder, sequence, money, settlements, .. } = request;
    Sync { holder, sequence, lines: money, settlements }
}

fn correction(id: &str, amount: i64) -> Correction {
    let (who, why) = ("alice (uid 1000)".into(), "invoice 7".into());
    Correction { id: id.into(), budget: budget("acme"), period: None, amount, who, why }
}

#[tokio::test]
async fn a_hundred_syncs_at_once_are_a_few_transactions() {
    let office = Office::new(1_000_000);
    let gate = office.disk.close_gate();
    let first = Holder::new(1).want("acme", 10);
    let desk = Arc::clone(&office.desk);
    let first = tokio::spawn(async move { desk.sync(sync(first)).await });
    tokio::task::yield_now().await;
    until(PATIENCE, || office.disk.is_waiting().then_some(()));

    let requests = (2..=101).map(|id| Holder::new(id).want("acme", 10)).collect();
    let answers = office.all_say(requests, || drop(gate)).await;
    assert!(answers.iter().all(|answer| *answer == Ok(10)), "{answers:?}");
    first.await.unwrap().unwrap();
    // The one that waited at the gate, and all that had gathered behind it.
    assert_eq!(office.disk.commits(), 2);
}

#[tokio::test]
async fn what_was_not_stored_is_answered_to_nobody_and_books_once_when_it_is_repeated() {
    let office = Office::new(1_000);
    let mut holder = Holder::new(1);
    let lent = office.says(holder.want("acme", 100)).await.unwrap();
    holder.take(&lent);

    office.disk.fail(true);
    let settling = holder.settle("acme", 60, 100);
    let others: Vec<_> = (2..5).map(|id| Holder::new(id).want("acme", 10)).collect();
    let requests = others.iter().chain([&settling]).cloned().collect();
    let failed = office.all_say(requests, || {}).await;
    assert!(failed.iter().all(|answer| *answer == Err(DeskError::Store)), "{failed:?}");
    assert!(office.desk.trouble().unwrap().contains("the disk is gone"));
    assert_eq!(office.disk.settled(), 0);

    office.disk.fail(false);
    office.hand.advance(Millis(1_000));
    assert_eq!(office.says(settling.clone()).await.unwrap()[0].gets, Nanos(100));
    assert_eq!(office.says(settling).await.unwrap()[0].gets, Nanos(100));
    assert_eq!(office.disk.settled(), 60);
    assert_eq!(office.desk.trouble(), None);
    let account = &office.figures.present(UnixMillis(1_000))[0];
    assert_eq!((account.settled, account.reserved), (Nanos(60), Nanos(140)));
}

#[tokio::test]
async fn a_commit_that_was_durable_and_said_to_have_failed_is_booked_once() {
    let office = Office::new(1_000);
    let mut holder = Holder::new(1);
    let lent = office.says(holder.want("acme", 100)).await.unwrap();
    holder.take(&lent);
    office.disk.lie_once();
    let settling = holder.settle("acme", 60, 100);
    assert_eq!(office.says(settling.clone()).await, Err(DeskError::Store));
    assert_eq!(office.says(settling).await.unwrap()[0].gets, Nanos(100));
    assert_eq!(office.disk.settled(), 60);
}

#[tokio::test]
async fn nothing_is_lent_while_the_store_is_gone_and_all_goes_on_when_it_is_back() {
    let office = Office::new(1_000);
    let mut holder = Holder::new(1);
    let lent = office.says(holder.want("acme", 100)).await.unwrap();
    holder.take(&lent);

    office.disk.vanish(true);
    let request = holder.settle("acme", 60, 100);
    assert_eq!(office.says(request.clone()).await, Err(DeskError::Store));
    assert!(office.desk.trouble().unwrap().contains("the disk is gone"));
    // It is not hammered: until the pause is over nobody looks.
    office.disk.vanish(false);
    assert_eq!(office.says(request.clone()).await, Err(DeskError::Store));

    office.hand.advance(Millis(1_000));
    assert_eq!(office.says(request).await.unwrap()[0].gets, Nanos(100));
    assert_eq!(office.desk.trouble(), None);
    assert_eq!(office.disk.settled(), 60);
}

#[tokio::test]
async fn budgets_that_change_while_the_store_is_gone_are_not_forgotten() {
    let office = Office::new(50);
    office.says(Holder::new(1).want("acme", 10)).await.unwrap();
    office.disk.vanish(true);
    assert!(office.says(Holder::new(2).want("acme", 10)).await.is_err());
    office.desk.define(budgets(5_000));
    assert!(office.says(Holder::new(3).want("acme", 10)).await.is_err());
    office.disk.vanish(false);
    office.hand.advance(Millis(60_000));
    let lent = office.says(Holder::new(4).want("acme", 1_000)).await.unwrap();
    assert_eq!(lent[0].gets, Nanos(1_000));
}

#[tokio::test]
async fn one_request_that_the_store_does_not_take_does_not_hold_up_the_others_for_good() {
    let office = Office::new(1_000_000);
    let mut requests = Vec::new();
    for id in 1..=20 {
        let mut holder = Holder::new(id);
        let lent = office.says(holder.want("acme", 100)).await.unwrap();
        holder.take(&lent);
        requests.push(holder.settle("acme", if id == 7 { 66 } else { 1 }, 10));
    }
    office.disk.refuse(66);
    // As plugins do: who was not answered repeats, all at the same time.
    for _ in 0..20 {
        let answers = office.all_say(requests.clone(), || {}).await;
        let answered = answers.iter().map(Result::is_ok);
        let mut open = answered.map(|answered| !answered);
        requests.retain(|_| open.next().unwrap());
        if requests.len() == 1 {
            break;
        }
    }
    assert_eq!(requests.len(), 1);
    assert_eq!(office.disk.settled(), 19);
}

#[tokio::test]
async fn the_end_answers_what_was_asked_before() {
    let office = Office::new(1_000_000);
    let gate = office.disk.close_gate();
    let requests = (2..=51).map(|id| Holder::new(id).want("acme", 10)).collect();
    let desk = Arc::clone(&office.desk);
    let ending = office.all_say(requests, || {
        let closing = std::thread::spawn(move || desk.close());
        drop(gate);
        closing.join().unwrap();
    });
    assert!(ending.await.iter().all(|answer| *answer == Ok(10)));
    assert_eq!(office.says(Holder::new(99).want("acme", 1)).await, Err(DeskError::Closed));
    assert!(office.desk.trouble().unwrap().contains("has stopped"));
}

#[tokio::test]
async fn another_life_answers_the_last_request_as_it_was() {
    let office = Office::new(1_000);
    let mut holder = Holder::new(1);
    let lent = office.says(holder.want("acme", 100)).await.unwrap();
    holder.take(&lent);
    let settling = holder.settle("acme", 60, 70);
    let answers = office.says(settling.clone()).await.unwrap();
    office.desk.close();

    let next = Office::on(office.disk.clone(), 1_000);
    assert!(next.desk.has_answered(HolderId(1), 2));
    assert!(!next.desk.has_answered(HolderId(1), 3));
    assert_eq!(next.says(settling).await.unwrap(), answers);
    assert_eq!(next.disk.settled(), 60);
}

#[tokio::test]
async fn a_look_books_what_a_silent_holder_never_settled() {
    let office = Office::new(1_000);
    office.says(Holder::new(1).want("acme", 100)).await.unwrap();
    office.hand.advance(MONEY_TTL);
    office.desk.look();
    let presumed = || {
        let account = office.figures.present(UnixMillis(20_000)).pop()?;
        (account.presumed == Nanos(100) && account.reserved == Nanos::ZERO).then_some(())
    };
    until(PATIENCE, presumed);
}

#[tokio::test]
async fn a_correction_is_booked_once_by_its_id_and_counts_for_the_next_sync() {
    let office = Office::new(1_000);
    let mut holder = Holder::new(1);
    office.says(holder.want("acme", 1)).await.unwrap();
    let number = office.desk.correct(correction("c-1", 950)).await.unwrap();
    assert_eq!(office.desk.correct(correction("c-1", 950)).await, Ok(number));
    let other = office.desk.correct(correction("c-1", 951)).await;
    assert_eq!(other, Err(DeskError::Refused(Refusal::IdReused)));
    let answers = office.says(holder.want("acme", 100)).await.unwrap();
    assert!(answers[0].short.is_some() && answers[0].gets == Nanos::ZERO, "{answers:?}");
    office.desk.correct(correction("c-2", -950)).await.unwrap();
    assert_eq!(office.says(holder.want("acme", 100)).await.unwrap()[0].gets, Nanos(100));
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_it_is_booked() {
    let office = Office::new(1_000);
    let mut holder = Holder::new(1);
    let lent = office.says(holder.want("acme", 100)).await.unwrap();
    holder.take(&lent);
    let mut request = holder.settle("acme", 1, 0);
    request.settlements[0].cost = Nanos(u64::MAX);
    assert!(matches!(office.says(request).await, Err(DeskError::Unfit(_))));
    assert_eq!(office.disk.refused(), 0);
}
