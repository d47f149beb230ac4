//! No string of config.json changes anything but its own line.

use crate::bundle::{self, set};
use crate::lxc_info as lxc;
use lxc_render_config::CgroupVersion::{self, V1, V2};
use lxc_render_config::{LxcConfig, RenderError};
use nexcage_mapping::{Class, Lookup};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A document with a string in every place where one can stand, for a version of cgroups.
fn full(version: CgroupVersion) -> Value {
    let mut config = bundle::engine();
    for (pointer, value) in [
        ("/domainname", json!("x")),
        ("/annotations", json!({"a.b": "c", "org.opencontainers.image.stopSignal": "SIGTERM"})),
        ("/process/apparmorProfile", json!("unconfined")),
        ("/process/selinuxLabel", json!("x")),
        ("/process/scheduler", json!({"policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_RESET_ON_FORK"]})),
        ("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 4})),
        ("/process/user/username", json!("x")),
        ("/process/commandLine", json!("x")),
        (
            "/linux/seccomp",
            json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/x", "listenerMetadata": "x",
            "syscalls": [
                {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"},
                {"names": ["rmdir"], "action": "SCMP_ACT_ERRNO", "args": [
                    {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}),
        ),
        ("/linux/mountLabel", json!("x")),
        ("/linux/personality", json!({"domain": "LINUX"})),
        ("/linux/intelRdt", json!({"closID": "", "schemata": [""], "l3CacheSchema": "", "memBwSchema": ""})),
        ("/linux/memoryPolicy", json!({"mode": "", "nodes": "", "flags": [""]})),
        ("/linux/netDevices", json!({"eth0": {"name": ""}})),
        ("/windows", json!({"layerFolders": [""]})),
        ("/vm", json!({"hypervisor": {"path": "", "parameters": [""]}})),
        ("/linux/resources/hugepageLimits", json!([{"pageSize": "2MB", "limit": 9}])),
        ("/linux/resources/rdma", json!({"mlx5": {"hcaHandles": 3}})),
        ("/process/env", json!(["A=b"])),
        ("/process/capabilities", all(&CAPABILITIES, &json!(["CAP_CHOWN"]))),
        ("/hooks", all(&HOOKS, &json!([{"path": "/x", "args": ["x"], "env": ["A=b"]}]))),
        ("/process/rlimits", json!([{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}])),
        ("/linux/cgroupsPath", json!("a/b")),
        ("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"})),
        ("/linux/rootfsPropagation", json!("slave")),
        ("/linux/resources/cpu", json!({"cpus": "0", "mems": "0"})),
        ("/linux/resources/devices", json!([{"allow": true, "type": "c", "access": "rwm"}])),
        ("/linux/devices", json!([{"path": "/dev/a", "type": "c", "major": 1, "minor": 3}])),
        ("/mounts/6", json!({"destination": "/m", "type": "bind", "source": "rootfs", "options": ["ro"]})),
        ("/linux/namespaces/1", json!({"type": "network", "path": "/proc/1/ns/net"})),
    ] {
        set(&mut config, pointer, value);
    }
    match version {
        V1 => set(
            &mut config,
            "/linux/resources/network",
            json!({"priorities": [{"name": "lo", "priority": 1}]}),
        ),
        V2 => set(&mut config, "/linux/resources/unified", json!({"pids.max": "9"})),
    }
    config
}

const CAPABILITIES: [&str; 5] = ["ambient", "bounding", "effective", "inheritable", "permitted"];
const HOOKS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// An object with the same value for every name.
fn all(names: &[&str], value: &Value) -> Value {
    names.iter().map(|name| ((*name).to_owned(), value.clone())).collect()
}

/// The document with another name for a key: the members of this object are named by the user.
fn renamed(mut config: Value, object: &str, name: &str) -> Value {
    let members = config.pointer_mut(object).and_then(Value::as_object_mut).unwrap();
    let first = members.keys().next().unwrap().clone();
    let value = members.remove(&first).unwrap();
    members.insert(name.to_owned(), value);
    config
}

/// Objects whose members the user names.
const NAMED: &[&str] =
    &["/annotations", "/linux/sysctl", "/linux/resources/rdma", "/linux/resources/unified"];

/// The pointers of all strings.
fn strings(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(pointer.to_owned()),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, v)| strings(v, &format!("{pointer}/{i}"), found));
        }
        Value::Object(map) => map.iter().for_each(|(k, v)| strings(v, &format!("{pointer}/{k}"), found)),
        _ => {}
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "\n",
        "\r",
        "\0",
        "\t",
        " ",
        "#",
        "=",
        "'",
        "\"",
        "\\",
        "/",
        "..",
        "lxc.",
        "lxc.hook.pre-start = x",
        "$(x)",
        "`",
        ";",
        ",",
        "create=dir",
        "\u{1b}",
        "\u{85}",
        "\u{2028}",
        "a",
        "é",
        "%s",
        "dir:",
        ":",
    ]);
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
}

fn keys(config: &LxcConfig) -> BTreeSet<String> {
    config.lines().map(|(key, _)| key.to_owned()).collect()
}

fn pointers() -> Vec<String> {
    let mut found = vec![];
    strings(&full(V1), "", &mut found);
    found.extend(["/linux/resources/unified/pids.max".to_owned()]);
    found
}

/// Which keys there may be does not depend on any string, but for limits that the document names.
fn is_known(key: &str, known: &BTreeSet<String>) -> bool {
    let named =
        ["lxc.namespace.", "lxc.rootfs.options", "lxc.cgroup.hugetlb.", "lxc.cgroup2.", "lxc.signal."];
    known.contains(key) || named.iter().any(|prefix| key.starts_with(prefix))
}

#[test]
fn every_string_of_the_specification_is_tried() {
    let mut found: Vec<String> = vec![];
    strings(&full(V1), "", &mut found);
    strings(&full(V2), "", &mut found);
    let lookup = Lookup::new();
    let tried: BTreeSet<&str> =
        found.iter().filter_map(|pointer| Some(lookup.of_pointer(pointer)?.field)).collect();
    let mut missing = vec![];
    for (field, shape) in crate::table::fields() {
        let is_text = shape["type"] == "string" || shape.get("enum").is_some();
        let row = lookup.of_pointer(&field).unwrap();
        if is_text && row.field == field && row.class != Class::Refused && !tried.contains(&*field) {
            missing.push(field);
        }
    }
    assert_eq!(missing, [""; 0]);
}

/// The keys of the harmless documents for v1 and v2.
static KNOWN: LazyLock<[BTreeSet<String>; 2]> = LazyLock::new(|| {
    [V1, V2].map(|version| {
        let rendered = bundle::render_in(bundle::make(&full(version)).path(), version);
        keys(&rendered.unwrap_or_else(|error| panic!("{error}")).config)
    })
});

/// A hostile document is refused, or its text says nothing new, to this crate's reader and to LXC.
fn refused_or_inert(config: &Value, version: CgroupVersion, what: &str) -> Result<(), TestCaseError> {
    let known = &KNOWN[usize::from(version == V2)];
    let dir = bundle::make(config);
    match bundle::render_in(dir.path(), version) {
        Err(RenderError::Refused(refusals)) => prop_assert!(!refusals.is_empty()),
        Err(RenderError::Rootfs { .. }) => prop_assert_eq!(what, "/root/path"),
        Err(error) => prop_assert!(false, "{}", error),
        Ok(rendered) => {
            let read = LxcConfig::parse(&rendered.config.text()).unwrap();
            prop_assert_eq!(&read, &rendered.config);
            let unknown: Vec<String> = keys(&read).into_iter().filter(|key| !is_known(key, known)).collect();
            prop_assert!(unknown.is_empty(), "{unknown:?}");
            prop_assert!(!rendered.config.text().bytes().any(|byte| byte < b' ' && byte != b'\n'));
            lxc::reads(&rendered.config)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hostile_string_is_refused_or_inert(
        pointer in prop::sample::select(pointers()),
        text in hostile(),
        two in any::<bool>(),
    ) {
        let version = if two { V2 } else { V1 };
        let mut config = full(version);
        if config.pointer(&pointer).is_some() {
            set(&mut config, &pointer, text.into());
        }
        refused_or_inert(&config, version, &pointer)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hostile_name_is_refused_or_inert(object in prop::sample::select(NAMED), name in hostile()) {
        refused_or_inert(&renamed(full(V2), object, &name), V2, object)?;
    }
}

#[test]
fn a_line_of_its_own_is_nowhere_to_be_had() {
    for pointer in pointers() {
        for text in ["x\nlxc.hook.start = /bin/sh", " 'lxc.hook.start = \"#\" "] {
            for version in [V1, V2] {
                let mut config = full(version);
                if config.pointer(&pointer).is_some() {
                    set(&mut config, &pointer, text.into());
                    let result = refused_or_inert(&config, version, &pointer);
                    result.unwrap_or_else(|error| panic!("{pointer}: {error}"));
                }
            }
        }
    }
}

/// LXC reads the same values where the whole text is one of these, in several places at once.
#[test]
fn lxc_reads_what_was_rendered() {
    let dir = bundle::make(&full(V1));
    for text in ["plain", " 'a' ", "\"q\"", "#x", "a=b", "'", "\\040", "lxc.a = b", "é\u{2028}$(x)", "a b"] {
        let mut config = full(V1);
        for pointer in
            ["/hostname", "/domainname", "/mounts/1/source", "/mounts/6/destination", "/linux/cgroupsPath"]
        {
            set(&mut config, pointer, text.into());
        }
        bundle::write(dir.path(), &config);
        let rendered = bundle::render_in(dir.path(), V1).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        lxc::reads(&rendered.config).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    }
}
