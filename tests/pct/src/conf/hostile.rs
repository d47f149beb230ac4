//! What nexcage writes for a CT, read by Proxmox's rules: no text of a bundle becomes a line.

use super::parse;
use lxc_render_config::LxcConfig;
use lxc_render_config::pve::{self, About, Host, Rootfs, Wishes};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Texts that try to end their line, or to look like one.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z\n\r\u{0}:=#%\\[\\] ,]{0,30}",
        Just("x\nlxc.include: /evil".to_owned()),
        Just("x\r\nlxc.hook.pre-start: /evil\n[snap]\nmemory: 16".to_owned()),
    ]
}

proptest! {
    #[test]
    fn any_text_gives_exactly_the_intended_keys(
        id in hostile(), namespace in hostile(), bundle in hostile(), host in hostile(),
        annotations in proptest::collection::btree_map(hostile(), hostile(), 0..4),
    ) {
        let mut config = LxcConfig::new();
        drop(config.push("lxc.uts.name", host));
        let wishes = Wishes::read(&BTreeMap::new(), &annotations);
        prop_assume!(wishes.is_ok());
        let wishes = wishes.unwrap_or_default();
        let about = About {
            id: &id,
            namespace: &namespace,
            bundle: Path::new(&bundle),
            rootfs: Rootfs::ContainerRoot(Path::new("/r")),
            include: Path::new("/run/i"),
            annotations: &annotations,
            wishes: &wishes,
        };
        let made = pve::conf(&config, &about, Host { arch: "amd64", memory: 100, swap: 0 });
        let text = made.map(|ct| ct.conf);
        prop_assert!(text.is_ok());
        let text = text.unwrap_or_default();
        let vmid = "900".parse();
        prop_assert!(vmid.is_ok());
        let Ok(vmid) = vmid else { return Ok(()) };
        let (conf, warnings) = parse(vmid, text.as_bytes());
        prop_assert!(warnings.is_empty(), "{warnings:?}\n{text}");
        let keys: BTreeSet<&str> = conf.main.values.keys().map(String::as_str).collect();
        let intended = ["arch", "console", "hostname", "memory", "ostype", "rootfs", "swap", "tags", "tty"];
        prop_assert_eq!(keys, BTreeSet::from(intended));
        prop_assert_eq!(&conf.main.raw, &[("lxc.include".to_owned(), "/run/i".to_owned())]);
        prop_assert!(conf.snapshots.is_empty() && conf.pending.values.is_empty());
        prop_assert_eq!(conf.main.get("rootfs"), Some("/r"));
        let kind = pve_schema::conf_option("hostname");
        let hostname = conf.main.get("hostname").unwrap_or_default();
        prop_assert!(kind.is_some_and(|kind| kind.verify("hostname", hostname).is_ok()), "{hostname}");
        prop_assert!(hostname.len() <= 255 && hostname.split('.').all(|label| label.len() <= 63));
        // As it is written, so it comes back from Proxmox's writer, but for empty lines at the
        // end of the description.
        let again = parse(vmid, conf.to_string().as_bytes()).0.main;
        prop_assert_eq!((&again.values, &again.raw), (&conf.main.values, &conf.main.raw));
    }

    #[test]
    fn what_is_asked_for_is_taken_as_it_is_or_refused(key in "(net[0-9]|tags|features|mp0|hookscript|lxc.include)", value in hostile()) {
        let annotation = (format!("{}{key}", pve::ANNOTATION), value.clone());
        if let Ok(wishes) = Wishes::read(&BTreeMap::new(), &BTreeMap::from([annotation])) {
            let shown = format!("{wishes:?}");
            prop_assert!(!shown.contains("\\n") && !shown.contains("\\r") && key != "lxc.include", "{shown}");
        }
    }
}
