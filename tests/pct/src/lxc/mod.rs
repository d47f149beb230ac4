//! Real LXC, driven by its own tools.

mod hooks;
mod idmap;
mod log;
mod machine;
mod mounts;
mod reboot;
mod shared;
mod system;
mod unit;

pub(crate) use hooks::{NAME as HOOK, run as run_hook};
pub(crate) use idmap::{ROOT, UserNamespace};
pub(crate) use log::failures;
pub(crate) use machine::fit;
pub(crate) use mounts::{mount_all, unmount_all};
pub(crate) use reboot::RebootRequest;
pub(crate) use unit::{MANAGER, Startup, UNIT, manage, start, supervise, waits_for};

use crate::console::Console;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::vmid::Vmid;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// The search path that Proxmox resets to.
pub(crate) const PATH: &str = "/sbin:/bin:/usr/sbin:/usr/bin";
const POLL: Duration = Duration::from_millis(5);
/// The bytes of an abstract socket's name in sockaddr_un, without the leading NUL.
const SOCKET_NAME_MAX: usize = 107;

/// One CT as LXC sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Container<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) vmid: Vmid,
}

/// How a shutdown treats a container that does not stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Force {
    Kill,
    Spare,
}

impl Container<'_> {
    /// One of LXC's tools, pointed at the container.
    pub(crate) fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env("PATH", PATH).arg("-P").arg(&self.settings.lxc).args(["-n", &self.vmid.to_string()]);
        command
    }

    /// "Running" as Proxmox means it: LXC's command socket is there.
    pub(crate) fn is_running(&self) -> bool {
        let sockets = fs::read_to_string("/proc/net/unix").unwrap_or_default();
        let name = self.socket_name();
        sockets.lines().any(|line| line.split(' ').next_back() == Some(&name))
    }

    /// The command socket's name as /proc/net/unix shows it. LXC hashes (FNV-1a) what is too long.
    fn socket_name(&self) -> String {
        let home = self.settings.lxc_home(self.vmid);
        let name = format!("{}/command", home.display());
        if name.len() <= SOCKET_NAME_MAX {
            return format!("@{name}");
        }
        let hash = home.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("@lxc/{hash:016x}/command")
    }

    /// Whether LXC has got as far as RUNNING.
    fn has_state_running(&self) -> bool {
        let output = self.tool("lxc-info").arg("-sH").output();
        output.is_ok_and(|output| output.stdout.trim_ascii() == b"RUNNING")
    }

    /// The process id of the container's init on the host.
    ///
    /// # Errors
    /// lxc-info fails, or it knows of none.
    pub(crate) fn pid(&self, console: &Console) -> Result<u32, Failure> {
        let output = self.tool("lxc-info").arg("-p").output()?;
        console.warn(&String::from_utf8_lossy(&output.stderr));
        self.check(&output, "-p", "lxc-info")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let pid = text.lines().find_map(|line| line.strip_prefix("PID:")?.trim().parse().ok());
        pid.ok_or_else(|| Failure::died(format!("unable to get PID for CT {} (not running?)", self.vmid)))
    }

    /// SIGKILL to the container's init.
    ///
    /// # Errors
    /// lxc-stop fails.
    pub(crate) fn kill(&self) -> Result<(), Failure> {
        let output = self.tool("lxc-stop").arg("--kill").output()?;
        self.check(&output, "--kill", "lxc-stop")
    }

    /// The halt signal to the container's init, and a wait of `timeout` seconds.
    ///
    /// # Errors
    /// It did not stop in time, or lxc-stop fails.
    pub(crate) fn shut_down(&self, timeout: &str, force: Force) -> Result<(), Failure> {
        let arguments = match force {
            Force::Spare => format!("--nokill --timeout {timeout}"),
            Force::Kill => format!("--timeout {timeout}"),
        };
        let output = self.tool("lxc-stop").args(arguments.split(' ')).output()?;
        self.check(&output, &arguments, "lxc-stop")
    }

    /// Has CRIU save the container in `dump`, or start it from there.
    ///
    /// # Errors
    /// lxc-checkpoint fails: without CRIU it always does.
    pub(crate) fn checkpoint(&self, console: &Console, flags: &[&str], dump: &str) -> Result<(), Failure> {
        let output = self.tool("lxc-checkpoint").args(flags).args(["-D", dump]).output()?;
        console.warn(&String::from_utf8_lossy(&output.stderr));
        self.check(&output, &format!("{} -D {dump}", flags.join(" ")), "lxc-checkpoint")
    }

    /// Waits until the command socket is gone.
    ///
    /// # Errors
    /// `timeout` has passed.
    pub(crate) fn wait_stopped(&self, timeout: Option<Duration>) -> Result<(), Failure> {
        let begin = Instant::now();
        while self.is_running() {
            if timeout.is_some_and(|timeout| begin.elapsed() > timeout) {
                return Err(Failure::died("container did not stop"));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn check(&self, output: &Output, arguments: &str, tool: &str) -> Result<(), Failure> {
        match output.status.code() {
            Some(0) => Ok(()),
            Some(code) => Err(Failure::died(format!(
                "command '{tool} -n {} {arguments}' failed: exit code {code}",
                self.vmid
            ))),
            None => Err(Failure::died(format!(
                "command '{tool} -n {} {arguments}' failed: got signal",
                self.vmid
            ))),
        }
    }
}
