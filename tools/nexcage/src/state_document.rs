//! The state document of a container (runtime.md#state), with what runc adds to it.

use crate::error::Error;
use nexcage_cli::SPECIFICATION;
use nexcage_record::{ContainerDir, Observed, Record, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A container as the record and the kernel have it.
#[derive(Debug)]
pub(crate) struct Known {
    record: Record,
    observed: Observed,
    dir: ContainerDir,
    owner: String,
}

/// The fields in runc's order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StateDocument<'k> {
    oci_version: &'static str,
    id: &'k str,
    /// 0 where there is no process, as with runc.
    pid: i32,
    status: &'static str,
    bundle: &'k str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rootfs: Option<PathBuf>,
    created: Timestamp,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'k BTreeMap<String, String>,
    owner: &'k str,
}

impl Known {
    /// Reads a container's record and looks at its process.
    pub(crate) fn read(dir: &ContainerDir) -> Result<Self, Error> {
        let record = dir.read()?;
        let observed = record.observe();
        Ok(Known { record, observed, dir: dir.clone(), owner: owner(dir.path()) })
    }

    pub(crate) fn document(&self) -> StateDocument<'_> {
        let Known { record, observed, dir, owner } = self;
        StateDocument {
            oci_version: SPECIFICATION,
            id: &record.id,
            pid: observed.pid.unwrap_or_default(),
            status: observed.status.as_str(),
            bundle: &record.bundle,
            rootfs: rootfs(dir, record),
            created: record.created,
            annotations: &record.annotations,
            owner,
        }
    }

    /// The cells of runc's table: id, pid, status, bundle, time of creation, owner.
    pub(crate) fn row(&self) -> [String; 6] {
        let Known { record, observed, owner, .. } = self;
        let pid = observed.pid.unwrap_or_default().to_string();
        let (status, created) = (observed.status.as_str().to_owned(), record.created.to_string());
        [record.id.clone(), pid, status, record.bundle.clone(), created, owner.clone()]
    }
}

/// The absolute path of the root file system, by the copy of the bundle's config.json.
fn rootfs(dir: &ContainerDir, record: &Record) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Config {
        root: Option<Root>,
    }
    #[derive(Deserialize)]
    struct Root {
        path: PathBuf,
    }
    let text = fs::read(dir.path().join("config.json")).ok()?;
    let config: Config = serde_json::from_slice(&text).ok()?;
    Some(Path::new(&record.bundle).join(config.root?.path))
}

/// The name of the user whose container it is, by its directory; `#UID` without a name.
fn owner(dir: &Path) -> String {
    let Ok(uid) = dir.metadata().map(|found| found.uid()) else { return String::new() };
    static USERS: LazyLock<String> = LazyLock::new(|| fs::read_to_string("/etc/passwd").unwrap_or_default());
    user_name(&USERS, uid).unwrap_or_else(|| format!("#{uid}"))
}

/// The name that passwd(5) has for a uid.
fn user_name(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_newest_that_the_validator_knows() {
        assert_eq!(SPECIFICATION, bundle_validate::SpecVersion::NEWEST.name());
    }

    #[test]
    fn owners_have_names_where_the_host_knows_them() {
        let users = "root:x:0:0::/:/bin/sh\nbroken\nuser:x:1000:1000::/:/bin/sh\n";
        assert_eq!(user_name(users, 1000).as_deref(), Some("user"));
        assert_eq!(user_name(users, 7), None);
    }
}
