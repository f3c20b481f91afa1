//! The pages, one for each kind of address.

pub mod change;
pub mod changes;
pub mod container;
pub mod containers;
pub mod dns;
pub mod doctor;
pub mod image;
pub mod images;
pub mod labs;
pub mod login;
pub mod network;
pub mod networks;
pub mod rules;
pub mod settings;
pub mod terminal;
pub mod topology;
pub mod trial;
