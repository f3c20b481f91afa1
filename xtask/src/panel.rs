//! Builds the panel: cargo for wasm32, the module split (`parts`), wasm-bindgen as a library, the scripts joined (`script`),
//! xterm.js from npm, then each file as gzip in target/panel, the folder that backend/build.rs embeds. A file whose content is as
//! before keeps its time, so that the daemon is not compiled again.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use wasm_bindgen_cli_support::Bindgen;

use crate::{parts, script, tools};

/// Names the folder of the built panel to backend/build.rs.
pub(crate) const ENV: &str = "DRAWBRIDGE_PANEL";

/// The script that a page loads, and which starts the panel.
const SCRIPT: &str = "drawbridge-ui.js";

/// Builds the panel; the answer is the folder for `ENV`.
pub(crate) fn build() -> Result<PathBuf> {
    let fixed = tools::root().join("static");
    if !fixed.join("index.html").is_file() {
        bail!("static/index.html is missing: the panel would have no page");
    }
    let module = compile("--bin", "drawbridge-ui")?.join("drawbridge-ui.wasm");
    let bound = tools::target().join("wasm-bindgen");
    bind(&module, &bound)?;
    let joined = tools::target().join("wasm-split").join(SCRIPT);
    let text = script::joined(&bound, SCRIPT)?;
    fs::write(&joined, text).with_context(|| format!("cannot write {}", joined.display()))?;

    let mut files = Vec::new();
    collect(&bound, &bound, &mut files)?;
    files.retain(|(name, _)| name.extension().is_none_or(|end| end != "js"));
    files.push((SCRIPT.into(), joined));
    collect(&fixed, &fixed, &mut files)?;
    files.extend(vendored()?);
    let panel = tools::target().join("panel");
    pack(&files, &panel)?;
    Ok(panel)
}

/// Builds an empty page of Leptos, which the benchmark measures the panel beside; the answer is its folder.
pub(crate) fn build_empty() -> Result<PathBuf> {
    let module = compile("--example", "empty")?.join("examples/empty.wasm");
    let bound = tools::target().join("wasm-bindgen-empty");
    bind(&module, &bound)?;
    for (name, text) in [
        (
            "index.html",
            "<!doctype html><title>Empty</title><link rel=icon href=data:,><script type=module src=/start.js></script><body>",
        ),
        ("start.js", "import init from '/empty.js'; init({ module_or_path: '/empty_bg.wasm' });"),
    ] {
        fs::write(bound.join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    let mut files = Vec::new();
    collect(&bound, &bound, &mut files)?;
    let page = tools::target().join("empty-page");
    pack(&files, &page)?;
    Ok(page)
}

/// Compiles one thing of the panel's crate for the browser; the answer is the folder of what cargo has built. The linker leaves in
/// it what it knew of places, by which `parts` cuts it.
fn compile(kind: &str, name: &str) -> Result<PathBuf> {
    let wasm = "wasm32-unknown-unknown";
    tools::run(tools::cargo().args([
        "rustc",
        "-p",
        "drawbridge-ui",
        kind,
        name,
        "--target",
        wasm,
        "--profile",
        "wasm",
        "--",
        "-Clink-arg=--emit-relocs",
    ]))?;
    Ok(tools::target().join(wasm).join("wasm"))
}

/// The folder for `ENV` of a panel that was built before.
pub(crate) fn built() -> Option<PathBuf> {
    let panel = tools::target().join("panel");
    panel.join("index.html.gz").is_file().then_some(panel)
}

/// The files that the panel takes from npm, and their names in it. npm checks each package against the digest in
/// frontend/npm/package-lock.json; no script of a package is run.
const VENDORED: [(&str, &str); 3] = [
    ("vendor/xterm.js", "@xterm/xterm/lib/xterm.js"),
    ("vendor/xterm.css", "@xterm/xterm/css/xterm.css"),
    ("vendor/addon-fit.js", "@xterm/addon-fit/lib/addon-fit.js"),
];

/// Installs them below target/, unless what the lock file names is there already.
fn vendored() -> Result<Vec<(PathBuf, PathBuf)>> {
    let source = tools::root().join("frontend/npm");
    let folder = tools::target().join("npm");
    let modules = folder.join("node_modules");
    let lock = fs::read(source.join("package-lock.json")).context("cannot read frontend/npm/package-lock.json")?;
    let files = || VENDORED.map(|(name, path)| (PathBuf::from(name), modules.join(path)));
    let is_there = fs::read(folder.join("package-lock.json")).is_ok_and(|before| before == lock);
    if !is_there || !files().iter().all(|(_, path)| path.is_file()) {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for name in ["package.json", "package-lock.json"] {
            let copied = fs::copy(source.join(name), folder.join(name));
            copied.with_context(|| format!("cannot copy frontend/npm/{name}"))?;
        }
        let mut npm = std::process::Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
        if let Err(error) = tools::run(&mut npm) {
            // The lock file would say that all is there.
            clear(&folder)?;
            return Err(error).context("npm could not install xterm.js, which is the panel's terminal");
        }
    }
    Ok(files().into())
}

/// The most that a browser may have to load before the first page is there: its module, scripts and style sheet, compressed.
const LARGEST: u64 = 300_000;

/// What it loads then. The parts come after that, terminal.js and xterm.js when a terminal is opened.
const FIRST: [&str; 3] = ["drawbridge-ui_bg.wasm", SCRIPT, "style.css"];

/// Whether the built panel is small enough.
pub(crate) fn check_size(panel: &Path) -> Result<()> {
    let mut total = 0;
    for name in FIRST {
        let path = panel.join(format!("{name}.gz"));
        total += path.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
    }
    println!("panel: {} before anything is seen, {} are allowed", size(total), size(LARGEST));
    if total > LARGEST {
        bail!("the panel is too large");
    }
    Ok(())
}

/// A number of bytes for a person: `1.4 MB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Writes the script and the module that a browser takes, unless those there are younger than `module`.
fn bind(module: &Path, bound: &Path) -> Result<()> {
    let modified = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    let name = module.file_stem().unwrap_or_default().to_string_lossy();
    let result = modified(&bound.join(format!("{name}_bg.wasm")));
    if result.is_some() && result > modified(module) {
        return Ok(());
    }
    clear(bound)?;
    let main = tools::target().join("wasm-split").join(&*name).with_extension("wasm");
    fs::create_dir_all(main.parent().expect("it lies in a folder")).context("cannot make target/wasm-split")?;
    parts::split(module, &main, bound, &name)?;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&main).typescript(false).demangle(false).keep_lld_exports(true);
    let bound_module = bindgen.web(true).and_then(|bindgen| bindgen.generate_output());
    let mut output = bound_module.context("wasm-bindgen refused the panel's module")?;
    parts::without_streams(output.wasm_mut());
    let names = script::shorten(output.wasm_mut());
    output.emit(bound).context("wasm-bindgen could not write the panel")?;
    let path = bound.join(&*name).with_extension("js");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = script::renamed(text, &names)?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    let mut files = Vec::new();
    collect(bound, bound, &mut files)?;
    for (_, path) in files.iter().filter(|(name, _)| name.extension().is_some_and(|end| end == "wasm")) {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let ordered = parts::ordered(&bytes).with_context(|| format!("cannot order {}", path.display()))?;
        fs::write(path, ordered).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Every file under `folder`, as (path below `top`, whole path).
fn collect(folder: &Path, top: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, top, files)?;
        } else if let Ok(name) = path.strip_prefix(top) {
            files.push((name.to_owned(), path));
        }
    }
    Ok(())
}

/// Makes `panel` hold exactly these files, each compressed, and says how large they are.
fn pack(files: &[(PathBuf, PathBuf)], panel: &Path) -> Result<()> {
    let mut stale = Vec::new();
    if panel.is_dir() {
        collect(panel, panel, &mut stale)?;
    }
    let mut total = 0;
    for (name, path) in files {
        let mut content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        if !name.starts_with("vendor") && name.extension().is_some_and(|end| end == "js" || end == "css") {
            content =
                bare(&String::from_utf8(content).with_context(|| format!("{} is no text", path.display()))?).into();
        }
        let packed_name = PathBuf::from(format!("{}.gz", name.display()));
        stale.retain(|(kept, _)| *kept != packed_name);
        let place = panel.join(&packed_name);
        let packed = match packed_before(&place, &content) {
            Some(packed) => packed,
            None => {
                let packed = compressed(&content)?;
                let folder = place.parent().expect("a file of the panel lies in its folder");
                fs::create_dir_all(folder)
                    .and_then(|()| fs::write(&place, &packed))
                    .with_context(|| format!("cannot write {}", place.display()))?;
                packed
            }
        };
        total += packed.len() as u64;
        println!(
            "panel: {:<28} {:>9}, gzip {:>9}",
            name.display(),
            size(content.len() as u64),
            size(packed.len() as u64)
        );
    }
    for (_, path) in stale {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    println!("panel: {} files, {} over the wire", files.len(), size(total));
    Ok(())
}

/// A script or style sheet without its indentation and the lines that are comments alone.
fn bare(text: &str) -> String {
    let mut bare = String::new();
    let mut is_comment = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        is_comment |= line.starts_with("/*");
        if !is_comment && !line.starts_with("//") {
            bare.extend([line, "\n"]);
        }
        is_comment &= !line.ends_with("*/");
    }
    bare
}

/// What was made of the same content before.
fn packed_before(place: &Path, content: &[u8]) -> Option<Vec<u8>> {
    let packed = fs::read(place).ok()?;
    let mut known = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut known).ok()?;
    (known == content).then_some(packed)
}

/// As gzip, without a file name and a time: the same content gives the same bytes.
fn compressed(content: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    zopfli::compress(zopfli::Options::default(), zopfli::Format::Gzip, content, &mut packed)?;
    Ok(packed)
}

fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
