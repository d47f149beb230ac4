//! Pid files.

use crate::error::Error;
use std::fs;
use std::path::Path;

/// Writes a pid, without a newline, as runc does. Whoever waits for the file to appear finds it whole.
pub(crate) fn write(path: &Path, pid: u32) -> Result<(), Error> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = fs::write(&temporary, pid.to_string()).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // It may not be there.
        drop(fs::remove_file(&temporary));
        Error::io("write the pid file", path)(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_holds_the_pid_and_nothing_else_is_left() {
        let temp = tempfile::tempdir().unwrap();
        write(&temp.path().join("pid"), 42).unwrap();
        write(&temp.path().join("pid"), 43).unwrap();
        assert_eq!(fs::read_to_string(temp.path().join("pid")).unwrap(), "43");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
        assert!(write(&temp.path().join("no/pid"), 1).is_err());
    }
}
