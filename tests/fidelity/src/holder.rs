//! A process that holds namespaces for bundles that join some.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

/// The holder; it ends with this value.
#[derive(Debug)]
pub(crate) struct Holder {
    unshare: Child,
    pid: u32,
}

impl Holder {
    /// Namespaces of these kinds, as unshare(1) names its options.
    pub(crate) fn new(kinds: &[String]) -> io::Result<Self> {
        let mut command = Command::new("unshare");
        command.args(kinds.iter().map(|kind| format!("--{kind}")));
        // Without the terminal's and the test's own descriptors: nobody waits for it by a pipe.
        command.args(["--fork", "--kill-child", "--", "sleep", "120"]);
        let unshare = command.spawn()?;
        let children = format!("/proc/{0}/task/{0}/children", unshare.id());
        for _ in 0..500 {
            let pid =
                fs::read_to_string(&children)?.split_whitespace().next().and_then(|pid| pid.parse().ok());
            if let Some(pid) = pid {
                let holder = Holder { unshare, pid };
                if fs::read(format!("/proc/{pid}/cmdline"))?.starts_with(b"sleep") {
                    return Ok(holder);
                }
                // Forked, and about to become sleep.
                thread::sleep(Duration::from_millis(20));
                return Ok(holder);
            }
            thread::sleep(Duration::from_millis(2));
        }
        Err(io::Error::other("unshare started nothing"))
    }

    /// The directory of its namespaces.
    pub(crate) fn namespaces(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns", self.pid))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.unshare.kill());
        drop(self.unshare.wait());
    }
}
