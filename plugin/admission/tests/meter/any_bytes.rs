//! Whatever bytes come, in whatever pieces: no panic, and the same bill.

use proptest::prelude::*;
use wire::usage::Profile;

use crate::route::{Answer, Route};

/// Pieces of real answers, so that what is made of them goes deep.
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\n",
    "\r",
    "\n\n",
    "data: ",
    "data:",
    "event: error",
    "[DONE]",
    "null",
    "true",
    "1",
    "-2",
    "3.5",
    "1e9",
    "99999999999999999999",
    " ",
    "\\u0061",
    "\\ud83d",
    "\"usage\"",
    "\"prompt_tokens\":",
    "\"completion_tokens\":5",
    "\"input_tokens\":7",
    "\"total_tokens\":",
    "\"type\":\"message_delta\"",
    "\"delta\":{\"stop_reason\":\"x\"}",
    "\"iterations\":[",
    "\"usageMetadata\":{",
    "\"promptTokenCount\":3",
    "\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":4}]",
    "\"response\":{",
    "\"model\":\"m\"",
    "\"error\":{}",
    "{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
    "é",
    "\u{feff}",
];

const TYPES: &[&str] =
    &["application/json", "text/event-stream", "application/vnd.amazon.eventstream", ""];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::collection::vec(prop::sample::select(WORDS), 0..40)
        .prop_map(|words| words.concat().into_bytes());
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![4 => words, 1 => bytes]
}

fn cut<'a>(body: &'a [u8], at: &[usize]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = at.iter().map(|at| at % (body.len() + 1)).collect();
    ends.extend([0, body.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|ends| &body[ends[0]..ends[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn any_cutting_gives_the_same_bill(
        body in text(),
        profile in prop::sample::select(Profile::ALL),
        content_type in prop::sample::select(TYPES),
        encoding in 0_u8..8,
        flip in any::<prop::sample::Index>(),
        at in prop::collection::vec(any::<usize>(), 0..6),
        complete in any::<bool>(),
    ) {
        let answer = Answer::new(content_type, body);
        let mut answer = match encoding {
            0 => answer.gzip(),
            1 => answer.zlib(),
            2 => answer.bare_deflate(),
            3 => answer.header("content-encoding", "gzip"),
            _ => answer,
        };
        if encoding < 3 && flip.index(2) == 0 {
            let at = flip.index(answer.body.len());
            answer.body[at] ^= 0x10;
        }
        let route = Route::of(profile.as_str()).ready();
        let whole = route.bill_for(&answer, &[&answer.body], complete);
        let cut_up = route.bill_for(&answer, &cut(&answer.body, &at), complete);
        prop_assert_eq!(format!("{:?}", &whole), format!("{:?}", cut_up));
        prop_assert!(whole.usage_complete || whole.cost >= route.hold);
    }

    #[test]
    fn any_request_is_read_alike(body in text(), at in prop::collection::vec(any::<usize>(), 0..6)) {
        let read = |pieces: &[&[u8]]| {
            let mut reader = admission::ask::AskReader::new(None, None);
            pieces.iter().for_each(|piece| reader.body(piece));
            (reader.asked().clone(), reader.ended())
        };
        prop_assert_eq!(read(&[&body]), read(&cut(&body, &at)));
        if let Some(with) = admission::ask::with_include_usage(&body) {
            prop_assert_eq!(admission::ask::with_include_usage(&with), None);
        }
    }
}
