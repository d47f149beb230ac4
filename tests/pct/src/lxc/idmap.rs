//! The id map of unprivileged CTs, as a user namespace.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Command, Stdio};

/// Ids 0 to 65535 are 100000 and up on the host.
const MAP: &str = "0 100000 65536\n";
/// The host's id of the CT's root.
pub(crate) const ROOT: u32 = 100_000;

/// A user namespace with Proxmox's id map, kept by a process that ends with it.
#[derive(Debug)]
pub(crate) struct UserNamespace {
    holder: Child,
    namespace: File,
}

impl UserNamespace {
    /// # Errors
    /// The namespace cannot be made or its maps not be written.
    pub(crate) fn new() -> io::Result<UserNamespace> {
        let mut holder = Command::new("unshare")
            .args(["--user", "cat"])
            .env("PATH", super::PATH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let namespace = mapped(&mut holder);
        match namespace {
            Ok(namespace) => Ok(UserNamespace { holder, namespace }),
            Err(error) => {
                end(&mut holder);
                Err(error)
            }
        }
    }

    /// A command that runs `program` as the CT's root, with the host's file systems.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string(), "--user", "--setuid", "0", "--setgid", "0"]);
        command.args(["--", program]).env("PATH", super::PATH);
        command
    }
}

impl AsFd for UserNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }
}

impl Drop for UserNamespace {
    fn drop(&mut self) {
        end(&mut self.holder);
    }
}

fn mapped(holder: &mut Child) -> io::Result<File> {
    // An echo shows that the namespace is there.
    let (Some(stdin), Some(stdout)) = (holder.stdin.as_mut(), holder.stdout.as_mut()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    stdin.write_all(b"\n")?;
    stdout.read_exact(&mut [0])?;
    let process = format!("/proc/{}", holder.id());
    fs::write(format!("{process}/uid_map"), MAP)?;
    fs::write(format!("{process}/gid_map"), MAP)?;
    File::open(format!("{process}/ns/user"))
}

fn end(holder: &mut Child) {
    // It may be gone already, and then there is nothing to do.
    drop(holder.kill());
    drop(holder.wait());
}
