//! Owner, rights, times and extended attributes of files that are made.

use rustix::{
    fs::{Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, fchmod, fchown, fsetxattr},
    io::Errno,
};
use std::{ffi::OsString, io, os::fd::OwnedFd};

/// Owner, rights and times of a new file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The twelve bits of the mode (inode(7)).
    pub mode: u32,
    /// When it was last written, seconds since 1970 and nanoseconds.
    pub mtime: (i64, u32),
    /// Extended attributes; not those in the name space `trusted`, with which an overlay could be made to show other
    /// folders (Documentation/filesystems/overlayfs.rst).
    pub xattrs: Vec<(OsString, Vec<u8>)>,
}

/// What is neither file nor folder nor link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A named pipe.
    Fifo,
    /// A character device.
    Character {
        /// Which driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Which driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
}

/// Owner first: a change of owner takes setuid and capabilities away (chown(2)).
pub(crate) fn set_attributes(file: &OwnedFd, attributes: &Attributes) -> io::Result<()> {
    let (uid, gid) = owner(attributes);
    fchown(file, Some(uid), Some(gid))?;
    fchmod(file, Mode::from_raw_mode(attributes.mode & 0o7777))?;
    for (name, value) in &attributes.xattrs {
        match fsetxattr(file, name.as_os_str(), value, XattrFlags::empty()) {
            // A file system without them, or a kind of file that has none: the content counts for more.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

pub(crate) fn owner(attributes: &Attributes) -> (Uid, Gid) {
    (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid))
}

pub(crate) fn times((seconds, nanoseconds): (i64, u32)) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: i64::from(nanoseconds.min(999_999_999)) },
    }
}
