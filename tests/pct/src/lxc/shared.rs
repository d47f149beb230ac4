//! Stands for Proxmox's shared LXC files (`common.conf`, `userns.conf` and what they include): the
//! settings that decide whether a CT's own lines work — capabilities that are dropped, mounts that LXC
//! makes, terminals, devices, the hooks that mount the root file system.

use std::fmt::Write;

/// For every CT. `hook` is the command line of a hook.
pub(super) fn common(hook: &str) -> String {
    let mut text = "\
lxc.pty.max = 1024
lxc.tty.dir = lxc
lxc.tty.max = 4
lxc.cap.drop = mac_admin mac_override sys_time sys_module sys_rawio
lxc.mount.auto = cgroup:mixed proc:mixed sys:mixed
lxc.mount.entry = /sys/fs/fuse/connections sys/fs/fuse/connections none bind,optional 0 0
lxc.cgroup2.devices.deny = a
lxc.cgroup2.devices.allow = c *:* m
lxc.cgroup2.devices.allow = b *:* m
"
    .to_owned();
    // null, zero, full, tty, console, ptmx, random, urandom, pts/*, fuse
    for device in ["1:3", "1:5", "1:7", "5:0", "5:1", "5:2", "1:8", "1:9", "136:*", "10:229"] {
        append(&mut text, &format!("lxc.cgroup2.devices.allow = c {device} rwm"));
    }
    append(&mut text, "lxc.seccomp.profile = /usr/share/lxc/config/common.seccomp");
    append(&mut text, &format!("lxc.hook.pre-start = {hook}"));
    append(&mut text, &format!("lxc.hook.post-stop = {hook}"));
    text
}

/// For unprivileged CTs, after the common one: all capabilities of the user namespace, no device
/// rules, /dev/lxc is not used, sysfs writable.
pub(super) const USERNS: &str = "\
lxc.cgroup2.devices.deny =
lxc.cgroup2.devices.allow =
lxc.cap.drop =
lxc.cap.keep =
lxc.tty.dir =
lxc.mount.auto = sys:rw
";

fn append(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _: Result<(), _> = writeln!(text, "{line}");
}
