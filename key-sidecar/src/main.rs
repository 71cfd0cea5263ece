//! The binary `key-sidecar`: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    key_sidecar::cli::main()
}
