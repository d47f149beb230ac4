//! The file: which one, and its content.

use crate::{Configuration, Error};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The file that is read if none is named. It need not exist.
pub const FILE: &str = "/etc/nexcage/config.json";
/// The environment variable that names another one.
pub const VARIABLE: &str = "NEXCAGE_CONFIG";
/// The option that names another one.
const OPTION: &str = "--config";
/// Most bytes of a file: a hundred times what all keys take. A device or a pipe has an end so.
pub(crate) const MOST: usize = 1 << 16;

/// Reads the one of the three that counts.
pub(crate) fn read(
    option: Option<&Path>,
    variable: Option<&Path>,
    usual: &Path,
) -> Result<Configuration, Error> {
    let named = option.map(|path| (path, OPTION)).or(variable.map(|path| (path, VARIABLE)));
    let (path, named_by) = named.map_or((usual, None), |(path, by)| (path, Some(by)));
    match content(path) {
        Ok((path, text)) => Configuration::parse(&path, text),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named_by.is_none() => {
            Ok(Configuration::default())
        }
        Err(source) => Err(Error::Unreadable { path: path.to_owned(), named_by, source }),
    }
}

/// The absolute path, and at most one byte more than a file may have.
fn content(path: &Path) -> io::Result<(PathBuf, Vec<u8>)> {
    let path = std::path::absolute(path)?;
    let mut text = Vec::new();
    File::open(&path)?.take(MOST as u64 + 1).read_to_end(&mut text)?;
    Ok((path, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexcage_cli::Diagnose as _;
    use std::fs;

    #[test]
    fn the_option_comes_before_the_variable_and_that_before_the_usual_file() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = place.path().join(name);
            fs::write(&path, format!("{{\"root\": \"/{name}\"}}")).unwrap();
            path
        };
        let (option, variable, usual) = (file("option"), file("variable"), file("usual"));
        for (option, variable, expected) in [
            (Some(&option), Some(&variable), "/option"),
            (None, Some(&variable), "/variable"),
            (None, None, "/usual"),
        ] {
            let read = read(option.map(PathBuf::as_path), variable.map(PathBuf::as_path), &usual).unwrap();
            assert_eq!(read.root, Path::new(expected));
            assert_eq!(read.file(), Some(place.path().join(&expected[1..]).as_path()));
        }
    }

    #[test]
    fn only_the_usual_file_may_be_missing() {
        let place = tempfile::tempdir().unwrap();
        let missing = place.path().join("missing");
        assert_eq!(read(None, None, &missing).unwrap(), Configuration::default());
        for (option, variable, name) in
            [(Some(missing.as_path()), None, OPTION), (None, Some(missing.as_path()), VARIABLE)]
        {
            let error = read(option, variable, &missing).unwrap_err();
            assert!(nexcage_cli::causes(&error).contains("No such file"), "{error}");
            assert_eq!(error.hint(), Some(format!("{name} names it")));
        }
        // A name of nothing is not the same as no name, and a directory is no file.
        read(None, Some(Path::new("")), &missing).unwrap_err();
        read(None, None, place.path()).unwrap_err();
    }

    #[test]
    fn a_file_without_an_end_is_refused() {
        let error = read(Some(Path::new("/dev/zero")), None, Path::new("/")).unwrap_err();
        assert!(nexcage_cli::causes(&error).contains("larger than"), "{error}");
    }
}
