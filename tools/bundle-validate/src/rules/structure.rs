//! The walk that compares a document with the shapes. It goes on after every violation.

use super::config::{CONFIG, UNKNOWN, VALUES};
use super::forms::excerpt;
use super::shape::{Field, Presence, Shape};
use super::version::NEWER;
use crate::json::{Kind, Member, Node};
use crate::report::{Finding, Sink};
use crate::{Bundle, SpecVersion};

/// Compares a bundle's document with everything that the specification defines.
pub(crate) fn check(bundle: &Bundle, version: SpecVersion, findings: &mut Vec<Finding>) {
    let mut sink = Sink::new(&VALUES, version, bundle.file(), findings);
    compare(bundle.document().root(), &CONFIG, &mut sink);
}

fn compare(node: Node<'_>, shape: &'static Shape, sink: &mut Sink<'_>) {
    match shape {
        Shape::Any => {}
        Shape::Bool => expect(node, Kind::Bool, sink),
        Shape::String => expect(node, Kind::String, sink),
        Shape::Integer(min, max) => {
            if !node.as_i128().is_some_and(|value| (*min..=*max).contains(&value)) {
                wrong(node, &format!("an integer from {min} to {max}"), sink);
            }
        }
        Shape::Form(form) => {
            if !node.as_str().is_some_and(form.accepts) {
                wrong(node, form.name, sink);
            }
        }
        Shape::Word(words) => {
            if !node.as_str().is_some_and(|word| words.contains(&word)) {
                wrong(node, &format!("one of {}", words.join(", ")), sink);
            }
        }
        Shape::Array(of) => elements(node, of, sink),
        Shape::NonEmptyArray(of) => {
            if node.kind() == Kind::Array && node.len() == 0 {
                sink.add(node, "there must be at least one entry");
            }
            elements(node, of, sink);
        }
        Shape::Map(of) => {
            expect(node, Kind::Object, sink);
            node.members().for_each(|member| compare(member.value, of, sink));
        }
        Shape::Object(fields) => object(node, fields, sink),
    }
}

fn elements(node: Node<'_>, of: &'static Shape, sink: &mut Sink<'_>) {
    expect(node, Kind::Array, sink);
    node.elements().for_each(|element| compare(element, of, sink));
}

fn object(node: Node<'_>, fields: &'static [Field], sink: &mut Sink<'_>) {
    expect(node, Kind::Object, sink);
    // No object of the specification has 64 fields; the table's test would tell.
    let mut present = 0_u64;
    for member in node.members() {
        match fields.iter().position(|field| field.name == member.key) {
            Some(index) => {
                present |= 1 << index;
                let field = &fields[index];
                dated(member.value, field, sink);
                compare(member.value, field.shape, &mut sink.of(field.rule));
            }
            None => unknown(member, fields, &mut sink.of(&UNKNOWN)),
        }
    }
    if node.kind() == Kind::Object {
        for (index, field) in fields.iter().enumerate() {
            if field.presence == Presence::Required && present & (1 << index) == 0 {
                sink.of(field.rule).add(node, format!("`{}` is required", field.name));
            }
        }
    }
}

/// Says when a field is not one of the document's version.
fn dated(value: Node<'_>, field: &'static Field, sink: &mut Sink<'_>) {
    let version = sink.version();
    if field.since > version {
        let message = format!(
            "`{}` came with version {}; the document is held against {version}",
            field.name, field.since
        );
        sink.of(&NEWER).add_at_key(value, message);
    }
    if let Some((until, rule)) = field.until.filter(|(until, _)| *until <= version) {
        sink.of(rule)
            .add_at_key(value, format!("`{}` is no longer defined since version {until}", field.name));
    }
}

fn expect(node: Node<'_>, kind: Kind, sink: &mut Sink<'_>) {
    if node.kind() != kind {
        wrong(node, kind.phrase(), sink);
    }
}

fn wrong(node: Node<'_>, expected: &str, sink: &mut Sink<'_>) {
    let found = match node.kind() {
        Kind::Array | Kind::Object | Kind::Null => node.kind().phrase().to_owned(),
        Kind::Bool | Kind::Number | Kind::String => excerpt(node.raw()),
    };
    sink.add(node, format!("expected {expected}, found {found}"));
}

fn unknown(member: Member<'_>, fields: &'static [Field], sink: &mut Sink<'_>) {
    let names = fields.iter().map(|field| field.name);
    let near = names.map(|name| (distance(name, member.key), name)).min();
    let question = match near {
        Some((distance, name)) if distance <= 2 && distance < name.len() / 2 => {
            format!("; did you mean `{name}`?")
        }
        _ => String::new(),
    };
    let key = excerpt(member.key);
    sink.add_at_key(member.value, format!("`{key}` is not defined by the specification{question}"));
}

/// How many letters have to be changed, added or removed to get from one name to another; case does
/// not count. Names much longer than any field are far from all.
pub(super) fn distance(name: &str, key: &str) -> usize {
    if key.len() > 2 * name.len() + 2 {
        return usize::MAX;
    }
    let key: Vec<char> = key.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=key.len()).collect();
    for (i, c) in name.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, k) in key.iter().enumerate() {
            let substituted = diagonal + usize::from(c != *k);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[key.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein_without_case() {
        for (name, key, expected) in
            [("cwd", "CWD", 0), ("readonlyPaths", "readOnlyPath", 1), ("args", "arg5s", 1), ("env", "", 3)]
        {
            assert_eq!(distance(name, key), expected, "{name} {key}");
        }
    }
}
