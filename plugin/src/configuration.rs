//! What the operator writes under the filter's `configuration` in `envoy.yaml`.
//!
//! A pure function of its bytes: Envoy lets requests pass unfiltered if one worker takes a
//! configuration that another refused. So a bad one is no error to Envoy; it becomes a gate that
//! refuses everything and says why in the log.

use admission::gate::BODY_BYTES_MAX;
use serde::Deserialize;

/// The settings of one root context.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    /// The Envoy cluster of the sidecar's Unix socket.
    #[serde(default = "default_cluster")]
    pub(crate) sidecar_cluster: String,
    /// The longest request body that is read for its model. Less than Envoy holds back, so that who sends
    /// more gets our refusal and not Envoy's.
    #[serde(default = "default_body_bytes_max")]
    pub(crate) body_bytes_max: u64,
}

/// More bytes than this are no configuration of ours.
const BYTES_MAX: usize = 64 * 1024;

const fn default_body_bytes_max() -> u64 {
    BODY_BYTES_MAX
}

fn default_cluster() -> String {
    "key-sidecar".to_owned()
}

/// Reads the settings; no bytes at all mean the defaults.
///
/// # Errors
/// A sentence for the operator, with place and remedy.
pub(crate) fn parse(bytes: &[u8]) -> Result<Configuration, String> {
    if bytes.len() > BYTES_MAX {
        return Err(format!("the filter's configuration is longer than {BYTES_MAX} bytes"));
    }
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    if bytes.trim_ascii().first() != Some(&b'{') {
        // serde would take a list for an object.
        return Err("the filter's configuration is no JSON object".to_owned());
    }
    let configuration: Configuration = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "the filter's configuration is wrong: {error}; expected for example \
             {{\"sidecar_cluster\": \"key-sidecar\"}}"
        )
    })?;
    if configuration.sidecar_cluster.is_empty() {
        return Err("the filter's configuration names no \"sidecar_cluster\"".to_owned());
    }
    Ok(configuration)
}
