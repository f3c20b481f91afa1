//! Bodies that nobody reads. A refusal may be made before a request's body has come; a connection that is closed then
//! breaks under the client's hands, which sees that in place of the answer. So a small rest is taken and thrown away.

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
};
use hyper::body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// What is taken of a rest at the most, in bytes; Go's server takes as much (net/http, `maxPostHandlerReadBytes`).
const LARGEST_REST: usize = 256 << 10;

/// How long a rest may take to come.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// Sees to it that what is not read of the request's body is taken off the connection.
pub(super) async fn take(request: Request) -> Request {
    request.map(|body| if body.is_end_stream() { body } else { Body::new(Taken(Some(body))) })
}

/// A body, until its end has been read.
struct Taken(Option<Body>);

impl HttpBody for Taken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = &polled {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        // The task ends with the rest, or soon.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LONGEST_REST, axum::body::to_bytes(body, LARGEST_REST)));
        }
    }
}
