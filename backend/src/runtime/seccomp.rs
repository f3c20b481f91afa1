//! The system calls that a container's processes may make: what Docker's default profile allows to a container with the
//! default capabilities, and what each further capability is for. A list of what is allowed, so that a call of a future kernel is refused until it has been
//! looked at (<https://docs.docker.com/engine/security/seccomp/>). Privileged processes that are started later in the
//! container stay under it, as in Docker.
//!
//! Grouped as the sections of syscalls(2) would be read, not by letter: whoever adds a call sees its neighbours. Names
//! that an architecture or an older libseccomp lacks are skipped by the runtime.

use super::host::Host;
use oci_spec::{
    OciSpecError,
    runtime::{
        Arch, Capability, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompArgBuilder,
        LinuxSeccompBuilder, LinuxSeccompOperator as Is, LinuxSyscall, LinuxSyscallBuilder,
    },
};

const ALLOWED: &[&str] = &[
    // Files: open, read, write, close.
    "open openat openat2 creat close close_range read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2",
    "lseek _llseek dup dup2 dup3 fcntl fcntl64 ioctl flock fsync fdatasync sync syncfs sync_file_range readahead",
    "sendfile sendfile64 splice tee vmsplice copy_file_range fallocate fadvise64 fadvise64_64 truncate truncate64",
    "ftruncate ftruncate64 umask cachestat",
    // Files: names, rights and attributes.
    "access faccessat faccessat2 stat stat64 fstat fstat64 lstat lstat64 fstatat64 newfstatat statx statfs statfs64",
    "fstatfs fstatfs64 chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32 fchownat link",
    "linkat symlink symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod",
    "mknodat getdents getdents64 chdir fchdir getcwd utime utimes futimesat utimensat utimensat_time64",
    "setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr",
    "listxattrat removexattr lremovexattr fremovexattr removexattrat name_to_handle_at statmount listmount",
    // Waiting for files.
    "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl",
    "epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4",
    "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark",
    "io_setup io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64 io_destroy pipe pipe2",
    // Sockets; `socket` itself is below.
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg",
    "send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair",
    // Memory.
    "brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall memfd_create",
    "memfd_secret membarrier remap_file_pages map_shadow_stack mseal pkey_alloc pkey_free pkey_mprotect",
    // Processes and threads; `clone` itself is below.
    "fork vfork execve execveat exit exit_group wait4 waitid waitpid pause kill tkill tgkill pidfd_open pidfd_send_signal",
    "process_mrelease process_vm_readv process_vm_writev ptrace prctl arch_prctl modify_ldt seccomp rseq gettid getpid",
    "getppid getpgid getpgrp setpgid getsid setsid getcpu set_tid_address set_thread_area get_thread_area",
    "set_robust_list get_robust_list futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue restart_syscall",
    "uretprobe riscv_hwprobe riscv_flush_icache arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint",
    "cacheflush set_tls",
    // Signals.
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait",
    "rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn",
    // Users, groups, capabilities, Landlock.
    "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32",
    "getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32",
    "setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset chroot",
    "landlock_create_ruleset landlock_add_rule landlock_restrict_self",
    // Limits and scheduling.
    "getrlimit setrlimit ugetrlimit prlimit64 getrusage times sysinfo uname getpriority setpriority ioprio_get ioprio_set",
    "sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam sched_getscheduler",
    "sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval",
    "sched_rr_get_interval_time64 sched_yield",
    // Time. Those that set the clock are answered by the kernel itself: they need CAP_SYS_TIME.
    "time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep",
    "clock_nanosleep_time64 nanosleep adjtimex clock_adjtime clock_adjtime64 alarm getitimer setitimer timer_create",
    "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create",
    "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64",
    // System V and POSIX messages, semaphores, shared memory.
    "ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget mq_open",
    "mq_unlink mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64 mq_notify mq_getsetattr",
    // Random numbers.
    "getrandom",
];

/// Calls that only make sense with a capability, which the kernel checks as well (capabilities(7)).
const BY_CAPABILITY: &[(Capability, &str)] = &[
    (Capability::DacReadSearch, "open_by_handle_at"),
    (
        Capability::SysAdmin,
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount \
         open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare",
    ),
    (Capability::SysBoot, "reboot"),
    (Capability::SysModule, "delete_module finit_module init_module"),
    (Capability::SysPacct, "acct"),
    (Capability::SysPtrace, "kcmp pidfd_getfd process_madvise"),
    (Capability::SysRawio, "ioperm iopl"),
    (Capability::SysTime, "clock_settime clock_settime64 settimeofday stime"),
    (Capability::SysTtyConfig, "vhangup"),
    (Capability::SysNice, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    (Capability::Syslog, "syslog"),
    (Capability::Bpf, "bpf"),
    (Capability::Perfmon, "perf_event_open"),
];

/// `personality(2)`: Linux, Linux without randomised addresses, with 2.6 versions, both, and the question which it is.
const PERSONALITIES: [u64; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// The flags of clone(2) that make a namespace (include/uapi/linux/sched.h): mount, cgroup, uts, ipc, user, pid, net.
const CLONE_NAMESPACES: u64 =
    0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;

/// vsock(7) reaches the hypervisor past every network namespace (AF_VSOCK in include/linux/socket.h).
const AF_VSOCK: u64 = 40;

/// EPERM, and ENOSYS, which makes a C library fall back from `clone3`, whose flags no filter can see, to `clone`.
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// The profile for a process with these capabilities; none on an architecture that it has not been thought through for.
pub(super) fn profile(capabilities: &[Capability], host: &Host) -> Result<Option<LinuxSeccomp>, OciSpecError> {
    let Some(architectures) = architectures(host) else { return Ok(None) };
    let mut allowed: Vec<String> = ALLOWED.iter().flat_map(|line| line.split(' ')).map(str::to_owned).collect();
    for (_, names) in BY_CAPABILITY.iter().filter(|(capability, _)| capabilities.contains(capability)) {
        let further: Vec<&str> = names.split(' ').filter(|name| !allowed.iter().any(|known| known == name)).collect();
        allowed.extend(further.into_iter().map(str::to_owned));
    }
    let may_clone = allowed.iter().any(|name| name == "clone");
    let mut rules = vec![LinuxSyscallBuilder::default().names(allowed).action(Action::ScmpActAllow).build()?];
    for personality in PERSONALITIES {
        rules.push(allow_if("personality", argument(0, Is::ScmpCmpEq, personality, None)?)?);
    }
    rules.push(allow_if("socket", argument(0, Is::ScmpCmpNe, AF_VSOCK, None)?)?);
    if !may_clone {
        rules.push(allow_if("clone", argument(0, Is::ScmpCmpMaskedEq, CLONE_NAMESPACES, Some(0))?)?);
        rules.push(
            LinuxSyscallBuilder::default()
                .names(vec!["clone3".to_owned()])
                .action(Action::ScmpActErrno)
                .errno_ret(ENOSYS)
                .build()?,
        );
    }
    let profile = LinuxSeccompBuilder::default()
        .default_action(Action::ScmpActErrno)
        .default_errno_ret(EPERM)
        .architectures(architectures)
        .syscalls(rules)
        .build()?;
    Ok(Some(profile))
}

/// Whose calls are told apart. Each one more makes the filter longer, and the runtime spends milliseconds on it at each start,
/// so x32 is left out where the kernel runs no program of it. Who makes one of its calls there all the same is ended by SIGSYS,
/// as by any call of an interface that the filter does not know.
fn architectures(host: &Host) -> Option<Vec<Arch>> {
    if cfg!(target_arch = "x86_64") {
        let x32 = host.has_x32.then_some(Arch::ScmpArchX32);
        Some([Arch::ScmpArchX86_64, Arch::ScmpArchX86].into_iter().chain(x32).collect())
    } else if cfg!(target_arch = "aarch64") {
        Some(vec![Arch::ScmpArchAarch64, Arch::ScmpArchArm])
    } else {
        None
    }
}

fn allow_if(name: &str, argument: LinuxSeccompArg) -> Result<LinuxSyscall, OciSpecError> {
    LinuxSyscallBuilder::default()
        .names(vec![name.to_owned()])
        .action(Action::ScmpActAllow)
        .args(vec![argument])
        .build()
}

/// `value` is the mask of a masked comparison, `value_two` what must remain.
fn argument(index: usize, op: Is, value: u64, value_two: Option<u64>) -> Result<LinuxSeccompArg, OciSpecError> {
    let builder = LinuxSeccompArgBuilder::default().index(index).op(op).value(value);
    match value_two {
        Some(value_two) => builder.value_two(value_two).build(),
        None => builder.build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_call_stands_once() {
        let names: Vec<&str> = ALLOWED.iter().flat_map(|line| line.split(' ')).collect();
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), unique.len());
        for never in
            ["mount", "unshare", "setns", "bpf", "kexec_load", "init_module", "keyctl", "io_uring_setup", "clone"]
        {
            assert!(!unique.contains(never), "{never} is allowed without a condition");
        }
        assert_eq!(CLONE_NAMESPACES, 2_114_060_288);
    }
}
