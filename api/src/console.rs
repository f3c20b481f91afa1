//! How people talk to a container's main process: by a terminal or by plain pipes, and whether it reads.

use serde::{Deserialize, Serialize};

/// The size of a terminal, in characters. Zero stands for a size that nobody has told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// What a process's standard input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// Empty: nobody can write to it.
    #[default]
    Closed,
    /// Open until the first who writes to it has no more to say.
    Once,
    /// Open for as long as the process runs, whoever comes and goes.
    Kept,
}

/// How a container's main process is talked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Console {
    /// Whether it has a terminal: then its standard error is one with its standard output, and keys are edited and echoed.
    pub terminal: bool,
    /// Its standard input.
    pub input: Input,
    /// The terminal's size at the start.
    pub size: TerminalSize,
}
