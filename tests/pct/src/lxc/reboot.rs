//! What `pct reboot` leaves for the post-stop hook: a file that says that the unit is to be started again.

use crate::failure::Failure;
use crate::settings::Settings;
use crate::vmid::Vmid;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// A wish for a reboot, withdrawn when it is dropped.
#[derive(Debug)]
pub(crate) struct RebootRequest(PathBuf);

impl RebootRequest {
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn make(settings: &Settings, vmid: Vmid) -> io::Result<RebootRequest> {
        let path = place(settings, vmid);
        fs::write(&path, "")?;
        Ok(RebootRequest(path))
    }

    /// Waits until the hook has taken it.
    ///
    /// # Errors
    /// `timeout` has passed.
    pub(crate) fn wait_taken(&self, timeout: Duration) -> Result<(), Failure> {
        let begin = Instant::now();
        while self.0.exists() {
            if begin.elapsed() > timeout {
                return Err(Failure::died("container did not stop"));
            }
            thread::sleep(super::POLL);
        }
        Ok(())
    }

    /// Whether there was one.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(crate) fn take(settings: &Settings, vmid: Vmid) -> io::Result<bool> {
        match fs::remove_file(place(settings, vmid)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for RebootRequest {
    fn drop(&mut self) {
        // Usually the hook has taken it.
        drop(fs::remove_file(&self.0));
    }
}

fn place(settings: &Settings, vmid: Vmid) -> PathBuf {
    settings.lxc_home(vmid).join("reboot")
}
