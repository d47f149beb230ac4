//! A state directory without room.

use super::{await_that, exit_status, refused};
use crate::text;
use nexcage_tests::{Config, Sandbox};
use std::fs;

/// A small file system as the root of all states.
struct Small<'s>(&'s Sandbox);

impl<'s> Small<'s> {
    fn mount(sandbox: &'s Sandbox) -> Self {
        fs::create_dir_all(sandbox.root()).unwrap();
        let mount = sandbox.command("mount").args(["-t", "tmpfs", "-o", "size=512k", "small"]);
        mount.arg(sandbox.root()).assert().code(0);
        Small(sandbox)
    }

    fn fill(&self) {
        let filled = fs::write(self.0.root().join("filling"), vec![0; 1 << 20]);
        assert!(filled.is_err(), "there is still room");
    }

    fn clear(&self) {
        fs::remove_file(self.0.root().join("filling")).unwrap();
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // A shim that has been answered for the last time is about to end.
        await_that("unmounted", || self.0.command("umount").arg(self.0.root()).output().status.success());
        // Gone if nexcage has removed it.
        drop(fs::remove_dir(self.0.root()));
    }
}

#[test]
fn nothing_is_made_and_what_runs_ends_as_it_ends() {
    let sandbox = Sandbox::new();
    {
        let small = Small::mount(&sandbox);
        let bundle = sandbox.bundle(&Config::script("echo up; read line; exit 7"));
        small.fill();
        let message = refused(sandbox.making("create", &bundle), "NX-SYSTEM", 1);
        assert!(message.contains("No space left on device"), "{message}");
        small.clear();
        let mut container = sandbox.start(&bundle);
        assert_eq!(container.line(), "up");
        small.fill();
        container.write(b"go\n");
        container.await_status("stopped");
        let output = container.verb("delete").output();
        assert!(output.status.success(), "{}", text(&output.stderr));
        small.clear();
        let container = sandbox.start(&sandbox.bundle(&Config::script("exit 3")));
        container.await_status("stopped");
        assert_eq!(exit_status(&sandbox, &container.id), 3);
        container.delete();
    }
    sandbox.assert_nothing_left();
}
