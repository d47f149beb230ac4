//! The container's own lines: where its socket and nexcage-init are mounted.

use crate::LxcConfig;
use crate::lxc_config::{BadValue, EntryError, MountEntry};
use nexcage_cli::{Code, Diagnose};
use nexcage_handover::INIT_NAME;
use std::fmt;
use std::path::{Path, PathBuf};

/// The directory of nexcage-init in a file system that the bundle mounts on /dev. LXC makes it;
/// any other directory is there already.
pub(crate) const DEV_DIR: &str = "/dev/.nexcage";

/// Why a configuration cannot be wired.
#[derive(Debug, PartialEq, Eq)]
pub enum WireError {
    /// `lxc.init.cmd` is not the name of nexcage-init in a directory: another configuration.
    NoInit(Option<String>),
    /// LXC cannot be told of a path.
    Path(PathBuf),
    /// The mount entry is too long.
    Entry(EntryError),
    /// The line cannot be written.
    Value(BadValue),
}

/// Appends the mounts of nexcage-init to a configuration that was rendered, or that replaces a
/// rendered one: the directory of the container's socket, then the installed binary over the empty
/// file `init` in it. Two mounts, because the state directory may be on a noexec file system.
///
/// # Errors
/// `lxc.init.cmd` does not name nexcage-init, or a path cannot be expressed.
pub fn wire(config: &mut LxcConfig, socket_dir: &Path, init_binary: &Path) -> Result<(), WireError> {
    let command = config.get("lxc.init.cmd");
    let Some(dir) = command.and_then(directory).map(ToOwned::to_owned) else {
        return Err(WireError::NoInit(command.map(ToOwned::to_owned)));
    };
    let create = if format!("/{dir}") == DEV_DIR { ",create=dir" } else { "" };
    let text = |path: &'_ Path| path.to_str().map(ToOwned::to_owned).ok_or(WireError::Path(path.to_owned()));
    let binary = format!("{dir}/{INIT_NAME}");
    for (source, target, options) in [
        (text(socket_dir)?, &dir, format!("bind{create}")),
        (text(init_binary)?, &binary, "bind,ro".to_owned()),
    ] {
        let entry = MountEntry { source: &source, target, fs_type: "none", options: &options };
        config.push("lxc.mount.entry", entry.line().map_err(WireError::Entry)?).map_err(WireError::Value)?;
    }
    Ok(())
}

/// The directory of nexcage-init, relative to the root of the container.
fn directory(command: &str) -> Option<&str> {
    let dir = command.strip_suffix(INIT_NAME)?.strip_suffix('/')?.strip_prefix('/')?;
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains([' ', '\t', '"', '\'']);
    dir.split('/').all(plain).then_some(dir)
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::NoInit(None) => f.write_str("the LXC configuration has no lxc.init.cmd"),
            WireError::NoInit(Some(command)) => {
                write!(f, "lxc.init.cmd = {command} is not the one of a rendered configuration")
            }
            WireError::Path(path) => write!(f, "LXC cannot be told of the path {}", path.display()),
            WireError::Entry(_) | WireError::Value(_) => f.write_str("nexcage-init cannot be mounted"),
        }
    }
}

impl std::error::Error for WireError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WireError::Entry(error) => Some(error),
            WireError::Value(error) => Some(error),
            WireError::NoInit(_) | WireError::Path(_) => None,
        }
    }
}

impl Diagnose for WireError {
    fn code(&self) -> Code {
        Code::Refused
    }

    fn hint(&self) -> Option<String> {
        let hint = "keep the lxc.init.cmd that lxc-render-config prints";
        matches!(self, WireError::NoInit(_)).then(|| hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wired(command: &str) -> Result<Vec<String>, WireError> {
        let mut config = LxcConfig::new();
        config.push("lxc.init.cmd", command).map_err(WireError::Value)?;
        wire(&mut config, Path::new("/run/a b/init"), Path::new("/usr/lib/nexcage-init"))?;
        Ok(config.values("lxc.mount.entry").map(ToOwned::to_owned).collect())
    }

    #[test]
    fn the_socket_comes_before_the_binary_that_covers_a_file_in_it() {
        let dev = [
            "/run/a\\040b/init dev/.nexcage none bind,create=dir 0 0",
            "/usr/lib/nexcage-init dev/.nexcage/init none bind,ro 0 0",
        ];
        assert_eq!(wired("/dev/.nexcage/init").unwrap(), dev);
        assert_eq!(wired("/opt/init").unwrap()[0], "/run/a\\040b/init opt none bind 0 0");
    }

    #[test]
    fn another_command_is_not_wired() {
        for command in ["/bin/sh", "/init", "init", "/a/../init", "sh -c /x/init"] {
            assert!(matches!(wired(command), Err(WireError::NoInit(Some(_)))), "{command}");
        }
    }
}
