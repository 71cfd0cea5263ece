//! What do the filter and the ledger learn of prices and budgets?

use policies::{Every, Policy, Span, load};
use wire::facts::{PolicyFacts, RouteFacts};
use wire::ids::{BudgetName, ClientName, PriceListName, ServiceName};
use wire::limit::Mode;
use wire::money::{Nanos, Picos};
use wire::tariff::{Charge, Hold, ModelPrices, Rate, Statuses, Tariff};
use wire::units::UnixMillis;
use wire::usage::{HeaderUsage, JsonUsage, Kind, Profile, Usage};

use crate::{cases, single};

const NOW: UnixMillis = UnixMillis(1_795_600_000_000);

fn sample(name: &str) -> Policy {
    let case = cases("samples").into_iter().find(|case| case.name == name);
    load(&case.unwrap().files).unwrap()
}

fn routes<'f>(facts: &'f PolicyFacts, service: &str) -> &'f [RouteFacts] {
    &facts.services.iter().find(|one| one.name.as_str() == service).unwrap().routes
}

fn tariff<'f>(facts: &'f PolicyFacts, service: &str, route: &str) -> &'f Tariff {
    let routes = routes(facts, service);
    let found = routes.iter().find(|one| one.pattern.to_string() == route).unwrap();
    match &found.charge {
        Charge::Priced(tariff) => tariff,
        Charge::Free => panic!("{route} is free"),
    }
}

const fn rate(kind: Kind, picos: u64, per: u64) -> Rate {
    Rate { kind, picos: Picos(picos), per, step: 0 }
}

#[test]
fn the_filter_is_told_what_a_route_costs() {
    let facts = sample("every-way-to-price").plugin_facts();
    assert_eq!(&*facts.currency, "USD");
    let chat = tariff(&facts, "openai", "POST /v1/chat/completions");
    assert_eq!(chat.usage, Some(Usage::Api(Profile::OpenaiChat)));
    assert_eq!(chat.prices, PriceListName::parse("openai-2026-11").ok());
    assert_eq!((chat.hold, &chat.rates[..]), (Hold::Worst { output: 4096 }, &[][..]));
    let embeddings = tariff(&facts, "openai", "POST /v1/embeddings");
    assert_eq!(embeddings.hold, Hold::Worst { output: 0 });
    let speech = tariff(&facts, "openai", "POST /v1/audio/transcriptions");
    assert_eq!(speech.rates, [rate(Kind::AudioSecond, 4_300_000_000, 60)]);
    assert_eq!(speech.hold, Hold::Amount(Nanos(600_000_000)));
    assert_eq!(routes(&facts, "openai")[4].charge, Charge::Free);
    let stated = tariff(&facts, "openrouter", "POST /api/v1/chat/completions");
    assert_eq!((&stated.usage, &stated.prices), (&Some(Usage::Api(Profile::Openrouter)), &None));
}

#[test]
fn a_price_of_each_call_is_its_own_hold() {
    let facts = sample("every-way-to-price").plugin_facts();
    let put = tariff(&facts, "archive", "PUT /**");
    assert_eq!(put.rates, [rate(Kind::Call, 5_400_000, 1)]);
    assert_eq!(put.hold, Hold::Amount(Nanos(5_400)));
    let statuses = |from, to| Statuses { from, to };
    assert_eq!(put.billable, [statuses(200, 299), statuses(404, 404), statuses(409, 412)]);
    let get = tariff(&facts, "archive", "GET /**");
    let per_gigabyte = rate(Kind::BytesOut, 90_000_000_000, 1_000_000_000);
    assert_eq!(get.rates, [rate(Kind::Call, 430_000, 1), per_gigabyte]);
    assert_eq!(get.hold, Hold::Amount(Nanos(10_000_000)));
    let unlisted = facts.services.iter().find(|one| one.name.as_str() == "geocoding").unwrap();
    let Some(Charge::Priced(unlisted)) = &unlisted.unlisted else { panic!("priced") };
    assert_eq!(unlisted.hold, Hold::Amount(Nanos(30_000_000)));
}

#[test]
fn bytes_are_counted_in_steps_where_the_provider_does() {
    let facts = sample("every-way-to-price").plugin_facts();
    let send = tariff(&facts, "queue", "POST /**");
    let step = Rate { step: 65_536, ..rate(Kind::BytesIn, 6_553_600_000, 1 << 30) };
    assert_eq!(send.rates, [step]);
}

#[test]
fn usage_is_looked_for_where_policy_says() {
    let facts = sample("every-way-to-price").plugin_facts();
    let counts = |kind| HeaderUsage { name: "character-cost".into(), counts: kind };
    let speak = tariff(&facts, "speech", "POST /v1/text-to-speech/*");
    assert_eq!(speak.usage, Some(Usage::Header(counts(Some(Kind::Unit)))));
    assert_eq!(speak.rates, [rate(Kind::Unit, 167_000_000, 1)]);
    let scrape = tariff(&facts, "crawler", "POST /v2/scrape");
    let json = JsonUsage {
        counts: vec![(Kind::Unit, "usage.credits".to_owned())],
        cost: None,
        model: Some("mode".to_owned()),
    };
    assert_eq!(scrape.usage, Some(Usage::Json(json)));
    let search = tariff(&facts, "crawler", "POST /v2/search");
    let json = JsonUsage { cost: Some("meta.cost".to_owned()), ..JsonUsage::default() };
    assert_eq!(search.usage, Some(Usage::Json(json)));
    let answer = tariff(&facts, "crawler", "POST /v2/answer");
    let header = HeaderUsage { name: "x-cost".into(), counts: None };
    assert_eq!(answer.usage, Some(Usage::Header(header)));
}

#[test]
fn a_price_list_is_told_exactly_and_once() {
    let policy = sample("every-way-to-price");
    let facts = policy.plugin_facts();
    let [list] = &facts.price_lists[..] else { panic!("one list") };
    let names: Vec<&str> = list.models.iter().map(|model| &*model.model).collect();
    assert_eq!(names, ["gpt-5-mini", "gpt-audio", "gpt-oss-tiny", "text-embedding-3-small"]);
    let mini: &ModelPrices = &list.models[0];
    assert_eq!(&*mini.also[0], "gpt-5-mini-2026-08-07");
    assert_eq!(
        mini.items,
        [
            (Kind::Input, Picos(250_000)),
            (Kind::CacheRead, Picos(25_000)),
            (Kind::Output, Picos(2_000_000)),
            (Kind::WebSearch, Picos(10_000_000_000)),
        ]
    );
    assert_eq!((mini.tiers[0].total_input, mini.tiers[0].inclusive), (272_000, false));
    assert_eq!(mini.tiers[0].items[2], (Kind::Output, Picos(3_000_000)));
    assert_eq!(mini.variants[1].when, "service_tier=flex");
    assert_eq!(mini.variants[1].items[0], (Kind::Input, Picos(125_000)));
    assert_eq!(list.models[2].items, [(Kind::Input, Picos(500)), (Kind::Output, Picos(0))]);
    let prices = policy.prices(&list.name).unwrap();
    assert_eq!(&*prices.source, "contract 4711, annex B");
    assert_eq!(prices.effective_from, Some(jiff::civil::date(2026, 11, 1)));
}

#[test]
fn a_client_is_told_its_budget_and_its_models() {
    let policy = sample("every-way-to-price");
    let facts = |name: &str| policy.client_facts(&ClientName::parse(name).unwrap(), NOW).unwrap();
    let reader = facts("night-reader");
    assert_eq!(reader.budget, BudgetName::parse("research-night").ok());
    let models = reader.uses[0].models.as_ref().unwrap();
    assert_eq!(
        models.iter().map(|one| &**one).collect::<Vec<_>>(),
        ["gpt-5-mini", "text-embedding-3-small"]
    );
    assert_eq!(reader.uses[1].models, None);
    assert_eq!(facts("model-list").budget, None);
}

#[test]
fn another_name_of_a_model_is_the_model() {
    let case = cases("samples").into_iter().find(|case| case.name == "every-way-to-price");
    let text = &case.unwrap().files[0].text;
    let text = text.replace(r#"["gpt-5-mini", "#, r#"["gpt-5-mini", "gpt-5-mini-2026-08-07", "#);
    let policy = load(&single(text)).unwrap();
    let facts = policy.client_facts(&ClientName::parse("night-reader").unwrap(), NOW).unwrap();
    let models = facts.uses[0].models.as_ref().unwrap();
    assert_eq!(
        models.iter().map(|one| &**one).collect::<Vec<_>>(),
        ["gpt-5-mini", "text-embedding-3-small"]
    );
}

#[test]
fn the_ledger_is_told_every_budget() {
    let policy = sample("every-way-to-price");
    let plans = policy.budgets(NOW);
    let names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
    assert_eq!(
        names,
        ["acme", "closed", "hackathon", "migration", "pilot", "research", "research-night"]
    );
    let plan = |name: &str| plans.iter().find(|plan| plan.name.as_str() == name).unwrap();
    assert_eq!(plan("acme").cap, Some(Nanos(60_000_000_000_000)));
    assert_eq!(plan("acme").alert_at, [50, 80, 90, 100]);
    assert_eq!((plan("pilot").cap, plan("pilot").mode), (None, Mode::Watch));
    assert_eq!((plan("closed").cap, plan("closed").mode), (Some(Nanos::ZERO), Mode::Enforce));
    let night = plan("research-night");
    assert_eq!(night.within, BudgetName::parse("research").ok());
    // Its own owner is not written: that of the nearest budget above it answers.
    assert_eq!(&*night.owner, "research@acme.example");
    assert_eq!(&*plan("hackathon").owner, "finance@acme.example");
    assert_eq!(night.periods.len(), 4);
    assert_eq!(plan("hackathon").periods.len(), 1);
    let research = policy.budget(&BudgetName::parse("research").unwrap()).unwrap();
    assert_eq!(research.span, Span::Every(Every::Quarter));
}

#[test]
fn the_first_loan_is_the_dearest_call() {
    let policy = sample("every-way-to-price");
    let largest = |name: &str| policy.largest_hold(&ServiceName::parse(name).unwrap());
    assert_eq!(largest("archive"), Some(Nanos(10_000_000)));
    assert_eq!(largest("geocoding"), Some(Nanos(30_000_000)), "also what no route names");
    assert_eq!(largest("crawler"), Some(Nanos(100_000_000)));
    // 4096 tokens of sound at 64 a million, and a common prompt of it at 32, are less than 0.60.
    assert_eq!(largest("openai"), Some(Nanos(600_000_000)));
    assert_eq!(largest("nobody"), None);
    let free = sample("two-services");
    assert_eq!(free.largest_hold(&ServiceName::parse("models-eu").unwrap()), None);
}

#[test]
fn money_is_exact_to_its_bounds() {
    for (cap, nanos) in [
        ("8999999999.999999999", 8_999_999_999_999_999_999),
        ("0.000000001", 1),
        ("0", 0),
        ("0.00", 0),
    ] {
        let text = format!(
            r#"{{
              "policy_version": 1,
              "organization": {{ "name": "acme", "currency": "EUR", "time_zone": "UTC" }},
              "services": {{ "s": {{ "cluster": "c", "hosts": ["h"], "credential": "k",
                "inject": {{ "as": "bearer" }},
                "routes": [{{ "match": "GET /", "per_call": "9999999.999999999999" }}] }} }},
              "budgets": {{ "b": {{ "cap": "{cap}", "owner": "o" }} }}
            }}"#
        );
        let policy = load(&single(text)).unwrap();
        assert_eq!(policy.budgets(NOW)[0].cap, Some(Nanos(nanos)));
        let facts = policy.plugin_facts();
        let price = tariff(&facts, "s", "GET /");
        assert_eq!(price.rates, [rate(Kind::Call, 9_999_999_999_999_999_999, 1)]);
        assert_eq!(price.hold, Hold::Amount(Nanos(10_000_000_000_000_000)));
    }
}
