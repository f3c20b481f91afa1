//! What is done to a container that runs, beside signals: freezing, thawing, other limits.

use super::{Attempt, ProcessState, Runtime, RuntimeError, limits};
use crate::settings::Resources;
use drawbridge_api::ContainerId;

impl Runtime {
    /// Freezes all processes of a container (the freezer of cgroups(7)).
    ///
    /// # Errors
    /// `NotRunning`; `Failed`, with what the OCI runtime says, where there is no freezer.
    pub async fn pause(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        self.command("pause", id).await
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// As of [`Runtime::pause`].
    pub async fn unpause(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        self.command("resume", id).await
    }

    async fn command(&self, verb: &str, id: &ContainerId) -> Result<(), RuntimeError> {
        match self.inner.run(&[verb, id.as_str()]).await {
            Ok(()) => Ok(()),
            Err(said) => Err(self.failed(id, &said).await),
        }
    }

    /// Why the OCI runtime could not do something: in its words, unless the process has just ended.
    async fn failed(&self, id: &ContainerId, said: &str) -> RuntimeError {
        match self.state(id).await {
            Ok(ProcessState::Exited(_) | ProcessState::Unknown) => RuntimeError::NotRunning(id.clone()),
            Ok(ProcessState::Running { .. }) | Err(_) => failed(said),
        }
    }

    /// Gives a container that runs other limits.
    ///
    /// # Errors
    /// `Failed`, with what the OCI runtime says: the kernel takes no memory limit below what is in use, for one.
    pub async fn set_limits(&self, id: &ContainerId, wanted: &Resources) -> Result<(), RuntimeError> {
        let resources = limits::resources(wanted, Vec::new(), &self.inner.host)?;
        let file = self.inner.folders.container(id).run.join("update.json");
        let content = serde_json::to_vec(&resources)?;
        tokio::fs::write(&file, content).await.map_err(RuntimeError::io("write", &file))?;
        let path = file.to_string_lossy();
        match self.inner.run(&["update", "--resources", &path, id.as_str()]).await {
            Ok(()) => Ok(()),
            Err(said) => Err(self.failed(id, &said).await),
        }
    }

    /// Whether the kernel killed a process of the run that has ended, for want of memory. Asked before it is cleaned up:
    /// its cgroup has counted them. The monitor leaves a file that says so, too (conmon(8)), but of a container whose only
    /// process was killed it may hear of the end first: it left none in one of six.
    pub fn ran_out_of_memory(&self, id: &ContainerId) -> bool {
        let paths = self.inner.folders.container(id);
        self.inner.host.memory_kills(&paths.cgroup(id)) > 0 || paths.run.join("oom").exists()
    }
}

/// What runc says, without the time and the level that it puts before: `level=error msg="container not paused"`.
fn failed(said: &str) -> RuntimeError {
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or(said);
    let message = last.split_once("msg=\"").map_or(last, |(_, message)| message.trim_end_matches('"'));
    RuntimeError::Failed { attempt: Attempt::Control, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_alone_is_told() {
        let said = "time=\"2026-11-26T04:58:08Z\" level=error msg=\"container not paused\"\n";
        assert_eq!(failed(said).to_string(), "OCI runtime update failed: container not paused: unknown");
        assert_eq!(failed("plain").to_string(), "OCI runtime update failed: plain: unknown");
    }
}
