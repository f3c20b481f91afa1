//! The two tables by way of nf_tables' netlink messages: their shape, their elements and counters, and the one change that is
//! made to them, elements that come and go in one transaction. How an element is written in bytes is known in `element`.
//! Long because questions, answers and the batch share the words of one protocol.

use crate::{
    element::{self, COUNTED, TABLE},
    error::KernelError,
    netlink::{DUMP_ATTEMPTS, Refusal},
    nfnetlink::{
        ATTRIBUTE_HEADER_BYTES, ATTRIBUTE_MAX_BYTES, Attributes, Failure, Listed, Message, Netfilter, attribute,
        attributes, long_number, text,
    },
};
use drawbridge_api::Traffic;
use drawbridge_plan::{Element, Table};
use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE};
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of messages and attributes, from include/uapi/linux/netfilter/nf_tables.h.
mod nft {
    pub(super) const MSG_NEWTABLE: u16 = 0;
    pub(super) const MSG_GETTABLE: u16 = 1;
    pub(super) const MSG_DELTABLE: u16 = 2;
    pub(super) const MSG_NEWCHAIN: u16 = 3;
    pub(super) const MSG_GETCHAIN: u16 = 4;
    pub(super) const MSG_NEWRULE: u16 = 6;
    pub(super) const MSG_GETRULE: u16 = 7;
    pub(super) const MSG_NEWSET: u16 = 9;
    pub(super) const MSG_GETSET: u16 = 10;
    pub(super) const MSG_NEWSETELEM: u16 = 12;
    pub(super) const MSG_GETSETELEM: u16 = 13;
    pub(super) const MSG_DELSETELEM: u16 = 14;

    /// `NFTA_TABLE_NAME`, `NFTA_CHAIN_TABLE`, `NFTA_RULE_TABLE`, `NFTA_SET_TABLE`: the same number in each.
    pub(super) const TABLE: u16 = 1;
    pub(super) const SET_NAME: u16 = 2;

    /// `NFTA_TABLE_USE`, which the kernel tells and does not take. The same number is something else in other objects.
    pub(super) const TABLE_USE: u16 = 3;

    pub(super) const LIST_TABLE: u16 = 1;
    pub(super) const LIST_SET: u16 = 2;
    pub(super) const LIST_ELEMENTS: u16 = 3;
    pub(super) const LIST_ELEM: u16 = 1;
    pub(super) const ELEM_KEY: u16 = 1;
    pub(super) const ELEM_DATA: u16 = 2;
    pub(super) const ELEM_EXPR: u16 = 7;
    pub(super) const ELEM_KEY_END: u16 = 10;
    pub(super) const ELEM_EXPRESSIONS: u16 = 11;
    pub(super) const DATA_VALUE: u16 = 1;
    pub(super) const EXPR_NAME: u16 = 1;
    pub(super) const EXPR_DATA: u16 = 2;
    pub(super) const COUNTER_BYTES: u16 = 1;
    pub(super) const COUNTER_PACKETS: u16 = 2;
}

/// Lists that make a shape: the question, and the attributes of its answers that say nothing of what a table does. Those
/// are handles, padding, a rule's place (the handle of the one before), how often a chain is used and how much is in a set.
/// How much is in a table (`NFTA_TABLE_USE`) stays: by it objects of kinds that are not listed here are noticed.
const LISTS: [List; 4] = [
    // NFTA_TABLE_HANDLE, PAD
    List { asks: nft::MSG_GETTABLE, makes: nft::MSG_NEWTABLE, passing: &[4, 5] },
    // NFTA_CHAIN_HANDLE, USE, PAD, ID
    List { asks: nft::MSG_GETCHAIN, makes: nft::MSG_NEWCHAIN, passing: &[2, 6, 9, 11] },
    // NFTA_RULE_HANDLE, POSITION, PAD, ID
    List { asks: nft::MSG_GETRULE, makes: nft::MSG_NEWRULE, passing: &[3, 6, 8, 9] },
    // NFTA_SET_ID, PAD, HANDLE, COUNT
    List { asks: nft::MSG_GETSET, makes: nft::MSG_NEWSET, passing: &[10, 14, 16, 20] },
];

/// One kind of object that a table has.
struct List {
    /// The message that asks for all of them.
    asks: u16,
    /// The message that makes one.
    makes: u16,
    passing: &'static [u16],
}

/// How often a change is tried anew because what it removes went away by itself meanwhile.
const ATTEMPTS: usize = 4;

/// What the tables look like apart from their elements: tables, chains, rules and sets as the kernel lists them, without
/// the attributes that change by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape(Vec<(u16, Listed)>);

impl Shape {
    /// Whether there is no table at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages that make all of it. Only for a table without sets, since a rule names those by a number of one transaction.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let made = self.0.iter().filter_map(|(kind, listed)| {
            let list = LISTS.iter().find(|list| list.asks == *kind)?;
            let not_taken: &[u16] = if list.makes == nft::MSG_NEWTABLE { &[nft::TABLE_USE] } else { &[] };
            let flags = if list.makes == nft::MSG_NEWRULE { NLM_F_CREATE | NLM_F_APPEND } else { NLM_F_CREATE };
            Some(Message { kind: list.makes, flags, family: listed.family, attributes: copied(listed, not_taken) })
        });
        made.collect()
    }

    fn sets(&self) -> impl Iterator<Item = (Table, String)> {
        let sets = self.0.iter().filter(|(kind, _)| *kind == nft::MSG_GETSET);
        sets.filter_map(|(_, listed)| {
            let table = Table::ALL.into_iter().find(|table| element::family(*table) == listed.family)?;
            Some((table, text(attribute(&listed.attributes, nft::SET_NAME)?)))
        })
    }
}

/// An element as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// With the kernel's value, if it is of a map.
    pub(crate) element: Element,
    /// What it has counted, if it counts.
    pub(crate) traffic: Option<Traffic>,
}

// ---- looking ----

/// `nft list tables`, without their elements
pub(crate) fn shape(netfilter: &mut Netfilter) -> Result<Shape, KernelError> {
    let mut shape = Vec::new();
    for table in Table::ALL {
        shape.extend(shape_of(netfilter, element::family(table))?.0);
    }
    Ok(Shape(shape))
}

/// As [`shape`], of our table of one family (`NFPROTO_…`).
pub(crate) fn shape_of(netfilter: &mut Netfilter, family: u8) -> Result<Shape, KernelError> {
    let mut shape = Vec::new();
    for List { asks: kind, passing, .. } in LISTS {
        // Each table's name is looked at again, for tables and chains are listed whatever the question names.
        let named = Attributes::default().text(nft::TABLE, TABLE);
        let question = Message { kind, flags: 0, family, attributes: named };
        let listed = match netfilter.dump(&question)? {
            Ok(listed) => listed,
            Err(refusal) if refusal.errno == Errno::ENOENT => Vec::new(),
            Err(refusal) => return Err(refusal.when(format!("list the table {TABLE} of family {family}"))),
        };
        let ours = listed
            .into_iter()
            .filter(|listed| attribute(&listed.attributes, nft::TABLE).is_some_and(|name| text(name) == TABLE));
        let before = shape.len();
        shape.extend(ours.map(|listed| (kind, lasting(&listed, passing))));
        // What is in a table that is not there need not be asked for.
        if kind == nft::MSG_GETTABLE && shape.len() == before {
            break;
        }
    }
    Ok(Shape(shape))
}

fn lasting(listed: &Listed, passing: &[u16]) -> Listed {
    Listed { family: listed.family, attributes: copied(listed, passing).into_bytes() }
}

/// What was listed, to be sent, without the attributes of these kinds.
fn copied(listed: &Listed, without: &[u16]) -> Attributes {
    let kept = attributes(&listed.attributes).filter(|(kind, _)| !without.contains(kind));
    kept.fold(Attributes::default(), |all, (kind, value)| all.bytes(kind, value))
}

/// All elements of both tables; none when a table is missing, has another shape, or has an element that no [`Element`]
/// stands for.
pub(crate) fn read(netfilter: &mut Netfilter, whole: &Shape) -> Result<Option<BTreeSet<Element>>, KernelError> {
    let mut generation = netfilter.generation()?;
    let mut elements = None;
    // The lists must be of one state. When others change their tables all the time, the last attempt has to do.
    for _ in 0..DUMP_ATTEMPTS {
        elements = read_once(netfilter, whole)?;
        let now = netfilter.generation()?;
        if now == generation {
            break;
        }
        generation = now;
    }
    Ok(elements)
}

fn read_once(netfilter: &mut Netfilter, whole: &Shape) -> Result<Option<BTreeSet<Element>>, KernelError> {
    if shape(netfilter)? != *whole {
        return Ok(None);
    }
    let mut all = BTreeSet::new();
    for (table, set) in whole.sets() {
        let Some(seen) = list(netfilter, table, &set)? else { return Ok(None) };
        for seen in seen {
            let Some(seen) = seen else { return Ok(None) };
            all.insert(seen.element);
        }
    }
    Ok(Some(all))
}

/// `nft list set TABLE SET`: its elements, each none if it can't be read; none when there is no such set.
fn list(netfilter: &mut Netfilter, table: Table, set: &str) -> Result<Option<Vec<Option<Seen>>>, KernelError> {
    let question =
        Message { kind: nft::MSG_GETSETELEM, flags: 0, family: element::family(table), attributes: of_set(set) };
    match netfilter.dump(&question)? {
        Ok(listed) => Ok(Some(listed.iter().flat_map(|listed| seen(listed, table, set)).collect())),
        Err(refusal) if refusal.errno == Errno::ENOENT => Ok(None),
        Err(refusal) => Err(refusal.when(format!("list the set {set} of the table {}", table.name()))),
    }
}

/// `nft get element TABLE SET { KEY }` for each: what the kernel has for that key, with its own value.
pub(crate) fn look(netfilter: &mut Netfilter, elements: &[Element]) -> Result<Vec<Option<Seen>>, KernelError> {
    let questions: Vec<Message> = elements
        .iter()
        .map(|element| message(nft::MSG_GETSETELEM, 0, element.table(), element.set(), &keyed(element)))
        .collect();
    let answers = netfilter.ask(&questions)?;
    let read = elements.iter().zip(answers).map(|(element, answer)| match answer {
        Ok(listed) => {
            let found = seen(&listed, element.table(), element.set()).next().flatten();
            found.map(Some).ok_or_else(|| KernelError::answer(format!("look up {}", named(element)), "not an element"))
        }
        // Neither it nor, perhaps, its set or table.
        Err(refusal) if refusal.errno == Errno::ENOENT => Ok(None),
        Err(refusal) => Err(refusal.when(format!("look up {}", named(element)))),
    });
    read.collect()
}

/// What these have counted; none for one that is not there or does not count.
pub(crate) fn traffic(netfilter: &mut Netfilter, of: &[Element]) -> Result<Vec<Option<Traffic>>, KernelError> {
    let seen = look(netfilter, of)?;
    Ok(seen.into_iter().map(|seen| seen?.traffic).collect())
}

/// What everything that counts has counted.
pub(crate) fn all_traffic(netfilter: &mut Netfilter) -> Result<BTreeMap<Element, Traffic>, KernelError> {
    let mut all = BTreeMap::new();
    for set in COUNTED {
        let seen = list(netfilter, Table::Inet, set)?.unwrap_or_default().into_iter().flatten();
        all.extend(seen.filter_map(|seen| Some((seen.element, seen.traffic?))));
    }
    Ok(all)
}

/// Reads a `NFT_MSG_NEWSETELEM`: the elements in it, each none if no [`Element`] stands for it.
fn seen(listed: &Listed, table: Table, set: &str) -> impl Iterator<Item = Option<Seen>> {
    let elements = attribute(&listed.attributes, nft::LIST_ELEMENTS).unwrap_or_default();
    attributes(elements).map(move |(_, body)| {
        let key = attribute(attribute(body, nft::ELEM_KEY)?, nft::DATA_VALUE)?;
        let value_of = |kind| attribute(body, kind).and_then(|data| attribute(data, nft::DATA_VALUE));
        let (end, value) = (value_of(nft::ELEM_KEY_END), value_of(nft::ELEM_DATA));
        Some(Seen { element: element::read(table, set, key, end, value)?, traffic: counted(body) })
    })
}

/// An element's counter: one expression, or one of several.
fn counted(body: &[u8]) -> Option<Traffic> {
    let several = attribute(body, nft::ELEM_EXPRESSIONS).unwrap_or_default();
    let mut expressions = attribute(body, nft::ELEM_EXPR).into_iter().chain(attributes(several).map(|(_, one)| one));
    let counter = expressions
        .find(|expression| attribute(expression, nft::EXPR_NAME).is_some_and(|name| text(name) == "counter"))?;
    let data = attribute(counter, nft::EXPR_DATA)?;
    Some(Traffic {
        packets: long_number(attribute(data, nft::COUNTER_PACKETS)?)?,
        bytes: long_number(attribute(data, nft::COUNTER_BYTES)?)?,
    })
}

// ---- changing ----

/// `nft delete table …` of both, harmless where there is none: declared first, as `nft` would be told to.
pub(crate) fn remove(netfilter: &mut Netfilter) -> Result<(), KernelError> {
    let messages: Vec<Message> = Table::ALL.into_iter().flat_map(|table| undeclared(element::family(table))).collect();
    whole_transaction(netfilter, &messages, "delete the tables")
}

/// Deletes our table of one family (`NFPROTO_…`) whether it is there or not.
pub(crate) fn undeclared(family: u8) -> [Message; 2] {
    [(nft::MSG_NEWTABLE, NLM_F_CREATE), (nft::MSG_DELTABLE, 0)].map(|(kind, flags)| {
        let attributes = Attributes::default().text(nft::TABLE, TABLE);
        Message { kind, flags, family, attributes }
    })
}

/// A transaction of which no message is expected to be refused.
pub(crate) fn whole_transaction(
    netfilter: &mut Netfilter,
    messages: &[Message],
    what: &str,
) -> Result<(), KernelError> {
    netfilter.transaction(messages)?.map_err(|failure| match failure {
        Failure::Whole(refusal) => refusal.when(what),
        Failure::Messages(refused) => match refused.into_iter().next() {
            Some((_, refusal)) => refusal.when(what),
            None => KernelError::answer(what, "refused without a reason"),
        },
    })
}

/// `nft delete element TABLE SET { KEY }`, then `nft add element TABLE SET { KEY : VALUE }`, all in one transaction. To
/// remove what is not there is harmless, whatever the map gave for its key, and so is to add what is there. nf_tables has a
/// message that removes without minding (`NFT_MSG_DESTROYSETELEM`) only since Linux 6.3, so where one is missing those that
/// are there are looked up.
pub(crate) fn change(netfilter: &mut Netfilter, add: &[Element], remove: &[Element]) -> Result<(), KernelError> {
    let mut going = keys(remove);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let batch = Batch::new(add, &going);
        if batch.messages.is_empty() {
            return Ok(());
        }
        let refused = match netfilter.transaction(&batch.messages)? {
            Ok(()) => return Ok(()),
            Err(Failure::Whole(refusal)) => {
                return Err(refusal.when(format!("change the tables, {} elements", add.len() + remove.len())));
            }
            Err(Failure::Messages(refused)) => refused,
        };
        // Whatever else is wrong may be so because a removal was left out.
        let is_missing = |(index, refusal): &(usize, Refusal)| batch.removes(*index) && refusal.errno == Errno::ENOENT;
        let missing = refused.iter().any(is_missing);
        let error = batch.error(refused);
        if !missing {
            return Err(error);
        }
        last = Some(error);
        let elements: Vec<Element> = going.values().map(|element| (*element).clone()).collect();
        let there = look(netfilter, &elements)?;
        going = going.into_iter().zip(there).filter(|(_, seen)| seen.is_some()).map(|(going, _)| going).collect();
    }
    // Others take away what is being removed, each time just before it is.
    last.map_or(Ok(()), Err)
}

/// A set, and a key of it.
type Key = (Table, &'static str, Vec<u8>);

/// Elements by set and key: two with one key are one.
fn keys(elements: &[Element]) -> BTreeMap<Key, &Element> {
    elements.iter().map(|element| ((element.table(), element.set(), element::key(element)), element)).collect()
}

/// The messages of a transaction, and which elements are in each.
struct Batch<'a> {
    messages: Vec<Message>,
    /// For each message whether it removes, and the elements with the place of each in it, counted from its header.
    contents: Vec<(bool, Vec<(usize, &'a Element)>)>,
}

impl<'a> Batch<'a> {
    fn new(add: &'a [Element], remove: &BTreeMap<Key, &'a Element>) -> Batch<'a> {
        let mut batch = Batch { messages: Vec::new(), contents: Vec::new() };
        let mut sets: BTreeMap<(Table, &str), Vec<(Attributes, &Element)>> = BTreeMap::new();
        for ((table, set, _), element) in remove {
            sets.entry((*table, set)).or_default().push((keyed(element), element));
        }
        batch.extend(nft::MSG_DELSETELEM, 0, sets);
        let mut sets: BTreeMap<(Table, &str), Vec<(Attributes, &Element)>> = BTreeMap::new();
        for element in add {
            let mut body = keyed(element);
            if let Some(value) = element::value(element) {
                body = body.nest(nft::ELEM_DATA, &Attributes::default().bytes(nft::DATA_VALUE, &value));
            }
            sets.entry((element.table(), element.set())).or_default().push((body, element));
        }
        batch.extend(nft::MSG_NEWSETELEM, NLM_F_CREATE, sets);
        batch
    }

    /// As many messages as the sets and the length of an attribute ask for.
    fn extend(&mut self, kind: u16, flags: u16, sets: BTreeMap<(Table, &str), Vec<(Attributes, &'a Element)>>) {
        for ((table, set), elements) in sets {
            let start = Message::HEAD_BYTES + of_set(set).len() + ATTRIBUTE_HEADER_BYTES;
            let mut list = Attributes::default();
            let mut places = Vec::new();
            for (body, element) in elements {
                let longest = ATTRIBUTE_MAX_BYTES - 2 * ATTRIBUTE_HEADER_BYTES - body.len();
                if list.len() > longest {
                    self.push(kind, flags, table, set, &std::mem::take(&mut list), std::mem::take(&mut places));
                }
                places.push((start + list.len(), element));
                list = list.nest(nft::LIST_ELEM, &body);
            }
            self.push(kind, flags, table, set, &list, places);
        }
    }

    fn push(
        &mut self,
        kind: u16,
        flags: u16,
        table: Table,
        set: &str,
        list: &Attributes,
        places: Vec<(usize, &'a Element)>,
    ) {
        let attributes = of_set(set).nest(nft::LIST_ELEMENTS, list);
        self.messages.push(Message { kind, flags, family: element::family(table), attributes });
        self.contents.push((kind == nft::MSG_DELSETELEM, places));
    }

    /// Whether this message removes.
    fn removes(&self, index: usize) -> bool {
        self.contents.get(index).is_some_and(|(removes, _)| *removes)
    }

    /// The error for the first message that was refused, one that adds before one that removes.
    fn error(&self, refused: Vec<(usize, Refusal)>) -> KernelError {
        let first = refused.into_iter().min_by_key(|(index, _)| (self.removes(*index), *index));
        let Some((index, refusal)) = first else {
            return KernelError::answer("change the tables", "refused without a reason");
        };
        let Some((removes, places)) = self.contents.get(index) else { return refusal.when("change the tables") };
        let verb = if *removes { "remove" } else { "add" };
        // The kernel says where in the message the element begins that it does not take.
        let blamed = refusal.at.and_then(|at| places.iter().find(|(place, _)| Ok(*place) == usize::try_from(at)));
        let what = match (blamed, places.as_slice()) {
            (Some((_, element)), _) | (None, [(_, element)]) => format!("{verb} {}", named(element)),
            (None, [(_, element), ..]) => {
                format!("{verb} {} elements of {} of {}", places.len(), element.set(), element.table().name())
            }
            (None, []) => format!("{verb} elements"),
        };
        match (refusal.errno, places.first()) {
            (Errno::ENOENT, Some((_, element))) if !removes => KernelError::Absent {
                what: format!("the set {} of the table {}", element.set(), element.table().name()),
            },
            // nft_add_set_elem() says either, by version.
            (Errno::EEXIST | Errno::EBUSY, _) if !removes => {
                let meaning = format!("the map has another value for that key ({:?})", refusal.errno);
                refusal.meaning(what, meaning)
            }
            _ => refusal.when(what),
        }
    }
}

// ---- messages ----

fn message(kind: u16, flags: u16, table: Table, set: &str, element: &Attributes) -> Message {
    let list = Attributes::default().nest(nft::LIST_ELEM, element);
    let attributes = of_set(set).nest(nft::LIST_ELEMENTS, &list);
    Message { kind, flags, family: element::family(table), attributes }
}

fn of_set(set: &str) -> Attributes {
    Attributes::default().text(nft::LIST_TABLE, TABLE).text(nft::LIST_SET, set)
}

fn keyed(element: &Element) -> Attributes {
    let value = |bytes: &[u8]| Attributes::default().bytes(nft::DATA_VALUE, bytes);
    let body = Attributes::default().nest(nft::ELEM_KEY, &value(&element::key(element)));
    match element::end(element) {
        Some(end) => body.nest(nft::ELEM_KEY_END, &value(&end)),
        None => body,
    }
}

/// An element in the words of `nft`.
fn named(element: &Element) -> String {
    let value = element.value().map(|value| format!(" : {value}")).unwrap_or_default();
    format!("{{ {}{value} }} of {} of {}", element.key(), element.set(), element.table().name())
}
