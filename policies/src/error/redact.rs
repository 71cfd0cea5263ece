//! What an error must not carry on.
//!
//! A policy holds no secret, but a secret put into one by mistake is exactly what brings an error
//! about, and errors go to terminals, logs and chats. So whatever is quoted passes through here:
//! texts that look like keys keep their first characters only. Fields that hold a secret by their
//! name are hidden whole by who reports them. Masking keeps the number of characters, so that marks
//! stay in their place.

use crate::bounds::QUOTE_CHARS_MAX;

const MASK: char = '*';
/// Enough to recognize which key it is, too little to use it.
const SHOWN_CHARS: usize = 4;
/// Letters and digits without a separator: no name that a person gives is so long and has both.
const RANDOM_CHARS_MIN: usize = 16;
/// How the keys of well-known issuers begin.
const KEY_PREFIXES: [&str; 13] = [
    "tk_",
    "sk-",
    "sk_",
    "rk_",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "AIza",
    "eyJ",
];
const PREFIXED_CHARS_MIN: usize = 12;
const DIGEST_PREFIX: &str = "sha256:";

/// `text` in double quotes, cut, masked and on one line: how messages quote what was written.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", cut(&mask(&one_line(text))))
}

/// At most [`QUOTE_CHARS_MAX`] characters, with a sign that there were more.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn one_line(text: &str) -> String {
    // Twice the quote is enough to mask before the cut; the text itself may be megabytes.
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(QUOTE_CHARS_MAX.saturating_mul(2)).map(plain).collect()
}

/// `line` with everything that looks like a key masked.
pub(super) fn mask(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(is_key_char) {
        let (before, tail) = rest.split_at(start);
        let end = tail.find(|c| !is_key_char(c)).unwrap_or(tail.len());
        let (run, after) = tail.split_at(end);
        masked.push_str(before);
        if looks_like_a_key(run) && !is_digest(&masked, run) {
            masked.extend(run.chars().take(SHOWN_CHARS));
            masked.extend(run.chars().skip(SHOWN_CHARS).map(|_| MASK));
        } else {
            masked.push_str(run);
        }
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// `text` with every character between its quotes masked.
pub(super) fn mask_whole(text: &str) -> String {
    let hide = |c: char| match c {
        '"' | '\n' | '\r' => c,
        _ => MASK,
    };
    text.chars().map(hide).collect()
}

const fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=')
}

fn looks_like_a_key(run: &str) -> bool {
    let prefixed = KEY_PREFIXES.iter().any(|prefix| run.starts_with(prefix));
    (prefixed && run.len() >= PREFIXED_CHARS_MIN)
        || run.split(|c: char| !c.is_ascii_alphanumeric()).any(looks_random)
}

fn looks_random(word: &str) -> bool {
    word.len() >= RANDOM_CHARS_MIN
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// A digest is no secret, and showing it helps: which of two clients shall keep the key?
fn is_digest(before: &str, run: &str) -> bool {
    before.ends_with(DIGEST_PREFIX)
        && run.len() == 64
        && run.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_masked_and_names_are_not() {
        for (line, shown) in [
            (r#""x": "sk-proj-abcdefgh","#, r#""x": "sk-p************","#),
            ("tk_AAAAAAAAAAAAAAAA", "tk_A***************"),
            ("Zm9vYmFyYmF6cXV4MTIz", "Zm9v****************"),
            (
                "acme-archive.s3.eu-central-1.amazonaws.com",
                "acme-archive.s3.eu-central-1.amazonaws.com",
            ),
            ("checkout-api-production-2", "checkout-api-production-2"),
            ("fiscal_year_starts", "fiscal_year_starts"),
            ("internationalization", "internationalization"),
        ] {
            assert_eq!(mask(line), shown);
        }
    }

    #[test]
    fn a_digest_is_shown_and_a_cut_one_is_not() {
        let digest = format!("sha256:{}", "9f".repeat(32));
        assert_eq!(mask(&digest), digest);
        assert!(mask(&digest[..60]).contains(MASK));
    }

    #[test]
    fn a_quote_is_one_short_line() {
        assert_eq!(quoted("a\nb"), "\"a\u{fffd}b\"");
        assert_eq!(quoted(&"é".repeat(1000)).chars().count(), 63);
    }

    proptest! {
        #[test]
        fn masking_moves_nothing(line in "[a-zé0-9\"_: -]{0,80}") {
            prop_assert_eq!(mask(&line).chars().count(), line.chars().count());
            prop_assert_eq!(mask_whole(&line).chars().count(), line.chars().count());
        }
    }
}
