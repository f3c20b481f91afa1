//! What is said on the connection of a terminal in the panel, beside the bytes that are typed and printed: those go as
//! binary messages, this as text.

use crate::TerminalSize;
use serde::{Deserialize, Serialize};

/// What the panel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TerminalRequest {
    /// The terminal has another size.
    Resize(TerminalSize),
}

/// What the daemon says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TerminalNotice {
    /// The connection is there.
    Opened {
        /// Whether what is typed is read by somebody.
        input: bool,
        /// Whether there is a terminal at the other end, which edits and echoes; otherwise lines end with a line feed only.
        terminal: bool,
    },
    /// Nothing more comes; the connection is closed after this.
    Ended {
        /// Why, as a sentence for a person.
        reason: String,
    },
}
