//! The command line, parsed once.

use crate::{
    images::registry::{Insecure, Mirror},
    ops::ipam::AddressPool,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

/// Container networking, seen and understood: a web panel and a Docker-compatible engine.
#[derive(Debug, Parser)]
#[command(name = "drawbridge", version)]
pub struct Config {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon: the panel and the Docker socket.
    Serve(Serve),
    /// Say what this machine has and lacks, with the remedy.
    Doctor(Folders),
    /// Print what would be changed now, wanted against kernel; exits 0 when nothing, 2 otherwise.
    Plan(Folders),
    /// End the containers and take away everything made in the kernel; what is stored stays.
    Down(Folders),
    /// Labs as files: bring one up, take it away, write what there is down. Asks the running daemon.
    Lab(Lab),
}

/// A question about labs.
#[derive(Clone, Debug, Args)]
pub struct Lab {
    /// The daemon's socket for Docker clients.
    #[arg(long, global = true, default_value = "/run/drawbridge/docker.sock")]
    pub docker_socket: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: LabCommand,
}

/// What can be done with labs.
#[derive(Clone, Debug, Subcommand)]
pub enum LabCommand {
    /// Bring up what a compose file says; what is there as it says is left alone.
    Up {
        /// The file: compose.yaml.
        file: PathBuf,
        /// What the lab is called where the file does not say; the file's or its folder's name when absent.
        #[arg(long, short)]
        name: Option<String>,
        /// Only print what would be done in the kernel; exits 0 when nothing, 2 otherwise.
        #[arg(long)]
        plan: bool,
        /// Build again what the file says how to build; otherwise only images that are missing.
        #[arg(long)]
        build: bool,
    },
    /// Take a lab away: its containers and networks.
    Down {
        /// Its file or its name.
        #[arg(value_name = "FILE|NAME")]
        lab: String,
        /// Its volumes too, with their data.
        #[arg(long, short)]
        volumes: bool,
    },
    /// Print the labs that there are.
    List,
    /// Print what there is as a compose file.
    Export {
        /// One lab; everything when absent.
        lab: Option<String>,
        /// Print a shell script of `ip` and `nft` commands, for a bare machine.
        #[arg(long, conflicts_with = "lab")]
        script: bool,
    },
}

/// Where things are kept.
#[derive(Clone, Debug, Args)]
pub struct Folders {
    /// What outlives a reboot: database, images, containers' files, the token.
    #[arg(long, default_value = "/var/lib/drawbridge")]
    pub data_dir: PathBuf,
    /// What doesn't: mounts, sockets, pid files.
    #[arg(long, default_value = "/run/drawbridge")]
    pub run_dir: PathBuf,
}

/// How the daemon is reached.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Where things are kept.
    #[command(flatten)]
    pub folders: Folders,
    /// The socket for Docker clients; only root and its group may use it.
    #[arg(long, default_value = "/run/drawbridge/docker.sock")]
    pub docker_socket: PathBuf,
    /// The panel's address.
    #[arg(long, default_value = "127.0.0.1:7878", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,
    /// Where the ranges of networks come from that name none, in parts of SIZE: 10.10.0.0/16/24. May be given several times.
    #[arg(long, value_name = "CIDR/SIZE")]
    pub address_pool: Vec<AddressPool>,
    /// A registry that is asked before docker.io, may be given more than once: http://10.0.0.5:5000.
    #[arg(long, value_name = "URL")]
    pub registry_mirror: Vec<Mirror>,
    /// A registry without TLS or with a certificate that is not known, or a range of such; this machine's are.
    #[arg(long, value_name = "HOST[:PORT]|CIDR")]
    pub insecure_registry: Vec<Insecure>,
    /// Who may use the panel; `none` is for loopback addresses and tests only.
    #[arg(long, value_enum, default_value = "token")]
    pub auth: Auth,
}

/// Who may use the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// Whoever has the token that is printed at start.
    Token,
    /// Everybody who can reach it.
    None,
}
