//! Behind the plugins' door: one path, `sync`, and nothing that administers.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::post;
use wire::frame::{self, REQUEST_BYTES_MAX};
use wire::sync::PROTOCOL;
use wire::{PROTOCOL_HEADER, SYNC_PATH};

use crate::config::SocketConfig;
use crate::door::Admits;
use crate::service::Service;

/// The owner and the group (Envoy's) may connect; nobody else.
const SOCKET_MODE: u32 = 0o660;

/// Whom the plugins' socket answers.
#[must_use]
pub fn admits(config: &SocketConfig) -> Admits {
    Admits { uids: config.allow_uids.clone(), mode: SOCKET_MODE, field: "socket.allow_uids" }
}

/// What is behind the door.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(SYNC_PATH, post(sync))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(service)
}

async fn sync(State(service): State<Arc<Service>>, body: Bytes) -> Response<Body> {
    let request = match frame::decode_request(&body) {
        Ok(request) => request,
        Err(error) => return text(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let reply = match service.sync(request).await {
        Ok(reply) => reply,
        Err(refused) if refused.is_passing() => {
            return text(StatusCode::SERVICE_UNAVAILABLE, &refused.to_string());
        }
        Err(refused) => return text(StatusCode::CONFLICT, &refused.to_string()),
    };
    match frame::encode_reply(&reply) {
        Ok(bytes) => response(StatusCode::OK, "application/json", bytes),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    tracing::debug!(%status, text, "sync refused");
    response(status, "text/plain", text.to_owned().into_bytes())
}

fn response(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(PROTOCOL_HEADER, HeaderValue::from(PROTOCOL));
    response
}
