//! A filter of system calls from a profile that a user brings, in moby's form (`--security-opt seccomp=FILE`): as the OCI
//! runtime's, with conditions on capabilities, architecture and kernel that are decided here.

use super::RuntimeError;
use oci_spec::runtime::{
    Arch, Capability, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompBuilder,
    LinuxSeccompFilterFlag, LinuxSyscallBuilder,
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: Action,
    default_errno_ret: Option<u32>,
    architectures: Option<Vec<Arch>>,
    arch_map: Option<Vec<Architecture>>,
    flags: Option<Vec<LinuxSeccompFilterFlag>>,
    #[serde(default)]
    syscalls: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Architecture {
    architecture: Arch,
    sub_architectures: Option<Vec<Arch>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    name: Option<String>,
    names: Option<Vec<String>>,
    action: Action,
    errno_ret: Option<u32>,
    args: Option<Vec<LinuxSeccompArg>>,
    #[serde(default)]
    includes: Condition,
    #[serde(default)]
    excludes: Condition,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    caps: Vec<String>,
    arches: Vec<String>,
    min_kernel: Option<String>,
}

/// What a condition is held against.
struct Facts<'a> {
    capabilities: &'a [Capability],
    kernel: (u32, u32),
}

/// Reads a profile for a process with these capabilities.
///
/// # Errors
/// `Invalid` for a text that is no profile.
pub(super) fn parse(text: &str, capabilities: &[Capability]) -> Result<LinuxSeccomp, RuntimeError> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let facts = Facts { capabilities, kernel: version(&release).unwrap_or((u32::MAX, 0)) };
    let invalid = |error| RuntimeError::Invalid(format!("Decoding seccomp profile failed: {error}"));
    let profile: Profile = serde_json::from_str(text).map_err(invalid)?;
    let native = if cfg!(target_arch = "aarch64") { Arch::ScmpArchAarch64 } else { Arch::ScmpArchX86_64 };
    let mapped = profile.arch_map.into_iter().flatten().find(|entry| entry.architecture == native);
    let architectures = profile.architectures.or_else(|| {
        mapped.map(|entry| std::iter::once(native).chain(entry.sub_architectures.into_iter().flatten()).collect())
    });
    let mut rules = Vec::new();
    for rule in profile.syscalls.into_iter().filter(|rule| facts.apply(rule)) {
        let names: Vec<String> = rule.names.into_iter().flatten().chain(rule.name).collect();
        if names.is_empty() {
            continue;
        }
        let mut builder = LinuxSyscallBuilder::default().names(names).action(rule.action);
        if let Some(errno) = rule.errno_ret {
            builder = builder.errno_ret(errno);
        }
        if let Some(args) = rule.args.filter(|args| !args.is_empty()) {
            builder = builder.args(args);
        }
        rules.push(builder.build()?);
    }
    let mut builder = LinuxSeccompBuilder::default().default_action(profile.default_action).syscalls(rules);
    if let Some(errno) = profile.default_errno_ret {
        builder = builder.default_errno_ret(errno);
    }
    if let Some(architectures) = architectures {
        builder = builder.architectures(architectures);
    }
    if let Some(flags) = profile.flags {
        builder = builder.flags(flags);
    }
    Ok(builder.build()?)
}

impl Facts<'_> {
    fn apply(&self, rule: &Rule) -> bool {
        let Condition { caps, arches, min_kernel } = &rule.includes;
        let not = &rule.excludes;
        (arches.is_empty() || arches.iter().any(|arch| is_native(arch)))
            && caps.iter().all(|cap| self.has(cap))
            && min_kernel.as_deref().and_then(version).is_none_or(|least| self.kernel >= least)
            && !not.arches.iter().any(|arch| is_native(arch))
            && !not.caps.iter().any(|cap| self.has(cap))
            && not.min_kernel.as_deref().and_then(version).is_none_or(|least| self.kernel < least)
    }

    fn has(&self, name: &str) -> bool {
        let name = name.strip_prefix("CAP_").unwrap_or(name);
        self.capabilities.iter().any(|capability| capability.to_string() == name)
    }
}

fn is_native(arch: &str) -> bool {
    arch == if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// The first two numbers of a kernel's release: `6.1.0-18` is (6, 1).
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.trim().split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_decided() {
        let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,
            "archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},
                       {"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}],
            "syscalls":[
                {"names":["read","write"],"action":"SCMP_ACT_ALLOW"},
                {"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
                {"names":["ptrace"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8"}},
                {"names":["clone"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMIN"]},
                 "args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]},
                {"name":"s390_only","action":"SCMP_ACT_ALLOW","includes":{"arches":["s390"]}}]}"#;
        let names = |capabilities: &[Capability]| {
            let profile = parse(text, capabilities).expect("a profile");
            assert_eq!(profile.architectures().as_ref().map(Vec::len), Some(2));
            profile.syscalls().iter().flatten().flat_map(|rule| rule.names().clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["read", "write", "ptrace", "clone"]);
        assert_eq!(names(&[Capability::SysAdmin]), ["read", "write", "mount", "ptrace"]);
        let refused = parse("{}", &[]).expect_err("no profile").to_string();
        assert!(refused.starts_with("Decoding seccomp profile failed: missing field"), "{refused}");
    }
}
