//! HTTP to others: how long they may take, and how much of what they say is read.

use bytes::{Bytes, BytesMut};
use reqwest::{ClientBuilder, Response};
use std::time::Duration;

/// How long a server may take to answer, and to send the next bytes. What takes longer is taken up again, or given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What servers are told of us.
pub(super) const USER_AGENT: &str = concat!("drawbridge/", env!("CARGO_PKG_VERSION"));

/// A client with our patience, which follows up to ten redirects and goes by the proxies of the environment.
pub(super) fn client() -> ClientBuilder {
    // Harmless when another part of the program has done so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).user_agent(USER_AGENT)
}

/// The beginning of a body, and whether there is more than `limit` bytes of it.
///
/// # Errors
/// When it can't be read on.
pub(super) async fn beginning(mut response: Response, limit: u64) -> Result<(Bytes, Rest), reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await? {
        let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(body.len());
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            return Ok((body.freeze(), Rest::Unread));
        }
    }
    Ok((body.freeze(), Rest::None))
}

/// Whether there was more of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// All of it was read.
    None,
    /// It is too long, and the rest was not read.
    Unread,
}
