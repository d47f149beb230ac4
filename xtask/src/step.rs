//! Running other programs: shown on a terminal, quiet in a pipe unless they fail.

use crate::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Says something on stdout. A reader that has gone away does not stop the work.
pub(crate) fn say(line: &str) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}

/// Takes a step of a longer work and says how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    say(&format!("{name} ..."));
    let start = Instant::now();
    let result = work();
    let verdict = if result.is_ok() { "ok" } else { "FAILED" };
    say(&format!("{name}: {verdict}, {:.1} s", start.elapsed().as_secs_f64()));
    result
}

/// Runs a program to its end. Its output goes to the terminal; where there is none, it is shown only
/// if the program fails.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let program = shown(command);
    let start = |source| Error::Start { program: program.clone(), source };
    command.stdin(Stdio::null());
    let status = if io::stdout().is_terminal() {
        command.status().map_err(start)?
    } else {
        let output = command.output().map_err(start)?;
        if !output.status.success() {
            drop(io::stderr().write_all(&[output.stdout, output.stderr].concat()));
        }
        output.status
    };
    if status.success() { Ok(()) } else { Err(Error::Ended { program, status }) }
}

/// What a program prints, without the end of its last line.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let program = shown(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| Error::Start { program: program.clone(), source })?;
    if !output.status.success() {
        return Err(Error::Ended { program, status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Runs `cargo test` to its end, as [`run`] does. Gives the number of tests that passed; what was
/// not run, since it needs what a bare checkout lacks, is said.
pub(crate) fn run_tests(command: &mut Command) -> Result<usize, Error> {
    let program = shown(command);
    let start = |source| Error::Start { program: program.clone(), source };
    let output = command.stdin(Stdio::null()).output().map_err(start)?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if !output.status.success() {
        drop(io::stderr().write_all(text.as_bytes()));
        return Err(Error::Ended { program, status: output.status });
    }
    text.lines().filter(|line| line.starts_with("NOT RUN")).for_each(say);
    Ok(passed(&text))
}

/// The sum over the closing lines of all test binaries.
fn passed(text: &str) -> usize {
    let counts = text.lines().filter_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next());
    counts.filter_map(|count| count.parse::<usize>().ok()).sum()
}

/// A command line as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

/// A word, quoted for a shell if it must be.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_over_all_binaries() {
        let text =
            "running 2 tests\ntest result: ok. 2 passed; 0 failed\n\ntest result: ok. 40 passed; 0 failed;\n";
        assert_eq!(passed(text), 42);
    }

    #[test]
    fn words_are_quoted_when_a_shell_would_change_them() {
        for (word, shown) in
            [("a-b", "a-b"), ("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$x", "'$x'")]
        {
            assert_eq!(quoted(word), shown);
        }
    }
}
