//! `docker build`: what `ADD` fetches and unpacks, documents in the file, and what commands run in.

use crate::{
    build::{Site, inspect, layers},
    harness::{Daemon, docker_is_there, is_there, run, wait_for},
};
use drawbridge_kernel::testing::check_in_sandbox;
use sha2::{Digest, Sha256};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

/// A server of a few paths, in the test's sandbox; its thread ends with the process.
struct Server {
    address: String,
    /// What `/file.txt` is.
    content: Arc<Mutex<String>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let content = Arc::new(Mutex::new("first\n".to_owned()));
        let its_content = Arc::clone(&content);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let mut lines = reader.by_ref().lines().map_while(Result::ok);
                let request = lines.next().unwrap_or_default();
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let content = its_content.lock().unwrap().clone();
                let (head, body) = match path.as_str() {
                    "/file.txt" => ("200 OK\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT", content.into_bytes()),
                    "/packed.tar.gz" => ("200 OK", PACKED.to_vec()),
                    "/moved" => ("302 Found\r\nLocation: /file.txt", Vec::new()),
                    "/" => ("200 OK\r\nContent-Disposition: attachment; filename=\"said\"", b"said".to_vec()),
                    "/nameless/" => ("200 OK", b"x".to_vec()),
                    "/cut" => ("200 OK\r\nContent-Length: 1000", b"cut".to_vec()),
                    "/large" => ("200 OK\r\nContent-Length: 1000000000000", Vec::new()),
                    _ => ("404 Not Found", b"there is no such thing\nand more".to_vec()),
                };
                let length = if head.contains("Content-Length") {
                    String::new()
                } else {
                    format!("Content-Length: {}\r\n", body.len())
                };
                let head = format!("HTTP/1.1 {head}\r\n{length}Connection: close\r\n\r\n");
                // A client that goes away is none of the test's business.
                let mut stream = reader.into_inner();
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Self { address, content }
    }
}

/// An empty archive, packed: `tar -cT /dev/null | gzip`.
const PACKED: &[u8] = &[
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xed, 0xc1, 1, 0x0d, 0, 0, 0, 0xc2, 0xa0, 0xf7, 0x4f, 0x6d, 0x0e, 0x37, 0xa0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x37, 3, 0x9a, 0xde, 0x1d, 0x27, 0, 0x28, 0, 0,
];

fn digest(content: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

#[test]
fn a_url_is_fetched_and_not_unpacked() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let server = Server::start();
        let at = format!("http://{}", server.address);
        let dockerfile = format!(
            "FROM busybox\nARG FROM={at}\nADD $FROM/file.txt local /a/\nADD --chown=1:2 --chmod=644 $FROM/packed.tar.gz \
             /b\nADD --checksum={} $FROM/moved?x /c\nADD $FROM/ /d/\n",
            digest("first\n")
        )
        .replace("moved?x", "moved");
        let site = Site::new(&daemon, &dockerfile);
        site.write("local", "local");
        site.build(&["-t", "fetched"]);
        let stat = |path: &str| daemon.docker(&["run", "--rm", "fetched", "stat", "-c", "%u %g %a %s %Y", path]);
        assert_eq!(stat("/a/file.txt"), "0 0 600 6 784111777");
        assert_eq!(stat("/b"), format!("1 2 644 {} 0", PACKED.len()));
        assert_eq!(daemon.docker(&["run", "--rm", "fetched", "cat", "/c", "/a/local", "/d/said"]), "first\nlocalsaid");

        let id = inspect(&daemon, "fetched")["Id"].clone();
        let again = site.build(&["-t", "fetched"]);
        assert_eq!(again.matches(" ---> Using cache").count(), 5, "{again}");
        assert_eq!(inspect(&daemon, "fetched")["Id"], id);
        // What is there now decides, not the URL.
        *server.content.lock().unwrap() = "second\n".into();
        let (text, code) = site.run(&["-t", "fetched"]);
        assert!(code != 0 && text.contains("digest mismatch") && !text.contains("ADD $FROM/ /d/"), "{text}");
        site.write("Dockerfile", &dockerfile.replace(&digest("first\n"), &digest("second\n")));
        site.build(&["-t", "fetched"]);
        assert_eq!(daemon.docker(&["run", "--rm", "fetched", "cat", "/a/file.txt", "/c"]), "second\nsecond");

        daemon.docker(&["rmi", "fetched"]);
        daemon.docker(&["image", "prune", "-f"]);
        for (line, expected) in [
            ("ADD {at}/nope /x", "answers with status 404 Not Found: there is no such thing"),
            ("ADD {at}/nameless/ /x/", "cannot determine filename from url"),
            ("ADD {at}/cut /x", "cannot get"),
            ("ADD {at}/large /x", "is larger than 16 GiB"),
            ("ADD http:// /x", "it is no URL"),
            ("ADD --checksum=sha256:1 local /x", "--checksum is that of one file"),
            ("ADD {at}/file.txt local /x", "the destination must be a directory"),
        ] {
            let site = Site::new(&daemon, &format!("FROM busybox\n{}\n", line.replace("{at}", &at)));
            let (text, code) = site.run(&[]);
            assert!(code != 0 && text.contains(expected), "{line}: {text}");
            // A draft goes when whoever writes into it has seen the end.
            wait_for(&format!("nothing to be left of {line}"), || (layers(&daemon) == 1).then_some(()));
        }
    });
}

#[test]
fn archives_are_unpacked_whatever_they_are_packed_with() {
    if !docker_is_there() || !is_there("python3") {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let kinds = ["plain", "gzip", "bzip2", "xz", "zst"];
        let adds: String = kinds.map(|kind| format!("ADD a.{kind} /{kind}/\n")).concat();
        let site =
            Site::new(&daemon, &format!("FROM busybox\n{adds}ADD text.gz not-tar.xz /files/\nADD a.xz b.xz /two/\n"));
        // What a shell has a program for is not there everywhere; Python's library is.
        let script = "
import bz2, gzip, io, lzma, sys, tarfile
def archive(name):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        info = tarfile.TarInfo('folder/' + name)
        info.size, info.uid, info.mode = len(name), 7, 0o640
        tar.addfile(info, io.BytesIO(name.encode()))
    return out.getvalue()
folder = sys.argv[1] + '/'
packers = {'plain': bytes, 'gzip': gzip.compress, 'bzip2': bz2.compress, 'xz': lzma.compress}
for kind, pack in packers.items():
    open(folder + 'a.' + kind, 'wb').write(pack(archive('file')))
open(folder + 'b.xz', 'wb').write(lzma.compress(archive('other')))
open(folder + 'text.gz', 'wb').write(gzip.compress(b'a text'))
open(folder + 'not-tar.xz', 'wb').write(lzma.compress(bytes(2048)))
";
        run("python3", &["-c", script, site.folder.to_str().unwrap()]);
        let plain = std::fs::read(site.folder.join("a.plain")).unwrap();
        std::fs::write(site.folder.join("a.zst"), zstd::encode_all(&plain[..], 1).unwrap()).unwrap();
        site.build(&["-t", "unpacked"]);
        let sh = |script: &str| daemon.docker(&["run", "--rm", "unpacked", "sh", "-c", script]);
        let found = sh("for kind in plain gzip bzip2 xz zst; do stat -c '%u %a' /$kind/folder/file; done");
        assert_eq!(found, ["7 640"; 5].join("\n"));
        assert_eq!(
            sh("cd /two/folder; cat file other; ls /files; zcat /files/text.gz"),
            "fileothernot-tar.xz\ntext.gz\na text"
        );

        // As contexts, as file systems and as saved images they are taken too.
        let saved = site.folder.join("saved.tar");
        daemon.docker(&["save", "-o", saved.to_str().unwrap(), "unpacked"]);
        let pack = "import bz2, lzma, sys; name = sys.argv[1]; data = open(name, 'rb').read(); \
                    open(name + '.xz', 'wb').write(lzma.compress(data, preset=0)); \
                    open(name + '.bz2', 'wb').write(bz2.compress(data, 1))";
        run("python3", &["-c", pack, saved.to_str().unwrap()]);
        let id = inspect(&daemon, "unpacked")["Id"].clone();
        for kind in ["xz", "bz2"] {
            daemon.docker(&["rmi", "unpacked"]);
            daemon.docker(&["load", "-i", &format!("{}.{kind}", saved.display())]);
            assert_eq!(inspect(&daemon, "unpacked")["Id"], id, "{kind}");
        }
        for kind in ["bzip2", "xz"] {
            daemon.docker(&["import", site.folder.join(format!("a.{kind}")).to_str().unwrap(), kind]);
            assert_eq!(inspect(&daemon, kind)["RootFS"]["Layers"].as_array().unwrap().len(), 1);
        }
        assert_eq!(inspect(&daemon, "xz")["RootFS"], inspect(&daemon, "bzip2")["RootFS"], "it is the same archive");
    });
}

#[test]
fn commands_run_in_what_was_asked_for() {
    if !docker_is_there() {
        return;
    }
    check_in_sandbox(|| {
        let daemon = Daemon::start();
        let site = Site::new(
            &daemon,
            "FROM busybox\nARG NAME=a/b/c.tar.gz\nENV LAST=${NAME##*/} STEM=${NAME%%.*} OTHER=${NAME//\\//-}\nRUN \
             --network=none ls /sys/class/net >/none\nRUN ls /sys/class/net >/default; cat /etc/hosts >/hosts; ulimit -n \
             >/limit\nRUN <<EOF\nset -e\necho $LAST >/read\necho more >>/read\nEOF\nCOPY <<EOF /document\n$STEM it's \
             \\$HOME\nEOF\nCOPY <<'RAW' /raw\n$STEM\nRAW\n",
        );
        site.build(&["-t", "ran", "--add-host", "there:192.0.2.7", "--ulimit", "nofile=123:123"]);
        let cat = |path: &str| daemon.docker(&["run", "--rm", "ran", "cat", path]);
        assert_eq!(cat("/none"), "lo");
        assert_eq!(cat("/default"), "eth0\nlo");
        assert!(cat("/hosts").contains("192.0.2.7\tthere"), "{}", cat("/hosts"));
        assert_eq!(cat("/limit"), "123");
        assert_eq!(cat("/read"), "c.tar.gz\nmore");
        assert_eq!(cat("/document"), "a/b/c it's $HOME");
        assert_eq!(cat("/raw"), "$STEM");
        assert_eq!(daemon.docker(&["run", "--rm", "ran", "sh", "-c", "echo $OTHER"]), "a-b-c.tar.gz");
    });
}
