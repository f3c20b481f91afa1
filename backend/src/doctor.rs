//! What this machine has and lacks, each with the remedy: for `drawbridge doctor`, and for a daemon that runs. Changes
//! nothing but that it makes the folder under `/run`.

use crate::{
    config::Folders,
    images::Images,
    ops::Daemon,
    runtime::{Runtime, RuntimeError},
};
use drawbridge_api::{Finding, Health, Remedy};
use std::path::{Path, PathBuf};

/// Looks at everything that a daemon would need.
pub async fn check(folders: &Folders) -> Vec<Finding> {
    let runtime = Runtime::detect(&folders.data_dir, &folders.run_dir).await;
    // A folder that is not there yet will lie in the nearest one that is.
    look(existing(&folders.data_dir), runtime.as_ref()).await
}

/// Looks at everything that a running daemon needs, other firewalls among it.
pub async fn check_running(daemon: &Daemon) -> Vec<Finding> {
    look(daemon.images.data_dir().to_owned(), Ok(&daemon.runtime)).await
}

async fn look(directory: PathBuf, found: Result<&Runtime, &RuntimeError>) -> Vec<Finding> {
    let kernel = tokio::task::spawn_blocking(move || drawbridge_kernel::doctor::check(&directory));
    // Nothing found would look as if nothing were wrong.
    let mut findings = kernel.await.unwrap_or_else(|failed| {
        vec![Finding {
            subject: "kernel".to_owned(),
            health: Health::Missing,
            detail: format!("could not be looked at: {failed}"),
            remedy: None,
        }]
    });
    findings.extend([runtime(found), busybox()]);
    findings
}

fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

fn runtime(found: Result<&Runtime, &RuntimeError>) -> Finding {
    let subject = "OCI runtime and monitor".to_owned();
    match found {
        Ok(runtime) => {
            let warnings = runtime.warnings();
            Finding {
                subject,
                health: if warnings.is_empty() { Health::Ok } else { Health::Warning },
                detail: [vec![runtime.description()], warnings].concat().join("; "),
                remedy: None,
            }
        }
        Err(error) => Finding {
            subject,
            health: Health::Missing,
            detail: error.to_string(),
            remedy: Some(Remedy::Command("apt-get install runc conmon".into())),
        },
    }
}

fn busybox() -> Finding {
    let subject = "busybox for the built-in image".to_owned();
    match Images::host_busybox() {
        Ok(path) => Finding { subject, health: Health::Ok, detail: path.display().to_string(), remedy: None },
        Err(error) => Finding {
            subject,
            health: Health::Missing,
            detail: error.to_string(),
            remedy: Some(Remedy::Command("apt-get install busybox-static".into())),
        },
    }
}
