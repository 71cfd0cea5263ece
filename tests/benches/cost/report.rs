//! The figures as Markdown, with the machine and the day that they are from.

use std::fmt;
use std::fs;
use std::process::Command;

use tollkeeper_tests::artifacts;

use crate::calls::Call;
use crate::configuration::Kind;
use crate::cpu;
use crate::instructions::Instructions;
use crate::processor::{self, Processor};
use crate::stand::Stand;
use crate::streams::Streams;
use crate::syncs::{self, Syncs};

/// Where and when.
pub(crate) struct Environment {
    date: String,
    processor: String,
    cores: usize,
    envoy: String,
    wasm_bytes: u64,
}

impl Environment {
    /// Asks this machine.
    pub(crate) fn of_this_machine(stand: &Stand) -> Self {
        let date =
            Command::new("date").args(["-u", "+%F"]).output().expect("`date` can be started");
        let wasm = fs::metadata(artifacts::wasm()).expect("the filter is there");
        Self {
            date: String::from_utf8_lossy(&date.stdout).trim().to_owned(),
            processor: processor_name(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            envoy: stand.envoy_version(),
            wasm_bytes: wasm.len(),
        }
    }
}

fn processor_name() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

/// Everything that one run measures.
pub(crate) struct Report {
    /// Where and when.
    pub(crate) environment: Environment,
    /// By configuration.
    pub(crate) instructions: [Instructions; Kind::ALL.len()],
    /// By configuration.
    pub(crate) processor: Processor,
    /// The meter.
    pub(crate) streams: Streams,
    /// By connections.
    pub(crate) syncs: [Syncs; syncs::CONNECTIONS.len()],
}

/// What the gate adds is told of this call.
const GATE: Kind = Kind::Gate(Call::List);

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.environment.fmt(out)?;
        self.gate(out)?;
        self.ratio(out)?;
        self.money(out)?;
        self.streams.fmt(out)?;
        self.syncs.iter().try_for_each(|syncs| syncs.fmt(out))
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "Measured on {} with Envoy {}, {} ({} cores seen). One worker, 1,000 client keys, HTTP/1.1, \
             no TLS, no access log. The filter has {} bytes.\n",
            self.date,
            self.envoy,
            self.processor,
            self.cores,
            thousands(cpu::as_f64(self.wasm_bytes)),
        )
    }
}

impl Report {
    fn gate(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "| configuration | instructions per request | added | raw | upkeep per second | \
             CPU µs per request | added |\n|---|--:|--:|--:|--:|--:|--:|"
        )?;
        for kind in Kind::ALL.into_iter().filter(|kind| kind.call() == Call::List) {
            let counted = self.counted(kind);
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {:.1} | {:.1} |",
                kind.name(),
                thousands(counted.net),
                thousands(counted.net - self.counted(Kind::NoFilter).net),
                thousands(counted.raw),
                thousands(counted.upkeep),
                self.processor.envoy(kind),
                self.processor.added(kind, Kind::NoFilter),
            )?;
        }
        writeln!(
            out,
            "\n*Instructions* are counted by callgrind without *upkeep*, which goes on by the clock while the \
             filter is in use, whatever the load; *raw* is the count with it, fifty times too much because \
             valgrind slows requests and not clocks. *CPU* is the median of {} rounds of {} requests, \
             *added* the median of the differences within a round.\n",
            processor::ROUNDS,
            thousands(f64::from(processor::BURST.requests)),
        )
    }

    fn ratio(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instructions = |kind: Kind| self.counted(kind).net - self.counted(Kind::NoFilter).net;
        let processor = |kind: Kind| self.processor.added(kind, Kind::NoFilter);
        writeln!(
            out,
            "What the gate adds is {:.1} times the instructions and {:.1} times the CPU time that \
             Envoy's own filters add with two limits a client.\n",
            instructions(GATE) / instructions(Kind::NativePerClient),
            processor(GATE) / processor(Kind::NativePerClient),
        )
    }

    /// The gate with each call, and what money adds to it.
    fn money(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "| call through Tollkeeper | instructions per request | added by money | upkeep per second | \
             CPU µs per request | added by money | requests/s | syncs/s | sidecar's CPU µs per request |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|"
        )?;
        for kind in Kind::ALL {
            let Kind::Gate(call) = kind else { continue };
            let free = call.without_money().map(Kind::Gate);
            let added = free.map(|free| self.counted(kind).net - self.counted(free).net);
            let processor = free.map(|free| self.processor.added(kind, free));
            let sidecar = self.processor.sidecar(kind);
            writeln!(
                out,
                "| {} | {} | {} | {} | {:.1} | {} | {} | {:.1} | {:.2} |",
                call.name(),
                thousands(self.counted(kind).net),
                added.map_or_else(String::new, thousands),
                thousands(self.counted(kind).upkeep),
                self.processor.envoy(kind),
                processor.map_or_else(String::new, |added| format!("{added:.1}")),
                thousands(sidecar.requests),
                sidecar.syncs,
                sidecar.cpu,
            )?;
        }
        writeln!(
            out,
            "\n*Added by money* is the difference to the same call on a free route. The sidecar keeps its \
             ledger in SQLite and books each metered call by itself, calls of one price together.\n"
        )
    }

    fn counted(&self, kind: Kind) -> &Instructions {
        &self.instructions[kind.place()]
    }
}

impl fmt::Display for Streams {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "* In Envoy's V8 the filter meters {:.0} MB/s of SSE: a stream of {} bytes takes {} µs CPU free and \
             {} more metered.",
            self.megabytes_per_second(),
            thousands(self.bytes as f64),
            thousands(self.free),
            thousands(self.added),
        )
    }
}

impl fmt::Display for Syncs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "* The sidecar answers {} syncs of limits a second on {} ({:.0} µs CPU each).",
            thousands(self.per_second),
            match self.connections {
                1 => "one connection".to_owned(),
                many => format!("{many} connections"),
            },
            self.cpu,
        )
    }
}

/// Rounded, with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::from(if number < -0.5 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
