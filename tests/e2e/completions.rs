//! What the shells complete, asked of the real shells.

use crate::lifecycle::waiting;
use crate::text;
use nexcage_tests::Sandbox;
use std::path::PathBuf;

fn script(shell: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packaging/completions").join(shell).join(name)
}

/// What bash offers for the last of these words.
fn bash(sandbox: &Sandbox, words: &[&str]) -> String {
    let name = words[0];
    let ask = format!(
        "source {}; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _{} 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script("bash", name).display(),
        name.replace('-', "_")
    );
    ask_shell(sandbox, "bash", &ask, words)
}

/// What fish offers for a line.
fn fish(sandbox: &Sandbox, words: &[&str]) -> String {
    let ask =
        format!("source {}; complete -C \"$argv\"", script("fish", &format!("{}.fish", words[0])).display());
    ask_shell(sandbox, "fish", &ask, words)
}

/// The line that zsh makes at a terminal of one that is followed by Tab.
fn zsh(sandbox: &Sandbox, words: &[&str]) -> String {
    let ask = format!(
        r#"zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell 'PS1=; fpath=({} $fpath); autoload -U compinit; compinit -u -D; zstyle ":completion:*" insert-tab false; print READ""Y'
        until [[ $line == *READY* ]]; do zpty -r shell line; done
        zpty -w -n shell "$*"$'\t\C-aprint -r MA""DE \C-e\r'
        until [[ $line == *MADE* ]]; do zpty -r shell line || break; done
        print -r -- $line
        zpty -d shell"#,
        script("zsh", "").display()
    );
    ask_shell(sandbox, "zsh", &ask, words)
}

fn ask_shell(sandbox: &Sandbox, shell: &str, ask: &str, words: &[&str]) -> String {
    let tools = sandbox.tool_path("nexcage");
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", tools.parent().unwrap().display());
    let mut run = sandbox.command(shell).env("PATH", path).env("HOME", sandbox.path()).env("TERM", "dumb");
    run = run.args(["-c", ask]);
    if shell != "fish" {
        run = run.arg("shell");
    }
    let output = run.args(words).output();
    text(&output.stdout)
}

#[test]
fn options_choices_signals_and_rules_are_completed() {
    let sandbox = Sandbox::new();
    for (words, expected) in [
        (&["nexcage", "kil"][..], "kill"),
        (&["nexcage", "exec", "--no-new-"], "--no-new-privs"),
        (&["nexcage", "list", "--format", "js"], "json"),
        (&["nexcage", "kill", "c1", "WINC"], "WINCH"),
        (&["bundle-validate", "--format", "sar"], "sarif"),
        (&["bundle-validate", "--deny", "OCI-JSON-SYN"], "OCI-JSON-SYNTAX"),
        (&["lxc-render-config", "--allow-loss", "/linux/intelR"], "/linux/intelRdt"),
        (&["state-inspect", "--status", "creati"], "creating"),
        (&["nexcage-shim", "reco"], "recover"),
    ] {
        for (shell, ask) in [("bash", bash as fn(&Sandbox, &[&str]) -> String), ("zsh", zsh), ("fish", fish)]
        {
            let offered = ask(&sandbox, words);
            assert!(offered.contains(expected), "{shell}, {words:?}: {offered:?}");
        }
    }
}

#[test]
fn ids_of_containers_are_completed() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let id = "complete-me";
    // The process must not hold the pipes that are read here.
    let apart = ["/bin/sh", "-c", "exec \"$@\" </dev/null >/dev/null 2>&1", "sh"];
    sandbox.making_as(id, "create", &bundle).through(apart).assert().code(0);
    let (root, namespace) = (sandbox.root(), sandbox.namespace().to_owned());
    let root = root.to_str().unwrap();
    let words = ["nexcage", "--root", root, "--namespace", &namespace, "delete", "--force", "complete-"];
    for (shell, ask) in [("bash", bash as fn(&Sandbox, &[&str]) -> String), ("zsh", zsh), ("fish", fish)] {
        let offered = ask(&sandbox, &words);
        assert!(offered.contains(id), "{shell}: {offered:?}");
    }
    sandbox.nexcage("delete").args(["--force", id]).assert().code(0);
}
