//! A template is looked at before anything is made of it: Proxmox itself finds out what is wrong with one
//! after it has made the disk (pct.md, section 1).

use super::unfit::Unfit;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tar::{Archive, EntryType};

/// How an archive may be compressed: the end of its name, the form, where the content says so, and what
/// decompresses it.
type Form = (&'static str, &'static str, (u64, &'static [u8]), Option<&'static str>);

const FORMS: &[Form] = &[
    (".tar", "an uncompressed archive", (257, b"ustar"), None),
    (".tar.gz", "gzip", (0, b"\x1f\x8b"), Some("gzip")),
    (".tar.xz", "xz", (0, b"\xfd7zXZ\0"), Some("xz")),
    (".tar.zst", "zstd", (0, b"\x28\xb5\x2f\xfd"), Some("zstd")),
    (".tar.bz2", "bzip2", (0, b"BZh"), Some("bzip2")),
    (".tar.lzo", "lzop", (0, b"\x89LZO\0\r\n\x1a\n"), Some("lzop")),
];
/// What is of no form.
const OTHER: &str = "something else";

/// How much of an archive is looked at, in decompressed bytes.
const MOST: u64 = 64 << 20;
/// One of them is in every root file system, at its top.
const TOPS: &[&[u8]] = &[b"bin", b"sbin", b"usr", b"etc", b"lib"];
/// Where there are programs for the machine.
const PROGRAMS: &[&[u8]] = &[b"bin", b"sbin", b"usr/bin", b"usr/sbin"];
/// The members of images of containers.
const IMAGES: &[&[u8]] = &[b"oci-layout", b"index.json", b"manifest.json"];

/// Machines of ELF (elf(5), `e_machine`) in Proxmox's words, for 64 and for 32 bits.
const MACHINES: &[(u16, [&str; 2])] = &[
    (62, ["amd64", "amd64"]),
    (3, ["i386", "i386"]),
    (183, ["arm64", "arm64"]),
    (40, ["armhf", "armhf"]),
    (243, ["riscv64", "riscv32"]),
];
/// Which others run on a host, too.
const ALSO: &[(&str, &str)] = &[("amd64", "i386"), ("arm64", "armhf"), ("riscv64", "riscv32")];

/// Looks at a template that is called so, for a host of this architecture.
pub(super) fn look(template: &str, path: &Path, host: &'static str) -> Result<(), Unfit> {
    let name = || template.to_owned();
    let missing = |source| Unfit::Missing { template: name(), path: path.to_owned(), source };
    // Proxmox goes by the name of what a link leads to.
    let real = path.canonicalize().map_err(missing)?;
    let form = |path: &Path| FORMS.iter().find(|(ending, ..)| path.to_string_lossy().ends_with(ending));
    let unfit = || Unfit::Ending { template: name(), path: real.clone() };
    let form = form(path).and_then(|_| form(&real)).ok_or_else(unfit)?;
    if !real.is_file() {
        return Err(Unfit::NoFile { template: name() });
    }
    let file = File::open(&real).map_err(missing)?;
    let is = FORMS.iter().find(|form| has_magic(&file, form.2)).map_or(OTHER, |form| form.1);
    if is != form.1 {
        return Err(Unfit::Content { template: name(), says: form.1, is });
    }
    let damaged = |source| Unfit::Damaged { template: name(), source };
    let found = match form.3 {
        None => survey(file).map_err(damaged)?,
        Some(program) => decompressed(program, file).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Unfit::NoProgram { template: name(), program },
            _ => damaged(source),
        })?,
    };
    if !found.has_root {
        return Err(Unfit::NoRoot { template: name(), is_image: found.is_image });
    }
    match found.machine.filter(|image| image != host && !ALSO.contains(&(host, image))) {
        Some(image) => Err(Unfit::Architecture { template: name(), image, host }),
        None => Ok(()),
    }
}

fn has_magic(file: &File, (offset, magic): (u64, &[u8])) -> bool {
    let mut bytes = vec![0; magic.len()];
    file.read_exact_at(&mut bytes, offset).is_ok_and(|()| bytes == magic)
}

fn decompressed(program: &str, file: File) -> io::Result<Found> {
    let mut command = Command::new(program);
    command.args(["-d", "-c"]).stdin(file).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let found = child.stdout.take().map_or_else(|| Ok(Found::default()), survey);
    if !found.as_ref().is_ok_and(|found| found.to_the_end) {
        // What is left is of no interest.
        drop(child.kill());
    }
    let status = child.wait()?;
    match found {
        Ok(found) if found.to_the_end && !status.success() => {
            Err(io::Error::other(format!("{program} ends with {status}")))
        }
        found => found,
    }
}

/// What the beginning of an archive tells.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    has_root: bool,
    is_image: bool,
    machine: Option<String>,
    /// Nothing more is in it.
    to_the_end: bool,
}

/// Reads on until everything is known, or there is nothing more to be read.
fn survey(archive: impl Read) -> io::Result<Found> {
    let mut bounded = archive.take(MOST);
    let mut found = Found::default();
    let read = read_members(&mut bounded, &mut found);
    if found.to_the_end {
        // Archives end with nothing, so that what decompresses them comes to its end as well.
        io::copy(&mut bounded, &mut io::sink())?;
    }
    // What ends in the midst of a member because no more is read is whole.
    if bounded.limit() == 0 {
        return Ok(Found { to_the_end: false, ..found });
    }
    read.map(|()| found)
}

fn read_members(archive: impl Read, found: &mut Found) -> io::Result<()> {
    for entry in Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = entry.path_bytes().into_owned();
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let top = path.split(|byte| *byte == b'/').next().unwrap_or_default();
        found.has_root |= TOPS.contains(&top);
        found.is_image |= IMAGES.contains(&path);
        let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let is_program =
            entry.header().entry_type() == EntryType::Regular && PROGRAMS.contains(&&path[..slash]);
        if is_program && found.machine.is_none() {
            let mut head = Vec::new();
            entry.by_ref().take(20).read_to_end(&mut head)?;
            found.machine = machine(&head);
        }
        if found.has_root && found.machine.is_some() {
            return Ok(());
        }
    }
    found.to_the_end = true;
    Ok(())
}

/// For which machine a program is, by its first bytes (elf(5)).
fn machine(head: &[u8]) -> Option<String> {
    let [0x7f, b'E', b'L', b'F', class, data, .., low, high] = *head else { return None };
    if head.len() < 20 {
        return None;
    }
    let number = if data == 2 { u16::from_be_bytes([low, high]) } else { u16::from_le_bytes([low, high]) };
    let known = MACHINES.iter().find(|(machine, _)| *machine == number);
    let word = known.map(|(_, [of_64, of_32])| if class == 2 { *of_64 } else { *of_32 });
    Some(word.map_or_else(|| format!("machine {number} of ELF"), ToOwned::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn elf(class: u8, machine: u16) -> Vec<u8> {
        let mut head = vec![0x7f, b'E', b'L', b'F', class, 1, 1, 0];
        head.resize(18, 0);
        head.extend(machine.to_le_bytes());
        head
    }

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o755);
            builder.append_data(&mut header, path, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_machine_is_known_by_its_programs() {
        for (class, number, word) in [
            (2, 62, "amd64"),
            (1, 3, "i386"),
            (2, 183, "arm64"),
            (1, 40, "armhf"),
            (1, 243, "riscv32"),
            (2, 22, "machine 22 of ELF"),
        ] {
            let bytes = archive(&[
                ("./etc/x", b"y"),
                ("./bin/script", b"#!/bin/sh"),
                ("./usr/bin/sh", &elf(class, number)),
            ]);
            let found = survey(&*bytes).unwrap();
            assert_eq!((found.has_root, found.machine.as_deref()), (true, Some(word)));
        }
        // A library or a firmware says nothing of it.
        assert_eq!(survey(&*archive(&[("usr/lib/x", &elf(2, 183))])).unwrap().machine, None);
        assert_eq!(machine(&elf(2, 62)[..19]), None);
    }

    #[test]
    fn no_more_than_so_much_is_read() {
        struct Endless(Vec<u8>, u64);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let begun = std::mem::take(&mut self.0);
                let length = if begun.is_empty() { buffer.len() } else { begun.len() };
                buffer.fill(b'x');
                buffer[..begun.len()].copy_from_slice(&begun);
                self.1 += length as u64;
                Ok(length)
            }
        }
        let mut header = tar::Header::new_ustar();
        header.set_path("./var/large").unwrap();
        header.set_size(1 << 40);
        header.set_cksum();
        let mut endless = Endless(header.as_bytes().to_vec(), 0);
        assert_eq!(survey(&mut endless).unwrap(), Found::default());
        assert!(endless.1 <= MOST);
    }

    #[test]
    fn what_cannot_be_unpacked_is_refused_by_its_name_and_content() {
        let place = tempfile::tempdir().unwrap();
        let host = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
        let refused = |name: &str, content: &[u8]| {
            let path = place.path().join(name);
            fs::write(&path, content).unwrap();
            look(&path.to_string_lossy(), &path, host).map_err(|unfit| unfit.to_string())
        };
        let good = archive(&[("bin/sh", b"#!")]);
        assert_eq!(refused("good.tar", &good), Ok(()));
        for (name, content, words) in [
            ("a.zip", &good[..], "name of the template"),
            ("a.tar.zst", &good, "zstd by its name, and an uncompressed archive by its content"),
            ("b.tar", b"\x1f\x8bxxxx", "gzip by its content"),
            ("c.tar", b"", "something else by its content"),
            ("d.tar", &archive(&[("image/bin/sh", b"")]), "no root file system"),
            ("e.tar", &archive(&[("oci-layout", b"{}")]), "a container image"),
            ("f.tar", &archive(&[("bin/sh", &elf(2, 22))]), "is for machine 22 of ELF, and this host is"),
            ("g.tar", &good[..700], "cannot look into"),
            ("h.tar.gz", b"\x1f\x8bxxxx", "cannot look into"),
        ] {
            let error = refused(name, content).unwrap_err();
            assert!(error.contains(words), "{name}: {error}");
        }
        // Proxmox goes by the name of what a link leads to.
        std::os::unix::fs::symlink("a.zip", place.path().join("link.tar")).unwrap();
        let link = place.path().join("link.tar");
        assert!(matches!(look("x", &link, host), Err(Unfit::Ending { .. })));
        assert!(matches!(look("x", &place.path().join("none.tar"), host), Err(Unfit::Missing { .. })));
    }
}
