//! JSON pointers, RFC 6901.

use super::{Kind, Node};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The pointer of a value from the root of its document.
pub(super) fn of(node: Node<'_>) -> String {
    let mut path = vec![node];
    while let Some(parent) = path.last().and_then(Node::parent) {
        path.push(parent);
    }
    let mut pointer = String::new();
    for step in path.into_iter().rev() {
        if let Some(key) = step.key() {
            push(&mut pointer, key);
        } else if let Some(index) = step.index() {
            let _ = write!(pointer, "/{index}");
        }
    }
    pointer
}

/// Appends a reference token with its escapes.
fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The value a pointer means, seen from `node`.
pub(super) fn resolve<'d>(node: Node<'d>, pointer: &str) -> Option<Node<'d>> {
    if pointer.is_empty() {
        return Some(node);
    }
    pointer.strip_prefix('/')?.split('/').try_fold(node, |here, token| match here.kind() {
        Kind::Object => here.get(&unescape(token)?),
        Kind::Array => here.elements().nth(index(token)?),
        _ => None,
    })
}

fn unescape(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(token.into());
    }
    let mut parts = token.split('~');
    let mut key = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        key.push(match part.as_bytes().first()? {
            b'0' => '~',
            b'1' => '/',
            _ => return None,
        });
        key.push_str(&part[1..]);
    }
    Some(key.into())
}

/// An array index: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let well_formed = token == "0" || !token.starts_with(['0', '+']);
    well_formed.then(|| token.parse().ok()).flatten()
}
