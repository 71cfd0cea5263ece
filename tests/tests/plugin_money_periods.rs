//! Does each call count in the period that admitted it, by the zone's calendar, whatever ends while it
//! runs?
//!
//! Judged by the accounts and entries of the real ledger. The zone is New York: five hours behind UTC in
//! winter, four in summer. The fiscal year begins in September, so that November ends a day, a month and a
//! quarter at once. Neighbour: `plugin_money_settles` asks what a call settles at.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

#[path = "plugin_world/priced.rs"]
mod priced;
#[path = "plugin_world/world.rs"]
mod world;

use std::collections::BTreeSet;

use ledger::money::record::What;
use priced::{CHAT, FREE, HOLD, PRICE, PRICED, connected, head, policy_of, post, warmed};
use tollkeeper_tests::host::StreamId;
use wire::budget::Term;
use wire::money::Nanos;
use wire::units::UnixMillis;
use world::{NEW_YEAR, World};

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;

const NEW_YORK: &str = r#""time_zone": "America/New_York", "fiscal_year_starts": "09-01""#;
const TOKYO: &str = r#""time_zone": "Asia/Tokyo", "fiscal_year_starts": "09-01""#;

const ASK: &[u8] = br#"{"model": "gpt-5", "messages": []}"#;

/// What this answer costs.
const USED: u64 = 450_000;
const ANSWER: &[u8] = br#"{"id": "chatcmpl-1", "model": "gpt-5", "choices": [],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}}"#;

// === The calendar, of 2026 and in UTC ===

fn utc(month: usize, day: u64, hour: u64, minute: u64) -> UnixMillis {
    const DAYS_BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let days = DAYS_BEFORE[month - 1] + day - 1;
    UnixMillis(NEW_YEAR.0 + days * 24 * HOUR + hour * HOUR + minute * 60 * SECOND)
}

const fn before(wall: UnixMillis, millis: u64) -> UnixMillis {
    UnixMillis(wall.0 - millis)
}

const fn after(wall: UnixMillis, millis: u64) -> UnixMillis {
    UnixMillis(wall.0 + millis)
}

/// The midnight of New York at which November ends.
fn december() -> UnixMillis {
    utc(12, 1, 5, 0)
}

// === Policies ===

/// Of three levels: the client's budget with this cap and time, the shop's months, the company's quarters.
fn budgets(cap: &str, time: &str) -> String {
    format!(
        r#""acme": {{"cap": "1000.00", "every": "quarter", "owner": "finance@acme.example"}},
           "shop": {{"within": "acme", "cap": "900.00", "every": "month"}},
           "team": {{"within": "shop", "cap": "{cap}", {time}}}"#
    )
}

fn policy(calendar: &str, cap: &str, time: &str) -> String {
    policy_of(calendar, &budgets(cap, time))
}

/// Just before an instant, with a client whose money is known.
fn ready(workers: usize, policy: &str, begins: UnixMillis) -> World {
    let mut world = World::ready_at(workers, policy, begins);
    warmed(&mut world);
    world
}

/// As much as so many calls of `GET /priced` cost.
fn calls(count: u64) -> String {
    Nanos(count * PRICE).to_string()
}

// === Calls ===

/// A chat whose answer has begun and goes on.
fn chat(world: &mut World) -> StreamId {
    let stream = post(world, CHAT, ASK, 64);
    assert!(world.vms[0].is_upstream(stream), "{:?}", world.refusal(0, stream));
    connected(&mut world.vms[0], stream);
    let json = [(":status", "200"), ("content-type", "application/json")];
    world.vms[0].response_headers(stream, &json, false).unwrap();
    world.vms[0].response_body(stream, &ANSWER[..20], false).unwrap();
    stream
}

fn finish(world: &mut World, chats: &[StreamId]) {
    for chat in chats {
        world.vms[0].response_body(*chat, &ANSWER[20..], true).unwrap();
        world.vms[0].end(*chat).unwrap();
    }
}

/// A call of `GET /priced` and its whole answer; how it was refused, if it was.
fn get(world: &mut World) -> Result<(), Refusal> {
    let stream = world.decided(0, &head("GET", PRICED, &[]));
    if world.vms[0].is_upstream(stream) {
        world.vms[0].respond_and_end(stream, &[(":status", "200")]).unwrap();
        return Ok(());
    }
    let reply = world.vms[0].reply(stream).unwrap();
    let refusal = Refusal {
        status: reply.status,
        code: reply.headers.text("x-tollkeeper-refusal").unwrap(),
        retry_after: reply.headers.text("retry-after").map(|text| text.parse().unwrap()),
        body: serde_json::from_slice(&reply.body).unwrap(),
    };
    world.vms[0].end(stream).unwrap();
    Err(refusal)
}

#[derive(Debug)]
struct Refusal {
    status: u32,
    code: String,
    retry_after: Option<u64>,
    body: serde_json::Value,
}

impl Refusal {
    /// It says that this budget is spent, or closed, and when it begins anew: never before that is so,
    /// and right to the second.
    fn tells(&self, world: &World, code: &str, period: &str, resets: UnixMillis) {
        assert_eq!((self.status, self.code.as_str()), (402, code), "{self:?}");
        assert_eq!((&self.body["budget"], &self.body["period"]), (&"team".into(), &period.into()));
        let left = resets.0 - world.wall().0;
        let told = self.body["resets_in_ms"].as_u64().unwrap();
        // The worker reads its clock at ticks, of which one in use has ten a second.
        assert!((left..left + 110).contains(&told), "{told} ms told, {left} left");
        assert_eq!(self.retry_after, Some(told.div_ceil(SECOND)));
    }
}

/// The first moment from now on at which a call is admitted.
fn opens(world: &mut World) -> UnixMillis {
    for _ in 0..200 {
        if get(world).is_ok() {
            return world.wall();
        }
        world.run(10);
    }
    panic!("no call is admitted")
}

// === Books ===

/// What is settled, presumed and reserved in an account.
fn account(world: &World, budget: &str, period: &str) -> (u64, u64, u64) {
    let account = world.sidecar.account_of(budget, period);
    let account = account.unwrap_or_else(|| panic!("{budget} has no {period}"));
    (account.settled.0, account.presumed.0, account.reserved.0)
}

/// Every account of these is settled at just this, and nothing of it is lent.
fn all_settled(world: &World, accounts: [(&str, &str); 3], at: u64) {
    for (budget, period) in accounts {
        assert_eq!(account(world, budget, period), (at, 0, 0), "{budget} {period}");
    }
}

/// What is entered as settled, by term in the order of their beginning.
fn entered(world: &World) -> Vec<u64> {
    let settled = || {
        world.sidecar.entries.iter().filter_map(|entry| match &entry.what {
            What::Settled { term, settlement, .. } => Some((*term, settlement.cost.0)),
            _ => None,
        })
    };
    let terms: BTreeSet<Term> = settled().map(|(term, _)| term).collect();
    let of = |term| settled().filter(|(of, _)| *of == term).map(|(_, cost)| cost).sum();
    terms.into_iter().map(of).collect()
}

const NOVEMBER: [(&str, &str); 3] =
    [("team", "2026-11-30"), ("shop", "2026-11"), ("acme", "FY2026-Q1")];
const DECEMBER: [(&str, &str); 3] =
    [("team", "2026-12-01"), ("shop", "2026-12"), ("acme", "FY2026-Q2")];

// === The end of a month ===

/// Calls that run over the end of November, of workers whose own clocks show this.
fn over_the_end_of_a_month(workers_wall: UnixMillis) {
    let by_day = policy(NEW_YORK, "100.00", r#""every": "day""#);
    let mut world = ready(1, &by_day, before(december(), 5 * SECOND));
    world.set_workers_wall(workers_wall);
    world.run_until(before(december(), 400));
    let old = [(); 3].map(|()| chat(&mut world));
    get(&mut world).unwrap();
    world.run_until(after(december(), 1));
    let new = [(); 2].map(|()| chat(&mut world));
    get(&mut world).unwrap();
    // Longer than a lease lasts without a word: what runs is still reserved where it was admitted.
    world.run(15_000);
    assert_eq!(account(&world, "shop", "2026-11"), (PRICE, 0, 3 * HOLD));
    finish(&mut world, &new);
    finish(&mut world, &old);
    world.run(20_000);
    all_settled(&world, NOVEMBER, 3 * USED + PRICE);
    all_settled(&world, DECEMBER, 2 * USED + PRICE);
    assert_eq!(entered(&world), [3 * USED + PRICE, 2 * USED + PRICE]);
}

#[test]
fn a_call_that_runs_over_the_end_of_a_month_settles_in_it_at_every_level() {
    over_the_end_of_a_month(before(december(), 5 * SECOND));
}

#[test]
fn the_clocks_of_workers_may_be_wrong_by_hours_or_years() {
    for wall in [UnixMillis(0), before(december(), 9 * HOUR), after(december(), 7 * HOUR)] {
        over_the_end_of_a_month(wall);
    }
}

#[test]
fn at_no_moment_of_the_night_a_call_is_refused_or_counted_on_the_wrong_side() {
    let by_day = policy(NEW_YORK, "100.00", r#""every": "day""#);
    for every in [7, 31, 95, 480] {
        let mut world = ready(2, &by_day, before(december(), 3 * SECOND));
        let mut admitted = [0, 0];
        let mut waiting: Vec<(usize, StreamId)> = Vec::new();
        while world.wall() < after(december(), 2 * SECOND) {
            if world.now().is_multiple_of(every) {
                let worker = usize::try_from(world.now() / every % 2).unwrap();
                waiting.push((worker, world.call(worker, &head("GET", PRICED, &[]))));
            }
            let side = usize::from(world.wall() >= december());
            waiting.retain(|(worker, stream)| {
                let vm = &mut world.vms[*worker];
                if vm.is_paused(*stream) {
                    return true;
                }
                let code = vm.reply(*stream).map(|reply| reply.headers.clone());
                assert!(vm.is_upstream(*stream), "{code:?}");
                vm.respond_and_end(*stream, &[(":status", "200")]).unwrap();
                admitted[side] += 1;
                false
            });
            world.step();
        }
        world.run(20_000);
        all_settled(&world, NOVEMBER, admitted[0] * PRICE);
        all_settled(&world, DECEMBER, admitted[1] * PRICE);
        assert_eq!(entered(&world), admitted.map(|calls| calls * PRICE));
    }
}

#[test]
fn what_is_left_of_a_period_is_not_spent_in_the_next() {
    let small = policy(NEW_YORK, &calls(4), r#""every": "month""#);
    let mut world = ready(1, &small, before(december(), 2 * SECOND));
    get(&mut world).unwrap();
    world.run_until(december());
    let admitted = (0..60).filter(|_| get(&mut world).is_ok()).count();
    world.run(20_000);
    assert_eq!(admitted, 4);
    assert_eq!(account(&world, "team", "2026-11"), (PRICE, 0, 0));
    assert_eq!(account(&world, "team", "2026-12"), (4 * PRICE, 0, 0));
}

#[test]
fn a_spent_budget_has_money_again_in_the_first_second_and_says_so_before() {
    let periods = [("day", "2026-11-30"), ("month", "2026-11"), ("quarter", "FY2026-Q1")];
    for (every, period) in periods {
        let small = policy(NEW_YORK, &calls(3), &format!(r#""every": "{every}""#));
        let mut world = ready(1, &small, before(december(), 5 * SECOND));
        for _ in 0..3 {
            get(&mut world).unwrap();
        }
        while world.wall() < before(december(), 120) {
            let wait = world.random.u64(1..60);
            world.run(wait);
            get(&mut world).unwrap_err().tells(&world, "budget_spent", period, december());
        }
        world.run_until(before(december(), 100));
        get(&mut world).unwrap_err().tells(&world, "budget_spent", period, december());
        world.run_until(december());
        let opened = opens(&mut world);
        assert!(opened < after(december(), 150), "{} ms late", opened.0 - december().0);
        world.run(600);
        assert_eq!(account(&world, "team", period).0, 3 * PRICE);
    }
}

// === The days on which clocks change ===

/// A day's money lasts for these moments of the day, and is there again with the next day.
fn lasts_for_a_day(day: &str, starts: UnixMillis, ends: UnixMillis, moments: &[UnixMillis]) {
    let count = u64::try_from(moments.len()).unwrap();
    let by_day = policy(NEW_YORK, &calls(count), r#""every": "day""#);
    let mut world = ready(1, &by_day, before(starts, 5 * SECOND));
    for _ in moments {
        get(&mut world).unwrap();
    }
    for moment in moments {
        world.rest_until(*moment);
        get(&mut world).unwrap();
    }
    for hours in (1..=4).rev() {
        world.rest_until(before(ends, hours * HOUR));
        get(&mut world).unwrap_err().tells(&world, "budget_spent", day, ends);
    }
    world.rest_until(before(ends, 5 * SECOND));
    world.run_until(before(ends, 100));
    get(&mut world).unwrap_err().tells(&world, "budget_spent", day, ends);
    world.run_until(ends);
    assert!(opens(&mut world) < after(ends, 150));
    let account = world.sidecar.account_of("team", day).unwrap();
    assert_eq!((account.starts, account.ends), (starts, Some(ends)));
    assert_eq!(account.settled.0, count * PRICE);
}

#[test]
fn the_day_on_which_clocks_go_forward_has_23_hours() {
    let (starts, ends) = (utc(3, 8, 5, 0), utc(3, 9, 4, 0));
    assert_eq!(ends.0 - starts.0, 23 * HOUR);
    // 00:00, 01:59:59, 03:00 and noon.
    let moments = [starts, before(utc(3, 8, 7, 0), 1), utc(3, 8, 7, 0), utc(3, 8, 16, 0)];
    lasts_for_a_day("2026-03-08", starts, ends, &moments);
}

#[test]
fn the_day_on_which_clocks_go_back_has_25_hours_and_both_its_half_past_one() {
    let (starts, ends) = (utc(11, 1, 4, 0), utc(11, 2, 5, 0));
    assert_eq!(ends.0 - starts.0, 25 * HOUR);
    // 00:00, 01:30, 01:30 again and noon.
    let moments = [starts, utc(11, 1, 5, 30), utc(11, 1, 6, 30), utc(11, 1, 17, 0)];
    lasts_for_a_day("2026-11-01", starts, ends, &moments);
}

#[test]
fn a_call_that_runs_while_clocks_change_settles_in_the_day_that_admitted_it() {
    for (day, change) in [("2026-03-08", utc(3, 8, 7, 0)), ("2026-11-01", utc(11, 1, 6, 0))] {
        let by_day = policy(NEW_YORK, "1.00", r#""every": "day""#);
        let mut world = ready(1, &by_day, before(change, 2 * SECOND));
        let old = chat(&mut world);
        world.run_until(after(change, 1));
        let new = chat(&mut world);
        finish(&mut world, &[new, old]);
        world.run(20_000);
        assert_eq!(account(&world, "team", day), (2 * USED, 0, 0), "{day}");
        assert_eq!(entered(&world), [2 * USED], "{day}");
    }
}

#[test]
fn a_call_that_runs_over_the_end_of_such_a_day_settles_in_it() {
    for (day, ends) in [("2026-03-08", utc(3, 9, 4, 0)), ("2026-11-01", utc(11, 2, 5, 0))] {
        let by_day = policy(NEW_YORK, "1.00", r#""every": "day""#);
        let mut world = ready(1, &by_day, before(ends, 2 * SECOND));
        let last = chat(&mut world);
        world.run_until(after(ends, 1));
        let first = chat(&mut world);
        finish(&mut world, &[first, last]);
        world.run(20_000);
        assert_eq!(account(&world, "team", day), (USED, 0, 0), "{day}");
        assert_eq!(entered(&world), [USED, USED], "{day}");
    }
}

// === A new calendar ===

#[test]
fn a_new_zone_leaves_what_was_spent_where_it_was() {
    let by_month = |calendar| policy(calendar, "1.00", r#""every": "month""#);
    let mut world = ready(1, &by_month(NEW_YORK), utc(11, 15, 12, 0));
    get(&mut world).unwrap();
    let running = chat(&mut world);
    let now = world.moment();
    world.sidecar.set_policy(&by_month(TOKYO), now);
    world.run(1_000);
    get(&mut world).unwrap();
    finish(&mut world, &[running]);
    world.run(20_000);
    let november = [("team", "2026-11"), ("shop", "2026-11"), ("acme", "FY2026-Q1")];
    all_settled(&world, november, USED + 2 * PRICE);
    assert_eq!(entered(&world), [USED + 2 * PRICE]);
    let ends = world.sidecar.account("team").ends;
    assert_eq!(ends, Some(utc(11, 30, 15, 0)), "the month ends at the new zone's midnight");
}

#[test]
fn a_zone_that_is_taken_back_leaves_no_money_behind() {
    // It is still the 15th in New York, and the 16th in Tokyo.
    let by_day = |calendar| policy(calendar, "1.00", r#""every": "day""#);
    let mut world = ready(1, &by_day(NEW_YORK), utc(11, 15, 20, 0));
    let old = [(); 3].map(|()| chat(&mut world));
    let change = |world: &mut World, calendar| {
        let now = world.moment();
        world.sidecar.set_policy(&by_day(calendar), now);
        world.run(1_000);
    };
    change(&mut world, TOKYO);
    let new = chat(&mut world);
    change(&mut world, NEW_YORK);
    finish(&mut world, &old);
    finish(&mut world, &[new]);
    world.run(600);
    // All but what these chats have cost: no more, and no less.
    let left = (1_000_000_000 - 3 * USED) / PRICE;
    let admitted = (0..left + 10).filter(|_| get(&mut world).is_ok()).count();
    assert_eq!(u64::try_from(admitted), Ok(left));
    world.run(20_000);
    assert_eq!(account(&world, "team", "2026-11-15"), (3 * USED + left * PRICE, 0, 0));
    assert_eq!(account(&world, "team", "2026-11-16"), (USED, 0, 0));
}

// === From one day until another ===

/// A budget of the second of December alone.
fn of_a_day() -> (String, &'static str) {
    let dates = r#""from": "2026-12-02", "until": "2026-12-02""#;
    (policy(NEW_YORK, "10.00", dates), "from 2026-12-02")
}

#[test]
fn a_budget_by_date_opens_with_its_first_day_and_says_so_before() {
    let opening = utc(12, 2, 5, 0);
    let (policy, period) = of_a_day();
    let mut world = World::ready_at(1, &policy, before(opening, 90 * SECOND));
    get(&mut world).unwrap_err().tells(&world, "budget_closed", period, opening);
    world.rest_until(before(opening, 3 * SECOND));
    world.run_until(before(opening, 100));
    get(&mut world).unwrap_err().tells(&world, "budget_closed", period, opening);
    world.run_until(opening);
    let opened = opens(&mut world);
    assert!(opened < after(opening, 150), "{} ms late", opened.0 - opening.0);
    world.run(600);
    assert_eq!(account(&world, "team", period).0, PRICE);
    assert_eq!(account(&world, "shop", "2026-12").0, PRICE);
}

#[test]
fn a_budget_by_date_closes_after_its_last_day_and_what_runs_settles_in_it() {
    let closing = utc(12, 3, 5, 0);
    let (policy, period) = of_a_day();
    let mut world = ready(1, &policy, before(closing, 5 * SECOND));
    world.run_until(before(closing, 400));
    let last = chat(&mut world);
    world.run_until(after(closing, 1));
    for _ in 0..20 {
        let closed = get(&mut world).unwrap_err();
        assert_eq!((closed.status, closed.code.as_str()), (402, "budget_closed"));
        assert_eq!((closed.retry_after, &closed.body["period"]), (None, &period.into()));
        world.run(50);
    }
    let free = world.decided(0, &head("GET", FREE, &[]));
    assert!(world.vms[0].is_upstream(free), "what costs nothing needs no budget");
    world.vms[0].end(free).unwrap();
    finish(&mut world, &[last]);
    world.run(20_000);
    assert_eq!(account(&world, "team", period), (USED, 0, 0));
    assert_eq!(account(&world, "shop", "2026-12"), (USED, 0, 0));
    assert_eq!(entered(&world), [USED]);
}
