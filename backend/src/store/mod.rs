//! SQLite: the only room with SQL. One function per question; each takes a connection, so that the same function serves
//! a reader and a transaction. In reading order: how the database is opened, read and written; networks and their leases,
//! containers with their attachments, endpoints, ports and volumes, images, what all of that wants from the kernel, and the
//! journal.
//!
//! Nothing here is async. A question takes microseconds, less than handing it to another thread would; in the WAL mode a
//! reader waits for nobody, and a writer for the writer before it.

pub mod attachment;
#[cfg(test)]
mod attachment_tests;
mod connection;
pub mod container;
pub mod desired;
pub mod endpoint;
pub mod image;
pub mod journal;
pub mod lease;
pub mod life;
pub mod link;
mod migrate;
pub mod names;
pub mod network;
pub mod port;
#[cfg(test)]
mod settle_tests;
mod sql;
pub mod sysctl;
#[cfg(test)]
mod tests;
pub mod undo;
pub mod volume;

pub use connection::{Reader, Store, WriteTx};
/// A connection, inside a transaction or not.
pub use rusqlite::Connection;

use rusqlite::ffi;

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A constraint of the schema says no: the thing is there already, or is still referred to.
    #[error("conflict with what is stored: {constraint}")]
    Conflict {
        /// SQLite's words for the constraint: `UNIQUE constraint failed: network.name`.
        constraint: String,
    },
    /// A row can't be read as what it should be.
    #[error("cannot read {what} from the database")]
    Unreadable {
        /// The column or type.
        what: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A later program has changed the schema.
    #[error("the database has schema {found}, above {known}, the last that this drawbridge knows; run a later one")]
    Later {
        /// The schema's number.
        found: usize,
        /// The last one that this program knows.
        known: usize,
    },
    /// SQLite failed.
    #[error("database failure")]
    Database(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    /// The one place where a violated constraint becomes a conflict. SQLite reports its kind and columns, not its name.
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(
                ffi::Error {
                    extended_code:
                        ffi::SQLITE_CONSTRAINT_UNIQUE
                        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                        | ffi::SQLITE_CONSTRAINT_FOREIGNKEY,
                    ..
                },
                Some(constraint),
            ) => StoreError::Conflict { constraint },
            error => StoreError::Database(error),
        }
    }
}
