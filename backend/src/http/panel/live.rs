//! What there is and what happens: the snapshot, and the stream of events behind it.

use super::{error::PanelError, responses::Refused};
use crate::{
    ops::{Daemon, OpError, container, found, image, network},
    store::journal,
};
use axum::{
    Json,
    extract::{Query, State},
    response::sse::{self, KeepAlive, Sse},
};
use drawbridge_api::{Event, Snapshot};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use utoipa::IntoParams;

/// How often an idle stream shows that it lives. A page that hears nothing for three times as long takes it for lost.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How many changes a snapshot has; older ones are asked for page by page.
const LATEST_CHANGES: i64 = 50;

/// `GET /api/snapshot`. The number is read first, so that an event that falls in between is sent again, which is
/// harmless, and none is lost.
#[utoipa::path(
    get,
    path = "/api/snapshot",
    tag = "live",
    responses((status = 200, description = "Everything there is", body = Snapshot), Refused),
)]
pub(super) async fn snapshot(State(daemon): State<Arc<Daemon>>) -> Result<Json<Snapshot>, PanelError> {
    let sequence = daemon.engine.events.sequence();
    let changes = {
        let db = daemon.engine.store.read().map_err(OpError::from)?;
        journal::list(&db, journal::About::All, None, LATEST_CHANGES).map_err(OpError::from)?
    };
    Ok(Json(Snapshot {
        sequence,
        run: daemon.engine.events.run().to_owned(),
        host: daemon.host_now().await?,
        networks: network::list(&daemon)?,
        containers: container::list(&daemon)?.into_iter().map(|(_, seen)| seen).collect(),
        images: image::without_steps(image::list(&daemon)?).iter().map(image::view).collect(),
        changes,
        found: found::foreign(&daemon),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// The number of the last event that is known.
    after: u64,
    /// The run that it is of, as the snapshot tells it.
    run: String,
}

/// `GET /api/events`: events from behind `after`, or one `resync` when those are no longer known.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "live",
    params(EventsQuery),
    responses((status = 200, description = "Server-sent events; each has an Event as its data, or is named `resync` when a snapshot is due", content_type = "text/event-stream", body = String), Refused),
)]
pub(super) async fn events(
    State(daemon): State<Arc<Daemon>>,
    query: Result<Query<EventsQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, PanelError> {
    let Query(query) = query?;
    let stream = match daemon.engine.events.listen_after(&query.run, query.after) {
        Some(listener) => {
            let missed = stream::iter(listener.missed).map(message);
            missed.chain(coming(listener.receiver)).left_stream()
        }
        None => stream::once(async { resync() }).right_stream(),
    };
    Ok(Sse::new(stream.map(Ok)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Events as they come; a listener that is too slow is told to resync, and the stream ends.
fn coming(receiver: Receiver<Arc<Event>>) -> impl Stream<Item = sse::Event> {
    stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Ok(event) => Some((message(event), Some(receiver))),
            Err(RecvError::Lagged(_)) => Some((resync(), None)),
            Err(RecvError::Closed) => None,
        }
    })
}

fn message(event: Arc<Event>) -> sse::Event {
    let id = event.sequence.to_string();
    sse::Event::default().id(id).json_data(&*event).unwrap_or_else(|_| resync())
}

fn resync() -> sse::Event {
    sse::Event::default().event("resync").data("")
}
