//! What a machine has and lacks for container networks.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that was looked at. JSON: `{"subject","health","detail","remedy"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// What it is: `overlay file systems`.
    pub subject: String,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub detail: String,
    /// What to do about it, where something must be done.
    pub remedy: Option<Remedy>,
}

/// What mends a thing. JSON: `{"command":"apt-get install runc"}` or `{"advice":"run Drawbridge as root"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// One line for a shell, run as root.
    Command(String),
    /// What a person has to see to.
    Advice(String),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(text) | Self::Advice(text) => f.write_str(text),
        }
    }
}

/// How a thing is. JSON: its name in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Containers can't run without it.
    Missing,
    /// It works, though not as well as it could.
    Warning,
    /// As it should be.
    Ok,
}

impl Health {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Warning => "warning",
            Self::Ok => "ok",
        }
    }
}
