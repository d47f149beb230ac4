//! Raw mode that does not outlive its use.

use crate::Error;
use rustix::termios::{OptionalActions, OutputModes, Termios, tcgetattr, tcsetattr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::panic;
use std::sync::Arc;

/// The caller's terminal in raw mode, until it is dropped or this program panics.
#[derive(Debug)]
pub struct RawMode(Arc<Before>);

/// How a terminal was.
#[derive(Debug)]
struct Before {
    terminal: OwnedFd,
    modes: Termios,
}

impl RawMode {
    /// Puts the terminal into raw mode; `None` if it is no terminal.
    ///
    /// # Errors
    /// The terminal refuses.
    pub fn enter(terminal: BorrowedFd<'_>) -> Result<Option<Self>, Error> {
        let Ok(modes) = tcgetattr(terminal) else { return Ok(None) };
        let terminal = terminal.try_clone_to_owned().map_err(Error::system("duplicate a terminal"))?;
        let before = Arc::new(Before { terminal, modes });
        let mut raw = before.modes.clone();
        raw.make_raw();
        // Newlines from the process still begin a line.
        raw.output_modes |= OutputModes::OPOST;
        tcsetattr(&before.terminal, OptionalActions::Now, &raw)
            .map_err(Error::system("put the terminal into raw mode"))?;
        let (on_panic, usual) = (Arc::downgrade(&before), panic::take_hook());
        panic::set_hook(Box::new(move |panic| {
            on_panic.upgrade().inspect(|before| before.restore());
            usual(panic);
        }));
        Ok(Some(RawMode(before)))
    }
}

impl Before {
    fn restore(&self) {
        // A terminal that is gone needs no modes.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.modes);
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        self.0.restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size_of;
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    use rustix::termios::{LocalModes, Winsize, tcsetwinsize};
    use std::os::fd::AsFd as _;

    fn pty() -> (OwnedFd, OwnedFd) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let terminal = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        (master, terminal)
    }

    #[test]
    fn a_terminal_is_raw_only_while_the_mode_lives() {
        let (_master, terminal) = pty();
        let is_cooked = || tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ICANON);
        let raw = RawMode::enter(terminal.as_fd()).unwrap().unwrap();
        assert!(!is_cooked());
        drop(raw);
        assert!(is_cooked());
    }

    #[test]
    fn what_is_no_terminal_is_left_alone_and_has_no_size() {
        let null = std::fs::File::open("/dev/null").unwrap();
        assert!(RawMode::enter(null.as_fd()).unwrap().is_none());
        assert!(size_of(&[null.as_fd()]).is_none());
        let (master, terminal) = pty();
        let size = Winsize { ws_row: 7, ws_col: 30, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        assert_eq!(size_of(&[null.as_fd(), terminal.as_fd()]).unwrap().ws_col, 30);
    }
}
