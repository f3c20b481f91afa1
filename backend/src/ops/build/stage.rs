//! A build under way: which image the next instruction is done on, what variables mean, and what earlier builds have done
//! already.

use super::{
    BuildOptions, Cache, Daemon, KNOWN_ARGUMENTS, OpError, base_image, expanded, folders,
    run::{self, RunStep},
    value_of,
};
use crate::{
    clock,
    images::{
        BuiltImage, Layer,
        build::{
            Context, Instruction, Stage, Step,
            run_config::{self, Memory},
        },
        config::{HistoryEntry, ImageConfig},
        progress::{Progress, Reporter},
    },
    ops::image::{self, Names},
    store::image as rows,
};
use drawbridge_api::NetworkMode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};
use tokio::task::spawn_blocking;

/// An image that a stage begins with, or copies from.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) image: BuiltImage,
}

/// A build under way.
pub(super) struct Building<'a> {
    pub(super) daemon: &'a Arc<Daemon>,
    pub(super) options: &'a BuildOptions,
    pub(super) reporter: &'a Reporter,
    pub(super) context: &'a Context,
    counted: usize,
    total: usize,
    /// Values of `ARG` before the first `FROM`.
    global: BTreeMap<String, String>,
    /// Values of `ARG` of this stage.
    arguments: BTreeMap<String, String>,
    used: BTreeSet<String>,
    pub(super) config: ImageConfig,
    pub(super) image: Option<BuiltImage>,
    memory: Memory,
    /// Stages that are done: their names and images.
    pub(super) done: Vec<(Option<String>, Option<BuiltImage>)>,
}

impl<'a> Building<'a> {
    pub(super) fn new(
        daemon: &'a Arc<Daemon>,
        context: &'a Context,
        options: &'a BuildOptions,
        reporter: &'a Reporter,
        total: usize,
    ) -> Self {
        Self {
            daemon,
            options,
            reporter,
            context,
            counted: 0,
            total,
            global: BTreeMap::new(),
            arguments: BTreeMap::new(),
            used: BTreeSet::new(),
            config: ImageConfig::scratch(),
            image: None,
            memory: Memory::default(),
            done: Vec::new(),
        }
    }

    pub(super) async fn count(&mut self, text: &str) {
        self.counted += 1;
        self.say(format!("Step {}/{} : {text}\n", self.counted, self.total)).await;
    }

    pub(super) async fn say(&self, text: String) {
        self.reporter.tell(Progress::Output(text)).await;
    }

    pub(super) fn last_image(&self) -> Option<BuiltImage> {
        self.done.last().and_then(|(_, image)| image.clone())
    }

    /// The arguments that were given and that no instruction asked for.
    pub(super) fn unused_arguments(&self) -> Vec<String> {
        let given = self.options.arguments.keys().filter(|name| !KNOWN_ARGUMENTS.contains(&name.as_str()));
        given.filter(|name| !self.used.contains(*name)).cloned().collect()
    }

    pub(super) fn global_arguments(&mut self, text: &str) -> Result<(), OpError> {
        let before = self.global.clone();
        let lookup = |name: &str| before.get(name).cloned();
        for (name, default) in run_config::build_arguments(text, &lookup).map_err(OpError::Invalid)? {
            if let Some(value) = self.options.arguments.get(&name).cloned().or(default) {
                self.global.insert(name.clone(), value);
            }
            self.used.insert(name);
        }
        Ok(())
    }

    /// Begins a stage with its image.
    pub(super) async fn begin(&mut self, number: usize, stage: &Stage) -> Result<(), OpError> {
        let name = {
            let lookup = |name: &str| self.global.get(name).cloned();
            if let Some(platform) = &stage.platform {
                let platform = expanded(platform, &lookup)?;
                let ours = format!("linux/{}", crate::images::config::architecture());
                if !matches!(platform.as_str(), "" | "linux") && platform != ours {
                    return Err(OpError::NotBuilt(format!("building for {platform} on this machine")));
                }
            }
            expanded(&stage.image, &lookup)?
        };
        if name.is_empty() {
            return Err(OpError::Invalid(format!("base name ({}) should not be blank", stage.image)));
        }
        self.arguments.clear();
        self.memory = Memory::default();
        (self.config, self.image) = (ImageConfig::scratch(), None);
        if name == "scratch" {
            self.say(" ---> \n".into()).await;
            return Ok(());
        }
        let image = match self.stage_named(&name, number)? {
            Some(image) => image,
            None => base_image(self, &name).await?.image,
        };
        self.say(format!(" ---> {}\n", image.id.short())).await;
        self.config = ImageConfig::parse(image.config.as_bytes())?;
        self.image = Some(image);
        Ok(())
    }

    /// The image of an earlier stage, by name or number; none when there is no such stage.
    pub(super) fn stage_named(&self, name: &str, before: usize) -> Result<Option<BuiltImage>, OpError> {
        let by_name = self.done.iter().rev().find(|(known, _)| known.as_deref() == Some(&name.to_lowercase()));
        let by_number =
            || name.parse().ok().filter(|number| *number < before).and_then(|number: usize| self.done.get(number));
        match by_name.or_else(by_number) {
            None => Ok(None),
            Some((_, Some(image))) => Ok(Some(image.clone())),
            Some((_, None)) => Err(OpError::Invalid(format!("stage {name} has made no image: it has no instructions"))),
        }
    }

    /// The instructions that the image has for those who build on it, taken out of it.
    pub(super) fn triggers(&mut self) -> Vec<String> {
        let mut run = self.config.run();
        let triggers = run.remove("OnBuild").and_then(|list| list.as_array().cloned()).unwrap_or_default();
        self.config.set_run(run);
        triggers.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Ends a stage.
    pub(super) fn end(&mut self, name: Option<String>) {
        self.done.push((name, self.image.clone()));
    }

    /// The labels that the build was asked to give.
    pub(super) async fn label(&mut self) -> Result<(), OpError> {
        if self.options.labels.is_empty() {
            return Ok(());
        }
        let mut run = self.config.run();
        for (name, value) in &self.options.labels {
            run_config::set(&mut run, "Labels", name, value.as_str().into());
        }
        self.config.set_run(run);
        let shown: Vec<String> = self.options.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.commit(format!("/bin/sh -c #(nop)  LABEL {}", shown.join(" ")), String::new(), None).await
    }

    /// What variables mean: the image's own over the arguments.
    pub(super) fn lookup(&self) -> impl Fn(&str) -> Option<String> + use<> {
        let (variables, arguments) = (run_config::variables(&self.config), self.arguments.clone());
        move |name: &str| value_of(&variables, name).or_else(|| arguments.get(name).cloned())
    }

    /// Does one instruction.
    pub(super) async fn step(&mut self, step: &Step) -> Result<(), OpError> {
        match &step.instruction {
            Instruction::Arg(text) => {
                self.arguments(text)?;
                let noted = format!("/bin/sh -c #(nop)  ARG {text}");
                self.commit(noted, String::new(), None).await
            }
            Instruction::Run { command, options } => {
                let network = self.network_of(options)?;
                let Some(image) = self.image.clone() else {
                    return Err(OpError::Invalid("RUN needs an image to run in: nothing was copied to it yet".into()));
                };
                let step = RunStep::new(&self.config, command, self.arguments_of_run(), network);
                self.run(&image, step).await
            }
            Instruction::Copy(copy) => self.copy(copy).await,
            Instruction::Workdir(_) => {
                let noted = self.apply(&step.instruction)?;
                let run = self.config.run();
                let folder = run.get("WorkingDir").and_then(Value::as_str).unwrap_or("/").to_owned();
                if self.take_cached(&noted, "").await? {
                    return Ok(());
                }
                let (images, base) = (self.daemon.images.clone(), self.folders());
                let made = spawn_blocking(move || images.make_folder(&base, &folder)).await;
                let layer = made.map_err(|_| OpError::CutOff)??;
                self.make(noted, String::new(), layer).await
            }
            Instruction::Env(_)
            | Instruction::Label(_)
            | Instruction::Maintainer(_)
            | Instruction::Cmd(_)
            | Instruction::Entrypoint(_)
            | Instruction::Expose(_)
            | Instruction::Healthcheck(_)
            | Instruction::Onbuild(_)
            | Instruction::Shell(_)
            | Instruction::StopSignal(_)
            | Instruction::User(_)
            | Instruction::Volume(_) => {
                let noted = self.apply(&step.instruction)?;
                self.commit(noted, String::new(), None).await
            }
        }
    }

    /// Where a command runs by its own options.
    fn network_of(&self, options: &[(String, String)]) -> Result<NetworkMode, OpError> {
        let mut network = self.options.container.network_mode.clone();
        for (name, value) in options {
            network = match (name.as_str(), value.as_str()) {
                ("network", "default") => network,
                ("network", "none") => NetworkMode::None,
                ("network", "host") => NetworkMode::Host,
                ("network", other) => {
                    let why = format!("RUN --network={other}: a command has the network default, none or host");
                    return Err(OpError::Invalid(why));
                }
                (other, _) => return Err(OpError::NotBuilt(format!("RUN --{other}, an option of BuildKit,"))),
            };
        }
        Ok(network)
    }

    fn arguments(&mut self, text: &str) -> Result<(), OpError> {
        let lookup = self.lookup();
        for (name, default) in run_config::build_arguments(text, &lookup).map_err(OpError::Invalid)? {
            let value =
                self.options.arguments.get(&name).cloned().or(default).or_else(|| self.global.get(&name).cloned());
            if let Some(value) = value {
                self.arguments.insert(name.clone(), value);
            }
            self.used.insert(name);
        }
        Ok(())
    }

    /// What a command sees of the arguments: not those that the image has a variable for.
    fn arguments_of_run(&self) -> Vec<String> {
        let variables = run_config::variables(&self.config);
        let known = KNOWN_ARGUMENTS.iter().filter_map(|name| {
            let value = self.options.arguments.get(*name)?;
            Some(((*name).to_owned(), value.clone()))
        });
        let all: BTreeMap<String, String> = known.chain(self.arguments.clone()).collect();
        let unset = all.into_iter().filter(|(name, _)| value_of(&variables, name).is_none());
        unset.map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn apply(&mut self, instruction: &Instruction) -> Result<String, OpError> {
        let lookup = self.lookup();
        let noted = run_config::apply(instruction, &mut self.config, &mut self.memory, &lookup);
        let noted = noted.map_err(OpError::Invalid)?.unwrap_or_default();
        Ok(format!("/bin/sh -c #(nop)  {noted}"))
    }

    async fn run(&mut self, image: &BuiltImage, step: RunStep) -> Result<(), OpError> {
        let noted = step.noted();
        if self.take_cached(&noted, "").await? {
            return Ok(());
        }
        let layer = run::run(self, image, step).await?;
        self.make(noted, String::new(), Some(layer)).await
    }

    /// The folders of the image's layers, lowest first.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.image.as_ref().map(|image| folders(self.daemon, &image.layers)).unwrap_or_default()
    }

    async fn commit(&mut self, noted: String, beside: String, layer: Option<Layer>) -> Result<(), OpError> {
        if self.take_cached(&noted, &beside).await? {
            return Ok(());
        }
        self.make(noted, beside, layer).await
    }

    /// What tells a step from all others: the image it is done on, what is done, and what it leaves to be run.
    fn key(&self, noted: &str, beside: &str) -> String {
        let parent = self.image.as_ref().map(|image| image.id.to_string());
        let text = json!([parent, noted, beside, self.config.run(), self.arguments]).to_string();
        hex::encode(Sha256::digest(text.as_bytes()))
    }

    /// Takes the image of an earlier build that has done the same, if there is one.
    pub(super) async fn take_cached(&mut self, noted: &str, beside: &str) -> Result<bool, OpError> {
        if self.options.cache == Cache::Ignored {
            return Ok(false);
        }
        let key = self.key(noted, beside);
        let found = {
            let db = self.daemon.engine.store.read()?;
            match rows::by_build_key(&db, &key)? {
                Some(id) => rows::get(&db, &id)?,
                None => None,
            }
        };
        let Some(found) = found else { return Ok(false) };
        let Ok(image) = self.daemon.images.recorded(&found.config, &found.layers) else { return Ok(false) };
        self.say(" ---> Using cache\n".into()).await;
        self.take(image).await?;
        Ok(true)
    }

    /// Makes the image of a step.
    pub(super) async fn make(&mut self, noted: String, beside: String, layer: Option<Layer>) -> Result<(), OpError> {
        let key = self.key(&noted, &beside);
        let entry = HistoryEntry { created_at_ms: clock::now_ms(), created_by: noted, ..HistoryEntry::default() };
        let mut config = self.config.clone();
        config.add(&entry, layer.as_ref().map(|layer| layer.diff_id.as_str()));
        let mut layers = self.image.as_ref().map(|image| image.layers.clone()).unwrap_or_default();
        layers.extend(layer);
        let image = BuiltImage::new(config.to_json(), layers)?;
        let parent_id = self.image.as_ref().map(|image| image.id.clone());
        image::record(self.daemon, &image, Names { parent_id, ..Names::default() })?;
        self.daemon.engine.write(|db| rows::set_build_key(db, &image.id, &key))?;
        self.take(image).await
    }

    async fn take(&mut self, image: BuiltImage) -> Result<(), OpError> {
        self.say(format!(" ---> {}\n", image.id.short())).await;
        self.config = ImageConfig::parse(image.config.as_bytes())?;
        self.image = Some(image);
        Ok(())
    }
}
