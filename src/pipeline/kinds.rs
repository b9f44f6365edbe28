//! What lies at a path: which of the forms of an image.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::path::Path;

use super::layers;
use crate::cancel::Cancel;
use crate::error::Error;
use crate::format::tar;
use crate::limits::Limits;

/// Where erofs has its superblock.
const EROFS: usize = 1024;
/// A block of tar.
const BLOCK: u64 = 512;
/// Of which somebody who gave something else may choose.
const FORMS: &str = "an output, a directory, a tar, squashfs, erofs or newc image (tar and newc also compressed with gzip, \
                     xz, zstd or bzip2), an OCI layout or a tar of one, `tree.txt`, `manifest.json` or a lock";

/// What it was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Output,
    Manifest,
    Lock,
    Text,
    Directory,
    Oci,
    OciArchive,
    Tar,
    Newc,
    Squashfs,
    Erofs,
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Manifest => "manifest",
            Self::Lock => "lock",
            Self::Text => "tree",
            Self::Directory => "directory",
            Self::Oci | Self::OciArchive => "oci",
            Self::Tar => "tar",
            Self::Newc => "newc",
            Self::Squashfs => "squashfs",
            Self::Erofs => "erofs",
        }
    }

    /// Whether the files of its tree can be read.
    pub(super) const fn has_files(self) -> bool {
        !matches!(self, Self::Output | Self::Manifest | Self::Lock | Self::Text)
    }
}

/// What lies at a path, by its name where it is a text of ours, and else by its bytes.
pub(super) fn kind(path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Kind, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let refused = |reason: String| Err(Error::Form { path: path.to_owned(), reason });
    let about = fs::metadata(path).map_err(failed)?;
    if about.is_dir() {
        let has = |name: &str| path.join(name).is_file();
        return Ok(match () {
            () if has(super::output::MANIFEST) => Kind::Output,
            () if has("oci-layout") => Kind::Oci,
            () => Kind::Directory,
        });
    }
    if !about.is_file() {
        return refused(
            "it is neither a regular file nor a directory, and it is read more than once: keep it in a file".to_owned(),
        );
    }
    if about.len() == 0 {
        return refused("it is empty".to_owned());
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("lock") => Ok(Kind::Lock),
        Some("txt") => Ok(Kind::Text),
        Some("json") => Ok(Kind::Manifest),
        _ => by_bytes(path, limits, cancel),
    }
}

/// What a file is by its bytes.
fn by_bytes(path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Kind, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let refused = |reason: String| Err(Error::Form { path: path.to_owned(), reason });
    let mut file = File::open(path).map_err(failed)?;
    let mut head = Vec::new();
    (&file).take(EROFS as u64 + 4).read_to_end(&mut head).map_err(failed)?;
    if head.starts_with(b"hsqs") {
        return Ok(Kind::Squashfs);
    }
    if head.get(EROFS..) == Some(&[0xe2, 0xe1, 0xf5, 0xe0]) {
        return Ok(Kind::Erofs);
    }
    if head.starts_with(&[0x04, 0x22, 0x4d, 0x18]) || head.starts_with(&[0x02, 0x21, 0x4c, 0x18]) {
        return refused("it is compressed with lz4, which is not read: unpack it first, with `lz4 -d`".to_owned());
    }
    file.rewind().map_err(failed)?;
    let mut start = Vec::new();
    let unpacked = layers::decoded(file, limits).and_then(|input| input.take(BLOCK).read_to_end(&mut start));
    match unpacked {
        Err(error) => refused(error.to_string()),
        Ok(0) => refused("it is empty when unpacked".to_owned()),
        Ok(_) if start.starts_with(b"07070") => Ok(Kind::Newc),
        Ok(_) if !tar::begins(&start) => refused(format!("it is none of the forms that are read: {FORMS}")),
        Ok(_) => match container(path, limits, cancel).map_err(failed)? {
            Container::None => Ok(Kind::Tar),
            Container::Oci => Ok(Kind::OciArchive),
            Container::Docker => refused(
                "it is a container image as `docker save` writes it, which is not read: `skopeo copy \
                 docker-archive:FILE oci:DIR` makes an OCI layout of it"
                    .to_owned(),
            ),
        },
    }
}

/// The container image that a tar may be of.
enum Container {
    None,
    Oci,
    Docker,
}

/// Looks at the names of a tar, until one is there that no container image has at its top.
fn container(path: &Path, limits: &Limits, cancel: &Cancel) -> io::Result<Container> {
    let mut reader = layers::archive(path, limits, cancel)?;
    let (mut layout, mut index, mut manifest, mut layer) = (false, false, false, false);
    // What is wrong with it is told by who reads it.
    while let Ok(Some(header)) = reader.next_entry() {
        let name = String::from_utf8_lossy(layers::inside(&header.path)).into_owned();
        let top = name.split('/').next().unwrap_or_default();
        let is_digest = top.len() == 64 && top.bytes().all(|byte| byte.is_ascii_hexdigit());
        match name.as_str() {
            "" | "." => {}
            "oci-layout" => layout = true,
            "index.json" => index = true,
            "manifest.json" => manifest = true,
            _ if top == "blobs" || top == "repositories" || top.ends_with(".json") => {}
            _ if is_digest || top.ends_with(".tar") => layer |= name.ends_with(".tar"),
            _ => return Ok(Container::None),
        }
    }
    Ok(match () {
        () if layout && index => Container::Oci,
        () if manifest && layer => Container::Docker,
        () => Container::None,
    })
}
