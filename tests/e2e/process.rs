//! What the process finds around itself.

use crate::text;
use nexcage_tests::{Config, Sandbox};

#[test]
fn pid_1_is_the_process() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("echo $$; readlink /proc/1/exe; cat /proc/1/comm; exit 0"));
    sandbox.run(&bundle).assert().code(0).stdout("1\n/bin/busybox\nsh\n").stderr("");
}

#[test]
fn it_has_descriptors_0_1_2_and_no_others() {
    let sandbox = Sandbox::new();
    // ls itself opens the directory: 3.
    let bundle = sandbox.bundle(&Config::new(["/bin/ls", "-1", "/proc/self/fd"]));
    let leaking = ["/bin/sh", "-c", "exec 7</etc/passwd 9>/dev/null; exec \"$@\"", "sh"];
    sandbox.run(&bundle).assert().code(0).stdout("0\n1\n2\n3\n").stderr("");
    sandbox.run(&bundle).through(leaking).assert().code(0).stdout("0\n1\n2\n3\n").stderr("");
}

#[test]
fn nothing_of_nexcage_is_mounted_or_to_be_seen() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("cat /proc/self/mountinfo; ls -A1 / /dev >&2"));
    let output = sandbox.run(&bundle).output();
    let (mounts, listing) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{listing}");
    assert!(!mounts.contains("nexcage") && !listing.contains("nexcage"), "{mounts}{listing}");
    let points: Vec<&str> = mounts.lines().filter_map(|line| line.split(' ').nth(4)).collect();
    for expected in ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"] {
        assert!(points.contains(&expected), "{expected} missing from {points:?}");
    }
    let top: Vec<&str> = listing.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    assert_eq!(top, ["bin", "dev", "etc", "home", "proc", "root", "sys", "tmp"]);
}

#[test]
fn home_is_the_user_s_unless_it_is_given() {
    let sandbox = Sandbox::new();
    for (uid, env, home) in [
        (0, vec!["PATH=/bin"], "/root\n"),
        (1000, vec!["PATH=/bin"], "/home/user\n"),
        (4711, vec!["PATH=/bin"], "/\n"),
        (1000, vec!["PATH=/bin", "HOME=/elsewhere"], "/elsewhere\n"),
    ] {
        let bundle = sandbox.bundle(&Config::script("echo $HOME").user(uid, uid).env(env));
        sandbox.run(&bundle).assert().code(0).stdout(home).stderr("");
        sandbox.runc(&bundle).assert().code(0).stdout(home);
    }
}

#[test]
fn the_working_directory_is_made_if_it_is_missing() {
    let sandbox = Sandbox::new();
    let config = Config::script("pwd; ls -ld . | cut -c1-10").cwd("/srv/a b/c");
    let bundle = sandbox.bundle(&config);
    sandbox.run(&bundle).assert().code(0).stdout("/srv/a b/c\ndrwxr-xr-x\n").stderr("");
    let output = sandbox.run(&sandbox.bundle(&config.read_only())).output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(125), ""));
    assert!(message.contains("/srv/a b/c") || message.contains("working directory"), "{message}");
}

#[test]
fn a_relative_program_is_found_by_the_process_s_own_path() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new(["echo", "found"]).env(["PATH=/nowhere:/bin"]));
    sandbox.run(&bundle).assert().code(0).stdout("found\n").stderr("");
}

#[test]
fn the_host_name_is_the_bundle_s() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new(["/bin/hostname"]));
    sandbox.run(&bundle).assert().code(0).stdout("box\n").stderr("");
}

#[test]
fn of_equal_names_and_groups_one_is_left_as_under_runc() {
    let sandbox = Sandbox::new();
    let config = Config::script("cat /proc/1/environ; grep Groups /proc/1/status; exit 0");
    let config = config.env(["PATH=/bin", "A=1", "HOME=", "A=2", "HOME=/x"]).groups(&[7, 5, 7, 0]);
    let bundle = sandbox.bundle(&config);
    let expected = "PATH=/bin\0A=2\0HOME=/x\0Groups:\t0 5 7 \n";
    sandbox.run(&bundle).assert().code(0).stdout(expected).stderr("");
    sandbox.runc(&bundle).assert().code(0).stdout(expected);
}
