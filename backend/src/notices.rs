//! Notices: what was done, to what, and when, for clients that follow the engine's deeds. Unlike `events`, which carry
//! the state that a thing is in, a notice tells of one deed and is heard once. No dialect's words: `http::docker::events`
//! writes them.

use crate::clock;
use drawbridge_api::{ContainerId, Driver, NetworkId, TerminalSize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;

/// How many notices are kept for those who ask for the past. Docker keeps 256; a `docker compose up` of fifty services
/// makes some 250.
const KEPT: usize = 1024;

/// One deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// UTC nanoseconds since 1970. Later notices have later times.
    pub time_ns: i64,
    /// What was done, to what.
    pub deed: Deed,
}

/// What was done, by the kind of thing it was done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// To a container.
    Container {
        /// Which.
        id: ContainerId,
        /// Its name at the time.
        name: String,
        /// Its image as it was asked for.
        image: String,
        /// Its labels.
        labels: BTreeMap<String, String>,
        /// What.
        deed: ContainerDeed,
    },
    /// To a network.
    Network {
        /// Which.
        id: NetworkId,
        /// Its name.
        name: String,
        /// How it is made.
        driver: Driver,
        /// What.
        deed: NetworkDeed,
    },
    /// To an image.
    Image {
        /// Its id, or the name by which it was asked for.
        id: String,
        /// Its name, or its id when it has none.
        name: String,
        /// Its labels.
        labels: BTreeMap<String, String>,
        /// What.
        deed: ImageDeed,
    },
    /// To a volume.
    Volume {
        /// Its name.
        name: String,
        /// The driver that made it: `local`.
        driver: String,
        /// What.
        deed: VolumeDeed,
    },
    /// Everything unused of one kind was removed.
    Pruned {
        /// Of which kind.
        kind: Kind,
        /// How much room that made, in bytes.
        reclaimed_bytes: u64,
    },
}

/// The kinds of things that are done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Containers.
    Container,
    /// Networks.
    Network,
    /// Images.
    Image,
    /// Volumes.
    Volume,
    /// What builds have left.
    Builder,
}

/// What is done to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerDeed {
    /// It was made.
    Create,
    /// A client listens to its main process.
    Attach,
    /// A client left its main process by the detach keys.
    Detach,
    /// Its main process runs.
    Start,
    /// It was stopped and started by one request.
    Restart,
    /// A signal was sent to its main process.
    Kill {
        /// Its number.
        signal: i32,
    },
    /// A stop that was asked for has come to its end.
    Stop,
    /// Its main process has ended.
    Die {
        /// What it ended with.
        exit_code: i32,
        /// How long it ran, in whole seconds.
        ran_s: i64,
    },
    /// The kernel killed a process of it for want of memory.
    OutOfMemory,
    /// It is no more.
    Destroy,
    /// It has another name.
    Rename {
        /// The one that it had.
        old_name: String,
    },
    /// Its processes are frozen.
    Pause,
    /// Its processes go on.
    Unpause,
    /// Its limits or restart policy were changed.
    Update,
    /// Its terminal has another size.
    Resize(TerminalSize),
    /// Its processes were listed.
    Top,
    /// Its health was found to be another.
    Health {
        /// `healthy`, `unhealthy` or `starting`.
        status: String,
    },
    /// Files were copied into it.
    CopyIn,
    /// Files were copied out of it.
    CopyOut,
    /// It was written out as one tar.
    Export,
    /// An image was made of it.
    Commit {
        /// The image's id.
        image: String,
    },
    /// A command was noted to be run in it.
    ExecCreate {
        /// The command's identity.
        exec: String,
        /// Program and arguments.
        args: Vec<String>,
    },
    /// A command runs in it.
    ExecStart {
        /// The command's identity.
        exec: String,
        /// Program and arguments.
        args: Vec<String>,
    },
    /// A client left a command by the detach keys.
    ExecDetach {
        /// The command's identity.
        exec: String,
    },
    /// A command has ended.
    ExecDie {
        /// The command's identity.
        exec: String,
        /// What it ended with.
        exit_code: i32,
    },
}

/// What is done to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkDeed {
    /// It was made.
    Create,
    /// A container joined it.
    Connect {
        /// Which.
        container: ContainerId,
    },
    /// A container left it.
    Disconnect {
        /// Which.
        container: ContainerId,
    },
    /// It is no more.
    Destroy,
}

/// What is done to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageDeed {
    /// It was built.
    Create,
    /// It came from a registry.
    Pull,
    /// It went to a registry.
    Push,
    /// It has one more name.
    Tag,
    /// It has one name less.
    Untag,
    /// It is no more.
    Delete,
    /// It was made of a tar.
    Import,
    /// It was read from an archive.
    Load,
    /// It was written to an archive.
    Save,
}

/// What is done to a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeDeed {
    /// It was made.
    Create,
    /// A container has it from its start on.
    Mount {
        /// Which.
        container: ContainerId,
        /// Where in the container.
        destination: String,
        /// Whether the container may write to it.
        access: Access,
    },
    /// A container has it no longer.
    Unmount {
        /// Which.
        container: ContainerId,
    },
    /// It is no more.
    Destroy,
}

/// What may be done with a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and write.
    ReadWrite,
    /// Read only.
    ReadOnly,
}

/// The daemon's notices: the last ones, and those who listen.
#[derive(Debug)]
pub struct Notices {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last_ns: i64,
    kept: VecDeque<Arc<Notice>>,
    sender: broadcast::Sender<Arc<Notice>>,
}

impl Default for Notices {
    fn default() -> Self {
        let (sender, _) = broadcast::channel(KEPT);
        Self { state: Mutex::new(State { last_ns: 0, kept: VecDeque::new(), sender }) }
    }
}

impl Notices {
    /// Tells of a deed that is done now.
    pub fn tell(&self, deed: Deed) {
        let mut state = self.lock();
        // A clock that is set back must not make a later notice look earlier: clients ask again from the last time on.
        state.last_ns = clock::now_ns().max(state.last_ns + 1);
        let notice = Arc::new(Notice { time_ns: state.last_ns, deed });
        if state.kept.len() == KEPT {
            state.kept.pop_front();
        }
        state.kept.push_back(Arc::clone(&notice));
        // Nobody listening is no failure.
        let _ = state.sender.send(notice);
    }

    /// What is kept, oldest first, and what comes from here on: nothing is in both, nothing between them.
    pub fn listen(&self) -> (Vec<Arc<Notice>>, broadcast::Receiver<Arc<Notice>>) {
        let state = self.lock();
        (state.kept.iter().cloned().collect(), state.sender.subscribe())
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.lock().sender.receiver_count()
    }

    /// The state is a queue and a number, both whole after every statement: a panicked holder has not broken it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pruned(bytes: u64) -> Deed {
        Deed::Pruned { kind: Kind::Image, reclaimed_bytes: bytes }
    }

    #[test]
    fn the_last_ones_are_kept_and_times_only_rise() {
        let notices = Notices::default();
        for number in 0..KEPT as u64 + 3 {
            notices.tell(pruned(number));
        }
        let (kept, mut receiver) = notices.listen();
        notices.tell(pruned(7));
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0].deed, pruned(3));
        assert!(kept.windows(2).all(|pair| pair[0].time_ns < pair[1].time_ns));
        assert_eq!(receiver.try_recv().unwrap().deed, pruned(7));
        assert!(receiver.try_recv().is_err());
    }
}
