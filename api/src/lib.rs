//! The words that both sides speak: what crosses the wire between daemon and panel, and the names and ids that the
//! planner and the store share with it. Only data and its rules live here: no I/O, nothing that wasm32 lacks.

pub mod attachment;
pub mod change;
pub mod console;
pub mod container;
pub mod detail;
pub mod dns;
pub mod doctor;
pub mod event;
pub mod found;
pub mod id;
pub mod image;
pub mod lab;
pub mod listing;
pub mod name;
pub mod network;
pub mod port;
pub mod progress;
pub mod rules;
pub mod terminal;
pub mod trial;

pub use attachment::{Attachment, Endpoint};
pub use change::{Change, ChangeState, ExplainedStep, Origin, Outcome, Plan};
pub use console::{Console, Input, TerminalSize};
pub use container::{Container, ContainerCreate, ContainerState, NetworkMode, PortsUpdate};
pub use detail::{About, ContainerDetail, HealthCheckDetail, HealthDetail, MountDetail, Usage};
pub use dns::{DnsOutcome, DnsQuery, DnsTransport};
pub use doctor::{Finding, Health, Remedy};
pub use event::{Event, EventKind, Host, HostAddress, Snapshot};
pub use found::{Found, FoundLink, FoundNamespace, FoundPeer};
pub use id::{ContainerId, EndpointId, ImageId, InvalidId, NetworkId};
pub use image::{Image, ImageBuild, ImageDetails, ImageName, ImageRun, ImageStep};
pub use lab::{Lab, LabFile, LabPlan};
pub use listing::{LinkCounters, LinkReport, Listing, ListingKind};
pub use name::{ContainerName, IfName, InvalidName, MacAddress, NetworkName, NsName};
pub use network::{Driver, Gateway, GatewayMode, Macvlan, MacvlanMode, Network, NetworkCreate, RangeCreate, Subnet};
pub use port::{HostPort, InvalidProtocol, PortRequest, Protocol, PublishedPort, Traffic};
pub use progress::{LayerStage, Progress};
pub use rules::{NetworkTraffic, PortTraffic, RuleElement, Rules, TrafficReport};
pub use terminal::{TerminalNotice, TerminalRequest};
pub use trial::{Hindrance, HindranceKind, Trial, TrialAnswer, TrialKind};

use serde::{Deserialize, Serialize};

/// The body of every refused request under `/api`: one sentence that names the thing and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refusal {
    /// What was wrong and what to do about it, for a person.
    pub message: String,
}
