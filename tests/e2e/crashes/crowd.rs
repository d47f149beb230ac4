//! Many containers at a time.

use super::ground::Ground;
use nexcage_tests::{Config, Sandbox};
use std::fs;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

const CONTAINERS: u8 = 100;
/// How many commands are at work at a time.
const COMMANDS: usize = 8;

/// Does something for all containers, several at a time.
fn for_all(work: impl Fn(u8) + Sync) {
    let left = Mutex::new((0..CONTAINERS).collect::<Vec<u8>>());
    let next = || left.lock().unwrap().pop();
    thread::scope(|scope| {
        for _ in 0..COMMANDS {
            scope.spawn(|| {
                while let Some(number) = next() {
                    work(number);
                }
            });
        }
    });
}

fn id(number: u8) -> String {
    format!("c{number}")
}

#[track_caller]
fn does(sandbox: &Sandbox, verb: &str, number: u8, options: &[&str]) {
    let said = sandbox.path().join(format!("said-{number}"));
    let file = fs::File::create(&said).unwrap();
    let mut run = sandbox.nexcage(verb).args(options).arg(id(number));
    let status = run.with_stdio([Stdio::null(), Stdio::null(), file.into()]);
    assert!(status.success(), "{verb} {number}: {status}: {}", fs::read_to_string(&said).unwrap());
}

/// The exit that is written down.
fn exit(sandbox: &Sandbox, number: u8) -> Option<(u64, bool)> {
    let text = fs::read(sandbox.state_directory(&id(number)).join("record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
    Some((record["exit"]["status"].as_u64()?, record["exit"]["lost"] == true))
}

#[test]
fn a_hundred_containers_live_side_by_side() {
    let ground = Ground::without_hooks();
    let sandbox = &ground.sandbox;
    let shared = sandbox.path().join("shared");
    let base = Config::script("").bind(&shared, "/shared");
    let bundle = sandbox.bundle(&base);
    // One root file system is enough for all.
    let bundles: Vec<_> = (0..CONTAINERS)
        .map(|number| {
            let script = format!("until [ -e /shared/end ]; do sleep 0.2; done; exit {number}");
            let config = Config::script(&script).bind(&shared, "/shared");
            let directory = sandbox.path().join(format!("of{number}"));
            fs::create_dir(&directory).unwrap();
            let config = config.edit(|spec| {
                spec.root_mut().as_mut().unwrap().set_path(bundle.rootfs());
            });
            bundle.configure(&config).unwrap();
            fs::rename(bundle.config(), directory.join("config.json")).unwrap();
            directory.to_string_lossy().into_owned()
        })
        .collect();
    for_all(|number| {
        does(sandbox, "create", number, &["--bundle", &bundles[usize::from(number)]]);
        does(sandbox, "start", number, &[]);
    });
    let listed = sandbox.nexcage("list").assert().code(0).stderr("").get_output().stdout.clone();
    let listed = String::from_utf8(listed).unwrap();
    assert_eq!(listed.matches(" running ").count(), usize::from(CONTAINERS), "{listed}");
    // All end within the same moment.
    fs::write(shared.join("end"), "").unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    for number in 0..CONTAINERS {
        let mut seen = exit(sandbox, number);
        while seen.is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
            seen = exit(sandbox, number);
        }
        assert_eq!(seen, Some((number.into(), false)), "container {number}");
    }
    for_all(|number| does(sandbox, "delete", number, &[]));
    let listed = sandbox.nexcage("list").arg("-q").assert().code(0).get_output().stdout.clone();
    assert_eq!(String::from_utf8(listed).unwrap(), "");
    ground.await_nothing_left();
}
