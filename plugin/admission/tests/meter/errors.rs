//! Answers that are errors, and streams that become one.

use admission::meter::Note;
use serde_json::{Value, json};
use wire::budget::Basis;

use crate::route::{Answer, HOLD, Route};

fn refusal(code: &str) -> Value {
    json!({"error": {"message": "no", "code": code}})
}

#[test]
fn what_is_not_billed_costs_nothing() {
    for profile in ["openai-chat", "anthropic-messages", "gemini", "cohere", "bedrock-converse"] {
        for status in [301, 401, 403, 404, 422, 429, 500, 503, 529] {
            let answer = Answer::json(refusal("content_filter")).status(status);
            let bill = Route::of(profile).bill(&answer);
            assert_eq!((bill.basis, bill.cost.0), (Basis::Zero, 0), "{profile} {status}");
            assert_eq!((bill.usage_complete, bill.status), (true, status));
        }
    }
}

#[test]
fn a_refusal_is_billed_if_it_names_the_content_filter() {
    for profile in ["openai-chat", "openai-responses"] {
        let bill = |code| Route::of(profile).bill(&Answer::json(refusal(code)).status(400));
        let filtered = bill("content_filter");
        assert_eq!((filtered.basis, filtered.cost.0), (Basis::Reserve, HOLD));
        assert_eq!(filtered.notes, [Note::ContentFilter]);
        assert_eq!(bill("context_length_exceeded").cost.0, 0);
        let timeout = Route::of(profile).bill(&Answer::json(refusal("timeout")).status(408));
        assert_eq!((timeout.basis, timeout.cost.0), (Basis::Reserve, HOLD));
    }
    let other =
        Route::of("anthropic-messages").bill(&Answer::json(refusal("content_filter")).status(400));
    assert_eq!(other.basis, Basis::Zero);
}

#[test]
fn policy_has_the_last_word_on_which_statuses_are_billed() {
    let mut route = Route::of("openai-chat");
    route.tariff["billable"] = json!([{"from": 200, "to": 200}, {"from": 422, "to": 429}]);
    for (status, cost) in
        [(200, HOLD), (201, 0), (400, 0), (408, 0), (422, HOLD), (429, HOLD), (430, 0)]
    {
        let bill = route.bill(&Answer::json(refusal("content_filter")).status(status));
        assert_eq!(bill.cost.0, cost, "{status}");
    }
}

#[test]
fn a_stream_that_ends_in_an_error_is_charged_the_hold_at_least() {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11});
    let chunk = json!({"model": "m", "choices": [{}], "usage": usage});
    let error = json!({"error": {"message": "overloaded"}});
    let bill = Route::of("openai-chat").bill(&Answer::events([chunk.clone(), error.clone()]));
    assert_eq!((bill.basis, bill.cost.0), (Basis::MaxUsageReserve, HOLD));
    assert!(bill.notes.contains(&Note::Failed));
    let bill = Route::of("openai-chat").bill(&Answer::events([error]));
    assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, HOLD));
    let named = format!("data: {chunk}\n\nevent: error\ndata: overloaded\n\n");
    let bill = Route::of("openai-chat").bill(&Answer::new("text/event-stream", named));
    assert_eq!(bill.basis, Basis::MaxUsageReserve);
    let null = json!({"model": "m", "error": null, "usage": usage});
    assert_eq!(Route::of("openai-chat").bill(&Answer::json(null)).basis, Basis::Usage);
}

#[test]
fn a_document_that_is_cut_off_says_what_was_used_at_least() {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 1});
    let text = format!(r#"{{"model":"m","usage":{usage},"choices":[{{"text":"long"#);
    for complete in [true, false] {
        let answer = Answer::json(&text);
        let route = Route::of("openai-chat");
        let bill = if complete { route.bill(&answer) } else { route.bill_cut_off(&answer) };
        assert_eq!((bill.basis, bill.cost.0), (Basis::MaxUsageReserve, HOLD));
        assert_eq!(bill.measured.unwrap().0, 15_000);
    }
    // The last number may go on.
    let short = Answer::json(r#"{"model":"m","usage":{"prompt_tokens":1"#);
    assert_eq!(Route::of("openai-chat").bill(&short).basis, Basis::Reserve);
    // A whole document is whole even if a reset comes right behind it.
    let whole = Answer::json(json!({"model": "m", "usage": usage}));
    assert_eq!(Route::of("openai-chat").bill_cut_off(&whole).basis, Basis::Usage);
}

#[test]
fn a_stream_without_an_answer_is_charged_its_hold() {
    for route in [
        Route::of("openai-chat"),
        Route::with_tariff(
            json!({"rates": [{"kind": "call", "picos": 5_000}], "hold": {"amount": 5}}),
        ),
    ] {
        let mut meter = route.meter();
        assert_eq!(meter.known_cost(), None);
        let bill = meter.settle(false);
        assert_eq!((bill.basis, bill.cost.0, bill.status), (Basis::Reserve, HOLD, 0));
        assert_eq!(bill.notes, [Note::NoAnswer]);
    }
}
