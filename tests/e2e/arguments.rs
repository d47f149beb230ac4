//! argv and environment arrive byte for byte.

use crate::text;
use nexcage_tests::{Config, Sandbox};

/// Runs a process with these arguments and environment and gives back what the kernel says they
/// are.
#[track_caller]
fn check(args: &[String], env: &[String]) {
    let sandbox = Sandbox::new();
    let script = "cat /proc/1/cmdline; cat /proc/1/environ >&2; exit 0".to_owned();
    let own = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned);
    let args: Vec<String> = own.into_iter().chain(args.iter().cloned()).collect();
    let config = Config::new(args.clone()).env(env.to_vec());
    let output = sandbox.run(&sandbox.bundle(&config)).output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    compare(&nul_terminated(&output.stdout), &args);
    compare(&nul_terminated(&output.stderr), env);
}

/// Compares string by string: a message of all of them could not be read.
#[track_caller]
fn compare(seen: &[String], expected: &[String]) {
    assert_eq!(seen.len(), expected.len());
    for (seen, expected) in seen.iter().zip(expected) {
        assert_eq!(seen, expected);
    }
}

fn nul_terminated(bytes: &[u8]) -> Vec<String> {
    let mut strings: Vec<String> = text(bytes).split('\0').map(str::to_owned).collect();
    assert_eq!(strings.pop().as_deref(), Some(""), "the last one ends too");
    strings
}

const HARD: &[&str] = &[
    "two words",
    " blanks  around ",
    "",
    "'single'",
    "\"double\"",
    "both ' and \"",
    "back\\slash\\",
    "two\nlines\n",
    "tab\tcr\r",
    "$HOME `id` $(id) *",
    "#comment",
    "a=b=c",
    "żółć 漢字 🦀",
    "\u{1}\u{1b}[31m\u{7f}",
    "\u{feff}\u{2028}\u{10ffff}",
    "lxc.init.cmd = /bin/false",
    "%s %n",
    "--",
    "-c",
];

fn path() -> String {
    "PATH=/bin".to_owned()
}

#[test]
fn every_kind_of_character_in_arguments_and_environment() {
    let args: Vec<String> = HARD.iter().map(|&text| text.to_owned()).collect();
    let named = HARD.iter().enumerate().map(|(n, text)| format!("V{n}={text}"));
    // HOME is given: else the runtime adds it.
    let env: Vec<String> = [path(), "HOME=/".to_owned()].into_iter().chain(named).collect();
    check(&args, &env);
}

#[test]
fn a_thousand_arguments() {
    let args: Vec<String> = (0..1000).map(|n| format!("argument {n}")).collect();
    check(&args, &[path(), "HOME=/".to_owned()]);
}

#[test]
fn two_hundred_kilobytes() {
    let args: Vec<String> = (0..4).map(|n| format!("{n}").repeat(25_000)).collect();
    let variables = (0..4).map(|n| format!("V{n}={}", "x\n".repeat(12_500)));
    let env: Vec<String> = [path(), "HOME=/".to_owned()].into_iter().chain(variables).collect();
    check(&args, &env);
}

#[test]
fn nothing_is_added_to_the_environment_but_home() {
    let sandbox = Sandbox::new();
    let config = Config::new(["/bin/cat", "/proc/self/environ"]).env(["A=1"]);
    let run = sandbox.run(&sandbox.bundle(&config)).env("LEAK", "1");
    run.assert().code(0).stdout("A=1\0HOME=/root\0").stderr("");
}
