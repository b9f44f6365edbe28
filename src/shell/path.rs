//! How programs are found: by `PATH`, or where a system has them.

use super::Shell;
use crate::tree::Kind;

/// A name in a directory of `PATH`; an empty one is the current directory.
pub(crate) fn in_directory(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, name].join(&b'/') }
}

/// What stands behind `command` and its options, however often.
pub(super) fn behind_command(words: &[Vec<u8>]) -> &[Vec<u8>] {
    match words {
        [first, option, rest @ ..] if first == b"command" && (option == b"-p" || option == b"--") => {
            behind_command(rest)
        }
        [first, rest @ ..] if first == b"command" => behind_command(rest),
        _ => words,
    }
}

impl Shell<'_> {
    /// The path by which `PATH` finds a program of the tree; the name itself when it has a slash.
    pub fn find_program(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        if name.is_empty() {
            return None;
        }
        if name.contains(&b'/') {
            let path = self.absolute(name);
            return self.is_program(&path).then(|| name.to_vec());
        }
        let search = self.search_path();
        let mut candidates = search.split(|&byte| byte == b':').map(|directory| in_directory(directory, name));
        candidates.find(|candidate| {
            let path = self.absolute(candidate);
            self.is_program(&path)
        })
    }

    /// The same for a file that is no program.
    pub(super) fn find_file(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        if name.is_empty() || name.contains(&b'/') {
            return None;
        }
        let search = self.search_path();
        let mut candidates = search.split(|&byte| byte == b':').map(|directory| in_directory(directory, name));
        candidates.find(|candidate| {
            let path = self.absolute(candidate);
            self.system.tree().lookup(&path).is_some_and(|(_, inode)| matches!(inode.kind, Kind::File(_)))
        })
    }

    /// The directories in which programs are looked for: `PATH`, but for `command -p`.
    pub(crate) fn search_path(&self) -> Vec<u8> {
        let path = self.variable(b"PATH").filter(|_| !self.ignores_path);
        path.unwrap_or(if self.ignores_path { b"/usr/sbin:/usr/bin:/sbin:/bin" } else { b"" }).to_vec()
    }

    /// Whether a path, absolute, is a file that may be executed.
    pub(crate) fn is_program(&mut self, path: &[u8]) -> bool {
        self.system
            .tree()
            .lookup(path)
            .is_some_and(|(_, inode)| matches!(inode.kind, Kind::File(_)) && inode.stat.mode & 0o111 != 0)
    }
}
