//! The binary and the HSM module on a real SoftHSM2 token, as an operator uses them.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that does not start is a failed test, and this is where it stops"
)]

mod clients;
mod credentials;
mod doctor;
mod fixture;
mod hsm;
mod init;
mod leaks;
mod pin;
