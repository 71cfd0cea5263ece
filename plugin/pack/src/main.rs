//! `tollkeeper-pack IN.wasm OUT.wasm`: writes the deliverable and prints its size and SHA-256.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use sha2::{Digest, Sha256};

fn main() -> ExitCode {
    match run() {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tollkeeper-pack: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(from), Some(to), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: tollkeeper-pack IN.wasm OUT.wasm".into());
    };
    let linked = fs::read(&from).map_err(|error| format!("{}: {error}", from.display()))?;
    let packed = tollkeeper_pack::pack(&linked)?;
    fs::write(&to, &packed).map_err(|error| format!("{}: {error}", to.display()))?;
    Ok(format!(
        "{}: {} bytes (linked: {}), sha256 {}",
        to.display(),
        packed.len(),
        linked.len(),
        hex(&Sha256::digest(&packed))
    ))
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
