//! The only room that speaks netlink, nftables and system calls. It carries out the steps of a plan and says what is there;
//! what should be there, it does not know.
//!
//! Everything here blocks and belongs on a plain or blocking thread. A [`Kernel`] looks at the network namespace of the
//! thread that calls it.

pub mod abi;
mod address;
mod attributes;
mod cable;
mod conntrack;
mod counters;
pub mod doctor;
mod element;
mod error;
mod execute;
pub mod file;
pub mod folder;
mod foreign;
mod found;
mod host;
mod link;
pub mod local;
mod macvlan;
mod mark;
pub mod mount;
mod netlink;
mod netns;
mod nfnetlink;
mod nft;
mod observe;
mod own;
mod pool;
pub mod port;
mod probe;
pub mod process;
pub mod remove;
mod resolver;
mod session;
mod show;
mod socket;
mod sysctl;
mod tables;
pub mod terminal;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tree;
mod vanish;
pub mod walk;
mod watch;

pub use error::{KernelError, StepError};
pub use foreign::{Aim, ForeignDrop, foreign_drops, foreign_drops_of};
pub use found::FoundWatch;
pub use host::{HostLink, HostView};
pub use probe::{Echo, EchoKind, Echoes, Surroundings, Way};
pub use resolver::{ResolverSockets, Transport};
pub use session::Session;
pub use watch::{TableWatch, Transaction};

use drawbridge_api::{Found, IfName, LinkReport, Listing, NsName, Traffic};
use drawbridge_plan::{Element, NO_IPV6, Observed, Scope, Step};
use nfnetlink::Netfilter;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    os::fd::OwnedFd,
    sync::Arc,
};

/// The kernel's network side. Cheap to clone; all clones share what was found out when it was opened.
#[derive(Clone)]
pub struct Kernel {
    shared: Arc<Shared>,
}

/// What is found out once.
pub(crate) struct Shared {
    nft: nft::Nft,
    /// How the kernel lists undamaged tables.
    shape: tables::Shape,
    /// What is written into a namespace in which names are answered.
    resolver: resolver::Table,
    pool: pool::Pool,
    directory: netns::Directory,
    /// Whether this kernel has IPv6.
    ipv6: bool,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").field("nft", &self.shared.nft).finish_non_exhaustive()
    }
}

impl Kernel {
    /// Finds nft and writes the tables once in a network namespace made for it, to know how this kernel lists undamaged ones
    /// that this version of nft has written.
    ///
    /// # Errors
    /// When nft is not installed, or the kernel lacks what the tables need, or without root.
    pub fn open() -> Result<Kernel, KernelError> {
        let nft = nft::Nft::find()?;
        let (shape, resolver) = netns::scratch(|| {
            nft.write_tables()?;
            nft.write_resolver()?;
            let mut netfilter = Netfilter::open()?;
            Ok::<_, KernelError>((tables::shape(&mut netfilter)?, resolver::Table::record(&mut netfilter)?))
        })??;
        if shape.is_empty() {
            return Err(KernelError::answer("write the tables for a trial", "they are not there"));
        }
        Ok(Kernel {
            shared: Arc::new(Shared {
                nft,
                shape,
                resolver,
                pool: pool::Pool::default(),
                directory: netns::Directory::default(),
                ipv6: sysctl::read(NO_IPV6)?.is_some(),
            }),
        })
    }

    /// What the kernel has of ours within `scope`, and the values of these settings as far as this kernel
    /// has them and the scope covers them.
    ///
    /// # Errors
    /// When the kernel refuses to say, as it does without root.
    pub fn observe(&self, scope: &Scope, sysctl_keys: &[String]) -> Result<Observed, KernelError> {
        observe::observe(&self.shared, scope, sysctl_keys)
    }

    /// Opens what steps need.
    ///
    /// # Errors
    /// When no netlink socket can be opened.
    pub fn session(&self) -> Result<Session, KernelError> {
        self.session_for(&[])
    }

    /// Opens what the steps of one plan need, and begins with what nobody sees before its step and leaves nothing behind if that
    /// is never done.
    ///
    /// # Errors
    /// When no netlink socket can be opened or no thread started.
    pub fn session_for(&self, steps: &[Step]) -> Result<Session, KernelError> {
        Session::open(Arc::clone(&self.shared), steps)
    }

    /// The host as it is, ours and not ours, for choosing names and ranges.
    ///
    /// # Errors
    /// When the kernel refuses to say.
    pub fn host(&self) -> Result<HostView, KernelError> {
        host::read()
    }

    /// All links of the host and all named namespaces, whoever made them. The namespaces of `ours` are not entered.
    ///
    /// # Errors
    /// When the kernel refuses to say, as it does without root.
    pub fn found(&self, ours: &BTreeSet<NsName>) -> Result<Found, KernelError> {
        found::read(ours)
    }

    /// Watches for changes of what [`Kernel::found`] reads, from now on. Makes `/run/netns`, as ip-netns(8) does, if it is not there.
    ///
    /// # Errors
    /// When the kernel does not tell of them.
    pub fn watch_found(&self) -> Result<FoundWatch, KernelError> {
        FoundWatch::open()
    }

    /// What these elements have counted since they were added; none for one that is not there, or of a set that does not
    /// count ([`Element::Counted`], [`Element::Sent`] and [`Element::Received`] are of sets that do). The cost is that of
    /// the elements asked about, however many others there are.
    ///
    /// # Errors
    /// When the kernel refuses to say, as it does without root.
    pub fn traffic(&self, of: &[Element]) -> Result<Vec<Option<Traffic>>, KernelError> {
        self.shared.pool.with(|netfilter| tables::traffic(netfilter, of))
    }

    /// What all elements that count have counted; nothing without the tables.
    ///
    /// # Errors
    /// When the kernel refuses to say, as it does without root.
    pub fn all_traffic(&self) -> Result<BTreeMap<Element, Traffic>, KernelError> {
        self.shared.pool.with(tables::all_traffic)
    }

    /// What all links of the host have counted.
    ///
    /// # Errors
    /// When the kernel refuses to say.
    pub fn counters(&self) -> Result<LinkReport, KernelError> {
        counters::read()
    }

    /// The host's addresses, routes and neighbours, as ip(8) prints them.
    ///
    /// # Errors
    /// When the kernel refuses to say.
    pub fn show_host(&self) -> Result<Vec<Listing>, KernelError> {
        show::host()
    }

    /// A link of the host, its addresses, routes, neighbours and forwarding table, as ip(8) and bridge(8) print them; none when
    /// there is no such link.
    ///
    /// # Errors
    /// When the kernel refuses to say.
    pub fn show_link(&self, name: &IfName) -> Result<Option<Vec<Listing>>, KernelError> {
        show::link(name)
    }

    /// The addresses, routes and neighbours in a named namespace, as ip(8) prints them there; none when there is no such
    /// namespace.
    ///
    /// # Errors
    /// When the kernel refuses to say, as it does without root.
    pub fn show_namespace(&self, name: &NsName) -> Result<Option<Vec<Listing>>, KernelError> {
        show::namespace(name)
    }

    /// Writes kernel settings inside a named namespace, in order, by key and value: `net.ipv4.conf.eth0.log_martians`, where a
    /// dot in an interface's name is written as `/`. Whether there is such a namespace.
    ///
    /// # Errors
    /// When one can't be written; those before it are.
    pub fn set_inside(&self, namespace: &NsName, settings: &[(String, &str)]) -> Result<bool, KernelError> {
        netns::set(namespace, settings)
    }

    /// Watches for transactions of nf_tables that others commit in this namespace from now on: one may have damaged the
    /// tables, as `nft flush ruleset` does.
    ///
    /// # Errors
    /// When no netlink socket can be opened.
    pub fn watch_tables(&self) -> Result<TableWatch, KernelError> {
        TableWatch::open()
    }

    /// Opens the daemon's sockets in a namespace, at which it is asked for names; none when there is no such namespace. They
    /// keep the namespace alive: close them before it is removed.
    ///
    /// # Errors
    /// When the address can't be had: somebody in the namespace listens there.
    pub fn resolver_sockets(&self, namespace: &NsName) -> Result<Option<ResolverSockets>, KernelError> {
        resolver::sockets(namespace)
    }

    /// Opens a socket that talks to `peer` from a namespace; none when there is no such namespace. It is neither bound nor
    /// connected and does not block.
    ///
    /// # Errors
    /// When the kernel gives no socket.
    pub fn socket_in(
        &self,
        namespace: &NsName,
        transport: Transport,
        peer: SocketAddr,
    ) -> Result<Option<OwnedFd>, KernelError> {
        resolver::socket_in(namespace, transport, peer)
    }

    /// What is seen in a namespace, or in the host's where none is named: addresses, routes, neighbours that did not answer,
    /// listeners. None when there is no such namespace.
    ///
    /// # Errors
    /// When the kernel refuses to say, as it does without root.
    pub fn surroundings(&self, namespace: Option<&NsName>) -> Result<Option<Surroundings>, KernelError> {
        probe::surroundings(namespace)
    }

    /// Removes what a crash left of a namespace that was being made: marked files under `/run/netns` on which no
    /// namespace is mounted. They are no objects, so no plan would end them. Call it before the first observation, while
    /// nothing is being made.
    ///
    /// # Errors
    /// When such a file can't be read or removed.
    pub fn sweep(&self) -> Result<Vec<NsName>, KernelError> {
        netns::sweep()
    }
}
