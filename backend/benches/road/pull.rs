//! An image from a registry to files that a container can have below it: `docker pull` from our daemon beside `skopeo copy`
//! and `umoci unpack`, which are what others put together for the same. The image is made of files of this machine; the
//! registry is Debian's, on loopback.

use crate::{
    measure::{Times, aim, line, timed, title},
    served::{Log, Served},
};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Where the files of each layer come from, and how many bytes of them: libraries, texts, and many small files, as in the
/// images of a distribution.
const LAYERS: [(&str, u64); 3] = [("/usr/lib", 60 << 20), ("/usr/share", 30 << 20), ("/usr/include", 20 << 20)];
/// More would take minutes and say the same.
const MOST: usize = 15;

pub(crate) fn print(count: usize) {
    let count = count.min(MOST);
    let served = Served::open(Log::Warnings);
    let bench = Bench::open();
    let [mut ours, mut theirs, mut copies, mut unpackings] = [const { Times(Vec::new()) }; 4];
    // The first turn finds cold caches.
    for turn in 0..=count {
        let pulled = bench.pull(&served);
        let (copied, unpacked) = bench.copy_and_unpack();
        if turn > 0 {
            ours.push(pulled);
            theirs.push(copied + unpacked);
            copies.push(copied);
            unpackings.push(unpacked);
        }
    }
    title(&format!("an image of {} layers, {} MiB unpacked, pulled and unpacked", LAYERS.len(), bench.bytes >> 20));
    line("skopeo copy", &copies, &[]);
    line("umoci unpack", &unpackings, &[]);
    line("both", &theirs, &[]);
    line("docker pull, by the docker command", &ours, &[("both", theirs.median())]);
    aim("docker pull / skopeo copy and umoci unpack", ours.median().as_secs_f64() / theirs.median().as_secs_f64(), 0.8);
    served.close();
}

/// A registry with the image in it.
struct Bench {
    folder: PathBuf,
    registry: Child,
    image: String,
    bytes: u64,
}

impl Bench {
    fn open() -> Bench {
        let folder = std::env::temp_dir().join(format!("db-bench-pull-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let registry = start_registry(&folder, &address);
        let made = folder.join("made").display().to_string();
        let name = format!("{made}:1");
        run("umoci", &["init", "--layout", &made]);
        run("umoci", &["new", "--image", &name]);
        let mut bytes = 0;
        for (number, (root, limit)) in LAYERS.into_iter().enumerate() {
            let (list, tar) = (folder.join("list"), folder.join(format!("layer{number}.tar")));
            let mut chosen = Vec::new();
            bytes += choose(Path::new(root), limit, &mut chosen);
            fs::write(&list, chosen.join("\n")).unwrap();
            let (list, tar) = (list.display().to_string(), tar.display().to_string());
            run("tar", &["--create", "--file", &tar, "--directory", "/", "--files-from", &list]);
            run("umoci", &["raw", "add-layer", "--image", &name, &tar]);
        }
        let image = format!("{address}/bench/files:1");
        let (from, to) = (format!("oci:{name}"), format!("docker://{image}"));
        run("skopeo", &["copy", "--insecure-policy", "--dest-tls-verify=false", &from, &to]);
        Bench { folder, registry, image, bytes }
    }

    fn pull(&self, served: &Served) -> Duration {
        settle();
        let docker = |args: &[&str]| {
            let mut command = served.docker(args);
            assert!(command.stdout(Stdio::null()).status().unwrap().success(), "{command:?}");
        };
        let ((), time) = timed(|| docker(&["pull", "--quiet", &self.image]));
        docker(&["rmi", &self.image]);
        time
    }

    fn copy_and_unpack(&self) -> (Duration, Duration) {
        settle();
        let (copy, bundle) = (self.folder.join("copy"), self.folder.join("bundle"));
        let (from, name) = (format!("docker://{}", self.image), format!("{}:1", copy.display()));
        let to = format!("oci:{name}");
        let bundle_text = bundle.display().to_string();
        let times = (
            timed(|| run("skopeo", &["copy", "--insecure-policy", "--src-tls-verify=false", &from, &to])).1,
            timed(|| run("umoci", &["unpack", "--image", &name, &bundle_text])).1,
        );
        fs::remove_dir_all(copy).unwrap();
        fs::remove_dir_all(bundle).unwrap();
        times
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.registry.kill();
        let _ = self.registry.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn start_registry(folder: &Path, address: &str) -> Child {
    let (config, storage) = (folder.join("registry.yml"), folder.join("registry"));
    let text = format!(
        "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n",
        storage.display()
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "docker-registry does not start");
        thread::sleep(Duration::from_millis(20));
    }
    child
}

/// Names regular files and links below a folder, in the order of their names, of so many bytes together; says how many.
fn choose(folder: &Path, limit: u64, chosen: &mut Vec<String>) -> u64 {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let mut bytes = 0;
    for path in entries {
        if bytes >= limit {
            break;
        }
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_dir() {
            bytes += choose(&path, limit - bytes, chosen);
        } else if let Some(name) = path.strip_prefix("/").ok().and_then(Path::to_str)
            && !name.contains('\n')
            && bytes + metadata.len() <= limit
        {
            chosen.push(name.to_owned());
            bytes += metadata.len();
        }
    }
    bytes
}

/// What one wrote is not to be written to the disk in the other's time.
fn settle() {
    run("sync", &[]);
}

fn run(program: &str, args: &[&str]) {
    let mut command = Command::new(program);
    let output = command.args(args).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask setup` brings it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
