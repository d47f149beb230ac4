//! Unprivileged CTs on an overlay whose layers belong to the host's root (pct.md, section 5, condition 5).

use super::{configure, sandbox};
use crate::layers::{Layers, run_bundle};
use nexcage_tests::Config;
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// Copying up, removing and making files.
const LOOK: &str = "test \"$(stat -c %u:%g / /bin/busybox /of-user | tr '\\n' ' ')\" = '0:0 0:0 1000:1000 ' && \
                    echo new > /old && rm /of-user && mkdir /d && touch /d/new && exit 7";

#[test]
fn its_lower_layers_are_mapped_and_its_upper_directory_is_the_mapped_root_s() {
    let unmapped = Config::script(LOOK);
    for (config, choice) in
        [(&unmapped.clone().mapped_to(100_000), "privileged"), (&unmapped, "unprivileged")]
    {
        let sandbox = sandbox();
        configure(&sandbox, "withoutUserNamespace", json!(choice));
        let layers = Layers::make(&sandbox);
        assert_eq!(run_bundle(&sandbox, config, layers.mount()), 7, "{choice}");
        for (path, uid) in [("", 100_000), ("d/new", 100_000), ("old", 100_000)] {
            assert_eq!(fs::metadata(layers.upper.join(path)).unwrap().uid(), uid, "{path}");
        }
        for (name, uid) in [("of-user", 1000), ("old", 0)] {
            assert_eq!(fs::metadata(layers.added.join(name)).unwrap().uid(), uid, "{name}");
        }
        assert_eq!(fs::read_to_string(layers.added.join("old")).unwrap(), "old");
    }
}

#[test]
fn layers_of_a_privileged_ct_stay_the_host_s() {
    let sandbox = sandbox();
    let layers = Layers::make(&sandbox);
    assert_eq!(run_bundle(&sandbox, &Config::script(LOOK), layers.mount()), 7);
    assert_eq!(fs::metadata(layers.upper.join("d/new")).unwrap().uid(), 0);
}
