//! A pod of a test, and the containers in it.

use super::{Cri, cgroups, pods};
use crate::await_that;
use crate::containerd::image;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A pod. It is the test's to remove.
#[derive(Debug)]
pub struct Pod<'c, 's> {
    cri: &'c Cri<'s>,
    /// Its id, which its first container has too.
    pub id: String,
    config: Value,
}

/// A container of a pod.
#[derive(Debug)]
pub struct CriContainer<'c, 's> {
    cri: &'c Cri<'s>,
    /// Its id.
    pub id: String,
    log: PathBuf,
}

/// What a process has written, and its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// On stdout.
    pub stdout: String,
    /// On stderr.
    pub stderr: String,
    /// Its exit status.
    pub status: i64,
}

impl<'s> Cri<'s> {
    /// Runs a pod of a name. `more` is laid over what such a configuration has here.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    #[must_use]
    pub fn pod(&self, name: &str, more: &Value) -> Pod<'_, 's> {
        let mut config = json!({
            "metadata": { "name": name, "uid": name, "namespace": "default" },
            "hostname": name,
            "log_directory": self.sandbox.path().join("logs"),
            "linux": {
                "cgroup_parent": format!("/{}/{name}", pods(self.sandbox)),
                "security_context": { "namespace_options": { "pid": "CONTAINER" } },
            },
        });
        lay_over(&mut config, more);
        let cgroup = cgroup_of(&config);
        cgroups::make(&cgroup).unwrap_or_else(|error| panic!("{cgroup}: {error}"));
        let ran = self.call("RunPodSandbox", &json!({ "config": config, "runtime_handler": "nexcage" }));
        let id = id(&ran["pod_sandbox_id"]);
        self.sandbox.watch(&format!("@k8s.io@{id}"));
        Pod { cri: self, id, config }
    }
}

impl<'c, 's> Pod<'c, 's> {
    /// Creates a container that runs a shell. `more` is laid over what such a configuration has here.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    #[must_use]
    pub fn create(&self, name: &str, text: &str, more: &Value) -> CriContainer<'c, 's> {
        let security = &self.config["linux"]["security_context"];
        let mut config = json!({
            "metadata": { "name": name },
            "image": { "image": image::NAME },
            "command": ["/bin/sh", "-c", text],
            "log_path": format!("{name}.log"),
            "linux": {
                "resources": {},
                "security_context": { "namespace_options": security["namespace_options"] },
            },
        });
        lay_over(&mut config, more);
        let request = json!({ "pod_sandbox_id": self.id, "config": config, "sandbox_config": self.config });
        let id = id(&self.cri.call("CreateContainer", &request)["container_id"]);
        self.cri.sandbox.watch(&format!("@k8s.io@{id}"));
        let log = self.cri.sandbox.path().join("logs").join(format!("{name}.log"));
        CriContainer { cri: self.cri, id, log }
    }

    /// The same, and starts it.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    #[must_use]
    pub fn run(&self, name: &str, text: &str, more: &Value) -> CriContainer<'c, 's> {
        let container = self.create(name, text, more);
        container.call("StartContainer", &json!({}));
        container
    }

    /// What a container says that runs `text` to its end.
    ///
    /// # Panics
    /// It does not come to its end, or not to a good one.
    #[track_caller]
    #[must_use]
    pub fn told(&self, name: &str, text: &str, more: &Value) -> String {
        let container = self.run(name, text, more);
        let said = container.to_the_end();
        assert_eq!((said.status, said.stderr.as_str()), (0, ""), "{said:?}");
        said.stdout
    }

    /// What CRI says of it.
    #[must_use]
    pub fn status(&self) -> Value {
        self.cri.call("PodSandboxStatus", &json!({ "pod_sandbox_id": self.id }))["status"].take()
    }

    /// A call about it.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn call(&self, verb: &str) -> Value {
        self.cri.call(verb, &json!({ "pod_sandbox_id": self.id }))
    }

    /// Stops and removes it, with all its containers.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn remove(&self) {
        self.call("StopPodSandbox");
        assert_eq!(self.status()["state"], "SANDBOX_NOTREADY");
        self.call("RemovePodSandbox");
        cgroups::remove(&cgroup_of(&self.config));
    }
}

impl CriContainer<'_, '_> {
    /// A call about it, with these members in the request.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn call(&self, verb: &str, members: &Value) -> Value {
        let mut request = json!({ "container_id": self.id });
        lay_over(&mut request, members);
        self.cri.call(verb, &request)
    }

    /// What CRI says of it.
    #[must_use]
    pub fn status(&self) -> Value {
        self.call("ContainerStatus", &json!({}))["status"].take()
    }

    /// Its process's pid on the host.
    ///
    /// # Panics
    /// CRI does not tell.
    #[must_use]
    pub fn pid(&self) -> i64 {
        let info = self.call("ContainerStatus", &json!({ "verbose": true }));
        let info: Value = serde_json::from_str(info["info"]["info"].as_str().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{info}: {error}"));
        info["pid"].as_i64().unwrap_or_else(|| panic!("no pid: {info}"))
    }

    /// Waits until it has ended, and gives what its log has.
    ///
    /// # Panics
    /// It takes too long, or the log has another format than CRI's.
    #[track_caller]
    #[must_use]
    pub fn to_the_end(&self) -> Said {
        await_that("the container has ended", || self.status()["state"] == "CONTAINER_EXITED");
        let status = self.status()["exit_code"].as_i64().unwrap_or_default();
        Said { stdout: self.log("stdout"), stderr: self.log("stderr"), status }
    }

    /// What a file of its cgroup says: of version 1 below a controller, or of version 2.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn cgroup_value(&self, controller: &str, v1: &str, v2: &str) -> String {
        let own = fs::read_to_string(format!("/proc/{}/cgroup", self.pid())).unwrap_or_default();
        let place = |controller: &str| {
            own.lines().find_map(|line| line.split_once(':')?.1.strip_prefix(controller)?.strip_prefix(":/"))
        };
        // A CT's process is in a cgroup inside the one with the limits.
        let place = |controller: &str| place(controller).map(|path| path.strip_suffix("/ns").unwrap_or(path));
        let file = match place(controller) {
            Some(path) => PathBuf::from("/sys/fs/cgroup").join(controller).join(path).join(v1),
            None => PathBuf::from("/sys/fs/cgroup").join(place("").unwrap_or_default()).join(v2),
        };
        let value = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        value.trim().to_owned()
    }

    /// What it has written so far on one of its streams.
    ///
    /// # Panics
    /// The log has another format than CRI's.
    #[must_use]
    pub fn log(&self, stream: &str) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let mut text = String::new();
        for line in log.lines() {
            let parts: Vec<&str> = line.splitn(4, ' ').collect();
            let [time, of, tag, said] = parts[..] else { panic!("{}: {line:?}", self.log.display()) };
            assert!(time.contains('T') && ["F", "P"].contains(&tag), "{line:?}");
            if of == stream {
                text.push_str(said);
                text.push_str(if tag == "F" { "\n" } else { "" });
            }
        }
        text
    }

    /// Runs a shell in it.
    ///
    /// # Panics
    /// It cannot.
    #[track_caller]
    #[must_use]
    pub fn exec(&self, text: &str) -> Said {
        let request = json!({ "cmd": ["/bin/sh", "-c", text], "timeout": 20 });
        let response = self.call("ExecSync", &request);
        Said {
            stdout: response["stdout"].as_str().unwrap_or_default().to_owned(),
            stderr: response["stderr"].as_str().unwrap_or_default().to_owned(),
            status: response["exit_code"].as_i64().unwrap_or_default(),
        }
    }
}

/// The cgroup of a pod: a slice's stands below those that its name tells.
fn cgroup_of(config: &Value) -> String {
    let parent = config["linux"]["cgroup_parent"].as_str().unwrap_or_default();
    let Some(slice) = parent.strip_suffix(".slice") else { return parent.to_owned() };
    let dashes = slice.match_indices('-').map(|(index, _)| index).chain([slice.len()]);
    dashes.map(|end| format!("/{}.slice", &slice[..end])).collect()
}

fn id(id: &Value) -> String {
    id.as_str().unwrap_or_else(|| panic!("no id: {id}")).to_owned()
}

/// Puts the members of an object over those of another, at any depth.
fn lay_over(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                lay_over(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => over.clone_into(under),
    }
}
