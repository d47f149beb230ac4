//! From the document to the values.

use crate::error::{Complaint, Wrong};
use crate::file::MOST;
use crate::keys::{Key, Known, look_up, names_in};
use crate::{
    Backend, Configuration, Error, ExitSource, Origin, Setting, Version, Vmids, WithoutUserNamespace, seconds,
};
use bundle_validate::json::{self, Document, Fault, Kind, Limits, Member, Node};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Far more than the keys need.
const LIMITS: Limits = Limits { size: MOST, depth: 16, values: 4096 };
/// The limits of Proxmox VE for a VMID.
const VMIDS: std::ops::RangeInclusive<u32> = 100..=999_999_999;

pub(crate) fn read(path: &Path, text: Vec<u8>) -> Result<Configuration, Error> {
    let wrong = |source| Error::Wrong { path: path.to_owned(), source };
    let document = json::parse(text, LIMITS).map_err(|fault| wrong(malformed(None, fault)))?;
    if let Some(fault) = document.faults().first() {
        return Err(wrong(malformed(Some(&document), fault.clone())));
    }
    let configuration = Configuration { file: Some(path.to_owned()), ..Configuration::default() };
    let mut reader = Reader { configuration, path: Arc::new(path.to_owned()) };
    reader.object(document.root()).map_err(wrong)?;
    Ok(reader.configuration)
}

fn malformed(document: Option<&Document>, fault: Fault) -> Complaint {
    let node = document.zip(fault.node).and_then(|(document, id)| document.node(id));
    let pointer = node.map(|node| node.pointer()).unwrap_or_default();
    Complaint { position: fault.position, pointer, wrong: Wrong::Json(fault.kind) }
}

struct Reader {
    configuration: Configuration,
    path: Arc<PathBuf>,
}

impl Reader {
    fn object(&mut self, object: Node<'_>) -> Result<(), Complaint> {
        if object.kind() != Kind::Object {
            return Err(unexpected(object, "an object"));
        }
        for member in object.members() {
            match look_up(&member.value.pointer()) {
                Known::Key(key) => self.key(key, member.value)?,
                Known::Object => self.object(member.value)?,
                Known::Nothing => return Err(unknown(member, object)),
            }
        }
        if object.key() == Some("vmids") { self.vmids(object) } else { Ok(()) }
    }

    fn key(&mut self, key: &'static Key, node: Node<'_>) -> Result<(), Complaint> {
        let origin = Origin::File { path: Arc::clone(&self.path), position: node.position() };
        let Some(()) = self.take(key.pointer, node, &origin) else {
            return Err(unexpected(node, key.form));
        };
        self.configuration.origins.insert(key.pointer, origin);
        Ok(())
    }

    /// Takes a value over; none if it is not of the key's form.
    fn take(&mut self, pointer: &str, node: Node<'_>, origin: &Origin) -> Option<()> {
        let pct = &mut self.configuration.pct;
        let setting = match pointer {
            "/backend" => Setting::Backend(choice(node, Backend::NAMES)?),
            "/root" => Setting::Root(absolute(node)?),
            "/timeoutSeconds" => Setting::Timeout(seconds(node.number_text()?)?),
            "/exitSource" => Setting::ExitSource(choice(node, ExitSource::NAMES)?),
            "/init" => Setting::Init(absolute(node)?),
            other => {
                match other {
                    "/pct/program" => pct.program = absolute(node)?,
                    "/pct/confDirectory" => pct.conf_directory = absolute(node)?,
                    "/pct/lxcDirectory" => pct.lxc_directory = absolute(node)?,
                    "/pct/lockDirectory" => pct.lock_directory = absolute(node)?,
                    "/pct/diskTimeoutSeconds" => pct.disk_timeout = seconds(node.number_text()?)?,
                    "/pct/vmids/first" => pct.vmids.first = vmid(node)?,
                    "/pct/vmids/last" => pct.vmids.last = vmid(node)?,
                    "/pct/withoutUserNamespace" => {
                        pct.without_user_namespace = choice(node, WithoutUserNamespace::NAMES)?;
                    }
                    "/pct/version" => pct.version = Some(Version::parse(node.as_str()?)?),
                    "/pct/ct" => pct.ct = texts(node)?,
                    _ => return None,
                }
                return Some(());
            }
        };
        self.configuration.set(setting, origin.clone());
        Some(())
    }

    /// Half a range would be completed by a default that its writer does not see.
    fn vmids(&self, object: Node<'_>) -> Result<(), Complaint> {
        let complain = |wrong| Complaint { position: object.position(), pointer: object.pointer(), wrong };
        if let Some(missing) = ["first", "last"].into_iter().find(|name| object.get(name).is_none()) {
            return Err(complain(Wrong::Missing(missing)));
        }
        let Vmids { first, last } = self.configuration.pct.vmids;
        if first > last { Err(complain(Wrong::Range { first, last })) } else { Ok(()) }
    }
}

fn choice<T: Copy>(node: Node<'_>, names: &[(&str, T)]) -> Option<T> {
    let text = node.as_str()?;
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

/// A path that means the same whoever reads it, and that the kernel can be given.
fn absolute(node: Node<'_>) -> Option<PathBuf> {
    let text = node.as_str().filter(|text| text.starts_with('/') && !text.contains('\0'));
    text.map(PathBuf::from)
}

fn texts(node: Node<'_>) -> Option<BTreeMap<String, String>> {
    let is_object = node.kind() == Kind::Object;
    let text = |member: Member<'_>| Some((member.value.key()?.to_owned(), member.value.as_str()?.to_owned()));
    is_object.then(|| node.members().map(text).collect::<Option<_>>()).flatten()
}

fn vmid(node: Node<'_>) -> Option<u32> {
    let value = node.as_u64()?.try_into().ok()?;
    Some(value).filter(|value| VMIDS.contains(value))
}

fn unexpected(node: Node<'_>, expected: &'static str) -> Complaint {
    let found = match node.kind() {
        Kind::Array | Kind::Object | Kind::Null => node.kind().phrase().to_owned(),
        Kind::Bool | Kind::Number | Kind::String => excerpt(node.raw()),
    };
    Complaint { position: node.position(), pointer: node.pointer(), wrong: Wrong::Value { expected, found } }
}

/// The beginning of a text: a message is one line.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn unknown(member: Member<'_>, object: Node<'_>) -> Complaint {
    Complaint {
        position: member.key_position(),
        pointer: member.value.pointer(),
        wrong: Wrong::Unknown(names_in(&object.pointer())),
    }
}
