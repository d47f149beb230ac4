//! A root file system of busybox.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

const BUSYBOX: &str = "/bin/busybox";

/// Makes a root file system: busybox with a link for each applet, two users, mount points.
pub(crate) fn populate(root: &Path) -> io::Result<()> {
    for directory in ["bin", "dev", "etc", "home/user", "proc", "root", "sys", "tmp"] {
        fs::create_dir_all(root.join(directory))?;
    }
    // A copy: a test may change its owner.
    fs::copy(BUSYBOX, root.join("bin/busybox"))?;
    let listed = Command::new(BUSYBOX).arg("--list").output()?.stdout;
    for applet in String::from_utf8_lossy(&listed).lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(applet))?;
    }
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n",
    )?;
    fs::write(root.join("etc/group"), "root:x:0:\nuser:x:1000:\n")?;
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))
}
