//! The checks: each looks at the machine and starts no container.

use super::{Check, State};
use crate::context::Context;
use nexcage_cgroup::{Hierarchies, Version};
use rustix::fs::{Access, access};
use rustix::process::geteuid;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where packages put what is not for people to run.
const LIBEXEC: &str = "/usr/libexec/nexcage";
/// The first kernels that tell an exit status by a pidfd, and that map ids of a mount.
const EXIT_BY_PIDFD: (u32, u32) = (6, 15);
const ID_MAPPED_MOUNTS: (u32, u32) = (5, 12);

/// Every check, in the order in which a person wants to know.
pub(super) fn checks(context: &Context) -> Vec<Check> {
    let shim = nexcage_launch::program().ok();
    let hierarchies = Hierarchies::mounted();
    let kernel = kernel();
    let mut checks = vec![
        needed("root", geteuid().is_root(), "containers are started by root"),
        lxc_start(),
        program("nexcage-shim", shim.as_deref()),
        program("nexcage-init", init(context, shim.as_deref()).as_deref()),
        program("nexcage-setup", beside(shim.as_deref(), "nexcage-setup").as_deref()),
        state_directory(&context.configuration.root),
        cgroups(&hierarchies),
        freezer(&hierarchies),
        useful(
            "exit-by-pidfd",
            version(&kernel) >= Some(EXIT_BY_PIDFD),
            &format!("Linux {kernel}; before 6.15 the kernel's process events tell exit statuses"),
        ),
        useful(
            "id-mapped-mounts",
            version(&kernel) >= Some(ID_MAPPED_MOUNTS),
            &format!("Linux {kernel}; before 5.12 mounts with ids of their own are refused"),
        ),
        seccomp(),
        apparmor(),
    ];
    checks.extend(super::node::checks(&context.configuration.pct));
    checks
}

fn needed(name: &'static str, found: bool, detail: &str) -> Check {
    Check { name, state: if found { State::Ok } else { State::Missing }, detail: detail.to_owned() }
}

pub(super) fn useful(name: &'static str, found: bool, detail: &str) -> Check {
    Check { name, state: if found { State::Ok } else { State::No }, detail: detail.to_owned() }
}

fn program(name: &'static str, found: Option<&Path>) -> Check {
    let detail = found.map_or("not installed".into(), |path| path.display().to_string());
    needed(name, found.is_some(), &detail)
}

pub(super) fn useful_program(name: &'static str, path: &Path) -> Check {
    useful(name, path.is_file(), &path.display().to_string())
}

fn lxc_start() -> Check {
    let name = "lxc-start";
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|place| place.join(name)).find(|program| program.is_file());
    let Some(found) = found else { return program(name, None) };
    let version = Command::new(&found).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    needed(name, true, &format!("{} {}", found.display(), version.unwrap_or_default()))
}

fn init(context: &Context, shim: Option<&Path>) -> Option<PathBuf> {
    match &context.configuration.init {
        Some(configured) => Some(configured.clone()).filter(|path| path.is_file()),
        None => beside(shim, "nexcage-init"),
    }
}

/// Beside the shim, or where packages put it.
fn beside(shim: Option<&Path>, name: &str) -> Option<PathBuf> {
    let shim = shim.and_then(Path::parent).map(Path::to_owned);
    let places = shim.into_iter().chain([PathBuf::from(LIBEXEC)]);
    places.map(|place| place.join(name)).find(|path| path.is_file())
}

/// Whether the directory of states can be made or written.
fn state_directory(root: &Path) -> Check {
    let existing = root.ancestors().find(|path| path.exists());
    let writable = existing.is_some_and(|path| path.is_dir() && access(path, Access::WRITE_OK).is_ok());
    needed("state-directory", writable, &root.display().to_string())
}

fn cgroups(hierarchies: &Hierarchies) -> Check {
    let count = |version| hierarchies.iter().filter(|hierarchy| hierarchy.version() == version).count();
    let detail = match (count(Version::V1), count(Version::V2)) {
        (0, 0) => "none is mounted",
        (0, _) => "version 2",
        (_, 0) => "version 1",
        _ => "both versions",
    };
    needed("cgroups", hierarchies.iter().next().is_some(), detail)
}

fn freezer(hierarchies: &Hierarchies) -> Check {
    let version = |wanted| hierarchies.iter().find(|hierarchy| hierarchy.version() == wanted);
    let v1 =
        hierarchies.iter().find(|hierarchy| hierarchy.version() == Version::V1 && hierarchy.has("freezer"));
    let found = v1.or(version(Version::V2));
    let detail = found.map_or("pause and resume fail".into(), |found| found.mount().display().to_string());
    useful("freezer", found.is_some(), &detail)
}

fn seccomp() -> Check {
    let path = "/proc/sys/kernel/seccomp/actions_avail";
    let actions = fs::read_to_string(path).unwrap_or_default();
    useful("seccomp", !actions.is_empty(), actions.trim())
}

fn apparmor() -> Check {
    let path = "/sys/module/apparmor/parameters/enabled";
    let enabled = fs::read_to_string(path).is_ok_and(|text| text.trim() == "Y");
    useful(
        "apparmor",
        enabled,
        if enabled { "enabled" } else { "no: a bundle that names a profile is refused" },
    )
}

fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_by_number() {
        assert!(version("6.8.12-4-pve") < Some(EXIT_BY_PIDFD));
        assert!(version("6.17.2-1-pve") >= Some(EXIT_BY_PIDFD));
        assert!(version("unknown").is_none());
    }

    #[test]
    fn what_is_missing_is_told_by_its_weight() {
        assert_eq!(needed("a", false, "").state, State::Missing);
        assert_eq!(useful("a", false, "").state, State::No);
        assert_eq!(cgroups(&Hierarchies::default()).state, State::Missing);
        assert_eq!(freezer(&Hierarchies::default()).state, State::No);
        assert_eq!(state_directory(Path::new("/proc/version/x")).state, State::Missing);
    }
}
