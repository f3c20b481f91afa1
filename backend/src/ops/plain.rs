//! Refusals in plain words, for a person in the panel: what happened, why, and what helps. [`OpError`] begins with the words that
//! Docker's clients look for; some of those are long, and say last what helps or not at all.

use super::OpError;

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
    Port { port: &'a str, holder: &'a str, free: &'a str },
    #[error("Port {port} is taken: {holder}. Choose another")]
    PortAmongTaken { port: &'a str, holder: &'a str },
    #[error("No interface of this machine has the address {0}: choose one of those that `ip addr` lists")]
    Address(&'a str),
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
        error => return plain_start(&error.to_string()),
    };
    told.to_string()
}

/// The same for the words of a start that failed, as they are stored and as `docker inspect` shows them.
pub fn plain_start(words: &str) -> String {
    of_start(words).map_or_else(|| words.to_owned(), |plain| plain.to_string())
}

fn of_start(words: &str) -> Option<Plain<'_>> {
    // As runc says it, whichever runtime it was: `exec: "NAME": permission denied`.
    if let Some((_, exec)) = words.split_once("unable to start container process: exec: \"") {
        let (program, why) = exec.split_once('"')?;
        let is_missing = why.contains("not found in $PATH") || why.contains("no such file or directory");
        let is_forbidden = why.starts_with(": permission denied");
        return is_forbidden
            .then_some(Plain::NotExecutable(program))
            .or_else(|| is_missing.then_some(Plain::Program(program)));
    }
    let (port, why) = words.split_once("Bind for ")?.1.split_once(" failed: ")?;
    if let Some(taken) = why.strip_prefix("port is already allocated: ") {
        let free = taken.split_once("; ").and_then(|(holder, free)| Some((holder, free.strip_suffix(" is free")?)));
        return Some(match free {
            Some((holder, free)) => Plain::Port { port, holder, free },
            None => Plain::PortAmongTaken { port, holder: taken },
        });
    }
    let (_, address) = why.split_once("no interface of this machine has ")?;
    Some(Plain::Address(address.split(';').next()?))
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
            (taken(Some(8081)), "Port 0.0.0.0:8080 is taken: container web has it. Choose another, 8081 is free"),
            (taken(None), "Port 0.0.0.0:8080 is taken: container web has it. Choose another"),
            (
                OpError::NetworkInUse {
                    network: "lab".to_owned(),
                    endpoints: "name:\"web\" id:\"0123456789ab\", name:\"db\" id:\"123456789abc\"".to_owned(),
                },
                "Network lab can’t be removed while containers are in it: disconnect web, db first",
            ),
            (
                OpError::NoSuchAddress { endpoint: "box1 (0123)".to_owned(), host },
                "No interface of this machine has the address 0.0.0.0: choose one of those that `ip addr` lists",
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
