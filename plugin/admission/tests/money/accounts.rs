//! Reserve, settle, give back: does the ledger end with what calls have cost, to the last nano?

use admission::money::toll::End;
use proptest::prelude::*;
use wire::budget::{Basis, Term};

use crate::world::World;

/// What a call of `/priced` costs.
const PRICE: u64 = 13_700_000;
/// What a call by model reserves.
const HOLD: u64 = 250_000_000;

const CHAT: &str = r#"{"model": "claude-haiku-5", "messages": []}"#;

/// An answer of so many input tokens, which cost 250 nano-units each.
fn used(input: u64) -> String {
    format!(
        r#"{{"id": "msg_1", "type": "message", "model": "claude-haiku-5",
            "usage": {{"input_tokens": {input}, "output_tokens": 0}}}}"#
    )
}

#[test]
fn a_call_that_costs_nothing_says_nothing_of_money() {
    let mut world = World::new();
    assert!(world.get("/api/free").unwrap().toll.is_none());
    world.rest(500);
    assert!(world.sidecar.settlements.is_empty());
}

#[test]
fn priced_calls_settle_at_their_price_alike_ones_in_one_line() {
    let mut world = World::new();
    for _ in 0..20 {
        let call = world.get("/api/priced").unwrap();
        world.finish(call);
    }
    world.rest(500);
    assert_eq!(world.sidecar.spent(), 20 * PRICE);
    let said = &world.sidecar.settlements;
    assert_eq!(said.iter().map(|one| one.calls).sum::<u64>(), 20);
    assert!(said.len() <= 4, "{} lines for twenty calls that are alike", said.len());
    let one = said.last().unwrap();
    assert_eq!(
        (one.client.as_str(), one.service.as_str(), &*one.route),
        ("checkout", "api", "GET /priced")
    );
    assert_eq!((one.basis, one.status, one.cost, one.hold), (Basis::Flat, 200, one.hold, one.cost));
}

#[test]
fn a_term_that_comes_back_has_what_it_had_and_no_more() {
    let mut world = World::new();
    world.sidecar.cap = 10 * PRICE;
    let calls = [(); 3].map(|()| world.get("/api/priced").unwrap());
    for term in [2, 1] {
        world.sidecar.term = Some(Term(term));
        world.rest(1_000);
    }
    calls.into_iter().for_each(|call| world.finish(call));
    world.rest(1_000);
    let mut admitted = 0;
    while let Ok(call) = world.get("/api/priced") {
        world.finish(call);
        admitted += 1;
    }
    assert_eq!(admitted, 7);
    world.rest(20_000);
    assert_eq!(world.sidecar.settled, [(Term(1), 10 * PRICE)].into());
}

#[test]
fn calls_that_differ_are_not_merged() {
    let mut world = World::new();
    for (path, status) in [("/api/priced", "200"), ("/api/priced", "404"), ("/api/dear", "200")] {
        let call = world.get(path).unwrap();
        world.answer(call, status, "", End::Whole);
    }
    world.rest(500);
    let said: Vec<_> =
        world.sidecar.settlements.iter().map(|one| (one.calls, one.cost.0, one.basis)).collect();
    assert_eq!(said, [(1, PRICE, Basis::Flat), (1, 0, Basis::Zero), (1, 300_000_000, Basis::Flat)]);
}

#[test]
fn a_metered_call_settles_at_what_it_used_and_the_rest_is_free_again() {
    let mut world = World::new();
    let call = world.post(1, "/api/v1/messages", CHAT).unwrap();
    world.answer(call, "200", &used(1_000), End::Whole);
    world.rest(300);
    assert_eq!(world.sidecar.spent(), 250_000);
    let one = &world.sidecar.settlements[0];
    assert_eq!((one.hold.0, one.basis, one.calls), (HOLD, Basis::Usage, 1));
    assert_eq!(one.model.as_deref(), Some("claude-haiku-5"));
    assert_eq!(one.upstream_id.as_deref(), Some("msg_1"));
    assert_eq!(one.prices.as_ref().map(|name| name.as_str()), Some("list"));
    // Nobody asks for it any longer, so it goes back.
    world.rest(7_000);
    assert_eq!(world.sidecar.lent(), 0);
}

#[test]
fn what_is_cut_off_costs_its_hold_and_what_was_never_sent_nothing() {
    for (status, body, end, cost, basis) in [
        ("", "", End::CutOff, HOLD, Basis::Reserve),
        ("200", "", End::CutOff, HOLD, Basis::Reserve),
        ("200", "{}", End::Whole, HOLD, Basis::Reserve),
        ("", "", End::NeverSent, 0, Basis::Zero),
        ("500", "{}", End::Whole, 0, Basis::Zero),
    ] {
        let mut world = World::new();
        let call = world.post(1, "/api/v1/messages", CHAT).unwrap();
        world.answer(call, status, body, end);
        world.rest(500);
        let one = &world.sidecar.settlements[0];
        assert_eq!((one.cost.0, one.basis), (cost, basis), "{status:?} {end:?}");
        assert_eq!(world.sidecar.settlements.len(), 1);
    }
}

#[test]
fn a_cost_beyond_the_hold_is_carried_and_paid_once() {
    let mut world = World::new();
    // All that is left is this one hold, and the call costs twice as much.
    world.sidecar.cap = HOLD;
    let call = world.post(1, "/api/v1/messages", CHAT).unwrap();
    world.answer(call, "200", &used(2_000_000), End::Whole);
    world.rest(500);
    assert_eq!(world.sidecar.spent(), 2 * HOLD);
    world.sidecar.cap = 4 * HOLD;
    for _ in 0..2 {
        world.rest(500);
        let call = world.post(1, "/api/v1/messages", CHAT).unwrap();
        world.answer(call, "200", &used(1_000_000), End::Whole);
    }
    world.rest(500);
    assert_eq!(world.sidecar.spent(), 4 * HOLD, "the cap, and not a nano was stranded");
    assert_eq!(world.post(1, "/api/v1/messages", CHAT).err().unwrap().code, "budget_spent");
    assert_eq!(world.sidecar.lent(), 0);
}

#[test]
fn a_cap_is_used_to_the_last_call_that_fits() {
    let mut world = World::new();
    world.sidecar.cap = 100 * PRICE + PRICE - 1;
    let mut admitted = 0_u64;
    for _ in 0..400 {
        if let Ok(call) = world.get("/api/priced") {
            admitted += 1;
            world.finish(call);
        }
        world.pass(3);
    }
    assert_eq!(admitted, 100);
    assert_eq!(world.get("/api/priced").err().unwrap().code, "budget_spent");
    world.rest(1_000);
    assert_eq!(world.sidecar.spent(), 100 * PRICE);
}

#[test]
fn what_is_left_pays_for_a_small_call_where_a_large_one_is_refused() {
    let mut world = World::new();
    world.sidecar.cap = 20_000_000;
    assert_eq!(world.get("/api/dear").err().unwrap().code, "budget_spent");
    let call = world.get("/api/priced").unwrap();
    world.finish(call);
}

#[test]
fn a_recalled_budget_keeps_no_more_than_is_needed() {
    let mut world = World::new();
    world.sidecar.cap = 10_000_000_000;
    for _ in 0..40 {
        let call = world.get("/api/priced").unwrap();
        world.finish(call);
        world.pass(10);
    }
    assert!(world.sidecar.lent() > 4 * PRICE, "a slice for the next moment");
    world.sidecar.recall = true;
    world.rest(600);
    world.rest(200);
    assert!(world.sidecar.lent() <= 3 * PRICE, "{} is kept", world.sidecar.lent());
}

#[test]
fn a_call_settles_on_the_term_that_admitted_it() {
    let mut world = World::new();
    let old = world.post(1, "/api/v1/messages", CHAT).unwrap();
    world.sidecar.term = Some(Term(2));
    world.rest(1_000);
    let new = world.post(1, "/api/v1/messages", CHAT).unwrap();
    world.answer(old, "200", &used(1_000), End::Whole);
    world.answer(new, "200", &used(2_000), End::Whole);
    world.rest(1_000);
    assert_eq!(world.sidecar.settled[&Term(1)], 250_000);
    assert_eq!(world.sidecar.settled[&Term(2)], 500_000);
    assert_eq!(world.sidecar.lent[&Term(1)], 0, "the rest of the old hold went back to its term");
}

#[test]
fn money_outlives_the_ledgers_memory() {
    let mut world = World::new();
    world.sidecar.cap = HOLD;
    let running = world.post(1, "/api/v1/messages", CHAT).unwrap();
    world.sidecar.epoch = 2;
    world.rest(1_000);
    assert_eq!(world.sidecar.lent(), HOLD);
    world.answer(running, "200", &used(0), End::Whole);
    // What the call did not use is still here, and good for the next one; the rate must be lent anew.
    world.post(1, "/api/v1/messages", CHAT).unwrap();
    assert_eq!(world.sidecar.lent(), HOLD, "which is the whole cap");
}

#[test]
fn a_sync_about_money_is_repeated_to_the_byte_and_booked_once() {
    let mut world = World::new();
    let call = world.get("/api/priced").unwrap();
    world.finish(call);
    world.now += 600;
    world.gate.set_now(wire::units::Millis(world.now));
    let first = world.gate.sync_due(false).unwrap().to_vec();
    // It arrives; its answer does not.
    world.sidecar.answer(&first);
    world.gate.sync_failed();
    // What happens meanwhile waits for the next one.
    let call = world.get("/api/priced").unwrap();
    world.finish(call);
    world.now += 600;
    world.gate.set_now(wire::units::Millis(world.now));
    let second = world.gate.sync_due(false).unwrap().to_vec();
    assert_eq!(first, second);
    let answer = world.sidecar.answer(&second);
    world.gate.sync_answered(&answer).unwrap();
    world.rest(8_000);
    assert_eq!(world.sidecar.spent(), 2 * PRICE);
    assert_eq!(world.sidecar.lent(), 0);
}

#[test]
fn without_a_sidecar_costs_are_kept_until_it_is_back() {
    let mut world = World::new();
    let calls: Vec<_> = (0..5).map(|_| world.get("/api/priced").unwrap()).collect();
    world.silent = true;
    world.rest(20_000);
    calls.into_iter().for_each(|call| world.finish(call));
    world.rest(20_000);
    assert!(!world.gate.is_dormant(), "it has something to say");
    assert_eq!(world.get("/api/priced").err().unwrap().code, "sidecar_unavailable");
    world.silent = false;
    world.rest(2_000);
    assert_eq!(world.sidecar.spent(), 5 * PRICE);
}

#[test]
fn a_gate_whose_calls_run_does_not_fall_asleep() {
    let mut world = World::new();
    let call = world.get("/api/priced").unwrap();
    let syncs = world.sidecar.requests.len();
    world.rest(60_000);
    assert!(world.sidecar.requests.len() - syncs >= 115, "a heartbeat twice a second");
    let last = world.sidecar.requests.last().unwrap();
    assert_eq!(last.money.len(), 1, "which renews what the call has reserved");
    assert_eq!(world.sidecar.lent(), PRICE, "and nothing but that is kept");
    world.finish(call);
    world.rest(15_000);
    assert!(world.gate.is_dormant());
    assert_eq!((world.sidecar.lent(), world.sidecar.spent()), (0, PRICE));
}

#[test]
fn more_settlements_than_one_sync_carries_wait_for_the_next() {
    let mut world = World::new();
    world.sidecar.cap = u64::from(u32::MAX) * 1_000_000;
    let calls: Vec<_> =
        (0..1_500).map(|_| world.post(1, "/api/v1/messages", CHAT).unwrap()).collect();
    for call in calls {
        world.answer(call, "200", &used(4), End::Whole);
    }
    world.rest(1_000);
    assert_eq!(world.sidecar.settlements.len(), 1_500);
    assert_eq!(world.sidecar.spent(), 1_500 * 1_000);
    assert!(world.sidecar.requests.iter().all(|one| one.settlements.len() <= 1_024));
}

/// What may happen at the gate.
#[derive(Clone, Debug)]
enum Event {
    Call { dear: bool },
    End { which: usize, cost: u64 },
    Time(u64),
    Cap(u64),
    Silence(bool),
    Recall(bool),
    NewTerm,
    NewEpoch,
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => any::<bool>().prop_map(|dear| Event::Call { dear }),
        6 => (any::<usize>(), 0..4_000_000_u64).prop_map(|(which, cost)| Event::End { which, cost }),
        6 => (1..120_u64).prop_map(Event::Time),
        1 => (1..40_u64).prop_map(|cap| Event::Cap(cap * 100_000_000)),
        1 => any::<bool>().prop_map(Event::Silence),
        1 => any::<bool>().prop_map(Event::Recall),
        1 => Just(Event::NewTerm),
        1 => Just(Event::NewEpoch),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens in whatever order: at the end nothing is lent, and each term's account shows what
    /// the calls that it admitted have cost.
    #[test]
    fn nothing_is_lost_and_nothing_counted_twice(events in prop::collection::vec(events(), 1..150)) {
        let mut world = World::new();
        let mut running = Vec::new();
        let mut cost_of_all = 0;
        for event in events {
            match event {
                Event::Call { dear } => {
                    let call = match dear {
                        true => world.post(1, "/api/v1/messages", CHAT),
                        false => world.get("/api/priced"),
                    };
                    running.extend(call.ok().map(|call| (call, dear)));
                }
                Event::End { which, cost } if !running.is_empty() => {
                    let (call, dear) = running.swap_remove(which % running.len());
                    if dear {
                        cost_of_all += cost * 250;
                        world.answer(call, "200", &used(cost), End::Whole);
                    } else {
                        cost_of_all += PRICE;
                        world.finish(call);
                    }
                }
                Event::End { .. } => {}
                Event::Time(ms) => drop(world.pass(ms)),
                Event::Cap(cap) => world.sidecar.cap = cap,
                Event::Silence(silent) => world.silent = silent,
                Event::Recall(recall) => world.sidecar.recall = recall,
                Event::NewTerm => world.sidecar.term = world.sidecar.term.map(|term| Term(term.0 + 1)),
                Event::NewEpoch => world.sidecar.epoch += 1,
            }
        }
        world.silent = false;
        for (call, dear) in running {
            if dear {
                world.answer(call, "200", &used(0), End::Whole);
            } else {
                cost_of_all += PRICE;
                world.finish(call);
            }
        }
        world.rest(20_000);
        prop_assert_eq!(world.sidecar.settled.values().sum::<u64>(), cost_of_all);
        prop_assert_eq!(world.sidecar.lent.values().sum::<u64>(), 0);
        prop_assert!(world.gate.is_dormant());
    }
}
