//! What the manual pages and the readme show is what happens: their lines that begin with `$` are
//! commands, which are run in their order.

use crate::text;
use nexcage_tests::{Config, Sandbox};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The pages with commands, but for bundle-validate(1), whose own tests run them.
const PAGES: [&str; 5] =
    ["lxc-render-config.1", "nexcage-shim.1", "nexcage.1", "nexcage.7", "state-inspect.1"];

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A shell for a reader in a directory of his own: state, node and runc are the test's.
struct Reader {
    sandbox: Sandbox,
    _alone: MutexGuard<'static, ()>,
}

/// The pages have the same ids in the same namespace, and so the same cgroups.
static ALONE: Mutex<()> = Mutex::new(());

impl Reader {
    fn new() -> Self {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let sandbox = Sandbox::new();
        sandbox.watch("nexcage@default@demo");
        sandbox.watch("nexcage@default@greeter");
        let configuration = fs::read_to_string(sandbox.configuration()).unwrap();
        let mut configuration: serde_json::Value = serde_json::from_str(&configuration).unwrap();
        configuration["root"] = json!(sandbox.root());
        fs::write(sandbox.configuration(), configuration.to_string()).unwrap();
        let programs = sandbox.path().join("programs");
        fs::create_dir(&programs).unwrap();
        let inspect = sandbox.tool_path("state-inspect");
        for (name, program, root) in [
            ("state-inspect", &*inspect, sandbox.root()),
            ("runc", Path::new("runc"), sandbox.path().join("runc")),
        ] {
            let script = format!(
                "#!/bin/sh\nPATH=/usr/sbin:/usr/bin\nexec {} --root {} \"$@\"\n",
                program.display(),
                root.display()
            );
            let path = programs.join(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::create_dir(sandbox.path().join("srv")).unwrap();
        Reader { sandbox, _alone }
    }

    /// Makes the directory `bundle` of a process.
    fn bundle(&self, script: &str) {
        let made = self.sandbox.bundle(&Config::script(script));
        fs::rename(made.path(), self.sandbox.path().join("srv/bundle")).unwrap();
    }

    /// Types commands one after the other, and returns what they printed; each has to succeed.
    #[track_caller]
    fn types(&self, commands: &[String]) -> String {
        let tools = self.sandbox.tool_path("nexcage");
        let [place, tools] = [self.sandbox.path(), tools.parent().unwrap()].map(Path::display);
        let path = format!("{place}/programs:{tools}:/usr/sbin:/usr/bin");
        let script = format!("set -exo pipefail; cd srv\n{}\n", commands.join("\n"));
        let run = self.sandbox.command("bash").args(["-c", &script]).env("PATH", path);
        let output = run.env("NEXCAGE_CONFIG", self.sandbox.configuration()).output();
        let shown = text(&output.stdout);
        assert!(output.status.success(), "{shown}{}", text(&output.stderr));
        shown
    }

    /// Types a session that is shown with its output, and returns what it really is like.
    fn follows(&self, session: &str) -> String {
        let typed = session.lines().filter_map(|line| line.strip_prefix("$ "));
        let quoted = |line: &str| line.replace('\'', r"'\''");
        let typed = typed.map(|line| format!("echo '$ {}'\n{line}", quoted(line)));
        self.types(
            &[vec!["set +ex; exec 2>&1".to_owned()], typed.collect(), vec!["true".to_owned()]].concat(),
        )
    }

    /// Types the commands of a page's examples, between others.
    #[track_caller]
    fn reads(&self, page: &str, [before, after]: [&str; 2]) -> String {
        let own = commands(&file(&format!("man/{page}")));
        assert!(!own.is_empty(), "{page}");
        // Who is asked for a terminal's input leaves it.
        let keys = |command: String| match command.split(' ').nth(1) {
            Some("run") if page == "nexcage.1" => format!("echo exit | {command}"),
            Some("attach") => format!(r"printf '\x10\x11' | {command}"),
            _ => command,
        };
        let commands: Vec<String> = [before.to_owned()]
            .into_iter()
            .chain(own.into_iter().map(keys))
            .chain([after.to_owned()])
            .collect();
        self.types(&commands)
    }
}

/// The commands of the section EXAMPLES.
fn commands(page: &str) -> Vec<String> {
    let section = page.split(".Sh ").find_map(|section| section.strip_prefix("EXAMPLES\n"));
    let lines = section.unwrap_or_default().lines();
    let lines = lines.filter_map(|line| line.trim_start_matches(".Dl ").strip_prefix("$ "));
    lines.map(|line| line.replace("\\e", "\\")).collect()
}

#[test]
fn every_page_with_commands_has_a_test() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../man");
    for entry in fs::read_dir(pages).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let tested = PAGES.contains(&&*name) || name == "bundle-validate.1";
        assert_eq!(tested, !commands(&file(&format!("man/{name}"))).is_empty(), "{name}");
    }
}

#[test]
fn the_overview_runs() {
    let reader = Reader::new();
    let shown = reader.reads("nexcage.7", ["", ""]);
    for part in ["greeter", "running"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(fs::read_to_string(reader.sandbox.path().join("srv/greeting")).unwrap(), "hello\n");
}

#[test]
fn the_examples_of_nexcage_run() {
    let shown = Reader::new().reads("nexcage.1", ["", ""]);
    assert!(shown.contains("demo") && shown.contains("\"pids\":{"), "{shown}");
}

#[test]
fn the_examples_of_lxc_render_config_run() {
    let reader = Reader::new();
    reader.bundle("echo it ran");
    let shown = reader.reads("lxc-render-config.1", ["", ""]);
    assert!(shown.starts_with("it ran\n") && shown.contains("proc/kcore"), "{shown}");
}

#[test]
fn the_examples_of_nexcage_shim_run() {
    let reader = Reader::new();
    reader.bundle("cat; hostname");
    let shown = reader.reads("nexcage-shim.1", ["", ""]);
    assert!(shown.starts_with("HELLO\n") && shown.ends_with("other\n"), "{shown}");
}

#[test]
fn the_examples_of_state_inspect_run() {
    let reader = Reader::new();
    reader.bundle("sleep 1000");
    let make = "nexcage create --bundle bundle demo\nrunc run --detach --bundle bundle web < /dev/null > /dev/null 2>&1";
    let remove = "nexcage delete --force demo\nrunc delete --force web";
    let shown = reader.reads("state-inspect.1", [make, remove]);
    let gauges = fs::read_to_string(reader.sandbox.path().join("srv/containers.prom")).unwrap();
    let mut lines = shown.lines();
    assert!(lines.next().is_some_and(|pid| pid.parse::<i32>().is_ok_and(|pid| pid > 0)), "{shown}");
    assert!(lines.any(|line| line.contains("web") && line.contains("running")), "{shown}");
    assert!(gauges.contains("demo"), "{gauges}");
}

/// A session without what is different each time: numbers, and the width of columns.
fn alike(session: &str) -> String {
    let lines = session.lines().map(|line| {
        let words = line.split_whitespace().map(|word| {
            let parts = word.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join("0")
        });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sessions_of_the_readme_are_real() {
    let reader = Reader::new();
    let readme = file("README.md");
    let blocks = readme.split("```").skip(1).step_by(2);
    let sessions: String = blocks.filter(|block| block.starts_with("\n$ ")).collect();
    let shown = reader.follows(&sessions);
    let shown = shown.replace(&format!("{}/", reader.sandbox.path().display()), "/");
    let sessions: Vec<&str> = sessions.lines().filter(|line| !line.is_empty()).collect();
    assert!(sessions.len() > 20, "{sessions:?}");
    assert_eq!(alike(&shown), alike(&sessions.join("\n")), "{shown}");
}
