//! How many syncs a second does the money ledger's store take, on this machine's disk?
//!
//! A sync changes one lease, the three accounts of its path and its holder, and books two metered
//! calls with three counts each. So many of them are one transaction. Wall time has the disk's
//! flushes in it, CPU time does not; a flush alone is in the first line. Run: `cargo bench -p
//! key-sidecar --bench store`.
#![expect(clippy::expect_used, reason = "what cannot be measured ends the bench")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use key_sidecar::clock::Clock;
use key_sidecar::store::Store;
use key_sidecar::store::sqlite::{FILE, SqliteStore};
use ledger::money::record::{Account, Change, Entry, HolderRecord, LeaseRecord, TermRecord, What};
use wire::budget::{Basis, BudgetView, MoneyAnswer, Settlement, Term};
use wire::ids::{BudgetName, ClientName, HolderId, PriceListName, ServiceName};
use wire::money::{Nanos, Quantity};
use wire::units::{Millis, UnixMillis};
use wire::usage::Kind;

const GROUPS: [u64; 4] = [1, 16, 128, 512];
/// How long each group size is measured.
const MEASURED: Millis = Millis(4_000);
const HOLDERS: u64 = 64;
const TEAMS: u64 = 40;
const CLIENTS: u64 = 200;
/// Calls end this fast after each other: ten thousand syncs a second, two calls each.
const CALLS_PER_MS: u64 = 20;
const START: u64 = 1_795_564_800_000;

fn main() {
    let clock = Clock::system();
    let directory = tempfile::tempdir_in(".").expect("a directory on the disk");
    println!("one flush of 4 KiB: {:.2} ms\n", flush_ms(directory.path(), &clock));
    println!(
        "| syncs in one | syncs/s | commit ms, median | 99 % | longest | CPU µs a sync | \
         bytes a call |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for group in GROUPS {
        let state = directory.path().join(group.to_string());
        println!("{}", measured(&state, group, &clock));
    }
}

fn measured(state: &Path, group: u64, clock: &Clock) -> String {
    let mut store = SqliteStore::open(state).expect("a new ledger");
    store.commit(&opening()).expect("accounts and terms");
    let mut traffic = Traffic { syncs: 0, calls: 0 };
    let start = clock.monotonic();
    let mut cpu = 0;
    let mut commits = Vec::new();
    let mut elapsed = Millis::ZERO;
    while elapsed < MEASURED {
        let changes = traffic.group(group);
        let (before, cpu_before) = (clock.monotonic(), cpu_ns());
        store.commit(&changes).expect("a transaction");
        cpu += cpu_ns() - cpu_before;
        commits.push(clock.monotonic().since(before).0);
        elapsed = clock.monotonic().since(start);
    }
    drop(store);
    commits.sort_unstable();
    let of_a_thousand = |part: usize| commits[commits.len() * part / 1000];
    let bytes = fs::metadata(state.join(FILE)).expect("the file").len();
    format!(
        "| {group} | {} | {} | {} | {} | {:.1} | {} |",
        traffic.syncs * 1000 / elapsed.0,
        of_a_thousand(500),
        of_a_thousand(990),
        commits.last().copied().unwrap_or(0),
        to_f64(cpu) / to_f64(traffic.syncs) / 1000.0,
        bytes / traffic.calls,
    )
}

/// Makes the changes of syncs.
struct Traffic {
    syncs: u64,
    calls: u64,
}

impl Traffic {
    fn group(&mut self, syncs: u64) -> Vec<Change> {
        (0..syncs).flat_map(|_| self.sync()).collect()
    }

    fn sync(&mut self) -> Vec<Change> {
        self.syncs += 1;
        let (holder, team) = (self.syncs % HOLDERS, self.syncs % TEAMS);
        let mut changes: Vec<_> = path(team).map(|name| self.account(&name)).into();
        changes.push(Change::Lease(LeaseRecord {
            holder: id(holder),
            term: Term(team + 1),
            lent: Nanos(self.syncs),
            presumed: Nanos::ZERO,
        }));
        changes.push(Change::Holder(self.holder(holder, team)));
        changes.extend([self.call(holder, team), self.call(holder, team)]);
        changes
    }

    fn account(&self, name: &str) -> Change {
        Change::Account(Account { settled: Nanos(self.calls), ..account(name) })
    }

    fn holder(&self, holder: u64, team: u64) -> HolderRecord {
        let tightest = BudgetView {
            budget: budget(&format!("team-{team}")),
            owner: "lead@acme.example".into(),
            period: "2026-11".into(),
            cap: Nanos(800_000_000_000),
            spent: Nanos(self.calls),
            reserved: Nanos(self.syncs),
            resets_ms: Some(Millis(400_000_000)),
        };
        let answer = MoneyAnswer {
            budget: budget(&format!("team-{team}")),
            term: Some(Term(team + 1)),
            gets: Nanos(13_700_000),
            ttl_ms: Millis(10_000),
            recall: false,
            tightest: Some(tightest),
            short: None,
        };
        HolderRecord {
            holder: id(holder),
            sequence: self.syncs,
            answers: vec![answer],
            heard: UnixMillis(START + self.calls / CALLS_PER_MS),
        }
    }

    fn call(&mut self, holder: u64, team: u64) -> Change {
        self.calls += 1;
        let at = UnixMillis(START + self.calls / CALLS_PER_MS);
        let settlement = Settlement {
            budget: budget(&format!("team-{team}")),
            term: Term(team + 1),
            client: ClientName::parse(&format!("checkout-api-{}", self.calls % CLIENTS))
                .expect("a name"),
            service: ServiceName::parse("openai").expect("a name"),
            route: "POST /v1/chat/completions".into(),
            model: Some("gpt-5-mini-2026-08-07".into()),
            calls: 1,
            cost: Nanos(13_700_000),
            hold: Nanos(250_000_000),
            basis: Basis::Usage,
            counts: vec![
                (Kind::Input, Quantity(1_200_000_000)),
                (Kind::CacheRead, Quantity(300_000_000)),
                (Kind::Output, Quantity(88_000_000)),
            ],
            prices: Some(PriceListName::parse("openai-2026-11").expect("a name")),
            status: 200,
            upstream_id: Some(format!("chatcmpl-{:024}", self.calls)),
            ago_ms: Millis(10),
        };
        let what = What::Settled {
            holder: id(holder),
            sequence: self.syncs,
            ended: at,
            term: Term(team + 1),
            settlement,
        };
        Change::Entry(Entry { number: self.calls, at, what })
    }
}

fn opening() -> Vec<Change> {
    let mut changes = Vec::new();
    for team in 0..TEAMS {
        changes.extend(path(team).map(|name| Change::Account(account(&name))));
        let accounts = path(team).map(|name| (budget(&name), Arc::from("2026-11"))).into();
        changes.push(Change::Term(TermRecord { term: Term(team + 1), accounts }));
    }
    changes
}

/// The budgets of a team, from its own up.
fn path(team: u64) -> [String; 3] {
    [format!("team-{team}"), format!("division-{}", team % 5), "acme".to_owned()]
}

fn account(name: &str) -> Account {
    Account {
        budget: budget(name),
        period: "2026-11".into(),
        within: None,
        starts: UnixMillis(1_793_491_200_000),
        ends: Some(UnixMillis(1_796_083_200_000)),
        cap: Some(Nanos(800_000_000_000)),
        settled: Nanos::ZERO,
        presumed: Nanos::ZERO,
        corrected: 0,
        reserved: Nanos(1),
    }
}

fn budget(name: &str) -> BudgetName {
    BudgetName::parse(name).expect("a name")
}

/// Random ids spread over the table, as real ones do.
fn id(holder: u64) -> HolderId {
    HolderId(u128::from(holder).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// What this thread has used of a processor.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|first| first.parse().ok()).expect("a number")
}

fn flush_ms(directory: &Path, clock: &Clock) -> f64 {
    const FLUSHES: u64 = 100;
    let file = File::create(directory.join("flush")).expect("a file");
    let start = clock.monotonic();
    for page in 0..FLUSHES {
        file.write_all_at(&[1; 4096], page * 4096).expect("a page");
        file.sync_data().expect("a flush");
    }
    to_f64(clock.monotonic().since(start).0) / to_f64(FLUSHES)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a figure to look at")]
const fn to_f64(number: u64) -> f64 {
    number as f64
}
