//! Rendered LXC configurations.

use super::{Outcome, mask};
use crate::conf::parse;
use crate::render::{Access, Controllers, Host, render};
use serde::Deserialize;
use std::path::Path;

/// One recording.
#[derive(Debug, Deserialize)]
pub(super) struct Recording {
    pub(super) name: String,
    vmid: u32,
    conf: String,
    lxc_config: Option<String>,
    lxc_config_no_controllers: Option<String>,
    rules_seccomp: Option<String>,
    error: Option<String>,
}

/// The node of the recordings: it had a bridge, some devices and no processors to give away.
struct RecordedNode(Access);

impl Host for RecordedNode {
    fn controllers(&self) -> Controllers {
        Controllers { memory: self.0, cpu: self.0 }
    }

    fn cpus(&self) -> Option<Vec<u32>> {
        (self.0 == Access::Present).then(Vec::new)
    }

    fn bridge_exists(&self, bridge: &str) -> bool {
        bridge == "vmbr0"
    }

    fn device(&self, path: &Path) -> Option<String> {
        match path.to_str() {
            Some("/dev/null") => Some("c 1:3".into()),
            Some("/dev/net/tun") => Some("c 10:200".into()),
            _ => None,
        }
    }
}

impl Recording {
    pub(super) fn check(&self) -> Outcome {
        for (access, expected) in
            [(Access::Present, &self.lxc_config), (Access::Absent, &self.lxc_config_no_controllers)]
        {
            if let Some(difference) = self.differs(access, expected.as_deref()) {
                return Outcome::Failed(difference);
            }
        }
        Outcome::Passed
    }

    fn differs(&self, access: Access, expected: Option<&str>) -> Option<String> {
        let Ok(vmid) = self.vmid.to_string().parse() else { return Some("no VMID".into()) };
        let (conf, _) = parse(vmid, self.conf.as_bytes());
        match render(vmid, &conf.main, Path::new("/var/lib/lxc"), &RecordedNode(access)) {
            Ok(rendered) => mask::difference(
                "configuration",
                &mask::devices(expected.unwrap_or_default()),
                &mask::devices(&rendered.to_string()),
            )
            .or_else(|| {
                let policy = rendered.seccomp.unwrap_or_default();
                mask::difference("policy", self.rules_seccomp.as_deref().unwrap_or_default(), &policy)
            }),
            Err(failure) => {
                // The recorder read the conf from its stdin, which Perl mentions.
                let error = self.error.as_deref().unwrap_or_default().replace(", <STDIN> chunk 1", "");
                let error = error.trim_start_matches("RENDER ERROR: ").trim_end();
                mask::difference("error", &mask::general(error), &mask::general(&failure.message))
            }
        }
    }
}
