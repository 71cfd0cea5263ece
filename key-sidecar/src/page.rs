//! Health and statistics, on loopback. Liveness never depends on the HSM or the disk; readiness does
//! only when nothing more can be released or lent.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::hsm::HsmState;
use crate::service::Service;

/// The pages.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/healthz/live", get(|| async { "live\n" }))
        .route("/healthz/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(service)
}

async fn ready(State(service): State<Arc<Service>>) -> (StatusCode, String) {
    let hsm = service.vault().hsm().state();
    let trouble = service.desk().trouble();
    let status = match (hsm, &trouble) {
        (HsmState::Ready | HsmState::Degraded, None) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let version = service.book().policy().version().to_string();
    let stale = service.metrics().policy_stale.get() == 1;
    let stale = if stale { " (the files on disk do not check)" } else { "" };
    let money = trouble.unwrap_or_else(|| "Ready".to_owned());
    (status, format!("hsm: {hsm:?}\nmoney: {money}\npolicy: {version}{stale}\n"))
}

async fn metrics(
    State(service): State<Arc<Service>>,
) -> ([(&'static str, &'static str); 1], String) {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([("content-type", kind)], service.metrics().page())
}
