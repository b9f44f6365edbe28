//! An OCI image layout, as a directory or as a tar of one, → the tree that its layers make.
//!
//! Rules: the OCI image specification 1.1, `image-layout.md` and `layer.md`: blobs by digest; each layer a tar, compressed
//! or not; `.wh.NAME` takes a name of the layers below away, `.wh..wh..opq` all of a directory.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;

use crate::cancel::Cancel;
use crate::digest::Sha256;
use crate::format::compress;
use crate::format::compress::Allowance;
use crate::format::oci::Descriptor;
use crate::format::oci::Index;
use crate::format::oci::JSON_MAX;
use crate::format::oci::Manifest;
use crate::format::tar::Dialect;
use crate::format::tar::Reader;
use crate::host::Dir;
use crate::limits::Limits;
use crate::tree::Keep;
use crate::tree::Tree;
use crate::tree::tar;

/// The most bytes that a tar may have.
const TAR_MAX: u64 = 1 << 40;

/// The most files that a tar of a layout may have.
const BLOBS_MAX: u64 = 100_000;

/// Where the files of a layout are.
pub(super) enum Layout<'a> {
    Directory(Dir),
    /// A tar, compressed or not, which is gone through for each of them.
    Archive {
        path: &'a Path,
        limits: &'a Limits,
        cancel: &'a Cancel,
    },
}

type Bytes = Box<dyn Read + Send>;

impl Layout<'_> {
    fn open(&self, name: &str) -> io::Result<Bytes> {
        let mut reader = match self {
            Self::Directory(directory) => return Ok(Box::new(directory.file(name)?)),
            Self::Archive { path, limits, cancel } => archive(path, limits, cancel)?,
        };
        while let Some(header) = reader.next_entry().map_err(|error| wrong(error.to_string()))? {
            if inside(&header.path) == name.as_bytes() {
                return Ok(Box::new(reader));
            }
        }
        Err(wrong(format!("it has no `{name}`")))
    }

    /// A file that is read whole.
    fn small(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(name)?.take(JSON_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A blob that is read whole.
    fn blob(&self, descriptor: &Descriptor) -> io::Result<Vec<u8>> {
        let wanted = descriptor.digest.0;
        let bytes = self.small(&blob(descriptor))?;
        if Sha256::of(&bytes) == wanted { Ok(bytes) } else { Err(wrong(format!("the blob {wanted} has other bytes"))) }
    }
}

/// A tar of a layout.
pub(super) fn archive(path: &Path, limits: &Limits, cancel: &Cancel) -> io::Result<Reader<compress::Decoder<'static>>> {
    Ok(Reader::new(decoded(cancel.reader(File::open(path)?), limits)?, Dialect::Pax, BLOBS_MAX))
}

/// A name in a tar as one below the directory that it was made of.
pub(super) fn inside(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"./").unwrap_or(path)
}

/// Reads a layout with one image.
///
/// # Errors
/// It has none or several, a blob is not what its digest says, a layer is no tar, or `keep` failed.
pub(super) fn read(layout: &Layout<'_>, limits: &Limits, cancel: &Cancel, keep: &mut Keep<'_>) -> io::Result<Tree> {
    let mut index: Index = serde_json::from_slice(&layout.small("index.json")?)?;
    // An index may name one of several architectures.
    let manifest = loop {
        let [only] = index.manifests.as_slice() else {
            return Err(wrong(format!("it has {} images, and one can be compared", index.manifests.len())));
        };
        let bytes = layout.blob(only)?;
        if !only.media_type.ends_with("index.v1+json") && !only.media_type.ends_with("manifest.list.v2+json") {
            break serde_json::from_slice::<Manifest>(&bytes)?;
        }
        index = serde_json::from_slice(&bytes)?;
    };
    let mut tree = Tree::new();
    for layer in &manifest.layers {
        let wanted = layer.digest.0;
        // What is not what its digest says is not looked into.
        let (found, _) = Sha256::of_reader(&mut cancel.reader(layout.open(&blob(layer))?))?;
        if found != wanted {
            return Err(wrong(format!("the layer {wanted} has other bytes")));
        }
        let input = cancel.reader(decoded(layout.open(&blob(layer))?, limits)?);
        tar::read_layer(&mut tree, input, keep).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(tree)
}

/// What it was before it was compressed, if it is.
pub(super) fn decoded(input: impl Read + Send + 'static, limits: &Limits) -> io::Result<compress::Decoder<'static>> {
    let mut input = BufReader::new(input);
    let compression = compress::sniff(input.fill_buf()?);
    compress::decoder(compression, input, Allowance::within("", TAR_MAX, limits))
}

fn blob(descriptor: &Descriptor) -> String {
    format!("blobs/sha256/{}", descriptor.digest.0)
}

fn wrong(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}
