//! Builds .deb files in memory: good ones in a few words, hostile ones by giving whole members.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Write;

use crate::format::compress::Compression;
use crate::format::compress::encoder;
use crate::format::tar::EntryKind;
use crate::format::tar::Header;
use crate::format::tar::Writer;

/// Builds one .deb. Parents of paths are added where they are missing; owners are root.
#[derive(Debug, Clone)]
pub struct DebBuilder {
    fields: Vec<(String, String)>,
    control_files: Vec<(Header, Vec<u8>)>,
    entries: Vec<(Header, Vec<u8>)>,
    directories: BTreeSet<String>,
    compression: Compression,
    mtime: i64,
    control_tar: Option<Vec<u8>>,
    data_tar: Option<Vec<u8>>,
}

impl DebBuilder {
    /// A package with the five fields that every one has.
    #[must_use]
    pub fn new(name: &str, version: &str, architecture: &str) -> Self {
        let fields = [
            ("Package", name),
            ("Version", version),
            ("Architecture", architecture),
            ("Maintainer", "Nobody <nobody@example.org>"),
            ("Description", "made for a test"),
        ];
        Self {
            fields: fields.map(|(name, value)| (name.into(), value.into())).into(),
            control_files: Vec::new(),
            entries: Vec::new(),
            directories: BTreeSet::new(),
            compression: Compression::Xz,
            mtime: 1_600_000_000,
            control_tar: None,
            data_tar: None,
        }
        .directory("/", 0o755)
    }

    /// Sets a control field, in place of one of the same name.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(old, _)| !old.eq_ignore_ascii_case(name));
        self.fields.push((name.into(), value.into()));
        self
    }

    /// The time of all entries added from here on.
    #[must_use]
    pub const fn mtime(mut self, mtime: i64) -> Self {
        self.mtime = mtime;
        self
    }

    /// The compression of both tar members; xz unless said otherwise.
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Adds a maintainer script: `preinst`, `postinst` …
    #[must_use]
    pub fn script(self, name: &str, text: &str) -> Self {
        self.control_file(name, 0o755, text)
    }

    /// Adds a control file.
    #[must_use]
    pub fn control_file(mut self, name: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        let header = Header { mode, mtime: self.mtime, ..entry(&format!("./{name}"), EntryKind::File) };
        self.control_files.push((header, bytes.into()));
        self
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(mut self, path: &str, mode: u32) -> Self {
        self.add_parents(path);
        let path = path.trim_matches('/');
        self.directories.insert(path.into());
        let stored = if path.is_empty() { "./".into() } else { format!("./{path}/") };
        self.push(Header { mode, ..entry(&stored, EntryKind::Directory) }, Vec::new())
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        self.add_parents(path);
        self.push(Header { mode, ..entry(&stored(path), EntryKind::File) }, bytes.into())
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(mut self, path: &str, target: &str) -> Self {
        self.add_parents(path);
        let header = entry(&stored(path), EntryKind::Symlink);
        self.push(Header { mode: 0o777, link: target.into(), ..header }, Vec::new())
    }

    /// Adds a hard link to a path added before.
    #[must_use]
    pub fn hard_link(mut self, path: &str, target: &str) -> Self {
        self.add_parents(path);
        let header = entry(&stored(path), EntryKind::HardLink);
        self.push(Header { link: stored(target).into(), ..header }, Vec::new())
    }

    /// Adds an entry as it is given: nothing about it is checked or completed but its size.
    #[must_use]
    pub fn entry(mut self, header: Header, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        self.entries.push((Header { size: bytes.len() as u64, ..header }, bytes));
        self
    }

    /// Takes these bytes, not yet compressed, for `control.tar`.
    #[must_use]
    pub fn control_tar(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.control_tar = Some(bytes.into());
        self
    }

    /// Takes these bytes, not yet compressed, for `data.tar`.
    #[must_use]
    pub fn data_tar(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.data_tar = Some(bytes.into());
        self
    }

    /// The text of `control`, as an index has it too.
    #[must_use]
    pub fn control(&self) -> String {
        self.fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
    }

    /// The members of the outer archive in order, for a test that changes one of them; see [`ar_archive`].
    #[must_use]
    pub fn members(&self) -> Vec<(String, Vec<u8>)> {
        let mut control = vec![(entry("./", EntryKind::Directory), Vec::new())];
        control.push((Header { mode: 0o644, ..entry("./control", EntryKind::File) }, self.control().into_bytes()));
        control.extend(self.control_files.iter().cloned());
        let control = self.control_tar.clone().unwrap_or_else(|| tar_archive(&control));
        let data = self.data_tar.clone().unwrap_or_else(|| tar_archive(&self.entries));
        let suffix = self.compression.suffix();
        vec![
            ("debian-binary".into(), b"2.0\n".to_vec()),
            (format!("control.tar{suffix}"), compressed(self.compression, &control)),
            (format!("data.tar{suffix}"), compressed(self.compression, &data)),
        ]
    }

    /// The whole .deb. The same calls give the same bytes.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        ar_archive(&self.members())
    }

    fn push(mut self, header: Header, bytes: Vec<u8>) -> Self {
        let header = Header { mtime: self.mtime, ..header };
        self.entries.push((Header { size: bytes.len() as u64, ..header }, bytes));
        self
    }

    fn add_parents(&mut self, path: &str) {
        let path = path.trim_matches('/');
        for (end, _) in path.match_indices('/') {
            if self.directories.insert(path[..end].into()) {
                let header = entry(&format!("./{}/", &path[..end]), EntryKind::Directory);
                self.entries.push((Header { mode: 0o755, mtime: self.mtime, ..header }, Vec::new()));
            }
        }
    }
}

/// A header owned by root, mode 0644 (a directory's 0755), to be completed by what a test is about.
#[must_use]
pub fn entry(path: &str, kind: EntryKind) -> Header {
    Header {
        path: path.into(),
        kind,
        mode: if kind == EntryKind::Directory { 0o755 } else { 0o644 },
        uid: 0,
        gid: 0,
        size: 0,
        mtime: 0,
        link: Vec::new(),
        device: (0, 0),
        xattrs: BTreeMap::new(),
    }
}

/// A tar archive of these entries; each header's size becomes its body's.
///
/// # Panics
/// Tar has no place for a value.
#[must_use]
pub fn tar_archive(entries: &[(Header, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (header, body) in entries {
        let header = Header { size: body.len() as u64, ..header.clone() };
        writer.append(&header, &mut body.as_slice()).expect("an entry that tar can hold");
    }
    writer.finish().expect("memory takes it")
}

/// An ar archive of these members.
///
/// # Panics
/// A name is longer than ar can hold.
#[must_use]
pub fn ar_archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = ar::Builder::new(Vec::new());
    for (name, body) in members {
        let mut header = ar::Header::new(name.clone().into_bytes(), body.len() as u64);
        header.set_mode(0o100_644);
        builder.append(&header, body.as_slice()).expect("a name that ar can hold");
    }
    builder.into_inner().expect("memory takes it")
}

/// These bytes compressed.
///
/// # Panics
/// Never: memory takes everything.
#[must_use]
pub fn compressed(kind: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = encoder(kind, 1, Vec::new()).expect("an encoder can be made");
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn stored(path: &str) -> String {
    format!("./{}", path.trim_matches('/'))
}
