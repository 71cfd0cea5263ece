//! The figures as Markdown, with the machine and the day that they are from.

use std::fmt;
use std::fs;
use std::process::Command;

use tollkeeper_tests::artifacts;

use crate::configuration::Kind;
use crate::cpu;
use crate::instructions::Instructions;
use crate::processor::Processor;
use crate::stand::Stand;
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
    /// By connections.
    pub(crate) syncs: [Syncs; syncs::CONNECTIONS.len()],
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.environment.fmt(out)?;
        self.table(out)?;
        self.ratio(out)?;
        self.processor.sidecar_line(out)?;
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
    fn table(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "| configuration | instructions per request | added | raw | upkeep per second | \
             CPU µs per request | added |\n|---|--:|--:|--:|--:|--:|--:|"
        )?;
        let base = self.instructions[0].net;
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            let counted = &self.instructions[place];
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {:.1} | {:.1} |",
                kind.name(),
                thousands(counted.net),
                thousands(counted.net - base),
                thousands(counted.raw),
                thousands(counted.upkeep),
                self.processor.envoy[place],
                self.processor.added[place],
            )?;
        }
        writeln!(
            out,
            "\n*Instructions* are counted by callgrind without *upkeep*, which goes on by the clock while the \
             filter is in use, whatever the load; *raw* is the count with it, fifty times too much because \
             valgrind slows requests and not clocks. *CPU* is the median of 15 rounds of 10,000 requests, \
             *added* the median of the differences within a round.\n"
        )
    }

    fn ratio(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = |kind: Kind| {
            let place = Kind::ALL.iter().position(|each| *each == kind).unwrap_or_default();
            (self.instructions[place].net - self.instructions[0].net, self.processor.added[place])
        };
        let (ours, native) = (added(Kind::Gate), added(Kind::NativePerClient));
        writeln!(
            out,
            "* What the gate adds is {:.1} times the instructions and {:.1} times the CPU time that \
             Envoy's own filters add with two limits a client.",
            ours.0 / native.0,
            ours.1 / native.1
        )
    }
}

impl Processor {
    fn sidecar_line(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sidecar = &self.sidecar;
        writeln!(
            out,
            "* A worker at {} requests a second sends {:.1} syncs a second; they cost the sidecar {:.2} µs \
             CPU per request.",
            thousands(sidecar.requests),
            sidecar.syncs,
            sidecar.cpu,
        )
    }
}

impl fmt::Display for Syncs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "* The sidecar answers {} syncs a second on {} ({:.0} µs CPU each).",
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
