//! Writes the table of the panel's files that the daemon carries inside it: `$OUT_DIR/panel.rs`, read by
//! src/http/panel/assets.rs. `cargo xtask` builds the panel and names its folder, which holds gzip files only, in
//! DRAWBRIDGE_PANEL. Without it the table is empty, and the daemon says so: a bare `cargo build` needs no wasm32 target.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::hash::Hasher;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DRAWBRIDGE_PANEL");

    let mut table = String::from("pub(crate) static ASSETS: &[Asset] = &[\n");
    if let Some(folder) = env::var_os("DRAWBRIDGE_PANEL").map(PathBuf::from) {
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        collect(&folder, &mut files)?;
        files.sort();
        for file in &files {
            write_row(&mut table, &folder, file)?;
        }
    }
    table.push_str("];\n");

    let out = env::var_os("OUT_DIR").ok_or_else(|| Error::other("cargo sets OUT_DIR for a build script"))?;
    fs::write(Path::new(&out).join("panel.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder);
    for entry in entries.map_err(|error| Error::other(format!("cannot read {}: {error}", folder.display())))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension() == Some(OsStr::new("gz")) {
            files.push(path);
        }
    }
    Ok(())
}

fn write_row(table: &mut String, folder: &Path, file: &Path) -> Result<()> {
    let name = file.with_extension("");
    let path = format!("/{}", name.strip_prefix(folder).map_err(Error::other)?.display());
    let content_type = content_type(&name)?;

    // The tag only has to differ when the content does; SipHash with a fixed key does that without a dependency.
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(file)?);
    let etag = format!("\"{:016x}\"", hasher.finish());

    let source = file.display().to_string();
    writeln!(
        table,
        "    Asset {{ path: {path:?}, content_type: {content_type:?}, gzip: include_bytes!({source:?}), etag: {etag:?} }},"
    )
    .map_err(Error::other)
}

/// The types that the panel's files have; browsers refuse a module or wasm of any other.
fn content_type(name: &Path) -> Result<&'static str> {
    match name.extension().and_then(OsStr::to_str) {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("json") => Ok("application/json"),
        Some("svg") => Ok("image/svg+xml"),
        Some("wasm") => Ok("application/wasm"),
        Some("woff2") => Ok("font/woff2"),
        _ => Err(Error::other(format!(
            "{}: a file of the panel of no known type; add it to content_type()",
            name.display()
        ))),
    }
}
