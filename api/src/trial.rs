//! Trying a network from inside a container: what is tried, what came of it, and the first thing in the way.

use crate::Remedy;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TrialKind {
    /// Echo requests of ICMP.
    #[default]
    Ping,
    /// A TCP connection.
    Tcp,
    /// A request of HTTP, without TLS.
    Http,
    /// A name's addresses.
    Resolve,
    /// The routers on the way.
    Trace,
}

impl TrialKind {
    /// All there are.
    pub const ALL: [TrialKind; 5] =
        [TrialKind::Ping, TrialKind::Tcp, TrialKind::Http, TrialKind::Resolve, TrialKind::Trace];

    /// Its word, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            TrialKind::Ping => "ping",
            TrialKind::Tcp => "tcp",
            TrialKind::Http => "http",
            TrialKind::Resolve => "resolve",
            TrialKind::Trace => "trace",
        }
    }
}

/// A trial that is asked for. JSON: `{"kind":"tcp","target":"box2","port":80}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// What is tried.
    pub kind: TrialKind,
    /// An address, or a name as the container would ask for it. A container's name that does not resolve there stands for
    /// the container's address, so that more than the name is tried.
    pub target: String,
    /// The port, for TCP and HTTP; 80 for HTTP when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What is asked for by HTTP; `/` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrialAnswer {
    /// Whether the target was reached.
    pub reached: bool,
    /// What came of it, in one sentence.
    pub summary: String,
    /// The address that was tried; none when there was none to try.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address: Option<IpAddr>,
    /// What was seen, line by line.
    pub lines: Vec<String>,
    /// What is in the way; none when it was reached, but for a name that is not known there, whose container was.
    pub hindrance: Option<Hindrance>,
    /// How long all took, in milliseconds.
    pub took_ms: u64,
}

/// The first thing that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hindrance {
    /// Of what kind it is.
    pub kind: HindranceKind,
    /// What it is, in one sentence.
    pub reason: String,
    /// What would mend it.
    pub remedy: Remedy,
}

/// What can be in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HindranceKind {
    /// The name has no address here.
    NameUnknown,
    /// The container that is meant does not run.
    Stopped,
    /// The source has no route to the target.
    NoRoute,
    /// The network lets nothing out.
    Internal,
    /// The two containers share no network.
    Apart,
    /// They share one whose containers are kept from one another.
    IccOff,
    /// A rule of somebody else's drops the packets.
    ForeignRule,
    /// Nobody on the link has the address.
    NobodyThere,
    /// The target listens at the port, but only for itself.
    OnlyLoopback,
    /// Nothing listens at the port.
    NothingListens,
    /// The target answers, but not as was asked.
    OddAnswer,
    /// Nothing that can be seen from here.
    Unseen,
}
