//! Kernel settings under `/proc/sys` (sysctl(8)). What is below `net` is that of the calling thread's network namespace.

use crate::error::KernelError;
use drawbridge_api::IfName;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::PathBuf,
};

/// `sysctl -n KEY`; none when this kernel has no such setting.
pub(crate) fn read(key: &str) -> Result<Option<String>, KernelError> {
    match fs::read_to_string(path(key)?) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(KernelError::system(format!("read the setting {key}"), error)),
    }
}

/// `sysctl -w KEY=VALUE`
pub(crate) fn write(key: &str, value: &str) -> Result<(), KernelError> {
    fs::write(path(key)?, value).map_err(|error| KernelError::system(format!("set {key} to {value}"), error))
}

/// `sysctl -w KEY=VALUE`, unless this kernel has no such setting, as one without IPv6 has none of its settings.
pub(crate) fn write_if_there(key: &str, value: &str) -> Result<(), KernelError> {
    match OpenOptions::new().write(true).open(path(key)?).and_then(|mut file| file.write_all(value.as_bytes())) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(KernelError::system(format!("set {key} to {value}"), error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The key of a link's `route_localnet` (ip-sysctl.rst).
pub(crate) fn route_localnet(link: &IfName) -> String {
    format!("net.ipv4.conf.{}.route_localnet", link.as_str().replace('.', "/"))
}

/// The key of an IPv6 setting of a link (ip-sysctl.rst, `conf/interface/*`).
pub(crate) fn ipv6(link: &IfName, setting: &str) -> String {
    format!("net.ipv6.conf.{}.{setting}", link.as_str().replace('.', "/"))
}

/// As sysctl(8) does, `.` separates and `/` stands for a dot in a link's name.
fn path(key: &str) -> Result<PathBuf, KernelError> {
    let parts: Vec<String> = key.split('.').map(|part| part.replace('/', ".")).collect();
    if parts.iter().any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(KernelError::Absent { what: format!("a setting named {key:?}") });
    }
    Ok(PathBuf::from("/proc/sys").join(parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_path_below_proc_sys() {
        let path = |key: &str| path(key).ok().map(|path| path.to_string_lossy().into_owned());
        assert_eq!(path("net.ipv4.ip_forward").as_deref(), Some("/proc/sys/net/ipv4/ip_forward"));
        assert_eq!(path("net.ipv4.conf.eth0/1.mtu").as_deref(), Some("/proc/sys/net/ipv4/conf/eth0.1/mtu"));
        for bad in ["", "net..ipv4", "net.//.passwd"] {
            assert_eq!(path(bad), None, "{bad:?} was taken");
        }
    }
}
