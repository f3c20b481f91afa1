//! What stands around a service in its file.

use super::{Place, variables::Variables};
use std::collections::BTreeMap;

/// What a service refers to.
pub(super) struct Context<'a> {
    pub(super) project: &'a str,
    pub(super) place: &'a Place,
    pub(super) variables: Variables<'a>,
    /// The file's networks, with the names that they have on the machine.
    pub(super) networks: &'a BTreeMap<String, String>,
    pub(super) volumes: &'a BTreeMap<String, String>,
}
