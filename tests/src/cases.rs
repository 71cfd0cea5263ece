//! Answers of many providers with their right price: the cases, and the policy that each asks for.
//!
//! The cases are those that the filter's own meter is tested with (`plugin/admission/tests/meter`).
//! Here each becomes a route of a policy, so that the same answers can be priced by the command line
//! and stream through the real Envoy.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a case that cannot be read is a failed test"
)]

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::artifacts;

/// One answer and what is right about it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// The method of its call.
    pub method: String,
    /// The answer's status.
    pub status: u16,
    /// What the answer says that it is.
    pub content_type: String,
    /// The answer's other headers.
    pub headers: Vec<(String, String)>,
    /// The answer's body.
    pub body: Vec<u8>,
    /// What the call asked for.
    pub request: Value,
    /// What must come of it.
    pub expected: Value,
    /// What others made of it, in nano-units.
    pub known_wrong: Vec<i64>,
    provider: String,
    api: String,
    prices: Value,
}

/// Where the cases are.
const FILE: &str = "plugin/admission/tests/meter/usage_cases.json";

/// All cases.
///
/// # Panics
/// If the file is not there or not what it was.
#[must_use]
pub fn all() -> Vec<Case> {
    let file = artifacts::repository().join(FILE);
    let text = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let cases: Vec<Value> = serde_json::from_slice(&text).expect("the cases are JSON");
    cases.iter().map(Case::read).collect()
}

impl Case {
    fn read(case: &Value) -> Self {
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let body = match case["body_b64"].as_str() {
            Some(encoded) => STANDARD.decode(encoded).expect("the body is base64"),
            None => text("body").into_bytes(),
        };
        let headers = case["headers"].as_object().into_iter().flatten();
        let wrong = case["known_wrong"].as_array().into_iter().flatten();
        Self {
            id: text("id"),
            method: case["request"]["method"].as_str().unwrap_or("POST").to_owned(),
            status: case["status"]
                .as_u64()
                .and_then(|status| status.try_into().ok())
                .expect("a status"),
            content_type: text("content_type"),
            headers: headers
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            body,
            request: case["request"].clone(),
            expected: case["expected"].clone(),
            known_wrong: wrong.filter_map(|wrong| wrong["cost_nusd"].as_i64()).collect(),
            provider: text("provider"),
            api: text("api"),
            prices: case["prices"].clone(),
        }
    }

    /// What it must cost, in nano-units.
    ///
    /// # Panics
    /// If the case does not say.
    #[must_use]
    pub fn cost(&self) -> i64 {
        self.expected["cost_nusd"].as_i64().expect("every case has a cost")
    }

    /// The path of its route. Where an API names the model in the path, so does this.
    #[must_use]
    pub fn path(&self) -> String {
        let id = &self.id;
        match (self.profile(), self.asked_model()) {
            (Some("gemini"), Some(model)) => {
                format!("/v1/case/{id}/models/{model}:generateContent")
            }
            (Some("bedrock-converse"), Some(model)) => {
                format!("/v1/case/{id}/model/{model}/converse")
            }
            (Some("bedrock-invoke"), Some(model)) => format!("/v1/case/{id}/model/{model}/invoke"),
            _ => format!("/v1/case/{id}"),
        }
    }

    /// The name of its price list, if it has one.
    #[must_use]
    pub fn price_list(&self) -> Option<(String, Value)> {
        let model = self.asked_model()?;
        let mut prices = price_fields(&self.prices["items"]);
        let tiers = self.prices["tiers"].as_array().into_iter().flatten();
        let over: Vec<_> = tiers
            .map(|tier| {
                let mut fields = price_fields(&tier["items"]);
                fields.insert("total_input".to_owned(), tier["total_input_over"].clone());
                if tier["inclusive"] == true {
                    fields.insert("inclusive".to_owned(), json!(true));
                }
                fields
            })
            .collect();
        if !over.is_empty() {
            prices.insert("over".to_owned(), json!(over));
        }
        let variants = self.prices["variants"].as_object().into_iter().flatten();
        let served: Map<_, _> =
            variants.map(|(when, items)| (when.clone(), price_fields(items).into())).collect();
        if !served.is_empty() {
            prices.insert("served".to_owned(), served.into());
        }
        Some((self.id.clone(), json!({ "source": "a test", "models": { model: prices } })))
    }

    /// Its route in a policy.
    #[must_use]
    pub fn route(&self) -> Value {
        let mut route = self.charge();
        route["match"] = json!(format!("{} {}", self.method, self.path()));
        route
    }

    /// What its call must name as model, where prices go by model.
    #[must_use]
    pub fn asked_model(&self) -> Option<String> {
        let by_model = self.profile().is_some() && self.prices["items"].is_object();
        let named = self.expected["model"].as_str().unwrap_or("a-model");
        by_model.then(|| named.to_owned())
    }

    fn charge(&self) -> Value {
        if self.id == "twilio-price-readback" {
            return json!({ "free": "reads a price back, is not billed" });
        }
        let hold = self.request["reserve_nusd"].as_u64().unwrap_or(50_000_000_000);
        let hold = json!(decimal(hold, 9));
        let items = &self.prices["items"];
        let unit = || json!(decimal(items["unit"].as_u64().expect("a price for each unit"), 12));
        let header = |name: &str| json!({ "header": { "name": name, "counts": "unit" } });
        let mut charge = match (self.id.as_str(), self.profile()) {
            ("flat-per-call-5xx", _) => {
                return json!({ "per_call": decimal(items["call"].as_u64().expect("a price"), 12) });
            }
            ("twilio-sms-segments", _) => {
                json!({ "usage": { "json": { "counts": { "unit": "num_segments" } } }, "per_unit": unit() })
            }
            ("elevenlabs-character-cost", _) => {
                json!({ "usage": header("character-cost"), "per_unit": unit() })
            }
            ("scrape-credits-404-billed", _) => json!({
                "usage": header("scrape.do-request-cost"), "per_unit": unit(),
                "billable": ["2xx", 400, 404, 410],
            }),
            ("cosmos-request-charge", _) => {
                json!({ "usage": header("x-ms-request-charge"), "per_unit": unit() })
            }
            (_, Some(profile)) if items.is_object() => {
                json!({ "usage": profile, "prices": self.id })
            }
            (_, Some(profile)) => json!({ "usage": profile }),
            (id, None) => panic!("{id}: no policy for {} {}", self.provider, self.api),
        };
        charge["hold"] = hold;
        charge
    }

    fn profile(&self) -> Option<&'static str> {
        Some(match (self.provider.as_str(), self.api.as_str()) {
            ("openrouter", _) => "openrouter",
            ("perplexity", _) => "perplexity",
            ("deepseek", _) => "deepseek",
            ("xai", _) => "xai",
            (_, "chat.completions") => "openai-chat",
            ("openai", "responses") => "openai-responses",
            ("openai", "images") => "openai-images",
            ("openai", "audio.transcriptions") => "openai-audio",
            (_, "messages" | "messages beta") => "anthropic-messages",
            (_, "generateContent" | "streamGenerateContent") => "gemini",
            ("bedrock", api) if api.starts_with("Converse") => "bedrock-converse",
            ("bedrock", _) => "bedrock-invoke",
            ("cohere", _) => "cohere",
            ("dashscope-qwen", _) => "dashscope",
            _ => return None,
        })
    }
}

/// Prices of the cases (pico-units for one) as a policy writes them.
fn price_fields(items: &Value) -> Map<String, Value> {
    let items = items.as_object().into_iter().flatten();
    items
        .map(|(kind, picos)| {
            let picos = picos.as_u64().expect("a price is a number");
            match kind.as_str() {
                "web_search" => ("web_search_per_thousand".to_owned(), json!(decimal(picos, 9))),
                "audio_second" => ("audio_per_second".to_owned(), json!(decimal(picos, 12))),
                "unit" => ("per_unit".to_owned(), json!(decimal(picos, 12))),
                tokens => (format!("{tokens}_per_million"), json!(decimal(picos, 6))),
            }
        })
        .collect()
}

/// A whole number of 10^-`places` as decimal text.
fn decimal(value: u64, places: usize) -> String {
    let digits = format!("{value:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_policy() {
        let cases = all();
        assert!(cases.len() >= 61);
        for case in cases {
            assert!(case.route()["match"].is_string(), "{}", case.id);
        }
    }

    #[test]
    fn prices_are_written_exactly() {
        assert_eq!(decimal(37_500, 6), "0.0375");
        assert_eq!(decimal(3_000_000, 6), "3");
        assert_eq!(decimal(0, 9), "0");
    }
}
