//! What it takes to take a change back: kept beside the change where the rows no longer say it, and the changes that came since.

use super::{
    Connection, StoreError,
    sql::{all, first, json_or_null, run, to_json},
};
use drawbridge_api::{Attachment, ContainerId, Network, NetworkName, PortRequest};
use serde::{Deserialize, Serialize};

/// What takes a change back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inverse {
    /// Make this network again.
    CreateNetwork(Box<Network>),
    /// Connect the container as it was.
    Connect {
        /// Which one.
        container: ContainerId,
        /// What it asked for.
        attachment: Box<Attachment>,
    },
    /// Disconnect the container.
    Disconnect {
        /// Which one.
        container: ContainerId,
        /// From which network.
        network: NetworkName,
    },
    /// Publish the ports that were published.
    Publish {
        /// Of which container.
        container: ContainerId,
        /// All of them, as they were asked for.
        ports: Vec<PortRequest>,
    },
}

/// Keeps what takes an open change back.
///
/// # Errors
/// When SQLite fails.
pub fn keep(db: &Connection, change_id: i64, inverse: &Inverse) -> Result<(), StoreError> {
    run(db, "update change set inverse = ? where change_id = ?", (to_json("inverse", inverse)?, change_id))?;
    Ok(())
}

/// What was kept with a change.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub fn kept(db: &Connection, change_id: i64) -> Result<Option<Inverse>, StoreError> {
    let found =
        first(db, "select inverse from change where change_id = ?", [change_id], |row| json_or_null(row, "inverse"))?;
    Ok(found.flatten())
}

/// A change that was done to the same thing later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// Its number.
    pub id: i64,
    /// What was asked.
    pub verb: String,
    /// The change that it takes back.
    pub undoes: Option<i64>,
}

/// The changes behind this number that were done to things of these names, oldest first; that of the number itself too.
///
/// # Errors
/// When SQLite fails.
pub fn since(db: &Connection, change_id: i64, subjects: [&str; 2]) -> Result<Vec<Later>, StoreError> {
    all(
        db,
        "select change_id, verb, undoes from change
         where change_id >= ? and subject in (?, ?) and state = 'done' order by change_id",
        (change_id, subjects[0], subjects[1]),
        |row| Ok(Later { id: row.get("change_id")?, verb: row.get("verb")?, undoes: row.get("undoes")? }),
    )
}
