//! Debian's registry server, on a free port of loopback and a folder of its own; gone with the value.

use crate::harness::wait_for;
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
}

impl Server {
    /// Starts one; with a line of htpasswd it lets in that user alone.
    pub(crate) fn start(folder: &Path, password: Option<&str>) -> Self {
        let address = free_address();
        let config = folder.join("registry.yml");
        let auth = password.map(|line| {
            let file = folder.join("htpasswd");
            fs::write(&file, line).unwrap();
            format!("auth:\n  htpasswd:\n    realm: lab\n    path: {}\n", file.display())
        });
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n{}",
            folder.join("registry").display(),
            auth.unwrap_or_default()
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        wait_for("the registry", || TcpStream::connect(&address).ok());
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One that nobody listens on just now; in a sandbox nobody else takes it.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
