//! Plans and changes: what would be done, what was done, and the commands that would do the same.

use serde::{Deserialize, Serialize};

/// Who asked for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A Docker client, over the Engine API.
    Docker,
    /// The panel, or another client of `/api`.
    Panel,
    /// Drawbridge itself: at start, or when a container's process ended.
    Daemon,
    /// Whoever wants the change of this number taken back. JSON: `{"undo":7}`.
    Undo(i64),
}

impl Origin {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Docker => "docker",
            Origin::Panel => "panel",
            Origin::Daemon => "daemon",
            Origin::Undo(_) => "undo",
        }
    }

    /// The change that is to be taken back.
    pub fn undoes(self) -> Option<i64> {
        match self {
            Origin::Undo(change_id) => Some(change_id),
            Origin::Docker | Origin::Panel | Origin::Daemon => None,
        }
    }
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ChangeState {
    /// Its steps are being done; after a crash it is settled at the next start.
    Open,
    /// Every step is done, and the kernel is as wanted.
    Done,
    /// A step failed and the ones before it were undone.
    Failed,
}

impl ChangeState {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeState::Open => "open",
            ChangeState::Done => "done",
            ChangeState::Failed => "failed",
        }
    }
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Not done yet, or never reached.
    Planned,
    /// Done.
    Done,
    /// Tried, and refused by the kernel.
    Failed,
    /// Done and taken back, because a later step failed.
    Undone,
}

impl Outcome {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Planned => "planned",
            Outcome::Done => "done",
            Outcome::Failed => "failed",
            Outcome::Undone => "undone",
        }
    }
}

/// A step as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedStep {
    /// What it does, a few words: `Create veth pair veth0a1b2c3 ↔ eth0`.
    pub title: String,
    /// Why it is needed, one sentence for a class.
    pub why: String,
    /// The commands that do the same, run by `sh` in this order.
    pub commands: Vec<String>,
    /// The commands that take it back.
    pub undo: Vec<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// What the kernel said when it failed, with what that means here.
    pub error: Option<String>,
    /// How long it took, in microseconds; none when it was not run.
    pub duration_us: Option<i64>,
}

/// What a change would do: the answer to a preview. An empty list means that the kernel need not be touched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plan {
    /// The steps, in the order in which they would be done.
    pub steps: Vec<ExplainedStep>,
    /// The steps as one file for `sh`, with what they stand on before them, so that it runs on a machine that has nothing of
    /// it. Empty where nobody asked what would be done.
    #[serde(default)]
    pub script: String,
}

/// A change: one plan, carried out or tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// Its number, counting up from 1.
    pub id: i64,
    /// What was asked: `create network`, `start container`, `reconcile`.
    pub verb: String,
    /// The name of the thing it was asked of; empty for the machine as a whole.
    pub subject: String,
    /// Who asked.
    pub origin: Origin,
    /// How far it has come.
    pub state: ChangeState,
    /// Why it failed; none otherwise.
    pub error: Option<String>,
    /// Its steps in order.
    pub steps: Vec<ExplainedStep>,
    /// When it was begun, UTC milliseconds since 1970.
    pub opened_at_ms: i64,
    /// When it was settled, UTC milliseconds since 1970; none while open.
    pub settled_at_ms: Option<i64>,
}
