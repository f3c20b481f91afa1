//! What the pages draw with. A component gets props and calls back; it asks the daemon for nothing, but for
//! `proposal`, which every preview and every change goes through.
//!
//! Tests find things by these marks, which stay as they are:
//!
//! | mark | what |
//! |---|---|
//! | `[data-test=connection]` | the state of the connection in the header: `Connecting`, `Live`, `Lost`, `Logged out` |
//! | `[data-test=banner]`, `[data-test=retry]` | the banner of a lost connection, its button |
//! | `#login`, `#token`, `[data-test=login]`, `[data-test=refusal]` | login form, token field, button, refusal |
//! | `[data-test=new-network]`, `[data-test=new-container]` | buttons that open the two forms |
//! | `#network-create`: `#network-name`, `#network-subnet`, `#network-gateway`, `#network-internal`, `#network-icc`, `#network-masquerade`, `[name=gateway-mode]`, `[name=network-driver]` | the form and its fields; in `#network-more` the seldom ones |
//! | `[data-test=connect-to]`, `[data-test=connect]`, `[data-test=connect-with]`: `#connect-ip`, `#connect-aliases` and so on, `[data-test=disconnect]` | in the inspector, a container's networks |
//! | `#container-create`: `#container-name`, `#container-image`, `#container-command`, `#container-network`, `#container-start`, `#container-auto-remove` | the form and its fields |
//! | `#ports-edit` | the form of a container's ports, opened by `[data-test=ports]` |
//! | `[data-test=add-port]`, `[data-test=port-row]`, `[data-test=remove-port]`, `[data-test=port-words]` | its rows, as in `#container-create`; fields `[name=port-address]`, `port-host`, `port-container`, `port-protocol` |
//! | `#confirm` | the dialog of start, stop and remove |
//! | `[data-test=preview]`, `[data-test=apply]`, `[data-test=cancel]` | buttons of the open dialog |
//! | `[data-test=plan]`, `[data-test=step]`, `[data-test=command]` | a plan, its steps, each of their commands |
//! | `[data-test=refusal]` | what the daemon said no with, in the open dialog |
//! | `[data-test=message]` | what is said after a change |
//! | `[data-host]`, `[data-network=NAME]`, `[data-container=NAME][data-state=STATE]`, `[data-veth=NAME]` | nodes of the topology |
//! | `[data-port=NAME]` | a chip of published ports at the host; NAME is empty for the one that stands for several |
//! | `[data-block=NAME]` | a network's folded containers in the topology |
//! | `[data-test=rate]`, `[data-test=bridge-rate]` | what passes through a veth pair and through all of a bridge's |
//! | `#find-topology`, `[data-test=filters]`, `#filter-network`, `#filter-label` | search and filters of the topology |
//! | `[data-test=zoom-in]`, `zoom-out`, `zoom-actual`, `fit`, `keys-button` | the buttons below the drawing |
//! | `#connect`: `#connect-network` | the choice of a network for a container |
//! | `[data-test=inspector]` | the inspector; its buttons: `[data-test=start]`, `stop`, `ports`, `remove`, `new-container-here` |
//! | `[data-test=tab-about]`, `tab-kernel`, `tab-rules`, `tab-commands`, `tab-history` | its tabs |
//! | `[data-test=ports-list]`, `[data-listing=KIND]`, `[data-test=container-rules]`, `[data-test=history]` | what is in them |
//! | `[data-test=rules]`, `#find-rules`, `tr[data-rule=SET][data-there]`, `[data-test=tables]` | the page of rules, its filter, an element, the constant tables |
//! | `[data-test=not-intact]`, `[data-test=missing]` | what is wrong with the tables |
//! | `tr[data-network=NAME]`, `tr[data-container=NAME][data-state=STATE]` | rows of the tables, with the same buttons |
//! | `[data-test=images]`, `tr[data-image=NAME]`, `[data-test=pull]`, `load`, `build`, `#image-pull`, `#image-load`, `#image-build` | the page of images, its rows, its buttons and their dialogs |
//! | `[data-test=labs]`, `tr[data-lab=NAME]`, `[data-test=bring-up]`, `#lab-up`, `#lab-text`, `[data-test=down]`, `#lab-down` | the page of labs, its rows, its dialogs |
//! | `[data-test=work]`, `[data-layer=DIGITS]`, `[data-test=work-done]` | something that takes long, a layer of it, its end |
//! | `[data-change=ID][data-state=STATE]` | a change in the list |
//! | `[data-test=older]`, `#find` | the button that loads older changes, the filter of the containers |

pub mod parts;
pub mod shell;

pub mod connection;
pub mod facts;
pub mod header;
pub mod message;

pub mod confirm;
pub mod connect;
pub mod container_create;
pub mod container_networks;
pub mod container_tabs;
pub mod input;
pub mod modal;
pub mod network_create;
pub mod plan;
pub mod port_rows;
pub mod ports_edit;
pub mod proposal;
pub mod several;

pub mod code;
pub mod container_actions;
pub mod container_head;
pub mod drop;
pub mod empty;
pub mod listing;
pub mod load_older;
pub mod port_list;
pub mod rule;
pub mod state;
pub mod terminal;
pub mod time;
pub mod usage_charts;
pub mod work;

pub mod change;
pub mod drawing;
pub mod filters;
pub mod inspector;
