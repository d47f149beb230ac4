//! A tool that runs at a terminal of its own.

use crate::run::{Run, Watchdog};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};

/// A tool whose stdin, stdout, stderr and controlling terminal are one pty, and whoever sits there.
#[derive(Debug)]
pub struct AtTerminal {
    /// The container's id.
    pub id: String,
    master: File,
    child: Child,
    shown: Vec<u8>,
    _watchdog: Watchdog,
}

impl Run {
    /// Starts it at a new terminal of a size.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn at_terminal(self, rows: u16, columns: u16) -> AtTerminal {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let pty = openpt(flags).and_then(|master| {
            unlockpt(&master)?;
            tcsetwinsize(&master, size(rows, columns))?;
            let terminal = ioctl_tiocgptpeer(&master, flags)?;
            Ok((File::from(master), File::from(terminal)))
        });
        let (master, terminal) = pty.unwrap_or_else(|error| panic!("pty: {error}"));
        let stdio = || Stdio::from(terminal.try_clone().unwrap_or_else(|error| panic!("pty: {error}")));
        let mut run = self.through(["/usr/bin/setsid", "--ctty", "--wait"]);
        let command = run.command.stdin(stdio()).stdout(stdio()).stderr(stdio());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        AtTerminal {
            master,
            child,
            shown: Vec::new(),
            _watchdog: Watchdog::new(run.namespace, run.directory),
            id: run.id,
        }
    }
}

impl AtTerminal {
    /// Types.
    ///
    /// # Panics
    /// The terminal is gone.
    pub fn type_in(&mut self, bytes: impl AsRef<[u8]>) {
        self.master.write_all(bytes.as_ref()).unwrap_or_else(|error| panic!("typing: {error}"));
    }

    /// Reads the screen until it shows `text`, and takes everything up to there.
    ///
    /// # Panics
    /// The terminal ends without it.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown.windows(text.len()).position(|bytes| bytes == text.as_bytes()) {
                let rest = self.shown.split_off(at + text.len());
                return string(&std::mem::replace(&mut self.shown, rest));
            }
            let more = self.read();
            assert!(more, "no {text:?} in {:?}", string(&self.shown));
        }
    }

    /// Reads some more; false at the end, which is an error for a pty.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let count = self.master.read(&mut bytes).unwrap_or(0);
        self.shown.extend_from_slice(&bytes[..count]);
        count > 0
    }

    /// Changes the terminal's size, of which its foreground processes are told.
    ///
    /// # Panics
    /// The terminal is gone.
    pub fn resize(&self, rows: u16, columns: u16) {
        tcsetwinsize(&self.master, size(rows, columns)).unwrap_or_else(|error| panic!("resize: {error}"));
    }

    /// How the terminal treats what is typed and shown.
    ///
    /// # Panics
    /// The terminal is gone.
    #[must_use]
    pub fn modes(&self) -> Termios {
        tcgetattr(&self.master).unwrap_or_else(|error| panic!("modes: {error}"))
    }

    /// The pid of the tool's parent, which has no other child.
    #[must_use]
    pub fn parent(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end; gives the status, the bytes that were shown since the last look, and how
    /// the terminal was left.
    ///
    /// # Panics
    /// It cannot be waited for.
    pub fn wait(mut self) -> (Option<i32>, Vec<u8>, Termios) {
        while self.read() {}
        let status = self.child.wait().unwrap_or_else(|error| panic!("wait: {error}"));
        let modes = self.modes();
        (status.code(), self.shown, modes)
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
