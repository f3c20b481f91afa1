//! How the database is opened, read and written.

use super::{Connection, StoreError, migrate::migrate, sql::run};
use rusqlite::{OpenFlags, config::DbConfig};
use std::{
    marker::PhantomData,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How many readers are kept open: a page's snapshot and some lists rarely meet. One more is opened when they do.
const KEPT_READERS: usize = 8;

/// More than there are statements in the store, so that none is prepared twice on a connection.
const KEPT_STATEMENTS: usize = 128;

/// The database of one data directory.
#[derive(Debug)]
pub struct Store {
    file: PathBuf,
    /// One connection, so that nobody else's commit makes it throw its cached pages away, and writers wait their turn
    /// here instead of asking SQLite again and again.
    writer: Mutex<Connection>,
    /// Those that nobody reads with just now.
    readers: Mutex<Vec<Connection>>,
    commits: AtomicU64,
}

impl Store {
    /// Opens the file, makes it when it is not there, and brings it to this version's schema.
    ///
    /// # Errors
    /// When the file can't be opened, or was written by a later version.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let mut writer = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        // WAL with synchronous=NORMAL: a killed process loses nothing; a power cut may lose the last commits, and then
        // the kernel's objects, which they described, are gone as well (sqlite.org/pragma.html#pragma_synchronous).
        writer.pragma_update(None, "journal_mode", "wal")?;
        writer.pragma_update(None, "synchronous", "normal")?;
        // 16 MB of WAL before what is in it is taken over into the database, by whoever then commits. A change writes the
        // same twenty pages as the one before, so the more changes are taken over at once, the less there is to write.
        writer.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        migrate(&mut writer)?;
        Ok(Self {
            file: file.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            commits: AtomicU64::new(0),
        })
    }

    /// A connection to read with.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn read(&self) -> Result<Reader<'_>, StoreError> {
        let kept = self.lock_readers().pop();
        let db = match kept {
            Some(db) => db,
            None => connect(&self.file, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        Ok(Reader { db: Some(db), store: self, on_one_thread: PhantomData })
    }

    /// A transaction to write in. No network, kernel or child process is waited for while it is open; publish only after its
    /// commit.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn write(&self) -> Result<WriteTx<'_>, StoreError> {
        // Whoever panicked with the lock has rolled back on the way out.
        let db = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        run(&db, "begin immediate", [])?;
        Ok(WriteTx { db, commits: &self.commits })
    }

    /// How many transactions have been committed. While it stays the same, what was read stays true.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// The list is whole after every statement: a panicked holder has not broken it.
    fn lock_readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a connection. It is used by one thread at a time, so SQLite need not lock it.
fn connect(file: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let db = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Another process, such as `drawbridge plan`, may be at it.
    db.busy_timeout(Duration::from_secs(10))?;
    set_up(&db)?;
    Ok(db)
}

/// What holds for every connection.
pub(super) fn set_up(db: &Connection) -> Result<(), StoreError> {
    db.pragma_update(None, "foreign_keys", true)?;
    // A plan does not depend on what is bound. Otherwise SQLite prepares most statements with a range or a join anew each
    // time that other values are bound, which takes five times as long as they do (sqlite.org/queryplanner-ng.html#qpstab).
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    Ok(())
}

/// A connection to read with, given back when it goes. It can't be held over an `.await`: the compiler forbids it, since
/// a reader may not go to another thread.
#[derive(Debug)]
pub struct Reader<'a> {
    db: Option<Connection>,
    store: &'a Store,
    on_one_thread: PhantomData<*const ()>,
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.db.as_ref().expect("it is taken out by the drop, after which nobody has the reader")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut readers = self.store.lock_readers();
        if readers.len() < KEPT_READERS {
            readers.extend(self.db.take());
        }
    }
}

/// A transaction that holds the write lock from its first moment. It is rolled back when it goes without a commit. Like a
/// reader it can't be held over an `.await`: the guard inside belongs to its thread.
#[derive(Debug)]
pub struct WriteTx<'a> {
    db: MutexGuard<'a, Connection>,
    commits: &'a AtomicU64,
}

impl WriteTx<'_> {
    /// Keeps what was written.
    ///
    /// # Errors
    /// When SQLite fails; nothing is kept then.
    pub fn commit(self) -> Result<(), StoreError> {
        run(&self.db, "commit", [])?;
        // Counted before anybody is told of it.
        self.commits.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

impl Deref for WriteTx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.db
    }
}

impl Drop for WriteTx<'_> {
    fn drop(&mut self) {
        // No transaction is open any more after a commit, and after a failure that made SQLite roll back by itself.
        if !self.db.is_autocommit()
            && let Err(error) = run(&self.db, "rollback", [])
        {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot roll back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{network, sysctl},
        *,
    };
    use drawbridge_api::ContainerId;
    use std::{
        fs,
        panic::{AssertUnwindSafe, catch_unwind},
    };

    /// A database in a file of its own; gone with the value.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("drawbridge-store-{}", ContainerId::from_bytes(rand::random()).short());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir(&folder).unwrap();
            Self(folder)
        }

        fn open(&self) -> Store {
            Store::open(&self.0.join("test.sqlite")).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_transaction_is_seen_when_it_is_committed_and_gone_when_it_is_not() {
        let folder = Folder::new();
        let store = folder.open();
        let seen = || sysctl::needed(&store.read().unwrap()).unwrap().len();
        let tx = store.write().unwrap();
        sysctl::need(&tx, "dropped", "1", "0").unwrap();
        assert_eq!(seen(), 0, "a reader waits for no writer, and sees nothing of it");
        drop(tx);
        assert_eq!(seen(), 0);
        let tx = store.write().unwrap();
        assert_eq!(sysctl::needed(&tx).unwrap(), []);
        sysctl::need(&tx, "kept", "1", "0").unwrap();
        assert_eq!(store.commits(), 0, "what is rolled back is not counted");
        tx.commit().unwrap();
        assert_eq!((seen(), store.commits()), (1, 1));

        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let tx = store.write().unwrap();
            sysctl::need(&tx, "lost", "1", "0").unwrap();
            panic!("in the middle");
        }));
        assert!(panicked.is_err());
        assert!(store.write().is_ok(), "the next writer is not kept out");
        assert_eq!(seen(), 1);
        drop(store);
        assert_eq!(sysctl::needed(&folder.open().read().unwrap()).unwrap().len(), 1, "what is kept is in the file");
    }

    #[test]
    fn readers_are_as_many_as_are_asked_for_and_write_nothing() {
        let folder = Folder::new();
        let store = folder.open();
        let readers: Vec<_> = (0..2 * KEPT_READERS).map(|_| store.read().unwrap()).collect();
        assert!(readers.iter().all(|reader| network::list(reader).unwrap().is_empty()));
        assert!(sysctl::need(&readers[0], "k", "1", "0").is_err());
        drop(readers);
        assert_eq!(store.lock_readers().len(), KEPT_READERS);
    }
}
