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
