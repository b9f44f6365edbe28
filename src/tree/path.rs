//! Names inside a tree: bytes, relative to its root, without any way out of it.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A normalised path below the root of a [`Tree`](super::Tree).
///
/// Invariant: components joined by single slashes; no component is empty, `.` or `..` or holds a NUL; the root
/// is the empty path. So no `TreePath` names anything outside its tree. Compares bytewise, which puts a
/// directory before what is in it. Clones share the bytes: a build has several trees of the same paths.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreePath(Arc<[u8]>);

/// The longest path that is accepted, as Linux's `PATH_MAX`.
pub const PATH_MAX: usize = 4096;
/// The longest component that is accepted, as Linux's `NAME_MAX`.
pub const NAME_MAX: usize = 255;

/// A path that cannot name anything in a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A `..` component: it would be resolved differently before and after symbolic links.
    #[error("path `{0}` has a `..` component")]
    DotDot(String),
    /// A NUL byte.
    #[error("path `{0}` has a NUL byte")]
    Nul(String),
    /// Longer than [`PATH_MAX`], or a component longer than [`NAME_MAX`].
    #[error("path `{0}` is too long")]
    TooLong(String),
}

impl TreePath {
    /// The root of a tree.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Normalises `path`: leading, doubled and trailing slashes and `.` components go.
    ///
    /// # Errors
    /// What no normalisation may decide: `..`, NUL, over-long names.
    pub fn new(path: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let path = path.as_ref();
        let shown = || escape(&path[..path.len().min(200)]);
        let mut normal = Vec::with_capacity(path.len());
        for component in path.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => continue,
                b".." => return Err(PathError::DotDot(shown())),
                name if name.contains(&0) => return Err(PathError::Nul(shown())),
                name if name.len() > NAME_MAX => return Err(PathError::TooLong(shown())),
                name => {
                    if !normal.is_empty() {
                        normal.push(b'/');
                    }
                    normal.extend_from_slice(name);
                }
            }
        }
        if normal.len() >= PATH_MAX {
            return Err(PathError::TooLong(shown()));
        }
        Ok(Self(normal.into()))
    }

    /// A path known when the program is written.
    ///
    /// # Panics
    /// When `path` is not valid: a mistake in the program.
    #[must_use]
    pub fn literal(path: &str) -> Self {
        Self::new(path).expect("a literal path is valid")
    }

    /// The bytes, without a leading slash; empty for the root.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory that holds this path; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        Some(Self(self.0[..cut].into()))
    }

    /// The last component; empty for the root.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.0.iter().rposition(|&byte| byte == b'/').map_or(&self.0, |cut| &self.0[cut + 1..])
    }

    /// The components in order.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&byte| byte == b'/').filter(|name| !name.is_empty())
    }

    /// This path with `relative` below it.
    ///
    /// # Errors
    /// As [`TreePath::new`].
    pub fn join(&self, relative: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let mut joined = self.0.to_vec();
        joined.push(b'/');
        joined.extend_from_slice(relative.as_ref());
        Self::new(joined)
    }

    /// Whether this path is `ancestor` or lies below it.
    #[must_use]
    pub fn starts_with(&self, ancestor: &Self) -> bool {
        ancestor.is_root()
            || (self.0.starts_with(&ancestor.0) && matches!(self.0.get(ancestor.0.len()), None | Some(b'/')))
    }
}

impl Borrow<[u8]> for TreePath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TreePath {
    /// Absolute and escaped: `/etc/motd`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", escape(&self.0))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes bytes as one printable, unambiguous word: anything but visible ASCII, and the backslash itself,
/// becomes `\xHH`. Used for names in messages and in the tree's canonical text.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'\\' {
            text.push(byte as char);
        } else {
            write!(text, "\\x{byte:02x}").expect("writing to a String succeeds");
        }
    }
    text
}

/// The bytes that [`escape`] has made a text of; `None`: of none.
#[must_use]
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for name in [&b"/usr/bin/x"[..], b"", b"\\x41", b"/a b\xff\\"] {
            assert_eq!(unescape(&escape(name)).as_deref(), Some(name));
        }
        for none in ["\\x4", "\\xzz", "\\x\u{e9}"] {
            assert_eq!(unescape(none), None, "{none}");
        }
    }

    #[test]
    fn normalises() {
        for (given, wanted) in [("/", ""), ("./", ""), ("//a/./b//", "a/b"), ("./usr/bin", "usr/bin"), ("...", "...")] {
            assert_eq!(TreePath::new(given).expect(given).as_bytes(), wanted.as_bytes(), "{given}");
        }
    }

    #[test]
    fn refuses() {
        let long = "x".repeat(256);
        let deep = "x/".repeat(2100);
        for bad in ["..", "a/../b", "a\0b", &long, &deep] {
            assert!(TreePath::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parts() {
        let path = TreePath::literal("usr/lib/x");
        assert_eq!(path.name(), b"x");
        assert_eq!(path.parent(), Some(TreePath::literal("usr/lib")));
        assert_eq!(TreePath::literal("usr").parent(), Some(TreePath::root()));
        assert!(path.starts_with(&TreePath::literal("usr/lib")));
        assert!(!TreePath::literal("usr/lib64").starts_with(&TreePath::literal("usr/lib")));
        assert!(path.starts_with(&TreePath::root()));
    }
}
