//! Capabilities (capabilities(7)): which a container's processes get, as far as the daemon has them itself.

use super::RuntimeError;
use crate::settings::Rights;
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

/// What the settings of a container give it: the usual ones, with what was added and without what was dropped (moby,
/// oci/caps `TweakCapabilities`).
///
/// # Errors
/// `Invalid` for a name that no capability has.
pub(super) fn of_rights(rights: &Rights) -> Result<Vec<Capability>, RuntimeError> {
    let (add_all, add) = named("CapAdd", &rights.cap_add)?;
    let (drop_all, drop) = named("CapDrop", &rights.cap_drop)?;
    let kept = |set: &[Capability]| set.iter().copied().filter(|one| !drop.contains(one)).collect::<Vec<_>>();
    if rights.privileged || add_all {
        return Ok(kept(&ALL));
    }
    let mut wanted = if drop_all { Vec::new() } else { kept(&DEFAULT) };
    wanted.extend(add.into_iter().filter(|one| drop_all || !DEFAULT.contains(one)));
    Ok(wanted)
}

/// Whether the list says `ALL`, and the capabilities that it names, with or without `CAP_`.
fn named(option: &str, names: &[String]) -> Result<(bool, Vec<Capability>), RuntimeError> {
    let mut all = false;
    let mut capabilities = Vec::new();
    for name in names {
        let upper = name.to_ascii_uppercase();
        let short = upper.strip_prefix("CAP_").unwrap_or(&upper);
        if short == "ALL" {
            all = true;
            continue;
        }
        let unknown = || RuntimeError::Invalid(format!("invalid {option}: unknown capability: \"CAP_{short}\""));
        let known = ALL.iter().find(|known| known.to_string() == short);
        capabilities.push(*known.ok_or_else(unknown)?);
    }
    Ok((all, capabilities))
}

/// The set that a name stands for when no container's settings do.
pub(super) fn of_privileges(privileges: Privileges) -> Vec<Capability> {
    match privileges {
        Privileges::Default => DEFAULT.to_vec(),
        Privileges::All => ALL.to_vec(),
    }
}

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

    /// Whether the daemon has it.
    pub(super) fn has(self, capability: Capability) -> bool {
        ALL.iter().position(|other| *other == capability).is_some_and(|number| self.0 >> number & 1 == 1)
    }

    /// The sets of a process. Nothing is inheritable, since a file that carries inheritable capabilities would
    /// otherwise raise any user of the container; who is not root has none until they are gained by a set-uid program.
    pub(super) fn grant(self, wanted: &[Capability], uid: u32) -> Result<LinuxCapabilities, oci_spec::OciSpecError> {
        let granted: Capabilities = wanted.iter().copied().filter(|one| self.has(*one)).collect();
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
        let sets = permitted.grant(&DEFAULT, 0).expect("complete");
        assert_eq!(sets.bounding().as_ref().map(|set| set.len()), Some(14));
        assert_eq!(sets.effective(), sets.bounding());
        let all = permitted.grant(&ALL, 0).expect("complete");
        let all = all.bounding().as_ref().expect("set");
        assert!(all.len() == 40 && !all.contains(&Capability::SysResource));
        let user = permitted.grant(&DEFAULT, 33).expect("complete");
        assert_eq!(user.effective().as_ref().map(|set| set.len()), Some(0));
        assert_eq!(Permitted(0).grant(&ALL, 0).expect("complete").bounding().as_ref().map(|s| s.len()), Some(0));
    }

    #[test]
    fn rights_are_added_and_dropped() {
        let of = |add: &[&str], drop: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            of_rights(&Rights { cap_add: names(add), cap_drop: names(drop), ..Rights::default() })
        };
        assert_eq!(of(&[], &[]).expect("known"), DEFAULT);
        let with = of(&["CAP_NET_ADMIN", "chown"], &["net_raw"]).expect("known");
        assert!(with.contains(&Capability::NetAdmin) && !with.contains(&Capability::NetRaw) && with.len() == 14);
        assert_eq!(of(&["NET_ADMIN"], &["ALL"]).expect("known"), [Capability::NetAdmin]);
        assert_eq!(of(&["ALL"], &["SYS_ADMIN"]).expect("known").len(), 40);
        let unknown = of(&["NOPE"], &[]).expect_err("no such capability");
        assert_eq!(unknown.to_string(), "invalid CapAdd: unknown capability: \"CAP_NOPE\"");
    }
}
