//! Tars of what was packed, and hostile ones.

use super::*;

const HOW: Unpack = Unpack { overwrite: Overwrite::SameKind, owner: None };

struct Stage(PathBuf);

impl Stage {
    fn new(name: &str) -> Stage {
        let top = std::env::temp_dir().join(format!("drawbridge-archive-{name}-{}", std::process::id()));
        fs::create_dir_all(top.join("root/in")).expect("a temporary folder");
        fs::create_dir(top.join("outside")).expect("a folder beside it");
        Stage(top)
    }

    fn tree(&self) -> Tree {
        Tree::of_folder(&self.0.join("root")).expect("it is there")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A tar of one entry, under a name that the library would not write.
fn hostile(name: &[u8], kind: EntryType, target: &str) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(if kind == EntryType::Regular { 1 } else { 0 });
    if !target.is_empty() {
        header.set_link_name(target).expect("short");
    }
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    if kind == EntryType::Regular {
        bytes.extend([b'x'; 512]);
    }
    bytes
}

#[test]
fn what_was_packed_is_unpacked() {
    let stage = Stage::new("round");
    let from = stage.0.join("root/in");
    fs::write(from.join("file"), "content").expect("a file");
    fs::hard_link(from.join("file"), from.join("twin")).expect("a second name");
    symlink("/nowhere", from.join("link")).expect("a link");
    fs::create_dir(from.join("folder")).expect("a folder");
    fs::set_permissions(from.join("folder"), fs::Permissions::from_mode(0o1750)).expect("ours");
    let tree = stage.tree();
    let (folder, name) = tree.place(Path::new("/in")).expect("it is there");
    let mut tar = Vec::new();
    pack(&folder, &name, Path::new("out"), &mut tar).expect("memory takes it");
    unpack(tar.as_slice(), &tree, Path::new("/"), HOW).expect("it is ours");
    let to = stage.0.join("root/out");
    assert_eq!(fs::read_to_string(to.join("twin")).expect("there"), "content");
    assert_eq!(fs::metadata(to.join("file")).expect("there").nlink(), 2);
    assert_eq!(fs::read_link(to.join("link")).expect("there"), Path::new("/nowhere"));
    assert_eq!(fs::metadata(to.join("folder")).expect("there").mode() & 0o7777, 0o1750);
    unpack(tar.as_slice(), &tree, Path::new("/"), HOW).expect("over itself");

    let long = "n".repeat(120);
    symlink(format!("/{long}"), from.join(&long)).expect("a link");
    let mut tar = Vec::new();
    pack(&tree.folder(Path::new("/in")).expect("there"), OsStr::new("."), Path::new("."), &mut tar)
        .expect("memory takes it");
    let mut archive = Archive::new(tar.as_slice());
    let names = archive.entries().expect("a tar").map(|entry| {
        let entry = entry.expect("readable");
        String::from_utf8_lossy(&entry.path_bytes()).into_owned()
    });
    let names: Vec<String> = names.collect();
    assert_eq!(names[..3], ["./", "./file", "./folder/"]);
    assert_eq!(names[4], format!("./{long}"));
    unpack(tar.as_slice(), &tree, Path::new("/second"), HOW).expect("it is ours");
    let copy = stage.0.join("root/second").join(&long);
    assert_eq!(fs::read_link(copy).expect("there"), Path::new(&format!("/{long}")));
}

#[test]
fn a_hostile_tar_stays_inside() {
    let stage = Stage::new("hostile");
    let tree = stage.tree();
    let into = |tar: Vec<u8>| unpack(tar.as_slice(), &tree, Path::new("/in"), HOW);
    assert!(into(hostile(b"../../outside/x", EntryType::Regular, "")).is_err());
    // A link to the outside, and then a file through it: it is the tree's own /outside that is meant.
    into(hostile(b"way", EntryType::Symlink, "../../outside")).expect("a link is but a text");
    into(hostile(b"way/x", EntryType::Regular, "")).expect_err("there is no such folder in the tree");
    into(hostile(b"/abs", EntryType::Regular, "")).expect("it begins at the folder");
    assert!(stage.0.join("root/in/abs").exists());
    assert!(into(hostile(b"hard", EntryType::Link, "../../outside/y")).is_err());
    assert_eq!(fs::read_dir(stage.0.join("outside")).expect("there").count(), 0);
    // A file does not take a folder's place, and a link that stands in the way is not written through.
    fs::create_dir(stage.0.join("root/in/folder")).expect("a folder");
    assert!(into(hostile(b"folder", EntryType::Regular, "")).is_err());
    into(hostile(b"way", EntryType::Regular, "")).expect("the link is replaced");
    assert_eq!(fs::read_to_string(stage.0.join("root/in/way")).expect("a file"), "x");
}
