//! Images as the panel sees them.

use crate::ImageId;
use serde::{Deserialize, Serialize};

/// An image that containers can be made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Image {
    /// Its identity.
    pub id: ImageId,
    /// The names that point at it: `busybox:latest`.
    pub tags: Vec<String>,
    /// Its layers, unpacked, in bytes.
    pub size_bytes: i64,
    /// When it was made, UTC milliseconds since 1970.
    pub created_at_ms: i64,
}

/// One image with all that is known of it: `GET /api/images/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageDetails {
    /// As it stands in the list.
    #[serde(flatten)]
    pub image: Image,
    /// The manifests that it came or went with: `redis@sha256:…`.
    pub digests: Vec<String>,
    /// `linux/amd64`
    pub platform: String,
    /// Who made it, as it says.
    pub author: String,
    /// What containers of it are run with.
    pub run: ImageRun,
    /// What was done to make it, the first thing first.
    pub steps: Vec<ImageStep>,
    /// The digests of its layers, unpacked, lowest first.
    pub layers: Vec<String>,
}

/// What containers of an image are run with, where they are not told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageRun {
    /// Program and first arguments.
    pub entrypoint: Vec<String>,
    /// Arguments, or the program when there is no entrypoint.
    pub command: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Where the process starts; empty for `/`.
    pub working_dir: String,
    /// `user[:group]`; empty for root.
    pub user: String,
    /// Ports that it says it listens on: `80/tcp`.
    pub ports: Vec<String>,
    /// Places that become volumes.
    pub volumes: Vec<String>,
    /// `name=value`
    pub labels: Vec<String>,
}

/// One thing that was done to make an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageStep {
    /// The instruction.
    pub created_by: String,
    /// When, UTC milliseconds since 1970.
    pub created_at_ms: i64,
    /// What it added, in bytes; 0 also when it made no layer.
    pub size_bytes: i64,
    /// What its maker says.
    pub comment: String,
}

/// `POST /api/images/pull`, and `POST /api/images/{id}/tag`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImageName {
    /// `redis`, `registry.example:5000/team/web:2`.
    pub name: String,
}

/// `POST /api/images/build`: a Dockerfile that needs no files beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImageBuild {
    /// What the image is to be called; without a name when empty.
    pub name: String,
    /// The Dockerfile's text.
    pub dockerfile: String,
}
