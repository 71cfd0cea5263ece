//! Where alerts about budgets are sent.

use std::path::{Path, PathBuf};

use axum::http::Uri;

use super::fields::Fields;

/// `alerts.webhook`: who is told over HTTP when a budget reaches a threshold. Without it, alerts are
/// lines of the log and a statistic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookConfig {
    /// `alerts.webhook.url`: HTTPS, or HTTP to this machine.
    pub url: Uri,
    /// `alerts.webhook.secret_file`: the key of the signature, at least 16 bytes.
    pub secret_file: PathBuf,
}

/// `Some(None)` if there is no webhook; `None` after an error was written down.
#[expect(clippy::option_option, reason = "absent and wrong are different answers")]
pub(super) fn read(
    json: Option<&serde_json::Value>,
    directory: &Path,
    errors: &mut Vec<String>,
) -> Option<Option<WebhookConfig>> {
    let Some(json) = json else {
        return Some(None);
    };
    let mut alerts = Fields::of(json, "alerts.", errors)?;
    let webhook = alerts.optional_object("webhook");
    alerts.finish();
    let Some(json) = webhook else {
        return Some(None);
    };
    let mut webhook = Fields::of(json, "alerts.webhook.", errors)?;
    let url = webhook.required_text("url", "where alerts are posted to");
    let secret = webhook.required_text("secret_file", "the file with the key of the signature");
    webhook.finish();
    let url = read_url(&url?, errors);
    Some(Some(WebhookConfig { url: url?, secret_file: directory.join(secret?) }))
}

/// The URL may hold a secret in its path, as those of chat systems do: it is never repeated.
fn read_url(text: &str, errors: &mut Vec<String>) -> Option<Uri> {
    let url = text.parse::<Uri>().ok();
    let good = url.filter(|url| match (url.scheme_str(), url.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => matches!(host, "127.0.0.1" | "[::1]" | "localhost"),
        _ => false,
    });
    if good.is_none() {
        errors.push(
            "alerts.webhook.url: expected an https:// URL, or http:// to 127.0.0.1, [::1] or \
             localhost: alerts speak of money"
                .to_owned(),
        );
    }
    good
}
