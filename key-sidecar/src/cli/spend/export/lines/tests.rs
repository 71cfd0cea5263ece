use std::sync::Arc;

use wire::facts::{Inject, PolicyFacts, RouteFacts, ServiceFacts};
use wire::ids::{CredentialName, PolicyVersion, PriceListName, ServiceName};
use wire::money::{Nanos, Picos, Quantity};
use wire::route::RoutePattern;
use wire::tariff::{self, Hold, ModelPrices, PriceList, Rate, Tariff, Tier, Variant};

use super::super::super::charge::tests::{
    NOVEMBER, book, corrected, presumed, settled, settlement,
};
use super::*;

fn items(input: u64, output: u64) -> Vec<(Kind, Picos)> {
    vec![(Kind::Input, Picos(input)), (Kind::Output, Picos(output))]
}

/// One service with a priced chat and a price for each call of everything else.
fn facts() -> PolicyFacts {
    let tariff = |prices: Option<&str>, rates| Tariff {
        usage: None,
        prices: prices.map(|name| PriceListName::parse(name).unwrap()),
        rates,
        hold: Hold::Amount(Nanos(1)),
        billable: Vec::new(),
    };
    let per_call = Rate { kind: Kind::Call, picos: Picos(430_000), per: 1, step: 0 };
    PolicyFacts {
        version: PolicyVersion::parse("0").unwrap(),
        organization: "acme".into(),
        currency: "USD".into(),
        services: vec![ServiceFacts {
            name: ServiceName::parse("openai").unwrap(),
            hosts: vec!["api.openai.com".into()],
            credential: CredentialName::parse("openai").unwrap(),
            inject: Inject::Bearer,
            routes: vec![RouteFacts {
                pattern: RoutePattern::parse("POST /v1/chat/completions").unwrap(),
                charge: tariff::Charge::Priced(Arc::new(tariff(Some("openai-2026-11"), vec![]))),
            }],
            unlisted: Some(tariff::Charge::Priced(Arc::new(tariff(None, vec![per_call])))),
            limits: Vec::new(),
        }],
        price_lists: vec![PriceList {
            name: PriceListName::parse("openai-2026-11").unwrap(),
            models: vec![ModelPrices {
                model: "gpt-5-mini".into(),
                also: vec!["gpt-5-mini-2026-08-07".into()],
                items: items(20_000, 40_500),
                variants: vec![Variant {
                    when: "service_tier=flex".into(),
                    items: items(10_000, 20_250),
                }],
                tiers: vec![Tier {
                    total_input: 1000,
                    inclusive: false,
                    items: items(40_000, 60_000),
                }],
            }],
        }],
    }
}

pub(crate) fn prices() -> Prices {
    let facts = facts();
    Prices::new(&facts.services, facts.price_lists)
}

fn lines_of(settlement: Settlement) -> Vec<(&'static str, String)> {
    let book = book();
    let entry = settled(1, NOVEMBER, settlement);
    let charge = book.charge(&entry).unwrap();
    let lines = lines(&charge, &prices()).unwrap();
    let sum = lines.iter().try_fold(Exact::ZERO, |sum, line| sum.plus(line.cost)).unwrap();
    assert_eq!(Some(sum), Exact::of(charge.cost()), "the lines add up to the charge");
    assert!(lines.iter().skip(1).all(|line| line.calls == 0), "calls are counted once");
    lines.iter().map(|line| (line.item.word(), line.cost.to_string())).collect()
}

#[test]
fn what_rounding_added_is_a_line_of_its_own() {
    // 1 x 20000 + 1 x 40500 picos are 60.5 nanos.
    let lines = lines_of(settlement(61, &[(Kind::Input, 1), (Kind::Output, 1)]));
    assert_eq!(
        lines,
        [
            ("input", "0.00000002".into()),
            ("output", "0.0000000405".into()),
            ("rounding", "0.0000000005".into()),
        ]
    );
}

#[test]
fn the_way_it_was_served_is_found_by_its_cost() {
    let mut flex = settlement(30_250, &[(Kind::Input, 1000), (Kind::Output, 1000)]);
    flex.model = Some("gpt-5-mini-2026-08-07".into());
    assert_eq!(lines_of(flex), [("input", "0.00001".into()), ("output", "0.00002025".into())]);
}

#[test]
fn a_dated_name_that_is_not_listed_is_priced_as_what_was_asked_for() {
    let mut dated = settlement(61, &[(Kind::Input, 1), (Kind::Output, 1)]);
    dated.model = Some("gpt-5-mini-2027-01-31".into());
    assert_eq!(lines_of(dated)[0], ("input", "0.00000002".into()));
}

#[test]
fn a_long_prompt_is_priced_by_its_tier() {
    let lines = lines_of(settlement(40_100, &[(Kind::Input, 1001), (Kind::Output, 1)]));
    assert_eq!(lines, [("input", "0.00004004".into()), ("output", "0.00000006".into())]);
}

#[test]
fn a_cost_that_no_price_explains_is_one_line() {
    let counts = [(Kind::Input, 1), (Kind::Output, 1)];
    for cost in [60, 62, 0, 1_000_000] {
        let lines = lines_of(settlement(cost, &counts));
        assert_eq!(lines.len(), 1, "{cost}");
        assert_eq!(lines[0].0, "unsplit", "{cost}");
    }
    let mut unknown = settlement(61, &counts);
    unknown.model = Some("gpt-6".into());
    assert_eq!(lines_of(unknown), [("unsplit", "0.000000061".into())]);
}

#[test]
fn calls_of_a_kind_are_rounded_each() {
    let mut many = settlement(3 * 430, &[(Kind::Call, 3)]);
    (many.calls, many.basis) = (3, Basis::Flat);
    (many.prices, many.model) = (None, None);
    many.route = "GET /v1/other".into();
    assert_eq!(lines_of(many), [("call", "0.00000129".into())]);
}

#[test]
fn holds_and_stated_costs_are_shown_for_what_they_are() {
    for (basis, word) in [
        (Basis::Reserve, "reserve"),
        (Basis::MaxUsageReserve, "reserve"),
        (Basis::ProviderCost, "provider_cost"),
    ] {
        let mut settlement = settlement(640_000, &[(Kind::Input, 5)]);
        settlement.basis = basis;
        assert_eq!(lines_of(settlement), [(word, "0.00064".into())]);
    }
}

#[test]
fn what_is_no_call_is_one_line_without_calls() {
    let (book, prices) = (book(), prices());
    for (entry, word) in
        [(presumed(1, NOVEMBER, 7), "presumed"), (corrected(2, NOVEMBER, -7, "x"), "correction")]
    {
        let lines = lines(&book.charge(&entry).unwrap(), &prices).unwrap();
        assert_eq!((lines.len(), lines[0].item.word(), lines[0].calls), (1, word, 0));
    }
}

#[test]
fn a_quantity_that_is_not_whole_is_exact_too() {
    let mut units = settlement(1, &[]);
    units.counts = vec![(Kind::Call, Quantity(1_000_001))];
    units.route = "GET /x".into();
    (units.basis, units.prices, units.model) = (Basis::Usage, None, None);
    units.cost = Nanos(431);
    assert_eq!(lines_of(units)[0], ("call", "0.00000043000043".into()));
}
