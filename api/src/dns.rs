//! Questions for names, as the panel sees them.

use crate::ContainerId;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DnsOutcome {
    /// Answered with what Drawbridge knows of its containers.
    Answered,
    /// The name is a container's, but it has nothing of the type that was asked for (NODATA, RFC 2308).
    NoData,
    /// There is no such name (NXDOMAIN), by what Drawbridge knows.
    NoSuchName,
    /// An upstream resolver has answered, whatever it said.
    Forwarded,
    /// Nobody could answer (SERVFAIL).
    Failed,
    /// It was no question that can be answered (FORMERR, NOTIMP, REFUSED, BADVERS).
    Refused,
}

/// By what a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DnsTransport {
    /// A datagram.
    Udp,
    /// A stream.
    Tcp,
}

/// One question of a container and what it was told. The last thousand are kept: `GET /api/dns`; those that come are sent by
/// `GET /api/dns/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DnsQuery {
    /// Counts up by one from the daemon's start.
    pub sequence: u64,
    /// When it was answered, UTC milliseconds since 1970.
    pub time_ms: i64,
    /// Who asked.
    pub container: ContainerId,
    /// The name that was asked for, as it came, without the dot at its end; empty when it could not be read.
    pub name: String,
    /// The type that was asked for: `A`, `AAAA`, `PTR`; empty when it could not be read.
    pub record_type: String,
    /// By what it came.
    pub transport: DnsTransport,
    /// How it ended.
    pub outcome: DnsOutcome,
    /// What was answered: addresses or names.
    pub answers: Vec<String>,
    /// Why it ended so, one sentence without a full stop.
    pub reason: String,
    /// Who answered, where it was forwarded.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub upstream: Option<SocketAddr>,
    /// From the question to the answer, in microseconds.
    pub duration_us: u64,
}
