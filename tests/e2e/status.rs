//! The container's exit status is the shim's.

use crate::elf::{self, Does};
use crate::{EXIT_SOURCES, text};
use nexcage_tests::{Config, Sandbox};

#[test]
fn the_status_of_the_process_comes_back_from_each_source() {
    let sandbox = Sandbox::new();
    for source in EXIT_SOURCES {
        for status in [0, 1, 42, 125, 255] {
            let bundle = sandbox.bundle(&Config::script(&format!("exit {status}")));
            sandbox.run(&bundle).args(["--exit-source", source]).assert().code(status).stdout("").stderr("");
        }
    }
}

#[test]
fn death_by_sigkill_from_the_host_is_137() {
    let sandbox = Sandbox::new();
    for source in EXIT_SOURCES {
        let bundle = sandbox.bundle(&Config::script("echo up; read line"));
        let mut running = sandbox.run(&bundle).args(["--exit-source", source]).start();
        assert_eq!(running.line(), "up");
        crate::inspect::kill(&sandbox, &running.id);
        let output = running.wait();
        assert_eq!(output.status.code(), Some(137), "{source}: {}", text(&output.stderr));
    }
}

#[test]
fn death_by_a_fault_is_128_and_its_signal() {
    let sandbox = Sandbox::new();
    for source in EXIT_SOURCES {
        let bundle = sandbox.bundle(&Config::new(["/bin/fault"]));
        elf::write(&bundle.rootfs().join("bin/fault"), Does::Fault);
        sandbox.run(&bundle).args(["--exit-source", source]).assert().code(128 + 4).stdout("").stderr("");
    }
}

#[test]
fn a_process_that_ends_at_once_is_not_missed() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new(["/bin/exit42"]));
    elf::write(&bundle.rootfs().join("bin/exit42"), Does::Exit42);
    for source in EXIT_SOURCES {
        for _ in 0..10 {
            sandbox.run(&bundle).args(["--exit-source", source]).assert().code(42).stdout("").stderr("");
        }
    }
}

#[test]
fn children_that_outlive_the_process_do_not_hold_the_shim() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("sleep 1000 & exit 6"));
    sandbox.run(&bundle).assert().code(6).stdout("").stderr("");
}
