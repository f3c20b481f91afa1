//! `drawbridge lab`: reads files, asks the daemon, prints what it says.

use super::{ClientError, ask, follow, json, text};
use crate::{
    config::{Lab as Options, LabCommand},
    http::docker::compose::{env_lines, variable_names},
};
use drawbridge_api::{Lab, LabFile, LabPlan, LayerStage, Progress};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Does what was asked.
///
/// # Errors
/// As the daemon says.
pub async fn run(options: &Options) -> Result<ExitCode, ClientError> {
    let socket = &options.docker_socket;
    match &options.command {
        LabCommand::Up { file, name, plan, build } => {
            let body = serde_json::to_string(&read(file, name.as_deref())?).map_err(ClientError::Unreadable)?;
            if *plan {
                return Ok(print_plan(&json(ask(socket, "POST", "/api/labs?preview=true", Some(body)).await?).await?));
            }
            let path = if *build { "/api/labs?build=true" } else { "/api/labs" };
            follow(ask(socket, "POST", path, Some(body)).await?, print).await?;
        }
        LabCommand::Down { lab, volumes } => {
            let name = if Path::new(lab).is_file() { name_of(Path::new(lab))? } else { lab.clone() };
            let query = if *volumes { "?volumes=true" } else { "" };
            follow(ask(socket, "DELETE", &format!("/api/labs/{}{query}", escaped(&name)), None).await?, print).await?;
        }
        LabCommand::List => {
            let labs: Vec<Lab> = json(ask(socket, "GET", "/api/labs", None).await?).await?;
            println!("{:24} {:>10} {:>8}  FOLDER", "NAME", "CONTAINERS", "NETWORKS");
            for lab in labs {
                let containers = format!("{}/{}", lab.running, lab.containers.len());
                println!(
                    "{:24} {containers:>10} {:>8}  {}",
                    lab.name,
                    lab.networks.len(),
                    lab.folder.unwrap_or_default()
                );
            }
        }
        LabCommand::Export { lab, script } => {
            let path = match (lab, script) {
                (_, true) => "/api/labs/export?format=script".to_owned(),
                (Some(lab), false) => format!("/api/labs/export?lab={}", escaped(lab)),
                (None, false) => "/api/labs/export".to_owned(),
            };
            print!("{}", text(ask(socket, "GET", &path, None).await?).await?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A file with all that the daemon needs to know of it. Of the variables only those go along that it names.
fn read(file: &Path, name: Option<&str>) -> Result<LabFile, ClientError> {
    let cannot = |source| ClientError::File { file: file.to_owned(), source };
    let text = std::fs::read_to_string(file).map_err(cannot)?;
    let folder: PathBuf = file.canonicalize().map_err(cannot)?.parent().map(Path::to_owned).unwrap_or_default();
    let beside: BTreeMap<String, String> =
        env_lines(&std::fs::read_to_string(folder.join(".env")).unwrap_or_default()).into_iter().collect();
    // A name in a list of `environment` is a variable too, and looks like any other word.
    let words = text.split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric()).map(str::to_owned);
    let wanted = words.chain(variable_names(&text)).filter(|word| !word.is_empty());
    let variables = wanted.filter_map(|name| {
        let value = std::env::var(&name).ok().or_else(|| beside.get(&name).cloned())?;
        Some((name, value))
    });
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let named_by_folder = ["compose", "docker-compose"].contains(&stem.as_str());
    let of_folder = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let default = if named_by_folder { of_folder.unwrap_or_default() } else { stem };
    Ok(LabFile {
        variables: variables.collect(),
        name: name.map_or(default, str::to_owned),
        folder: Some(folder.display().to_string()),
        text,
    })
}

/// The name of a file's lab.
fn name_of(file: &Path) -> Result<String, ClientError> {
    let LabFile { text, name, folder, variables } = read(file, None)?;
    crate::http::lab_name(&text, name, folder.map(Into::into), variables)
        .map_err(|error| ClientError::Refused(error.to_string()))
}

fn escaped(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn print(report: &Progress) {
    match report {
        Progress::Line { text } => println!("{text}"),
        Progress::About { subject, text } => println!("{subject}: {text}"),
        Progress::Output { text } => print!("{text}"),
        Progress::Made { id } => println!("{id}"),
        // Bars are for screens that can draw them again.
        Progress::Layer { id, stage: LayerStage::Complete, .. } => println!("{id}: pulled"),
        Progress::Layer { .. } | Progress::Done | Progress::Failed { .. } => {}
    }
}

fn print_plan(plan: &LabPlan) -> ExitCode {
    for image in &plan.pulls {
        println!("# {image} would be pulled or built first; the steps of its containers are known then");
    }
    for step in &plan.steps {
        println!("# {}", step.title);
        step.commands.iter().for_each(|command| println!("{command}"));
    }
    if plan.steps.is_empty() && plan.pulls.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) }
}
