//! What the commands need of the machine: one table of Debian packages, each with what shows that it is there.

use std::fs;
use std::path::Path;

use crate::tools::find;

use Purpose::{Bench, Build, Chapter, Run, Test};
use Sign::{Program, StaticProgram};

/// What the machine is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Compile panel and daemon.
    Build,
    /// Start the daemon.
    Run,
    /// Run every test, the browser's included.
    Test,
    /// Run the benchmark.
    Bench,
    /// Show the chapter.
    Chapter,
    /// Check the source text.
    Lint,
}

/// One Debian package and how to see that it is not needed.
pub(crate) struct Need {
    /// Any one of these will do.
    pub(crate) present: &'static [Sign],
    pub(crate) package: &'static str,
    pub(crate) purposes: &'static [Purpose],
    pub(crate) because: &'static str,
}

/// What shows that a package, or another one that does its work, is there.
pub(crate) enum Sign {
    Program(&'static str),
    /// A program that needs no shared library: it has to run inside a container that holds nothing else.
    StaticProgram(&'static str),
}

pub(crate) const NEEDS: &[Need] = &[
    Need {
        present: &[Program("nft")],
        package: "nftables",
        purposes: &[Run, Test, Bench, Chapter],
        because: "NAT and isolation between networks",
    },
    Need {
        present: &[Program("ip")],
        package: "iproute2",
        purposes: &[Run, Test, Bench, Chapter],
        because: "the shown commands, which the tests run",
    },
    Need {
        // crun is taken where it is there and works. Where nothing is, runc comes: Debian 12's crun 1.8 refuses hybrid cgroups.
        present: &[Program("crun"), Program("runc")],
        package: "runc",
        purposes: &[Run, Test, Bench, Chapter],
        because: "starts the processes of a container",
    },
    Need {
        present: &[Program("conmon")],
        package: "conmon",
        purposes: &[Run, Test, Bench, Chapter],
        because: "keeps a container's log and exit code while the daemon is away",
    },
    Need {
        present: &[StaticProgram("busybox")],
        package: "busybox-static",
        purposes: &[Run, Test, Bench, Chapter],
        because: "the built-in image `busybox`; takes the place of the package `busybox`, which has the same program",
    },
    Need {
        present: &[Program("npm")],
        package: "npm",
        purposes: &[Build, Run, Test],
        because: "fetches xterm.js, the panel's terminal",
    },
    Need {
        present: &[Program("chromium")],
        package: "chromium",
        purposes: &[Test],
        because: "the panel is tested in a real browser",
    },
    Need {
        present: &[Program("chromedriver")],
        package: "chromium-driver",
        purposes: &[Test],
        because: "drives the browser",
    },
    Need {
        present: &[Program("iptables")],
        package: "iptables",
        purposes: &[Test, Bench, Chapter],
        because: "other firewalls, beside which ours is tried, and Docker's layout of ports, which it is compared with",
    },
    Need {
        present: &[Program("ping")],
        package: "iputils-ping",
        purposes: &[Test, Chapter],
        because: "the tests look whether hosts reach one another",
    },
    Need {
        present: &[Program("brctl")],
        package: "bridge-utils",
        purposes: &[Test, Bench, Chapter],
        because: "the shell script of the chapter, which is tried, and which the benchmark compares with",
    },
    Need {
        present: &[Program("docker-compose")],
        package: "docker-compose",
        purposes: &[Test],
        because: "brings a project up and down, as people do",
    },
    Need {
        present: &[Program("docker-registry")],
        package: "docker-registry",
        purposes: &[Test, Bench, Chapter],
        because: "a real registry, from which images are pulled and to which they are pushed",
    },
    Need {
        present: &[Program("skopeo")],
        package: "skopeo",
        purposes: &[Test, Bench],
        because: "reads the archives of images that we write, and writes those that we read; pulls beside us",
    },
    Need {
        present: &[Program("umoci")],
        package: "umoci",
        purposes: &[Bench],
        because: "unpacks what skopeo pulled, beside which our pull is timed",
    },
    Need {
        present: &[Program("sudo")],
        package: "sudo",
        purposes: &[Test, Chapter],
        because: "commands of the chapter begin with it",
    },
    Need {
        present: &[Program("mmdebstrap")],
        package: "mmdebstrap",
        purposes: &[Test, Chapter],
        because: "the base of the images in docker/lab",
    },
    Need {
        present: &[Program("apt-ftparchive")],
        package: "apt-utils",
        purposes: &[Test, Chapter],
        because: "the list of the packages in that base",
    },
    Need {
        present: &[Program("dig")],
        package: "bind9-dnsutils",
        purposes: &[Test],
        because: "asks for names as people do",
    },
    Need {
        present: &[Program("tini"), Program("docker-init"), Program("catatonit")],
        package: "tini",
        purposes: &[Test],
        because: "the first process of a container with --init",
    },
    Need {
        present: &[Program("curl")],
        package: "curl",
        purposes: &[Test, Chapter],
        because: "sends requests that no docker client would",
    },
    Need {
        present: &[Program("python3")],
        package: "python3",
        purposes: &[Test],
        because: "a program that asks for ports which are held",
    },
    Need {
        present: &[Program("dnsmasq")],
        package: "dnsmasq-base",
        purposes: &[Bench],
        because: "the resolver that ours is compared with",
    },
];

impl Need {
    /// Whether it is there already.
    pub(crate) fn is_met(&self) -> bool {
        self.present.iter().any(|sign| match sign {
            Program(name) => find(name).is_some(),
            StaticProgram(name) => find(name).is_some_and(|path| is_static(&path)),
        })
    }
}

/// True for a program without a dynamic loader: its file does not name one.
fn is_static(program: &Path) -> bool {
    // The loader's path, ld.so(8), stands in the file's first page, beside the header that points at it (PT_INTERP, elf(5)).
    let Ok(bytes) = fs::read(program) else { return false };
    let head = &bytes[..bytes.len().min(4096)];
    ![&b"/ld-linux"[..], b"/ld-musl", b"/ld.so"].iter().any(|loader| head.windows(loader.len()).any(|w| w == *loader))
}
