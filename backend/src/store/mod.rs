//! SQLite: the only room with SQL. One function per question; each takes a connection, so that the same function serves
//! a reader and a transaction. In reading order: networks and their leases, containers and their endpoints, images,
//! what all of that wants from the kernel, and the journal.

pub mod container;
pub mod desired;
pub mod endpoint;
pub mod image;
pub mod journal;
pub mod lease;
pub mod network;
pub mod sysctl;
#[cfg(test)]
mod tests;

use sqlx::{
    Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};

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
    /// The file can't be brought to this version's schema.
    #[error("cannot migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// SQLite failed.
    #[error("database failure")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    /// The one place where a violated constraint becomes a conflict. SQLite reports its kind and columns, not its name.
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(database) if database.is_unique_violation() || database.is_foreign_key_violation() => {
                StoreError::Conflict { constraint: database.message().to_owned() }
            }
            Some(_) | None => StoreError::Database(error),
        }
    }
}

/// A transaction that holds the write lock from its first moment.
pub type WriteTx = Transaction<'static, Sqlite>;

/// The database of one data directory.
#[derive(Clone, Debug)]
pub struct Store {
    /// One connection, so that nobody else's commit makes it throw its cached pages away, and writers wait their turn
    /// here instead of asking SQLite again and again.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Store {
    /// Opens the file, makes it when it is not there, and brings it to this version's schema.
    ///
    /// # Errors
    /// When the file can't be opened, or was written by a later version.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        // WAL with synchronous=NORMAL: a killed process loses nothing; a power cut may lose the last commits, and then
        // the kernel's objects, which they described, are gone as well (sqlite.org/pragma.html#pragma_synchronous).
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        // A connection is a thread of this process, so there is no point in asking whether it is still there.
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
        let writer = pool(1).connect_with(options.clone()).await?;
        sqlx::migrate!("../migrations").run(&writer).await.map_err(StoreError::Migrate)?;
        // Four: a page's snapshot and two lists rarely meet.
        let readers = pool(4).connect_with(options.read_only(true)).await?;
        Ok(Self { writer, readers })
    }

    /// A connection to read with.
    ///
    /// # Errors
    /// When SQLite fails.
    pub async fn read(&self) -> Result<sqlx::pool::PoolConnection<Sqlite>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// A transaction to write in. No network, kernel or child process while it is open; publish only after its commit.
    ///
    /// # Errors
    /// When SQLite fails, or the writers before take more than half a minute.
    pub async fn write(&self) -> Result<WriteTx, StoreError> {
        Ok(self.writer.begin_with("begin immediate").await?)
    }
}

/// Parses a column whose text has a rule.
fn parse<T>(what: &'static str, text: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error| StoreError::Unreadable { what, source: Box::new(error) })
}

/// Parses a column that holds JSON, or a word that serde names.
fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable { what, source: Box::new(error) })
}

/// Parses a column that holds one of an enum's words.
fn from_word<T: serde::de::DeserializeOwned>(what: &'static str, word: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::from(word))
        .map_err(|error| StoreError::Unreadable { what, source: Box::new(error) })
}

fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable { what, source: Box::new(error) })
}

/// A connection, inside a transaction or not.
pub type Connection = SqliteConnection;
