//! The reader: one pass, no recursion.

use super::document::{NO_PARENT, Slot, Tree};
use super::string::{self, Scanned};
use super::{FaultKind, Kind, Limits, MOST_FAULTS, NodeId, number};
use std::collections::HashSet;

type Outcome<T> = Result<T, (FaultKind, usize)>;

/// Reads a text into a tree.
///
/// # Errors
/// The kind of the fault that ended the reading and its offset.
pub(super) fn read(text: &str, limits: Limits) -> Outcome<Tree> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, depth: 0, limits, tree: Tree::default() };
    // Indented documents have fewer values than this, and memory that is not used costs nothing.
    reader.tree.slots.reserve((text.len() / 16).min(limits.values));
    reader.document()?;
    Ok(reader.tree)
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    limits: Limits,
    tree: Tree,
}

impl Reader<'_> {
    fn document(&mut self) -> Outcome<()> {
        if self.bytes.starts_with(b"\xEF\xBB\xBF") {
            self.tree.fault(FaultKind::ByteOrderMark, 0, None);
            self.at = 3;
        }
        if self.peek().is_none() {
            return Err((FaultKind::Empty, self.at));
        }
        let mut container = NO_PARENT;
        loop {
            let id = self.member_or_element(container)?;
            if self.opened(id)? {
                container = id;
                continue;
            }
            container = self.close(container)?;
            if container == NO_PARENT {
                if self.peek().is_some() {
                    self.tree.fault(FaultKind::TrailingData, self.at, None);
                }
                return Ok(());
            }
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if byte > b' ' || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
            if byte == b'\n' {
                self.indentation();
            }
        }
    }

    /// Steps over blanks, eight at a time: half of an indented document is blanks.
    fn indentation(&mut self) {
        while let Some(eight) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let other = u64::from_le_bytes(*eight) ^ u64::from_le_bytes([b' '; 8]);
            self.at += other.trailing_zeros() as usize / 8;
            if other != 0 {
                return;
            }
        }
    }

    /// Reads the next value of `container`, with its key if that is an object. Of an array or
    /// object only the bracket is read.
    fn member_or_element(&mut self, container: u32) -> Outcome<u32> {
        let mut slot = Slot {
            start: 0,
            end: 0,
            parent: container,
            next: 0,
            len: 0,
            key_start: 0,
            key_len: 0,
            kind: Kind::Null,
            key_escaped: false,
            escaped: false,
        };
        if self.tree.slots.len() >= self.limits.values {
            return Err((FaultKind::TooMany(self.limits.values), self.at));
        }
        let id = index(self.tree.slots.len());
        if container != NO_PARENT {
            let outer = &mut self.tree.slots[container as usize];
            slot.key_start = outer.len;
            outer.len += 1;
            if outer.kind == Kind::Object {
                self.key(&mut slot, id)?;
            }
        }
        self.value(&mut slot, id)?;
        slot.next = id + 1;
        self.tree.slots.push(slot);
        Ok(id)
    }

    fn key(&mut self, slot: &mut Slot, id: u32) -> Outcome<()> {
        if self.peek() != Some(b'"') {
            return Err((FaultKind::Expected("a key in quotes"), self.at));
        }
        let key = self.string(id)?;
        slot.key_start = index(key.start);
        slot.key_len = index(key.end - key.start);
        slot.key_escaped = key.escaped;
        if self.peek() != Some(b':') {
            return Err((FaultKind::Expected("':' after a key"), self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, slot: &mut Slot, id: u32) -> Outcome<()> {
        let first = self.peek();
        slot.start = index(self.at);
        slot.kind = match first {
            Some(b'"') => {
                slot.escaped = self.string(id)?.escaped;
                Kind::String
            }
            Some(b'{' | b'[') => {
                self.at += 1;
                if first == Some(b'{') { Kind::Object } else { Kind::Array }
            }
            Some(b'-' | b'0'..=b'9') => {
                let length = number::scan(&self.bytes[self.at..]);
                let length = length.map_err(|far| (FaultKind::Number, self.at + far))?;
                let digits = self.bytes[self.at..self.at + length].iter().skip(1);
                self.tree.has_fractions |= !digits.clone().all(u8::is_ascii_digit);
                self.at += length;
                Kind::Number
            }
            Some(b't') => self.literal("true", Kind::Bool)?,
            Some(b'f') => self.literal("false", Kind::Bool)?,
            Some(b'n') => self.literal("null", Kind::Null)?,
            _ => return Err((FaultKind::Expected("a value"), self.at)),
        };
        slot.end = index(self.at);
        Ok(())
    }

    fn literal(&mut self, word: &str, kind: Kind) -> Outcome<Kind> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err((FaultKind::Expected("a value"), self.at));
        }
        self.at += word.len();
        Ok(kind)
    }

    /// Reads a string, resolving its escape sequences into the tree; `id` is the value it belongs to.
    fn string(&mut self, id: u32) -> Outcome<Scanned> {
        let scanned = string::scan(self.bytes, self.at)?;
        self.at = scanned.end + 1;
        if scanned.escaped {
            let raw = &self.text[scanned.start..scanned.end];
            let from = index(self.tree.unescaped.len());
            let mut lone = vec![];
            string::unescape(raw, &mut self.tree.unescaped, |unit, at| {
                if lone.len() < MOST_FAULTS {
                    lone.push((unit, at));
                }
            });
            for (unit, at) in lone {
                self.tree.fault(FaultKind::LoneSurrogate(unit), scanned.start + at, Some(NodeId(id)));
            }
            let range = from..index(self.tree.unescaped.len());
            self.tree.escapes.push((index(scanned.start), range));
        }
        Ok(scanned)
    }

    /// Whether the value just read is an array or object with something in it.
    fn opened(&mut self, id: u32) -> Outcome<bool> {
        let slot = &self.tree.slots[id as usize];
        let end = match slot.kind {
            Kind::Object => b'}',
            Kind::Array => b']',
            _ => return Ok(false),
        };
        let start = slot.start as usize;
        if self.peek() == Some(end) {
            self.at += 1;
            self.tree.slots[id as usize].end = index(self.at);
            return if self.limits.depth > self.depth { Ok(false) } else { Err(self.too_deep(start)) };
        }
        self.depth += 1;
        if self.depth > self.limits.depth {
            return Err(self.too_deep(start));
        }
        Ok(true)
    }

    fn too_deep(&self, at: usize) -> (FaultKind, usize) {
        (FaultKind::TooDeep(self.limits.depth), at)
    }

    /// After a value: closes every container that ends here and gives the one that goes on.
    fn close(&mut self, mut container: u32) -> Outcome<u32> {
        while container != NO_PARENT {
            let kind = self.tree.slots[container as usize].kind;
            match (self.peek(), kind) {
                (Some(b','), _) => {
                    self.at += 1;
                    return Ok(container);
                }
                (Some(b'}'), Kind::Object) | (Some(b']'), Kind::Array) => {
                    self.at += 1;
                    self.depth -= 1;
                    container = self.finish(container);
                }
                (_, Kind::Object) => return Err((FaultKind::Expected("',' or '}'"), self.at)),
                _ => return Err((FaultKind::Expected("',' or ']'"), self.at)),
            }
        }
        Ok(NO_PARENT)
    }

    fn finish(&mut self, container: u32) -> u32 {
        let next = index(self.tree.slots.len());
        let slot = &mut self.tree.slots[container as usize];
        slot.end = index(self.at);
        slot.next = next;
        let (parent, kind) = (slot.parent, slot.kind);
        if kind == Kind::Object {
            self.find_duplicates(container);
        }
        parent
    }

    fn find_duplicates(&mut self, object: u32) {
        let tree = &self.tree;
        let mut duplicates = vec![];
        let mut report = |child: u32| {
            if duplicates.len() < MOST_FAULTS {
                let slot = &tree.slots[child as usize];
                let kind = FaultKind::DuplicateKey(tree.key(self.text, slot).to_owned());
                duplicates.push((kind, slot.key_start as usize - 1, Some(NodeId(child))));
            }
        };
        if tree.slots[object as usize].len <= FEW {
            for child in tree.children(object) {
                let slot = &tree.slots[child as usize];
                let mut earlier = tree.children(object).take_while(|earlier| *earlier < child);
                if earlier.any(|earlier| tree.same_key(self.text, &tree.slots[earlier as usize], slot)) {
                    report(child);
                }
            }
        } else {
            let mut seen = HashSet::with_capacity(tree.slots[object as usize].len as usize);
            for child in tree.children(object) {
                if !seen.insert(tree.key(self.text, &tree.slots[child as usize])) {
                    report(child);
                }
            }
        }
        for (kind, offset, node) in duplicates {
            self.tree.has_duplicates = true;
            self.tree.fault(kind, offset, node);
        }
    }
}

/// The most keys of an object that are faster compared one by one than hashed.
const FEW: u32 = 24;

/// A place in the text or in the tree; texts of 4 GiB and more are refused before they are read.
fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, parse};
    use super::*;

    fn kinds(text: &[u8]) -> (Option<FaultKind>, Vec<(FaultKind, usize)>) {
        match parse(text.to_vec(), Limits { size: 1000, depth: 4, values: 20 }) {
            Err(Fault { kind, .. }) => (Some(kind), vec![]),
            Ok(read) => (None, read.faults().iter().map(|f| (f.kind.clone(), f.offset)).collect()),
        }
    }

    #[test]
    fn faults_that_end_the_reading_have_their_place() {
        for (text, at) in [
            (&b""[..], "1:1"),
            (b" \n ", "2:2"),
            (b"{\"a\": \xFF}", "1:7"),
            (b"{\n \"a\" 1}", "2:6"),
            (b"{a: 1}", "1:2"),
            (b"{'a': 1}", "1:2"),
            (b"[1,]", "1:4"),
            (b"{\"a\":1,}", "1:8"),
            (b"[1 2]", "1:4"),
            (b"[1}", "1:3"),
            (b"[", "1:2"),
            (b"{\"a\"", "1:5"),
            (b"nul", "1:1"),
            (b"// c\n1", "1:1"),
            (b"{\"a\": 01}", "1:8"),
            (b"[\"\x00\"]", "1:3"),
            (b"\x00", "1:1"),
            (b"[[[[[]]]]]", "1:5"),
            (b"[[[[[1]]]]]", "1:5"),
        ] {
            let fault = parse(text.to_vec(), Limits { size: 1000, depth: 4, values: 20 }).unwrap_err();
            assert_eq!(fault.position.to_string(), at, "{:?}: {fault}", text.escape_ascii().to_string());
        }
        assert_eq!(kinds(&[b' '; 1001]).0, Some(FaultKind::TooLarge(1000)));
        assert_eq!(kinds(b"[[[[1]]]]"), (None, vec![]));
        let numbers = ["1"; 20].join(",");
        assert_eq!(kinds(&numbers.as_bytes()[..37]).0, None);
        let fault =
            parse(format!("[{numbers}]").into(), Limits { values: 20, ..Limits::default() }).unwrap_err();
        assert_eq!((fault.kind, fault.offset), (FaultKind::TooMany(20), 39));
    }

    #[test]
    fn faults_that_can_be_stepped_over_are_all_collected() {
        let text = b"\xEF\xBB\xBF{\"a\":{\"x\":1,\"x\":2},\"\\u0061\":\"\\ud800\",\"a\":3} 7";
        let duplicate = |key: &str, at| (FaultKind::DuplicateKey(key.to_owned()), at);
        assert_eq!(
            kinds(text),
            (
                None,
                vec![
                    (FaultKind::ByteOrderMark, 0),
                    duplicate("x", 15),
                    duplicate("a", 22),
                    (FaultKind::LoneSurrogate(0xD800), 32),
                    duplicate("a", 40),
                    (FaultKind::TrailingData, 47),
                ]
            )
        );
    }

    #[test]
    fn duplicates_are_found_among_many_keys() {
        let members: Vec<String> = (0..100).map(|n| format!("\"k{}\":{n}", n % 99)).collect();
        let document = parse(format!("{{{}}}", members.join(",")).into(), Limits::default()).unwrap();
        assert_eq!(document.faults().len(), 1);
        assert_eq!(document.root().get("k0").and_then(|n| n.as_u64()), Some(99));
    }
}
