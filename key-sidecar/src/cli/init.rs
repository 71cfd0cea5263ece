//! `key-sidecar init`: the keys on the HSM token, and the check value that tells it from every
//! other.

use clap::Args;

use super::output::{Failure, note};
use crate::config::Config;
use crate::files;
use crate::hsm::{self, Made};

/// Make the keys on the HSM token; safe to run twice.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Try a PIN again that was refused before. Use it only when you know that the PIN is right:
    /// tokens lock after a few wrong ones
    #[arg(long)]
    forget_failed_pin: bool,
}

impl Init {
    pub(super) async fn run(self, config: Config) -> Result<(), Failure> {
        files::make_folders(&config.state)?;
        let _lock = files::lock(&config.state)?;
        if self.forget_failed_pin {
            hsm::forget_failed_pin(&config.state)?;
        }
        let ensured = hsm::init(&config.hsm, &config.state).await?;
        note(&format!(
            "HSM token {:?} (serial number {})",
            ensured.token_label, ensured.token_serial
        ));
        for (key, made) in ensured.keys {
            let made = match made {
                Made::Created => "created",
                Made::Found => "there already",
            };
            note(&format!("key {}: {made}", key.label()));
        }
        Ok(())
    }
}
