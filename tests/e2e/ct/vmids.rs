//! Ids of CTs.

use super::{conf, failure, node, sandbox};
use nexcage_tests::{Config, FIRST_VMID};
use pct_stand_in::Fault;
use std::collections::BTreeSet;
use std::{fs, thread};

/// Creations that take their id and are refused by pct: whole ones take too long.
#[test]
fn two_hundred_parallel_creations_get_two_hundred_ids() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    // Nobody gives an id back while others still take theirs: every try fails late.
    let bundle = sandbox.bundle(&Config::script("exit 0").read_only());
    node.set_fault(Some(&Fault::Fail { stdout: String::new(), stderr: "x\n".to_owned(), status: 255 }))
        .unwrap();
    let keep = sandbox.path().join("kept");
    fs::create_dir(&keep).unwrap();
    super::wrap(
        node,
        &format!(
            "cp '{}'/$2.conf '{}'/$PPID.$2\nwhile [ $(ls '{}' | wc -l) -lt 200 ]; do sleep 1; done",
            node.conf_dir().display(),
            keep.display(),
            keep.display()
        ),
        "",
    );
    thread::scope(|scope| {
        for number in 0..200 {
            let (sandbox, bundle) = (&sandbox, &bundle);
            scope.spawn(move || {
                let run = sandbox.run_as(&format!("p{number}"), bundle).args(["--timeout", "200"]);
                failure(run, "NX-PCT-START");
            });
        }
    });
    let taken: Vec<String> = fs::read_dir(&keep)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let ids: BTreeSet<&str> = taken.iter().filter_map(|name| name.split('.').nth(1)).collect();
    assert_eq!((taken.len(), ids.len()), (200, 200));
    sandbox.assert_nothing_left();
}

#[test]
fn what_the_cluster_lists_is_passed_over() {
    let sandbox = sandbox();
    let list = node(&sandbox).conf_dir().with_file_name(".vmlist");
    let ids = (0..3)
        .map(|offset| format!("\"{}\": {{\"node\": \"other\", \"type\": \"qemu\"}}", FIRST_VMID + offset));
    let ids: Vec<String> = ids.collect();
    fs::write(&list, format!("{{\"version\": 1, \"ids\": {{{}}}}}", ids.join(","))).unwrap();
    let container = sandbox.create(&sandbox.bundle(&Config::script("read line")));
    assert!(conf(node(&sandbox), FIRST_VMID + 3).exists());
    container.remove();
    fs::remove_file(list).unwrap();
}
