//! The files of the bundle: what the document names in its root file system.

use super::Check::{Files, Image as InImage};
use super::covers::Covers;
use super::devices::{devices, kind};
use super::forms::{ancestors, excerpt, is_absolute, normal};
use super::mounts::destinations;
use super::platform::Platform;
use super::rules;
use crate::Bundle;
use crate::Severity::{Error, Note, Warning};
use crate::json::Node;
use crate::report::Sink;
use crate::rootfs::{Found, Rootfs, is_regular};
use rustix::fs::{AtFlags, FileType, Stat, major, minor, statat};

rules! {
    LINK {
        id: "OCI-B1",
        severity: Warning,
        section: "bundle.md#container-format",
        explanation: "config.json resides in the root of the bundle: a bundle without it cannot be opened, and a link to elsewhere is lost when the bundle is moved.",
        check: Files(config_is_a_file),
        bad: &[r#"{"annotations": {"example.bundle": "linked"}}"#],
        good: &["{}"],
    }
    DIRECTORY {
        id: "OCI-P2-MISSING",
        severity: Warning,
        section: "config.md#process",
        explanation: "The working directory should be a directory of the image or lie in a mount: not every runtime makes it.",
        check: InImage(cwd_is_there),
        bad: &[r#"{"process": {"cwd": "/missing"}}"#, r#"{"process": {"cwd": "/bin/sh"}}"#],
        good: &[
            r#"{"process": {"cwd": "/bin"}}"#,
            r#"{"process": {"cwd": "/srv/a"}, "mounts": [{"destination": "/srv", "type": "tmpfs"}]}"#,
        ],
    }
    PROGRAM {
        id: "OCI-P3-PROGRAM",
        severity: Warning,
        section: "config.md#process",
        explanation: "The program, found through the process's PATH, has to be in the image or in a mount, and somebody has to be allowed to execute it.",
        check: InImage(program_is_there),
        bad: &[
            r#"{"process": {"args": ["/bin/missing"]}}"#,
            r#"{"process": {"args": ["missing"]}}"#,
            r#"{"process": {"args": ["sh"], "env": ["PATH=/etc"]}}"#,
            r#"{"process": {"args": ["/etc/text"]}}"#,
            r#"{"process": {"args": ["/bin"]}}"#,
        ],
        good: &[
            r#"{"process": {"args": ["sh"], "env": ["PATH=/nowhere:/bin"]}}"#,
            r#"{"process": {"args": ["./sh"], "cwd": "/bin"}}"#,
            r#"{"process": {"args": ["/srv/x"]}, "mounts": [{"destination": "/srv/", "type": "tmpfs"}]}"#,
            r#"{"process": {"args": ["x"]}, "mounts": [{"destination": "/usr/bin", "type": "tmpfs"}]}"#,
        ],
    }
    MACHINE {
        id: "OCI-P3-MACHINE",
        severity: Warning,
        section: "config.md#process",
        explanation: "A program for another architecture than this host's does not start here, unless an emulator is registered for it.",
        check: InImage(program_is_for_this_machine),
        bad: &[r#"{"process": {"args": ["/bin/foreign"]}}"#],
        good: &[r#"{"process": {"args": ["/bin/native"]}}"#],
    }
    INTERPRETER {
        id: "OCI-P3-INTERPRETER",
        severity: Warning,
        section: "config.md#process",
        explanation: "The interpreter that a script names in its first line has to be in the image or in a mount.",
        check: InImage(interpreter_is_there),
        bad: &[r#"{"process": {"args": ["/bin/orphan"]}}"#],
        good: &[r#"{"process": {"args": ["/bin/script"]}}"#],
    }
    POINT {
        id: "OCI-M1-POINT",
        severity: Note,
        section: "config.md#mounts",
        explanation: "In a read-only root a mount point that is missing has to be made before the root becomes read-only, and changes the image.",
        check: InImage(mount_points_are_there),
        bad: &[r#"{"root": {"readonly": true}, "mounts": [{"destination": "/missing", "type": "tmpfs"}]}"#],
        good: &[
            r#"{"root": {"readonly": true}, "mounts": [{"destination": "/bin", "type": "tmpfs"}, {"destination": "/bin/x"}]}"#,
            r#"{"mounts": [{"destination": "/missing", "type": "tmpfs"}]}"#,
        ],
    }
    NODE {
        id: "OCI-L8",
        severity: Error,
        section: "config-linux.md#devices",
        explanation: "Where a device shall be, no file of another type or number may be in the image.",
        check: InImage(devices_match),
        bad: &[r#"{"linux": {"devices": [{"path": "/etc/text", "type": "c", "major": 1, "minor": 3}]}}"#],
        good: &[
            r#"{"linux": {"devices": [{"path": "/etc/fifo", "type": "p"}, {"path": "/dev/x", "type": "c", "major": 1, "minor": 3}]}}"#,
            r#"{"mounts": [{"destination": "/etc", "type": "tmpfs"}],
                "linux": {"devices": [{"path": "/etc/text", "type": "c", "major": 1, "minor": 3}]}}"#,
        ],
    }
    HOOK {
        id: "OCI-H3-CONTAINER",
        severity: Warning,
        section: "config.md#posix-platform-hooks",
        explanation: "The program of a startContainer hook is looked up in the container.",
        check: InImage(hooks_are_there),
        bad: &[r#"{"hooks": {"startContainer": [{"path": "/missing"}]}}"#],
        good: &[r#"{"hooks": {"startContainer": [{"path": "/bin/sh"}], "prestart": [{"path": "/missing"}]}}"#],
    }
}

/// The image, with what will be mounted over it.
#[derive(Debug)]
pub(crate) struct Image<'b> {
    rootfs: Rootfs,
    config: Node<'b>,
    mounts: Covers<'b, ()>,
    program: Program<'b>,
}

impl<'b> Image<'b> {
    /// The image of a bundle, if its files are known.
    pub(crate) fn of(bundle: &'b Bundle) -> Option<Self> {
        let config = bundle.document().root();
        if Platform::of(config) == Platform::Windows {
            return None;
        }
        let rootfs = Rootfs::of(bundle)?;
        // What is mounted on / is the image, as far as can be told.
        let mounts = destinations(config).map(|(_, path)| (normal(path), ()));
        let mounts: Vec<_> = mounts.filter(|(path, ())| path != "/").collect();
        let mounts = mounts.into_iter().collect();
        let mut image = Image { rootfs, config, mounts, program: Program::Unknown };
        image.program = image.find_program();
        Some(image)
    }

    /// Whether a path lies in a mount, whose files are not known.
    fn is_covered(&self, path: &str) -> bool {
        self.mounts.above(&normal(path)).next().is_some()
    }

    /// What is at a path that the image alone decides on; nothing else is `Unknown`.
    fn find(&self, path: &str) -> Found {
        match self.rootfs.find(path) {
            _ if self.is_covered(path) => Found::Unknown,
            Found::Dangling(target) => {
                let target = if is_absolute(&target) { target } else { format!("{path}/../{target}") };
                if self.is_covered(&target) { Found::Unknown } else { Found::Nothing }
            }
            found => found,
        }
    }

    fn text(&self, pointer: &str) -> Option<(Node<'b>, &'b str)> {
        let node = self.config.at(pointer)?;
        Some((node, node.as_str()?)).filter(|(_, text)| !text.contains('\0'))
    }

    /// The paths at which args[0] is looked for, in their order.
    fn candidates(&self, program: &str) -> Vec<String> {
        const USUAL: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let cwd = self.text("/process/cwd").map_or("/", |(_, cwd)| cwd);
        if program.contains('/') {
            return vec![below(cwd, program)];
        }
        let env = self.config.at("/process/env").into_iter().flat_map(|env| env.elements());
        let paths = env.filter_map(|entry| entry.as_str()?.strip_prefix("PATH="));
        let path = paths.last().unwrap_or(USUAL);
        path.split(':').take(100).map(|directory| below(&below(cwd, directory), program)).collect()
    }

    /// The program that the process will be, where the image has it.
    fn find_program(&self) -> Program<'b> {
        let Some((node, program)) = self.text("/process/args/0").filter(|(_, text)| !text.is_empty()) else {
            return Program::Unknown;
        };
        let mut refused = false;
        for path in self.candidates(program) {
            match self.find(&path) {
                Found::Unknown => return Program::Unknown,
                Found::File(stat) if is_program(&stat) => {
                    return Program::Found(node, self.rootfs.head(&path));
                }
                Found::File(_) => refused = true,
                Found::Nothing | Found::Dangling(_) => {}
            }
        }
        if refused { Program::Refused(node) } else { Program::Nowhere(node) }
    }
}

/// What args\[0\] means.
#[derive(Debug)]
enum Program<'d> {
    /// A file that begins with these bytes.
    Found(Node<'d>, Vec<u8>),
    /// There are files of the name, but none that can be executed.
    Refused(Node<'d>),
    Nowhere(Node<'d>),
    Unknown,
}

/// A path as seen from a directory.
fn below(directory: &str, path: &str) -> String {
    if is_absolute(path) { path.to_owned() } else { format!("{directory}/{path}") }
}

fn is_program(stat: &Stat) -> bool {
    is_regular(stat) && stat.st_mode & 0o111 != 0
}

fn config_is_a_file(bundle: &Bundle, sink: &mut Sink<'_>) {
    let Some(handle) = bundle.handle() else { return };
    let found = statat(handle, crate::bundle::CONFIG, AtFlags::SYMLINK_NOFOLLOW);
    if found.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink) {
        sink.add(bundle.document().root(), "config.json is a symbolic link");
    }
}

fn cwd_is_there(image: &Image<'_>, sink: &mut Sink<'_>) {
    let Some((node, path)) = image.text("/process/cwd").filter(|(_, path)| is_absolute(path)) else { return };
    match image.find(path) {
        Found::Nothing => sink.add(node, "the image has no such directory"),
        Found::File(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::Directory => {
            sink.add(node, "this is no directory in the image");
        }
        _ => {}
    }
}

fn program_is_there(image: &Image<'_>, sink: &mut Sink<'_>) {
    match image.program {
        Program::Refused(node) => sink.add(node, "nobody may execute this file of the image"),
        Program::Nowhere(node) => {
            let searched =
                if node.as_str().is_some_and(|name| name.contains('/')) { "" } else { " in its PATH" };
            sink.add(node, format!("the image has no such program{searched}"));
        }
        _ => {}
    }
}

/// Values of `e_machine` that run on this host: its own and that of its 32-bit programs.
static MACHINES: &[(&str, &[u16])] = &[
    ("x86_64", &[62, 3]),
    ("x86", &[3]),
    ("aarch64", &[183, 40]),
    ("arm", &[40]),
    ("riscv64", &[243]),
    ("powerpc64", &[21, 20]),
    ("s390x", &[22]),
    ("loongarch64", &[258]),
];

/// The machine that a program is for, if it is an ELF file.
fn machine(head: &[u8]) -> Option<u16> {
    let field = head.strip_prefix(b"\x7fELF").map(|_| head.get(18..20))??;
    let bytes = [field[0], field[1]];
    Some(if head.get(5) == Some(&2) { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
}

fn program_is_for_this_machine(image: &Image<'_>, sink: &mut Sink<'_>) {
    let host = std::env::consts::ARCH;
    let Some((_, machines)) = MACHINES.iter().find(|(name, _)| *name == host) else { return };
    let Program::Found(node, head) = &image.program else { return };
    if let Some(number) = machine(head).filter(|number| !machines.contains(number)) {
        let known = MACHINES.iter().find(|(_, machines)| machines.first() == Some(&number));
        let name = known.map_or_else(|| format!("ELF machine {number}"), |(name, _)| (*name).to_owned());
        sink.add(*node, format!("the program is for {name}, this host is {host}"));
    }
}

/// The interpreter that a script names.
fn interpreter(head: &[u8]) -> Option<&str> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let words = std::str::from_utf8(line).ok()?;
    words.split([' ', '\t']).find(|word| !word.is_empty())
}

fn interpreter_is_there(image: &Image<'_>, sink: &mut Sink<'_>) {
    let Program::Found(node, head) = &image.program else { return };
    let Some(name) = interpreter(head).filter(|name| is_absolute(name) && !name.contains('\0')) else {
        return;
    };
    match image.find(name) {
        Found::Nothing => {
            sink.add(*node, format!("the script's interpreter {} is not in the image", excerpt(name)));
        }
        Found::File(stat) if !is_program(&stat) => {
            sink.add(*node, format!("nobody may execute the script's interpreter {}", excerpt(name)));
        }
        _ => {}
    }
}

fn mount_points_are_there(image: &Image<'_>, sink: &mut Sink<'_>) {
    if image.config.at("/root/readonly").and_then(|node| node.as_bool()) != Some(true) {
        return;
    }
    for (node, path) in destinations(image.config).filter(|(_, path)| !path.contains('\0')) {
        let path = normal(path);
        // A mount above it decides whether it is there.
        let covered = ancestors(&path).nth(1).is_some_and(|above| image.is_covered(above));
        if !covered && matches!(image.rootfs.find(&path), Found::Nothing) {
            sink.add(node, "the image has no such mount point, and its root is read-only");
        }
    }
}

fn devices_match(image: &Image<'_>, sink: &mut Sink<'_>) {
    for device in devices(image.config) {
        let Some((node, path)) = device.get("path").and_then(|node| Some((node, node.as_str()?))) else {
            continue;
        };
        if path.contains('\0') || !is_absolute(path) || image.is_covered(path) {
            continue;
        }
        let Some(stat) = image.rootfs.entry(path) else { continue };
        if !is_device(&stat, device) {
            sink.add(node, "the image has another file there");
        }
    }
}

fn is_device(stat: &Stat, device: Node<'_>) -> bool {
    let number = |name| device.get(name).and_then(|node| node.as_i64());
    let numbers = (Some(major(stat.st_rdev).into()), Some(minor(stat.st_rdev).into()));
    match (kind(device), FileType::from_raw_mode(stat.st_mode)) {
        (Some("p"), found) => found == FileType::Fifo,
        (Some("c" | "u"), found) => {
            found == FileType::CharacterDevice && (number("major"), number("minor")) == numbers
        }
        (Some("b"), found) => found == FileType::BlockDevice && (number("major"), number("minor")) == numbers,
        // What it is breaks OCI-L7.
        _ => true,
    }
}

fn hooks_are_there(image: &Image<'_>, sink: &mut Sink<'_>) {
    let hooks = image.config.at("/hooks/startContainer");
    let paths = hooks.into_iter().flat_map(|hooks| hooks.elements()).filter_map(|hook| hook.get("path"));
    let paths = paths.filter_map(|node| Some((node, node.as_str()?)));
    for (node, path) in paths.filter(|(_, path)| is_absolute(path) && !path.contains('\0')) {
        match image.find(path) {
            Found::Nothing => sink.add(node, "the image has no such program"),
            Found::File(stat) if !is_program(&stat) => {
                sink.add(node, "nobody may execute this file of the image");
            }
            _ => {}
        }
    }
}
