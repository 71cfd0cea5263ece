//! What is known before the call and right after the head: holds, flat prices, headers, bytes.

use admission::ask::Asked;
use admission::price::{PriceIndex, flat_cost, worst};
use serde_json::{Value, json};
use wire::budget::Basis;
use wire::money::Nanos;
use wire::tariff::{PriceList, Tariff};
use wire::usage::Kind::{BytesOut, Call, Input, Output, Unit};

use crate::route::{Answer, HOLD, Route, counts};

fn tariff(value: Value) -> Tariff {
    serde_json::from_value(value).unwrap()
}

fn known(route: &Route, answer: &Answer) -> (Option<u64>, bool) {
    let mut meter = route.meter();
    meter.headers(answer.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    (meter.known_cost().map(|cost| cost.0), meter.wants_body())
}

#[test]
fn a_call_with_a_price_of_its_own_is_known_at_once() {
    let priced = json!({"rates": [{"kind": "call", "picos": 5_000_000_000_u64}],
        "hold": {"amount": 5_000_000}});
    assert_eq!(flat_cost(&tariff(priced.clone())), Some(Nanos(5_000_000)));
    let route = Route::with_tariff(priced);
    let answer = Answer::new("image/png", "...");
    assert_eq!(known(&route, &answer), (Some(5_000_000), false));
    // The whole price is known, so a reset changes nothing.
    for bill in [route.bill(&answer), route.bill_cut_off(&answer)] {
        assert_eq!(
            (bill.basis, bill.cost.0, counts(&bill)),
            (Basis::Flat, 5_000_000, vec![(Call, 1)])
        );
    }
    assert_eq!(known(&route, &answer.status(404)), (Some(0), false));
}

#[test]
fn other_prices_are_not_known_in_advance() {
    for other in [
        json!({"hold": {"amount": 1}}),
        json!({"rates": [{"kind": "bytes_out", "picos": 1}], "hold": {"amount": 1}}),
        json!({"rates": [{"kind": "call", "picos": 1}], "usage": {"api": "openai-chat"},
            "hold": {"amount": 1}}),
    ] {
        assert_eq!(flat_cost(&tariff(other)), None);
    }
    let route = Route::of("openai-chat");
    assert_eq!(known(&route, &Answer::json("{}")), (None, true));
    assert_eq!(known(&route, &Answer::json("{}").status(400)), (None, true));
    assert_eq!(known(&route, &Answer::json("{}").status(500)), (Some(0), false));
}

#[test]
fn bytes_are_counted_as_they_travel() {
    let route = Route::with_tariff(json!({
        "rates": [
            {"kind": "call", "picos": 430_000},
            {"kind": "bytes_out", "picos": 90_000_000_000_u64, "per": 1_u64 << 30},
            {"kind": "bytes_in", "picos": 400_000, "per": 65_536, "step": 65_536},
        ],
        "hold": {"amount": HOLD},
    }));
    let answer = Answer::new("text/plain", vec![b'x'; 10_000]).gzip();
    let mut meter = route.meter();
    meter.headers(answer.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    assert!(meter.wants_body());
    meter.request_bytes(65_536);
    meter.request_bytes(1);
    meter.body(&answer.body);
    let bill = meter.settle(true);
    let out = answer.body.len() as u64;
    assert_eq!(bill.basis, Basis::Bytes);
    assert!(counts(&bill).contains(&(BytesOut, out)));
    let exact = 430.0 + out as f64 * 90_000_000.0 / f64::from(1 << 30) + 800.0;
    assert_eq!(bill.cost.0, exact.ceil() as u64);
    assert_eq!(bill.rows.len(), 3);
}

#[test]
fn what_policy_charges_for_the_call_comes_on_top() {
    let mut route = Route::of("openai-chat");
    route.tariff["rates"] = json!([{"kind": "call", "picos": 7_000}]);
    let answer =
        Answer::json(json!({"model": "m", "usage": {"prompt_tokens": 10, "completion_tokens": 1}}));
    let bill = route.bill(&answer);
    assert_eq!((bill.cost.0, counts(&bill)), (15_007, vec![(Input, 10), (Output, 1), (Call, 1)]));
    let mut route = Route::of("openrouter");
    route.tariff["rates"] = json!([{"kind": "call", "picos": 7_000}]);
    let answer = Answer::json(
        json!({"usage": {"prompt_tokens": 10, "completion_tokens": 1, "cost": 0.001}}),
    );
    assert_eq!(route.bill(&answer).cost.0, 1_000_007);
    let bill = Route { hold: 3, ..route }.bill(&Answer::json("{}"));
    assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, 7), "the call is known to cost that");
}

#[test]
fn headers_state_units_or_the_cost() {
    let units = Route::with_tariff(json!({
        "usage": {"header": {"name": "x-credits", "counts": "unit"}},
        "rates": [{"kind": "unit", "picos": 1_000_000}], "hold": {"amount": HOLD},
    }));
    let answer = Answer::new("image/png", "...");
    let bill = units.bill_cut_off(&answer.clone().header("x-credits", " 2.5 "));
    assert_eq!((bill.basis, bill.cost.0), (Basis::HeaderUnits, 2_500));
    assert_eq!(known(&units, &answer.clone().header("x-credits", "0")), (Some(0), false));
    for missing in [answer.clone(), answer.clone().header("x-credits", "many")] {
        let bill = units.bill(&missing);
        assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, HOLD));
    }
    let cost = Route::with_tariff(json!({
        "usage": {"header": {"name": "x-litellm-response-cost"}}, "hold": {"amount": HOLD},
    }));
    let answer = answer.header("x-litellm-response-cost", "2.9999900000000002e-06");
    let bill = cost.bill(&answer.header("x-request-id", "abc"));
    assert_eq!((bill.basis, bill.cost.0), (Basis::ProviderCost, 3_000));
    assert_eq!(bill.upstream_id.as_deref(), Some("abc"));
}

#[test]
fn json_places_are_those_of_policy() {
    let route = Route::with_tariff(json!({
        "usage": {"json": {"counts": [["unit", "usage.credits"]], "model": "engine"}},
        "rates": [{"kind": "unit", "picos": 8_000_000_000_u64}], "hold": {"amount": HOLD},
    }));
    let bill = route.bill(&Answer::json(json!({"engine": "e", "usage": {"credits": "3"}})));
    assert_eq!(
        (bill.basis, bill.cost.0, counts(&bill)),
        (Basis::Usage, 24_000_000, vec![(Unit, 3)])
    );
    assert_eq!(bill.model.as_deref(), Some("e"));
    assert_eq!(
        route.bill(&Answer::json(json!({"usage": {"credits": null}}))).basis,
        Basis::Reserve
    );
    let stated = Route::with_tariff(json!({
        "usage": {"json": {"cost": "costDollars.total"}}, "hold": {"amount": HOLD},
    }));
    let parts = json!({"costDollars": {"total": 0.005, "search": {"neural": 0.005}}});
    let bill = stated.bill(&Answer::json(parts));
    assert_eq!((bill.basis, bill.cost.0), (Basis::ProviderCost, 5_000_000));
}

fn models() -> PriceIndex {
    let list = json!({"name": "list", "models": [{
        "model": "m",
        "items": [["input", 1_000_000], ["cache_read", 100_000], ["output", 5_000_000]],
        "variants": [{"when": "service_tier=priority", "items": [["output", 9_000_000]]}],
        "tiers": [{"total_input": 1_000, "items": [["input", 2_000_000], ["output", 20_000_000]]}],
    }]});
    PriceIndex::new(&serde_json::from_value::<PriceList>(list).unwrap())
}

#[test]
fn the_worst_is_the_dearest_that_can_apply() {
    let prices = models();
    let model = prices.find("m");
    let tariff = tariff(json!({
        "usage": {"api": "openai-chat"}, "prices": "list", "hold": {"worst": {"output": 100}},
        "rates": [{"kind": "call", "picos": 1_000}],
    }));
    let asked = |output_limit, n| Asked { output_limit, n, ..Asked::default() };
    let worst = |asked: &Asked, bytes| worst(&tariff, model, asked, bytes).map(|nanos| nanos.0);
    assert_eq!(worst(&asked(None, None), 500), Some(500_000 + 900_000 + 1));
    assert_eq!(worst(&asked(Some(10), Some(3)), 1_000), Some(1_000_000 + 270_000 + 1));
    assert_eq!(worst(&asked(Some(10), None), 1_001), Some(2_002_000 + 200_000 + 1));
    assert_eq!(worst(&asked(Some(u64::MAX), None), 0), None, "more than can be kept");
    assert_eq!(worst(&asked(Some(u64::MAX), Some(2)), 0), None);
}

#[test]
fn without_a_price_or_with_an_amount_there_is_no_worst() {
    let none = tariff(json!({"usage": {"api": "openai-chat"}, "hold": {"worst": {"output": 100}}}));
    assert_eq!(worst(&none, None, &Asked::default(), 10), None);
    let amount = tariff(json!({"usage": {"api": "openai-chat"}, "hold": {"amount": 9}}));
    assert_eq!(worst(&amount, models().find("m"), &Asked::default(), 10), None);
}
