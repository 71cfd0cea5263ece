//! The model that stands in the path of a request.

use wire::usage::Profile;

/// The longest name that is taken; ARNs of Bedrock's profiles are the longest there are.
const NAME_MAX: usize = 256;

/// The model that `path` names, as this API does: `/v1beta/models/NAME:generateContent` of Gemini,
/// `/model/ID/converse` of Bedrock, `/openai/deployments/NAME/...` of Azure.
#[must_use]
pub fn model_in_path(profile: Profile, path: &[u8]) -> Option<String> {
    let path = path.split(|byte| matches!(byte, b'?' | b'#')).next()?;
    let mut segments = path.split(|byte| *byte == b'/');
    let name = match profile {
        Profile::Gemini => {
            segments.find(|segment| matches!(*segment, b"models" | b"tunedModels"))?;
            let segment = segments.next()?;
            let end = segment.iter().rposition(|byte| *byte == b':').unwrap_or(segment.len());
            segment.get(..end)?
        }
        Profile::BedrockConverse | Profile::BedrockInvoke => {
            segments.find(|segment| *segment == b"model")?;
            segments.next()?
        }
        Profile::OpenaiChat
        | Profile::OpenaiResponses
        | Profile::OpenaiEmbeddings
        | Profile::OpenaiImages
        | Profile::OpenaiAudio => {
            segments.find(|segment| *segment == b"deployments")?;
            segments.next()?
        }
        _ => return None,
    };
    let name = String::from_utf8(percent_decoded(name)?).ok()?;
    (!name.is_empty() && name.len() <= NAME_MAX).then_some(name)
}

/// The bytes with their `%` escapes resolved; `None` if one is none.
fn percent_decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            plain.push(*byte);
            continue;
        }
        let mut digit = || char::from(*rest.next()?).to_digit(16);
        let value = digit()?.checked_mul(16)?.checked_add(digit()?)?;
        plain.push(u8::try_from(value).ok()?);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_stand_in_paths() {
        use Profile::{AnthropicMessages, BedrockConverse, BedrockInvoke, Gemini, OpenaiChat};
        for (profile, path, model) in [
            (Gemini, "/v1beta/models/gem-x:generateContent?key=1", Some("gem-x")),
            (
                Gemini,
                "/v1/projects/p/locations/l/publishers/google/models/gem-x:streamGenerateContent",
                Some("gem-x"),
            ),
            (Gemini, "/v1beta/models", None),
            (BedrockConverse, "/model/vendor.m-v1%3A0/converse", Some("vendor.m-v1:0")),
            (
                BedrockInvoke,
                "/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Ainference-profile%2Fm/invoke",
                Some("arn:aws:bedrock:eu:1:inference-profile/m"),
            ),
            (BedrockInvoke, "/model/m%zz/invoke", None),
            (BedrockInvoke, "/model/%ff/invoke", None),
            (OpenaiChat, "/openai/deployments/mine/chat/completions?api-version=1", Some("mine")),
            (OpenaiChat, "/v1/chat/completions", None),
            (AnthropicMessages, "/v1/messages", None),
        ] {
            assert_eq!(model_in_path(profile, path.as_bytes()).as_deref(), model, "{path}");
        }
    }
}
