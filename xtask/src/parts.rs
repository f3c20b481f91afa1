//! Splits the panel's module: what is reached through `frontend/src/components/parts.rs` alone becomes modules of their own,
//! which a page fetches when it needs them. wasm-split does it after the linker and before wasm-bindgen. Here their files
//! get their names, and their functions the order in which they compress best.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, FunctionSection, Module};
use wasmparser::{CodeSectionReader, CustomSectionReader, FunctionSectionReader, Parser, Payload, TypeRef};

use crate::script::once;

/// The script that fetches the parts. `script` makes one of it and wasm-bindgen's.
pub(crate) const SCRIPT: &str = "parts.js";

/// Writes the parts of the module at `whole` and their script into `folder`, and at `main` what is left, for wasm-bindgen to take
/// with exports that the linker made, under the name `name`.
pub(crate) fn split(whole: &Path, main: &Path, folder: &Path, name: &str) -> Result<()> {
    let module = fs::read(whole).with_context(|| format!("cannot read {}", whole.display()))?;
    let script = format!("./{name}.js");
    let mut options = wasm_split_cli_support::Options::new(&module);
    (options.output_dir, options.main_out_path) = (folder, main);
    (options.link_name, options.main_module) = (&script, &script);
    // An `eyre` report, which is no error of the standard library's.
    let parts = wasm_split_cli_support::transform(options).map_err(|report| anyhow!("{report:#}"))?;
    let mut build = Digest::default();
    for path in [main].into_iter().chain(parts.split_modules.iter().map(PathBuf::as_path)) {
        build.add(&fs::read(path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    // It has written it under the name that the module shall find it by, which is that of the script that it becomes a part of.
    fs::rename(folder.join(&script), folder.join(SCRIPT)).context("wasm-split has written no script")?;
    rename(&parts.split_modules, &folder.join(SCRIPT), &format!("{:016x}", build.0))
}

/// Gives each part a name of this build, so that no page can take one of another build for its own: they fit nothing else.
fn rename(parts: &[PathBuf], script: &Path, build: &str) -> Result<()> {
    let mut text = fs::read_to_string(script).context("cannot read the script of the parts")?;
    for part in parts {
        let name = part.file_name().and_then(|name| name.to_str()).context("a part without a name")?;
        let stem = name.trim_end_matches(".wasm").trim_start_matches("split_");
        let renamed = format!("{stem}.{build}.wasm");
        text = once(&text, &format!("\"./{name}\""), &format!("\"./{renamed}\""))?;
        fs::rename(part, part.with_file_name(&renamed)).with_context(|| format!("cannot rename {name}"))?;
    }
    // The panel says what is missing, where it is missing; and a fetch that the browser breaks off is tried again.
    text = once(&text, "            console.error(e);\n", "")?;
    fs::write(script, text.replace("fetch(new URL(", "persistently(new URL("))
        .context("cannot write the script of the parts")
}

/// Tells builds apart: FNV-1a, 64 bits.
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn add(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }
}

/// Takes out what wasm-streams, below leptos, exports for streams that a program gives to the browser: the panel gives none, but
/// what is exported stays, with all that it needs.
pub(crate) fn without_streams(module: &mut walrus::Module) {
    let is_unused = |export: &&walrus::Export| export.name.contains("intounderlying");
    let unused: Vec<_> = module.exports.iter().filter(is_unused).map(walrus::Export::id).collect();
    unused.into_iter().for_each(|export| module.exports.delete(export));
    walrus::passes::gc::run(module);
}

/// The module without names, its functions side by side with those that look like them. gzip looks back 32 KB (RFC 1951), and
/// a program of generics has many that differ in a few bytes: that saves 6 %.
pub(crate) fn ordered(module: &[u8]) -> Result<Vec<u8>> {
    let (mut imported, mut bodies) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            _ => {}
        }
    }
    let order = by_likeness(&bodies);
    let mut places = vec![0; order.len()];
    for (place, function) in (imported..).zip(&order) {
        places[*function] = place;
    }
    let mut ordered = Module::new();
    Ordering { imported, order, places }.parse_core_module(&mut ordered, Parser::new(0), module)?;
    Ok(ordered.finish())
}

/// Bytes that are compared at once.
const SHINGLE: usize = 6;
/// A sequence that more functions have is a phrase of the language, and says nothing about two of them.
const COMMON: usize = 150;
/// As far back as gzip still sees most of a function.
const WINDOW: usize = 30_000;

/// Each function behind those that it has most in common with; otherwise the largest first.
fn by_likeness(bodies: &[&[u8]]) -> Vec<usize> {
    let shingles: Vec<Vec<&[u8]>> = bodies
        .iter()
        .map(|body| {
            let mut shingles: Vec<&[u8]> = body.windows(SHINGLE).collect();
            shingles.sort_unstable();
            shingles.dedup();
            shingles
        })
        .collect();
    let mut having: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (function, shingles) in shingles.iter().enumerate() {
        for shingle in shingles {
            having.entry(shingle).or_default().push(function);
        }
    }
    having.retain(|_, functions| (2..=COMMON).contains(&functions.len()));

    let mut by_size: Vec<usize> = (0..bodies.len()).collect();
    by_size.sort_by_key(|function| std::cmp::Reverse(bodies[*function].len()));
    let mut by_size = by_size.into_iter();
    // What each that is left has in common with those in the window.
    let mut common = vec![0_usize; bodies.len()];
    let mut is_left = vec![true; bodies.len()];
    let (mut order, mut oldest, mut size) = (Vec::with_capacity(bodies.len()), 0, 0);
    while order.len() < bodies.len() {
        let likeness = |function: usize| common[function] * 1_000 / (shingles[function].len() + 20);
        let left = (0..bodies.len()).filter(|function| is_left[*function] && common[*function] > 0);
        let most = left.map(|function| (likeness(function), function)).max().filter(|(likeness, _)| *likeness >= 20);
        let next = most.map(|(_, function)| function).or_else(|| by_size.find(|function| is_left[*function]));
        let Some(next) = next else { break };
        is_left[next] = false;
        order.push(next);
        size += bodies[next].len();
        let mut note = |function: usize, is_new: bool| {
            for other in shingles[function].iter().filter_map(|shingle| having.get(shingle)).flatten() {
                common[*other] = if is_new { common[*other] + 1 } else { common[*other] - 1 };
            }
        };
        note(next, true);
        while size > WINDOW && oldest + 1 < order.len() {
            size -= bodies[order[oldest]].len();
            note(order[oldest], false);
            oldest += 1;
        }
    }
    order
}

/// Writes a module with its own functions in another order.
struct Ordering {
    /// Functions that come from outside; they stay in front.
    imported: u32,
    /// The functions in their new order, by their place in the old one.
    order: Vec<usize>,
    /// The new index of each.
    places: Vec<u32>,
}

impl Reencode for Ordering {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error<Self::Error>> {
        let own = index.checked_sub(self.imported).and_then(|own| self.places.get(own as usize));
        Ok(own.copied().unwrap_or(index))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let types = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
        self.order.iter().for_each(|function| {
            functions.function(types[*function]);
        });
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let bodies = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for function in self.order.clone() {
            utils::parse_function_body(self, code, bodies[function].clone())?;
        }
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        // Names of functions, and who has made the module: for nobody who looks at the panel.
        if matches!(section.name(), "name" | "producers") {
            Ok(())
        } else {
            utils::parse_custom_section(self, module, section)
        }
    }
}
