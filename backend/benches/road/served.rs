//! The program as its users have it: `drawbridge serve` as a process of its own, asked over its Docker socket, or as the
//! panel asks. The client is as plain as can be, so that nothing of its own is measured.

use crate::measure::Times;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// What is kept of the daemon's log: warnings, or also where the time of an operation goes.
#[derive(Clone, Copy)]
pub(crate) enum Log {
    Warnings,
    Laps,
}

/// A running daemon and its folders.
pub(crate) struct Served {
    child: Child,
    root: PathBuf,
    /// `127.0.0.1:PORT`
    panel: String,
}

impl Served {
    pub(crate) fn open(log: Log) -> Served {
        let root = std::env::temp_dir().join(format!("db-bench-{}", std::process::id()));
        // As /run is everywhere; the runtime's own files are there too.
        let run_dir = root.join("run");
        fs::create_dir_all(&run_dir).unwrap();
        mount(Some("tmpfs"), &run_dir, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
        let filter = match log {
            Log::Warnings => "warn",
            Log::Laps => "lap=trace",
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_drawbridge"))
            .args(["serve", "--listen", "127.0.0.1:0", "--auth", "none", "--data-dir"])
            .arg(root.join("data"))
            .arg("--run-dir")
            .arg(&run_dir)
            .arg("--docker-socket")
            .arg(root.join("s"))
            .env("DRAWBRIDGE_LOG", filter)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(root.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut panel = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let is_up = lines.any(|line| {
            if let Some(address) = line.strip_prefix("panel: http://") {
                panel = address.trim_end_matches('/').to_owned();
            }
            line.starts_with("docker: ")
        });
        assert!(is_up, "it does not start:\n{}", fs::read_to_string(root.join("log")).unwrap());
        Served { child, root, panel }
    }

    pub(crate) fn run_dir(&self) -> PathBuf {
        self.root.join("run")
    }

    /// A connection of its own.
    pub(crate) fn client(&self) -> Client {
        Client::of(UnixStream::connect(self.root.join("s")).unwrap())
    }

    /// One as the panel has.
    pub(crate) fn panel(&self) -> Client {
        Client::of(TcpStream::connect(&self.panel).unwrap())
    }

    /// The docker command, with nobody's configuration but the defaults.
    pub(crate) fn docker(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.arg("-H").arg(format!("unix://{}", self.root.join("s").display())).args(args);
        command.env("DOCKER_CONFIG", self.root.join("docker-config"));
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What the daemon's own process has: no container's, no monitor's.
    pub(crate) fn footprint(&self) -> Footprint {
        let proc = PathBuf::from(format!("/proc/{}", self.child.id()));
        let number = |file: &str, name: &str| -> u64 {
            let text = fs::read_to_string(proc.join(file)).unwrap();
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Footprint {
            resident_kib: number("smaps_rollup", "Rss:"),
            proportional_kib: number("smaps_rollup", "Pss:"),
            anonymous_kib: number("smaps_rollup", "Anonymous:"),
            threads: number("status", "Threads:"),
            descriptors: fs::read_dir(proc.join("fd")).unwrap().count(),
        }
    }

    /// The laps that were logged since the last call, by name in the order in which they were first seen. A lap is what
    /// passed since the line before; a line that begins with `asked` starts the watch anew.
    pub(crate) fn laps(&self) -> Vec<(String, Times)> {
        let text = fs::read_to_string(self.root.join("log")).unwrap();
        File::create(self.root.join("log")).unwrap();
        let mut laps: Vec<(String, Times)> = Vec::new();
        let mut last = Duration::ZERO;
        for line in text.lines() {
            let Some((time, name)) = line.split_once("TRACE lap: ") else { continue };
            let now = time_of_day(time.trim());
            let since = now.saturating_sub(std::mem::replace(&mut last, now));
            if name.starts_with("asked") {
                continue;
            }
            match laps.iter_mut().find(|(known, _)| known == name) {
                Some((_, times)) => times.push(since),
                None => laps.push((name.to_owned(), Times(vec![since]))),
            }
        }
        laps
    }

    /// Ends all containers, the daemon, and what it has in the kernel.
    pub(crate) fn close(mut self) {
        let mut client = self.client();
        let listed: Value = serde_json::from_slice(&client.ask("GET", "/containers/json?all=1", "")).unwrap();
        let ids = listed.as_array().unwrap().iter().map(|row| row["Id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>().iter().for_each(|id| client.remove(id));
        let log = fs::read_to_string(self.root.join("log")).unwrap();
        log.lines()
            .filter(|line| line.contains("WARN") || line.contains("ERROR"))
            .for_each(|line| println!("  {line}"));
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        umount2(&self.root.join("run"), MntFlags::MNT_DETACH).unwrap();
        fs::remove_dir_all(&self.root).unwrap();
    }
}

/// `2026-11-26T07:40:12.123456Z`, since midnight.
fn time_of_day(text: &str) -> Duration {
    let clock = text.split_once('T').unwrap().1.trim_end_matches('Z');
    let mut parts = clock.splitn(3, ':');
    let mut whole = || parts.next().unwrap().parse::<f64>().unwrap();
    Duration::from_secs_f64(whole() * 3600.0 + whole() * 60.0 + whole())
}

/// What a process uses.
pub(crate) struct Footprint {
    pub(crate) resident_kib: u64,
    pub(crate) proportional_kib: u64,
    pub(crate) anonymous_kib: u64,
    pub(crate) threads: u64,
    pub(crate) descriptors: usize,
}

trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// One connection: HTTP/1.1, one request after the other.
pub(crate) struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

impl Client {
    fn of(stream: impl Stream + 'static) -> Client {
        Client { stream: BufReader::new(Box::new(stream)) }
    }

    /// Sends a request, which must succeed, and reads the answer to its end.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let status = self.line();
        let mut length = 0;
        loop {
            let header = self.line().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).unwrap();
        let is_success = status.split(' ').nth(1).is_some_and(|code| code.starts_with('2'));
        assert!(is_success, "{method} {path}: {status}\n{}", String::from_utf8_lossy(&answer));
        answer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// A container that sleeps, made and not started.
    pub(crate) fn create(&mut self, network: &str) -> String {
        let body = json!({
            "Image": "busybox", "Cmd": ["sleep", "100000"], "HostConfig": { "NetworkMode": network },
        });
        let made: Value = serde_json::from_slice(&self.ask("POST", "/containers/create", &body.to_string())).unwrap();
        made["Id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn start(&mut self, id: &str) {
        self.ask("POST", &format!("/containers/{id}/start"), "");
    }

    /// What `docker run -d` asks for, once the image is there.
    pub(crate) fn run(&mut self, network: &str) -> String {
        let id = self.create(network);
        self.start(&id);
        id
    }

    /// `docker rm --force`.
    pub(crate) fn remove(&mut self, id: &str) {
        self.ask("DELETE", &format!("/containers/{id}?force=1"), "");
    }
}
