//! `drawbridge doctor`: what this machine has and lacks, each with the remedy. Changes nothing but
//! that it makes the folder under `/run`.

use crate::{config::Folders, images::Images, runtime::Runtime};
use drawbridge_kernel::doctor::{Finding, State};
use std::path::{Path, PathBuf};

/// Looks at everything that the daemon needs.
pub async fn check(folders: &Folders) -> Vec<Finding> {
    // A folder that is not there yet will lie in the nearest one that is.
    let directory = existing(&folders.data_dir);
    let mut findings =
        tokio::task::spawn_blocking(move || drawbridge_kernel::doctor::check(&directory)).await.unwrap_or_default();
    findings.push(runtime(folders).await);
    findings.push(busybox());
    findings
}

fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

async fn runtime(folders: &Folders) -> Finding {
    match Runtime::detect(&folders.data_dir, &folders.run_dir).await {
        Ok(runtime) => {
            let warnings = runtime.warnings();
            Finding {
                subject: "OCI runtime and monitor",
                state: if warnings.is_empty() { State::Ok } else { State::Warning },
                detail: [vec![runtime.description()], warnings].concat().join("; "),
                remedy: None,
            }
        }
        Err(error) => Finding {
            subject: "OCI runtime and monitor",
            state: State::Missing,
            detail: error.to_string(),
            remedy: Some("apt-get install runc conmon".into()),
        },
    }
}

fn busybox() -> Finding {
    match Images::host_busybox() {
        Ok(path) => Finding {
            subject: "busybox for the built-in image",
            state: State::Ok,
            detail: path.display().to_string(),
            remedy: None,
        },
        Err(error) => Finding {
            subject: "busybox for the built-in image",
            state: State::Missing,
            detail: error.to_string(),
            remedy: Some("apt-get install busybox-static".into()),
        },
    }
}
