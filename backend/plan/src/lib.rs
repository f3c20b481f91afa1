//! Planning, and nothing else: from what is wanted and what the kernel has to the steps between, what each step means,
//! and what it would leave behind. No I/O: everything here is a function of its arguments.
//!
//! The kernel's side is a *set of objects* ([`Object`]). What is wanted is such a set ([`Desired::objects`]), what is
//! there is such a set ([`Observed`]), and a plan is their difference in an order that the kernel accepts.

// A new step or object must be thought of everywhere that steps and objects are looked at.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod alloc;
pub mod element;
pub mod explain;
pub mod macvlan;
pub mod object;
pub mod outlet;
pub mod planner;
pub mod ruleset;
pub mod script;
pub mod sentence;
pub mod sim;
pub mod state;
pub mod step;

pub use element::{Element, Family, Service, Table};
pub use explain::{Explained, explain};
pub use macvlan::MacvlanEndpoint;
pub use object::{IPV6_MTU_BYTES, NO_IPV6, Object, Place, RESOLVER, RESOLVER_PORT};
pub use outlet::{Candidate, outlets};
pub use planner::plan;
pub use script::script;
pub use sentence::sentence;
pub use state::{BridgeNetwork, Desired, Namespace, Observed, Resolver, Scope, Sysctl, VethEndpoint};
pub use step::Step;
