//! Pods: containerd's CRI with nexcage as the runtime, and a network for the pods.

mod cgroups;
mod client;
mod pod;

use crate::containerd::{self, Pods, image, socket};
use crate::{Containerd, Sandbox, await_that};
use client::Client;
pub use client::Failed;
pub use pod::{CriContainer, Pod, Said};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

/// What is packaged for the configurations of containerd 1 and 2.
const PACKAGED: [&str; 2] = [
    include_str!("../../packaging/containerd/config-v2.toml"),
    include_str!("../../packaging/containerd/config-v3.toml"),
];
/// The namespace of all that CRI makes.
const NAMESPACE: &str = "k8s.io";

static NETWORKS: AtomicU8 = AtomicU8::new(0);

/// See the module.
#[derive(Debug)]
pub struct Cri<'s> {
    sandbox: &'s Sandbox,
    containerd: RefCell<Containerd<'s>>,
    client: RefCell<Client>,
    network: Network,
}

impl<'s> Cri<'s> {
    /// Starts a containerd with CRI, in the sandbox's directory.
    ///
    /// # Panics
    /// The machine lacks something, or containerd does not start.
    #[must_use]
    pub fn start(sandbox: &'s Sandbox) -> Self {
        let network = Network::new(sandbox.path());
        sandbox.watch(&format!("/{}", pods(sandbox)));
        let (format, lines) = configuration(sandbox);
        let containerd = Containerd::start_with(sandbox, NAMESPACE, Pods::By(format, &lines));
        if format == 2 {
            // The runtime is told of its configuration by containerd's, and has to need no other.
            let [given, found] = ["pods.json", "shim.json"].map(|name| sandbox.path().join(name));
            let hidden = fs::copy(&found, given).and_then(|_| fs::write(found, "none"));
            hidden.unwrap_or_else(|error| panic!("configuration: {error}"));
        }
        let client = Client::start(&socket(sandbox), sandbox.path());
        let containerd = RefCell::new(containerd);
        let cri = Cri { sandbox, containerd, client: RefCell::new(client), network };
        await_that("CRI has the image and the network", || {
            let image = json!({ "image": { "image": image::NAME } });
            let status = cri.call("Status", &json!({}));
            let ready = status["status"]["conditions"].as_array().cloned().unwrap_or_default();
            ready.iter().all(|condition| condition["status"] == true)
                && cri.ask("ImageService/ImageStatus", &image).is_ok_and(|found| !found["image"].is_null())
        });
        cri
    }

    /// A call, which may fail.
    ///
    /// # Errors
    /// It does.
    pub fn ask(&self, method: &str, request: &Value) -> Result<Value, Failed> {
        self.client.borrow_mut().call(method, request)
    }

    /// A call of the RuntimeService, which must be done.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn call(&self, verb: &str, request: &Value) -> Value {
        match self.ask(&format!("RuntimeService/{verb}"), request) {
            Ok(response) => response,
            Err(failed) => panic!("{verb} {request}: {}: {}", failed.code, failed.error),
        }
    }

    /// What comes on each channel of a stream, by the number of the channel, until it ends or `until`
    /// has come.
    ///
    /// # Panics
    /// It is no stream.
    #[track_caller]
    pub fn stream(&self, url: &Value, send: &[(u8, &str)], until: Option<&str>) -> Value {
        let call = json!({ "stream": url, "send": send, "until": until });
        match self.client.borrow_mut().ask(&call, "channels") {
            Ok(channels) => channels,
            Err(failed) => panic!("{url}: {}: {}", failed.code, failed.error),
        }
    }

    /// Ends containerd and starts it again; its containers go on.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn restart(&self, meanwhile: impl FnOnce()) {
        self.containerd.borrow_mut().restart(meanwhile);
        await_that("CRI serves again", || self.ask("RuntimeService/Version", &json!({})).is_ok());
    }

    /// The pid of the shim of a pod or a container.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn shim(&self, id: &str) -> i32 {
        self.containerd.borrow().shim(id)
    }

    /// Whether the version of containerd starts so.
    #[must_use]
    pub fn is_version(start: &str) -> bool {
        containerd::version().starts_with(start)
    }

    /// The host's address on the bridge.
    #[must_use]
    pub fn gateway(&self) -> String {
        self.network.gateway.clone()
    }

    /// Checks that no pod is left, nor anything of one, while containerd still runs.
    ///
    /// # Panics
    /// There is something.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert_eq!(self.call("ListPodSandbox", &json!({}))["items"], json!([]));
        await_that("shims have ended", || {
            self.sandbox.traces().processes.iter().all(|(_, command)| !command.contains("-shim-"))
        });
        let traces = self.sandbox.traces();
        assert!(!self.sandbox.root().exists() && traces.mounts.is_empty(), "left:\n{traces}");
        assert!(traces.cgroups.is_empty(), "left:\n{traces}");
        assert_eq!(self.network.leases(), Vec::<PathBuf>::new());
        assert_eq!(self.network.ports(), Vec::<String>::new());
    }
}

/// The cgroup in which all pods of a sandbox are.
fn pods(sandbox: &Sandbox) -> String {
    format!("{}-pods", sandbox.namespace())
}

/// The version of a configuration, and what it says of pods.
fn configuration(sandbox: &Sandbox) -> (u32, String) {
    let directory = sandbox.path().display();
    let image = image::NAME;
    let (format, [images, runtime, packaged]) = if containerd::version().starts_with("1.") {
        (2, ["io.containerd.grpc.v1.cri", "io.containerd.grpc.v1.cri", PACKAGED[0]])
    } else {
        (3, ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", PACKAGED[1]])
    };
    let pause = match format {
        2 => format!("[plugins.\"{images}\"]\nsandbox_image = \"{image}\"\n"),
        _ => {
            format!("[plugins.\"{images}\".pinned_images]\nsandbox = \"{image}\"\n[plugins.\"{runtime}\"]\n")
        }
    };
    let plugins = if format == 2 { "bin_dir = \"/usr/lib/cni\"" } else { "bin_dirs = [\"/usr/lib/cni\"]" };
    // containerd 2.1 takes a runtime's options for runc's where a pod has a user namespace.
    let options = match format {
        2 => format!(
            "[plugins.\"{runtime}\".containerd.runtimes.nexcage.options]\nConfigPath = \"{directory}/pods.json\"\n"
        ),
        _ => String::new(),
    };
    // A test may not lower the score of anything.
    let lines = format!(
        "{pause}restrict_oom_score_adj = true\nnetns_mounts_under_state_dir = true\n\
         [plugins.\"{runtime}\".cni]\n{plugins}\nconf_dir = \"{directory}/cni\"\n\
         [plugins.\"{runtime}\".containerd]\ndefault_runtime_name = \"nexcage\"\n{packaged}{options}"
    );
    (format, lines)
}

/// A bridge of its own, with addresses and host ports.
#[derive(Debug)]
struct Network {
    bridge: String,
    leases: PathBuf,
    gateway: String,
}

impl Network {
    fn new(directory: &Path) -> Self {
        let plugin = Path::new("/usr/lib/cni/bridge");
        assert!(plugin.exists(), "{} is missing: install containernetworking-plugins", plugin.display());
        let [low, high, ..] = std::process::id().to_le_bytes();
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        // A /27 of 10.64.0.0/10 for a test: the pid, of up to 22 bits, says which 32 addresses.
        let (second, third) = (64 + high % 64, low);
        let first = (number % 8) * 32;
        let prefix = format!("10.{second}.{third}");
        let network = Network {
            bridge: format!("nxt{}-{number}", std::process::id()),
            leases: directory.join("leases"),
            gateway: format!("{prefix}.{}", first + 1),
        };
        let subnet = format!("{prefix}.{first}/27");
        let list = json!({
            "cniVersion": "0.4.0",
            "name": network.bridge,
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": network.bridge,
                    "isGateway": true,
                    "ipMasq": true,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": network.leases,
                        "ranges": [[{ "subnet": subnet }]],
                        "routes": [{ "dst": "0.0.0.0/0" }],
                    },
                },
                { "type": "portmap", "capabilities": { "portMappings": true } },
            ],
        });
        let cni = directory.join("cni");
        let written =
            fs::create_dir_all(&cni).and_then(|()| fs::write(cni.join("10-test.conflist"), list.to_string()));
        written.unwrap_or_else(|error| panic!("{}: {error}", cni.display()));
        network
    }

    /// The addresses that are given away: host-local has a file for each.
    fn leases(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.leases.join(&self.bridge)).into_iter().flatten().flatten();
        let files = files.map(|file| file.path());
        let is_lease =
            |file: &PathBuf| file.file_name().is_some_and(|name| name.as_encoded_bytes()[0] != b'l');
        files.filter(is_lease).collect()
    }

    /// The rules by which a pod is reached, or reaches others.
    fn ports(&self) -> Vec<String> {
        let rules = Command::new("iptables").args(["--wait", "-t", "nat", "-S"]).output();
        let rules = rules.unwrap_or_else(|error| panic!("iptables: {error}"));
        let rules = String::from_utf8_lossy(&rules.stdout).into_owned();
        rules.lines().filter(|rule| rule.contains(&self.bridge)).map(str::to_owned).collect()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let mut delete = Command::new("ip");
        drop(delete.args(["link", "delete", &self.bridge]).output());
        // A test that has failed leaves its pods' rules; the shell reads them as they are written.
        for rule in self.ports() {
            let delete = format!("iptables --wait -t nat {}", rule.replacen("-A", "-D", 1));
            drop(Command::new("sh").args(["-c", &delete]).output());
        }
    }
}
