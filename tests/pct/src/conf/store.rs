//! The configuration files of a node: reading, writing, taking an id, locking.

use super::{Conf, parse};
use crate::console::Console;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::vmid::Vmid;
use rustix::fs::FlockOperation;
use std::fs::{self, File};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// The status of a lock that was not got in time.
const NOT_LOCKED: u8 = 4;
const LOCK_POLL: Duration = Duration::from_millis(20);

/// The configurations of a node, read with warnings on a console.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Store<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) console: &'a Console,
}

impl Store<'_> {
    /// # Errors
    /// There is no such CT, or its file cannot be read.
    pub(crate) fn load(&self, vmid: Vmid) -> Result<Conf, Failure> {
        match fs::read(self.settings.conf_file(vmid)) {
            Ok(raw) => {
                let (conf, warnings) = parse(vmid, &raw);
                for warning in &warnings {
                    self.console.warn_once(warning.text());
                }
                Ok(conf)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::missing(format!(
                "Configuration file 'nodes/{}/lxc/{vmid}.conf' does not exist",
                self.settings.node
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the file in one step, as pmxcfs does.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn save(&self, vmid: Vmid, conf: &Conf) -> Result<(), Failure> {
        let temporary = self.settings.conf.join(format!("{vmid}.conf.tmp.{}", std::process::id()));
        fs::write(&temporary, conf.to_string())?;
        fs::rename(&temporary, self.settings.conf_file(vmid))?;
        Ok(())
    }

    /// Takes an id by making its file.
    ///
    /// # Errors
    /// A CT or a VM has the id.
    pub(crate) fn reserve(&self, vmid: Vmid, conf: &Conf) -> Result<(), Failure> {
        self.check_free(vmid)?;
        match File::create_new(self.settings.conf_file(vmid)) {
            Ok(mut file) => Ok(file.write_all(conf.to_string().as_bytes())?),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(self.taken("CT", vmid)),
            Err(error) => Err(error.into()),
        }
    }

    /// # Errors
    /// A CT or a VM has the id.
    pub(crate) fn check_free(&self, vmid: Vmid) -> Result<(), Failure> {
        for (kind, directory) in [("VM", &self.settings.qemu), ("CT", &self.settings.conf)] {
            if directory.join(format!("{vmid}.conf")).exists() {
                return Err(self.taken(kind, vmid));
            }
        }
        Ok(())
    }

    fn taken(&self, kind: &str, vmid: Vmid) -> Failure {
        Failure::missing(format!("{kind} {vmid} already exists on node '{}'", self.settings.node))
    }

    /// Takes the CT's lock, waiting for it for as long as the settings say.
    ///
    /// # Errors
    /// Somebody else keeps it.
    pub(crate) fn lock(&self, vmid: Vmid) -> Result<Lock, Failure> {
        let path = self.settings.run.join(format!("lock/lxc/pve-config-{vmid}.lock"));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = File::options().create(true).append(true).open(&path)?;
        let deadline = Instant::now() + self.settings.lock_timeout;
        let mut said = false;
        while rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            if !said {
                self.console.warn("trying to acquire lock...\n");
                said = true;
            }
            if Instant::now() > deadline {
                let message = format!("can't lock file '{}' - got timeout", path.display());
                return Err(Failure { message, status: NOT_LOCKED });
            }
            std::thread::sleep(LOCK_POLL);
        }
        Ok(Lock { _file: file })
    }
}

/// A CT's lock, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The ids of a node's CTs in numerical order.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn configured(settings: &Settings) -> io::Result<Vec<Vmid>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(&settings.conf)? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".conf"));
        ids.extend(id.and_then(|id| id.parse::<Vmid>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}
