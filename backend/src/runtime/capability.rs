//! Capabilities (capabilities(7)): which a container's processes get, as far as the daemon has them itself.

use oci_spec::runtime::{Capabilities, Capability, LinuxCapabilities, LinuxCapabilitiesBuilder};
use std::fs;

/// How much a process may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privileges {
    /// What Docker gives by default.
    Default,
    /// All that the daemon has.
    All,
}

/// Every capability by its number (include/uapi/linux/capability.h).
#[rustfmt::skip]
const ALL: [Capability; 41] = {
    use Capability as C;
    [
        C::Chown, C::DacOverride, C::DacReadSearch, C::Fowner, C::Fsetid, C::Kill, C::Setgid, C::Setuid, C::Setpcap,
        C::LinuxImmutable, C::NetBindService, C::NetBroadcast, C::NetAdmin, C::NetRaw, C::IpcLock, C::IpcOwner,
        C::SysModule, C::SysRawio, C::SysChroot, C::SysPtrace, C::SysPacct, C::SysAdmin, C::SysBoot, C::SysNice,
        C::SysResource, C::SysTime, C::SysTtyConfig, C::Mknod, C::Lease, C::AuditWrite, C::AuditControl, C::Setfcap,
        C::MacOverride, C::MacAdmin, C::Syslog, C::WakeAlarm, C::BlockSuspend, C::AuditRead, C::Perfmon, C::Bpf,
        C::CheckpointRestore,
    ]
};

/// Docker's default set: enough to install packages and to serve, nothing that reaches the host.
#[rustfmt::skip]
const DEFAULT: [Capability; 14] = {
    use Capability as C;
    [
        C::Chown, C::DacOverride, C::Fsetid, C::Fowner, C::Mknod, C::NetRaw, C::Setgid, C::Setuid, C::Setfcap,
        C::Setpcap, C::NetBindService, C::SysChroot, C::Kill, C::AuditWrite,
    ]
};

/// The capabilities that the daemon has, as a bit set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permitted(u64);

impl Permitted {
    /// Reads the daemon's own from /proc/self/status (proc(5)). A container manager above us may have taken some, and
    /// to grant what one does not have fails with EPERM.
    pub(super) fn of_daemon() -> Permitted {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Permitted::parse(&status).unwrap_or(Permitted(u64::MAX))
    }

    fn parse(status: &str) -> Option<Permitted> {
        let field = status.lines().find_map(|line| line.strip_prefix("CapPrm:"))?;
        u64::from_str_radix(field.trim(), 16).ok().map(Permitted)
    }

    /// The sets of a process. Nothing is inheritable, since a file that carries inheritable capabilities would
    /// otherwise raise any user of the container; who is not root has none until they are gained by a set-uid program.
    pub(super) fn grant(self, privileges: Privileges, uid: u32) -> Result<LinuxCapabilities, oci_spec::OciSpecError> {
        let has = |capability: &Capability| {
            ALL.iter().position(|other| other == capability).is_some_and(|number| self.0 >> number & 1 == 1)
        };
        let wanted: &[Capability] = match privileges {
            Privileges::Default => &DEFAULT,
            Privileges::All => &ALL,
        };
        let granted: Capabilities = wanted.iter().copied().filter(has).collect();
        let at_once = if uid == 0 { granted.clone() } else { Capabilities::new() };
        LinuxCapabilitiesBuilder::default()
            .bounding(granted)
            .effective(at_once.clone())
            .permitted(at_once)
            .inheritable(Capabilities::new())
            .ambient(Capabilities::new())
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_daemon_has_is_granted() {
        let permitted = Permitted::parse("Name:\tx\nCapPrm:\t000001fffeffffff\n").expect("a line of it");
        let sets = permitted.grant(Privileges::Default, 0).expect("complete");
        assert_eq!(sets.bounding().as_ref().map(|set| set.len()), Some(14));
        assert_eq!(sets.effective(), sets.bounding());
        let all = permitted.grant(Privileges::All, 0).expect("complete");
        let all = all.bounding().as_ref().expect("set");
        assert!(all.len() == 40 && !all.contains(&Capability::SysResource));
        let user = permitted.grant(Privileges::Default, 33).expect("complete");
        assert_eq!(user.effective().as_ref().map(|set| set.len()), Some(0));
        assert_eq!(
            Permitted(0).grant(Privileges::All, 0).expect("complete").bounding().as_ref().map(|s| s.len()),
            Some(0)
        );
    }
}
