//! Removing a folder that others have filled: however deep it is nested, neither the stack nor the count of open files grows
//! with it. std's `remove_dir_all` calls itself and keeps a descriptor for each level; a container that makes folders in
//! folders would end the daemon.

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, renameat, statat, unlinkat},
    io::Errno,
};
use std::{ffi::CString, io, os::fd::OwnedFd, path::Path};

/// How many folders are open at the most. Deeper ones are moved up to the top and removed from there.
const LEVELS: usize = 32;

/// Removes a folder and everything in it. Links are removed and not followed.
///
/// # Errors
/// `NotFound`; what unlinkat(2) says of a name. What was removed before stays so.
pub fn folder(path: &Path) -> io::Result<()> {
    let top = open(&CWD, path)?;
    // Moving up puts new names there, so it is read until there are none.
    let mut moved = 0;
    while empty(&top, &mut moved)? > 0 {}
    Ok(unlinkat(CWD, path, AtFlags::REMOVEDIR)?)
}

fn open(folder: &impl std::os::fd::AsFd, name: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(folder, name, flags, Mode::empty())?)
}

/// A folder that is being emptied: its name in the one above, and the names in it that are to come.
struct Level {
    name: CString,
    folder: OwnedFd,
    names: Vec<CString>,
}

/// Removes what is in the top folder, save what is moved there meanwhile; how many names there were.
fn empty(top: &OwnedFd, moved: &mut u64) -> io::Result<usize> {
    let names = names(top)?;
    let count = names.len();
    for name in names {
        let mut levels: Vec<Level> = Vec::new();
        take(top, &name, top, &mut levels, moved)?;
        while let Some(level) = levels.last_mut() {
            match level.names.pop() {
                Some(name) => {
                    let folder = level.folder.try_clone()?;
                    take(&folder, &name, top, &mut levels, moved)?;
                }
                None => {
                    let Some(done) = levels.pop() else { break };
                    let above = levels.last().map_or(top, |level| &level.folder);
                    unlinkat(above, &done.name, AtFlags::REMOVEDIR)?;
                }
            }
        }
    }
    Ok(count)
}

/// Removes a name, or goes into the folder that it is; one that is too deep is moved to the top.
fn take(folder: &OwnedFd, name: &CString, top: &OwnedFd, levels: &mut Vec<Level>, moved: &mut u64) -> io::Result<()> {
    if !is_folder(folder, name)? {
        return Ok(unlinkat(folder, name, AtFlags::empty())?);
    }
    if levels.len() == LEVELS {
        loop {
            let fresh = format!(".removing-{moved}");
            *moved += 1;
            // Onto an empty folder it could be moved too, and onto nothing else that is there.
            match renameat(folder, name, top, fresh.as_str()) {
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
                renamed => return Ok(renamed?),
            }
        }
    }
    let below = open(folder, name)?;
    levels.push(Level { name: name.clone(), names: names(&below)?, folder: below });
    Ok(())
}

fn is_folder(folder: &OwnedFd, name: &CString) -> io::Result<bool> {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}
