//! User, groups, umask and the five capability sets; runc is the second opinion.

use crate::text;
use nexcage_tests::{Config, Run, Sandbox};
use oci_spec::runtime::{Capabilities, Capability};

/// The lines of /proc/self/status that tell what the process may do.
fn credentials(run: Run) -> Vec<String> {
    let output = run.output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let names =
        ["Uid", "Gid", "Groups", "Umask", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"];
    let status = text(&output.stdout);
    let lines = status.lines().filter_map(|line| line.split_once(":\t"));
    let wanted = lines.filter(|(name, _)| names.contains(name));
    wanted.map(|(name, value)| format!("{name} {value}").replace('\t', " ").trim_end().to_owned()).collect()
}

#[track_caller]
fn check(config: Config, expected: &[&str]) {
    let sandbox = Sandbox::new();
    for config in [config.clone(), config.allowing_new_privileges()] {
        let bundle = sandbox.bundle(&config);
        let ours = credentials(sandbox.run(&bundle));
        let (others, last) = ours.split_at(ours.len() - 1);
        assert_eq!(others, expected);
        assert!(last[0].starts_with("NoNewPrivs "));
        assert_eq!(ours, credentials(sandbox.runc(&bundle)), "runc differs");
    }
}

fn status() -> Config {
    Config::new(["/bin/cat", "/proc/self/status"])
}

fn set(list: &[Capability]) -> Capabilities {
    list.iter().copied().collect()
}

/// Bits 0, 5, 10 and 29.
const HELD: &[Capability] =
    &[Capability::Chown, Capability::Kill, Capability::NetBindService, Capability::AuditWrite];

#[test]
fn root_has_exactly_the_given_capabilities() {
    check(
        status().capabilities(&set(HELD), &set(&[])),
        &[
            "Umask 0022",
            "Uid 0 0 0 0",
            "Gid 0 0 0 0",
            "Groups",
            "CapInh 0000000000000000",
            "CapPrm 0000000020000421",
            "CapEff 0000000020000421",
            "CapBnd 0000000020000421",
            "CapAmb 0000000000000000",
        ],
    );
}

#[test]
fn root_keeps_inheritable_and_ambient_capabilities() {
    check(
        status().capabilities(&set(HELD), &set(&[Capability::Kill])),
        &[
            "Umask 0022",
            "Uid 0 0 0 0",
            "Gid 0 0 0 0",
            "Groups",
            "CapInh 0000000000000020",
            "CapPrm 0000000020000421",
            "CapEff 0000000020000421",
            "CapBnd 0000000020000421",
            "CapAmb 0000000000000020",
        ],
    );
}

#[test]
fn a_user_has_the_ambient_capabilities_groups_and_umask() {
    let kept = set(&[Capability::NetBindService, Capability::Kill]);
    check(
        status().user(1000, 1001).groups(&[5, 44, 1002]).umask(0o027).capabilities(&set(HELD), &kept),
        &[
            "Umask 0027",
            "Uid 1000 1000 1000 1000",
            "Gid 1001 1001 1001 1001",
            "Groups 5 44 1002",
            "CapInh 0000000000000420",
            "CapPrm 0000000000000420",
            "CapEff 0000000000000420",
            "CapBnd 0000000020000421",
            "CapAmb 0000000000000420",
        ],
    );
}

#[test]
fn a_user_without_ambient_capabilities_has_none() {
    check(
        status().user(1000, 1000).capabilities(&set(HELD), &set(&[])),
        &[
            "Umask 0022",
            "Uid 1000 1000 1000 1000",
            "Gid 1000 1000 1000 1000",
            "Groups",
            "CapInh 0000000000000000",
            "CapPrm 0000000000000000",
            "CapEff 0000000000000000",
            "CapBnd 0000000020000421",
            "CapAmb 0000000000000000",
        ],
    );
}

#[test]
fn without_any_capability_even_root_has_none() {
    check(
        status().capabilities(&set(&[]), &set(&[])),
        &[
            "Umask 0022",
            "Uid 0 0 0 0",
            "Gid 0 0 0 0",
            "Groups",
            "CapInh 0000000000000000",
            "CapPrm 0000000000000000",
            "CapEff 0000000000000000",
            "CapBnd 0000000000000000",
            "CapAmb 0000000000000000",
        ],
    );
}
