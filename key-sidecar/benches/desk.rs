//! How many syncs of money a second does the sidecar book, durably, on this machine's disk?
//!
//! The money desk itself, with the ledger and its SQLite file: each holder settles two metered calls
//! on a budget within two others and borrows what they cost, as fast as it is answered. The desk is one
//! thread, so its CPU time per sync says what one core can do; the rest of the time it waits for the
//! disk. Neighbour: `store` is the file alone. Run: `cargo bench -p key-sidecar --bench desk`.
#![expect(clippy::expect_used, reason = "what cannot be measured ends the bench")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use key_sidecar::clock::Clock;
use key_sidecar::metrics::MoneyMetrics;
use key_sidecar::service::desk::{Budgets, Desk};
use key_sidecar::service::figures::Figures;
use key_sidecar::store::sqlite::SqliteStore;
use key_sidecar::store::{Store, StoreError};
use ledger::money::command::{Definition, Period, Sync};
use ledger::money::record::{Change, Image};
use tokio::runtime;
use tokio::task::JoinSet;
use wire::budget::{Basis, MoneyLine, Settlement, Term};
use wire::ids::{BudgetName, ClientName, HolderId, PriceListName, ServiceName};
use wire::limit::Mode;
use wire::money::{Nanos, Quantity};
use wire::units::{Millis, UnixMillis};
use wire::usage::Kind;

/// Workers of Envoys: a small machine, a large one, a rack, more than a desk takes in one transaction.
const HOLDERS: [u64; 4] = [1, 16, 64, 512];
/// How long each number of holders is measured.
const MEASURED: Millis = Millis(4_000);
const TEAMS: u64 = 40;
const DIVISIONS: u64 = 5;
/// Calls that each sync settles.
const CALLS: u64 = 2;
const COST: Nanos = Nanos(13_700_000);
const HOLD: Nanos = Nanos(250_000_000);
/// Odd and large: no two holders have one id.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
/// A cap that the load never meets.
const AMPLE: Nanos = Nanos(1_000_000_000_000_000_000);

fn main() {
    let clock = Clock::system();
    let directory = tempfile::tempdir_in(".").expect("a directory on the disk");
    println!(
        "| holders | syncs/s | syncs in one transaction | desk's CPU µs per sync | syncs/s on one core |\n\
         |--:|--:|--:|--:|--:|"
    );
    for holders in HOLDERS {
        println!("{}", measured(&directory.path().join(holders.to_string()), holders, &clock));
    }
    println!(
        "\n*Syncs* each settle {CALLS} metered calls on a budget within two others and borrow anew; each \
         is durable in SQLite (WAL, synchronous FULL) before it is answered. The desk is one thread: *on \
         one core* is a second by its CPU time per sync, for a disk that does not let it wait."
    );
}

fn measured(state: &Path, holders: u64, clock: &Clock) -> String {
    let commits = Arc::new(AtomicU64::new(0));
    let sqlite = SqliteStore::open(state).expect("a new ledger");
    let store = Box::new(Counting { sqlite, commits: Arc::clone(&commits) });
    let figures = Arc::new(Figures::default());
    let desk = Desk::open(store, clock.clone(), Arc::clone(&figures), MoneyMetrics::default())
        .expect("a desk on a new ledger");
    let desk = Arc::new(desk);
    desk.define(Budgets { budgets: budgets(), by: "a bench".into() });

    let (cpu, start) = (desk_cpu_ns(), clock.precise());
    let syncs = serve(&desk, holders, clock);
    let (cpu, took) = (desk_cpu_ns() - cpu, clock.precise() - start);

    // What was not booked was not measured.
    let booked = figures.present(clock.wall()).into_iter().find(|one| one.budget == budget("acme"));
    let settled = (syncs - holders) * CALLS * COST.0;
    assert_eq!(booked.map(|account| account.settled), Some(Nanos(settled)));
    let micros = to_f64(cpu) / to_f64(syncs) / 1_000.0;
    format!(
        "| {holders} | {:.0} | {:.0} | {micros:.1} | {:.0} |",
        to_f64(syncs) / took.as_secs_f64(),
        to_f64(syncs) / to_f64(commits.load(Ordering::Relaxed)),
        1e6 / micros,
    )
}

/// All holders at once; how many syncs were answered.
fn serve(desk: &Arc<Desk>, holders: u64, clock: &Clock) -> u64 {
    let runtime = runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut busy = JoinSet::new();
        for number in 0..holders {
            let (desk, clock) = (Arc::clone(desk), clock.clone());
            busy.spawn(async move { Holder::new(number).work(&desk, &clock).await });
        }
        busy.join_all().await.into_iter().sum()
    })
}

/// One worker of an Envoy.
struct Holder {
    id: HolderId,
    team: BudgetName,
    client: ClientName,
    syncs: u64,
    term: Option<Term>,
}

impl Holder {
    fn new(number: u64) -> Self {
        Self {
            // Random ids spread over the table, as real ones do. 0 is nobody.
            id: HolderId(u128::from(number + 1).wrapping_mul(SPREAD)),
            team: budget(&format!("team-{}", number % TEAMS)),
            client: ClientName::parse(&format!("checkout-api-{number}")).expect("a name"),
            syncs: 0,
            term: None,
        }
    }

    /// Syncs until the time is over; how often. The first sync only borrows.
    async fn work(mut self, desk: &Desk, clock: &Clock) -> u64 {
        let start = clock.monotonic();
        while clock.monotonic().since(start) < MEASURED {
            let sync = self.next();
            let answers = desk.sync(sync).await.expect("the desk books it");
            let answer = answers.first().expect("an answer to the line");
            assert!(answer.short.is_none(), "there is money enough: {answer:?}");
            self.term = answer.term;
        }
        self.syncs
    }

    fn next(&mut self) -> Sync {
        self.syncs += 1;
        let settlements: Vec<_> = match self.term {
            None => Vec::new(),
            Some(term) => (0..CALLS).map(|call| self.settlement(term, call)).collect(),
        };
        let wants =
            if settlements.is_empty() { Nanos(CALLS * HOLD.0) } else { Nanos(CALLS * COST.0) };
        let line = MoneyLine {
            budget: self.team.clone(),
            term: self.term,
            returned: Nanos::ZERO,
            wants,
            least: wants,
        };
        Sync { holder: self.id, sequence: self.syncs, lines: vec![line], settlements }
    }

    fn settlement(&self, term: Term, call: u64) -> Settlement {
        Settlement {
            budget: self.team.clone(),
            term,
            client: self.client.clone(),
            service: ServiceName::parse("openai").expect("a name"),
            route: "POST /v1/chat/completions".into(),
            model: Some("gpt-5-mini-2026-08-07".into()),
            calls: 1,
            cost: COST,
            hold: HOLD,
            basis: Basis::Usage,
            counts: vec![
                (Kind::Input, Quantity(1_200_000_000)),
                (Kind::CacheRead, Quantity(300_000_000)),
                (Kind::Output, Quantity(88_000_000)),
            ],
            prices: Some(PriceListName::parse("openai-2026-11").expect("a name")),
            status: 200,
            upstream_id: Some(format!("chatcmpl-{:012}-{:011}", self.syncs, call)),
            ago_ms: Millis(10),
        }
    }
}

/// The real store, whose transactions are counted.
struct Counting {
    sqlite: SqliteStore,
    commits: Arc<AtomicU64>,
}

impl Store for Counting {
    fn load(&mut self) -> Result<Image, StoreError> {
        self.sqlite.load()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.sqlite.commit(changes)
    }
}

/// Teams in divisions in the company.
fn budgets() -> Vec<Definition> {
    let teams = (0..TEAMS)
        .map(|team| (format!("team-{team}"), Some(format!("division-{}", team % DIVISIONS))));
    let divisions =
        (0..DIVISIONS).map(|division| (format!("division-{division}"), Some("acme".to_owned())));
    let all = divisions.chain(teams).chain([("acme".to_owned(), None)]);
    all.map(|(name, within)| definition(&name, within.as_deref())).collect()
}

fn definition(name: &str, within: Option<&str>) -> Definition {
    Definition {
        name: budget(name),
        within: within.map(budget),
        owner: "lead@acme.example".into(),
        cap: Some(AMPLE),
        mode: Mode::Enforce,
        periods: vec![Period { label: "total".into(), starts: UnixMillis(0), ends: None }],
    }
}

fn budget(name: &str) -> BudgetName {
    BudgetName::parse(name).expect("a name")
}

/// What the desk's thread has used of a processor.
fn desk_cpu_ns() -> u64 {
    let threads = fs::read_dir("/proc/self/task").expect("this is Linux");
    let of_desk = threads.filter_map(|thread| {
        let path = thread.ok()?.path();
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let stat = fs::read_to_string(path.join("schedstat")).ok()?;
        (name.trim() == "money-desk").then(|| stat.split(' ').next()?.parse::<u64>().ok())?
    });
    of_desk.sum()
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a figure to look at")]
const fn to_f64(number: u64) -> f64 {
    number as f64
}
