//! The nftables table: written whole, read whole, and changed element by element. [`Nft::run`] is the one way to the kernel.

use crate::error::KernelError;
use drawbridge_plan::{Element, ruleset};
use ipnet::Ipv4Net;
use nftables::{
    batch::Batch,
    expr::{Expression, NamedExpression, Prefix},
    schema::{Element as Elements, NfListObject},
    types::NfFamily,
};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    env,
    io::Write,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The table's name without its family.
const TABLE: &str = "drawbridge";

/// The program nft(8).
#[derive(Clone, Debug)]
pub(crate) struct Nft {
    program: PathBuf,
}

/// What the table looks like apart from its elements, as `nft -j list` tells it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape(Vec<Value>);

/// The table as it is.
pub(crate) struct Table {
    /// Its sets, chains and rules.
    pub(crate) shape: Shape,
    /// Its elements; none when there is one that no [`Element`] stands for.
    pub(crate) elements: Option<BTreeSet<Element>>,
}

impl Nft {
    /// Finds the program: along `PATH`, then where Debian keeps it, which is not on every user's path.
    pub(crate) fn find() -> Result<Nft, KernelError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].into_iter().map(PathBuf::from));
        let mut candidates = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join("nft"));
        let program = candidates.find(|candidate| candidate.is_file());
        program.map(|program| Nft { program }).ok_or(KernelError::ProgramMissing {
            program: "nft",
            remedy: "install the package nftables (`apt install nftables`)",
        })
    }

    /// Where it is.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// `nft --version`: its number, such as `1.0.6`.
    pub(crate) fn version(&self) -> Result<String, KernelError> {
        let text = self.run(&["--version"], "", "tell its version")?;
        Ok(text.split_whitespace().nth(1).unwrap_or("unknown").trim_start_matches('v').to_owned())
    }

    /// Writes the whole table in one transaction, in place of what is there. Declaring it first makes deleting it
    /// harmless where there is none.
    pub(crate) fn write_table(&self) -> Result<(), KernelError> {
        let name = ruleset::TABLE_NAME;
        let script = format!("table {name}\ndelete table {name}\n{}", ruleset::TABLE);
        self.run(&["-f", "-"], &script, &format!("write the table {name}")).map(drop)
    }

    /// `nft delete table inet drawbridge`, harmless where there is none.
    pub(crate) fn remove_table(&self) -> Result<(), KernelError> {
        let name = ruleset::TABLE_NAME;
        let script = format!("table {name}\ndelete table {name}\n");
        self.run(&["-f", "-"], &script, &format!("delete the table {name}")).map(drop)
    }

    /// Adds and removes elements in one transaction. To add what is there is harmless, to delete what is not there is an
    /// error: nft 1.0.6 has no `destroy`, and to add it first in the same transaction hides from nft's own check for
    /// overlaps that a range goes. So when it fails, what is not there is left out, if that was why.
    pub(crate) fn change(&self, add: &[Element], remove: &[Element]) -> Result<(), KernelError> {
        let error = match self.change_exactly(add, remove) {
            Err(error @ KernelError::Nft { .. }) if !remove.is_empty() => error,
            result => return result,
        };
        let there = self.table()?.and_then(|table| table.elements).unwrap_or_default();
        let left: Vec<Element> = remove.iter().filter(|element| there.contains(element)).cloned().collect();
        if left.len() == remove.len() {
            return Err(error);
        }
        self.change_exactly(add, &left)
    }

    fn change_exactly(&self, add: &[Element], remove: &[Element]) -> Result<(), KernelError> {
        if add.is_empty() && remove.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for elements in by_set(remove) {
            batch.delete(NfListObject::Element(elements));
        }
        for elements in by_set(add) {
            batch.add(NfListObject::Element(elements));
        }
        let what = format!("change the elements of the table {}", ruleset::TABLE_NAME);
        let script = serde_json::to_string(&batch.to_nftables()).map_err(|error| KernelError::answer(&what, error))?;
        self.run(&["-j", "-f", "-"], &script, &what).map(drop)
    }

    /// `nft list table inet drawbridge`; none when there is none.
    pub(crate) fn table(&self) -> Result<Option<Table>, KernelError> {
        let what = format!("list the table {}", ruleset::TABLE_NAME);
        let text = match self.run(&["-j", "list", "table", "inet", TABLE], "", &what) {
            Ok(text) => text,
            Err(KernelError::Nft { message, .. }) if message.contains("No such file or directory") => return Ok(None),
            Err(error) => return Err(error),
        };
        let answer: Value = serde_json::from_str(&text).map_err(|error| KernelError::answer(&what, error))?;
        let Some(objects) = answer.get("nftables").and_then(Value::as_array) else {
            return Err(KernelError::answer(what, "no list of objects"));
        };
        Ok(Some(Table::read(objects)))
    }

    /// Runs nft and gives what it prints. All transactions and questions go through here.
    fn run(&self, arguments: &[&str], input: &str, what: &str) -> Result<String, KernelError> {
        let failed = |error| KernelError::system(format!("run {}", self.program.display()), error);
        let mut child = Command::new(&self.program)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // nft reads all of its input before it prints anything, so neither side waits for the other. Where it ends
        // early, what it says is the better error.
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            let message: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            return Err(KernelError::Nft { what: what.to_owned(), message: message.join("; ") });
        }
        written.map_err(failed)?;
        String::from_utf8(output.stdout).map_err(|error| KernelError::answer(what, error))
    }
}

/// One command for each set that is touched.
fn by_set(elements: &[Element]) -> impl Iterator<Item = Elements<'_>> {
    let mut sets: BTreeMap<&str, Vec<Expression<'_>>> = BTreeMap::new();
    for element in elements {
        sets.entry(element.set()).or_default().push(expression(element));
    }
    sets.into_iter().map(|(set, elements)| Elements {
        family: NfFamily::INet,
        table: TABLE.into(),
        name: set.into(),
        elem: Cow::Owned(elements),
    })
}

fn expression(element: &Element) -> Expression<'_> {
    let name = |name: &'_ str| Expression::String(Cow::Owned(name.to_owned()));
    match element {
        Element::Bridge(bridge) | Element::Internal(bridge) => name(bridge.as_str()),
        Element::Pair { from, to } => {
            Expression::Named(NamedExpression::Concat(vec![name(from.as_str()), name(to.as_str())]))
        }
        Element::Masquerade(range) => Expression::Named(NamedExpression::Prefix(Prefix {
            addr: Box::new(name(&range.network().to_string())),
            len: u32::from(range.prefix_len()),
        })),
    }
}

impl Table {
    /// Takes handles and elements out of what nft lists; the rest is the same for every table that was written whole.
    fn read(objects: &[Value]) -> Table {
        let mut shape = Vec::new();
        let mut elements = Some(BTreeSet::new());
        for object in objects {
            let Some(object) = object.as_object().filter(|object| !object.contains_key("metainfo")) else { continue };
            let mut object = object.clone();
            for body in object.values_mut().filter_map(Value::as_object_mut) {
                body.remove("handle");
                let Some(listed) = body.remove("elem") else { continue };
                let set = body.get("name").and_then(Value::as_str).unwrap_or_default();
                let read = elements_of(set, listed);
                elements = elements.zip(read).map(|(mut all, read)| {
                    all.extend(read);
                    all
                });
            }
            shape.push(Value::Object(object));
        }
        Table { shape: Shape(shape), elements }
    }
}

fn elements_of(set: &str, listed: Value) -> Option<Vec<Element>> {
    let listed: Vec<Expression<'_>> = serde_json::from_value(listed).ok()?;
    listed.iter().map(|expression| element(set, expression)).collect()
}

fn element(set: &str, expression: &Expression<'_>) -> Option<Element> {
    let text = |expression: &Expression<'_>| {
        let Expression::String(text) = expression else { return None };
        Some(text.clone().into_owned())
    };
    match (set, expression) {
        ("bridges", name) => Some(Element::Bridge(text(name)?.parse().ok()?)),
        ("internal", name) => Some(Element::Internal(text(name)?.parse().ok()?)),
        ("pairs", Expression::Named(NamedExpression::Concat(names))) => match names.as_slice() {
            [from, to] => Some(Element::Pair { from: text(from)?.parse().ok()?, to: text(to)?.parse().ok()? }),
            _ => None,
        },
        ("masqueraded", Expression::Named(NamedExpression::Prefix(prefix))) => {
            let address: Ipv4Addr = text(&prefix.addr)?.parse().ok()?;
            Some(Element::Masquerade(Ipv4Net::new(address, u8::try_from(prefix.len).ok()?).ok()?))
        }
        // A range of one address is told without its length.
        ("masqueraded", address) => Some(Element::Masquerade(Ipv4Net::from(text(address)?.parse::<Ipv4Addr>().ok()?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_reads_back_as_it_was_written() {
        let name = |name: &str| name.parse().expect("valid");
        let written = [
            Element::Bridge(name("docker0")),
            Element::Pair { from: name("docker0"), to: name("br-0123456789a") },
            Element::Masquerade("172.17.0.0/16".parse().expect("valid")),
            Element::Internal(name("br-0123456789a")),
        ];
        for element in &written {
            assert_eq!(super::element(element.set(), &expression(element)).as_ref(), Some(element));
        }
        let single = Expression::String("10.0.0.1".into());
        let expected = Element::Masquerade("10.0.0.1/32".parse().expect("valid"));
        assert_eq!(super::element("masqueraded", &single), Some(expected));
        assert_eq!(super::element("masqueraded", &Expression::Number(1)), None);
    }
}
