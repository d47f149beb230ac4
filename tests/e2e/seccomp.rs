//! Seccomp policies, by their effect; runc is the second opinion. And the labels of mandatory access
//! control, as far as a host without any can tell.

use crate::elf::{self, Does};
use crate::text;
use libseccomp::{ScmpNotifReq, ScmpNotifResp, ScmpNotifRespFlags};
use nexcage_tests::{Bundle, Config, Run, Sandbox};
use oci_spec::runtime::{Capabilities, Capability};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::{Value, json};
use std::io::{IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::thread;

/// mkdirat(2), which fails with EFAULT when it is called with zeroes.
#[cfg(target_arch = "x86_64")]
const MKDIRAT: u16 = 258;
#[cfg(target_arch = "aarch64")]
const MKDIRAT: u16 = 34;
/// faccessat2(2), of Linux 5.8.
const FACCESSAT2: u16 = 439;
/// What chmod(3) calls, and which of its arguments is the mode.
#[cfg(target_arch = "x86_64")]
const CHMOD: (&str, u32) = ("chmod", 1);
#[cfg(target_arch = "aarch64")]
const CHMOD: (&str, u32) = ("fchmodat", 2);

/// What a shell and its tools need, and runc's own init before it executes them: most of what
/// engines allow by default.
const USUAL: &str = "
    accept accept4 access arch_prctl bind brk capget capset chdir chmod chown chown32 clock_gettime
    clock_gettime64 clone clone3 close close_range connect copy_file_range creat dup dup2 dup3
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 execve execveat exit exit_group
    faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchown fchownat fcntl fcntl64
    fdatasync flock fork fstat fstat64 fstatfs fsync ftruncate futex getcwd getdents getdents64 getegid
    geteuid getgid getgroups getitimer getpgid getpgrp getpid getppid getpriority getrandom getresgid
    getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr
    ioctl kill lchown lgetxattr link linkat listen lseek lstat madvise membarrier memfd_create mincore
    mkdir mkdirat mknod mknodat mlock mmap mmap2 mprotect mremap msync munlock munmap nanosleep
    newfstatat open openat openat2 pause pidfd_open pipe pipe2 poll ppoll prctl pread64 prlimit64
    pselect6 pwrite64 read readlink readlinkat readv recvfrom recvmsg rename renameat renameat2
    restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait sched_getaffinity sched_yield select sendfile sendmsg sendto setgid
    setgroups setitimer setpgid setregid setresgid setresuid setreuid setrlimit setsid setsockopt
    set_robust_list set_tid_address setuid shutdown sigaltstack socket socketpair splice stat statfs
    statx symlink symlinkat sync sysinfo tgkill time timer_create timer_settime times tkill truncate
    umask uname unlink unlinkat utime utimensat utimes vfork wait4 waitid waitpid write writev
    a_system_call_that_nobody_knows";

fn with(config: Config, policy: Value) -> Config {
    let policy = serde_json::from_value(policy).unwrap();
    config.edit(|spec| {
        spec.linux_mut().get_or_insert_default().set_seccomp(Some(policy));
    })
}

/// A policy that allows what is usual, and nothing else.
fn usual(default: &Value) -> Value {
    let names: Vec<&str> = USUAL.split_whitespace().collect();
    let mut policy = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [
            {"names": names, "action": "SCMP_ACT_ALLOW"},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": 0xffff_ffff_u32, "op": "SCMP_CMP_EQ"}]},
        ],
    });
    if cfg!(target_arch = "aarch64") {
        policy["architectures"] = json!(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
    }
    policy.as_object_mut().unwrap().extend(default.as_object().unwrap().clone());
    policy
}

/// A policy that allows everything but what one rule says.
fn but(rule: &Value) -> Value {
    json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})
}

/// A bundle whose program makes one system call and ends with its errno.
fn calling(sandbox: &Sandbox, number: u16, policy: Value) -> Bundle {
    let bundle = sandbox.bundle(&with(Config::new(["/call"]), policy));
    elf::write(&bundle.rootfs().join("call"), Does::Call(number));
    bundle
}

#[track_caller]
fn check_status(run: Run, expected: i32, who: &str) {
    let output = run.output();
    assert_eq!(output.status.code(), Some(expected), "{who}: {}", text(&output.stderr));
}

#[test]
fn an_engine_s_policy_allows_what_is_usual_and_nothing_else() {
    let sandbox = Sandbox::new();
    let script = "mkdir -p /tmp/a && echo made; mount -t tmpfs none /tmp 2>&1; unshare -u true 2>&1; id -u; \
        grep -e ^Seccomp: -e ^NoNewPrivs /proc/self/status";
    let held: Capabilities = [Capability::SysAdmin].into_iter().collect();
    for (config, privileges) in [
        (Config::script(script).capabilities(&held, &held), 1),
        (Config::script(script).capabilities(&held, &held).allowing_new_privileges(), 0),
    ] {
        let expected = format!(
            "made\nmount: permission denied (are you root?)\nunshare: unshare(0x4000000): Operation not \
             permitted\n0\nNoNewPrivs:\t{privileges}\nSeccomp:\t2\n"
        );
        let bundle = sandbox.bundle(&with(config, usual(&json!({}))));
        let output = sandbox.run(&bundle).output();
        let warning = text(&output.stderr);
        assert_eq!(text(&output.stdout), expected, "{warning}");
        assert!(warning.contains("a_system_call_that_nobody_knows"), "{warning}");
        sandbox.runc(&bundle).assert().code(0).stdout(expected);
    }
}

#[test]
fn a_user_gets_the_filter_too() {
    let sandbox = Sandbox::new();
    let config = Config::script("id -u; unshare -u true 2>&1").user(1000, 1000).groups(&[5]);
    let expected = "1000\nunshare: unshare(0x4000000): Operation not permitted\n";
    for config in [config.clone(), config.clone().allowing_new_privileges(), config.mapped_to(100_000)] {
        let bundle = sandbox.bundle(&with(config, usual(&json!({}))));
        let output = sandbox.run(&bundle).output();
        assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
    }
}

#[test]
fn every_action_has_its_effect() {
    let sandbox = Sandbox::new();
    for (action, errno, status) in [
        ("SCMP_ACT_ALLOW", None, 14),
        ("SCMP_ACT_LOG", None, 14),
        ("SCMP_ACT_ERRNO", None, 1),
        ("SCMP_ACT_ERRNO", Some(0), 0),
        ("SCMP_ACT_ERRNO", Some(13), 13),
        ("SCMP_ACT_TRACE", None, 38),
        ("SCMP_ACT_TRAP", None, 159),
        ("SCMP_ACT_KILL", None, 159),
        ("SCMP_ACT_KILL_THREAD", None, 159),
        ("SCMP_ACT_KILL_PROCESS", None, 159),
    ] {
        let mut rule = json!({"names": ["mkdirat"], "action": action});
        if let Some(errno) = errno {
            rule["errnoRet"] = json!(errno);
        }
        let bundle = calling(&sandbox, MKDIRAT, but(&rule));
        check_status(sandbox.run(&bundle), status, action);
        check_status(sandbox.runc(&bundle), status, &format!("runc: {action}"));
    }
}

#[test]
fn what_is_newer_than_the_policy_does_not_exist() {
    let sandbox = Sandbox::new();
    for (default, status) in [
        (json!({}), 14),
        (json!({"defaultErrnoRet": 99}), 14),
        (json!({"defaultAction": "SCMP_ACT_KILL_PROCESS"}), 14),
    ] {
        // It is named, so it is known.
        let bundle = calling(&sandbox, FACCESSAT2, usual(&default));
        check_status(sandbox.run(&bundle), status, "named");
    }
    let mut old = usual(&json!({}));
    let names =
        USUAL.split_whitespace().filter(|name| !["faccessat2", "close_range", "pidfd_open"].contains(name));
    old["syscalls"][0]["names"] = names.collect();
    let bundle = calling(&sandbox, FACCESSAT2, old.clone());
    check_status(sandbox.run(&bundle), 38, "newer");
    check_status(sandbox.runc(&bundle), 38, "runc: newer");
    // Without a list of architectures runc 1.1 adds nothing; later versions do.
    old.as_object_mut().unwrap().remove("architectures");
    let bundle = calling(&sandbox, FACCESSAT2, old);
    check_status(sandbox.run(&bundle), 1, "no architectures");
}

#[test]
fn every_operator_compares() {
    let sandbox = Sandbox::new();
    let condition = |op: &str, value: u64| json!({"index": CHMOD.1, "op": op, "value": value});
    let masked = json!({"index": CHMOD.1, "op": "SCMP_CMP_MASKED_EQ", "value": 6, "valueTwo": 4});
    for (conditions, denied) in [
        (json!([condition("SCMP_CMP_EQ", 4)]), "4"),
        (json!([condition("SCMP_CMP_NE", 4)]), "3 5 6"),
        (json!([condition("SCMP_CMP_LT", 4)]), "3"),
        (json!([condition("SCMP_CMP_LE", 4)]), "3 4"),
        (json!([condition("SCMP_CMP_GT", 4)]), "5 6"),
        (json!([condition("SCMP_CMP_GE", 4)]), "4 5 6"),
        (json!([masked]), "4 5"),
        (json!([condition("SCMP_CMP_EQ", 3), condition("SCMP_CMP_EQ", 6)]), "3 6"),
        (json!([condition("SCMP_CMP_GT", 3), {"index": 0, "op": "SCMP_CMP_NE", "value": 0}]), "4 5 6"),
        (json!([condition("SCMP_CMP_GT", 3), {"index": 0, "op": "SCMP_CMP_EQ", "value": 0}]), ""),
    ] {
        let rule = json!({"names": [CHMOD.0], "action": "SCMP_ACT_ERRNO", "args": conditions});
        let script =
            "touch /tmp/x; for mode in 3 4 5 6; do chmod $mode /tmp/x 2>/dev/null || echo $mode; done";
        let bundle = sandbox.bundle(&with(Config::script(script), but(&rule)));
        let words = |run: Run| text(&run.output().stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(sandbox.run(&bundle)), denied, "{conditions}");
        assert_eq!(words(sandbox.runc(&bundle)), denied, "runc: {conditions}");
    }
}

#[test]
fn flags_are_taken() {
    let sandbox = Sandbox::new();
    let mut policy = but(&json!({"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7}));
    policy["flags"] =
        json!(["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]);
    check_status(sandbox.run(&calling(&sandbox, MKDIRAT, policy)), 7, "flags");
}

#[test]
fn without_no_new_privileges_the_policy_holds_for_the_way_to_the_program() {
    let sandbox = Sandbox::new();
    let policy = but(&json!({"names": ["capset"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}));
    let config = with(Config::script("echo ran"), policy);
    sandbox.run(&sandbox.bundle(&config)).assert().code(0).stdout("ran\n").stderr("");
    let bundle = sandbox.bundle(&config.allowing_new_privileges());
    let output = sandbox.run(&bundle).output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(125), ""), "{message}");
    for part in ["NX-PROCESS-SETUP", "capabilities", "Input/output error", "noNewPrivileges"] {
        assert!(message.contains(part), "no {part:?} in {message}");
    }
    assert_ne!(sandbox.runc(&bundle).output().status.code(), Some(0), "runc");
}

#[test]
fn exec_and_the_end_are_all_that_a_policy_has_to_allow_with_no_new_privileges() {
    let sandbox = Sandbox::new();
    let policy = |names: &[&str]| json!({"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}]});
    let bundle = sandbox.bundle(&with(Config::new(["/end"]), policy(&["execve", "exit_group"])));
    elf::write(&bundle.rootfs().join("end"), Does::Exit42);
    check_status(sandbox.run(&bundle), 42, "execve and exit_group");
    // A failure is told by write.
    let missing = sandbox.bundle(&with(Config::new(["/no"]), policy(&["execve", "exit_group", "write"])));
    let output = sandbox.run(&missing).output();
    assert_eq!(output.status.code(), Some(127), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("NX-NO-PROGRAM"), "{}", text(&output.stderr));
}

/// Waits for one notification channel, and answers its first question with an errno.
fn agent(listener: &UnixListener, errno: i32) -> Value {
    let (mut stream, _) = listener.accept().unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut message = vec![0; 65536];
    let mut parts = [IoSliceMut::new(&mut message)];
    let count = recvmsg(&stream, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap().bytes;
    let rights = control.drain().find_map(|one| match one {
        RecvAncillaryMessage::ScmRights(mut rights) => rights.next(),
        _ => None,
    });
    let fd: OwnedFd = rights.unwrap();
    message.truncate(count);
    stream.read_to_end(&mut message).unwrap();
    let asked = ScmpNotifReq::receive(fd.as_raw_fd()).unwrap();
    ScmpNotifResp::new_error(asked.id, -errno, ScmpNotifRespFlags::empty()).respond(fd.as_raw_fd()).unwrap();
    serde_json::from_slice(&message).unwrap()
}

#[test]
fn a_listener_is_told_and_answers() {
    let sandbox = Sandbox::new();
    for (name, flags) in
        [("plain", json!([])), ("killable", json!(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]))]
    {
        let path = sandbox.path().join(format!("{name}.sock"));
        let listener = UnixListener::bind(&path).unwrap();
        let answers = thread::spawn(move || agent(&listener, 77));
        let mut policy = but(&json!({"names": ["mkdirat"], "action": "SCMP_ACT_NOTIFY"}));
        policy["flags"] = flags;
        policy["listenerPath"] = json!(path);
        policy["listenerMetadata"] = json!("a \"b\" \u{e9}");
        let bundle = calling(&sandbox, MKDIRAT, policy);
        let run = sandbox.run(&bundle);
        let id = run.id().to_owned();
        check_status(run, 77, name);
        let message = answers.join().unwrap();
        assert_eq!(message["ociVersion"], "1.3.0", "{message}");
        assert_eq!(
            (&message["fds"], &message["metadata"]),
            (&json!(["seccompFd"]), &json!("a \"b\" \u{e9}"))
        );
        assert!(message["pid"].as_i64().is_some_and(|pid| pid > 1), "{message}");
        let state = &message["state"];
        assert_eq!((&state["id"], &state["pid"]), (&json!(id), &message["pid"]), "{message}");
        assert_eq!((&state["bundle"], &state["status"]), (&json!(bundle.path()), &json!("created")));
    }
}

#[test]
fn without_its_listener_a_container_does_not_start() {
    let sandbox = Sandbox::new();
    let mut policy = but(&json!({"names": ["mkdirat"], "action": "SCMP_ACT_NOTIFY"}));
    policy["listenerPath"] = json!(sandbox.path().join("nobody.sock"));
    let bundle = sandbox.bundle(&with(Config::script("echo ran"), policy));
    let output = sandbox.run(&bundle).output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(125), ""), "{message}");
    assert!(message.contains("nobody.sock") && message.contains("listenerPath"), "{message}");
    sandbox.assert_nothing_left();
}

#[test]
fn a_policy_that_cannot_be_is_refused() {
    let sandbox = Sandbox::new();
    let conditions: Vec<Value> =
        (0..5000).map(|value| json!({"index": 0, "op": "SCMP_CMP_EQ", "value": value})).collect();
    let large = but(&json!({"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": conditions}));
    let mut write = but(&json!({"names": ["write"], "action": "SCMP_ACT_NOTIFY"}));
    write["listenerPath"] = json!("/x");
    let alone = but(&json!({"names": ["read"], "action": "SCMP_ACT_NOTIFY"}));
    for (policy, part) in [
        (large, "4096"),
        (write, "/linux/seccomp/syscalls/0/names/0"),
        (alone, "listenerPath"),
        (json!({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/x"}), "/linux/seccomp/defaultAction"),
    ] {
        let output = sandbox.run(&sandbox.bundle(&with(Config::script("echo ran"), policy))).output();
        let message = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(125), ""), "{message}");
        assert!(message.contains("NX-REFUSED") && message.contains(part), "no {part:?} in {message}");
    }
}

#[test]
fn labels_need_what_enforces_them() {
    let sandbox = Sandbox::new();
    for (name, config) in [
        (
            "process.apparmorProfile",
            Config::script("echo ran").edit(|spec| {
                spec.process_mut().get_or_insert_default().set_apparmor_profile(Some("a-profile".to_owned()));
            }),
        ),
        (
            "process.selinuxLabel",
            Config::script("echo ran").edit(|spec| {
                let label = Some("system_u:system_r:container_t:s0:c1,c2".to_owned());
                spec.process_mut().get_or_insert_default().set_selinux_label(label);
            }),
        ),
    ] {
        let bundle = sandbox.bundle(&config);
        let output = sandbox.run(&bundle).output();
        let message = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(125), ""), "{message}");
        assert!(message.contains("NX-PROCESS-SETUP") && message.contains(name), "{message}");
        assert!(message.contains("Invalid argument"), "the kernel was asked: {message}");
        assert_ne!(sandbox.runc(&bundle).output().status.code(), Some(0), "runc");
    }
}
