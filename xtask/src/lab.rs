//! The base of the images in docker/lab: Debian, and the packages that their recipes install. Made where the internet is,
//! so that the images are built where it is not.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{root, tools};

/// Names the file to the tests.
pub(crate) const ENV: &str = "DRAWBRIDGE_LAB";

/// Makes it, unless what the script before made is there; the answer is the file for `ENV`.
pub(crate) fn bring() -> Result<PathBuf> {
    let script = tools::root().join("docker/lab/debian.sh");
    let file = tools::target().join("lab/debian.tar");
    let modified = |path: &PathBuf| path.metadata().and_then(|file| file.modified()).ok();
    if modified(&file).is_some_and(|made| Some(made) > modified(&script)) {
        return Ok(file);
    }
    let folder = tools::target().join("lab");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    eprintln!("missing: the base of the images in docker/lab (the chapter is tried with them)");
    tools::run(root::command(script, &[])?.arg(&file))?;
    Ok(file)
}
