//! Devices, descriptors and the terminal.

use crate::facts::Facts;
use crate::files::described;
use crate::kernel::{self, address, call};
use std::fs;

pub(crate) fn look(facts: &mut Facts) {
    devices(facts, "/dev", 3);
    let terminal = kernel::open("/dev/tty", libc::O_RDWR | libc::O_NOCTTY).map(|descriptor| {
        kernel::close(descriptor);
        "there is one"
    });
    facts.outcome("terminal.controlling", terminal);
    let mut size = [0_u16; 4];
    let outcome = call(libc::SYS_ioctl, [0, libc::TIOCGWINSZ as i64, address(&mut size), 0, 0, 0]);
    facts.outcome("terminal.size", outcome.map(|_| format!("{} rows {} columns", size[0], size[1])));
    let mut foreground = 0_i32;
    let outcome = call(libc::SYS_ioctl, [0, libc::TIOCGPGRP as i64, address(&mut foreground), 0, 0, 0]);
    let own = call(libc::SYS_getpgid, [0; 6]);
    facts.outcome("terminal.foreground", outcome.map(|_| own == Ok(foreground.into())));
}

/// Everything below /dev, and whether devices open.
fn devices(facts: &mut Facts, directory: &str, depth: u32) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let shown = path.display().to_string();
        let name = shown.trim_start_matches("/dev/");
        let description = described(&shown);
        if description.starts_with("c ") || description.starts_with("b ") {
            for (way, flags) in [("reads", libc::O_RDONLY), ("writes", libc::O_WRONLY)] {
                facts.say(&format!("device.{name}.{way}"), opened(&shown, flags));
            }
        }
        if description.starts_with("directory") && depth > 0 {
            devices(facts, &shown, depth - 1);
        }
        facts.say(&format!("device.{name}"), description);
    }
}

fn opened(path: &str, flags: i32) -> String {
    match kernel::open(path, flags | libc::O_NONBLOCK | libc::O_NOCTTY) {
        Ok(descriptor) => {
            kernel::close(descriptor);
            "done".to_owned()
        }
        Err(errno) => kernel::error_name(errno),
    }
}

/// `c:MAJOR:MINOR`: makes the device in /tmp and opens it, so that the device rules show.
pub(crate) fn make_node(facts: &mut Facts, what: &str) {
    let fields: Vec<&str> = what.split(':').collect();
    let [kind, major, minor] = fields[..] else { return };
    let kind = if kind == "b" { libc::S_IFBLK } else { libc::S_IFCHR };
    let number = libc::makedev(major.parse().unwrap_or(0), minor.parse().unwrap_or(0));
    let path = "/tmp/.node-of-the-probe";
    let number = i64::try_from(number).unwrap_or(0);
    let outcome = kernel::call_path(libc::SYS_mknodat, path, [i64::from(kind | 0o600), number, 0, 0]);
    facts.outcome(&format!("node.{what}.made"), outcome.map(|_| "done"));
    for (way, flags) in [("reads", libc::O_RDONLY), ("writes", libc::O_WRONLY)] {
        facts.say(&format!("node.{what}.{way}"), opened(path, flags));
    }
    drop(fs::remove_file(path));
}

/// The open descriptors: what they are, how they were opened and who owns them.
pub(crate) fn descriptors(facts: &mut Facts) {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut numbers: Vec<i32> = numbers.collect();
    numbers.sort_unstable();
    for number in numbers {
        let path = format!("/proc/self/fd/{number}");
        let Ok(target) = fs::read_link(&path) else { continue };
        let target = target.display().to_string();
        let kind = target.split(":[").next().unwrap_or(&target).to_owned();
        // F_GETFL.
        let flags = call(libc::SYS_fcntl, [number.into(), libc::F_GETFL.into(), 0, 0, 0, 0]);
        let owner = fs::metadata(&path).map(|data| {
            use std::os::unix::fs::MetadataExt as _;
            format!("{}:{}", data.uid(), data.gid())
        });
        let owner = owner.unwrap_or_default();
        facts.say(
            &format!("descriptor.{number}"),
            format!("{kind} flags {:o} owner {owner}", flags.unwrap_or(0)),
        );
    }
}
