//! Made-up names for containers that were given none: an adjective and a name from the history of networking.

use super::OpError;
use crate::store::{Connection, container};
use drawbridge_api::ContainerName;

const ADJECTIVES: [&str; 32] = [
    "able", "agile", "bold", "brave", "bright", "brisk", "calm", "clever", "daring", "eager", "fair", "fleet", "fond",
    "gentle", "glad", "happy", "honest", "jolly", "keen", "kind", "lively", "lucid", "merry", "neat", "noble",
    "plucky", "proud", "quick", "quiet", "ready", "steady", "witty",
];

const SURNAMES: [&str; 32] = [
    "baran",
    "berners",
    "cailliau",
    "cerf",
    "clark",
    "cohen",
    "crocker",
    "davies",
    "deering",
    "estrin",
    "farber",
    "feinler",
    "floyd",
    "hopper",
    "jacobson",
    "kahn",
    "kirstein",
    "kleinrock",
    "lamarr",
    "licklider",
    "lynch",
    "metcalfe",
    "mockapetris",
    "nygren",
    "perlman",
    "postel",
    "pouzin",
    "roberts",
    "shannon",
    "stevens",
    "tomlinson",
    "zimmermann",
];

/// A made-up name that no container has.
pub(super) fn free(db: &Connection) -> Result<ContainerName, OpError> {
    // With a thousand combinations a clash is likely once some dozens are taken; a number then makes room for all.
    for attempt in 0_u32.. {
        let [adjective, surname, ..] = rand::random::<[u8; 4]>();
        let mut name = format!("{}_{}", ADJECTIVES[usize::from(adjective % 32)], SURNAMES[usize::from(surname % 32)]);
        if attempt >= 3 {
            name.push_str(&rand::random::<u32>().to_string());
        }
        let name: ContainerName = name.parse()?;
        if container::by_name(db, &name)?.is_none() {
            return Ok(name);
        }
    }
    Err(OpError::Invalid("every made-up name is taken; give one with --name".into()))
}
