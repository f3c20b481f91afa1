//! `/api/dns`: what containers asked, and what they were told.

use super::{error::PanelError, responses::Refused};
use crate::{dns::Kept, ops::Daemon};
use axum::{
    Json,
    extract::{Query, State},
    http::HeaderMap,
    response::sse::{self, KeepAlive, Sse},
};
use drawbridge_api::DnsQuery;
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use utoipa::IntoParams;

/// As of the other stream.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Of this container only, by its id or the beginning of one.
    container: Option<String>,
}

/// `GET /api/dns?container=ID`: the last questions, oldest first; of one container, by its id or the beginning of one, if it is
/// named.
#[utoipa::path(
    get,
    path = "/api/dns",
    tag = "names",
    params(ListQuery),
    responses((status = 200, description = "The last questions, oldest first", body = Vec<DnsQuery>), Refused),
)]
pub(super) async fn list(
    State(daemon): State<Arc<Daemon>>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<DnsQuery>>, PanelError> {
    let Query(ListQuery { container }) = query?;
    let Kept { mut queries, .. } = daemon.engine.dns.lens().kept();
    if let Some(container) = container {
        queries.retain(|query| query.container.as_str().starts_with(&container));
    }
    Ok(Json(queries))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// The number of the last question that is known.
    #[serde(default)]
    after: u64,
}

/// `GET /api/dns/events`: the kept questions behind number `after`, or behind the last one that the listener has seen, and
/// then those that come, one per message. A number above all there are is of an earlier daemon, and means none. A listener
/// that is too slow misses some.
#[utoipa::path(
    get,
    path = "/api/dns/events",
    tag = "names",
    params(EventsQuery),
    responses((status = 200, description = "Server-sent events, each with a DnsQuery as its data", content_type = "text/event-stream", body = String), Refused),
)]
pub(super) async fn events(
    State(daemon): State<Arc<Daemon>>,
    query: Result<Query<EventsQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, PanelError> {
    let Query(EventsQuery { after }) = query?;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or(after);
    let Kept { mut queries, receiver } = daemon.engine.dns.lens().kept();
    if queries.last().is_some_and(|last| last.sequence >= seen) {
        queries.retain(|query| query.sequence > seen);
    }
    let stream = stream::iter(queries).chain(coming(receiver)).filter_map(|query| async move { message(&query) });
    Ok(Sse::new(stream.map(Ok)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn coming(receiver: Receiver<DnsQuery>) -> impl Stream<Item = DnsQuery> {
    stream::unfold(receiver, |mut receiver| async move {
        loop {
            match receiver.recv().await {
                Ok(query) => return Some((query, receiver)),
                // The numbers tell what is missing.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

fn message(query: &DnsQuery) -> Option<sse::Event> {
    sse::Event::default().id(query.sequence.to_string()).json_data(query).ok()
}
