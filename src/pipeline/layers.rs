//! An OCI image layout → the tree that its layers make.
//!
//! Rules: the OCI image specification 1.1, `image-layout.md` and `layer.md`: blobs by digest; each layer a tar, compressed
//! or not; `.wh.NAME` takes a name of the layers below away, `.wh..wh..opq` all of a directory.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::path::Path;

use crate::cancel::Cancel;
use crate::digest::Sha256;
use crate::format::compress;
use crate::format::compress::Allowance;
use crate::format::oci::Descriptor;
use crate::format::oci::Index;
use crate::format::oci::JSON_MAX;
use crate::format::oci::Manifest;
use crate::host::Dir;
use crate::limits::Limits;
use crate::tree::Keep;
use crate::tree::Tree;
use crate::tree::tar;

/// The most bytes that a tar may have.
const TAR_MAX: u64 = 1 << 40;

/// Reads a layout with one image.
///
/// # Errors
/// It has none or several, a blob is not what its digest says, a layer is no tar, or `keep` failed.
pub(super) fn read(path: &Path, limits: &Limits, cancel: &Cancel, keep: &mut Keep<'_>) -> io::Result<Tree> {
    let layout = Dir::open(path)?;
    let index = layout.read_if_any("index.json", JSON_MAX)?.ok_or_else(|| wrong("it has no index.json"))?;
    let mut index: Index = serde_json::from_slice(&index)?;
    // An index may name one of several architectures.
    let manifest = loop {
        let [only] = index.manifests.as_slice() else {
            return Err(wrong(format!("it has {} images, and one can be compared", index.manifests.len())));
        };
        let bytes = small(&layout, only)?;
        if !only.media_type.ends_with("index.v1+json") && !only.media_type.ends_with("manifest.list.v2+json") {
            break serde_json::from_slice::<Manifest>(&bytes)?;
        }
        index = serde_json::from_slice(&bytes)?;
    };
    let mut tree = Tree::new();
    for layer in &manifest.layers {
        let (mut file, wanted) = open(&layout, layer)?;
        // What is not what its digest says is not looked into.
        let (found, _) = Sha256::of_reader(&mut cancel.reader(&file))?;
        if found != wanted {
            return Err(wrong(format!("the layer {wanted} has other bytes")));
        }
        file.rewind()?;
        let input = cancel.reader(decoded(file, limits)?);
        tar::read_layer(&mut tree, input, keep).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(tree)
}

/// A file as what it was before it was compressed, if it is.
pub(super) fn decoded(file: File, limits: &Limits) -> io::Result<compress::Decoder<'static>> {
    let mut input = BufReader::new(file);
    let compression = compress::sniff(input.fill_buf()?);
    compress::decoder(compression, input, Allowance::within("", TAR_MAX, limits))
}

/// A blob that is read whole.
fn small(layout: &Dir, descriptor: &Descriptor) -> io::Result<Vec<u8>> {
    let (file, wanted) = open(layout, descriptor)?;
    let mut bytes = Vec::new();
    file.take(JSON_MAX).read_to_end(&mut bytes)?;
    if Sha256::of(&bytes) == wanted { Ok(bytes) } else { Err(wrong(format!("the blob {wanted} has other bytes"))) }
}

fn open(layout: &Dir, descriptor: &Descriptor) -> io::Result<(File, Sha256)> {
    let digest = descriptor.digest.0;
    Ok((layout.file(format!("blobs/sha256/{digest}"))?, digest))
}

fn wrong(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}
