//! How far something is that takes long: a line of JSON for each report, as it comes.

use serde::{Deserialize, Serialize};

/// One report. `{"kind": "failed"}` or `{"kind": "done"}` is the last; where neither comes, the daemon was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Progress {
    /// A sentence.
    Line {
        /// As a person reads it.
        text: String,
    },
    /// A sentence about one thing.
    About {
        /// The thing: `Container lab-web-1`, a tag.
        subject: String,
        /// What is said of it.
        text: String,
    },
    /// What a build prints, as it comes.
    Output {
        /// It need not end with a line's end.
        text: String,
    },
    /// A layer of an image.
    Layer {
        /// The first twelve digits of its digest.
        id: String,
        /// What becomes of it.
        stage: LayerStage,
        /// Bytes that are done.
        current: u64,
        /// Bytes in all; 0 where that is not known, or nothing is counted.
        total: u64,
    },
    /// What was made, by its identity or name.
    Made {
        /// `sha256:…`
        id: String,
    },
    /// It did not come to its end.
    Failed {
        /// Why not, and what to do about it.
        message: String,
    },
    /// It came to its end.
    Done,
}

/// What becomes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum LayerStage {
    /// It has to come.
    Waiting,
    /// It comes, or goes.
    Moving,
    /// The connection was cut, and is made again.
    Retrying,
    /// It is all here.
    Arrived,
    /// It is being unpacked.
    Unpacking,
    /// Nothing is left to do.
    Complete,
    /// It was here, or there, before.
    Present,
}
