//! What is a caller told whose call there is no money for?

use admission::money::toll::End;

use crate::world::{World, request};
use admission::admit::{Attempt, Decision};

#[test]
fn a_spent_budget_is_named_with_all_that_one_can_act_on() {
    let mut world = World::new();
    world.sidecar.cap = 1_000_000;
    world.sidecar.refuses = "acme";
    let refused = world.get("/api/priced").err().unwrap();
    assert_eq!((refused.status, refused.code.as_str()), (402, "budget_spent"));
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(refused.header("retry-after"), Some("90"));
    let body = &refused.body;
    assert_eq!(body["budget"], "acme", "the budget of the tree that refused");
    assert_eq!(body["charged_to"], "search-team");
    assert_eq!(body["period"], "2026-11");
    assert_eq!(body["cap"], "0.001");
    assert_eq!(body["spent"], "0.00");
    assert_eq!(body["currency"], "USD");
    assert_eq!(body["hold"], "0.0137");
    assert_eq!(body["ask"], "acme@acme.example");
    assert_eq!(body["error"]["code"], "budget_spent");
    assert_eq!(body["error"]["type"], "insufficient_quota");
}

#[test]
fn money_that_is_elsewhere_is_another_refusal_than_money_that_is_spent() {
    let mut world = World::new();
    world.sidecar.elsewhere = world.sidecar.cap;
    let refused = world.get("/api/priced").err().unwrap();
    assert_eq!((refused.status, refused.code.as_str()), (429, "budget_lent_elsewhere"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("x-should-retry"), None, "to try again is right");
    world.sidecar.elsewhere = 0;
    world.rest(500);
    world.get("/api/priced").unwrap();
}

#[test]
fn who_waits_for_money_gets_what_comes_back() {
    let mut world = World::new();
    world.sidecar.cap = 300_000_000;
    let first = world.get("/api/dear").unwrap();
    let headers = request(1, "GET", "/api/dear", &[]);
    let mut attempt = Attempt::new(false);
    assert!(matches!(world.decide(&headers, &mut attempt), Decision::Await));
    // The first one turns out to cost nothing.
    world.answer(first, "500", "", End::Whole);
    assert!(matches!(world.decide(&headers, &mut attempt), Decision::Admit(_)));
}

#[test]
fn a_spent_budget_is_refused_without_asking_for_a_while() {
    let mut world = World::new();
    world.sidecar.cap = 0;
    world.get("/api/priced").err().unwrap();
    let syncs = world.sidecar.requests.len();
    for _ in 0..1_000 {
        assert_eq!(world.get("/api/priced").err().unwrap().code, "budget_spent");
    }
    assert_eq!(world.sidecar.requests.len(), syncs);
    world.sidecar.cap = 1_000_000_000;
    world.rest(500);
    world.get("/api/priced").unwrap();
}

#[test]
fn why_there_is_no_money_outlasts_answers_to_syncs_that_asked_for_none() {
    let mut world = World::new();
    world.sidecar.cap = 0;
    for _ in 0..200 {
        let refused = world.get("/api/priced").err().unwrap();
        assert_eq!((refused.status, refused.code.as_str()), (402, "budget_spent"));
        world.rest(20);
    }
}

#[test]
fn a_budget_that_is_over_is_closed() {
    let mut world = World::new();
    world.sidecar.term = None;
    let refused = world.get("/api/priced").err().unwrap();
    assert_eq!((refused.status, refused.code.as_str()), (402, "budget_closed"));
    assert_eq!(refused.header("x-should-retry"), Some("false"));
}

#[test]
fn a_client_without_a_budget_may_use_what_is_free() {
    let mut world = World::new();
    assert!(world.send(2, "GET", "/api/free", &[], None).is_ok());
    let refused = world.send(2, "GET", "/api/priced", &[], None).err().unwrap();
    assert_eq!((refused.status, refused.code.as_str()), (403, "no_budget"));
    assert_eq!(refused.body["ask"], "owner@acme.example");
}

#[test]
fn a_call_that_no_route_names_costs_what_the_policy_says_of_such_or_is_refused() {
    let mut world = World::new();
    let call = world.send(1, "DELETE", "/api/anything", &[], None).unwrap();
    world.finish(call);
    world.rest(500);
    let one = &world.sidecar.settlements[0];
    assert_eq!((&*one.route, one.cost.0), ("unlisted", 1_000_000));
    assert_eq!(world.get("/strict/anything").err().unwrap().code, "route_not_listed");
}

#[test]
fn a_call_refused_by_one_limit_takes_nothing_from_the_others() {
    let mut world = World::new();
    let call = world.get("/api/priced").unwrap();
    world.finish(call);
    world.rest(300);
    // No money: the rate is not charged.
    world.sidecar.cap = 0;
    for _ in 0..10 {
        assert_eq!(world.get("/api/dear").err().unwrap().code, "budget_spent");
    }
    world.rest(300);
    let spent = |world: &World| -> u64 {
        world.sidecar.requests.iter().flat_map(|one| &one.leases).map(|line| line.spent).sum()
    };
    assert_eq!(spent(&world), 1);
    // No rate: no money is held.
    let mut world = World::new();
    world.sidecar.rate = 0;
    for _ in 0..10 {
        assert_eq!(world.get("/api/priced").err().unwrap().code, "rate_limited");
    }
    world.rest(10_000);
    assert_eq!((world.sidecar.lent(), world.sidecar.spent()), (0, 0));
}
