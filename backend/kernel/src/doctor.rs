//! What this machine has and lacks for container networks. What can be tried is tried, in a network namespace that ends with
//! the trial, since a kernel's configuration says little about modules that are missing or not allowed to load.

use crate::{
    error::KernelError,
    foreign::{ForeignDrop, foreign_drops},
    host,
    link::{self, Cable},
    mark::Mark,
    mount, netns,
    nft::Nft,
    port,
    socket::{Request, Socket},
    sysctl,
};
use drawbridge_api::{Finding, Health, IfName, MacAddress, Remedy};
use nix::errno::Errno;
use std::{
    fmt::Display,
    fs::{self, File},
    io,
    os::fd::AsFd,
    path::Path,
};

/// The capabilities that are needed, by number (include/uapi/linux/capability.h).
const CAPABILITIES: &[(u32, &str)] = &[(11, "CAP_NET_BROADCAST"), (12, "CAP_NET_ADMIN"), (21, "CAP_SYS_ADMIN")];

/// Looks at everything that this room needs. `directory` is where containers' file systems will be: an overlay needs
/// more of the one that it lies on than others do. It must exist.
pub fn check(directory: &Path) -> Vec<Finding> {
    let mut findings = vec![capabilities()];
    let nft = Nft::find();
    findings.push(nft_program(nft.as_ref()));
    findings.extend(network(nft.ok()));
    findings.push(overlay(directory));
    findings.push(forwarding());
    findings.push(sctp());
    findings.extend(firewalls());
    findings
}

fn finding(subject: &str, tried: Result<impl Into<String>, impl Display>, remedy: &'static str) -> Finding {
    match tried {
        Ok(detail) => Finding { subject: subject.into(), health: Health::Ok, detail: detail.into(), remedy: None },
        Err(error) => Finding {
            subject: subject.into(),
            health: Health::Missing,
            detail: error.to_string(),
            remedy: Some(Remedy::Advice(remedy.into())),
        },
    }
}

fn capabilities() -> Finding {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
    let lacking: Vec<&str> =
        CAPABILITIES.iter().filter(|(number, _)| effective & (1 << number) == 0).map(|(_, name)| *name).collect();
    let tried =
        if lacking.is_empty() { Ok("all that are needed") } else { Err(format!("lacks {}", lacking.join(", "))) };
    finding("capabilities", tried, "run Drawbridge as root (`sudo`), in a container as docker/compose.yaml does")
}

fn nft_program(nft: Result<&Nft, &KernelError>) -> Finding {
    let tried = match nft {
        Ok(nft) => nft
            .version()
            .map(|version| format!("{version} ({})", nft.program().display()))
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    finding("nft program", tried, "install the package nftables (`apt install nftables`)")
}

/// The kernel's network features, tried in a namespace.
fn network(nft: Option<Nft>) -> Vec<Finding> {
    const NAMESPACES: &str = "use a kernel with CONFIG_NET_NS; in a container, make it a privileged one";
    let trial = netns::scratch(move || {
        let mut findings = vec![
            finding("bridges", bridge(), "use a kernel with CONFIG_BRIDGE, or load its module (`modprobe bridge`)"),
            finding("veth pairs", veth(), "use a kernel with CONFIG_VETH, or load its module (`modprobe veth`)"),
        ];
        if let Some(nft) = nft {
            findings.push(finding(
                "nftables",
                nft.write_tables().map(|()| "takes the tables"),
                "use a kernel with CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, CONFIG_NF_TABLES_BRIDGE, CONFIG_NFT_CT, \
                 CONFIG_NFT_NAT, CONFIG_NFT_MASQ and CONFIG_NFT_FIB_INET, or load their modules (`modprobe -a nf_tables \
                 nf_tables_bridge nft_ct nft_chain_nat nft_masq nft_fib_inet`)",
            ));
        }
        findings
    });
    match trial {
        Ok(findings) => {
            let namespaces = finding("network namespaces", Ok::<_, KernelError>("can be made"), NAMESPACES);
            std::iter::once(namespaces).chain(findings).collect()
        }
        Err(error) => vec![finding("network namespaces", Err::<String, _>(error), NAMESPACES)],
    }
}

fn bridge() -> Result<&'static str, KernelError> {
    tried(link::add_bridge(&name("trial0"), MacAddress([2, 0x42, 0, 0, 0, 1])), "make a bridge")
}

fn veth() -> Result<&'static str, KernelError> {
    let own = File::open("/proc/thread-self/ns/net").map_err(|error| KernelError::system("open a namespace", error))?;
    let (host_end, interface) = (name("trial1"), name("trial2"));
    let cable = Cable { host_end: &host_end, interface: &interface, mac: MacAddress([2, 0x42, 0, 0, 0, 2]), mtu: 1500 };
    tried(link::add_veth(&cable, own.as_fd()), "make a veth pair")
}

fn tried(request: Request, what: &str) -> Result<&'static str, KernelError> {
    Socket::open()?.request(request)?.map(|_| "can be made").map_err(|refusal| refusal.when(what))
}

fn name(text: &str) -> IfName {
    text.parse().expect("letters and a digit are a valid name")
}

/// Mounts an overlay in `directory` and takes it away again.
fn overlay(directory: &Path) -> Finding {
    let trial = directory.join(format!(".overlay-trial-{}", std::process::id()));
    let folders = ["lower", "upper", "work", "merged"].map(|folder| trial.join(folder));
    let [lower, upper, work, merged] = &folders;
    let mounted = || {
        folders.iter().try_for_each(fs::create_dir_all)?;
        mount::overlay(std::slice::from_ref(lower), upper, work, merged)?;
        // A file system that can't keep an overlay's marks lets it be mounted, and written only without renames.
        fs::create_dir(merged.join("made"))?;
        mount::unmount(merged)
    };
    let result = mounted();
    if mount::unmount(merged).is_ok() {
        // Nothing of it is needed; what can't be removed is empty folders.
        let _ = fs::remove_dir_all(&trial);
    }
    let reason = |error: io::Error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EINVAL) => {
            format!("{} is itself an overlay, or of a kind that can't carry one", directory.display())
        }
        Some(Errno::ENODEV) => "the kernel does not know it".to_owned(),
        _ => error.to_string(),
    };
    finding(
        "overlay file systems",
        result.map(|()| format!("can be mounted in {}", directory.display())).map_err(reason),
        "load the module (`modprobe overlay`), or choose a --data-dir on ext4, xfs or btrfs",
    )
}

/// Whether somebody else's rules drop what goes from and to the bridges that are ours.
fn firewalls() -> Vec<Finding> {
    const SUBJECT: &str = "other firewalls";
    let single = |health, detail: String| vec![Finding { subject: SUBJECT.into(), health, detail, remedy: None }];
    let bridges = match bridges() {
        Ok(bridges) if bridges.is_empty() => {
            return single(Health::Ok, "not looked at: no network has a bridge".to_owned());
        }
        Ok(bridges) => bridges,
        Err(error) => return single(Health::Warning, error.to_string()),
    };
    let warning = |ForeignDrop { rule, effect, remedy }| Finding {
        subject: SUBJECT.into(),
        health: Health::Warning,
        detail: format!("{effect}: {rule}"),
        remedy: Some(Remedy::Command(remedy)),
    };
    match foreign_drops(&bridges) {
        Ok(drops) if drops.is_empty() => single(Health::Ok, "let our traffic pass".to_owned()),
        Ok(drops) => drops.into_iter().map(warning).collect(),
        Err(error) => single(Health::Warning, error.to_string()),
    }
}

fn bridges() -> Result<Vec<IfName>, KernelError> {
    let links = host::read()?.links;
    let is_bridge = |alias: &str| matches!(Mark::parse(alias), Some(Mark::Network(_)));
    let ours = links.iter().filter(|link| link.alias.as_deref().is_some_and(is_bridge));
    Ok(ours.filter_map(|link| link.name.parse().ok()).collect())
}

/// Packets of SCTP are translated without it, so a port is published all the same; only nobody can listen.
fn sctp() -> Finding {
    let subject = "SCTP".to_owned();
    if port::has_sctp() {
        return Finding { subject, health: Health::Ok, detail: "programs can use it".to_owned(), remedy: None };
    }
    Finding {
        subject,
        health: Health::Warning,
        detail:
            "the kernel has no sockets for it: what is published with /sctp reaches its container, where no program \
                 can listen"
                .to_owned(),
        remedy: Some(Remedy::Advice(
            "load its module (`modprobe sctp`), or use a kernel with CONFIG_IP_SCTP".to_owned(),
        )),
    }
}

fn forwarding() -> Finding {
    let tried = match sysctl::read("net.ipv4.ip_forward") {
        Ok(Some(value)) if value == "1" => Ok("on"),
        Ok(Some(_)) => Ok("off; the first network turns it on"),
        Ok(None) => Err("the kernel has no setting for it".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    finding("IPv4 forwarding", tried, "mount /proc with its settings writable")
}
