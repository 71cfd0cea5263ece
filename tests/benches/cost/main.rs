//! What does the gate cost a request? `make bench` prints it beside what Envoy's own filters cost.
//!
//! Figures only mean something side by side, so one run measures all configurations of
//! [`configuration`] on one [`stand`]: instructions per request under callgrind ([`instructions`]),
//! which repeat to a fraction of a percent, and CPU time ([`processor`]), which is what is paid.
//! What money adds is the difference of two [`calls`]; [`streams`] is the meter in wasm; [`syncs`] is
//! the sidecar's side. [`report`] is the text, for the README.
#![expect(clippy::expect_used, clippy::panic, reason = "what cannot be measured ends the bench")]

mod calls;
mod configuration;
mod cpu;
mod instructions;
mod load;
mod processor;
mod report;
mod stand;
mod streams;
mod syncs;

use std::fs;

use tollkeeper_tests::artifacts;

use crate::configuration::Kind;
use crate::instructions::Instructions;
use crate::report::Report;
use crate::stand::Stand;

fn main() {
    let stand = Stand::build();
    let report = Report {
        environment: report::Environment::of_this_machine(&stand),
        instructions: Kind::ALL.map(|kind| counted(kind, &stand)),
        processor: processor::of(&stand),
        streams: streams::of(&stand),
        syncs: syncs::CONNECTIONS.map(|connections| syncs::of(connections, &stand)),
    };
    let text = report.to_string();
    let file = artifacts::target_dir().join("bench.md");
    fs::write(&file, &text).expect("the target directory can be written");
    println!("{text}\nwritten to {}", file.display());
}

/// Valgrind takes its time: whoever waits sees how far it is.
fn counted(kind: Kind, stand: &Stand) -> Instructions {
    let instructions = instructions::of(kind, stand);
    eprintln!("{}: {:.0} instructions", kind.name(), instructions.net);
    instructions
}
