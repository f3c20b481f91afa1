//! What there is as a shell script: the plan from an empty machine to what is wanted now, each step as the commands that a person
//! would type.

use super::super::{Daemon, OpError};
use drawbridge_plan::explain;
use std::fmt::Write as _;

/// The script. It makes the networks and namespaces, not the processes: in place of containers there are namespaces with
/// their interfaces.
///
/// # Errors
/// When the store can't be read.
pub fn script(daemon: &Daemon) -> Result<String, OpError> {
    let mut script = String::from(
        "#!/bin/sh\n\
         # What Drawbridge had made on this machine, as commands: run by root on a bare machine, they make the same bridges,\n\
         # namespaces, addresses and nftables elements. The containers' processes are not part of it; `ip netns exec NAME sh`\n\
         # opens a shell in the place of one. Names that only the daemon answers (port 53 of 127.0.0.11) are not answered.\n\
         set -eu\n",
    );
    for step in daemon.engine.from_nothing()? {
        let explained = explain(&step);
        let _ = write!(script, "\n# {}\n", explained.title);
        for command in explained.commands {
            script.push_str(&command);
            script.push('\n');
        }
    }
    Ok(script)
}
