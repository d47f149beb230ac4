//! The LXC configuration of a CT, line for line as Proxmox writes it at every start.

mod host;
mod network;
mod seccomp;

pub(crate) use host::{Access, Controllers, Host, ThisHost};

use crate::conf::{Section, mount_points};
use crate::failure::Failure;
use crate::vmid::Vmid;
use pve_schema::{Kind, conf_option};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Proxmox's own LXC files.
const SHARED: &str = "/usr/share/lxc/config";
const MIB: u64 = 1 << 20;

/// A rendered configuration.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) lines: Vec<Line>,
    /// The seccomp policy that goes into `rules.seccomp` beside it.
    pub(crate) seccomp: Option<String>,
}

/// One `key = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl Line {
    fn new(key: &str, value: impl Into<String>) -> Line {
        Line { key: key.into(), value: value.into() }
    }
}

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|Line { key, value }| writeln!(f, "{key} = {value}"))
    }
}

/// Renders a CT. `lxc` is LXC's directory, `/var/lib/lxc` on a node.
///
/// # Errors
/// What the CT needs is not in the conf or not on the host: in Proxmox's words.
pub(crate) fn render(vmid: Vmid, conf: &Section, lxc: &Path, host: &dyn Host) -> Result<Rendered, Failure> {
    let home = lxc.join(vmid.to_string());
    let unprivileged = conf.is_set("unprivileged") || conf.has_raw("lxc.idmap");
    let features = features(conf)?;
    let has = |feature: &str| features.get(feature).is_some_and(|value| value == "1");
    let mut lines = vec![
        Line::new("lxc.cgroup.relative", "0"),
        Line::new("lxc.cgroup.dir.monitor", format!("lxc.monitor/{vmid}")),
        Line::new("lxc.cgroup.dir.container", format!("lxc/{vmid}")),
        Line::new("lxc.cgroup.dir.container.inner", "ns"),
    ];
    lines.extend(shared_files(conf, unprivileged)?);
    let policy = (unprivileged && !conf.has_raw("lxc.seccomp.profile")).then(|| seccomp::policy(&has));
    if policy.is_some() {
        lines.extend(seccomp::lines(vmid, &home, &has));
    }
    lines.extend(apparmor(conf, &features, &has));
    if has("fuse") {
        lines.push(Line::new("lxc.apparmor.raw", "mount fstype=fuse,"));
        lines.push(Line::new("lxc.mount.entry", "/dev/fuse dev/fuse none bind,create=file 0 0"));
    }
    if unprivileged && !has("force_rw_sys") {
        lines.push(Line::new("lxc.mount.auto", "sys:mixed"));
    }
    if conf.get("entrypoint").is_some_and(|entrypoint| entrypoint != "/sbin/init") {
        lines.push(Line::new("lxc.mount.entry", "shm dev/shm tmpfs rw,nosuid,nodev,create=dir 0 0"));
    }
    lines.extend(devices(conf, host)?);
    lines.push(Line::new("lxc.monitor.unshare", "1"));
    if unprivileged && !conf.has_raw("lxc.idmap") {
        lines.push(Line::new("lxc.idmap", "u 0 100000 65536"));
        lines.push(Line::new("lxc.idmap", "g 0 100000 65536"));
    }
    lines.extend(terminals(conf));
    lines.push(Line::new("lxc.environment", "TERM=linux"));
    lines.push(Line::new("lxc.uts.name", conf.name(vmid)));
    lines.extend(limits(conf, host.controllers()));
    mount_points(conf)?;
    lines.push(Line::new("lxc.rootfs.path", home.join("rootfs").to_string_lossy()));
    lines.extend(conf.get("entrypoint").map(|entrypoint| Line::new("lxc.init.cmd", entrypoint)));
    lines.extend(network::lines(vmid, conf, host)?);
    let env = conf.get("env").into_iter().flat_map(|env| env.split('\0'));
    lines.extend(env.map(|entry| Line::new("lxc.environment.runtime", entry)));
    lines.extend(conf.raw.iter().map(|(key, value)| Line::new(key, value.as_str())));
    lines.extend(cpuset(conf, host));
    Ok(Rendered { lines, seccomp: policy })
}

fn shared_files(conf: &Section, unprivileged: bool) -> Result<Vec<Line>, Failure> {
    let internal = |key: &str, line: u32| {
        Failure::died(format!("missing '{key}' - internal error at /usr/share/perl5/PVE/LXC.pm line {line}."))
    };
    let arch = conf.get("arch").ok_or_else(|| internal("arch", 729))?;
    let ostype = conf.get("ostype").ok_or_else(|| internal("ostype", 735))?;
    let prefix = if ostype == "unmanaged" { String::new() } else { format!("{ostype}.") };
    let mut lines = vec![Line::new("lxc.arch", arch)];
    lines.push(Line::new("lxc.include", format!("{SHARED}/{prefix}common.conf")));
    if unprivileged {
        lines.push(Line::new("lxc.include", format!("{SHARED}/{prefix}userns.conf")));
    }
    Ok(lines)
}

fn features(conf: &Section) -> Result<BTreeMap<String, String>, Failure> {
    match (conf.get("features"), conf_option("features")) {
        (Some(text), Some(Kind::List(list))) => list.parse(text, None).map_err(Failure::died),
        _ => Ok(BTreeMap::new()),
    }
}

/// AppArmor's lines, unless the conf has a profile of its own.
fn apparmor(conf: &Section, features: &BTreeMap<String, String>, has: &dyn Fn(&str) -> bool) -> Vec<Line> {
    if conf.has_raw("lxc.apparmor.profile") {
        return Vec::new();
    }
    let raw = |rule: &str| Line::new("lxc.apparmor.raw", rule);
    let mut lines = vec![Line::new("lxc.apparmor.profile", "generated"), raw("allow mqueue,")];
    if has("nesting") {
        lines.push(Line::new("lxc.apparmor.allow_nesting", "1"));
        lines.push(raw("allow userns,"));
    } else {
        lines.push(raw("deny mount -> /proc/,"));
        lines.push(raw("deny mount -> /sys/,"));
    }
    let types = features.get("mount").map_or("", String::as_str);
    let types = types.split([';', ' ']).filter(|fs| !fs.is_empty());
    lines.extend(types.map(|fs| raw(&format!("mount fstype={fs},"))));
    lines
}

fn devices(conf: &Section, host: &dyn Host) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for n in 0..=255 {
        let key = format!("dev{n}");
        let Some(value) = conf.get(&key) else { continue };
        let Some(Kind::List(list)) = conf_option(&key) else { continue };
        let values = list.parse(value, None).map_err(Failure::died)?;
        let path = values.get("path").map_or("", String::as_str);
        let device = host
            .device(Path::new(path))
            .ok_or_else(|| Failure::missing(format!("Device {path} does not exist")))?;
        if values.get("deny-write").is_some_and(|value| value == "1") {
            lines.push(Line::new("lxc.cgroup2.devices.allow", format!("{device} r")));
            lines.push(Line::new("lxc.cgroup2.devices.deny", format!("{device} w")));
        } else {
            lines.push(Line::new("lxc.cgroup2.devices.allow", format!("{device} rw")));
        }
    }
    Ok(lines)
}

fn terminals(conf: &Section) -> Vec<Line> {
    let mut lines = Vec::new();
    if conf.get("console") == Some("0") {
        lines.push(Line::new("lxc.console.path", "none"));
        lines.push(Line::new("lxc.cgroup2.devices.deny", "c 5:1 rwm"));
    }
    lines.push(Line::new("lxc.tty.max", conf.get("tty").unwrap_or("2")));
    lines
}

fn limits(conf: &Section, controllers: Controllers) -> Vec<Line> {
    let mut lines = Vec::new();
    if controllers.memory == Access::Present {
        let memory = conf.number("memory").unwrap_or(512) * MIB;
        lines.push(Line::new("lxc.cgroup2.memory.max", memory.to_string()));
        lines.push(Line::new("lxc.cgroup2.memory.high", (memory - memory / 128).to_string()));
        let swap = conf.number("swap").unwrap_or(0) * MIB;
        lines.push(Line::new("lxc.cgroup2.memory.swap.max", swap.to_string()));
    }
    if controllers.cpu == Access::Present {
        let limit = conf.get("cpulimit").and_then(|limit| limit.parse::<f64>().ok()).unwrap_or(0.0);
        if limit > 0.0 {
            lines.push(Line::new("lxc.cgroup2.cpu.max", format!("{:.0} 100000", limit * 100_000.0)));
        }
        let units = conf.number("cpuunits").map(|units| units.clamp(1, 10_000));
        lines.extend(units.map(|units| Line::new("lxc.cgroup2.cpu.weight", units.to_string())));
    }
    lines
}

/// The processors for `cores`, unless the conf chooses its own. Proxmox takes any; we the first ones.
fn cpuset(conf: &Section, host: &dyn Host) -> Option<Line> {
    if conf.has_raw("lxc.cgroup2.cpuset.cpus") {
        return None;
    }
    let cores = usize::try_from(conf.number("cores")?).unwrap_or(usize::MAX);
    let cpus: Vec<String> = host.cpus()?.into_iter().take(cores).map(|cpu| cpu.to_string()).collect();
    Some(Line::new("lxc.cgroup2.cpuset.cpus", cpus.join(",")))
}

#[cfg(test)]
mod tests {
    use super::{Access, Controllers, Host, render};
    use crate::conf::parse;
    use std::path::Path;

    struct Node(Access);

    impl Host for Node {
        fn controllers(&self) -> Controllers {
            Controllers { memory: self.0, cpu: self.0 }
        }
        fn cpus(&self) -> Option<Vec<u32>> {
            Some(vec![0, 1, 2, 3])
        }
        fn bridge_exists(&self, bridge: &str) -> bool {
            bridge == "vmbr0"
        }
        fn device(&self, _: &Path) -> Option<String> {
            None
        }
    }

    fn text(conf: &str) -> String {
        let vmid = "900".parse().unwrap();
        let (conf, _) = parse(vmid, conf.as_bytes());
        match render(vmid, &conf.main, Path::new("/var/lib/lxc"), &Node(Access::Present)) {
            Ok(rendered) => rendered.to_string(),
            Err(failure) => failure.message,
        }
    }

    #[test]
    fn raw_lines_come_after_everything_but_the_cpuset() {
        let text = text(
            "arch: amd64\nostype: unmanaged\nrootfs: /r\ncores: 2\nentrypoint: /x\n\
             lxc.include: /i\nlxc.environment.runtime: A=1\n",
        );
        let tail = "lxc.rootfs.path = /var/lib/lxc/900/rootfs\nlxc.init.cmd = /x\nlxc.environment.runtime = A=1\n\
                    lxc.include = /i\nlxc.cgroup2.cpuset.cpus = 0,1\n";
        assert!(text.ends_with(tail), "{text}");
        assert!(
            text.contains("lxc.cgroup2.memory.max = 536870912\n"),
            "512 MiB when the conf is silent: {text}"
        );
    }

    #[test]
    fn what_is_missing_is_named_in_proxmoxs_order() {
        assert!(text("").starts_with("missing 'arch'"));
        assert!(text("arch: amd64\n").starts_with("missing 'ostype'"));
        assert_eq!(text("arch: amd64\nostype: unmanaged\n"), "missing 'rootfs' configuration");
        let bridge = "arch: amd64\nostype: unmanaged\nrootfs: /r\nnet0: name=e,bridge=no\n";
        assert_eq!(text(bridge), "bridge 'no' does not exist");
    }
}
