//! What counters mean: totals, parts, prices, and costs that providers state.

use admission::meter::Note;
use serde_json::{Value, json};
use wire::budget::Basis;
use wire::usage::Kind::{
    CacheRead, CacheWrite1h, CacheWrite5m, Input, InputAudio, Output, OutputAudio, OutputImage,
    OutputReasoning, Unit, WebSearch,
};

use crate::route::{Answer, HOLD, Route, counts};

fn chat(usage: Value) -> Answer {
    Answer::json(json!({"id": "c", "model": "m", "choices": [], "usage": usage}))
}

#[test]
fn stated_costs_are_taken_as_text() {
    let route = Route::of("openrouter");
    for (cost, nanos) in [
        ("0.0007312", 731_200),
        ("1.0320000000000001e-05", 10_321),
        ("\"0.5\"", 500_000_000),
        ("2E-3", 2_000_000),
    ] {
        let body =
            format!(r#"{{"usage":{{"prompt_tokens":3,"completion_tokens":4,"cost":{cost}}}}}"#);
        let bill = route.bill(&Answer::json(body));
        assert_eq!((bill.basis, bill.cost.0), (Basis::ProviderCost, nanos), "{cost}");
    }
}

#[test]
fn a_stated_cost_of_nothing_is_not_believed_where_tokens_were_used() {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "cost": 0});
    let bill = Route::of("openrouter").bill(&chat(usage.clone()));
    assert_eq!(
        (bill.basis, bill.cost.0),
        (Basis::Usage, 23_000),
        "by the list, where there is one"
    );
    assert!(bill.notes.contains(&Note::ZeroCostNotBelieved));
    let tariff = json!({"usage": {"api": "openrouter"}, "hold": {"amount": HOLD}});
    let bill = Route::with_tariff(tariff.clone()).bill(&chat(usage));
    assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, HOLD));
    let nothing = json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0});
    let bill = Route::with_tariff(tariff).bill(&chat(nothing));
    assert_eq!((bill.basis, bill.cost.0), (Basis::ProviderCost, 0));
}

#[test]
fn own_keys_add_what_the_other_provider_charges_or_the_hold() {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 4, "cost": 0.001, "is_byok": true});
    let bill = Route::of("openrouter").bill(&chat(usage));
    assert_eq!((bill.basis, bill.cost.0), (Basis::MaxUsageReserve, HOLD));
    assert!(bill.notes.contains(&Note::UpstreamCostMissing));
}

#[test]
fn ticks_are_ten_billionths() {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 4, "cost_in_usd_ticks": 12_345});
    let bill = Route::of("xai").bill(&chat(usage));
    assert_eq!(
        (bill.basis, bill.cost.0, bill.picos),
        (Basis::ProviderCost, 1_235, Some(1_234_500))
    );
}

#[test]
fn the_total_decides_and_what_it_does_not_explain_is_output() {
    let bill = |usage| Route::of("openai-chat").bill(&chat(usage));
    // Gemini behind its OpenAI form: thoughts are in the total alone.
    let hidden = bill(json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115}));
    assert_eq!(counts(&hidden), [(Input, 10), (Output, 105)]);
    assert!(hidden.notes.contains(&Note::TotalDiffers));
    // Embeddings have no output.
    let none = Route::of("openai-embeddings")
        .bill(&chat(json!({"prompt_tokens": 10, "total_tokens": 10})));
    assert_eq!((counts(&none), none.basis), (vec![(Input, 10)], Basis::Usage));
}

#[test]
fn half_a_report_is_charged_the_hold_at_least() {
    for usage in
        [json!({"prompt_tokens": 10}), json!({"completion_tokens": 5}), json!({"total_tokens": 9})]
    {
        let bill = Route::of("openai-chat").bill(&chat(usage));
        assert_eq!(bill.cost.0, HOLD, "{bill:?}");
        assert!(!bill.usage_complete);
    }
    for usage in [json!(null), json!({}), json!([]), json!("none"), json!({"prompt_tokens": null})]
    {
        let bill = Route::of("openai-chat").bill(&chat(usage));
        assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, HOLD));
    }
}

#[test]
fn parts_larger_than_the_whole_contradict_it() {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 11}});
    let bill = Route::of("openai-chat").bill(&chat(usage));
    assert_eq!(counts(&bill), [(CacheRead, 11), (Output, 5)]);
    assert_eq!((bill.basis, bill.cost.0), (Basis::MaxUsageReserve, HOLD));
    assert!(bill.notes.contains(&Note::NegativeRemainder));
}

#[test]
fn numbers_may_be_floats_or_strings_but_must_be_numbers() {
    let bill = |usage: &str| {
        let body = format!(r#"{{"model":"m","usage":{usage}}}"#);
        Route::of("openai-chat").bill(&Answer::json(body))
    };
    for usage in [
        r#"{"prompt_tokens":6.0,"completion_tokens":"2"}"#,
        r#"{"prompt_tokens":6e0,"completion_tokens":0.2e1}"#,
        r#"{"prompt_tokens":"6","completion_tokens":2 }"#,
    ] {
        let bill = bill(usage);
        assert_eq!((counts(&bill), bill.basis), (vec![(Input, 6), (Output, 2)], Basis::Usage));
    }
    for usage in [
        r#"{"prompt_tokens":-6,"completion_tokens":2}"#,
        r#"{"prompt_tokens":"many","completion_tokens":2}"#,
        r#"{"prompt_tokens":1e400,"completion_tokens":2}"#,
        r#"{"prompt_tokens":99999999999999999999999,"completion_tokens":2}"#,
        &format!(r#"{{"prompt_tokens":{},"completion_tokens":2}}"#, "9".repeat(5_000)),
    ] {
        let bill = bill(usage);
        assert_eq!((bill.basis, bill.cost.0), (Basis::MaxUsageReserve, HOLD), "{usage}");
    }
}

#[test]
fn what_is_too_dear_to_be_reckoned_is_charged_what_is_known() {
    let mut route = Route::of("openai-chat");
    route.models[0]["items"] = json!([["input", u64::MAX], ["output", 5_000_000]]);
    let usage = json!({"prompt_tokens": 9_000_000_000_000_u64, "completion_tokens": 100});
    let bill = route.bill(&chat(usage));
    assert_eq!((bill.basis, bill.cost.0), (Basis::MaxUsageReserve, HOLD));
    assert!(bill.notes.contains(&Note::TooLarge));
}

#[test]
fn of_duplicate_keys_the_last_counts() {
    let bill = |body: &str| Route::of("openai-chat").bill(&Answer::json(body));
    let usage = r#""usage":{"prompt_tokens":1,"prompt_tokens":10,"completion_tokens":5}"#;
    assert_eq!(counts(&bill(&format!("{{{usage}}}"))), [(Input, 10), (Output, 5)]);
    let twice = r#"{"usage":{"prompt_tokens":1,"completion_tokens":99},"usage":{"prompt_tokens":7,"completion_tokens":5}}"#;
    assert_eq!(counts(&bill(twice)), [(Input, 7), (Output, 5)]);
    let void = format!(r#"{{{usage},"usage":null}}"#);
    assert_eq!(bill(&void).basis, Basis::Reserve);
    let escaped = r#"{"usage":{"prompt_tokens":1,"completion_tokens":5},"us\u0061ge":{"prompt_tokens":7,"completion_tokens":6}}"#;
    assert_eq!(counts(&bill(escaped)), [(Input, 7), (Output, 6)]);
    let lists = r#"{"usage":{"inputTokens":1,"outputTokens":2,"cacheDetails":[{"ttl":"1h","inputTokens":9}],"cacheDetails":[{"ttl":"1h","inputTokens":4},{"ttl":"5m","inputTokens":3}]}}"#;
    let bill = Route::of("bedrock-converse").bill(&Answer::json(lists));
    assert_eq!(counts(&bill), [(Input, 1), (CacheWrite5m, 3), (CacheWrite1h, 4), (Output, 2)]);
}

#[test]
fn usage_in_content_and_in_arguments_is_content() {
    let decoy = json!({"prompt_tokens": 999, "completion_tokens": 999}).to_string();
    let answer = Answer::json(json!({
        "model": "m",
        "choices": [{"index": 0, "message": {
            "content": format!("{{\"usage\":{decoy}}} data: {{\"usage\":{decoy}}}\n\ndata: [DONE]"),
            "usage": {"prompt_tokens": 999},
            "tool_calls": [{"function": {"arguments": format!("{{\"usage\":{decoy}}}")}}],
        }}, {"index": 1, "usage": {"prompt_tokens": 888, "completion_tokens": 888}}],
        "metadata": {"usage": {"prompt_tokens": 777, "completion_tokens": 777}},
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }));
    assert_eq!(counts(&Route::of("openai-chat").bill(&answer)), [(Input, 10), (Output, 5)]);
}

#[test]
fn the_served_tier_decides_and_replaces_only_what_it_prices() {
    let mut route = Route::of("openai-chat");
    route.models[0]["variants"] = json!([
        {"when": "service_tier=flex", "items": [["input", 500_000], ["output", 2_500_000]]},
    ]);
    let answer = |tier: &str| {
        let usage = json!({"prompt_tokens": 110, "completion_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 100}});
        Answer::json(json!({"model": "m", "usage": usage, "service_tier": tier}))
    };
    let flex = route.bill(&answer("flex"));
    assert_eq!(
        (flex.cost.0, flex.variant.as_deref()),
        (5_000 + 10_000 + 25_000, Some("service_tier=flex"))
    );
    let usual = route.bill(&answer("default"));
    assert_eq!((usual.cost.0, usual.variant), (10_000 + 10_000 + 50_000, None));
    let unknown = route.bill(&answer("priority"));
    assert_eq!(unknown.cost.0, usual.cost.0);
    assert!(unknown.notes.contains(&Note::VariantWithoutPrices("service_tier=priority".into())));
}

#[test]
fn bedrock_says_its_tier_in_a_header_or_in_the_answer() {
    let mut route = Route::of("bedrock-converse");
    route.models[0]["variants"] =
        json!([{"when": "serviceTier.type=flex", "items": [["input", 500_000]]}]);
    let usage = json!({"inputTokens": 10, "outputTokens": 1, "totalTokens": 11});
    let plain = Answer::json(json!({"usage": usage}));
    let by_header = plain.clone().header("x-amzn-bedrock-service-tier", "flex");
    let in_body = Answer::json(json!({"usage": usage, "serviceTier": {"type": "flex"}}));
    assert_eq!(route.bill(&plain).cost.0, 15_000);
    assert_eq!(route.bill(&by_header).cost.0, 10_000);
    assert_eq!(route.bill(&in_body).cost.0, 10_000);
}

#[test]
fn bedrocks_headers_count_where_the_vendors_body_does_not() {
    let route = Route::of("bedrock-invoke");
    let heads = |answer: Answer| {
        answer
            .header("x-amzn-bedrock-input-token-count", "10")
            .header("x-amzn-bedrock-output-token-count", "3")
    };
    let bill = route.bill(&heads(Answer::json(json!({"completion": "x"}))));
    assert_eq!((counts(&bill), bill.basis), (vec![(Input, 10), (Output, 3)], Basis::Usage));
    let usage = json!({"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 50});
    let bill = route.bill(&heads(Answer::json(json!({"type": "message", "usage": usage}))));
    assert_eq!(counts(&bill), [(Input, 10), (CacheRead, 50), (Output, 3)]);
}

#[test]
fn a_snapshot_that_the_list_lacks_costs_what_the_model_asked_for_does() {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 1});
    let answer = |model: &str| Answer::json(json!({"model": model, "usage": usage}));
    let mut route = Route::of("openai-chat");
    route.models[0]["also"] = json!(["m-2026-08-07"]);
    let known = route.bill(&answer("m-2026-08-07"));
    assert_eq!((known.cost.0, known.model.as_deref()), (15_000, Some("m-2026-08-07")));
    assert!(known.notes.is_empty());
    let unknown = route.bill(&answer("m-2027-01-01"));
    assert_eq!((unknown.cost.0, unknown.basis), (15_000, Basis::Usage));
    assert!(
        matches!(&unknown.notes[..], [Note::ModelNotListed { served, .. }] if &**served == "m-2027-01-01")
    );
    route.asked.model = None;
    let nobody = route.bill(&answer("m-2027-01-01"));
    assert_eq!((nobody.cost.0, nobody.basis), (HOLD, Basis::Reserve));
}

#[test]
fn kinds_without_a_price_cost_what_they_are_made_of_or_the_hold() {
    let mut route = Route::of("anthropic-messages");
    route.models[0]["items"] =
        json!([["input", 1_000_000], ["cache_write_5m", 1_250_000], ["output", 5_000_000]]);
    let usage = json!({
        "input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 10,
        "cache_creation": {"ephemeral_1h_input_tokens": 20},
    });
    let answer =
        |usage: &Value| Answer::json(json!({"type": "message", "model": "m", "usage": usage}));
    let bill = route.bill(&answer(&usage));
    assert_eq!((bill.cost.0, bill.basis), (10_000 + 25_000, Basis::Usage));
    assert!(bill.notes.contains(&Note::PriceOf { kind: CacheRead, taken: Input }));
    assert!(bill.notes.contains(&Note::PriceOf { kind: CacheWrite1h, taken: CacheWrite5m }));
    let searched = json!({"input_tokens": 1, "output_tokens": 1,
        "server_tool_use": {"web_search_requests": 2}});
    let bill = route.bill(&answer(&searched));
    assert_eq!((bill.cost.0, bill.basis), (HOLD, Basis::MaxUsageReserve));
    assert!(bill.notes.contains(&Note::NoPriceOf(WebSearch)));
}

#[test]
fn an_explicit_price_of_nothing_is_one() {
    let mut route = Route::of("openai-chat");
    route.models[0]["items"] = json!([["input", 1_000_000], ["cache_read", 0], ["output", 0]]);
    let usage = json!({"prompt_tokens": 110, "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 100}});
    assert_eq!(route.bill(&chat(usage)).cost.0, 10_000);
}

#[test]
fn reasoning_is_apart_only_where_it_has_a_price() {
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 10, "total_tokens": 11,
        "completion_tokens_details": {"reasoning_tokens": 4}});
    let mut route = Route::of("openai-chat");
    assert_eq!(counts(&route.bill(&chat(usage.clone()))), [(Input, 1), (Output, 10)]);
    route.models[0]["items"] =
        json!([["input", 0], ["output", 5_000_000], ["output_reasoning", 1_000_000]]);
    let bill = route.bill(&chat(usage));
    assert_eq!(counts(&bill), [(Input, 1), (Output, 6), (OutputReasoning, 4)]);
    assert_eq!(bill.cost.0, 30_000 + 4_000);
}

#[test]
fn gemini_counts_by_modality() {
    let modality = |text: u64, audio: u64, image: u64| {
        json!([
            {"modality": "TEXT", "tokenCount": text},
            {"modality": "AUDIO", "tokenCount": audio},
            {"tokenCount": image, "modality": "IMAGE"},
        ])
    };
    let answer = Answer::json(json!({"modelVersion": "m", "usageMetadata": {
        "promptTokenCount": 160, "cachedContentTokenCount": 70, "candidatesTokenCount": 30, "totalTokenCount": 190,
        "promptTokensDetails": modality(100, 60, 0), "cacheTokensDetails": modality(50, 20, 0),
        "candidatesTokensDetails": modality(5, 0, 25),
    }}));
    let bill = Route::of("gemini").bill(&answer);
    assert_eq!(
        counts(&bill),
        [(Input, 50), (CacheRead, 70), (InputAudio, 40), (Output, 5), (OutputImage, 25)]
    );
    assert_eq!(bill.total_input, 160);
}

#[test]
fn sound_is_not_text() {
    let usage = json!({"prompt_tokens": 30, "completion_tokens": 40, "total_tokens": 70,
        "prompt_tokens_details": {"audio_tokens": 10, "cached_tokens": 5},
        "completion_tokens_details": {"audio_tokens": 32}});
    let bill = Route::of("openai-chat").bill(&chat(usage));
    assert_eq!(
        counts(&bill),
        [(Input, 15), (CacheRead, 5), (InputAudio, 10), (Output, 8), (OutputAudio, 32)]
    );
}

#[test]
fn perplexity_counts_reasoning_and_searches_beside_its_tokens() {
    let usage = json!({"prompt_tokens": 31, "completion_tokens": 18, "total_tokens": 49,
        "reasoning_tokens": 7, "num_search_queries": 2});
    let bill = Route::of("perplexity").bill(&chat(usage));
    assert_eq!(counts(&bill), [(Input, 31), (Output, 18), (OutputReasoning, 7), (WebSearch, 2)]);
}

#[test]
fn mistral_reads_pages_too() {
    let tariff = json!({"usage": {"api": "mistral"}, "hold": {"amount": HOLD},
        "rates": [{"kind": "unit", "picos": 1_000_000_000_u64}]});
    let answer =
        Answer::json(json!({"model": "ocr", "pages": [], "usage_info": {"pages_processed": 3,
            "doc_size_bytes": 9}}));
    let bill = Route::with_tariff(tariff).bill(&answer);
    assert_eq!(
        (counts(&bill), bill.basis, bill.cost.0),
        (vec![(Unit, 3)], Basis::Usage, 3_000_000)
    );
}

#[test]
fn inferences_on_the_side_are_counted_and_the_models_turns_are_not_counted_twice() {
    let part = |kind: &str, input: u64| {
        json!({"type": kind, "input_tokens": input,
        "output_tokens": 1, "cache_creation_input_tokens": 8, "cache_creation": {"ephemeral_1h_input_tokens": 6}})
    };
    let usage = json!({"input_tokens": 100, "output_tokens": 9, "iterations": [
        part("compaction", 50), part("message", 100), part("advisor_message", 7), part("fallback_message", 3),
    ]});
    let bill = Route::of("anthropic-messages")
        .bill(&Answer::json(json!({"type": "message", "model": "m", "usage": usage})));
    assert_eq!(counts(&bill), [(Input, 157), (CacheWrite5m, 4), (CacheWrite1h, 12), (Output, 11)]);
    assert!(bill.notes.contains(&Note::SideInference));
}
