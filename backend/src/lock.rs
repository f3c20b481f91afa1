//! One daemon at a time: on a data directory, and in a network namespace. Two daemons in one namespace would each take what the
//! other has made for what a crash has left, and remove it.

use crate::config::Folders;
use std::{
    fs::{File, TryLockError},
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    path::PathBuf,
    time::Duration,
};

/// The name of the socket that says that a daemon is at work in a network namespace. Abstract names belong to a namespace and
/// go with the process that has them (unix(7)).
const NAME: &str = "drawbridge";

/// Both locks, held as long as this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _directory: File,
    _namespace: UnixListener,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A daemon has the data directory.
    #[error("another drawbridge is at work on {}; stop it, or name another --data-dir", .0.display())]
    Directory(PathBuf),
    /// A daemon is at work in this network namespace, with another data directory.
    #[error(
        "another drawbridge{} is at work in this network namespace, and two would remove each other's networks; stop it, or start this one in a namespace of its own, with `unshare --net`",
        .0.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    Namespace(Option<i32>),
    /// The machine does not let us.
    #[error("cannot lock {what}")]
    System {
        /// What can't be locked.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Takes both. Tries for three seconds: a child that a killed daemon was just starting holds them until it has become another program.
pub(crate) async fn take(folders: &Folders) -> Result<Lock, LockError> {
    let mut last = attempt(folders);
    for _ in 0..300 {
        match last {
            Err(LockError::Directory(_) | LockError::Namespace(_)) => {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
            lock => return lock,
        }
        last = attempt(folders);
    }
    last
}

fn attempt(folders: &Folders) -> Result<Lock, LockError> {
    Ok(Lock { _directory: lock_directory(folders)?, _namespace: lock_namespace()? })
}

fn lock_directory(folders: &Folders) -> Result<File, LockError> {
    let path = folders.data_dir.join("lock");
    let system = |source| LockError::System { what: path.display().to_string(), source };
    let file = File::create(&path).map_err(system)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Directory(folders.data_dir.clone())),
        Err(TryLockError::Error(source)) => Err(system(source)),
    }
}

fn lock_namespace() -> Result<UnixListener, LockError> {
    let system = |source| LockError::System { what: "the network namespace".to_owned(), source };
    let name = SocketAddr::from_abstract_name(NAME).map_err(system)?;
    match UnixListener::bind_addr(&name) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(LockError::Namespace(owner(&name))),
        bound => bound.map_err(system),
    }
}

/// The process that has the socket of this name; `None` when it is gone by now.
fn owner(name: &SocketAddr) -> Option<i32> {
    let stream = UnixStream::connect_addr(name).ok()?;
    stream.set_nonblocking(true).ok()?;
    tokio::net::UnixStream::from_std(stream).ok()?.peer_cred().ok()?.pid()
}
