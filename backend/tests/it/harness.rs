//! A daemon for a test: the real program, in the test's sandbox, on folders of its own.

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take that a test waits for. Far above what is normal: these machines are shared.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

const PROGRAM: &str = env!("CARGO_BIN_EXE_drawbridge");

/// Folders of a test; gone with the value.
pub(crate) struct Folders {
    pub(crate) root: PathBuf,
}

impl Folders {
    pub(crate) fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        // Short: the path of a unix socket has 107 bytes at the most (unix(7)).
        let name = format!("db{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).unwrap();
        Self { root }
    }

    pub(crate) fn config(&self) -> drawbridge::config::Folders {
        drawbridge::config::Folders { data_dir: self.root.join("data"), run_dir: self.root.join("run") }
    }
}

impl Folders {
    /// Runs a command of the program on these folders, which must fail, and returns what it complained.
    pub(crate) fn drawbridge_refuses(&self, command: &str) -> String {
        let config = self.config();
        let mut program = Command::new(PROGRAM);
        program.arg(command).arg("--data-dir").arg(&config.data_dir).arg("--run-dir").arg(&config.run_dir);
        if command == "serve" {
            program.args(["--listen", "127.0.0.1:0", "--docker-socket"]).arg(self.root.join("s"));
        }
        let output = program.stdin(Stdio::null()).output().expect("the program runs");
        assert!(!output.status.success(), "{command} succeeded");
        String::from_utf8_lossy(&output.stderr).trim().to_owned()
    }

    /// Kills the containers that were made here and takes their cgroups away: those are the machine's and not the
    /// sandbox's, whose end would leave them.
    fn end_containers(&self) {
        let begun = Instant::now();
        let containers = fs::read_dir(self.config().data_dir.join("containers")).into_iter().flatten().flatten();
        let ids: Vec<String> = containers.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let mut left = cgroups_of(ids.iter().map(String::as_str));
        while !left.is_empty() && begun.elapsed() < DEADLINE {
            for folder in &left {
                let pids = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
                if !pids.is_empty() {
                    let _ = Command::new("kill").arg("-9").args(pids.split_whitespace()).stderr(Stdio::null()).status();
                }
            }
            left.retain(|folder| fs::remove_dir(folder).is_err() && folder.exists());
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        self.end_containers();
        // Mounts are the sandbox's, thus this thread's, and may still cover folders here.
        let mounts = fs::read_to_string("/proc/thread-self/mounts").unwrap_or_default();
        for target in mounts.lines().filter_map(|line| line.split(' ').nth(1)).rev() {
            if Path::new(target).starts_with(&self.root) {
                let _ = drawbridge_kernel::mount::unmount(Path::new(target));
            }
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A running daemon.
pub(crate) struct Daemon {
    folders: Folders,
    /// Options beyond those that every test gives.
    options: Vec<String>,
    child: Child,
    /// `http://127.0.0.1:PORT/?token=..`
    pub(crate) panel_link: String,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        Self::start_in(Folders::new())
    }

    pub(crate) fn start_in(folders: Folders) -> Self {
        Self::start_with(folders, &[])
    }

    /// With further options on its command line.
    pub(crate) fn start_with(folders: Folders, options: &[&str]) -> Self {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let (child, panel_link) = spawn(&folders, "127.0.0.1:0", &options, ":");
        Self { folders, options, child, panel_link }
    }

    /// After a command of the shell, in the same process.
    pub(crate) fn start_after(command: &str) -> Self {
        let folders = Folders::new();
        let (child, panel_link) = spawn(&folders, "127.0.0.1:0", &[], command);
        Self { folders, options: Vec::new(), child, panel_link }
    }

    /// What the Docker socket answers to a GET.
    pub(crate) fn curl(&self, path: &str) -> String {
        let socket = self.socket();
        run("curl", &["-sS", "--unix-socket", socket.to_str().unwrap(), &format!("http://d{path}")])
    }

    /// As a crash does: no handler runs.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// On the address it had, where an open panel looks for it.
    pub(crate) fn start_again(&mut self) {
        let address = self.panel_address().to_string();
        (self.child, self.panel_link) = spawn(&self.folders, &address, &self.options, ":");
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn panel_origin(&self) -> &str {
        self.panel_link.split("/?").next().unwrap_or_default()
    }

    /// Where the panel is.
    pub(crate) fn panel_address(&self) -> SocketAddr {
        self.panel_origin().trim_start_matches("http://").parse().unwrap()
    }

    /// Ends it and runs `drawbridge down` on its folders.
    pub(crate) fn take_down(&mut self) {
        self.kill();
        let config = self.folders.config();
        let [data_dir, run_dir] = [config.data_dir, config.run_dir].map(|path| path.display().to_string());
        run(PROGRAM, &["down", "--data-dir", &data_dir, "--run-dir", &run_dir]);
    }

    /// Its process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn folders(&self) -> &Folders {
        &self.folders
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folders.root.join("s")
    }

    /// Runs the docker command and returns what it printed, whatever became of it.
    pub(crate) fn docker_output(&self, args: &[&str]) -> Output {
        Command::new("docker")
            .arg("-H")
            .arg(format!("unix://{}", self.socket().display()))
            .args(args)
            // Nobody's configuration but the defaults.
            .env("DOCKER_CONFIG", self.folders.root.join("docker-config"))
            .stdin(Stdio::null())
            .output()
            .expect("the docker command runs")
    }

    /// Runs the docker command, which must succeed, and returns what it printed, trimmed.
    pub(crate) fn docker(&self, args: &[&str]) -> String {
        let output = self.docker_output(args);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "docker {args:?}: {}\n{stdout}\n{stderr}", output.status);
        stdout.trim().to_owned()
    }

    /// Runs the docker command, which must fail, and returns what it complained.
    pub(crate) fn docker_refuses(&self, args: &[&str]) -> String {
        let output = self.docker_output(args);
        assert!(!output.status.success(), "docker {args:?} succeeded: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).trim().to_owned()
    }

    /// Starts a container that sleeps, as the chapter does.
    pub(crate) fn run_sleeper(&self, name: &str) -> String {
        let script = "while true; do sleep 3600; done";
        self.docker(&["container", "run", "-d", "--rm", "--name", name, "busybox", "/bin/sh", "-c", script])
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folders: &Folders, listen: &str, options: &[String], before: &str) -> (Child, String) {
    let config = folders.config();
    let log = fs::OpenOptions::new().create(true).append(true).open(folders.root.join("log")).unwrap();
    let mut child = Command::new("sh")
        .args(["-c", &format!("{before}; exec \"$0\" \"$@\""), PROGRAM])
        .args(["serve", "--listen", listen, "--data-dir"])
        .arg(&config.data_dir)
        .arg("--run-dir")
        .arg(&config.run_dir)
        .arg("--docker-socket")
        .arg(folders.root.join("s"))
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut panel_link = None;
    let stdout = child.stdout.take().unwrap();
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Some(link) = line.strip_prefix("panel: ") {
            panel_link = Some(link.to_owned());
        }
        if line.starts_with("docker: ") {
            return (child, panel_link.expect("the panel's link comes first"));
        }
    }
    let _ = child.wait();
    panic!("the daemon did not start:\n{}", fs::read_to_string(folders.root.join("log")).unwrap_or_default());
}

/// The cgroups of these containers, in each hierarchy. They are the machine's, where other tests have theirs beside them.
pub(crate) fn cgroups_of<'a>(ids: impl Iterator<Item = &'a str> + Clone) -> Vec<PathBuf> {
    let names = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let top = Path::new("/sys/fs/cgroup");
    let parents = std::iter::once(top.to_owned()).chain(names(top)).map(|hierarchy| hierarchy.join("drawbridge"));
    let folders = parents.flat_map(|parent| ids.clone().map(move |id| parent.join(id)));
    folders.filter(|folder| folder.exists()).collect()
}

/// Whether the docker command is there. It must be in CI.
pub(crate) fn docker_is_there() -> bool {
    is_there("docker")
}

/// Whether a program is on PATH; says so when it is not. In CI it must be.
pub(crate) fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        not_run(&format!("no {program} on PATH"));
    }
    there
}

/// Says why a test is not run. In CI every test must.
pub(crate) fn not_run(reason: &str) {
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "not run, and CI=true: {reason}");
    println!("not run: {reason}");
}

/// Runs a program, which must succeed, and returns what it printed.
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {args:?}: {stdout}{stderr}");
    stdout.into_owned()
}

/// The host's links as `ip link` prints them, all or one, save what the kernel notes up to a second later: whether a cable
/// carries, and with it the state and the queue (net/core/link_watch.c). So two looks at what nobody touched are the same.
pub(crate) fn links(of: &[&str]) -> String {
    let shown = run("ip", &[&["-o", "link", "show"], of].concat()).replace("NO-CARRIER,", "").replace(",LOWER_UP", "");
    let mut before = "";
    let words = shown.split_inclusive(char::is_whitespace);
    words.filter(|word| !["state", "qdisc"].contains(&std::mem::replace(&mut before, word.trim()))).collect()
}

/// Waits until `condition` gives something.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "waited too long for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Asks our own API.
pub(crate) fn api(daemon: &Daemon, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let token = daemon.panel_link.split("token=").nth(1).unwrap();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let mut stream = TcpStream::connect(daemon.panel_address()).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body =
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") { unchunked(body) } else { body.into() };
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

pub(crate) fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        text = rest[length..].trim_start_matches("\r\n");
    }
    whole
}
