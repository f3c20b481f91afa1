//! The built-in image `busybox`, made of the host's static busybox, so that the first container needs no registry.
//!
//! It is the same for the same busybox: the archive is sorted, and every time in it is that of the program. A new
//! busybox of the host makes a new image at the next start.
//!
//! Debian's busybox 1.35, static or not, is compiled without timeouts for `wget` and yet takes `-T`, whose value it writes to
//! address 0: `wget -T 3 URL` ends with a segmentation fault, in a container as on the host. `timeout 3 wget URL` does not.

use super::{BuiltImage, Images, ImagesError};
use oci_spec::image::{
    Arch, ConfigBuilder, HistoryBuilder, ImageConfiguration, ImageConfigurationBuilder, Os, RootFsBuilder,
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};
use tar::{Builder, EntryType, Header};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{process::Command, task::spawn_blocking};

const BUSYBOX: &str = "/bin/busybox";

/// Every folder, with its mode; `dev`, `proc` and `sys` are there to be mounted on.
const FOLDERS: [(&str, u32); 17] = [
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("sbin", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/sbin", 0o755),
    ("var", 0o755),
    ("var/spool", 0o755),
    ("var/spool/mail", 0o755),
    ("var/www", 0o755),
    ("run", 0o755),
];

/// The users and groups that programs expect, by Debian's numbers.
const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
";
const GROUP: &str = "\
root:x:0:
daemon:x:1:
bin:x:2:
tty:x:5:
disk:x:6:
wheel:x:10:root
mail:x:8:
www-data:x:33:
operator:x:37:
users:x:100:
nogroup:x:65534:
";
const SHADOW: &str = "\
root:*:10933:0:99999:7:::
nobody:*:10933:0:99999:7:::
";

/// One thing in the archive.
enum Entry {
    Folder(u32),
    File { mode: u32, content: Vec<u8> },
    Link(String),
}

impl Images {
    /// Makes the built-in image; unpacks it where that has not been done.
    ///
    /// # Errors
    /// `NoBusybox`, `DynamicBusybox` with the package to install; `Applets`, `Io`.
    pub async fn busybox(&self) -> Result<BuiltImage, ImagesError> {
        let applets = applets().await?;
        let images = self.clone();
        spawn_blocking(move || images.build_busybox(&applets)).await.unwrap_or(Err(ImagesError::ShuttingDown))
    }

    /// The program that the built-in image is made of.
    ///
    /// # Errors
    /// `NoBusybox`, `DynamicBusybox`, with the package to install; `Io`.
    pub fn host_busybox() -> Result<&'static Path, ImagesError> {
        let path = Path::new(BUSYBOX);
        if !path.exists() {
            return Err(ImagesError::NoBusybox);
        }
        let program = fs::read(path).map_err(ImagesError::io("read", BUSYBOX))?;
        if is_static(&program) { Ok(path) } else { Err(ImagesError::DynamicBusybox) }
    }

    fn build_busybox(&self, applets: &[String]) -> Result<BuiltImage, ImagesError> {
        let unreadable = |error| ImagesError::io("read", BUSYBOX)(error);
        let mut file = fs::File::open(BUSYBOX).map_err(unreadable)?;
        let mtime = file.metadata().map_err(unreadable)?.mtime();
        let mut program = Vec::new();
        file.read_to_end(&mut program).map_err(unreadable)?;
        if !is_static(&program) {
            return Err(ImagesError::DynamicBusybox);
        }

        let entries = entries(program, applets);
        let archive = archive(&entries, mtime).map_err(ImagesError::io("pack", BUSYBOX))?;
        let layer = match self.layer(&diff_id(&archive))? {
            Some(layer) => layer,
            None => self.add_layer(archive.as_slice())?,
        };
        let config = config(&layer.diff_id, mtime)?.to_string()?;
        BuiltImage::new(config, vec![layer])
    }
}

fn diff_id(archive: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(archive)))
}

/// Where each of its programs is expected, without the leading `/`: `busybox --list-full`.
async fn applets() -> Result<Vec<String>, ImagesError> {
    if !Path::new(BUSYBOX).exists() {
        return Err(ImagesError::NoBusybox);
    }
    let output = Command::new(BUSYBOX).arg("--list-full").output().await.map_err(ImagesError::Applets)?;
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    let applets: Vec<String> =
        list.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    // Debian's is built with that list; one that is not prints its usage, and fails.
    if !output.status.success() || applets.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(ImagesError::Applets(io::Error::other(said)));
    }
    Ok(applets)
}

/// All that is in the image, by path. Each program stands both where `--list-full` has it and in `/bin`, where other
/// busybox images have them all.
fn entries(program: Vec<u8>, applets: &[String]) -> BTreeMap<String, Entry> {
    let file = |mode, text: &str| Entry::File { mode, content: text.as_bytes().to_vec() };
    let mut entries = BTreeMap::new();
    for applet in applets {
        let name = applet.rsplit('/').next().unwrap_or(applet);
        for path in [applet.as_str(), &format!("bin/{name}")] {
            entries.insert(path.to_owned(), Entry::Link("/bin/busybox".to_owned()));
        }
        if let Some((folder, _)) = applet.rsplit_once('/') {
            entries.entry(folder.to_owned()).or_insert(Entry::Folder(0o755));
        }
    }
    for (folder, mode) in FOLDERS {
        entries.insert(folder.to_owned(), Entry::Folder(mode));
    }
    entries.insert("bin/busybox".to_owned(), Entry::File { mode: 0o755, content: program });
    entries.insert("etc/passwd".to_owned(), file(0o644, PASSWD));
    entries.insert("etc/group".to_owned(), file(0o644, GROUP));
    entries.insert("etc/shadow".to_owned(), file(0o600, SHADOW));
    entries.insert("etc/mtab".to_owned(), Entry::Link("/proc/mounts".to_owned()));
    entries
}

/// A tar archive of them, in the order of their paths, which puts a folder before what is in it.
fn archive(entries: &BTreeMap<String, Entry>, mtime: i64) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for (path, entry) in entries {
        let mut header = Header::new_ustar();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(mtime.unsigned_abs());
        match entry {
            Entry::Folder(mode) => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(*mode);
                header.set_size(0);
                tar.append_data(&mut header, format!("{path}/"), io::empty())?;
            }
            Entry::File { mode, content } => {
                header.set_entry_type(EntryType::Regular);
                header.set_mode(*mode);
                header.set_size(content.len() as u64);
                tar.append_data(&mut header, path, content.as_slice())?;
            }
            Entry::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                tar.append_link(&mut header, path, target)?;
            }
        }
    }
    tar.into_inner()
}

fn config(layer: &str, mtime: i64) -> Result<ImageConfiguration, ImagesError> {
    let time = OffsetDateTime::from_unix_timestamp(mtime).map_err(time::error::Error::from)?;
    let created = time.format(&Rfc3339).map_err(time::error::Error::from)?;
    let history = HistoryBuilder::default()
        .created(created.clone())
        .created_by("drawbridge: the host's /bin/busybox and a link for each of its programs")
        .build()?;
    let run = ConfigBuilder::default()
        .env(vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()])
        .cmd(vec!["sh".to_owned()])
        .build()?;
    Ok(ImageConfigurationBuilder::default()
        .created(created)
        .architecture(if cfg!(target_arch = "aarch64") { Arch::ARM64 } else { Arch::Amd64 })
        .os(Os::Linux)
        .config(run)
        .rootfs(RootFsBuilder::default().typ("layers").diff_ids(vec![layer.to_owned()]).build()?)
        .history(vec![history])
        .build()?)
}

/// Whether a 64-bit little-endian ELF program asks for no loader: none of its program headers is PT_INTERP (elf(5)).
fn is_static(program: &[u8]) -> bool {
    const PT_INTERP: [u8; 4] = [3, 0, 0, 0];
    let number = |at: usize, length: usize| {
        let bytes = program.get(at..at.checked_add(length)?)?;
        bytes.iter().rev().try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))
    };
    // e_ident, then e_phoff at 32, e_phentsize at 54, e_phnum at 56; p_type comes first in a program header.
    let headers = || Some((number(32, 8)?, number(54, 2)?, number(56, 2)?));
    let Some((offset, size, count)) = headers().filter(|_| program.starts_with(b"\x7fELF\x02\x01")) else {
        return false;
    };
    (0..count).all(|index| {
        let at = index.checked_mul(size).and_then(|skip| offset.checked_add(skip));
        at.and_then(|at| program.get(at..at.checked_add(4)?)).is_some_and(|kind| kind != PT_INTERP)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_busybox_makes_the_same_archive() {
        let applets = ["bin/sh", "usr/bin/env", "sbin/ip", "usr/local/bin/odd"].map(str::to_owned);
        let build = || archive(&entries(b"program".to_vec(), &applets), 1_700_000_000).expect("memory takes it");
        assert_eq!(diff_id(&build()), diff_id(&build()));

        let archive = build();
        let mut tar = tar::Archive::new(archive.as_slice());
        let paths: Vec<String> = tar
            .entries()
            .expect("an archive")
            .map(|entry| entry.expect("readable").path().expect("UTF-8").display().to_string())
            .collect();
        for path in [
            "bin/busybox",
            "bin/sh",
            "bin/env",
            "usr/bin/env",
            "bin/ip",
            "sbin/ip",
            "tmp/",
            "usr/local/bin/",
            "etc/passwd",
        ] {
            assert_eq!(paths.iter().filter(|other| *other == path).count(), 1, "{path}");
        }
        let position = |path| paths.iter().position(|other| other == path);
        assert!(position("usr/local/bin/") < position("usr/local/bin/odd"));
    }

    #[test]
    fn the_configuration_says_what_is_run() {
        let layer = diff_id(b"x");
        let json = config(&layer, 1_700_000_000).expect("complete").to_string().expect("plain");
        let config: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(config["config"]["Cmd"], serde_json::json!(["sh"]));
        assert_eq!(config["created"], "2023-11-14T22:13:20Z");
        assert_eq!(config["rootfs"]["diff_ids"][0], layer);
    }

    #[test]
    fn a_program_with_a_loader_is_not_static() {
        let mut elf = vec![0_u8; 64 + 2 * 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (elf[32], elf[54], elf[56]) = (64, 56, 2);
        (elf[64], elf[64 + 56]) = (1, 2);
        assert!(is_static(&elf));
        elf[64 + 56] = 3;
        assert!(!is_static(&elf));
        assert!(!is_static(b"#!/bin/sh\n") && !is_static(b"") && !is_static(&elf[..70]));
    }
}
