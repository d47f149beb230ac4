//! The one place where a start on this machine departs from what Proxmox would write.
//!
//! | line | here | why |
//! |---|---|---|
//! | `lxc.include` of Proxmox's shared files | our own files | lxc-pve is not installed |
//! | `lxc.cgroup.dir.*` below `lxc`, `lxc.monitor` | below the prefix of the settings | two stand-in nodes may use one VMID |
//! | `lxc.environment.runtime` | `lxc.environment` | LXC before 6.0 does not know the key |
//! | `lxc.net.N.script.up` | `lxc.net.N.link` if the bridge is real, else dropped | the script is lxc-pve's |
//! | `lxc.net.N.veth.pair` | dropped: LXC makes up a name | two stand-in nodes may use one VMID |
//! | `lxc.seccomp.notify.*` and `notify` rules | dropped, so mknod is refused | there is no pve-lxc-syscalld |
//! | `devN` | the device is allowed, its node is not made | the autodev hook is lxc-pve's |

use super::shared;
use crate::conf::Section;
use crate::render::{Line, Rendered};
use crate::settings::Settings;
use crate::vmid::Vmid;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// Writes the files that LXC reads at the start of a CT.
///
/// # Errors
/// They cannot be written.
pub(crate) fn fit(settings: &Settings, vmid: Vmid, conf: &Section, rendered: Rendered) -> io::Result<()> {
    let home = settings.lxc_home(vmid);
    fs::create_dir_all(home.join("rootfs"))?;
    let shared = write_shared(settings)?;
    let environment = if knows_runtime_environment() { "lxc.environment.runtime" } else { "lxc.environment" };
    let lines = rendered.lines.into_iter().filter_map(|Line { key, value }| {
        let value = match key.as_str() {
            "lxc.include" => include(value, &shared),
            "lxc.cgroup.dir.monitor" => format!("{}.monitor/{vmid}", settings.cgroup),
            "lxc.cgroup.dir.container" => format!("{}/{vmid}", settings.cgroup),
            "lxc.environment.runtime" => return Some(Line { key: environment.into(), value }),
            key if key.starts_with("lxc.seccomp.notify.") => return None,
            key if key.starts_with("lxc.net.") && key.ends_with(".veth.pair") => return None,
            key if key.starts_with("lxc.net.") && key.ends_with(".script.up") => return link(conf, key),
            _ => value,
        };
        Some(Line { key, value })
    });
    let config = Rendered { lines: lines.collect(), seccomp: None };
    if let Some(policy) = rendered.seccomp {
        let rules = policy.lines().filter(|rule| !rule.contains(" notify ")).map(|rule| format!("{rule}\n"));
        fs::write(home.join("rules.seccomp"), rules.collect::<String>())?;
    }
    fs::write(home.join("config"), config.to_string())
}

/// The line that joins a network to its bridge.
fn link(conf: &Section, key: &str) -> Option<Line> {
    let number = key.strip_prefix("lxc.net.")?.strip_suffix(".script.up")?;
    let bridge =
        conf.get(&format!("net{number}"))?.split(',').find_map(|part| part.strip_prefix("bridge="))?;
    let is_real = Path::new("/sys/class/net").join(bridge).join("bridge").exists();
    is_real.then(|| Line { key: format!("lxc.net.{number}.link"), value: bridge.to_owned() })
}

/// Our file for one of Proxmox's; any other stays.
fn include(path: String, shared: &Path) -> String {
    let ours = path.strip_prefix("/usr/share/lxc/config/").and_then(|name| {
        let kind = if name.ends_with("userns.conf") { "userns.conf" } else { "common.conf" };
        name.ends_with(kind).then(|| shared.join(kind))
    });
    ours.map_or(path, |ours| ours.to_string_lossy().into_owned())
}

fn write_shared(settings: &Settings) -> io::Result<PathBuf> {
    let directory = settings.run.join("shared");
    fs::create_dir_all(&directory)?;
    let program = env::current_exe()?;
    let hook = format!("{} {}", program.display(), super::HOOK);
    for (name, text) in [("common.conf", shared::common(&hook)), ("userns.conf", shared::USERNS.to_owned())] {
        // Renamed into place: another start may be reading it.
        let temporary = directory.join(format!("{name}.{}", std::process::id()));
        fs::write(&temporary, text)?;
        fs::rename(temporary, directory.join(name))?;
    }
    Ok(directory)
}

fn knows_runtime_environment() -> bool {
    let output = Command::new("lxc-start").arg("--version").env("PATH", super::PATH).output();
    let major = output.ok().and_then(|output| {
        String::from_utf8_lossy(&output.stdout).split('.').next()?.trim().parse::<u32>().ok()
    });
    major.is_some_and(|major| major >= 6)
}
