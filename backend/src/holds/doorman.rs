//! Who comes to held ports: one task for all of them lets connections in where there is a door, and takes datagrams. A door is
//! no more than its socket until somebody comes.

use super::relay::{self, Flows};
use crate::{
    readable::register,
    store::{Store, StoreError, network},
};
use drawbridge_api::{HostPort, Protocol};
use drawbridge_kernel::port::{Held, Poll, interface_of};
use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::unix::AsyncFd,
    net::TcpStream,
    task::{AbortHandle, JoinSet, yield_now},
    time::sleep,
};

/// How long to wait after a failed accept, which for want of descriptors would fail again at once.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How many are let in at one door before the others are looked at.
const IN_ONE_GO: usize = 64;
/// The largest datagram (RFC 768).
const DATAGRAM: usize = 65_535;

/// Opens doors, and lets in at them as long as it is there.
#[derive(Debug)]
pub(super) struct Doorman(Arc<Doors>);

/// All doors.
#[derive(Debug)]
pub(super) struct Doors {
    open: Mutex<Open>,
    store: Arc<Store>,
}

#[derive(Debug, Default)]
struct Open {
    /// From the first door on, with the task that waits for it.
    watch: Option<(Arc<Poll>, AbortHandle)>,
    /// The last door's number; none is given twice.
    last: u64,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    held: Held,
    target: SocketAddr,
    /// What has come in and not gone yet; it ends with the door.
    guests: Option<Guests>,
}

#[derive(Debug)]
enum Guests {
    Streams(JoinSet<()>),
    Datagrams(Box<Flows>),
}

/// An open door. Its socket and whatever has come in by it are gone when this is.
#[derive(Debug)]
pub(super) struct Door {
    doors: Arc<Doors>,
    number: u64,
}

impl Doorman {
    pub(super) fn new(store: Arc<Store>) -> Doorman {
        Doorman(Arc::new(Doors { open: Mutex::default(), store }))
    }

    /// Passes what comes to a port on to `target`. To be called where there is a runtime.
    pub(super) fn open(&self, held: Held, target: SocketAddr) -> io::Result<Door> {
        let mut open = self.0.lock();
        let poll = match &open.watch {
            Some((poll, _)) => Arc::clone(poll),
            None => {
                let poll = Arc::new(Poll::new()?);
                let readable = register(poll.descriptor()?)?;
                let task = tokio::spawn(watch(readable, Arc::clone(&poll), Arc::clone(&self.0))).abort_handle();
                open.watch.insert((poll, task)).0.clone()
            }
        };
        if held.protocol() == Protocol::Udp {
            held.make_room()?;
        }
        open.last += 1;
        let number = open.last;
        poll.add(&held, number)?;
        open.entries.insert(number, Entry { held, target, guests: None });
        Ok(Door { doors: Arc::clone(&self.0), number })
    }
}

impl Drop for Doorman {
    fn drop(&mut self) {
        if let Some((_, task)) = self.0.lock().watch.take() {
            task.abort();
        }
    }
}

impl Door {
    /// The ports that it has.
    pub(super) fn hosts(&self) -> Vec<HostPort> {
        self.doors.lock().entries.get(&self.number).map_or_else(Vec::new, |entry| entry.held.hosts().collect())
    }

    /// Passes those who come from now on to another target.
    pub(super) fn lead_to(&self, target: SocketAddr) {
        if let Some(entry) = self.doors.lock().entries.get_mut(&self.number) {
            entry.target = target;
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let mut open = self.doors.lock();
        if let (Some(entry), Some((poll, _))) = (open.entries.remove(&self.number), &open.watch) {
            poll.remove(&entry.held);
        }
    }
}

async fn watch(some: AsyncFd<OwnedFd>, poll: Arc<Poll>, doors: Arc<Doors>) {
    let mut buffer = Vec::new();
    loop {
        let Ok(mut readable) = some.readable().await else { return };
        let served = match poll.ready() {
            Ok(numbers) if numbers.is_empty() => {
                readable.clear_ready();
                continue;
            }
            // At each, whatever became of the one before.
            Ok(numbers) => numbers.into_iter().map(|number| doors.serve(number, &mut buffer)).fold(Ok(()), Result::and),
            Err(error) => Err(error),
        };
        match served {
            Ok(()) => yield_now().await,
            Err(_) => sleep(AGAIN_AFTER).await,
        }
    }
}

impl Doors {
    /// The map is whole after every statement: a panicked holder has not broken it.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets in some of those who wait at a door. What is done under the lock does not wait for anybody.
    fn serve(self: &Arc<Self>, number: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut open = self.lock();
        // It may have been closed since it was told of.
        let Some(entry) = open.entries.get_mut(&number) else { return Ok(()) };
        match entry.held.protocol() {
            Protocol::Tcp | Protocol::Sctp => self.accept(entry),
            Protocol::Udp => self.receive(entry, number, buffer),
        }
    }

    fn accept(&self, Entry { held, target, guests }: &mut Entry) -> io::Result<()> {
        for _ in 0..IN_ONE_GO {
            let Some((client, from)) = held.accept()? else { break };
            if !self.may_pass(from) {
                continue;
            }
            let client = TcpStream::from_std(client)?;
            let Guests::Streams(streams) = guests.get_or_insert_with(|| Guests::Streams(JoinSet::new())) else { break };
            while streams.try_join_next().is_some() {}
            streams.spawn(relay::connection(client, held.protocol(), *target));
        }
        Ok(())
    }

    fn receive(self: &Arc<Self>, entry: &mut Entry, number: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        let Entry { held, target, guests } = entry;
        buffer.resize(DATAGRAM, 0);
        for _ in 0..IN_ONE_GO {
            let Some((length, from)) = held.receive(buffer)? else { break };
            if !self.may_pass(from) {
                continue;
            }
            let Guests::Datagrams(flows) = guests.get_or_insert_with(|| Guests::Datagrams(Box::default())) else {
                break;
            };
            let doors = Arc::clone(self);
            flows.pass(&buffer[..length], from, *target, move |answer| doors.answer(number, answer, from));
        }
        Ok(())
    }

    /// Sends what a container answered, from the port that it was asked at.
    fn answer(&self, number: u64, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        self.lock().entries.get(&number).map_or(Ok(()), |entry| entry.held.send(datagram, to))
    }

    /// Whether somebody may be passed on: containers of internal networks reach nothing but their own and the host, and the
    /// rules that say so for what is forwarded don't see what the host itself sends on.
    fn may_pass(&self, from: SocketAddr) -> bool {
        let is_inside = || {
            let (address, link) = match from {
                SocketAddr::V4(from) => ((*from.ip()).into(), None),
                SocketAddr::V6(from) => (from.ip().to_canonical(), interface_of(from.scope_id())),
            };
            let networks = network::internal(&*self.store.read()?)?;
            Ok::<_, StoreError>(networks.iter().any(|network| {
                network.subnets.iter().any(|subnet| subnet.contains(&address))
                    || (link.is_some() && network.bridge == link)
            }))
        };
        from.ip().to_canonical().is_loopback()
            || match is_inside() {
                Ok(is_inside) => !is_inside,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot tell who comes; nobody is passed on"
                    );
                    false
                }
            }
    }
}
