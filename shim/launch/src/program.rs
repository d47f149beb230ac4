//! Where nexcage-shim is.

use crate::Error;
use std::env;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const NAME: &str = "nexcage-shim";

/// Where else it may be, as packages install it.
const PLACES: [&str; 2] = ["/usr/bin", "/usr/libexec/nexcage"];

/// nexcage-shim: beside the running program, so that a build runs its own; else in the PATH; else
/// where packages put it.
///
/// # Errors
/// It is nowhere.
pub fn find() -> Result<PathBuf, Error> {
    let own = env::current_exe().ok().and_then(|own| own.parent().map(Path::to_owned));
    let path = env::var_os("PATH").unwrap_or_default();
    let absolute = env::split_paths(&path).filter(|place| place.is_absolute());
    first(own.into_iter().chain(absolute).chain(PLACES.map(PathBuf::from))).ok_or(Error::Missing)
}

fn first(places: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    places.map(|place| place.join(NAME)).find(|program| is_executable(program))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_place_that_has_an_executable_wins() {
        let temp = tempfile::tempdir().unwrap();
        let place = |name: &str, mode| {
            let directory = temp.path().join(name);
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join(NAME), "").unwrap();
            fs::set_permissions(directory.join(NAME), fs::Permissions::from_mode(mode)).unwrap();
            directory
        };
        let (plain, good) = (place("plain", 0o644), place("good", 0o755));
        let places = [temp.path().join("none"), plain, good.clone(), place("later", 0o755)];
        assert_eq!(first(places.into_iter()), Some(good.join(NAME)));
        assert_eq!(first([temp.path().to_owned()].into_iter()), None);
    }
}
