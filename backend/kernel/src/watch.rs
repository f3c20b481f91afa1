//! Being told that others changed nf_tables: the kernel announces each transaction to the group `NFNLGRP_NFTABLES`, with a
//! message for each thing that it made or removed and, at its end, one with the process that committed it.

use crate::{
    error::KernelError,
    netlink::Channel,
    nfnetlink::{FAMILY_SIZE_BYTES, NEW_GENERATION, attribute, is_of_tables, number, text},
    own,
};
use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::sockopt,
};
use std::{
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

/// `NFNLGRP_NFTABLES` (include/uapi/linux/netfilter/nfnetlink.h).
const GROUP: u32 = 7;
/// Attributes of `NFT_MSG_NEWGEN`.
mod nfta_gen {
    pub(super) const PROC_PID: u16 = 2;
    pub(super) const PROC_NAME: u16 = 3;
}
/// Room for announcements that wait: some ten thousand elements, as many as all of ours. What does not fit is told as a
/// transaction of nobody, so less would only make us look at the tables for our own sake. The usual 208 KiB
/// (net.core.rmem_default) hold a thousand.
const WAITING_BYTES: usize = 4 * 1024 * 1024;

/// Watches for transactions of other processes. It stays in the network namespace that it was opened in.
pub struct TableWatch {
    channel: Channel,
}

/// A transaction that another process has committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The number of the thread that committed it, as the first pid namespace of the machine counts; for a program with
    /// one thread, such as nft, that is its process number. None when announcements were lost, so that there may have been
    /// several transactions.
    pub pid: Option<u32>,
    /// The name of that thread, at most 15 bytes; none as for `pid`.
    pub name: Option<String>,
}

impl std::fmt::Debug for TableWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableWatch").finish_non_exhaustive()
    }
}

impl TableWatch {
    pub(crate) fn open() -> Result<TableWatch, KernelError> {
        let mut channel = Channel::open(NETLINK_NETFILTER, own::ports())?;
        let socket = channel.socket();
        // A smaller buffer does as well.
        let _ = sockopt::set_socket_recv_buffer_size_force(&*socket, WAITING_BYTES)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(&*socket, WAITING_BYTES));
        let ready = socket.set_non_blocking(true).and_then(|()| socket.add_membership(GROUP));
        ready.map_err(|error| KernelError::system("watch nf_tables", error))?;
        Ok(TableWatch { channel })
    }

    /// `nft monitor`, as far as others are concerned: the next transaction that another process has committed; none when there
    /// is none before `timeout` has passed. Transactions of this process, and of programs that it started to write the
    /// tables, are passed over.
    ///
    /// # Errors
    /// When the socket can't be read.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Transaction>, KernelError> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(transaction) = self.take()? {
                return Ok(Some(transaction));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.wait(left)?;
        }
    }

    /// What has been announced already; none when nothing of others is.
    fn take(&mut self) -> Result<Option<Transaction>, KernelError> {
        loop {
            let parts = match self.channel.try_receive() {
                Ok(parts) => parts,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
                // Announcements were lost; whose they were, nobody knows.
                Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {
                    return Ok(Some(Transaction::default()));
                }
                Err(error) => return Err(KernelError::system("watch nf_tables", error)),
            };
            // The end of a transaction has a datagram of its own.
            for part in parts {
                let part = part?;
                if !is_of_tables(part.header.message_type, NEW_GENERATION) || own::is_own(part.header.port_number) {
                    continue;
                }
                let attributes = part.body.get(FAMILY_SIZE_BYTES..).unwrap_or_default();
                return Ok(Some(Transaction {
                    pid: attribute(attributes, nfta_gen::PROC_PID).and_then(number),
                    name: attribute(attributes, nfta_gen::PROC_NAME).map(text),
                }));
            }
        }
    }

    /// Returns when something is announced or `timeout` has passed, or earlier.
    fn wait(&self, timeout: Duration) -> Result<(), KernelError> {
        // A time that the kernel can't count to is for ever.
        let timeout = Timespec::try_from(timeout).ok();
        match poll(&mut [PollFd::new(&self.channel, PollFlags::IN)], timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(KernelError::system("watch nf_tables", error)),
        }
    }
}

/// Readable when something was announced, which may be of this process.
impl AsFd for TableWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
