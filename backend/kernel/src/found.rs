//! What is on the machine, ours and not ours: read for those who want to see it, never changed. And the word that some of it has
//! changed.

use crate::{
    address::{self, LinkAddress},
    error::KernelError,
    link::{self, Link, PeerPlace},
    netlink::Channel,
    netns::{self, Namespace},
    socket::Socket,
};
use drawbridge_api::{Found, FoundLink, FoundNamespace, FoundPeer, NsName};
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify,
    io::Errno,
};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

/// `RTNLGRP_LINK`, `_IPV4_IFADDR`, `_IPV6_IFADDR` and `_NSID` (include/uapi/linux/rtnetlink.h).
const GROUPS: [u32; 4] = [1, 5, 9, 28];

/// Reads all links of the host and the named namespaces. Those of `ours` are not entered: what is in them is known, and there may
/// be hundreds.
pub(crate) fn read(ours: &BTreeSet<NsName>) -> Result<Found, KernelError> {
    let mut host = Socket::open()?;
    let names = netns::names()?;
    let (own, others): (Vec<NsName>, Vec<NsName>) = names.into_iter().partition(|name| ours.contains(name));
    let own_namespace = "/proc/thread-self/ns/net";
    let here =
        File::open(own_namespace).map_err(|error| KernelError::system(format!("open {own_namespace}"), error))?;
    let insides = netns::visit(&others, |name, namespace| Inside::read(name, namespace, &mut host, &here))?;
    // After what is inside, so that both ends of a pair that comes meanwhile are there.
    let links = link::list(&mut host)?;
    let addresses = address::list(&mut host, None)?;
    let told = links
        .iter()
        .map(|link| FoundLink { peer: peer(link, None, &links, &links, &insides), ..found(link, &links, &addresses) });
    let known = own.into_iter().map(|name| FoundNamespace { name: name.to_string(), links: Vec::new(), ours: true });
    let mut namespaces: Vec<FoundNamespace> =
        known.chain(insides.iter().map(|inside| inside.told(&links, &insides))).collect();
    namespaces.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Found { links: told.collect(), namespaces })
}

/// A namespace that has been looked into.
struct Inside {
    name: NsName,
    ours: bool,
    /// The number that the host knows it by, if it has one.
    nsid: Option<i32>,
    /// The number that it knows the host by, if it has one.
    host_nsid: Option<i32>,
    links: Vec<Link>,
    addresses: Vec<LinkAddress>,
}

impl Inside {
    fn read(name: &NsName, mut namespace: Namespace, host: &mut Socket, here: &File) -> Result<Inside, KernelError> {
        let socket = &mut namespace.socket;
        Ok(Inside {
            name: name.clone(),
            ours: netns::owner(socket)?.is_some(),
            nsid: netns::nsid(host, namespace.file.as_fd())?,
            host_nsid: netns::nsid(socket, here.as_fd())?,
            links: link::list(socket)?,
            addresses: address::list(socket, None)?,
        })
    }

    fn told(&self, host: &[Link], insides: &[Inside]) -> FoundNamespace {
        let links = self.links.iter().map(|link| FoundLink {
            peer: peer(link, Some(self), &self.links, host, insides),
            ..found(link, &self.links, &self.addresses)
        });
        FoundNamespace { name: self.name.to_string(), links: links.collect(), ours: self.ours }
    }
}

fn found(link: &Link, beside: &[Link], addresses: &[LinkAddress]) -> FoundLink {
    let master = link.master.and_then(|index| beside.iter().find(|other| other.index == index));
    FoundLink {
        name: link.name.clone(),
        index: link.index,
        kind: link.kind.clone(),
        mac: link.mac,
        mtu: link.mtu,
        up: link.up,
        bridge: master.map(|master| master.name.clone()),
        peer: None,
        addresses: addresses.iter().filter(|own| own.index == link.index).map(|own| own.address).collect(),
        ours: link.mark().is_some(),
    }
}

/// Where a veth of the host, or of the namespace `from`, leads.
fn peer(link: &Link, from: Option<&Inside>, beside: &[Link], host: &[Link], insides: &[Inside]) -> Option<FoundPeer> {
    if link.kind != "veth" {
        return None;
    }
    let index = link.peer?;
    let name = |links: &[Link]| links.iter().find(|other| other.index == index).map(|other| other.name.clone());
    Some(match (link.peer_place, from) {
        (PeerPlace::Here, _) => FoundPeer { namespace: None, name: name(beside) },
        (PeerPlace::Dying, _) => FoundPeer { namespace: None, name: None },
        (PeerPlace::Nsid(id), None) => match insides.iter().find(|inside| inside.nsid == Some(id)) {
            Some(inside) => FoundPeer { namespace: Some(inside.name.to_string()), name: name(&inside.links) },
            None => FoundPeer { namespace: None, name: None },
        },
        // A namespace numbers the others for itself: only the host's number is looked up, as most pairs lead there.
        (PeerPlace::Nsid(id), Some(inside)) if inside.host_nsid == Some(id) => {
            FoundPeer { namespace: None, name: name(host) }
        }
        (PeerPlace::Nsid(_), Some(_)) => FoundPeer { namespace: None, name: None },
    })
}

/// Tells that something has changed: a link or an address on the host, or in a namespace that a link leads to, or a name under
/// `/run/netns`. What it was is found by reading all.
pub struct FoundWatch {
    channel: Channel,
    /// Named namespaces come and go as files.
    names: OwnedFd,
}

impl std::fmt::Debug for FoundWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoundWatch").finish_non_exhaustive()
    }
}

impl FoundWatch {
    /// Watches from now on, in the calling thread's namespaces.
    pub(crate) fn open() -> Result<FoundWatch, KernelError> {
        let failed = |error: io::Error| KernelError::system("watch links", error);
        let mut channel = Channel::open(NETLINK_ROUTE, std::iter::empty())?;
        let socket = channel.socket();
        // `ip monitor all-nsid`: also of the namespaces that this one has a number for.
        let ready = socket
            .set_non_blocking(true)
            .and_then(|()| socket.set_listen_all_namespaces(true))
            .and_then(|()| GROUPS.iter().try_for_each(|group| socket.add_membership(*group)));
        ready.map_err(failed)?;
        let failed = |error: io::Error| KernelError::system(format!("watch {}", netns::DIRECTORY), error);
        fs::create_dir_all(netns::DIRECTORY).map_err(failed)?;
        let names = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)
            .map_err(|errno| failed(errno.into()))?;
        // Mounting a namespace on its file is no event; the file comes just before.
        let what = inotify::WatchFlags::CREATE
            | inotify::WatchFlags::DELETE
            | inotify::WatchFlags::MOVED_TO
            | inotify::WatchFlags::MOVED_FROM
            | inotify::WatchFlags::ATTRIB;
        inotify::add_watch(&names, netns::DIRECTORY, what).map_err(|errno| failed(errno.into()))?;
        Ok(FoundWatch { channel, names })
    }

    /// Waits until something has changed, or `timeout` has passed; whether it has.
    ///
    /// # Errors
    /// When the sockets can't be read.
    pub fn next(&mut self, timeout: Duration) -> Result<bool, KernelError> {
        let deadline = Instant::now() + timeout;
        loop {
            if self.take()? {
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.wait(left)?;
        }
    }

    /// Takes all that has been told; whether there was anything.
    fn take(&mut self) -> Result<bool, KernelError> {
        let mut changed = false;
        loop {
            match self.channel.try_receive() {
                Ok(_) => changed = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // More was told than the buffer holds: something has changed.
                Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => changed = true,
                Err(error) => return Err(KernelError::system("watch links", error)),
            }
        }
        let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
        loop {
            match rustix::io::read(&self.names, &mut buffer) {
                Ok(_) => changed = true,
                Err(Errno::AGAIN) => return Ok(changed),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(KernelError::system(format!("watch {}", netns::DIRECTORY), errno)),
            }
        }
    }

    fn wait(&self, timeout: Duration) -> Result<(), KernelError> {
        // A time that the kernel can't count to is for ever.
        let timeout = Timespec::try_from(timeout).ok();
        let mut watched = [PollFd::new(&self.channel, PollFlags::IN), PollFd::new(&self.names, PollFlags::IN)];
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(KernelError::system("watch links", errno)),
        }
    }
}
