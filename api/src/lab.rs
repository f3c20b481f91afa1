//! Labs: networks, volumes and containers that come up and go together, as a file says.

use crate::{ContainerName, ExplainedStep, NetworkName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A lab that is there. What belongs to it is known by its labels, which are those of docker-compose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lab {
    /// Its name.
    pub name: String,
    /// The folder of its file, where it is known.
    pub folder: Option<String>,
    /// Its networks.
    pub networks: Vec<NetworkName>,
    /// Its containers.
    pub containers: Vec<ContainerName>,
    /// How many of them run.
    pub running: usize,
}

/// A file that is to be brought up: `POST /api/labs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LabFile {
    /// The file's text, a compose file.
    pub text: String,
    /// What the lab is called where the file does not say.
    #[serde(default)]
    pub name: String,
    /// The folder of the file on the daemon's machine; without it, no path in the file may begin with a dot.
    #[serde(default)]
    pub folder: Option<String>,
    /// What the file's variables stand for.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// What bringing a file up would do: `POST /api/labs?preview=true`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabPlan {
    /// The lab's name.
    pub name: String,
    /// Images that are not here and would be pulled or built first. The steps of their containers are known when they are here.
    pub pulls: Vec<String>,
    /// The steps in the kernel, in the order in which they would be done.
    pub steps: Vec<ExplainedStep>,
}
