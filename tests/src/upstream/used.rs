//! What an answer of the stand-in claims to have used: what the call's last message asks for.
//!
//! A test writes `input=120 output=45` as the message, whatever client library sends it, and can then
//! reckon the bill by itself.

use serde_json::Value;

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Used {
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
}

impl Used {
    /// What the request's last message asks for; 9 and 4 where it asks for nothing.
    #[must_use]
    pub fn asked_by(request: &Value) -> Self {
        let message = request["messages"].as_array().and_then(|all| all.last());
        let text = message.and_then(|message| message["content"].as_str()).unwrap_or_default();
        let number = |name: &str, usual: u64| {
            let named = text.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            named.and_then(|digits| digits.parse().ok()).unwrap_or(usual)
        };
        Self { input: number("input", 9), output: number("output", 4) }
    }
}
