//! What goes wrong in this room: what was tried, on what, and what the kernel's error number means there.

use drawbridge_plan::{Step, explain};
use nix::errno::Errno;
use std::{fmt::Display, io};

/// Something the kernel or `nft` did not do.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The kernel refused a request or a system call.
    #[error("cannot {what}: {meaning}")]
    Refused {
        /// What was tried, on what; follows "cannot".
        what: String,
        /// What the error number means here, and what the kernel adds in its own words.
        meaning: String,
        /// The error number.
        #[source]
        source: io::Error,
    },
    /// A name is taken by something without our mark, or with that of another.
    #[error("{what} exists and is not ours: {remedy}")]
    Foreign {
        /// The thing.
        what: String,
        /// What a person can do.
        remedy: String,
    },
    /// A thing that the step needs is not there.
    #[error("{what} does not exist")]
    Absent {
        /// The thing.
        what: String,
    },
    /// A program is not installed.
    #[error("the program {program} is not installed: {remedy}")]
    ProgramMissing {
        /// Its name.
        program: &'static str,
        /// How to get it.
        remedy: &'static str,
    },
    /// `nft` refused to write the tables, or to tell its version.
    #[error("nft refused to {what}: {message}")]
    Nft {
        /// What was asked.
        what: String,
        /// What it said, on one line.
        message: String,
    },
    /// The kernel or `nft` answered something that can't be read.
    #[error("cannot read the answer to: {what}: {detail}")]
    Answer {
        /// What was asked.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl KernelError {
    /// A refused system call.
    pub(crate) fn system(what: impl Display, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        let meaning = meaning(&source);
        KernelError::Refused { what: what.to_string(), meaning, source }
    }

    /// An answer that can't be read.
    pub(crate) fn answer(what: impl Display, detail: impl Display) -> Self {
        KernelError::Answer { what: what.to_string(), detail: detail.to_string() }
    }

    /// The error number, if there is one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            KernelError::Refused { source, .. } => source.raw_os_error(),
            KernelError::Foreign { .. }
            | KernelError::Absent { .. }
            | KernelError::ProgramMissing { .. }
            | KernelError::Nft { .. }
            | KernelError::Answer { .. } => None,
        }
    }
}

/// A step that was not done, in the words of the person who asked for it.
#[derive(Debug, thiserror::Error)]
#[error("{what} failed: {meaning}; the same by hand: {command}")]
pub struct StepError {
    /// The step's title.
    pub what: String,
    /// The commands that would do the same, one a line.
    pub command: String,
    /// The kernel's error number, if it gave one (errno(3)).
    pub errno: Option<i32>,
    /// What it means here, and the remedy where there is one.
    pub meaning: String,
    /// What was tried when it went wrong.
    #[source]
    pub source: Box<KernelError>,
}

impl StepError {
    pub(crate) fn new(step: &Step, source: KernelError) -> Self {
        let explained = explain(step);
        StepError {
            what: explained.title,
            command: explained.commands.join("\n"),
            errno: source.errno(),
            meaning: source.to_string(),
            source: Box::new(source),
        }
    }
}

/// What an error number means for someone who makes links, namespaces and tables. Numbers that are not listed never come
/// from what is asked here, and keep the kernel's text.
const MEANINGS: &[(&[Errno], &str)] = &[
    (
        &[Errno::EPERM, Errno::EACCES],
        "it takes root, or CAP_NET_ADMIN, CAP_NET_BROADCAST and CAP_SYS_ADMIN in the namespace that Drawbridge runs in",
    ),
    (&[Errno::EEXIST], "something of that name or address is already there"),
    (&[Errno::ENODEV], "there is no such link"),
    (&[Errno::ENOENT], "there is no such thing"),
    (&[Errno::ESRCH], "there is no such process or route"),
    (&[Errno::EADDRNOTAVAIL], "the link does not have that address"),
    (
        &[Errno::EOPNOTSUPP, Errno::EPROTONOSUPPORT, Errno::EAFNOSUPPORT, Errno::ENOSYS],
        "this kernel lacks the option for it, or its module is not loaded; `drawbridge doctor` says which",
    ),
    (&[Errno::EINVAL, Errno::ERANGE], "the kernel does not take these values"),
    (&[Errno::EBUSY], "it is in use: a link is already in another bridge, or a mount point is busy"),
    (&[Errno::ENETUNREACH, Errno::EHOSTUNREACH], "the gateway is not in a range that the link has an address in"),
    (&[Errno::ENETDOWN], "the link is down"),
    (&[Errno::ENOTCONN], "the other end of the cable is not there"),
    (&[Errno::ELOOP], "a bridge cannot be a port of itself or of another bridge"),
    (&[Errno::ENOSPC], "a limit of the kernel is reached: user.max_net_namespaces, fs.mount-max or a full disk"),
    (&[Errno::EMFILE, Errno::ENFILE], "too many files are open; raise the limit (`ulimit -n`)"),
    (&[Errno::ENOMEM, Errno::ENOBUFS], "the kernel is out of memory"),
    (&[Errno::EMSGSIZE], "it is more at once than net.core.wmem_max allows"),
    (&[Errno::EROFS], "the file system is mounted read-only"),
];

/// The words for an error, with the number's name.
pub(crate) fn meaning(error: &io::Error) -> String {
    let Some(number) = error.raw_os_error() else { return error.to_string() };
    let errno = Errno::from_raw(number);
    let listed = MEANINGS.iter().find(|(numbers, _)| numbers.contains(&errno));
    format!("{} ({})", listed.map_or(errno.desc(), |(_, meaning)| *meaning), name(errno))
}

/// `EPERM` for 1.
fn name(errno: Errno) -> String {
    format!("{errno:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_plan::Object;

    #[test]
    fn a_step_error_carries_step_command_number_and_meaning() {
        let object =
            Object::Port { link: "veth1234567".parse().expect("valid"), bridge: "docker0".parse().expect("valid") };
        let source = KernelError::system("plug veth1234567 into docker0", Errno::EPERM);
        let error = StepError::new(&Step::Add { object }, source);
        assert_eq!(error.errno, Some(1));
        assert_eq!(
            error.to_string(),
            "Plug veth1234567 into bridge docker0 failed: cannot plug veth1234567 into docker0: it takes root, or \
             CAP_NET_ADMIN, CAP_NET_BROADCAST and CAP_SYS_ADMIN in the namespace that Drawbridge runs in (EPERM); the same by hand: ip link \
             set veth1234567 master docker0"
        );
    }
}
