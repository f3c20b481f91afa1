//! `RUN`: a command in a container of its own, whose output goes to whoever asked for the build, and what it wrote is the
//! layer.

use super::{BuildOptions, Containers, Daemon, OpError, stage::Building};
use crate::{
    engine::{Changed, Mode},
    images::{
        BuiltImage, ImagesError, Layer,
        build::{Command, run_config},
        config::ImageConfig,
        progress::{Progress, Reporter},
    },
    model::{ContainerRecord, ContainerSpec, NewContainer},
    ops::{
        container::{self, Running, Volumes},
        image::commit,
        lifecycle,
        wait::{self, Condition},
    },
    runtime::{Follow, LogOptions},
};
use drawbridge_api::{ContainerId, NetworkMode, Origin};
use std::sync::Arc;

/// What is to be run.
#[derive(Clone, Debug)]
pub(super) struct RunStep {
    args: Vec<String>,
    /// `NAME=value`, over the image's.
    arguments: Vec<String>,
    network: NetworkMode,
}

impl RunStep {
    pub(super) fn new(config: &ImageConfig, command: &Command, arguments: Vec<String>, network: NetworkMode) -> Self {
        Self { args: run_config::arguments(command, config), arguments, network }
    }

    /// As it stands in the image's history: with the arguments that it saw.
    pub(super) fn noted(&self) -> String {
        let line = self.args.join(" ");
        match self.arguments.len() {
            0 => line,
            count => format!("|{count} {} {line}", self.arguments.join(" ")),
        }
    }
}

/// Runs a command on an image.
///
/// # Errors
/// `CommandFailed` with its exit code; when it can't be started; `Canceled` when nobody listens any more.
pub(super) async fn run(building: &Building<'_>, image: &BuiltImage, step: RunStep) -> Result<Layer, OpError> {
    let daemon = building.daemon;
    let container = create(daemon, building.options, image, &step).await?;
    building.say(format!(" ---> Running in {}\n", container.id.short())).await;
    let ran = follow(daemon, &container.id, building.options.origin, building.reporter).await;
    let layer = match ran {
        Ok(0) => commit::written(daemon, &container.id).await,
        Ok(code) => Err(OpError::CommandFailed { command: step.args.join(" "), code }),
        Err(error) => Err(error),
    };
    if building.options.containers == Containers::Removed || layer.is_err() {
        let id = container.id.as_str();
        container::remove(daemon, Mode::Apply, building.options.origin, id, Running::Kill, Volumes::Remove).await?;
        if layer.is_ok() {
            building.say(format!(" ---> Removed intermediate container {}\n", container.id.short())).await;
        }
    }
    layer
}

async fn create(
    daemon: &Daemon,
    options: &BuildOptions,
    image: &BuiltImage,
    step: &RunStep,
) -> Result<ContainerRecord, OpError> {
    let spec = ContainerSpec {
        image: format!("sha256:{}", image.id),
        // The image's own would be run in place of the command.
        entrypoint: Some(Vec::new()),
        cmd: Some(step.args.clone()),
        env: step.arguments.clone(),
        network_mode: step.network.clone(),
        ..options.container.clone()
    };
    let new = NewContainer { name: None, spec, attachments: Vec::new(), links: Vec::new() };
    match container::create(daemon, Mode::Apply, options.origin, new).await? {
        Changed::Applied(record) => Ok(record),
        Changed::Previewed(_) => Err(OpError::CutOff),
    }
}

/// Starts a container, passes its output on, and returns what it ended with.
async fn follow(daemon: &Arc<Daemon>, id: &ContainerId, origin: Origin, reporter: &Reporter) -> Result<i32, OpError> {
    let waited = wait::begin(daemon, id.as_str(), Condition::NextExit)?;
    lifecycle::start(daemon, Mode::Apply, origin, id.as_str()).await?;
    let options = LogOptions { follow: Follow::Yes, ..LogOptions::default() };
    let mut log = daemon.runtime.logs(id, options);
    let output = async {
        while let Some(entry) = log.next().await? {
            let text = String::from_utf8_lossy(&entry.bytes).into_owned();
            reporter.tell(Progress::Output(text)).await;
        }
        Ok::<_, OpError>(())
    };
    tokio::select! {
        ran = async { tokio::try_join!(waited, output) } => ran.map(|(code, ())| code),
        () = reporter.gone() => Err(ImagesError::Canceled.into()),
    }
}
