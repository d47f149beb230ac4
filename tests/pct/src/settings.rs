//! Where this stand-in's node lives: read from the file that `PCT_STAND_IN` names.

use crate::failure::Failure;
use crate::vmid::Vmid;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

/// The environment variable that names the settings file.
pub(crate) const VARIABLE: &str = "PCT_STAND_IN";

/// The paths and delays of one stand-in node; the table in the crate's documentation explains each.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) node: String,
    pub(crate) conf: PathBuf,
    pub(crate) qemu: PathBuf,
    pub(crate) lxc: PathBuf,
    pub(crate) run: PathBuf,
    pub(crate) storage: PathBuf,
    pub(crate) cgroup: String,
    pub(crate) bridges: Vec<String>,
    pub(crate) monitor_timeout: Duration,
    pub(crate) exit_timeout: Duration,
    pub(crate) lock_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            node: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            conf: "/etc/pve/lxc".into(),
            qemu: "/etc/pve/qemu-server".into(),
            lxc: "/var/lib/lxc".into(),
            run: "/run/pve".into(),
            storage: "/var/lib/vz".into(),
            cgroup: "lxc".into(),
            bridges: Vec::new(),
            monitor_timeout: Duration::from_secs(10),
            exit_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(10),
        }
    }
}

impl Settings {
    /// The settings that the environment names, or a node's own paths.
    pub(crate) fn from_environment() -> Result<Settings, Failure> {
        match env::var_os(VARIABLE) {
            None => Ok(Settings::default()),
            Some(path) => {
                let text = fs::read_to_string(&path).map_err(|error| {
                    Failure::died(format!("pct stand-in: {}: {error}", Path::new(&path).display()))
                })?;
                Settings::parse(&text)
            }
        }
    }

    /// Reads `key = value` lines.
    fn parse(text: &str) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            let refuse = || Failure::died(format!("pct stand-in: bad setting: {line}"));
            let (key, value) = line.split_once('=').ok_or_else(refuse)?;
            settings.set(key.trim(), value.trim()).ok_or_else(refuse)?;
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        let delay = || value.parse().ok().map(Duration::from_millis);
        match key {
            "node" => self.node = value.into(),
            "conf" => self.conf = value.into(),
            "qemu" => self.qemu = value.into(),
            "lxc" => self.lxc = value.into(),
            "run" => self.run = value.into(),
            "storage" => self.storage = value.into(),
            "cgroup" => self.cgroup = value.into(),
            "bridges" => self.bridges = value.split_whitespace().map(str::to_owned).collect(),
            "monitor_timeout_ms" => self.monitor_timeout = delay()?,
            "exit_timeout_ms" => self.exit_timeout = delay()?,
            "lock_timeout_ms" => self.lock_timeout = delay()?,
            _ => return None,
        }
        Some(())
    }

    /// The CT's configuration file.
    pub(crate) fn conf_file(&self, vmid: Vmid) -> PathBuf {
        self.conf.join(format!("{vmid}.conf"))
    }

    /// LXC's directory of the CT.
    pub(crate) fn lxc_home(&self, vmid: Vmid) -> PathBuf {
        self.lxc.join(vmid.to_string())
    }

    /// A run-time file of the CT: what its unit wrote to stderr, how it ended, …
    pub(crate) fn run_file(&self, vmid: Vmid, kind: &str) -> PathBuf {
        self.run.join(format!("ct-{vmid}.{kind}"))
    }

    /// One line per call goes here.
    pub(crate) fn call_log(&self) -> PathBuf {
        self.run.join("calls")
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use std::time::Duration;

    #[test]
    fn lines_override_a_nodes_own_paths() {
        let settings = Settings::parse("# a test\nconf = /x/conf\nmonitor_timeout_ms = 200\n").unwrap();
        assert_eq!(settings.conf.to_str(), Some("/x/conf"));
        assert_eq!(settings.monitor_timeout, Duration::from_millis(200));
        assert_eq!(settings.lxc.to_str(), Some("/var/lib/lxc"));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(Settings::parse("color = blue").is_err());
    }
}
