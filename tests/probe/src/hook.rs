//! `hook FILE [EXIT [SECONDS]]`: what a hook sees, written to a file.

use crate::facts::Facts;
use crate::files::zero_separated;
use crate::kernel;
use crate::status::listed;
use std::ffi::c_int;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

/// Appends the hook's facts to `FILE`, sleeps and ends as it is told.
pub(crate) fn record(file: &str, rest: &[&str]) -> c_int {
    let name = file.rsplit('/').next().unwrap_or(file);
    if let Some((directory, _)) = file.rsplit_once('/') {
        let order = OpenOptions::new().append(true).create(true).open(format!("{directory}/order"));
        drop(order.and_then(|mut order| writeln!(order, "{name}")));
    }
    let mut facts = Facts::new();
    listed(&mut facts, "argv", &zero_separated("/proc/self/cmdline"));
    listed(&mut facts, "env", &zero_separated("/proc/self/environ"));
    let mut state = Vec::new();
    loop {
        let bytes = kernel::read_some(0);
        if bytes.is_empty() {
            break;
        }
        state.extend(bytes);
    }
    facts.bytes("state", &[]);
    for kind in ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] {
        let link = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap_or_default();
        facts.say(&format!("ns.{kind}"), link.display());
    }
    let cwd = std::env::current_dir().unwrap_or_default();
    facts.say("cwd", cwd.display());
    // The image has this file and the host does not.
    facts
        .say("root", if fs::exists("/fidelity").unwrap_or(false) { "the container's" } else { "the host's" });
    let seconds = rest.get(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    drop(fs::write(format!("{file}.state"), state));
    if let Ok(file) = kernel::open(file, libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC) {
        facts.flush(file);
    }
    std::thread::sleep(Duration::from_secs(seconds));
    rest.first().and_then(|text| text.parse().ok()).unwrap_or(0)
}
