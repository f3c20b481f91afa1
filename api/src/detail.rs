//! What a page about one container, or about the daemon, says beyond what everybody is told by events.

use crate::Container;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A container with all that its own page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContainerDetail {
    /// As events tell it.
    pub container: Container,
    /// `NAME=value`, as its process gets them: the image's with its own over them.
    pub env: Vec<String>,
    /// What it is called for itself.
    pub hostname: String,
    /// When it is started again: `no`, `always`, `unless-stopped`, `on-failure:3`.
    pub restart: String,
    /// What is mounted into it.
    pub mounts: Vec<MountDetail>,
    /// What its health checks have found; none when it has none.
    pub health: Option<HealthDetail>,
}

/// Something that is mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MountDetail {
    /// `bind`, `volume` or `tmpfs`.
    pub kind: String,
    /// The path on the host, or the volume's name; empty for a memory file system.
    pub source: String,
    /// Where it is in the container.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub target: PathBuf,
    /// Whether nothing can be written through it.
    pub read_only: bool,
}

/// What health checks have found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthDetail {
    /// `starting`, `healthy` or `unhealthy`.
    pub status: String,
    /// Failures in a row.
    pub failing_streak: u32,
    /// The latest checks, oldest first.
    pub checks: Vec<HealthCheckDetail>,
}

/// One health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthCheckDetail {
    /// When it began, UTC milliseconds since 1970.
    pub started_at_ms: i64,
    /// What it ended with; 0 is healthy.
    pub code: i32,
    /// What it printed.
    pub output: String,
}

/// What a container uses: counters, so that two of them make a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// When it was looked at, UTC milliseconds since 1970.
    pub at_ms: i64,
    /// Processor time since its start, in nanoseconds, over all processors.
    pub cpu_ns: u64,
    /// How many processors there are.
    pub cpus: u64,
    /// Memory in bytes, as `docker stats` counts it: without what the kernel would give back at once.
    pub memory_bytes: u64,
    /// The most that it may have, in bytes.
    pub memory_limit_bytes: u64,
    /// Its processes; none where the controller is missing.
    pub pids: Option<u64>,
    /// What its interfaces have received, in bytes.
    pub received_bytes: u64,
    /// What they have sent, in bytes.
    pub sent_bytes: u64,
}

/// What there is to know of the daemon itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct About {
    /// Its version.
    pub version: String,
    /// Where the panel is: `127.0.0.1:7878`.
    pub panel: String,
    /// Where Docker's clients come in: the path of the socket.
    pub docker_socket: String,
    /// What outlives a reboot.
    pub data_dir: String,
    /// What does not.
    pub run_dir: String,
    /// Which program starts containers: `runc 1.1.15`.
    pub runtime: String,
    /// The kernel's release.
    pub kernel: String,
    /// Where the ranges of networks come from, `10.10.0.0/16/24`; empty for the usual ones.
    pub pools: Vec<String>,
    /// Registries that are asked before docker.io.
    pub mirrors: Vec<String>,
    /// Whether a token is asked for.
    pub token: bool,
}
