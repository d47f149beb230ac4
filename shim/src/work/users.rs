//! Whose ids the users of a CT have.

use crate::error::Error;
use bundle_validate::Bundle;
use lxc_render_config::pve::ID_RANGE;
use nexcage_configuration::{Pct, WithoutUserNamespace};
use nexcage_setup::plan::IdMap;
use serde_json::{Value, json};
use std::io;
use std::path::Path;

/// The bundle, with Proxmox's id map if the administrator gives that to bundles without a user namespace.
/// One that has a user namespace stays as it is.
pub(crate) fn settle(bundle: Bundle, pct: &Pct) -> Result<Bundle, Error> {
    if pct.without_user_namespace != WithoutUserNamespace::Unprivileged || has_users(&bundle) {
        return Ok(bundle);
    }
    let text = mapped(bundle.document().text()).map_err(Error::system("give the bundle an id map"))?;
    let directory = bundle.directory().unwrap_or(Path::new("."));
    Ok(Bundle::with_document(directory, &text).map_err(Box::new)?)
}

fn has_users(bundle: &Bundle) -> bool {
    let namespaces = bundle.document().root().at("/linux/namespaces");
    let mut kinds = namespaces.into_iter().flat_map(|list| list.elements());
    kinds.any(|namespace| namespace.get("type").and_then(|kind| kind.as_str()) == Some("user"))
}

fn mapped(document: &str) -> io::Result<Vec<u8>> {
    let mut document: Value = serde_json::from_str(document)?;
    let (container, host, size) = ID_RANGE;
    let mappings = json!([{ "containerID": container, "hostID": host, "size": size }]);
    // A document without these is refused as it stands.
    if let Some(linux) = document.get_mut("linux").and_then(Value::as_object_mut) {
        for key in ["uidMappings", "gidMappings"] {
            linux.insert(key.to_owned(), mappings.clone());
        }
        if let Some(namespaces) = linux.get_mut("namespaces").and_then(Value::as_array_mut) {
            namespaces.push(json!({ "type": "user" }));
        }
    }
    Ok(serde_json::to_vec(&document)?)
}

/// The map by which layers of the host's root are to be seen in the container: Proxmox's own, if the bundle
/// has that or is given it.
pub(crate) fn id_map(bundle: &Bundle, pct: &Pct) -> Option<IdMap> {
    let (container, host, size) = ID_RANGE;
    let is_own = |key: &str| {
        let list = bundle.document().root().at(&format!("/linux/{key}"));
        let mut ranges = list.into_iter().flat_map(|list| list.elements());
        let (range, more) = (ranges.next(), ranges.next());
        let number = |key: &str| range?.get(key)?.as_u64();
        let is = |key: &str, expected: u32| number(key) == Some(expected.into());
        more.is_none() && is("containerID", container) && is("hostID", host) && is("size", size)
    };
    let has_map = if has_users(bundle) {
        is_own("uidMappings") && is_own("gidMappings")
    } else {
        pct.without_user_namespace == WithoutUserNamespace::Unprivileged
    };
    let line = format!("{container} {host} {size}\n");
    has_map.then(|| IdMap { users: line.clone(), groups: line, recursive: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(document: &str) -> (tempfile::TempDir, Bundle) {
        let directory = tempfile::tempdir().unwrap();
        let bundle = Bundle::with_document(directory.path(), document.as_bytes()).unwrap();
        (directory, bundle)
    }

    fn settled(choice: WithoutUserNamespace, document: &str) -> Bundle {
        let pct = Pct { without_user_namespace: choice, ..Pct::default() };
        settle(bundle(document).1, &pct).unwrap()
    }

    #[test]
    fn only_a_bundle_without_users_gets_a_map_and_only_if_that_is_configured() {
        use WithoutUserNamespace::{Privileged, Refused, Unprivileged};
        let plain = r#"{"linux": {"namespaces": [{"type": "mount"}]}}"#;
        let own = r#"{"linux": {"namespaces": [{"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 7, "size": 1}]}}"#;
        for (choice, document) in [(Privileged, plain), (Refused, plain), (Unprivileged, own)] {
            let settled = settled(choice, document);
            assert_eq!(settled.document().text(), document);
            let pct = Pct { without_user_namespace: choice, ..Pct::default() };
            assert_eq!(id_map(&settled, &pct), None);
        }
        let given = Pct { without_user_namespace: Unprivileged, ..Pct::default() };
        let settled = settled(Unprivileged, plain);
        let map = id_map(&bundle(plain).1, &given).unwrap();
        assert_eq!((&*map.users, &*map.groups), ("0 100000 65536\n", "0 100000 65536\n"));
        assert_eq!(id_map(&settled, &Pct::default()), Some(map));
        let map = settled.document().root().at("/linux/gidMappings/0").unwrap();
        assert_eq!(map.raw(), r#"{"containerID":0,"hostID":100000,"size":65536}"#);
        assert!(has_users(&settled) && settled.document().root().at("/linux/namespaces/0/type").is_some());
    }
}
