//! Who gets the files that are copied into an image.

use super::place::failed;
use crate::images::ImagesError;
use drawbridge_kernel::folder::Tree;
use std::{
    io::{self, Read},
    path::Path,
};

/// Who gets files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// `user[:group]` by number or by a name of the image; as it comes when absent.
    pub chown: Option<String>,
    /// Twelve bits; as they come when absent.
    pub mode: Option<u32>,
}

/// The numbers of `user[:group]`, by the image's own files.
pub(super) fn find_owner(tree: &mut Tree, text: &str) -> Result<(u32, u32), ImagesError> {
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let look = |file: &str, name: &str| -> Result<Option<Vec<String>>, ImagesError> {
        let mut text = String::new();
        match tree.read_through(Path::new(file)) {
            Ok(file) => file.take(4 << 20).read_to_string(&mut text).map_err(failed(name))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(file)(error)),
        };
        let lines = text.lines().map(|line| line.split(':').map(str::to_owned).collect::<Vec<String>>());
        Ok(lines.into_iter().find(|fields| fields.first().is_some_and(|field| field == name)))
    };
    let unknown = |what: &str, name: &str| {
        ImagesError::Bad(format!(
            "unable to convert uid/gid chown string to host mapping: can't find {what} for {what} {name}"
        ))
    };
    let number = |fields: Option<Vec<String>>, at: usize| fields.and_then(|fields| fields.get(at)?.parse::<u32>().ok());
    let uid = match user.parse() {
        Ok(uid) => uid,
        Err(_) => number(look("/etc/passwd", user)?, 2).ok_or_else(|| unknown("uid", user))?,
    };
    let gid = match group {
        // Without a group it is the one of the same number, or of the same name's user.
        None => match user.parse() {
            Ok(gid) => gid,
            Err(_) => number(look("/etc/passwd", user)?, 3).ok_or_else(|| unknown("gid", user))?,
        },
        Some(group) => match group.parse() {
            Ok(gid) => gid,
            Err(_) => number(look("/etc/group", group)?, 2).ok_or_else(|| unknown("gid", group))?,
        },
    };
    Ok((uid, gid))
}
