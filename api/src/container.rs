//! Containers as the panel sees and asks for them.

use crate::{
    Attachment, ContainerId, ContainerName, Endpoint, ImageId, NetworkName, NsName, PortRequest, PublishedPort,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a container is in its life. The JSON word is Docker's `State.Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Made, never started (or its start failed).
    Created,
    /// Its main process runs.
    Running,
    /// Its main process has ended.
    Exited,
}

impl ContainerState {
    /// Docker's word for it, as it stands in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            ContainerState::Created => "created",
            ContainerState::Running => "running",
            ContainerState::Exited => "exited",
        }
    }
}

/// What kind of network stack a container gets at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// A namespace of its own; this network's interface comes first. `bridge` is the default one.
    Network(NetworkName),
    /// The host's own namespace.
    Host,
    /// A namespace with nothing but its loopback.
    None,
    /// That of another container, by its id; in a request its name will do.
    Container(ContainerName),
}

/// A container as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Container {
    /// Its identity.
    pub id: ContainerId,
    /// Its name, unique, without a leading `/`.
    pub name: ContainerName,
    /// The image as it was asked for: `busybox`.
    pub image: String,
    /// The image's identity.
    pub image_id: ImageId,
    /// Program and arguments of its main process.
    pub command: Vec<String>,
    /// What kind of network stack it gets at its start.
    pub network_mode: NetworkMode,
    /// The networks it is in whenever it runs, in the order of its interfaces.
    pub attachments: Vec<Attachment>,
    /// Where it is in its life.
    pub state: ContainerState,
    /// Its processes are frozen, while it runs.
    #[serde(default)]
    pub paused: bool,
    /// It has exited and will be started again by its restart policy.
    #[serde(default)]
    pub restarting: bool,
    /// What its health checks say: `starting`, `healthy`, `unhealthy`; none when it has none.
    #[serde(default)]
    pub health: Option<String>,
    /// The main process on the host, while it runs.
    pub pid: Option<i32>,
    /// What the last run ended with, 128 + signal when killed; 0 before any.
    pub exit_code: i32,
    /// Why the last start failed; empty when it did not.
    pub error: String,
    /// Removed when its process ends.
    pub auto_remove: bool,
    /// Labels as they were given.
    pub labels: BTreeMap<String, String>,
    /// The network namespace under `/run/netns`, while it runs with one of its own.
    pub namespace: Option<NsName>,
    /// Its endpoints in these networks, while it runs.
    pub endpoints: Vec<Endpoint>,
    /// The ports that are to be published while it runs.
    pub port_requests: Vec<PortRequest>,
    /// Its published ports, while it runs.
    pub ports: Vec<PublishedPort>,
    /// When it was made, UTC milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it was last started, UTC milliseconds since 1970.
    pub started_at_ms: Option<i64>,
    /// When its last run ended, UTC milliseconds since 1970.
    pub finished_at_ms: Option<i64>,
}

/// What the panel sends to make a container: `POST /api/containers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ContainerCreate {
    /// Its name; one is made up when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The image: `busybox`.
    pub image: String,
    /// Program and arguments; the image's own when empty.
    #[serde(default)]
    pub command: Vec<String>,
    /// The network's name or id, `host` or `none`; the default bridge when absent.
    #[serde(default)]
    pub network: Option<String>,
    /// Remove it when its process ends.
    #[serde(default)]
    pub auto_remove: bool,
    /// The ports to publish.
    #[serde(default)]
    pub ports: Vec<PortRequest>,
    /// Start it at once.
    #[serde(default)]
    pub start: bool,
}

/// What the panel sends to change the published ports of a container: `PUT /api/containers/{id}/ports`. Those of a running
/// container change at once, without a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PortsUpdate {
    /// All ports that shall be published from now on.
    pub ports: Vec<PortRequest>,
}
