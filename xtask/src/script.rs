//! Makes one script of those that start the panel: wasm-bindgen's, that of the parts, and our own in frontend/scripts. Each was
//! asked for by itself, and all of them had to be there before anything could be drawn.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{parts, tools};

/// Our own, in this order: what the parts are fetched with, then what starts the panel.
const OWN: [&str; 2] = ["fetch.js", "start.js"];

/// One script of all. They import each other: as one module, it imports itself.
pub(crate) fn joined(bound: &Path, name: &str) -> Result<String> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let mut script = without_streams(&read(&bound.join(name))?)?;
    // What it imports is in the same script now.
    script += &once(&read(&bound.join(parts::SCRIPT))?, &format!("import {{ initSync }} from \"./{name}\";\n"), "")?;
    for own in OWN {
        script += &read(&tools::root().join("frontend/scripts").join(own))?;
    }
    Ok(script)
}

/// Replaces what a tool has written, which must be there once.
pub(crate) fn once(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.matches(from).count() == 1, "this is not in the script once, as it was: {from}");
    Ok(text.replace(from, to))
}

/// Gives what a module imports from wasm-bindgen's script short names: they have a number of sixteen digits each, which no
/// compression makes shorter. The answer is what `renamed` does the same with in the script.
pub(crate) fn shorten(module: &mut walrus::Module) -> Vec<(String, String)> {
    let imports = module.imports.iter_mut().filter(|import| import.name.starts_with("__wbg_"));
    let pairs = imports.enumerate().map(|(number, import)| {
        let short = format!("w{number}");
        (std::mem::replace(&mut import.name, short.clone()), short)
    });
    pairs.collect()
}

/// The script with other names for what it gives to the module.
pub(crate) fn renamed(text: String, names: &[(String, String)]) -> Result<String> {
    names.iter().try_fold(text, |text, (long, short)| once(&text, &format!("{long}: "), &format!("{short}: ")))
}

/// Without the classes of wasm-streams, whose functions `parts::without_streams` takes out of the module.
fn without_streams(text: &str) -> Result<String> {
    let mut script = String::with_capacity(text.len());
    let mut is_stream = false;
    for line in text.lines() {
        // Nothing of a declaration but its first line, and the last one of a class, is at the left edge.
        if !line.starts_with([' ', '}']) {
            is_stream = ["export class ", "if (Symbol.dispose) ", "const "]
                .iter()
                .any(|start| line.strip_prefix(start).is_some_and(|rest| rest.starts_with("IntoUnderlying")));
        }
        if !is_stream {
            script.extend([line, "\n"]);
        }
    }
    ensure!(!script.contains("IntoUnderlying"), "a class of wasm-streams is left in the script, or half of one");
    Ok(script)
}
