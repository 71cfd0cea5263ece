//! Everything that could hold a secret, by the place where it was found; and the search.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tollkeeper_tests::client::Answer;

/// What was found, by place.
#[derive(Default)]
pub(crate) struct Evidence(Vec<(String, Vec<u8>)>);

impl Evidence {
    pub(crate) fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    pub(crate) fn add_answer(&mut self, place: &str, answer: &Answer) {
        let mut bytes = answer.body.clone();
        for (name, value) in &answer.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\n"].concat());
        }
        self.add(format!("the answer to {place}"), bytes);
    }

    pub(crate) fn add_files_below(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.add_files_below(&path);
            } else if path.is_file() {
                self.add(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }

    /// How every process of this machine that may be looked at was started.
    pub(crate) fn add_processes(&mut self) {
        for entry in fs::read_dir("/proc").unwrap() {
            let path = entry.unwrap().path();
            for file in ["cmdline", "environ"] {
                // Processes come and go, and some belong to others.
                if let Ok(bytes) = fs::read(path.join(file)) {
                    self.add(path.join(file).display().to_string(), bytes);
                }
            }
        }
    }

    /// All places are there, and they hold what they should: nothing was looked for in empty pages.
    pub(crate) fn is_what_it_should_be(&self) {
        for (place, holds) in [
            ("Envoy's log", "\"path\":\"/v1/models\""),
            ("Envoy's log", "starting main dispatch loop"),
            ("/config_dump", "tollkeeper"),
            ("/stats", "wasmcustom.tollkeeper.admitted"),
            ("key-sidecar.log", "TRACE"),
            ("key-sidecar.log", "the policy does not check"),
            ("/metrics", "tollkeeper_sidecar_syncs_total"),
            ("state/credentials/openai-prod.json", "api.openai.com"),
            ("policy/policy.json", "may_use"),
            ("/cmdline", "key-sidecar"),
            ("/environ", "SOFTHSM2_CONF"),
            ("the answer to an echo", "x-echo-accept"),
            ("the answer to a refused credential", "upstream_refused_credential"),
            ("key-sidecar credential add", "key-sidecar: "),
        ] {
            let there = |(own, bytes): &(String, Vec<u8>)| {
                own.contains(place) && has(bytes, holds.as_bytes())
            };
            let places: Vec<_> = self.0.iter().filter(|(own, _)| own.contains(place)).collect();
            assert!(
                self.0.iter().any(there),
                "{holds:?} is not in {place}: {} such places",
                places.len()
            );
        }
    }
}

/// What is looked for.
pub(crate) struct Canaries(Vec<Vec<u8>>);

impl Canaries {
    pub(crate) fn new(secrets: &[&str]) -> Self {
        Self(secrets.iter().flat_map(|secret| forms(secret.as_bytes())).collect())
    }

    pub(crate) fn needles(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    pub(crate) fn places_in(&self, evidence: &Evidence) -> Vec<String> {
        let holds = |bytes: &[u8]| self.needles().any(|needle| has(bytes, needle));
        let found = evidence.0.iter().filter(|(_, bytes)| holds(bytes));
        found.map(|(place, _)| place.clone()).collect()
    }
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

/// A secret as it is, in hex, and in base64 in each of the three ways in which it can lie in a longer
/// text, without the ends, which depend on what is beside it.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_vec(), hex.into_bytes()];
    for before in ["", "~", "~~"] {
        let encoded = STANDARD.encode([before.as_bytes(), secret].concat());
        forms.push(encoded.as_bytes()[4..encoded.len() - 4].to_vec());
    }
    forms
}
