//! Refusals in plain words, for a person in the panel: what happened, why, and what helps. [`OpError`] begins with the words that
//! Docker's clients look for; some of those are long, and say last what helps or not at all.

use super::OpError;
use std::net::IpAddr;

/// What a person is told instead.
#[derive(Debug, thiserror::Error)]
enum Plain<'a> {
    #[error("There is a container called {0} already: choose another name, or remove or rename that one first")]
    ContainerName(&'a str),
    #[error("There is a network called {0} already: choose another name, or remove that one first")]
    NetworkName(&'a str),
    #[error("Network {network} can’t be removed while containers are in it: disconnect {users} first")]
    NetworkInUse { network: &'a str, users: String },
    #[error("Port {port} is taken: {holder}. Choose another, {free} is free")]
    Port { port: String, holder: &'a str, free: u16 },
    #[error("Port {port} is taken: {holder}. Choose another")]
    PortAmongTaken { port: String, holder: &'a str },
    #[error("No interface of this machine has the address {0}: choose one of those that `ip addr` lists")]
    Address(IpAddr),
    #[error("There is no program {0} in the container: choose another command, or an image that has it")]
    Program(&'a str),
    #[error(
        "The file {0} in the container may not be executed: choose another command, or an image in which it has the right to be"
    )]
    NotExecutable(&'a str),
}

/// A refusal as a person is told it.
pub fn plain(error: &OpError) -> String {
    let told = match error {
        OpError::ContainerNameTaken { name, .. } => Plain::ContainerName(name),
        OpError::NetworkNameTaken(name) => Plain::NetworkName(name),
        OpError::NetworkInUse { network, endpoints } => Plain::NetworkInUse { network, users: users(endpoints) },
        OpError::PortTaken { host, holder, free: Some(free), .. } => {
            Plain::Port { port: host.to_string(), holder, free: *free }
        }
        OpError::PortTaken { host, holder, free: None, .. } => Plain::PortAmongTaken { port: host.to_string(), holder },
        OpError::NoSuchAddress { host, .. } => Plain::Address(host.address),
        error => return plain_start(&error.to_string()),
    };
    told.to_string()
}

/// The same for the words of a start that failed, as they are stored and as `docker inspect` shows them.
pub fn plain_start(words: &str) -> String {
    // As runc says it, whichever runtime it was: `exec: "NAME": permission denied`.
    let exec =
        words.split_once("unable to start container process: exec: \"").and_then(|(_, rest)| rest.split_once('"'));
    match exec {
        Some((program, why)) if why.starts_with(": permission denied") => Plain::NotExecutable(program).to_string(),
        Some((program, why)) if why.contains("not found in $PATH") || why.contains("no such file or directory") => {
            Plain::Program(program).to_string()
        }
        Some(_) | None => words.to_owned(),
    }
}

/// The names in `name:"web" id:"0123456789ab", name:"db" ..`.
fn users(endpoints: &str) -> String {
    let names = endpoints.split("name:\"").skip(1).filter_map(|rest| rest.split('"').next());
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_api::{HostPort, Protocol};

    #[test]
    fn what_clients_look_for_is_told_plainly() {
        let host = HostPort { address: [0, 0, 0, 0].into(), protocol: Protocol::Tcp, port: 8080 };
        let taken = |free| OpError::PortTaken {
            endpoint: "box1 (0123)".to_owned(),
            host,
            holder: "container web has it".to_owned(),
            free,
        };
        for (error, words) in [
            (taken(Some(8081)), "Port 0.0.0.0:8080/tcp is taken: container web has it. Choose another, 8081 is free"),
            (taken(None), "Port 0.0.0.0:8080/tcp is taken: container web has it. Choose another"),
            (
                OpError::NetworkInUse {
                    network: "lab".to_owned(),
                    endpoints: "name:\"web\" id:\"0123456789ab\", name:\"db\" id:\"123456789abc\"".to_owned(),
                },
                "Network lab can’t be removed while containers are in it: disconnect web, db first",
            ),
            (OpError::Invalid("as it was".to_owned()), "as it was"),
        ] {
            assert_eq!(plain(&error), words);
        }
    }

    #[test]
    fn a_start_that_failed_names_the_program() {
        let runc = "failed to create task for container: unable to start container process: exec: ";
        for (why, words) in [
            ("\"nosuch\": executable file not found in $PATH: unknown", "There is no program nosuch in the container"),
            ("\"/a/b\": stat /a/b: no such file or directory: unknown", "There is no program /a/b in the container"),
            (
                "\"/etc/passwd\": permission denied: unknown",
                "The file /etc/passwd in the container may not be executed",
            ),
        ] {
            let told = plain_start(&format!("{runc}{why}"));
            assert!(told.starts_with(words), "{told}");
        }
        assert_eq!(plain_start("something else"), "something else");
    }
}
