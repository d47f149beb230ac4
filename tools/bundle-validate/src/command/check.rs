//! A run: input after input is opened, validated and printed.

use super::baseline_file;
use super::walk::{self, Met, Then};
use super::{Request, When};
use crate::json::Fault;
use crate::report::Report;
use crate::report::baseline::{Baseline, Recorder};
use crate::report::excerpt::Text;
use crate::report::form::{Checked, Form, Format, Style, Totals};
use crate::report::human::{Palette, Source};
use crate::report::printable::printable;
use crate::report::selection::{Known, Selection};
use crate::{Bundle, OpenError, rules, validate};
use nexcage_cli::{Code, Diagnose, Failure, causes, print};
use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Checks every input and gives the exit status.
pub(super) fn run(request: &Request) -> Result<u8, Failure> {
    let known = match (&request.write_baseline, &request.baseline) {
        (Some(_), _) => Known::Recorded(Recorder::default()),
        (None, Some(path)) => Known::Dropped(baseline_file::read(path)?),
        (None, None) => Known::Dropped(Baseline::default()),
    };
    let style = style(request);
    let mut run = Run {
        request,
        form: request.format.form(style),
        selection: Selection {
            denied: request.denied.clone(),
            allowed: request.allowed.clone(),
            known,
            most: request.max_findings,
        },
        totals: Totals::default(),
        unreadable: vec![],
    };
    run.all()
}

/// How the human form looks on this stdout.
fn style(request: &Request) -> Style {
    let terminal = io::stdout().is_terminal();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let decide = |when, auto| match when {
        When::Auto => auto,
        When::Always => true,
        When::Never => false,
    };
    let shown = request.format == Format::Human && decide(request.source, terminal);
    let coloured = decide(request.color, terminal && !no_color);
    Style {
        palette: if coloured { Palette::Coloured } else { Palette::Plain },
        source: if shown { Source::Shown } else { Source::Hidden },
        fail_on: request.fail_on,
    }
}

struct Run<'r> {
    request: &'r Request,
    form: Box<dyn Form>,
    selection: Selection,
    totals: Totals,
    unreadable: Vec<String>,
}

impl Run<'_> {
    fn all(&mut self) -> Result<u8, Failure> {
        print(self.form.begin().as_bytes())?;
        for input in &self.request.inputs {
            if self.request.recursive && input.is_dir() { self.walk(input)? } else { self.input(input)? }
        }
        print(self.form.end(&self.totals).as_bytes())?;
        self.summarise();
        if !self.unreadable.is_empty() {
            return Err(Unreadable(std::mem::take(&mut self.unreadable)).into());
        }
        let nothing = Known::Dropped(Baseline::default());
        let known = std::mem::replace(&mut self.selection.known, nothing);
        if let (Known::Recorded(recorder), Some(path)) = (known, &self.request.write_baseline) {
            baseline_file::write(path, &recorder.text())?;
        }
        Ok(u8::from(self.totals.reaches(self.request.fail_on)))
    }

    fn input(&mut self, input: &Path) -> Result<(), Failure> {
        match open(input) {
            Ok(opened) => self.opened(&opened),
            Err(error) => self.unreadable(input, &causes(&error)),
        }
    }

    /// Checks every bundle below a directory.
    fn walk(&mut self, directory: &Path) -> Result<(), Failure> {
        let before = (self.totals.documents, self.totals.unreadable);
        walk::walk(directory, &mut |met| match met {
            Met::Candidate(bundle) => match open(bundle) {
                Ok(opened) if opened.is_bundle(bundle) => self.opened(&opened).map(|()| Then::GoPast),
                Ok(_) => {
                    self.totals.skipped += 1;
                    Ok(Then::GoOn)
                }
                Err(error) => self.unreadable(bundle, &causes(&error)).map(|()| Then::GoOn),
            },
            Met::Unreadable(path, reason) => {
                let reason = format!("cannot look into {}: {reason}", path.display());
                self.unreadable(path, &reason).map(|()| Then::GoOn)
            }
        })?;
        if before == (self.totals.documents, self.totals.unreadable) {
            let reason = format!("there is no bundle below {}", directory.display());
            self.unreadable(directory, &reason)?;
        }
        Ok(())
    }

    fn opened(&mut self, opened: &Opened) -> Result<(), Failure> {
        match opened {
            Opened::Bundle(bundle) => {
                let report = validate(bundle, &self.request.options);
                self.print(bundle.config(), report, Text::Whole(bundle.document().text()))
            }
            Opened::NotJson { path, fault } => {
                let report = rules::json::fatal(fault, path);
                self.print(path, report, fault.around.as_deref().map_or(Text::Absent, Text::Around))
            }
        }
    }

    fn print(&mut self, path: &Path, report: Report, text: Text<'_>) -> Result<(), Failure> {
        self.totals.documents += 1;
        let selected = self.selection.of(report, &mut self.totals);
        let (findings, left_out) = (&selected.findings, &selected.left_out);
        print(self.form.document(&Checked { path, findings, left_out, text }).as_bytes())
    }

    fn unreadable(&mut self, path: &Path, reason: &str) -> Result<(), Failure> {
        self.totals.unreadable += 1;
        self.unreadable.push(reason.to_owned());
        print(self.form.unreadable(&path.to_string_lossy(), reason).as_bytes())
    }

    /// One line for a person who watches.
    fn summarise(&self) {
        if self.request.format == Format::Human && io::stderr().is_terminal() {
            // A person who cannot be told is no reason to fail.
            drop(writeln!(io::stderr(), "{}", printable(&self.totals.to_string())));
        }
    }
}

/// What an input turned out to be.
enum Opened {
    Bundle(Box<Bundle>),
    NotJson { path: PathBuf, fault: Fault },
}

impl Opened {
    /// Whether a file that is called config.json is the one of a bundle: many others have that name.
    fn is_bundle(&self, directory: &Path) -> bool {
        let says_so = match self {
            Opened::Bundle(bundle) => {
                let root = bundle.document().root();
                let has = |key| root.get(key).is_some();
                has("ociVersion") || has("process") && has("root")
            }
            Opened::NotJson { path, .. } => names_the_specification(path).unwrap_or(false),
        };
        says_so || fs::symlink_metadata(directory.join("rootfs")).is_ok_and(|metadata| metadata.is_dir())
    }
}

/// Whether the beginning of a file that is not JSON has the property that every bundle has.
fn names_the_specification(path: &Path) -> io::Result<bool> {
    let mut beginning = vec![];
    File::open(path)?.take(64 << 10).read_to_end(&mut beginning)?;
    Ok(String::from_utf8_lossy(&beginning).contains("\"ociVersion\""))
}

fn open(input: &Path) -> Result<Opened, OpenError> {
    match Bundle::open(input) {
        Ok(bundle) => Ok(Opened::Bundle(Box::new(bundle))),
        Err(OpenError::Syntax { path, fault }) => Ok(Opened::NotJson { path, fault }),
        Err(error) => Err(error),
    }
}

/// All inputs that could not be read; never empty.
#[derive(Debug)]
struct Unreadable(Vec<String>);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl Error for Unreadable {}

impl Diagnose for Unreadable {
    fn code(&self) -> Code {
        Code::Input
    }
}
