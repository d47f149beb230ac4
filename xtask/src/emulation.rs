//! Programs for arm64 on a machine that is none: by qemu, which the kernel calls for them in a user namespace
//! made for that (Linux 6.7 and later, binfmt_misc(5)). Nothing is registered on the machine itself.

use crate::architecture::Architecture;
use crate::build::{cargo, target, workspace};
use crate::cross::{self, Cross};
use crate::error::Error;
use crate::package;
use crate::packages::{self, BUSYBOX, FISH, LXC, MANDOC, Need, PROCPS, ZSH};
use crate::step::{run_tests, say, step};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Emulation of a processor, new enough for openat2(2), and the libraries that the programs are linked with.
const PACKAGES: [&str; 4] =
    ["qemu-user/bookworm-backports", "libc6:arm64", "libgcc-s1:arm64", "libseccomp2:arm64"];

const NEEDS: [Need; 7] = [LXC, BUSYBOX, MANDOC, PROCPS, ZSH, FISH, ("nsenter", "util-linux")];

/// Packages that are chores and test gear of the machine's own.
const NOT_FOR_ARM64: [&str; 2] = ["xtask", "pct-stand-in"];

/// Unit tests that do not hold there, by parts of their names, and why.
const NOT_EMULATED: [(&str, &str); 25] = [
    ("lxc::", "LXC starts a container, and has no cgroups and no right to the machine's network"),
    (
        "join::a_",
        "setns(2): qemu has a second thread, and a process with threads cannot change its user namespace",
    ),
    ("join::it", "the same"),
    ("join::orphans", "the same"),
    ("join::what_is_not_join", "the same"),
    ("join::while_it_is_held", "the same"),
    ("extra::the", "the same"),
    ("tasks::nodes_have", "a user namespace makes no device nodes"),
    ("tasks::a_node_that", "the same"),
    ("terminal::a_shim_s", "the same"),
    ("terminal::it_", "the same"),
    ("terminal::without_devpts", "the same"),
    ("tasks::propagation", "mount_setattr(2): qemu does not have it"),
    ("tasks::what_is_no_mount_point", "the same"),
    ("hooks::tests::nobody_can_write", "the same"),
    ("seccomp::a", "seccomp(2): qemu does not have it"),
    ("exit::tests::", "PIDFD_GET_INFO: qemu does not have it; process events go to the machine's root alone"),
    ("exec::signals_are", "qemu keeps a signal for itself"),
    ("hold::another_number", "qemu changes control messages that are not as long as expected"),
    ("memory::tests::a_process", "qemu shows its own memory in /proc/self/smaps"),
    ("an_end_without_a_word", "qemu's vfork(2) does not tell why exec failed"),
    (
        "a_running_container_is_shown_with_its_pid",
        "qemu makes /proc/self/stat up, and when the process began",
    ),
    ("list_shows_one_namespace", "the same"),
    ("state_is_a_document", "the same"),
    ("a_full_disk_is_an_error_and_a_closed_pipe_is_none", "the same"),
];

/// End-to-end tests that start no container, by parts of their names.
const WITHOUT_CONTAINERS: [&str; 15] = [
    "about::features_are",
    "about::health_is",
    "about::the_configuration_that_holds",
    "about::the_working_directory",
    "about::what_is_not_there",
    "about::with_a_wrong_configuration",
    "completions::options",
    "failures::ids_that_are_none",
    "failures::the_bundle_is_missing",
    "inspect::what_is_not_there",
    "manners::",
    "pipeline::a_config_of_another_place",
    "pipeline::findings",
    "pipeline::rendering",
    "pipeline::what_cannot_be_expressed",
];

/// Runs a command where files for arm64 can be executed. The first argument is the directory with qemu and the
/// libraries; these appear where a Debian for arm64 has them, beside the machine's own. A holder has the user
/// namespace get its maps from outside, which gives it every user.
const ENTER: &str = r#"set -eu
root=$1; shift
unshare --user sleep infinity & holder=$!
while [ "$(readlink /proc/$holder/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.05; done
for map in uid_map gid_map; do echo "0 0 4294967295" >/proc/$holder/$map; done
exec nsenter --user --target $holder unshare --mount sh -euc '
    kill "$1"; root=$2; shift 2
    mount -t overlay overlay -o "lowerdir=$root/lib:$root/usr/lib:/usr/lib" /usr/lib
    mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    sed "s,:/usr/[^:]*:,:$root/usr/bin/qemu-aarch64:," "$root/usr/share/qemu/binfmt.d/qemu-aarch64.conf" \
        >/proc/sys/fs/binfmt_misc/register
    exec "$@"' sh "$holder" "$root" "$@""#;

/// Runs the unit tests, and the end-to-end tests that start no container with what the package has in it, all of
/// it for arm64; or only those whose names contain `name`.
pub(crate) fn test(name: Option<&OsStr>) -> Result<(), Error> {
    packages::require_root()?;
    packages::require(&NEEDS)?;
    let cross = Cross::ready(Architecture::Arm64)?;
    let emulator = cross.as_ref().map(|_| emulator()).transpose()?;
    let cargo = |arguments: &[&str]| {
        let mut command = entered(emulator.as_deref());
        command.args(arguments).args(["--locked", "--quiet", "--target", Architecture::Arm64.target()]);
        command.env("CARGO_TARGET_DIR", target().join("emulated")).env("PROPTEST_CASES", "16");
        if let Some(cross) = &cross {
            cross.apply(&mut command);
        }
        command
    };
    let mut passed = 0;
    step("unit tests", || {
        let mut tests =
            cargo(&["test", "--no-fail-fast", "--tests", "--workspace", "--exclude", "nexcage-tests"]);
        tests.args(NOT_FOR_ARM64.iter().flat_map(|package| ["--exclude", package]));
        // The one crate whose tests would take minutes, emulated and not optimised.
        tests.args(["--config", "profile.dev.package.bundle-validate.opt-level=1", "--"]).args(name);
        tests.args(NOT_EMULATED.iter().flat_map(|(name, _)| ["--skip", name]));
        passed += run_tests(&mut tests)?;
        Ok(())
    })?;
    let mut tools = PathBuf::new();
    step("the package's binaries", || {
        tools = package::binaries_of_package(Architecture::Arm64)?;
        Ok(())
    })?;
    step("end-to-end tests without containers", || {
        let mut tests = cargo(&["test", "--package", "nexcage-tests"]);
        tests.env("TOOLS_BIN_DIR", &tools).env("TEST_BACKEND", "lxc").args(["--"]);
        match name {
            Some(name) => tests.arg(name),
            None => tests.args(WITHOUT_CONTAINERS),
        };
        passed += run_tests(&mut tests)?;
        Ok(())
    })?;
    say(&format!("{passed} passed, 0 failed"));
    Ok(())
}

/// The directory with qemu and the libraries; they are fetched once.
fn emulator() -> Result<PathBuf, Error> {
    let root = cross::directory().join("emulator");
    if !root.exists() {
        say("fetching qemu and Debian's libraries for arm64, once");
        cross::apt()?.unpack(&PACKAGES.map(str::to_owned), &root)?;
    }
    Ok(root)
}

/// A cargo command, where files for arm64 can be executed.
fn entered(emulator: Option<&Path>) -> Command {
    let cargo = cargo([]);
    let Some(root) = emulator else { return cargo };
    let mut enter = Command::new("sh");
    enter.args(["-c", ENTER, "sh"]).arg(root).arg(cargo.get_program()).current_dir(workspace());
    enter
}
