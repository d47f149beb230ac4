//! Device nodes, symbolic links and propagation.

use crate::container::{Container, Layout, Outcome};
use crate::process::{field, script};
use linux_raw_sys::errno::{EEXIST, EINVAL, ENOENT, ENOTDIR};
use linux_raw_sys::general::{MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE};
use nexcage_handover::{Failed, ProcessBuf, Step, TaskBuf};
use std::ffi::CString;

fn path(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn node(at: &str, mode: u32, numbers: (u32, u32), (uid, gid): (u32, u32)) -> TaskBuf {
    TaskBuf::Node { path: path(at), mode, major: numbers.0, minor: numbers.1, uid, gid }
}

fn link(at: &str, target: &str) -> TaskBuf {
    TaskBuf::Link { path: path(at), target: path(target) }
}

fn propagation(at: &str, flags: u32) -> TaskBuf {
    TaskBuf::Propagation { path: path(at), flags }
}

fn with(tasks: Vec<TaskBuf>, text: &str) -> ProcessBuf {
    ProcessBuf { tasks, ..script(text) }
}

fn start(image: &'static str) -> Container {
    Container::start(Layout { image, ..Layout::default() })
}

const CHARACTER: u32 = 0o020_000;
const BLOCK: u32 = 0o060_000;
const FIFO: u32 = 0o010_000;

#[test]
fn nodes_have_exactly_their_mode_owner_and_numbers() {
    let tasks = vec![
        node("/dev/null", CHARACTER | 0o666, (1, 3), (0, 0)),
        node("/dev/deep/er/zero", CHARACTER | 0o620, (1, 5), (7, 8)),
        node("/dev/large", BLOCK | 0o7, (4095, 1_048_575), (1000, 0)),
        node("/dev/fifo", FIFO | 0o622, (0, 0), (0, 5)),
    ];
    let text = start("").run(&with(
        tasks,
        "cd /dev; stat -c '%n %F %a %u:%g %t:%T' null deep deep/er deep/er/zero large fifo; echo x > null",
    ));
    assert_eq!(
        text.text(),
        "null character special file 666 0:0 1:3\n\
         deep directory 755 0:0 0:0\n\
         deep/er directory 755 0:0 0:0\n\
         deep/er/zero character special file 620 7:8 1:5\n\
         large block special file 7 1000:0 fff:fffff\n\
         fifo fifo 622 0:5 0:0\n"
    );
}

#[test]
fn a_node_that_is_there_is_left_as_it_is_and_anything_else_is_told() {
    let image = "mkdir root/other; mknod root/other/null c 1 3; chmod 600 root/other/null";
    let null = || node("/other/null", CHARACTER | 0o666, (1, 3), (5, 5));
    let text = start(image).run(&with(vec![null()], "stat -c '%a %u:%g' /other/null")).text();
    assert_eq!(text, "600 0:0\n");
    for image in [
        "mkdir root/other; touch root/other/null",
        "mkdir root/other; mknod root/other/null c 1 5",
        "mkdir root/other; mknod root/other/null b 1 3",
        "mkdir root/other; ln -s /nowhere root/other/null",
        "mkdir -p root/other/null",
    ] {
        let outcome = start(image).refuse(&with(vec![link("/dev/x", "y"), null()], ""));
        let failed = Failed { step: Step::Node, errno: EEXIST, task: Some(1) };
        assert_eq!((outcome.failed, outcome.status), (Some(failed), 125), "{image}");
    }
}

#[test]
fn no_symbolic_link_leads_elsewhere() {
    let check = |task: TaskBuf, step| {
        let outcome: Outcome = start("mkdir root/real; ln -s /real root/link").refuse(&with(vec![task], ""));
        assert_eq!(outcome.failed, Some(Failed { step, errno: ENOTDIR, task: Some(0) }));
    };
    check(node("/link/null", CHARACTER | 0o666, (1, 3), (0, 0)), Step::Node);
    check(node("/link/deeper/null", CHARACTER | 0o666, (1, 3), (0, 0)), Step::Node);
    check(link("/link/x", "y"), Step::Link);
    check(propagation("/link/x", MS_SLAVE), Step::Propagation);
}

#[test]
fn links_are_made_where_nothing_is() {
    let tasks = vec![link("/dev/fd", "/proc/self/fd"), link("/etc/there", "other"), link("/new/link", "..")];
    let text = start("touch root/etc/there")
        .run(&with(tasks, "readlink /dev/fd; readlink /new/link; stat -c %F /etc/there"))
        .text();
    assert_eq!(text, "/proc/self/fd\n..\nregular empty file\n");
}

#[test]
fn propagation_is_set_mount_by_mount() {
    let image = "mkdir -p root/a root/b; mount -t tmpfs none root/a; mkdir root/a/c; \
        mount -t tmpfs none root/a/c; mount -t tmpfs none root/b";
    let tasks = vec![
        propagation("/a", MS_SHARED | MS_REC),
        propagation("/b", MS_PRIVATE),
        propagation("/a/c", MS_PRIVATE),
        propagation("/", MS_SLAVE),
    ];
    let text = start(image).run(&with(tasks, "cat /proc/self/mountinfo")).text();
    let tags = |point: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.split(' ').nth(4) == Some(point)).unwrap();
        line.split(' ').skip(6).take_while(|tag| *tag != "-").map(|tag| tag[..7].to_owned()).collect()
    };
    assert_eq!((tags("/a"), tags("/b"), tags("/a/c")), (vec!["shared:".to_owned()], vec![], vec![]));
}

#[test]
fn what_is_no_mount_point_is_told() {
    for (at, errno) in [("/bin", EINVAL), ("/nowhere/x", ENOENT)] {
        let outcome = start("").refuse(&with(vec![propagation(at, MS_SLAVE)], ""));
        assert_eq!(outcome.failed, Some(Failed { step: Step::Propagation, errno, task: Some(0) }));
    }
}

#[test]
fn the_process_s_own_mask_comes_after_the_tasks() {
    let mut process = with(vec![link("/dev/x", "y")], "cat /proc/self/status");
    process.umask = 0o027;
    assert_eq!(field(&start("").run(&process).text(), "Umask"), "0027");
}
