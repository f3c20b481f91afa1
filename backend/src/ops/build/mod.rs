//! Building an image: the instructions of a file, one image after the other, each made of the one before. Commands run in
//! containers of ours, on a network of ours, where the panel shows them like any other.

mod copying;
mod run;
mod stage;

use super::{Daemon, OpError, image};
use crate::{
    images::{
        BuiltImage, Images, ImagesError, Layer, Reference,
        build::{Context, Dockerfile, Instruction, Stage, ignore::Patterns, run_config, words},
        pipe::PipeReader,
        progress::{Progress, Reporter},
        registry::Credentials,
    },
    model::ContainerSpec,
};
use drawbridge_api::{NetworkMode, Origin};
use stage::{Base, Building};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use tokio::task::spawn_blocking;

/// Whether an earlier build's steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Where nothing has changed.
    Used,
    /// Everything is done anew.
    Ignored,
}

/// Whether base images that are here are asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// Only those that are missing.
    Missing,
    /// Always.
    Always,
}

/// What becomes of the containers that ran commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Containers {
    /// They are removed.
    Removed,
    /// They stay.
    Kept,
}

/// Where the files of a build are.
#[derive(Debug)]
pub enum Files {
    /// There are none.
    None,
    /// In an archive that a client sends.
    Sent(PipeReader),
    /// In a folder of this machine.
    Folder(PathBuf),
}

/// Where its instructions are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// In a file among the others.
    File(String),
    /// Here.
    Text(String),
}

/// How an image is built.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Who asks.
    pub origin: Origin,
    /// Where its instructions are.
    pub instructions: Instructions,
    /// The names that are to point at the image.
    pub tags: Vec<Reference>,
    /// Values of `ARG`.
    pub arguments: BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The stage to stop at, by name or number; the last when absent.
    pub target: Option<String>,
    /// What commands run in, save their image and themselves: network, limits, names.
    pub container: ContainerSpec,
    /// Whether an earlier build's steps are taken.
    pub cache: Cache,
    /// Whether base images are asked for again.
    pub pull: Pull,
    /// What becomes of the containers that ran commands.
    pub containers: Containers,
    /// Names and passwords by registry.
    pub credentials: BTreeMap<String, Credentials>,
}

impl BuildOptions {
    /// Those of `docker build` where nothing else is said.
    ///
    /// # Errors
    /// None: the name of the default network is one.
    pub fn plain(origin: Origin, instructions: Instructions) -> Result<Self, OpError> {
        Ok(Self {
            origin,
            instructions,
            tags: Vec::new(),
            arguments: BTreeMap::new(),
            labels: BTreeMap::new(),
            target: None,
            container: ContainerSpec::plain(String::new(), NetworkMode::Network("bridge".parse()?)),
            cache: Cache::Used,
            pull: Pull::Missing,
            containers: Containers::Removed,
            credentials: BTreeMap::new(),
        })
    }
}

/// Builds an image.
///
/// # Errors
/// `Invalid` for instructions that make no sense, `CommandFailed`, and whatever a step fails with. Images of the steps
/// before stay, for the next build.
pub async fn build(
    daemon: &Arc<Daemon>,
    files: Files,
    options: BuildOptions,
    reporter: &Reporter,
) -> Result<(), OpError> {
    let built = build_on(daemon, files, options, reporter).await;
    // Layers of a step that failed are nobody's.
    image::sweep(daemon).await?;
    built
}

async fn build_on(
    daemon: &Arc<Daemon>,
    files: Files,
    options: BuildOptions,
    reporter: &Reporter,
) -> Result<(), OpError> {
    let (images, instructions) = (daemon.images.clone(), options.instructions.clone());
    let read = spawn_blocking(move || read(&images, files, &instructions)).await;
    let (context, dockerfile) = read.map_err(|_| OpError::CutOff)??;
    let last = last_stage(&dockerfile, options.target.as_deref())?;
    let total = dockerfile.stages[..=last].iter().map(|stage| stage.steps.len() + 1).sum::<usize>();
    let total = total + dockerfile.args.len();
    let mut building = Building::new(daemon, &context, &options, reporter, total);
    for argument in &dockerfile.args {
        building.count(&argument.text).await;
        if let Instruction::Arg(text) = &argument.instruction {
            building.global_arguments(text)?;
        }
    }
    for (number, stage) in dockerfile.stages[..=last].iter().enumerate() {
        build_stage(&mut building, number, stage, number == last).await?;
    }
    let Some(image) = building.last_image() else {
        return Err(OpError::Invalid("No image was generated. Is your Dockerfile empty?".into()));
    };
    let unused = building.unused_arguments();
    if !unused.is_empty() {
        let names = unused.join(" ");
        let text = format!("[Warning] One or more build-args [{names}] were not consumed\n");
        reporter.tell(Progress::Output(text)).await;
    }
    finish(daemon, &image, &options.tags, reporter).await
}

fn read(images: &Images, files: Files, instructions: &Instructions) -> Result<(Context, Dockerfile), ImagesError> {
    let context = match files {
        Files::None => images.context(std::io::empty())?,
        Files::Sent(archive) => images.context(archive)?,
        Files::Folder(folder) => images.context_of(&folder)?,
    };
    let text = match instructions {
        Instructions::Text(text) => text.clone(),
        Instructions::File(name) => context
            .text(name)?
            .ok_or_else(|| ImagesError::Bad(format!("Cannot locate specified Dockerfile: {name}")))?,
    };
    let dockerfile = Dockerfile::parse(&text)?;
    if let Some(patterns) = context.text(".dockerignore")? {
        context.ignore(&Patterns::parse(&patterns))?;
    }
    Ok((context, dockerfile))
}

fn last_stage(dockerfile: &Dockerfile, target: Option<&str>) -> Result<usize, OpError> {
    let count = dockerfile.stages.len();
    let Some(target) = target.filter(|target| !target.is_empty()) else { return Ok(count - 1) };
    let by_name = dockerfile.stages.iter().position(|stage| stage.name.as_deref() == Some(&target.to_lowercase()));
    let by_number = target.parse().ok().filter(|number| *number < count);
    by_name.or(by_number).ok_or_else(|| OpError::Invalid(format!("target stage \"{target}\" could not be found")))
}

async fn build_stage(building: &mut Building<'_>, number: usize, stage: &Stage, is_last: bool) -> Result<(), OpError> {
    building.count(&stage.text).await;
    building.begin(number, stage).await?;
    let triggers = building.triggers();
    if !triggers.is_empty() {
        let plural = if triggers.len() == 1 { "" } else { "s" };
        building.say(format!("# Executing {} build trigger{plural}\n", triggers.len())).await;
    }
    for trigger in triggers {
        let step = Dockerfile::instruction(&trigger)?;
        building.step(&step).await?;
    }
    for step in &stage.steps {
        if building.reporter.is_gone() {
            return Err(ImagesError::Canceled.into());
        }
        building.count(&step.text).await;
        building.step(step).await?;
    }
    if is_last {
        building.label().await?;
    }
    building.end(stage.name.clone());
    match building.last_image() {
        Some(image) if is_last => building.reporter.tell(Progress::Made(image.id)).await,
        Some(_) | None => {}
    }
    Ok(())
}

async fn finish(daemon: &Daemon, built: &BuiltImage, tags: &[Reference], reporter: &Reporter) -> Result<(), OpError> {
    let short = built.id.short().to_owned();
    reporter.tell(Progress::Output(format!("Successfully built {short}\n"))).await;
    for tag in tags {
        image::tag(daemon, built.id.as_str(), tag)?;
        reporter.tell(Progress::Output(format!("Successfully tagged {tag}\n"))).await;
    }
    Ok(())
}

/// The image that a name after `FROM` means, pulled when it has to be.
async fn base_image(building: &Building<'_>, name: &str) -> Result<Base, OpError> {
    let (daemon, reporter) = (building.daemon, building.reporter);
    let found = match building.options.pull {
        Pull::Missing => image::find(daemon, name),
        Pull::Always => Err(OpError::NoSuchImage(name.to_owned())),
    };
    let found = match found {
        Ok(found) => found,
        Err(OpError::NoSuchImage(_)) => {
            let reference: Reference = name
                .parse()
                .map_err(|error: crate::images::InvalidReference| OpError::Invalid(format!("{name}: {error}")))?;
            let credentials = building.options.credentials.get(&reference.domain).unwrap_or(&Credentials::None);
            image::registry::pull(daemon, &reference, credentials, reporter).await?;
            image::find(daemon, &reference.to_string())?
        }
        Err(error) => return Err(error),
    };
    Ok(Base { image: daemon.images.recorded(&found.config, &found.layers)? })
}

/// Replaces variables, in an operation's words for what is wrong.
fn expanded(text: &str, lookup: &dyn words::Lookup) -> Result<String, OpError> {
    words::expand(text, lookup).map_err(OpError::Invalid)
}

/// The variables that may be given without `ARG`: those of proxies, which programs look for themselves.
const KNOWN_ARGUMENTS: [&str; 10] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Changes an image's configuration by instructions, as `commit` and `import` have them.
///
/// # Errors
/// `Invalid` for what is no instruction, or one that needs more than a configuration.
pub fn change(config: &mut crate::images::config::ImageConfig, lines: &[String]) -> Result<(), OpError> {
    let mut memory = run_config::Memory::default();
    for line in lines {
        let step = Dockerfile::instruction(line)?;
        let before: Vec<String> = run_config::variables(config);
        let lookup = |name: &str| value_of(&before, name);
        let changed = run_config::apply(&step.instruction, config, &mut memory, &lookup).map_err(OpError::Invalid)?;
        if changed.is_none() {
            let word = line.split_whitespace().next().unwrap_or_default();
            return Err(OpError::Invalid(format!("{word} is not a valid change command")));
        }
    }
    Ok(())
}

/// The value of a variable in a list of `NAME=value`.
fn value_of(variables: &[String], name: &str) -> Option<String> {
    let pairs = variables.iter().rev().filter_map(|variable| variable.split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

fn folders(daemon: &Daemon, layers: &[Layer]) -> Vec<PathBuf> {
    layers.iter().map(|layer| daemon.images.layer_dir(&layer.diff_id)).collect()
}
