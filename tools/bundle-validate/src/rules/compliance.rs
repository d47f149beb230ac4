//! What the specification demands of a bundle, requirement by requirement, and the rules that hold
//! bundles to it. A rule belongs to the requirement that its id names: `OCI-L10-MODE` to L10.

use super::{Rule, all};
use crate::SpecVersion;
use std::fmt::Write as _;

/// Where a requirement can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// From config.json alone.
    Document,
    /// With the files of the bundle.
    Bundle,
    /// On the host that runs it.
    Host,
    /// Nowhere before the container runs: it binds runtimes.
    Runtime,
}

use Place::{Bundle, Document, Host, Runtime};

impl Place {
    fn name(self) -> &'static str {
        match self {
            Document => "document",
            Bundle => "bundle",
            Host => "host (`--host`)",
            Runtime => "runtime: out of scope",
        }
    }
}

struct Requirement {
    id: &'static str,
    places: &'static [Place],
    section: &'static str,
    text: &'static str,
}

const fn row(
    id: &'static str,
    places: &'static [Place],
    section: &'static str,
    text: &'static str,
) -> Requirement {
    Requirement { id, places, section, text }
}

static REQUIREMENTS: &[Requirement] = &[
    row("JSON", &[Document], "config.md", "config.json is JSON in UTF-8, and means one thing."),
    row(
        "B1",
        &[Bundle],
        "bundle.md#container-format",
        "config.json is in the bundle's directory, under that name.",
    ),
    row("B2", &[Bundle], "bundle.md#container-format", "The directory that root.path names exists."),
    row(
        "V1",
        &[Document],
        "config.md#specification-version",
        "ociVersion is there and is a SemVer 2.0.0 version.",
    ),
    row("V2", &[Document], "config.md#specification-version", "The document uses what its version defines."),
    row(
        "E1",
        &[Document, Runtime],
        "config.md#extensibility",
        "Unknown properties are ignored, so never an error here.",
    ),
    row("E2", &[Document], "config.md#valid-values", "Values that are invalid or not supported are errors."),
    row("R1", &[Document], "config.md#root", "root is there, except for Hyper-V, which must not have it."),
    row("R2", &[Document], "config.md#root", "root.path is there."),
    row("R3", &[Bundle], "config.md#root", "A directory is at root.path."),
    row(
        "R4",
        &[Document],
        "config.md#root",
        "On Windows root.path is a volume GUID path and the root is writable.",
    ),
    row("R5", &[Document], "config.md#root", "root.readonly is a boolean."),
    row("M1", &[Document], "config.md#mounts", "mounts is an array of objects with a destination."),
    row("M2", &[Document], "config.md#mounts", "Destinations are absolute; on Linux they should be."),
    row("M3", &[Document], "config.md#mounts", "On Windows no destination lies in another."),
    row(
        "M4",
        &[Document],
        "config.md#linux-mount-options",
        "Options are strings, those of the specification's table are known.",
    ),
    row(
        "M5",
        &[Document],
        "config.md#linux-mount-options",
        "idmap and ridmap need mappings or a user namespace.",
    ),
    row(
        "M6",
        &[Document],
        "config.md#posix-platform-mounts",
        "uidMappings and gidMappings of a mount go together and are complete.",
    ),
    row(
        "M7",
        &[Document],
        "config.md#posix-platform-mounts",
        "A mount with mappings should be idmap or ridmap.",
    ),
    row("M8", &[Document], "config.md#posix-platform-mounts", "The type of a mount is a string."),
    row("P1", &[Document], "config.md#process", "process is there when the container is started."),
    row("P2", &[Document], "config.md#process", "cwd is there and absolute."),
    row("P3", &[Document], "config.md#process", "args has at least one entry."),
    row("P4", &[Document], "config.md#process", "On Windows commandLine stands in for args."),
    row("P5", &[Document], "config.md#process", "consoleSize has a height and a width."),
    row("P6", &[Document], "config.md#process", "env has entries as environ(7) has them."),
    row("P7", &[Document], "config.md#process", "terminal and noNewPrivileges are booleans."),
    row("P8", &[Document], "config.md#posix-process", "The type of an rlimit is a resource of the kernel."),
    row("P9", &[Document], "config.md#posix-process", "An rlimit has a soft and a hard limit, both uint64."),
    row("P10", &[Document], "config.md#posix-process", "No two rlimits are of one type."),
    row(
        "P11",
        &[Document],
        "config.md#linux-process",
        "Capability sets are arrays of strings; unknown names are warned about.",
    ),
    row("P12", &[Document], "config.md#linux-process", "oomScoreAdj is an integer."),
    row("P13", &[Document], "config.md#linux-process", "A scheduler has a known policy and known flags."),
    row(
        "P14",
        &[Document],
        "config.md#linux-process",
        "An I/O priority has a class and a priority from 0 to 7.",
    ),
    row("P15", &[Document], "config.md#linux-process", "CPU affinities are lists of CPUs."),
    row("P16", &[Document], "config.md#linux-process", "apparmorProfile and selinuxLabel are strings."),
    row(
        "U1",
        &[Document],
        "config.md#posix-platform-user",
        "A POSIX user has a uid and a gid; all its ids are uint32.",
    ),
    row("U2", &[Document], "config.md#windows-user", "The name of a Windows user is a string."),
    row("G1", &[Document], "config.md#hostname", "hostname and domainname are strings."),
    row(
        "S1",
        &[Document],
        "config.md#platform-specific-configuration",
        "The sections of the platforms are objects.",
    ),
    row("H1", &[Document], "config.md#posix-platform-hooks", "A hook has an absolute path."),
    row("H2", &[Document], "config.md#posix-platform-hooks", "The time-out of a hook is greater than zero."),
    row(
        "H3",
        &[Bundle, Host],
        "config.md#posix-platform-hooks",
        "A hook's program is found: on the host, that of startContainer in the container.",
    ),
    row("H4", &[Document], "config.md#posix-platform-hooks", "args and env of a hook are arrays of strings."),
    row("A1", &[Document], "config.md#annotations", "Annotations are a map of strings without an empty key."),
    row(
        "A2",
        &[Document],
        "config.md#annotations",
        "Keys of annotations should be in reverse domain notation.",
    ),
    row(
        "A3",
        &[Document],
        "config.md#annotations",
        "Keys below org.opencontainers are reserved, but for those of the image specification.",
    ),
    row("L1", &[Document], "config-linux.md#namespaces", "A namespace has one of eight types."),
    row("L2", &[Document], "config-linux.md#namespaces", "The path of a namespace is absolute."),
    row("L3", &[Host], "config-linux.md#namespaces", "The path of a namespace is a namespace of its type."),
    row("L4", &[Document], "config-linux.md#namespaces", "No two namespaces are of one type."),
    row(
        "L5",
        &[Document],
        "config-linux.md#user-namespace-mappings",
        "An id mapping has containerID, hostID and size.",
    ),
    row(
        "L6",
        &[Document],
        "config-linux.md#offset-for-time-namespace",
        "Offsets are of the clocks monotonic and boottime.",
    ),
    row(
        "L7",
        &[Document],
        "config-linux.md#devices",
        "A device has a type, a path and, unless a FIFO, its numbers.",
    ),
    row("L8", &[Bundle], "config-linux.md#devices", "No other file is where a device shall be."),
    row("L9", &[Document], "config-linux.md#devices", "No two devices should have one number."),
    row("L10", &[Document], "config-linux.md#devices", "fileMode, uid and gid are uint32."),
    row(
        "L11",
        &[Document, Host],
        "config-linux.md#network-devices",
        "netDevices is a map of objects, and the devices exist.",
    ),
    row("L12", &[Document], "config-linux.md#cgroups-path", "cgroupsPath is a string."),
    row(
        "L13",
        &[Document],
        "config-linux.md#allowed-device-list",
        "An entry of the device list has allow; its type and access are known.",
    ),
    row(
        "L14",
        &[Document],
        "config-linux.md#memory",
        "Memory limits are int64 from -1; swappiness is from 0 to 100.",
    ),
    row("L15", &[Document], "config-linux.md#cpu", "The burst is within a positive quota."),
    row("L16", &[Document], "config-linux.md#cpu", "cpus and mems are lists, idle is 0 or 1."),
    row(
        "L17",
        &[Document],
        "config-linux.md#block-io",
        "The weight of a device has its numbers and a weight or leafWeight.",
    ),
    row(
        "L18",
        &[Document],
        "config-linux.md#block-io",
        "A throttle has the numbers of its device and a rate.",
    ),
    row(
        "L19",
        &[Document, Host],
        "config-linux.md#huge-page-limits",
        "A huge page limit has a limit and a page size that the kernel has.",
    ),
    row("L20", &[Document], "config-linux.md#network", "A network priority has a name and a priority."),
    row("L21", &[Document], "config-linux.md#pids", "pids has a limit."),
    row("L22", &[Document], "config-linux.md#rdma", "An RDMA entry limits handles or objects."),
    row(
        "L23",
        &[Document, Host],
        "config-linux.md#unified",
        "unified is a map of strings by cgroup file, whose controllers exist.",
    ),
    row("L24", &[Document], "config-linux.md#intelrdt", "Schemas are single lines with their prefix."),
    row("L25", &[Host], "config-linux.md#intelrdt", "With intelRdt a resctrl file system is mounted."),
    row(
        "L26",
        &[Document],
        "config-linux.md#intelrdt",
        "enableCMT and enableMBM became enableMonitoring in 1.3.0.",
    ),
    row(
        "L27",
        &[Document],
        "config-linux.md#memory-policy",
        "A memory policy has a mode, and nodes where the mode wants them.",
    ),
    row("L28", &[Document], "config-linux.md#sysctl", "sysctl is a map of strings."),
    row("L29", &[Document], "config-linux.md#seccomp", "seccomp has a default action, one of nine."),
    row("L30", &[Document], "config-linux.md#seccomp", "An errno is for actions that return one."),
    row("L31", &[Document], "config-linux.md#seccomp", "Architectures and flags are known."),
    row("L32", &[Document], "config-linux.md#seccomp", "listenerMetadata needs listenerPath."),
    row("L33", &[Document], "config-linux.md#seccomp", "A rule has an action and at least one name."),
    row(
        "L34",
        &[Document],
        "config-linux.md#seccomp",
        "A comparison has an index, a value and one of seven operators.",
    ),
    row(
        "L35",
        &[Document],
        "config-linux.md#rootfs-mount-propagation",
        "rootfsPropagation is one of four words.",
    ),
    row("L36", &[Document], "config-linux.md#masked-paths", "maskedPaths and readonlyPaths are absolute."),
    row("L37", &[Document], "config-linux.md#mount-label", "mountLabel is a string."),
    row("L38", &[Document], "config-linux.md#personality", "A personality has a known domain and no flags."),
    row(
        "W1",
        &[Document],
        "config-vm.md#kernel-object",
        "A VM has a kernel; it and the initrd have absolute paths.",
    ),
    row("W2", &[Document], "config-vm.md#hypervisor-object", "A hypervisor has an absolute path."),
    row("W3", &[Document], "config-vm.md#image-object", "An image has an absolute path and a known format."),
    row("W4", &[Document], "config-vm.md#hwconfig-object", "I/O memory has firstMFN and nrMFNs."),
    row("F1", &[Document], "config-freebsd.md#devices", "A FreeBSD device has a path, relative to /dev."),
    row("F2", &[Document], "config-freebsd.md#jail", "Parameters of a jail have known values."),
    row("Wi1", &[Document], "config-windows.md#layerfolders", "A Windows container has layer folders."),
    row(
        "Wi2",
        &[Document],
        "config-windows.md#devices",
        "A Windows device has id and idType; an affinity mask and group.",
    ),
    row("Wi3", &[Document], "config-windows.md#resources", "Windows resource limits are numbers."),
    row("Wi4", &[Document], "config-windows.md#network", "The other Windows properties have their types."),
    row("So1", &[Document], "config-solaris.md", "The Solaris properties are strings."),
    row(
        "Z1",
        &[Document],
        "config-zos.md#namespaces",
        "z/OS namespaces have one of four types, each once, with an absolute path.",
    ),
    row("X1", &[Runtime], "config.md#mounts", "Mounts are made in the order of the list."),
    row("X2", &[Runtime], "config.md#root", "A read-only root is read-only in the container."),
    row("X3", &[Runtime], "config-linux.md#namespaces", "Namespaces are created or joined as listed."),
    row(
        "X4",
        &[Runtime],
        "config-linux.md#default-devices",
        "The default devices and links of /dev are made.",
    ),
    row(
        "X5",
        &[Runtime],
        "config.md#posix-platform-hooks",
        "Hooks run in order and read the state from stdin.",
    ),
    row("X6", &[Runtime], "config-linux.md#control-groups", "The process is in the cgroup with its limits."),
    row("X7", &[Runtime], "config-linux.md#intelrdt", "Groups of resctrl are made, used and removed."),
    row(
        "X8",
        &[Runtime],
        "config-linux.md#network-devices",
        "A moved network device keeps its addresses and attributes.",
    ),
    row(
        "X9",
        &[Runtime],
        "config-linux.md#seccomp",
        "The listener receives the seccomp descriptor and the state.",
    ),
    row("X10", &[Runtime], "runtime.md#lifecycle", "The operations and the life of a container."),
];

/// The rule that stands for a requirement under another name.
static ALIASES: &[(&str, &str)] = &[("B2", "R3")];

/// The part of a rule's id that names its requirement.
fn requirement_of(rule: &Rule) -> &'static str {
    rule.id.split('-').nth(1).unwrap_or_default()
}

fn rules_of(requirement: &Requirement) -> impl Iterator<Item = &'static Rule> {
    let alias =
        ALIASES.iter().find(|(id, _)| *id == requirement.id).map_or(requirement.id, |(_, other)| *other);
    all().filter(move |rule| requirement_of(rule) == alias)
}

/// The requirements of the specification with the rules for each, and the rules of profiles, as
/// Markdown: the text of `COMPLIANCE.md`.
#[must_use]
pub fn compliance_table() -> String {
    let version = SpecVersion::NEWEST;
    let mut text = format!(
        "# Compliance\n\n\
        What version {version} of the runtime specification demands of a bundle, where it can be decided, and the\n\
        rules of bundle-validate for it. A rule whose name goes on after the requirement's is a lesser one: of the\n\
        kernel, of runtimes, or of the files concerned. `bundle-validate --explain RULE` tells more.\n\n\
        | requirement | decided by | what is demanded | rules |\n|---|---|---|---|\n"
    );
    for requirement in REQUIREMENTS {
        let Requirement { id, places, section, text: demand } = requirement;
        let places: Vec<&str> = places.iter().map(|place| place.name()).collect();
        let rules: Vec<String> = rules_of(requirement).map(listed).collect();
        let link = format!("https://github.com/opencontainers/runtime-spec/blob/v{version}/{section}");
        let (places, rules) = (places.join(", "), rules.join(", "));
        let _ = writeln!(text, "| [{id}]({link}) | {places} | {demand} | {rules} |");
    }
    text.push_str("\nOf profiles:\n\n| rule | profiles | what it says |\n|---|---|---|\n");
    for rule in all().filter(|rule| !rule.only_under.is_empty()) {
        let profiles: Vec<&str> = rule.only_under.iter().map(|profile| profile.name()).collect();
        let _ = writeln!(text, "| {} | {} | {} |", listed(rule), profiles.join(", "), rule.explanation);
    }
    text
}

/// A rule with its severity.
fn listed(rule: &Rule) -> String {
    format!("{} ({})", rule.id, rule.severity.name())
}

#[cfg(test)]
mod tests {
    use super::super::Check;
    use super::*;
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_requirement_has_a_rule_for_each_place_that_decides_it() {
        for requirement in REQUIREMENTS {
            for place in requirement.places.iter().filter(|place| **place != Runtime) {
                let found = rules_of(requirement).any(|rule| {
                    matches!(
                        (place, &rule.check),
                        (Document, Check::Structure | Check::Document(_) | Check::Mount(_))
                            | (Bundle, Check::Files(_) | Check::Image(_))
                            | (Host, Check::Host(_))
                    )
                });
                assert!(found, "{} has no rule of the kind {place:?}", requirement.id);
            }
        }
    }

    #[test]
    fn every_rule_has_a_requirement_or_a_profile() {
        let known: HashSet<&str> = REQUIREMENTS.iter().map(|requirement| requirement.id).collect();
        assert_eq!(known.len(), REQUIREMENTS.len());
        for rule in all().filter(|rule| rule.only_under.is_empty()) {
            assert!(known.contains(requirement_of(rule)), "{}", rule.id);
        }
    }

    #[test]
    fn the_page_is_the_table() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("COMPLIANCE.md");
        if std::env::var_os("WRITE_COMPLIANCE").is_some() {
            fs::write(&page, compliance_table()).unwrap();
        }
        assert!(
            fs::read_to_string(&page).is_ok_and(|text| text == compliance_table()),
            "COMPLIANCE.md is stale: run WRITE_COMPLIANCE=1 cargo test -p bundle-validate --lib compliance"
        );
    }
}
