//! Root file systems with other owners than the layers they are made of, as containerd 2 asks for them when
//! a container has a user namespace.

use crate::peers::client;
use nexcage_task_api::method::{Create, Delete, Start, Wait};
use nexcage_task_api::task::{CreateTaskRequest, DeleteRequest, Mount, StartRequest, WaitRequest};
use nexcage_tests::{Config, Sandbox, await_that};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

const OWNERS: [&str; 2] = ["uidmap=0:100000:65536", "gidmap=0:100000:65536"];

/// Runs a shell in a container with this root file system, to its end, and gives its status.
fn run(sandbox: &Sandbox, text: &str, rootfs: Mount) -> u32 {
    run_bundle(sandbox, &Config::script(text).mapped_to(100_000), rootfs)
}

/// The same for any bundle.
pub(crate) fn run_bundle(sandbox: &Sandbox, config: &Config, rootfs: Mount) -> u32 {
    let bundle = sandbox.bundle(config);
    fs::remove_dir_all(bundle.rootfs()).unwrap();
    fs::create_dir(bundle.rootfs()).unwrap();
    let serve = sandbox.tool("nexcage-shim").args(["serve", "--id", "c", "--namespace", sandbox.namespace()]);
    let serve = serve.env("NEXCAGE_CONFIG", sandbox.configuration());
    serve.arg("--root").arg(sandbox.root()).assert().code(0);
    let mut shim = client(sandbox, "c");
    let id = || "c".to_owned();
    let bundle = bundle.path().to_str().unwrap().to_owned();
    let create = CreateTaskRequest { id: id(), bundle, rootfs: vec![rootfs], ..CreateTaskRequest::default() };
    shim.call::<Create>(&create).unwrap();
    shim.call::<Start>(&StartRequest { id: id(), exec_id: String::new() }).unwrap();
    let ended = shim.call::<Wait>(&WaitRequest { id: id(), exec_id: String::new() }).unwrap();
    shim.call::<Delete>(&DeleteRequest { id: id(), exec_id: String::new() }).unwrap();
    drop(shim);
    await_that("the shim has ended", || sandbox.traces().processes.is_empty());
    ended.exit_status
}

/// Layers of an image, and where changes go, all of the host's root but for a user's file.
pub(crate) struct Layers {
    pub(crate) image: PathBuf,
    pub(crate) added: PathBuf,
    pub(crate) upper: PathBuf,
    work: PathBuf,
}

impl Layers {
    pub(crate) fn make(sandbox: &Sandbox) -> Self {
        let image = sandbox.bundle(&Config::script("true")).rootfs();
        let [added, upper, work] = ["added", "upper", "work"].map(|name| sandbox.path().join(name));
        for directory in [&added, &upper, &work] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(added.join("of-user"), "").unwrap();
        chown(added.join("of-user"), Some(1000), Some(1000)).unwrap();
        fs::write(added.join("old"), "old").unwrap();
        Layers { image, added, upper, work }
    }

    /// Their mount, as an engine asks for it that knows nothing of users.
    pub(crate) fn mount(&self) -> Mount {
        let (added, image) = (self.added.display(), self.image.display());
        let options = [
            format!("lowerdir={added}:{image}"),
            format!("upperdir={}", self.upper.display()),
            format!("workdir={}", self.work.display()),
        ];
        mount("overlay", Path::new("overlay"), &options)
    }
}

fn mount(kind: &str, source: &Path, options: &[String]) -> Mount {
    let source = source.to_str().unwrap().to_owned();
    Mount { kind: kind.to_owned(), source, options: options.to_vec(), ..Mount::default() }
}

/// The same mount with other owners.
fn owned(mut mount: Mount) -> Mount {
    mount.options.extend(OWNERS.iter().map(ToString::to_string));
    mount
}

#[test]
fn the_owners_of_layers_are_mapped_and_the_layers_stay_as_they_are() {
    let sandbox = Sandbox::new();
    let layers = Layers::make(&sandbox);
    let Layers { image, added, upper, .. } = &layers;
    chown(upper, Some(100_000), Some(100_000)).unwrap();
    let look = "test \"$(stat -c %u:%g / /bin/busybox /of-user | tr '\\n' ' ')\" = '0:0 0:0 1000:1000 ' && \
                touch /new && rm /of-user && exit 7";
    assert_eq!(run(&sandbox, look, owned(layers.mount())), 7);
    assert_eq!(fs::metadata(upper.join("new")).unwrap().uid(), 100_000);
    assert_eq!(fs::metadata(added.join("of-user")).unwrap().uid(), 1000);
    let look = "test \"$(stat -c %u:%g / /bin/busybox | tr '\\n' ' ')\" = '0:0 0:0 ' && touch /new && exit 8";
    assert_eq!(run(&sandbox, look, owned(mount("bind", image, &["rbind".to_owned(), "rw".to_owned()]))), 8);
    assert_eq!(fs::metadata(image.join("new")).unwrap().uid(), 0);
}
