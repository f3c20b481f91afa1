//! Network namespaces: files under `/run/netns`, made as ip-netns(8) does, so that either tool can delete the other's.
//! The only file in which a thread changes its namespace. Each such thread is started for it and ends with it; what is
//! needed later is a socket, which stays in the namespace that it was opened in.

use crate::{
    error::KernelError,
    link::{self, Change},
    mark::Mark,
    socket::{Request, Socket},
    sysctl,
};
use drawbridge_api::{ContainerId, NsName};
use drawbridge_plan::NO_IPV6;
use netlink_packet_core::Parseable;
use netlink_packet_route::{
    RouteNetlinkMessage,
    nsid::{NsidAttribute, NsidMessage},
};
use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, AtFlags},
    libc,
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
    sys::statfs::{NSFS_MAGIC, fstatfs},
    unistd::linkat,
};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread::{self, JoinHandle},
};

/// Where ip-netns(8) keeps named namespaces; `/var/run` is a link to `/run`.
pub(crate) const DIRECTORY: &str = "/run/netns";
/// The number of the loopback in every namespace (`loopback_net_init` in drivers/net/loopback.c: the first link).
const LOOPBACK: u32 = 1;

/// What lies under a namespace's name.
pub(crate) enum Entry {
    /// Nothing.
    Absent,
    /// A namespace.
    Mounted(File),
    /// A file that no namespace is mounted on: left by a crash if its text is our mark, else somebody's.
    Placeholder(String),
}

/// A namespace, and a way to talk to the kernel in it.
pub(crate) struct Namespace {
    /// Opened inside.
    pub(crate) socket: Socket,
    /// Stands for the namespace where a request names one.
    pub(crate) file: File,
}

/// Looks up a name without entering anything.
pub(crate) fn look(name: &NsName) -> Result<Entry, KernelError> {
    let failed = |error: io::Error| KernelError::system(format!("look at namespace {name}"), error);
    // Not blocking, lest somebody's pipe in that folder stops us.
    let mut file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path(name)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entry::Absent),
        Err(error) => return Err(failed(error)),
    };
    if fstatfs(&file).map_err(|errno| failed(errno.into()))?.filesystem_type() == NSFS_MAGIC {
        return Ok(Entry::Mounted(file));
    }
    let mut text = Vec::new();
    Read::by_ref(&mut file).take(256).read_to_end(&mut text).map_err(failed)?;
    Ok(Entry::Placeholder(String::from_utf8_lossy(&text).into_owned()))
}

/// The names under `/run/netns` that follow our rule.
pub(crate) fn names() -> Result<Vec<NsName>, KernelError> {
    let failed = |error: io::Error| KernelError::system(format!("list {DIRECTORY}"), error);
    let entries = match fs::read_dir(DIRECTORY) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        names.extend(entry.file_name().to_str().and_then(|name| name.parse().ok()));
    }
    Ok(names)
}

/// Enters each of these namespaces in turn, on one thread, and calls `body` there with a socket. What vanishes meanwhile
/// or is no network namespace is passed over.
pub(crate) fn visit<T: Send>(
    names: &[NsName],
    mut body: impl FnMut(&NsName, Namespace) -> Result<T, KernelError> + Send,
) -> Result<Vec<T>, KernelError> {
    apart("netns-visit", || {
        let mut results = Vec::with_capacity(names.len());
        for name in names {
            let Entry::Mounted(file) = look(name)? else { continue };
            match setns(&file, CloneFlags::CLONE_NEWNET) {
                Ok(()) => {}
                Err(Errno::EINVAL) => continue,
                Err(errno) => return Err(KernelError::system(format!("enter namespace {name}"), errno)),
            }
            results.push(body(name, Namespace { socket: Socket::open()?, file })?);
        }
        Ok(results)
    })?
}

/// Calls `body` in this namespace, on a thread of its own; none when there is no such namespace.
pub(crate) fn visit_one<T: Send>(
    name: &NsName,
    body: impl FnOnce() -> Result<T, KernelError> + Send,
) -> Result<Option<T>, KernelError> {
    let Entry::Mounted(file) = look(name)? else { return Ok(None) };
    apart("netns-visit", || {
        setns(&file, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| KernelError::system(format!("enter namespace {name}"), errno))?;
        body().map(Some)
    })?
}

/// Whom a namespace belongs to: the mark is its loopback's alias.
pub(crate) fn owner(socket: &mut Socket) -> Result<Option<ContainerId>, KernelError> {
    match link::find_index(socket, LOOPBACK)?.and_then(|loopback| loopback.mark()) {
        Some(Mark::Container(id)) => Ok(Some(id)),
        Some(Mark::Network(_) | Mark::Endpoint(_)) | None => Ok(None),
    }
}

/// The number that `host`'s namespace knows another by (ip-netns(8), "list-id"); none when it has none.
pub(crate) fn nsid(host: &mut Socket, namespace: BorrowedFd<'_>) -> Result<Option<i32>, KernelError> {
    let mut message = NsidMessage::default();
    message.attributes = vec![NsidAttribute::Fd(namespace.as_raw_fd().cast_unsigned())];
    let answer = host.request(Request::new(RouteNetlinkMessage::GetNsId(message), 0))?;
    let bodies = answer.map_err(|refusal| refusal.when("find the number of a namespace"))?;
    let unreadable = |error| KernelError::answer("a question about a namespace", error);
    let message = bodies.first().map(|body| NsidMessage::parse(body)).transpose().map_err(unreadable)?;
    let id = message.iter().flat_map(|message| &message.attributes).find_map(|attribute| {
        let NsidAttribute::Id(id) = attribute else { return None };
        Some(*id)
    });
    Ok(id.filter(|id| *id >= 0))
}

/// Opens a namespace: `ip -n NAME …` then goes through its socket.
pub(crate) fn open(name: &NsName) -> Result<Option<Namespace>, KernelError> {
    let opened = visit(std::slice::from_ref(name), |_, namespace| Ok(namespace))?;
    Ok(opened.into_iter().next())
}

/// `nsenter --net=/run/netns/NAME sysctl -w KEY=VALUE …`, in order; whether the namespace is there.
pub(crate) fn set(name: &NsName, settings: &[(String, &str)]) -> Result<bool, KernelError> {
    let done = visit(std::slice::from_ref(name), |_, _| {
        settings.iter().try_for_each(|(key, value)| sysctl::write(key, value))
    })?;
    Ok(!done.is_empty())
}

/// Marks an open namespace's loopback as ours and sets it up.
pub(crate) fn mark(socket: &mut Socket, mark: &str) -> Result<(), KernelError> {
    let answer = socket.request(link::change(LOOPBACK, &Change::AliasAndUp(mark)))?;
    answer.map(|_| ()).map_err(|refusal| refusal.when("mark the loopback and set it up"))
}

/// A namespace that the kernel is still at, which takes it a third of a millisecond. It has no name, so nobody else sees
/// it, and nothing is left of it if it is not taken or this process dies.
pub(crate) struct Coming(JoinHandle<Result<Namespace, KernelError>>);

impl Coming {
    /// Begins to make a namespace with this mark.
    pub(crate) fn begin(mark_text: String) -> Result<Coming, KernelError> {
        let make = move || {
            let failed = |what: &str, errno| KernelError::system(format!("{what} for {mark_text}"), errno);
            unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| failed("unshare", errno))?;
            let mut socket = Socket::open()?;
            mark(&mut socket, &mark_text)?;
            sysctl::write_if_there(NO_IPV6, "1")?;
            let file = of_socket(&socket).map_err(|errno| failed("open", errno))?;
            Ok(Namespace { socket, file })
        };
        let thread = thread::Builder::new().name("netns-create".to_owned()).spawn(make);
        thread.map(Coming).map_err(|error| KernelError::system("start a thread", error))
    }

    /// Waits for it.
    fn arrive(self) -> Result<Namespace, KernelError> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// The folder of namespaces, once it has been seen to.
#[derive(Default)]
pub(crate) struct Directory {
    ready: AtomicBool,
}

impl Directory {
    /// `ip netns add NAME; ip -n NAME link set lo alias MARK up; nsenter --net=/run/netns/NAME sysctl -w
    /// net.ipv6.conf.default.disable_ipv6=1`, in an order that leaves nothing unmarked: the file has
    /// the mark as its text before it gets its name, and the loopback has it before the namespace is mounted there.
    /// None when somebody else has taken the name meanwhile.
    pub(crate) fn create(
        &self,
        name: &NsName,
        mark_text: &str,
        coming: Coming,
    ) -> Result<Option<Namespace>, KernelError> {
        let failed = |what: &str| format!("{what} for namespace {name}");
        self.prepare()?;
        let target = path(name);
        // The file is made while the kernel may still be at the namespace.
        let placed = place(&target, mark_text);
        let made = coming.arrive();
        match placed {
            Ok(()) => {}
            // Left by a crash, and ours.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match look(name)? {
                Entry::Placeholder(text) if text == mark_text => {}
                Entry::Absent | Entry::Placeholder(_) | Entry::Mounted(_) => return Ok(None),
            },
            Err(error) => return Err(KernelError::system(failed("make the file"), error)),
        }
        let mounted = made.and_then(|namespace| {
            let source = PathBuf::from(format!("/proc/self/fd/{}", namespace.file.as_raw_fd()));
            mount(Some(&source), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
                .map_err(|errno| KernelError::system(failed("mount"), errno))?;
            Ok(namespace)
        });
        if mounted.is_err() {
            // Best effort: a marked file that nothing is mounted on is swept at the next start.
            let _ = fs::remove_file(&target);
        }
        mounted.map(Some)
    }

    /// The folder is a mount point of its own, shared, so that a namespace removed here vanishes from copies of the
    /// mount table too; otherwise another program's copy would keep it alive (`netns_add` in iproute2, ip/ipnetns.c).
    fn prepare(&self) -> Result<(), KernelError> {
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let failed = |what: &str, error: io::Error| KernelError::system(format!("{what} {DIRECTORY}"), error);
        DirBuilder::new().recursive(true).mode(0o755).create(DIRECTORY).map_err(|error| failed("make", error))?;
        let shared =
            || mount(None::<&str>, DIRECTORY, None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>);
        match shared() {
            Ok(()) => {}
            // Not a mount point yet.
            Err(Errno::EINVAL) => {
                mount(Some(DIRECTORY), DIRECTORY, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
                    .map_err(|errno| failed("mount", errno.into()))?;
                shared().map_err(|errno| failed("share", errno.into()))?;
            }
            Err(errno) => return Err(failed("share", errno.into())),
        }
        self.ready.store(true, Ordering::Release);
        Ok(())
    }
}

/// `ip netns del NAME`: the name is gone at once; the namespace ends with its last process or socket, in the background.
pub(crate) fn remove(name: &NsName) -> Result<(), KernelError> {
    let target = path(name);
    match umount2(&target, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(errno) => return Err(KernelError::system(format!("unmount namespace {name}"), errno)),
    }
    match fs::remove_file(&target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(KernelError::system(format!("remove namespace {name}"), error)),
    }
}

/// Removes the files that a crash left: marked, and no namespace mounted on them.
pub(crate) fn sweep() -> Result<Vec<NsName>, KernelError> {
    let mut swept = Vec::new();
    for name in names()? {
        match look(&name)? {
            Entry::Placeholder(text) if matches!(Mark::parse(&text), Some(Mark::Container(_))) => {
                remove(&name)?;
                swept.push(name);
            }
            Entry::Absent | Entry::Placeholder(_) | Entry::Mounted(_) => {}
        }
    }
    Ok(swept)
}

/// Runs `body` in a new, empty network namespace that ends with it.
pub(crate) fn scratch<T: Send>(body: impl FnOnce() -> T + Send) -> Result<T, KernelError> {
    apart("netns-scratch", || {
        unshare(CloneFlags::CLONE_NEWNET)
            .map_err(|errno| KernelError::system("make a network namespace for a trial", errno))?;
        Ok(body())
    })?
}

/// Runs `body` in a new network and a new mount namespace.
#[cfg(feature = "testing")]
pub(crate) fn sandbox<T: Send>(body: impl FnOnce() -> T + Send) -> Result<T, KernelError> {
    apart("sandbox", || {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
            .map_err(|errno| KernelError::system("make a sandbox", errno))?;
        Ok(body())
    })?
}

/// Runs `body` in the namespace of this name.
#[cfg(feature = "testing")]
pub(crate) fn inside<T: Send>(name: &NsName, body: impl FnOnce() -> T + Send) -> Result<T, KernelError> {
    let what = || format!("enter namespace {name}");
    let file = File::open(path(name)).map_err(|error| KernelError::system(what(), error))?;
    apart("inside", || {
        setns(file, CloneFlags::CLONE_NEWNET).map_err(|errno| KernelError::system(what(), errno))?;
        Ok(body())
    })?
}

/// Runs `body` on a thread that ends with it, and waits.
fn apart<T: Send>(name: &str, body: impl FnOnce() -> T + Send) -> Result<T, KernelError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, body);
        let thread = thread.map_err(|error| KernelError::system("start a thread", error))?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// The namespace that a socket is in (`SIOCGSKNS`, include/uapi/linux/sockios.h; since 4.10). A new thread's folder below /proc
/// would say it too, and takes seven times as long to be made, and to be taken away when the thread ends.
fn of_socket(socket: &Socket) -> Result<File, Errno> {
    nix::ioctl_none_bad!(get_namespace, libc::SIOCGSKNS);
    // SAFETY: it takes no argument and returns a new descriptor (`open_related_ns` in fs/nsfs.c), which nobody else has.
    #[expect(unsafe_code, reason = "no crate has this request as a safe call")]
    unsafe {
        let descriptor = get_namespace(socket.as_fd().as_raw_fd())?;
        Ok(File::from(OwnedFd::from_raw_fd(descriptor)))
    }
}

/// Makes a file with this text, which has the whole text as soon as it has the name (`O_TMPFILE`, open(2)).
fn place(target: &Path, text: &str) -> io::Result<()> {
    let unnamed = OpenOptions::new().write(true).mode(0o444).custom_flags(libc::O_TMPFILE).open(DIRECTORY);
    match unnamed {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            let source = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
            Ok(linkat(AT_FDCWD, &source, AT_FDCWD, target, AtFlags::AT_SYMLINK_FOLLOW)?)
        }
        // A file system without such files (EISDIR where the kernel does not know the flag).
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {
            OpenOptions::new().write(true).create_new(true).mode(0o444).open(target)?.write_all(text.as_bytes())
        }
        Err(error) => Err(error),
    }
}

fn path(name: &NsName) -> PathBuf {
    Path::new(DIRECTORY).join(name.as_str())
}
