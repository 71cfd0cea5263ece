//! Streams that other gateways got wrong: what adds up, what does not, and when it is all there.

use serde_json::{Value, json};
use wire::budget::Basis;
use wire::usage::Kind::{CacheRead, CacheWrite5m, Input, Output, WebSearch};

use crate::route::{Answer, HOLD, Route, counts};

fn message_start(usage: Value) -> Value {
    let message = json!({"id": "msg_1", "type": "message", "model": "m", "usage": usage});
    json!({"type": "message_start", "message": message})
}

fn message_delta(stop: &str, usage: Value) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage})
}

#[test]
fn anthropic_start_and_delta_are_one_report_of_which_the_largest_counts() {
    // Real answers repeat the input in the delta; relays put zeros in either place.
    for (start, delta) in [
        (
            json!({"input_tokens": 30, "output_tokens": 1}),
            json!({"input_tokens": 30, "output_tokens": 9}),
        ),
        (
            json!({"input_tokens": 0, "output_tokens": 0}),
            json!({"input_tokens": 30, "output_tokens": 9}),
        ),
        (
            json!({"input_tokens": 30, "output_tokens": 1}),
            json!({"input_tokens": 0, "output_tokens": 9}),
        ),
        (
            json!({"input_tokens": 12, "output_tokens": 1}),
            json!({"input_tokens": 30, "output_tokens": 9}),
        ),
        (json!({"input_tokens": 30}), json!({"input_tokens": null, "output_tokens": 9})),
    ] {
        let answer = Answer::events([message_start(start), message_delta("end_turn", delta)]);
        let bill = Route::of("anthropic-messages").bill(&answer);
        assert_eq!(counts(&bill), [(Input, 30), (Output, 9)]);
        assert_eq!((bill.basis, bill.cost.0), (Basis::Usage, 75_000));
        assert_eq!(bill.upstream_id.as_deref(), Some("msg_1"));
    }
}

#[test]
fn anthropic_caches_cost_the_same_streamed_or_not() {
    let usage = json!({
        "input_tokens": 5, "output_tokens": 7,
        "cache_read_input_tokens": 100, "cache_creation_input_tokens": 40,
    });
    let whole = json!({"type": "message", "model": "m", "usage": usage});
    let streamed =
        [message_start(usage.clone()), message_delta("end_turn", json!({"output_tokens": 7}))];
    let route = Route::of("anthropic-messages");
    for answer in [Answer::json(whole), Answer::events(streamed)] {
        let bill = route.bill(&answer);
        assert_eq!(counts(&bill), [(Input, 5), (CacheRead, 100), (CacheWrite5m, 40), (Output, 7)]);
        assert_eq!(bill.total_input, 145);
        // The list has no price for writes: they cost what input does.
        assert_eq!(bill.cost.0, 5_000 + 10_000 + 40_000 + 35_000);
    }
}

#[test]
fn an_anthropic_stream_without_its_last_delta_is_not_whole_however_it_ended() {
    let answer = Answer::events([
        message_start(json!({"input_tokens": 30, "output_tokens": 1})),
        json!({"type": "message_delta", "delta": {"stop_reason": null},
            "usage": {"output_tokens": 4}}),
    ]);
    let route = Route::of("anthropic-messages");
    for bill in [route.bill(&answer), route.bill_cut_off(&answer)] {
        assert_eq!((bill.basis, bill.cost.0), (Basis::MaxUsageReserve, HOLD));
        assert_eq!(bill.measured.unwrap().0, 50_000);
    }
    let dear = Route { hold: 10, ..route };
    assert_eq!(
        dear.bill(&answer).cost.0,
        50_000,
        "what was measured, where it is more than the hold"
    );
}

#[test]
fn a_reset_after_the_last_delta_changes_nothing() {
    let answer = Answer::events([
        message_start(json!({"input_tokens": 30, "output_tokens": 1})),
        message_delta("end_turn", json!({"output_tokens": 9})),
    ]);
    let bill = Route::of("anthropic-messages").bill_cut_off(&answer);
    assert_eq!((bill.basis, bill.cost.0), (Basis::Usage, 75_000));
}

fn chunk(usage: Value) -> Value {
    json!({"id": "c", "model": "m", "choices": [{"delta": {"content": "x"}}], "usage": usage})
}

#[test]
fn running_totals_are_not_summed() {
    let usage = |output: u64| {
        json!({"prompt_tokens": 10, "completion_tokens": output,
        "total_tokens": 10 + output})
    };
    let answer = Answer::events((1..6).map(|output| chunk(usage(output))));
    let route = Route::of("openai-chat");
    let bill = route.bill(&answer);
    assert_eq!((counts(&bill), bill.basis), (vec![(Input, 10), (Output, 5)], Basis::Usage));
    // Cut off, a running total says only what was used at least.
    let bill = route.bill_cut_off(&answer);
    assert_eq!((bill.basis, bill.cost.0), (Basis::MaxUsageReserve, HOLD));
    // `[DONE]` is the end, whatever becomes of the connection.
    let mut answer = answer;
    answer.body.extend_from_slice(b"data: [DONE]\n\n");
    assert_eq!(route.bill_cut_off(&answer).basis, Basis::Usage);
}

#[test]
fn a_later_report_without_a_key_does_not_erase_it() {
    let answer = Answer::events([
        chunk(json!({"prompt_tokens": 10, "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 4}})),
        chunk(json!({"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": null})),
        chunk(json!(null)),
        chunk(json!({})),
    ]);
    let bill = Route::of("openai-chat").bill(&answer);
    assert_eq!(counts(&bill), [(Input, 6), (CacheRead, 4), (Output, 3)]);
}

#[test]
fn gemini_streams_running_totals_too() {
    let document = |candidates: u64, thoughts: Option<u64>| {
        let total = 10 + candidates + thoughts.unwrap_or(0);
        json!({"modelVersion": "m", "responseId": "r", "usageMetadata": {
            "promptTokenCount": 10, "candidatesTokenCount": candidates,
            "thoughtsTokenCount": thoughts, "totalTokenCount": total,
        }})
    };
    let first = json!({"usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10}});
    let documents = [first, document(3, Some(20)), document(7, Some(20))];
    let array = format!("[{}]", documents.each_ref().map(Value::to_string).join("\n,\r\n"));
    let route = Route::of("gemini");
    for answer in [Answer::events(&documents), Answer::json(array)] {
        let bill = route.bill(&answer);
        assert_eq!((counts(&bill), bill.basis), (vec![(Input, 10), (Output, 27)], Basis::Usage));
        let len = answer.body.len() - 4;
        assert_eq!(route.bill(&answer.cut(len)).basis, Basis::MaxUsageReserve);
    }
}

#[test]
fn usage_may_stand_in_the_first_choice() {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12,
        "cached_tokens": 4});
    let decoy = json!({"prompt_tokens": 99, "completion_tokens": 99});
    let answer =
        Answer::events([json!({"model": "m", "choices": [{"usage": usage}, {"usage": decoy}]})]);
    let bill = Route::of("openai-chat").bill(&answer);
    assert_eq!(counts(&bill), [(Input, 6), (CacheRead, 4), (Output, 2)]);
}

fn response(kind: &str, usage: Value, output: Value) -> Value {
    let response = json!({"id": "r", "model": "m", "output": output, "usage": usage});
    json!({"type": kind, "response": response})
}

#[test]
fn searches_of_streamed_responses_are_counted_once() {
    let search = json!({"type": "web_search_call", "id": "w", "action": {"type": "search"}});
    let page = json!({"type": "web_search_call", "id": "x", "action": {"type": "open_page"}});
    let done = |item: &Value| json!({"type": "response.output_item.done", "item": item});
    let added = json!({"type": "response.output_item.added", "item": search});
    let usage = json!({"input_tokens": 10, "output_tokens": 2, "total_tokens": 12});
    for last in [json!([search, page, search]), json!([])] {
        let answer = Answer::events([
            added.clone(),
            done(&search),
            done(&page),
            done(&search),
            response("response.completed", usage.clone(), last),
        ]);
        let bill = Route::of("openai-responses").bill(&answer);
        assert_eq!(counts(&bill), [(Input, 10), (Output, 2), (WebSearch, 2)]);
        assert_eq!(bill.cost.0, 10_000 + 10_000 + 20_000_000);
    }
}

#[test]
fn a_failed_response_is_charged_what_it_says_or_the_hold() {
    let usage = json!({"input_tokens": 10, "output_tokens": 2, "total_tokens": 12});
    let failed = |usage| {
        let mut event = response("response.failed", usage, json!([]));
        event["response"]["error"] = json!({"code": "server_error"});
        Answer::events([response("response.created", json!(null), json!([])), event])
    };
    let route = Route::of("openai-responses");
    assert_eq!(route.bill(&failed(usage)).cost.0, 20_000);
    let bill = route.bill(&failed(json!(null)));
    assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, HOLD));
}

#[test]
fn placeholders_of_a_response_that_never_ends_are_not_its_usage() {
    let zeros = json!({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0});
    let answer = Answer::events([response("response.created", zeros, json!([]))]);
    let bill = Route::of("openai-responses").bill(&answer);
    assert_eq!((bill.basis.is_estimate(), bill.cost.0), (true, HOLD));
}

#[test]
fn cohere_reports_at_the_end_of_the_message() {
    let units = json!({"input_tokens": 6.0, "output_tokens": 2.0});
    let tokens = json!({"input_tokens": 74.0, "output_tokens": 2.0});
    let answer = Answer::events([
        json!({"type": "content-delta", "delta": {"message": {"content": {"text": "x"}}}}),
        json!({"type": "message-end", "delta": {"usage": {"billed_units": units,
            "tokens": tokens}}}),
    ]);
    let bill = Route::of("cohere").bill_cut_off(&answer);
    assert_eq!((counts(&bill), bill.basis), (vec![(Input, 6), (Output, 2)], Basis::Usage));
}
