//! Behind the administrators' door: what people change while the service runs.
//!
//! The socket is another one than the plugins', with its own list of users, so that an Envoy that was
//! taken over can administer nothing. Who acts is whom the kernel names. Neighbours: [`client`] is the
//! command line's side; `spend` the corrections.

pub mod client;
mod spend;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::config::AdminConfig;
use crate::door::Admits;
use crate::service::Service;

pub use self::spend::{Corrected, Correction};

/// Where a correction is posted.
pub const CORRECT_PATH: &str = "/v1/spend/correct";

/// Where it is asked whether the service is well.
pub const HEALTH_PATH: &str = "/v1/health";

/// More than any command says.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The owner alone, and root.
const MODE_OWN: u32 = 0o600;
/// The group too, where others than the owner are named.
const MODE_SHARED: u32 = 0o660;

const ROOT_UID: u32 = 0;

/// Whom the administrators' socket answers.
#[must_use]
pub fn admits(config: &AdminConfig) -> Admits {
    let (uids, mode) = match &config.uids {
        Some(uids) => (uids.clone(), MODE_SHARED),
        None => (vec![rustix::process::geteuid().as_raw(), ROOT_UID], MODE_OWN),
    };
    Admits { uids, mode, field: "admin_uids" }
}

/// What is behind the door.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(CORRECT_PATH, post(spend::correct))
        .route(HEALTH_PATH, get(health))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

/// How the service is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Health {
    /// The policy in force.
    pub policy: String,
    /// Why no money is lent; `None` while all is well.
    pub money: Option<String>,
}

async fn health(State(service): State<Arc<Service>>) -> Json<Health> {
    let policy = service.book().policy().version().to_string();
    Json(Health { policy, money: service.desk().trouble() })
}

/// Why something was not done, as it is told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// For programs.
    pub code: String,
    /// For people, with the remedy.
    pub error: String,
}

/// An answer that is a problem.
struct Refused {
    status: StatusCode,
    problem: Problem,
}

impl Refused {
    fn new(status: StatusCode, code: &str, error: impl Into<String>) -> Self {
        Self { status, problem: Problem { code: code.to_owned(), error: error.into() } }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.problem)).into_response()
    }
}
