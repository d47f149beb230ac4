//! What is done to a container that lives: freezing, limits, figures.

use crate::cgroup_of;
use crate::error::{Error, Refusal};
use crate::stats;
use crate::work::create::render;
use crate::work::later::Later;
use crate::work::{Report, Reporter, Site};
use bundle_validate::Bundle;
use lxc_render_config::LxcConfig;
use nexcage_cgroup::{Cgroup, Version, Write};
use nexcage_record::Record;
use serde_json::{Map, Value, json};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long freezing may take.
const FREEZING: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(crate) enum Live {
    Pause,
    Resume,
    /// LinuxResources as JSON.
    Update(Vec<u8>),
    Stats,
}

impl Live {
    /// For messages.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Live::Pause => "pause",
            Live::Resume => "resume",
            Live::Update(_) => "update",
            Live::Stats => "tell the figures of",
        }
    }
}

/// Does it.
pub(crate) fn do_live(
    site: &Site,
    record: &Record,
    live: &Live,
    reporter: &mut Reporter,
) -> Result<(), Error> {
    let name = cgroup_of(record);
    match live {
        Live::Pause => Cgroup::find(name).freeze(FREEZING).map_err(Box::new)?,
        Live::Resume => Cgroup::find(name).thaw(FREEZING).map_err(Box::new)?,
        Live::Update(resources) => update(site, record, resources)?,
        Live::Stats => {
            let stats = stats::metrics(name)?;
            return reporter.tell(&Report::Answer { kind: stats.type_url, bytes: stats.value }, &[]);
        }
    }
    reporter.tell(&Report::Done, &[])
}

/// Changes limits: the new ones are rendered as those of a bundle are, and written.
fn update(site: &Site, record: &Record, resources: &[u8]) -> Result<(), Error> {
    let mut resources: Map<String, Value> = serde_json::from_slice(resources)
        .map_err(|error| Error::from(Refusal::BadRequest { what: format!("resources: {error}") }))?;
    let path = site.dir.config();
    let failed = || Error::system(format!("put the resources into {}", path.display()));
    let mut document: Map<String, Value> =
        fs::read(&path).and_then(|text| Ok(serde_json::from_slice(&text)?)).map_err(failed())?;
    for fixed in ["devices", "rdma", "network"] {
        // An engine may send all that the container has, as containerd's CRI does.
        let own = document.get("linux").and_then(|linux| linux.get("resources")?.get(fixed));
        let asked = resources.remove(fixed).filter(|asked| !is_empty(asked));
        if asked.is_some() && asked.as_ref() != own {
            return Err(Error::from(Refusal::Fixed { what: fixed }));
        }
    }
    let document = with_resources(&mut document, resources).map_err(failed())?;
    let bundle = Bundle::with_document(Path::new(&record.bundle), &document).map_err(Box::new)?;
    let rendered = render(&bundle, Later::read(&site.dir)?.image())?;
    let writes: Vec<Write> = writes(&rendered.config);
    Ok(Cgroup::find(cgroup_of(record)).write(&writes).map_err(Box::new)?)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The document with nothing but these resources.
fn with_resources(members: &mut Map<String, Value>, resources: Map<String, Value>) -> io::Result<Vec<u8>> {
    // They have been done, and their sources may be gone.
    for done in ["hooks", "mounts"] {
        members.remove(done);
    }
    let linux = members.entry("linux").or_insert_with(|| json!({}));
    if let Value::Object(linux) = linux {
        linux.insert("resources".to_owned(), Value::Object(resources));
    }
    Ok(serde_json::to_vec(members)?)
}

/// The limits among the lines of a configuration. Devices do not change.
fn writes(config: &LxcConfig) -> Vec<Write> {
    let lines = config.lines().filter_map(|(key, value)| {
        let (version, file) = match key.strip_prefix("lxc.cgroup2.") {
            Some(file) => (Version::V2, file),
            None => (Version::V1, key.strip_prefix("lxc.cgroup.")?),
        };
        let is_limit = !file.starts_with("devices.") && !file.starts_with("dir") && file != "relative";
        is_limit.then(|| Write { version, file: file.to_owned(), value: value.to_owned() })
    });
    lines.collect()
}
