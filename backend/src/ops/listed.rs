//! The list of containers as it was last read, given out again for as long as nothing has been written. Clients ask for it every
//! few seconds, and with a thousand containers most of the time went into reading rows that were as before.

use super::{Daemon, OpError, lookup};
use crate::model::ContainerRecord;
use drawbridge_api::Container;
use std::sync::{Arc, Mutex, PoisonError};

/// Containers with their endpoints, oldest first.
pub type Rows = Arc<Vec<(ContainerRecord, Container)>>;

/// Which containers are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those that run, or are about to be started again.
    Up,
}

/// The last lists.
#[derive(Default)]
pub(super) struct Lists {
    all: Mutex<Option<List>>,
    up: Mutex<Option<List>>,
}

/// A list, and how much had been written when it was begun to be read.
struct List {
    commits: u64,
    rows: Rows,
}

/// Containers as they are, for who only looks at them.
///
/// # Errors
/// When the store fails.
pub fn list_to_look_at(daemon: &Daemon, which: Which) -> Result<Rows, OpError> {
    let last = match which {
        Which::All => &daemon.lists.all,
        Which::Up => &daemon.lists.up,
    };
    // Whoever comes while it is read waits, and has it too. A list is put there whole.
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    // Asked before it is read: what is committed meanwhile makes it an old one.
    let commits = daemon.engine.store.commits();
    if let Some(list) = last.as_ref().filter(|list| list.commits == commits) {
        return Ok(Arc::clone(&list.rows));
    }
    let rows = Arc::new(match which {
        Which::All => lookup::list(daemon)?,
        Which::Up => lookup::list_up(daemon)?,
    });
    *last = Some(List { commits, rows: Arc::clone(&rows) });
    Ok(rows)
}
