//! The file of instructions, read by the crate `parse-dockerfile` and put into words of ours: what is done, and the line
//! that is shown for it. Pure.

use crate::images::ImagesError;
use parse_dockerfile::{Instruction as Parsed, JsonOrStringArray, Source, Spanned, UnescapedString};

/// A whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// `ARG` before the first `FROM`: for the names after `FROM` alone.
    pub args: Vec<Step>,
    /// Its stages, at least one.
    pub stages: Vec<Stage>,
}

/// From one `FROM` to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The line as it is shown.
    pub text: String,
    /// The image or stage that it begins with, variables in it not replaced.
    pub image: String,
    /// `--platform`, likewise.
    pub platform: Option<String>,
    /// Its own name.
    pub name: Option<String>,
    /// What follows.
    pub steps: Vec<Step>,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line as it is shown.
    pub text: String,
    /// What is done.
    pub instruction: Instruction,
}

/// What is done. Texts have their variables still in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// A variable of the build: `NAME` or `NAME=default`, several.
    Arg(String),
    /// Variables of containers.
    Env(String),
    /// What the image says of itself.
    Label(String),
    /// Who made it; the older form of a label.
    Maintainer(String),
    /// A command in a container.
    Run {
        /// Which.
        command: Command,
        /// Options of it, `--network=none`: names and values.
        options: Vec<(String, String)>,
    },
    /// Files into the image.
    Copy(CopyStep),
    /// What containers run.
    Cmd(Command),
    /// What they run before it.
    Entrypoint(Command),
    /// Ports that they listen on.
    Expose(Vec<String>),
    /// How it is found out whether they are well; none to take the image's away.
    Healthcheck(Option<Healthcheck>),
    /// An instruction for those who build on the image.
    Onbuild(String),
    /// What commands are run with that are no lists.
    Shell(Vec<String>),
    /// The signal that asks them to end.
    StopSignal(String),
    /// Who they run as.
    User(String),
    /// Folders that are kept apart.
    Volume(Vec<String>),
    /// Where they run.
    Workdir(String),
}

/// A program with its arguments, or a line for a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `["a", "b"]`
    Exec(Vec<String>),
    /// `a b`
    Shell(String),
}

/// `COPY` or `ADD`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyStep {
    /// `ADD`: archives are unpacked, and URLs are known.
    pub is_add: bool,
    /// The stage or image that they come from; the context when absent.
    pub from: Option<String>,
    /// `--chown`.
    pub chown: Option<String>,
    /// `--chmod`.
    pub chmod: Option<String>,
    /// What is copied.
    pub sources: Vec<String>,
    /// `--checksum`, of what is fetched.
    pub checksum: Option<String>,
    /// Texts that stand in the file itself.
    pub texts: Vec<Text>,
    /// Where it goes.
    pub target: String,
    /// Options that are not built.
    pub unknown: Vec<String>,
}

/// A here-document that is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// It.
    pub text: String,
    /// Whether variables in it are replaced: its mark had no quotes.
    pub expands: bool,
}

/// `HEALTHCHECK`. Durations as they stand: `30s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healthcheck {
    /// What is run.
    pub command: Command,
    /// `--interval`, `--timeout`, `--start-period`, `--start-interval`, `--retries`.
    pub options: Vec<(String, String)>,
}

impl Dockerfile {
    /// Reads a file.
    ///
    /// # Errors
    /// `Bad` with the line.
    pub fn parse(text: &str) -> Result<Self, ImagesError> {
        let text = text.trim_start_matches('\u{feff}');
        let bad = |why: String| ImagesError::Bad(format!("dockerfile parse error: {why}"));
        let parsed = parse_dockerfile::parse(text).map_err(|error| bad(error.to_string()))?;
        let escape = parsed.parser_directives.escape.as_ref().map_or('\\', |directive| directive.value.value);
        let starts: Vec<usize> = parsed.instructions.iter().map(start).collect();
        let mut file = Self { args: Vec::new(), stages: Vec::new() };
        for (index, instruction) in parsed.instructions.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(text.len());
            let shown = one_line(&text[starts[index]..end], escape, matches!(instruction, Parsed::Run(_)));
            if let Parsed::From(from) = instruction {
                let option = |flag: &parse_dockerfile::Flag<'_>| {
                    let value = flag.value.as_ref().map(|value| value.value.to_string());
                    if flag.name.value == "platform" {
                        Ok(value)
                    } else {
                        Err(bad(format!("FROM: --{}", flag.name.value)))
                    }
                };
                file.stages.push(Stage {
                    text: shown,
                    image: from.image.value.to_string(),
                    platform: from.options.first().map(option).transpose()?.flatten(),
                    name: from.as_.as_ref().map(|(_, name)| name.value.to_lowercase()),
                    steps: Vec::new(),
                });
                continue;
            }
            let step = Step { text: shown.clone(), instruction: read(instruction, &shown, escape).map_err(bad)? };
            match file.stages.last_mut() {
                Some(stage) => stage.steps.push(step),
                None => file.args.push(step),
            }
        }
        Ok(file)
    }

    /// Reads one instruction, as `--change` and `ONBUILD` have it.
    ///
    /// # Errors
    /// `Bad` for what is none, or several.
    pub fn instruction(line: &str) -> Result<Step, ImagesError> {
        let file = Self::parse(&format!("FROM scratch\n{line}\n"))?;
        match <[Stage; 1]>::try_from(file.stages).map(|[stage]| <[Step; 1]>::try_from(stage.steps)) {
            Ok(Ok([step])) => Ok(step),
            Ok(Err(_)) | Err(_) => Err(ImagesError::Bad(format!("{line}: it is not one instruction"))),
        }
    }
}

fn start(instruction: &Parsed<'_>) -> usize {
    match instruction {
        Parsed::Add(add) => add.add.span.start,
        Parsed::Arg(arg) => arg.arg.span.start,
        Parsed::Cmd(cmd) => cmd.cmd.span.start,
        Parsed::Copy(copy) => copy.copy.span.start,
        Parsed::Entrypoint(entrypoint) => entrypoint.entrypoint.span.start,
        Parsed::Env(env) => env.env.span.start,
        Parsed::Expose(expose) => expose.expose.span.start,
        Parsed::From(from) => from.from.span.start,
        Parsed::Healthcheck(check) => check.healthcheck.span.start,
        Parsed::Label(label) => label.label.span.start,
        Parsed::Maintainer(maintainer) => maintainer.maintainer.span.start,
        Parsed::Onbuild(onbuild) => onbuild.onbuild.span.start,
        Parsed::Run(run) => run.run.span.start,
        Parsed::Shell(shell) => shell.shell.span.start,
        Parsed::Stopsignal(signal) => signal.stopsignal.span.start,
        Parsed::User(user) => user.user.span.start,
        Parsed::Volume(volume) => volume.volume.span.start,
        Parsed::Workdir(folder) => folder.workdir.span.start,
        // The crate may learn more of them.
        _ => 0,
    }
}

/// A text of several lines as one: the escapes at their ends and the comments between them are left out.
fn one_line(text: &str, escape: char, keep_documents: bool) -> String {
    let mut line = String::new();
    for raw in text.lines() {
        if raw.trim_start().starts_with('#') && !(keep_documents && line.contains("<<")) {
            continue;
        }
        match raw.trim_end().strip_suffix(escape) {
            Some(before) => line.push_str(before),
            None => {
                line.push_str(raw);
                if keep_documents && line.contains("<<") {
                    line.push('\n');
                    continue;
                }
                break;
            }
        }
    }
    line.trim_end().to_owned()
}

fn read(instruction: &Parsed<'_>, shown: &str, escape: char) -> Result<Instruction, String> {
    let text = |text: &UnescapedString<'_>| text.value.trim().to_owned();
    let option = |flag: &parse_dockerfile::Flag<'_>| {
        (flag.name.value.to_string(), flag.value.as_ref().map(text).unwrap_or_default())
    };
    Ok(match instruction {
        Parsed::Arg(arg) => Instruction::Arg(text(&arg.arguments)),
        Parsed::Env(env) => Instruction::Env(text(&env.arguments)),
        Parsed::Label(label) => Instruction::Label(text(&label.arguments)),
        Parsed::Maintainer(maintainer) => Instruction::Maintainer(text(&maintainer.name)),
        Parsed::Run(run) => {
            let options = run.options.iter().map(option).collect();
            let command = match (command(&run.arguments, escape), run.here_docs.first()) {
                (Command::Shell(_), Some(document)) => Command::Shell(script(document)?),
                (command, _) => command,
            };
            Instruction::Run { command, options }
        }
        Parsed::Copy(copy) => copy_step(false, &copy.options, &copy.src, &copy.dest)?,
        Parsed::Add(add) => copy_step(true, &add.options, &add.src, &add.dest)?,
        Parsed::Cmd(cmd) => Instruction::Cmd(command(&cmd.arguments, escape)),
        Parsed::Entrypoint(entrypoint) => Instruction::Entrypoint(command(&entrypoint.arguments, escape)),
        Parsed::Expose(expose) => Instruction::Expose(expose.arguments.iter().map(text).collect()),
        Parsed::Healthcheck(check) => Instruction::Healthcheck(match &check.arguments {
            parse_dockerfile::HealthcheckArguments::Cmd { arguments, .. } => Some(Healthcheck {
                command: command(arguments, escape),
                options: check.options.iter().map(option).collect(),
            }),
            parse_dockerfile::HealthcheckArguments::None { .. } => None,
            _ => return Err(format!("{shown}: it is of a form that is not known")),
        }),
        Parsed::Onbuild(_) => {
            let rest = shown.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim());
            let keyword = rest.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            if matches!(keyword.as_str(), "ONBUILD" | "FROM" | "MAINTAINER") {
                return Err(format!("{keyword} isn't allowed as an ONBUILD trigger"));
            }
            Instruction::Onbuild(rest.to_owned())
        }
        Parsed::Shell(shell) => Instruction::Shell(shell.arguments.iter().map(|word| word.value.to_string()).collect()),
        Parsed::Stopsignal(signal) => Instruction::StopSignal(text(&signal.arguments)),
        Parsed::User(user) => Instruction::User(text(&user.arguments)),
        Parsed::Volume(volume) => Instruction::Volume(match &volume.arguments {
            JsonOrStringArray::Json(Spanned { value, .. }) => value.iter().map(|word| word.value.to_string()).collect(),
            JsonOrStringArray::String(words) => words.iter().map(text).collect(),
        }),
        Parsed::Workdir(folder) => Instruction::Workdir(text(&folder.arguments)),
        _ => return Err(format!("{shown}: the instruction is not known")),
    })
}

/// A here-document alone is the script. Behind a command the parser knows none, and complains of its first line.
fn script(document: &parse_dockerfile::HereDoc<'_>) -> Result<String, String> {
    if document.value.starts_with("#!") {
        let why = "RUN with a here-document that names its interpreter is not built yet; copy the script and run it";
        return Err(why.into());
    }
    Ok(document.value.to_string())
}

fn command(command: &parse_dockerfile::Command<'_>, escape: char) -> Command {
    match command {
        parse_dockerfile::Command::Exec(words) => {
            Command::Exec(words.value.iter().map(|word| word.value.to_string()).collect())
        }
        parse_dockerfile::Command::Shell(line) => Command::Shell(joined(line.value, escape)),
        _ => Command::Shell(String::new()),
    }
}

/// A shell's line without the escapes that end its lines, nor the comments between them.
fn joined(text: &str, escape: char) -> String {
    let mut line = String::new();
    for (index, raw) in text.lines().enumerate() {
        if index > 0 && raw.trim_start().starts_with('#') {
            continue;
        }
        line.push_str(raw.trim_end().strip_suffix(escape).unwrap_or(raw));
    }
    line.trim().to_owned()
}

fn copy_step(
    is_add: bool,
    options: &[parse_dockerfile::Flag<'_>],
    sources: &[Source<'_>],
    target: &UnescapedString<'_>,
) -> Result<Instruction, String> {
    let mut step = CopyStep { is_add, target: target.value.to_string(), ..CopyStep::default() };
    for flag in options {
        let value = flag.value.as_ref().map(|value| value.value.to_string());
        match (flag.name.value.as_ref(), value) {
            ("from", Some(from)) if !is_add => step.from = Some(from),
            ("chown", Some(owner)) => step.chown = Some(owner),
            ("chmod", Some(mode)) => step.chmod = Some(mode),
            ("checksum", Some(digest)) if is_add => step.checksum = Some(digest),
            (name, _) => step.unknown.push(format!("--{name}")),
        }
    }
    for source in sources {
        match source {
            Source::Path(path) => step.sources.push(path.value.to_string()),
            Source::HereDoc(document) => {
                step.texts.push(Text { text: document.value.to_string(), expands: document.expand });
            }
            _ => return Err("a source is of a form that is not known".into()),
        }
    }
    Ok(Instruction::Copy(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chapters_file_is_read() {
        let text = "FROM python:3.9.5-slim\n\nRUN pip install flask redis && \\\n    groupadd -r flask && \\\n    # why\n    \
                    mkdir /src\n\nUSER flask\nCOPY app.py /src/app.py\nWORKDIR /src\nENV FLASK_APP=app.py \
                    REDIS_HOST=redis\nEXPOSE 5000\nCMD [\"flask\", \"run\", \"-h\", \"0.0.0.0\"]\n";
        let file = Dockerfile::parse(text).unwrap();
        let stage = &file.stages[0];
        assert_eq!((stage.text.as_str(), stage.image.as_str()), ("FROM python:3.9.5-slim", "python:3.9.5-slim"));
        assert_eq!(stage.steps.len(), 7);
        let Instruction::Run { command: Command::Shell(line), .. } = &stage.steps[0].instruction else { panic!() };
        assert_eq!(line, "pip install flask redis &&     groupadd -r flask &&     mkdir /src");
        assert_eq!(stage.steps[0].text, format!("RUN {line}"));
        assert_eq!(stage.steps[4].instruction, Instruction::Env("FLASK_APP=app.py REDIS_HOST=redis".into()));
        let words = ["flask", "run", "-h", "0.0.0.0"].map(str::to_owned).to_vec();
        assert_eq!(stage.steps[6].instruction, Instruction::Cmd(Command::Exec(words)));
    }

    #[test]
    fn stages_options_and_documents_are_read() {
        let text = "ARG V=1\nFROM a:$V AS Build\nCOPY --from=0 --chown=1:2 a b* /c/\nADD x.tar /\nFROM build\nRUN <<EOF\necho \
                    1\necho 2\nEOF\nHEALTHCHECK --interval=5s CMD wget -q x\nONBUILD RUN echo\nVOLUME /a /b\nSHELL \
                    [\"/bin/x\", \"-c\"]\n";
        let file = Dockerfile::parse(text).unwrap();
        assert_eq!(file.args[0].instruction, Instruction::Arg("V=1".into()));
        assert_eq!(file.stages[0].name.as_deref(), Some("build"));
        let Instruction::Copy(copy) = &file.stages[0].steps[0].instruction else { panic!() };
        assert_eq!(
            (copy.from.as_deref(), copy.chown.as_deref(), copy.target.as_str()),
            (Some("0"), Some("1:2"), "/c/")
        );
        assert_eq!(copy.sources, ["a", "b*"]);
        let steps = &file.stages[1].steps;
        let Instruction::Run { command: Command::Shell(script), .. } = &steps[0].instruction else { panic!() };
        assert_eq!(script, "echo 1\necho 2\n");
        let step = Dockerfile::instruction("RUN --network=none true").unwrap();
        let Instruction::Run { options, .. } = &step.instruction else { panic!() };
        assert_eq!(options, &[("network".to_owned(), "none".to_owned())]);
        assert!(Dockerfile::instruction("RUN <<EOF\n#!/usr/bin/python3\nprint()\nEOF\n").is_err());
        assert!(matches!(&steps[1].instruction, Instruction::Healthcheck(Some(check)) if check.options.len() == 1));
        assert_eq!(steps[2].instruction, Instruction::Onbuild("RUN echo".into()));
        for bad in ["RUN x\n", "FROM a\nNOPE x\n", "", "FROM a\nONBUILD FROM b\n"] {
            assert!(Dockerfile::parse(bad).is_err(), "{bad}");
        }
        assert!(Dockerfile::instruction("CMD a").is_ok() && Dockerfile::instruction("CMD a\nCMD b").is_err());
    }
}
