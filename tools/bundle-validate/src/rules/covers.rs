//! Sets of paths that are asked what lies in them.

use super::forms::ancestors;
use std::borrow::Cow;
use std::collections::HashMap;

/// Normal paths with something known of each.
#[derive(Debug)]
pub(super) struct Covers<'p, T> {
    paths: HashMap<Cow<'p, str>, T>,
    /// Whether there is a path of this length: most have no other above them, and this tells so
    /// without hashing every part of them.
    lengths: Vec<bool>,
}

impl<'p, T: Copy> Covers<'p, T> {
    pub(super) fn with_capacity(paths: usize) -> Self {
        Covers { paths: HashMap::with_capacity(paths), lengths: vec![] }
    }

    pub(super) fn insert(&mut self, path: Cow<'p, str>, known: T) {
        if self.lengths.len() <= path.len() {
            self.lengths.resize(path.len() + 1, false);
        }
        self.lengths[path.len()] = true;
        self.paths.insert(path, known);
    }

    /// What is known of a normal path and of those above it, the nearest first.
    pub(super) fn above(&self, path: &str) -> impl Iterator<Item = T> {
        let known = ancestors(path).filter(|above| self.lengths.get(above.len()) == Some(&true));
        known.filter_map(|above| self.paths.get(above).copied())
    }
}

impl<'p, T: Copy> FromIterator<(Cow<'p, str>, T)> for Covers<'p, T> {
    fn from_iter<I: IntoIterator<Item = (Cow<'p, str>, T)>>(paths: I) -> Self {
        let paths = paths.into_iter();
        let mut covers = Covers::with_capacity(paths.size_hint().0);
        paths.for_each(|(path, known)| covers.insert(path, known));
        covers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_is_found_from_the_nearest_on() {
        let covers: Covers<'_, u8> =
            [("/", 0), ("/a/b", 1), ("/ab", 2)].map(|(path, n)| (path.into(), n)).into_iter().collect();
        assert_eq!(covers.above("/a/b/c").collect::<Vec<_>>(), [1, 0]);
        assert_eq!(covers.above("/a/bc").collect::<Vec<_>>(), [0]);
        assert_eq!(covers.above("/ab").collect::<Vec<_>>(), [2, 0]);
    }
}
