//! What instructions change of what containers are run with. Names and forms are those of an image's configuration (OCI
//! image specification, and Docker's additions `Healthcheck`, `OnBuild`, `Shell`). Pure.

use super::{
    dockerfile::{Command, Healthcheck, Instruction},
    words::{Lookup, expand, pairs, split},
};
use crate::images::config::ImageConfig;
use serde_json::{Map, Value, json};

/// What a stage remembers between its instructions, besides the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Whether this file has set a command: an entrypoint takes away one that came with the image.
    pub cmd_is_set: bool,
}

/// What runs a command that is no list.
pub fn shell(config: &ImageConfig) -> Vec<String> {
    let words = config.run().get("Shell").and_then(Value::as_array).cloned().unwrap_or_default();
    let words: Vec<String> = words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if words.is_empty() { vec!["/bin/sh".into(), "-c".into()] } else { words }
}

/// Program and arguments of a command.
pub fn arguments(command: &Command, config: &ImageConfig) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(line) => {
            let mut words = shell(config);
            words.push(line.clone());
            words
        }
    }
}

/// The variables of containers, as `NAME=value`.
pub fn variables(config: &ImageConfig) -> Vec<String> {
    let run = config.run();
    let list = run.get("Env").and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Changes a configuration; what is returned stands in the image's history. None for what is no change of it alone:
/// `ARG`, `RUN`, `COPY` and `ADD`.
///
/// # Errors
/// A sentence.
pub fn apply(
    instruction: &Instruction,
    config: &mut ImageConfig,
    memory: &mut Memory,
    lookup: &dyn Lookup,
) -> Result<Option<String>, String> {
    let mut run = config.run();
    let words = |words: &[String]| -> Result<Vec<String>, String> {
        let expanded = words.iter().map(|word| expand(word, lookup));
        expanded.collect()
    };
    let noted = match instruction {
        Instruction::Arg(_) | Instruction::Run { .. } | Instruction::Copy(_) => return Ok(None),
        Instruction::Env(text) => {
            let pairs = pairs("ENV", text, lookup)?;
            for (name, value) in &pairs {
                set_variable(&mut run, &format!("{name}={value}"));
            }
            format!("ENV {}", shown(&pairs))
        }
        Instruction::Label(text) => {
            let pairs = pairs("LABEL", text, lookup)?;
            for (name, value) in &pairs {
                set(&mut run, "Labels", name, value.as_str().into());
            }
            format!("LABEL {}", shown(&pairs))
        }
        Instruction::Maintainer(name) => {
            config.set_text("author", name);
            format!("MAINTAINER {name}")
        }
        Instruction::Cmd(command) => {
            let words = arguments(command, config);
            memory.cmd_is_set = true;
            run.insert("Cmd".into(), json!(words));
            format!("CMD {}", quoted(&words))
        }
        Instruction::Entrypoint(command) => {
            let words = arguments(command, config);
            run.insert("Entrypoint".into(), json!(words));
            if !memory.cmd_is_set {
                run.remove("Cmd");
            }
            format!("ENTRYPOINT {}", quoted(&words))
        }
        Instruction::Expose(ports) => {
            let ports = words(ports)?;
            for port in ports.iter().flat_map(|words| words.split_whitespace()) {
                for port in self::ports(port)? {
                    set(&mut run, "ExposedPorts", &port, json!({}));
                }
            }
            format!("EXPOSE {}", ports.join(" "))
        }
        Instruction::Healthcheck(check) => {
            let value = match check {
                Some(check) => healthcheck(check)?,
                None => json!({ "Test": ["NONE"] }),
            };
            let noted = format!("HEALTHCHECK {value}");
            run.insert("Healthcheck".into(), value);
            noted
        }
        Instruction::Onbuild(line) => {
            let triggers = run.entry("OnBuild").or_insert_with(|| json!([]));
            if triggers.is_null() {
                *triggers = json!([]);
            }
            if let Some(triggers) = triggers.as_array_mut() {
                triggers.push(line.as_str().into());
            }
            format!("ONBUILD {line}")
        }
        Instruction::Shell(words) => {
            run.insert("Shell".into(), json!(words));
            format!("SHELL {}", quoted(words))
        }
        Instruction::StopSignal(signal) => {
            let signal = expand(signal, lookup)?;
            run.insert("StopSignal".into(), signal.as_str().into());
            format!("STOPSIGNAL {signal}")
        }
        Instruction::User(user) => {
            let user = expand(user, lookup)?;
            run.insert("User".into(), user.as_str().into());
            format!("USER {user}")
        }
        Instruction::Volume(folders) => {
            let folders = words(folders)?;
            for folder in &folders {
                if folder.is_empty() {
                    return Err("VOLUME specified can not be an empty string".into());
                }
                set(&mut run, "Volumes", folder, json!({}));
            }
            format!("VOLUME {}", quoted(&folders))
        }
        Instruction::Workdir(folder) => {
            let folder = working_dir(&run, &expand(folder, lookup)?);
            run.insert("WorkingDir".into(), folder.as_str().into());
            format!("WORKDIR {folder}")
        }
    };
    config.set_run(run);
    Ok(Some(noted))
}

/// The folder that a path means where containers run: absolute, without `.` and `..`.
pub fn working_dir(run: &Map<String, Value>, path: &str) -> String {
    let before = run.get("WorkingDir").and_then(Value::as_str).unwrap_or("/");
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{before}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Sets `NAME=value` among the variables, in the place of an older value.
pub fn set_variable(run: &mut Map<String, Value>, variable: &str) {
    let name = variable.split('=').next().unwrap_or_default();
    let variables = run.entry("Env").or_insert_with(|| json!([]));
    if variables.is_null() {
        *variables = json!([]);
    }
    let Some(variables) = variables.as_array_mut() else { return };
    let same = |known: &&mut Value| known.as_str().is_some_and(|known| known.split('=').next() == Some(name));
    match variables.iter_mut().find(same) {
        Some(known) => *known = variable.into(),
        None => variables.push(variable.into()),
    }
}

/// Sets a field of an object that may be missing.
pub fn set(run: &mut Map<String, Value>, object: &str, name: &str, value: Value) {
    let object = run.entry(object).or_insert_with(|| json!({}));
    if object.is_null() {
        *object = json!({});
    }
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn shown(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// `["a" "b"]`, as histories have lists.
fn quoted(words: &[String]) -> String {
    format!("[{}]", words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" "))
}

/// `80`, `80/udp`, `8000-8002`: each port with its protocol.
fn ports(text: &str) -> Result<Vec<String>, String> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let invalid = || format!("Invalid containerPort: {text}");
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last): (u16, u16) = (first.parse().map_err(|_| invalid())?, last.parse().map_err(|_| invalid())?);
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") || first > last {
        return Err(invalid());
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

fn healthcheck(check: &Healthcheck) -> Result<Value, String> {
    let test = match &check.command {
        Command::Exec(words) => [vec!["CMD".to_owned()], words.clone()].concat(),
        Command::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
    };
    let mut value = json!({ "Test": test });
    for (name, text) in &check.options {
        let (field, number) = match name.as_str() {
            "interval" => ("Interval", nanoseconds(text)?),
            "timeout" => ("Timeout", nanoseconds(text)?),
            "start-period" => ("StartPeriod", nanoseconds(text)?),
            "start-interval" => ("StartInterval", nanoseconds(text)?),
            "retries" => ("Retries", text.parse().map_err(|_| format!("--retries must be a number, not {text:?}"))?),
            other => return Err(format!("Unknown flag: {other}")),
        };
        value[field] = number.into();
    }
    Ok(value)
}

/// A duration as Go writes it: `1m30s`, `500ms`.
fn nanoseconds(text: &str) -> Result<u64, String> {
    let invalid = || format!("invalid duration {text:?}");
    let (mut rest, mut sum) = (text, 0.0);
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(invalid)?;
        let number: f64 = rest[..end].parse().map_err(|_| invalid())?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(invalid()),
        };
        rest = &rest[end..];
        sum += number * unit;
    }
    Ok(sum as u64)
}

/// The names and values of `ARG`: a name alone has none.
///
/// # Errors
/// A sentence.
pub fn build_arguments(text: &str, lookup: &dyn Lookup) -> Result<Vec<(String, Option<String>)>, String> {
    let argument = |word: &String| match word.split_once('=') {
        Some((name, value)) => Ok((expand(name, lookup)?, Some(expand(value, lookup)?))),
        None => Ok((expand(word, lookup)?, None)),
    };
    split(text).iter().map(argument).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::build::Dockerfile;

    fn check(lines: &str, expected: Value) {
        let mut config = ImageConfig::scratch();
        let mut memory = Memory::default();
        let run = json!({ "Cmd": ["inherited"], "Env": ["A=1"] });
        config.set_run(run.as_object().cloned().unwrap_or_default());
        for line in lines.lines() {
            let step = Dockerfile::instruction(line).unwrap();
            let lookup = |name: &str| (name == "X").then(|| "x".to_owned());
            assert!(apply(&step.instruction, &mut config, &mut memory, &lookup).unwrap().is_some(), "{line}");
        }
        let run = Value::Object(config.run());
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&run[name], value, "{name} of {lines}");
        }
    }

    #[test]
    fn instructions_change_the_configuration() {
        check("ENV A=2 B=$X", json!({ "Env": ["A=2", "B=x"], "Cmd": ["inherited"] }));
        check("ENTRYPOINT [\"/e\"]", json!({ "Entrypoint": ["/e"], "Cmd": null }));
        check(
            "CMD a b\nENTRYPOINT e",
            json!({ "Cmd": ["/bin/sh", "-c", "a b"], "Entrypoint": ["/bin/sh", "-c", "e"] }),
        );
        check("SHELL [\"/x\", \"-c\"]\nCMD a", json!({ "Cmd": ["/x", "-c", "a"] }));
        check("EXPOSE 80 8000-8001/udp", json!({ "ExposedPorts": { "80/tcp": {}, "8000/udp": {}, "8001/udp": {} } }));
        check("WORKDIR /a\nWORKDIR b/../$X", json!({ "WorkingDir": "/a/x" }));
        check(
            "LABEL a=b c=\"d e\"\nUSER $X\nVOLUME /v /w\nSTOPSIGNAL SIGINT",
            json!({
                "Labels": { "a": "b", "c": "d e" }, "User": "x", "Volumes": { "/v": {}, "/w": {} }, "StopSignal": "SIGINT",
            }),
        );
        check(
            "HEALTHCHECK --interval=1m30s --retries=3 CMD x",
            json!({
                "Healthcheck": { "Test": ["CMD-SHELL", "x"], "Interval": 90_000_000_000_u64, "Retries": 3 },
            }),
        );
        check("HEALTHCHECK NONE\nONBUILD RUN a", json!({ "Healthcheck": { "Test": ["NONE"] }, "OnBuild": ["RUN a"] }));
    }

    #[test]
    fn arguments_may_have_values() {
        let lookup = |_: &str| None;
        let arguments = build_arguments("A B=\"1 2\"", &lookup).unwrap();
        assert_eq!(arguments, [("A".to_owned(), None), ("B".to_owned(), Some("1 2".to_owned()))]);
        assert!(ports("80/x").is_err() && ports("9-8").is_err() && nanoseconds("5").is_err());
    }
}
