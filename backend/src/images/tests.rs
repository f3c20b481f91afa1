//! Layers unpacked and written again, and archives that mean harm.

use super::{Images, ImagesError, layer::Layer};
use drawbridge_kernel::{
    testing::is_able,
    walk::{self, Content},
};
use flate2::{Compression, write::GzEncoder};
use std::{
    collections::HashSet,
    fs,
    io::{self, Read, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, symlink},
    path::{Path, PathBuf},
};
use tar::{Builder, EntryType, Header};

struct Store {
    images: Images,
    folder: PathBuf,
}

impl Store {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("drawbridge-images-{}", hex::encode(rand::random::<[u8; 8]>())));
        fs::create_dir_all(folder.join("victim")).unwrap();
        Self { images: Images::open(&folder.join("data")).unwrap(), folder }
    }

    /// What an archive is refused with. Nothing of it may be left, nor anything made outside.
    fn refused(&self, archive: &[u8]) -> ImagesError {
        let error = self.images.add_layer(archive).unwrap_err();
        assert_eq!(fs::read_dir(self.folder.join("data/layers")).unwrap().count(), 0, "left behind after {error}");
        assert_eq!(fs::read_dir(self.folder.join("victim")).unwrap().count(), 0, "outside");
        error
    }

    fn path(&self, layer: &Layer, name: &str) -> PathBuf {
        self.images.layer_dir(&layer.diff_id).join(name)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(7);
    header.set_gid(8);
    header.set_mtime(1_000_000_000);
    header
}

/// A header whose name or link is not looked at by the library that writes it.
fn raw(kind: EntryType, name: &str, link: &str, size: u64) -> Header {
    let mut header = header(kind, size);
    let fields = header.as_old_mut();
    fields.name[..name.len()].copy_from_slice(name.as_bytes());
    fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    header
}

fn archive(entries: &[(Header, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (header, content) in entries {
        tar.append(header, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

fn file(name: &str, content: &'static [u8]) -> (Header, &'static [u8]) {
    (raw(EntryType::Regular, name, "", content.len() as u64), content)
}

fn other(kind: EntryType, name: &str, link: &str) -> (Header, &'static [u8]) {
    (raw(kind, name, link, 0), b"")
}

fn written_again(store: &Store, layer: &Layer) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.images.read_layer(&layer.diff_id).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_leads_outside_is_refused() {
    if !is_able() {
        return;
    }
    let store = Store::new();
    let victim = store.folder.join("victim").display().to_string();
    for name in ["../victim/a", "a/../../victim/a", "/../../victim/a", ".."] {
        let error = store.refused(&archive(&[file(name, b"x")]));
        assert!(matches!(error, ImagesError::Entry { .. }), "{name}: {error}");
    }
    for link in ["../../../victim", victim.as_str(), "/proc/self/cwd"] {
        for inner in
            [file("link/a", b"x"), other(EntryType::Directory, "link/a/", ""), other(EntryType::Char, "link/a", "")]
        {
            let error = store.refused(&archive(&[other(EntryType::Symlink, "link", link), inner]));
            assert!(matches!(error, ImagesError::Entry { .. }), "{link}: {error}");
        }
    }
    for target in ["/etc/passwd", "../../../etc/passwd", "link/etc/passwd"] {
        let link = other(EntryType::Symlink, "link", "/proc/self/root");
        let error = store.refused(&archive(&[link, other(EntryType::Link, "stolen", target)]));
        assert!(matches!(error, ImagesError::Entry { .. }), "{target}: {error}");
    }
    for name in [".wh.", ".wh..", ".wh...", "a/.wh.."] {
        let error = store.refused(&archive(&[other(EntryType::Directory, "a/", ""), file(name, b"")]));
        assert!(matches!(error, ImagesError::Entry { .. }), "{name}: {error}");
    }
}

#[test]
fn bombs_are_refused() {
    if !is_able() {
        return;
    }
    let store = Store::new();
    // A name of 1 GiB, packed into a megabyte.
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(raw(EntryType::GNULongName, "././@LongLink", "", 64 << 20).as_bytes()).unwrap();
    io::copy(&mut io::repeat(b'a').take(64 << 20), &mut packed).unwrap();
    let error = store.refused(&packed.finish().unwrap());
    assert!(error.to_string().contains("longer than"), "{error}");

    let huge = raw(EntryType::Regular, "huge", "", 1 << 60);
    let error = store.refused(huge.as_bytes());
    assert!(matches!(error, ImagesError::TooLarge(_)), "{error}");

    let cut = archive(&[file("a", &[b'x'; 5000])]);
    for length in [513, 600, 5000] {
        assert!(matches!(store.refused(&cut[..length]), ImagesError::Read(_)), "{length}");
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&cut).unwrap();
    let packed = packed.finish().unwrap();
    store.refused(&packed[..packed.len() / 2]);
    // bzip2 and xz that end where they begin.
    for start in [&b"BZh91AY&SY"[..], b"\xfd7zXZ\0\0\0"] {
        assert!(matches!(store.refused(start), ImagesError::Read(_)));
    }
    assert!(matches!(store.refused(b"<!DOCTYPE html><html></html>"), ImagesError::Read(_)));
}

#[test]
fn a_layer_is_what_the_archive_says() {
    if !is_able() {
        return;
    }
    let store = Store::new();
    let mut tar = Builder::new(Vec::new());
    let long = format!("deep/{}/file", "d".repeat(150));
    let mut append = |header: Header, name: &str, content: &[u8]| {
        let mut header = header;
        tar.append_data(&mut header, name, content).unwrap();
    };
    let mut folder = header(EntryType::Directory, 0);
    folder.set_mode(0o1777);
    append(folder.clone(), "tmp/", b"");
    append(header(EntryType::Regular, 4), &long, b"text");
    append(header(EntryType::Regular, 0), "tmp/.wh.hidden", b"");
    append(header(EntryType::Regular, 0), "opaque/.wh..wh..opq", b"");
    append(header(EntryType::Regular, 0), ".wh..wh.aufs", b"");
    append(header(EntryType::Fifo, 0), "pipe", b"");
    let xattrs: [(&str, &[u8]); 3] = [
        ("SCHILY.xattr.user.note", b"kept"),
        ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
        ("mtime", b"1000000000.25"),
    ];
    tar.append_pax_extensions(xattrs).unwrap();
    let mut header_of = header(EntryType::Regular, 2);
    header_of.set_mode(0o4755);
    tar.append_data(&mut header_of, "marked", &b"hi"[..]).unwrap();
    let mut device = header(EntryType::Char, 0);
    device.set_device_major(1).unwrap();
    device.set_device_minor(3).unwrap();
    tar.append_data(&mut device, "null", io::empty()).unwrap();
    tar.append_link(&mut header(EntryType::Link, 0), "again", "marked").unwrap();
    tar.append_link(&mut header(EntryType::Symlink, 0), "out", "/etc/passwd").unwrap();
    let bytes = tar.into_inner().unwrap();

    let layer = store.images.add_layer(bytes.as_slice()).unwrap();
    assert_eq!((layer.size_bytes, layer.archive_bytes), (6, bytes.len() as u64));
    let of = |name: &str| fs::symlink_metadata(store.path(&layer, name)).unwrap();
    assert_eq!((of("tmp").mode() & 0o7777, of("tmp").mtime()), (0o1777, 1_000_000_000));
    assert_eq!(fs::read_to_string(store.path(&layer, &long)).unwrap(), "text");
    assert!(of("tmp/hidden").file_type().is_char_device() && of("tmp/hidden").rdev() == 0, "a whiteout");
    assert!(of("pipe").file_type().is_fifo() && of("null").file_type().is_char_device());
    assert_eq!((of("marked").uid(), of("marked").gid(), of("marked").mode() & 0o7777), (7, 8, 0o4755));
    assert_eq!((of("marked").mtime(), of("marked").mtime_nsec()), (1_000_000_000, 250_000_000));
    assert_eq!(of("again").ino(), of("marked").ino());
    assert_eq!(fs::read_link(store.path(&layer, "out")).unwrap(), Path::new("/etc/passwd"));
    assert!(!store.path(&layer, "opaque/.wh..wh..opq").exists() && !store.path(&layer, ".wh..wh.aufs").exists());
    let mut marks = 0;
    walk::walk(&store.images.layer_dir(&layer.diff_id), &mut |found| {
        marks += usize::from(
            matches!(found.content, Content::Directory { opaque: true }) && found.path == Path::new("opaque"),
        );
        Ok(())
    })
    .unwrap();
    assert_eq!(marks, 1);
    let marked = fs::File::open(store.path(&layer, "marked")).unwrap();
    assert_eq!(walk::attributes_of(&marked).unwrap().xattrs, [("user.note".into(), b"kept".to_vec())]);
    // With this attribute an overlay would show another folder.
    assert!(!walk::has_attribute(&marked, "trusted.overlay.redirect").unwrap());
    assert_eq!(written_again(&store, &layer), bytes);

    // What a container wrote, such as this folder, becomes a layer of the same content.
    let packed = store.images.layer_of(&store.images.layer_dir(&layer.diff_id)).unwrap();
    let again = store.images.layer_of(&store.images.layer_dir(&packed.diff_id)).unwrap();
    assert_eq!(packed.diff_id, again.diff_id);
    let of = |name: &str| fs::symlink_metadata(store.path(&packed, name)).unwrap();
    assert!(of("tmp/hidden").file_type().is_char_device() && of("tmp/hidden").rdev() == 0);
    assert_eq!((of("marked").mode() & 0o7777, of("again").ino()), (0o4755, of("marked").ino()));
    assert_eq!(fs::read_to_string(store.path(&packed, &long)).unwrap(), "text");
    let text = String::from_utf8_lossy(&written_again(&store, &packed)).into_owned();
    assert!(text.contains("user.note") && text.contains("opaque/.wh..wh..opq") && !text.contains("trusted"));
}

#[test]
fn an_archive_that_says_things_twice_is_written_again() {
    if !is_able() {
        return;
    }
    let store = Store::new();
    let mut bytes = archive(&[
        file("a", b"first"),
        other(EntryType::Link, "b", "a"),
        file("a", b"second"),
        file("d/x", b"inside"),
        file("d/y", b"too"),
        file("d", b"now a file"),
        other(EntryType::Symlink, "s", "a"),
        other(EntryType::Directory, "s", ""),
        file("s/z", b"not through the link"),
        file("z", b""),
    ]);
    bytes.extend_from_slice(b"what follows the end is part of the digest");
    let layer = store.images.add_layer(bytes.as_slice()).unwrap();
    let read = |name: &str| fs::read_to_string(store.path(&layer, name)).unwrap();
    assert_eq!((read("a").as_str(), read("b").as_str(), read("d").as_str()), ("second", "first", "now a file"));
    assert_eq!(read("s/z"), "not through the link");
    assert_eq!(written_again(&store, &layer), bytes);

    // Packed, it is the same layer.
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&bytes).unwrap();
    assert_eq!(store.images.add_layer(packed.finish().unwrap().as_slice()).unwrap().diff_id, layer.diff_id);
    let packed = zstd::encode_all(bytes.as_slice(), 3).unwrap();
    assert_eq!(store.images.add_layer(packed.as_slice()).unwrap().diff_id, layer.diff_id);

    // A file that somebody changed does not go out as the layer's.
    fs::write(store.path(&layer, "a"), "Second").unwrap();
    let mut reader = store.images.read_layer(&layer.diff_id).unwrap();
    let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
    assert!(error.to_string().contains("was changed on the disk"), "{error}");
}

#[test]
fn layers_go_when_nobody_needs_them() {
    if !is_able() {
        return;
    }
    let store = Store::new();
    let one = store.images.add_layer(archive(&[file("one", b"1")]).as_slice()).unwrap();
    let two = store.images.add_layer(archive(&[file("two", b"2")]).as_slice()).unwrap();
    let (first, second) = (one.diff_id.clone(), two.diff_id.clone());
    let collect = |kept: &[&String]| {
        let kept: HashSet<String> = kept.iter().map(|name| (*name).clone()).collect();
        store.images.collect(|| Ok::<_, ImagesError>(kept)).unwrap();
    };
    let is_there = |diff_id: &String| store.images.layer(diff_id).unwrap().is_some();
    collect(&[]);
    assert!(is_there(&first) && is_there(&second), "both are pinned");
    drop((one, two));
    collect(&[&second]);
    assert!(!is_there(&first) && is_there(&second));

    // A crash leaves drafts and half layers; the next start takes them away, and what a link means is left alone.
    let layers = store.folder.join("data/layers");
    fs::create_dir_all(layers.join("draft-0123/diff")).unwrap();
    symlink(store.folder.join("victim"), layers.join("draft-0123/diff/link")).unwrap();
    fs::write(store.folder.join("victim/file"), "").unwrap();
    fs::create_dir_all(layers.join("1".repeat(64)).join("diff")).unwrap();
    Images::open(&store.folder.join("data")).unwrap();
    assert_eq!(fs::read_dir(&layers).unwrap().count(), 1);
    assert!(store.folder.join("victim/file").exists() && is_there(&second));
    assert!(store.images.layer("sha256:../../victim").is_err(), "no digest, no path");
}
