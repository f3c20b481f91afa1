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
        let auth = password.map(|line| {
            let file = folder.join("htpasswd");
            fs::write(&file, line).unwrap();
            format!("auth:\n  htpasswd:\n    realm: lab\n    path: {}\n", file.display())
        });
        Self::start_with(folder, &free_address(), &auth.unwrap_or_default())
    }

    /// Starts one that speaks TLS at this address of the sandbox, with `cert.pem` and `key.pem` in the folder.
    pub(crate) fn start_tls(folder: &Path, host: &str) -> Self {
        let port = free_address().rsplit(':').next().map(str::to_owned).unwrap();
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let tls = format!("  tls:\n    certificate: {}\n    key: {}\n", certificate.display(), key.display());
        Self::start_with(folder, &format!("{host}:{port}"), &tls)
    }

    /// With more lines behind those of `http`.
    fn start_with(folder: &Path, address: &str, more: &str) -> Self {
        let config = folder.join("registry.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n{}",
            folder.join("registry").display(),
            more
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        wait_for("the registry", || {
            // A program that another test is just starting has the listener of `free_address` for a moment; then it finds its port
            // taken.
            if child.try_wait().unwrap().is_some() {
                child = command.spawn().unwrap();
            }
            TcpStream::connect(address).ok()
        });
        Self { child, address: address.to_owned() }
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
