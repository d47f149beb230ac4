//! The description of a CT, for people, and the percent-encoding that keeps it in its lines.

use super::About;
use super::wishes::ANNOTATION;
use std::fmt::Write as _;

/// The most characters that Proxmox takes.
const MOST: usize = 8192;
/// Annotations by which engines name the image.
const IMAGES: &[&str] = &["org.opencontainers.image.ref.name", "io.kubernetes.cri.image-name"];

/// The description as lines of a configuration.
pub(super) fn lines(about: &About<'_>) -> String {
    let text = text(about);
    let cut: String = text.chars().take(MOST).collect();
    cut.lines().map(|line| format!("#{}\n", encode(line))).collect()
}

fn text(about: &About<'_>) -> String {
    let mut text = String::new();
    if !about.id.is_empty() {
        let _ = writeln!(text, "nexcage: {} in {}", about.id, about.namespace);
    }
    let _ = writeln!(text, "bundle: {}", about.bundle.display());
    if let Some(image) = IMAGES.iter().find_map(|key| about.annotations.get(*key)) {
        let _ = writeln!(text, "image: {image}");
    }
    for (key, value) in about.annotations.iter().filter(|(key, _)| !key.starts_with(ANNOTATION)) {
        let _ = writeln!(text, "{key}: {value}");
    }
    text
}

/// Encodes what is no printable ASCII, and `%` and `:`, as Proxmox does.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if !b"%:".contains(&byte) => encoded.push(char::from(byte)),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}
