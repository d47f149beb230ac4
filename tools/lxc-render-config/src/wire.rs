//! The container's own lines: where its socket and nexcage-init are mounted.

use crate::LxcConfig;
use crate::lxc_config::{BadValue, EntryError, MountEntry};
use crate::render::shell_word;
use nexcage_cli::{Code, Diagnose};
use nexcage_handover::INIT_NAME;
use nexcage_setup::flags::MS_RDONLY;
use nexcage_setup::plan::{Action, Attributes, Bind, Step};
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

/// What of the host a container is wired to.
#[derive(Debug, Clone, Copy)]
pub struct Wires<'p> {
    /// The directory of the container's socket.
    pub socket_dir: &'p Path,
    /// The installed nexcage-init.
    pub init: &'p Path,
    /// The installed nexcage-setup, if there is something for it to do.
    pub setup: Option<&'p Path>,
}

/// Appends the mounts of nexcage-init to a configuration that was rendered, or that replaces a
/// rendered one: the directory of the container's socket, then the installed binary over the empty
/// file `init` in it, both read-only: hooks run in the container while they are there. Two mounts, because the state directory may be on a noexec file system. Where
/// nexcage-setup mounts anything, it mounts them too: what they are in may be its work.
///
/// # Errors
/// `lxc.init.cmd` does not name nexcage-init, or a path cannot be expressed.
pub fn wire(config: &mut LxcConfig, steps: &mut Vec<Step>, wires: Wires<'_>) -> Result<(), WireError> {
    let Wires { socket_dir, init, setup } = wires;
    let command = config.get("lxc.init.cmd");
    let Some(dir) = command.and_then(directory).map(ToOwned::to_owned) else {
        return Err(WireError::NoInit(command.map(ToOwned::to_owned)));
    };
    let text = |path: &'_ Path| path.to_str().map(ToOwned::to_owned).ok_or(WireError::Path(path.to_owned()));
    if let Some(setup) = setup {
        let hook = format!("{} {}", shell_word(&text(setup)?), shell_word(&text(socket_dir)?));
        config.push("lxc.hook.mount", hook).map_err(WireError::Value)?;
    }
    let binary = format!("{dir}/{INIT_NAME}");
    if !steps.is_empty() {
        // Some mounts become read-only after all others.
        let is_mount = |step: &Step| !matches!(step.action, Action::Seal | Action::ReadOnly | Action::Mask);
        let end = steps.iter().rposition(is_mount).map_or(0, |last| last + 1);
        let step = |source: &Path, target: &str| {
            let top = Attributes::of_flags(MS_RDONLY);
            let bind = Bind { source: source.to_owned(), top, ..Bind::default() };
            Step { pointer: String::new(), target: target.to_owned(), action: Action::Bind(bind) }
        };
        steps.splice(end..end, [step(socket_dir, &dir), step(init, &binary)]);
        return Ok(());
    }
    let create = if format!("/{dir}") == DEV_DIR { ",create=dir" } else { "" };
    for (source, target, options) in
        [(text(socket_dir)?, &dir, format!("bind,ro{create}")), (text(init)?, &binary, "bind,ro".to_owned())]
    {
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

    fn wires(setup: Option<&'static str>) -> Wires<'static> {
        let socket_dir = Path::new("/run/a b/init");
        Wires { socket_dir, init: Path::new("/usr/lib/nexcage-init"), setup: setup.map(Path::new) }
    }

    #[test]
    fn where_nexcage_setup_mounts_it_mounts_init_before_anything_becomes_read_only() {
        let mut config = LxcConfig::new();
        config.push("lxc.init.cmd", "/dev/.nexcage/init").unwrap();
        let step = |action| Step { pointer: String::new(), target: "x".to_owned(), action };
        let mut steps = vec![step(Action::Again), step(Action::Seal), step(Action::Mask)];
        wire(&mut config, &mut steps, wires(Some("/opt/it's/setup"))).unwrap();
        let hook = r"'/opt/it'\''s/setup' '/run/a b/init'";
        assert_eq!(config.values("lxc.hook.mount").collect::<Vec<_>>(), [hook]);
        assert_eq!(config.values("lxc.mount.entry").count(), 0);
        let targets: Vec<&str> = steps.iter().map(|step| step.target.as_str()).collect();
        assert_eq!(targets, ["x", "dev/.nexcage", "dev/.nexcage/init", "x", "x"]);
    }

    fn wired(command: &str) -> Result<Vec<String>, WireError> {
        let mut config = LxcConfig::new();
        config.push("lxc.init.cmd", command).map_err(WireError::Value)?;
        wire(&mut config, &mut vec![], wires(None))?;
        Ok(config.values("lxc.mount.entry").map(ToOwned::to_owned).collect())
    }

    #[test]
    fn the_socket_comes_before_the_binary_that_covers_a_file_in_it() {
        let dev = [
            "/run/a\\040b/init dev/.nexcage none bind,ro,create=dir 0 0",
            "/usr/lib/nexcage-init dev/.nexcage/init none bind,ro 0 0",
        ];
        assert_eq!(wired("/dev/.nexcage/init").unwrap(), dev);
        assert_eq!(wired("/opt/init").unwrap()[0], "/run/a\\040b/init opt none bind,ro 0 0");
    }

    #[test]
    fn another_command_is_not_wired() {
        for command in ["/bin/sh", "/init", "init", "/a/../init", "sh -c /x/init"] {
            assert!(matches!(wired(command), Err(WireError::NoInit(Some(_)))), "{command}");
        }
    }
}
