//! The page nexcage-mapping(7), in mdoc(7).

use crate::{Class, Row, TABLE};
use std::fmt::Write as _;

const HEAD: &str = r#".\" Written by "cargo xtask man" from tools/mapping/src/table.rs.
.Dd November 21, 2026
.Dt NEXCAGE-MAPPING 7
.Os
.Sh NAME
.Nm nexcage-mapping
.Nd what becomes of every field of an OCI bundle
.Sh DESCRIPTION
.Xr lxc-render-config 1
and
.Xr nexcage-shim 1
make an LXC container of an OCI bundle.
This page has a row for every field of
.Pa config.json ,
named by its JSON pointer;
.Sq *
stands for any array index or key.
.Cm lxc-render-config --explain
prints the same rows.
.Pp
Each row says how well the field is carried out:
.Bl -tag -width approximate
.It exact
As the specification says.
Single values may still be refused.
.It approximate
With the difference that the row names.
.It refused
Not at all: a bundle that uses the field, or anything below it, is refused.
.El
.Pp
and who carries it out: LXC, by the key that the row names; nexcage-init
inside the container before it becomes the process; nexcage-setup in the
container's namespaces before its root is the root; or nexcage-shim on the
host.
Some fields hold with one version of cgroups only and are refused with the
other.
.Pp
A field that is refused may be given up by name with
.Cm lxc-render-config --allow-loss .
Fields whose loss leaves a container less confined than it was meant to be are
marked as security-relevant.
"#;

const FOOT: &str = r".Sh SEE ALSO
.Xr bundle-validate 1 ,
.Xr lxc-render-config 1 ,
.Xr nexcage-shim 1 ,
.Xr lxc.container.conf 5
.Sh STANDARDS
Open Container Initiative Runtime Specification, version 1.3:
.Pa config.md
and
.Pa config-linux.md .
";

/// The page, made of [`TABLE`].
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut section = "";
    for row in TABLE {
        let own = section_of(row);
        if own != section {
            section = own;
            let end = if page.ends_with(HEAD) { "" } else { ".El\n" };
            let _ = write!(page, "{end}.Sh {}\n.Bl -tag -width Ds\n", own.to_uppercase());
        }
        item(&mut page, row);
    }
    page.push_str(".El\n");
    page.push_str(FOOT);
    page
}

/// The part of the specification that a field belongs to.
fn section_of(row: &Row) -> &'static str {
    let mut names = row.field.split('/').skip(1);
    match (names.next().unwrap_or_default(), names.next()) {
        ("linux", Some("resources")) => "linux.resources",
        (name @ ("mounts" | "process" | "linux"), _) => name,
        ("windows" | "solaris" | "freebsd" | "zos" | "vm", _) => "other platforms",
        _ => "bundle",
    }
}

fn item(page: &mut String, row: &Row) {
    let refused = row.class == Class::Refused;
    let by = if refused { String::new() } else { format!(", by {}", row.target.words()) };
    let marks: String = row.marks.iter().map(|mark| format!("; {}", mark.words())).collect();
    let _ = writeln!(page, ".It Pa {}", row.field);
    wrap(page, &format!("{}{by}{marks}.", capital(row.class.word())));
    if refused {
        wrap(page, &format!("{}.", capital(row.note)));
    } else {
        wrap(page, row.note);
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// Writes sentences, each on lines of its own, as mdoc wants it.
fn wrap(page: &mut String, text: &str) {
    const WIDTH: usize = 78;
    for sentence in text.split_inclusive(". ") {
        let mut column = 0;
        for word in sentence.split_whitespace() {
            if column > 0 && column + 1 + word.len() > WIDTH {
                page.push('\n');
                column = 0;
            }
            let control = column == 0 && word.starts_with(['.', '\'']);
            let before = if column > 0 {
                " "
            } else if control {
                "\\&"
            } else {
                ""
            };
            let _ = write!(page, "{before}{word}");
            column += before.len() + word.len();
        }
        page.push_str(if column > 0 { "\n" } else { "" });
    }
}
