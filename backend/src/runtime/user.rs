//! Who a process runs as: `user[:group]`, by name or number, looked up in the container's own files.

use super::RuntimeError;
use drawbridge_kernel::file::open_in_root;
use oci_spec::runtime::{User, UserBuilder};
use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
};

/// More than any real passwd or group file has; a container's own file must not fill the daemon's memory.
const LARGEST_FILE: u64 = 4 << 20;

/// The user in a tree whose root this is, with further groups; nobody named is root.
///
/// # Errors
/// `UnknownUser`, `UnknownGroup` for a name that the tree's files don't have. Numbers need not be there.
pub(super) fn find(root: &Path, wanted: &str, groups: &[String]) -> Result<User, RuntimeError> {
    let group = lines(root, "/etc/group");
    let mut user = resolve(wanted, &lines(root, "/etc/passwd"), &group)?;
    let mut further = user.additional_gids().clone().unwrap_or_default();
    for wanted in groups {
        let found = group.iter().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| {
            let (name, gid) = (*fields.first()?, fields.get(2)?.parse::<u32>().ok()?);
            (name == wanted).then_some(gid)
        });
        let gid = found.or_else(|| wanted.parse().ok());
        further.push(gid.ok_or_else(|| RuntimeError::UnknownGroup(wanted.clone()))?);
    }
    user.set_additional_gids(Some(further));
    Ok(user)
}

/// A file that is missing or unreadable has no lines, as for an image made from scratch.
fn lines(root: &Path, path: &str) -> Vec<String> {
    let Ok(file) = open_in_root(root, Path::new(path)) else { return Vec::new() };
    BufReader::new(file.take(LARGEST_FILE)).lines().map_while(Result::ok).collect()
}

/// Formats: passwd(5) `name:password:uid:gid:..`, group(5) `name:password:gid:member,member`.
fn resolve(wanted: &str, passwd: &[String], group: &[String]) -> Result<User, RuntimeError> {
    let (name, group_name) = match wanted.split_once(':') {
        Some((name, group_name)) => (name, Some(group_name).filter(|name| !name.is_empty())),
        None => (wanted, None),
    };
    let name = if name.is_empty() { "0" } else { name };
    let number: Option<u32> = name.parse().ok();

    let entry = passwd.iter().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| {
        let (login, uid, gid) = (*fields.first()?, fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
        (login == name || Some(uid) == number).then_some((login.to_owned(), uid, gid))
    });
    let (login, uid, own_gid) = match (entry, number) {
        (Some(entry), _) => entry,
        (None, Some(uid)) => (String::new(), uid, 0),
        (None, None) => return Err(RuntimeError::UnknownUser(name.to_owned())),
    };

    let groups = || {
        group.iter().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            Some((*fields.first()?, fields.get(2)?.parse::<u32>().ok()?, fields.get(3).copied().unwrap_or_default()))
        })
    };
    let (gid, further) = match group_name {
        Some(wanted) => {
            let number: Option<u32> = wanted.parse().ok();
            let found = groups().find(|(name, gid, _)| *name == wanted || Some(*gid) == number);
            let gid = found.map(|(_, gid, _)| gid).or(number);
            (gid.ok_or_else(|| RuntimeError::UnknownGroup(wanted.to_owned()))?, Vec::new())
        }
        // Whoever names no group has all those that the file gives them.
        None => {
            let is_member = |members: &str| !login.is_empty() && members.split(',').any(|member| member == login);
            (own_gid, groups().filter(|(_, _, members)| is_member(members)).map(|(_, gid, _)| gid).collect())
        }
    };
    Ok(UserBuilder::default().uid(uid).gid(gid).additional_gids(further).build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_number() {
        let text = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let passwd = text(&["root:x:0:0:root:/root:/bin/sh", "", "broken", "www:x:33:34:w:/:/bin/false"]);
        let group = text(&["root:x:0:", "wheel:x:10:root,www", "www:x:34:", "short:x:7"]);
        let check = |wanted: &str| {
            let user = resolve(wanted, &passwd, &group).map_err(|error| error.to_string())?;
            Ok((user.uid(), user.gid(), user.additional_gids().clone().unwrap_or_default()))
        };
        assert_eq!(check(""), Ok((0, 0, vec![10])));
        assert_eq!(check("www"), Ok((33, 34, vec![10])));
        assert_eq!(check("33"), Ok((33, 34, vec![10])));
        assert_eq!(check("www:wheel"), Ok((33, 10, vec![])));
        assert_eq!(check(":7"), Ok((0, 7, vec![])));
        assert_eq!(check("1000"), Ok((1000, 0, vec![])));
        assert_eq!(check("1000:2000"), Ok((1000, 2000, vec![])));
        let unknown: Result<(u32, u32, Vec<u32>), String> = check("nobody");
        assert_eq!(unknown, Err("unable to find user nobody: no matching entries in passwd file".into()));
        assert_eq!(check("www:no"), Err("unable to find group no: no matching entries in group file".into()));
    }
}
