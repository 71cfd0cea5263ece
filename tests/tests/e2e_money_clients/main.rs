//! Do the providers' own client libraries work as before, pay to the nano, and stop at once when the
//! money is spent?
//!
//! The callers are the official Python clients of OpenAI and Anthropic (`caller.py`), the upstreams
//! answer in those APIs' shapes and use as many tokens as the call's message says.

#![expect(clippy::expect_used, reason = "a helper of a test stops where the test would")]

use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tollkeeper_tests::artifacts;
use tollkeeper_tests::books::{Books, Settled};
use tollkeeper_tests::shared::Shared;
use tollkeeper_tests::upstream::Upstream;
use tollkeeper_tests::world::{World, policy};

const ANTHROPIC_HOST: &str = "api.anthropic.com";
const ANTHROPIC_SECRET: &str = "sk-ant-upstream-secret-0001";

/// Nano-units per token: 0.25 and 2.00 per million.
const GPT: (i64, i64) = (250, 2_000);
/// 3.00 and 15.00 per million.
const CLAUDE: (i64, i64) = (3_000, 15_000);

static GATE: Shared<Gate> = Shared::new();

/// A gate with both services, one client who has money and one who has none.
struct Gate {
    world: World,
    _anthropic: Upstream,
    keys: [String; 2],
}

impl Gate {
    fn open() -> Self {
        let mut world = World::new(&two_providers());
        let anthropic = Upstream::start(ANTHROPIC_HOST, ANTHROPIC_SECRET);
        world.sidecar.add_credential("anthropic-prod", ANTHROPIC_HOST, ANTHROPIC_SECRET);
        let mut deployment = world.deployment();
        deployment.add_service("anthropic", ANTHROPIC_HOST, anthropic.address());
        deployment.trust("anthropic", &anthropic.ca_file());
        world.sidecar.serve();
        world.add_envoy(&deployment, 2);
        let keys = ["rich", "poor"].map(|client| world.sidecar.issue_client(client));
        Self { world, _anthropic: anthropic, keys }
    }

    /// Runs the official client; its outcome.
    fn call(&self, key: &str, provider: &str, model: &str, message: &str, flag: &str) -> Value {
        let output = Command::new(artifacts::python())
            .arg(artifacts::repository().join("tests/tests/e2e_money_clients/caller.py"))
            .args([provider, &format!("http://{}", self.world.gate()), key, model, message])
            .args(Some(flag).filter(|flag| !flag.is_empty()))
            .output()
            .expect("Python can be started");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        serde_json::from_slice(&output.stdout).expect("the caller prints JSON")
    }

    fn books(&self) -> Books {
        Books::open(&self.world.sidecar.state_dir())
    }

    /// Makes one call and returns the one settlement that came of it.
    fn settled_by(&self, call: impl FnOnce()) -> Settled {
        let books = self.books();
        let before = books.settlements().len();
        call();
        books.until_settlements(before + 1).remove(before)
    }

    /// How many requests the gate has had.
    fn requests(&self) -> u64 {
        self.world.envoys[0].stat("http.gate.downstream_rq_total")
    }
}

fn two_providers() -> Value {
    let client = |budget: &str| {
        json!({
            "owner": "search@acme.example", "purpose": "a test", "budget": budget,
            "may_use": { "openai": {}, "anthropic": {} },
        })
    };
    let mut policy = policy(&json!({ "rich": client("team"), "poor": client("nothing") }));
    policy["prices"] = json!({ "models": { "source": "a test", "models": {
        "gpt-5-mini": { "input_per_million": "0.25", "output_per_million": "2.00" },
        "claude-haiku-5": { "input_per_million": "3.00", "output_per_million": "15.00" },
    }}});
    policy["budgets"] = json!({
        "acme": { "cap": "500.00", "every": "month", "owner": "finance@acme.example" },
        "team": { "within": "acme", "cap": "100.00", "every": "month", "owner": "search@acme.example" },
        "nothing": { "within": "acme", "cap": "0", "every": "month", "owner": "finance@acme.example" },
    });
    policy["services"]["openai"]["routes"] = json!([
        { "match": "POST /v1/chat/completions", "usage": "openai-chat", "prices": "models", "hold": "0.25" },
    ]);
    policy["services"]["anthropic"] = json!({
        "purpose": "language models",
        "cluster": "anthropic",
        "hosts": [ANTHROPIC_HOST],
        "credential": "anthropic-prod",
        "inject": { "as": "header", "name": "x-api-key" },
        "routes": [
            { "match": "POST /v1/messages", "usage": "anthropic-messages", "prices": "models", "hold": "0.25" },
        ],
    });
    policy
}

fn gate() -> Arc<Gate> {
    GATE.get(Gate::open)
}

/// What a call that uses so much must cost.
fn bill((input_price, output_price): (i64, i64), input: i64, output: i64) -> i64 {
    input * input_price + output * output_price
}

fn pays_to_the_nano(provider: &str, model: &str, prices: (i64, i64), flag: &str) {
    let gate = gate();
    let settled = gate.settled_by(|| {
        let outcome = gate.call(&gate.keys[0], provider, model, "input=1201 output=345", flag);
        assert_eq!(outcome["text"], "The gate is open.", "{outcome}");
    });
    assert_eq!(settled.cost, bill(prices, 1201, 345), "{settled:?}");
    assert_eq!((settled.basis.as_str(), settled.model.as_deref()), ("usage", Some(model)));
}

#[test]
fn openais_client_whole() {
    pays_to_the_nano("openai", "gpt-5-mini", GPT, "");
}

#[test]
fn openais_client_streaming_though_it_asked_for_no_usage() {
    pays_to_the_nano("openai", "gpt-5-mini", GPT, "--stream");
}

#[test]
fn anthropics_client_whole() {
    pays_to_the_nano("anthropic", "claude-haiku-5", CLAUDE, "");
}

#[test]
fn anthropics_client_streaming() {
    pays_to_the_nano("anthropic", "claude-haiku-5", CLAUDE, "--stream");
}

fn is_told_once(provider: &str, model: &str, raised: &str) {
    let gate = gate();
    let before = gate.requests();
    let outcome = gate.call(&gate.keys[1], provider, model, "hello", "");
    assert_eq!(outcome["status"], 402, "{outcome}");
    assert_eq!(outcome["error"], raised);
    assert_eq!(gate.requests() - before, 1, "the client tried again");
    assert!(outcome.to_string().contains("nothing"), "the budget is named: {outcome}");
}

#[test]
fn openais_client_does_not_repeat_a_call_that_the_budget_refused() {
    is_told_once("openai", "gpt-5-mini", "APIStatusError");
}

#[test]
fn anthropics_client_does_not_repeat_a_call_that_the_budget_refused() {
    is_told_once("anthropic", "claude-haiku-5", "PaymentRequiredError");
}

#[test]
fn a_model_without_a_price_is_refused_before_the_call_and_the_nearest_is_named() {
    let gate = gate();
    gate.world.upstream.take_seen();
    let outcome = gate.call(&gate.keys[0], "openai", "gpt-5-minni", "hello", "");
    assert!(
        outcome["status"].as_u64().is_some_and(|status| (400..500).contains(&status)),
        "{outcome}"
    );
    assert!(outcome.to_string().contains("gpt-5-mini"), "{outcome}");
    assert!(gate.world.upstream.take_seen().is_empty(), "the upstream heard of it");
}
