//! What a recipe is told from others by: the digests of its meaning.
//!
//! The text that is hashed is JSON with the fields in the order of the types and maps sorted. Files go in by what
//! they hold; mirrors and places of this machine do not go in at all.

use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeSeq as _;

use super::Archive;
use super::Base;
use super::LocalFile;
use super::PackageRequest;
use super::Recipe;
use crate::digest::Sha256;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;
use crate::tree::escape;

/// SHA-256 of all that a recipe means.
pub(super) fn digest(recipe: &Recipe) -> Sha256 {
    let mut recipe = recipe.clone();
    // From which mirror verified bytes come is no difference.
    recipe.debian.mirror = None;
    hash(&("imgbuild recipe 1", recipe))
}

/// SHA-256 of what decides which packages are chosen.
pub(super) fn selection(recipe: &Recipe) -> Sha256 {
    let debian = &recipe.debian;
    let archive = |archive: &Archive| {
        (archive.url.clone(), archive.suite.clone(), archive.components.clone(), archive.packages.clone())
    };
    let selection: (_, &[PackageRequest], (&String, &String), (&[String], &[String]), _, Vec<_>, (Base, bool), _) = (
        "imgbuild selection 1",
        &recipe.packages,
        (&debian.suite, &debian.architecture),
        (&debian.components, &debian.pockets),
        &debian.snapshot,
        recipe.archives.iter().map(archive).collect(),
        (recipe.install.base, recipe.install.recommends),
        // A head needs boot loaders, which are locked too.
        recipe.head.as_ref().map(|head| head.boot),
    );
    let root = if recipe.pins.is_empty() { hash(&selection) } else { hash(&(selection, &recipe.pins)) };
    if recipe.kernel_modules.is_empty() {
        return root;
    }
    hash(&("imgbuild kernel modules 1", root, &recipe.kernel_modules))
}

/// The same of a recipe with several images, from what each of them has.
pub(super) fn of_images(images: &[Recipe], digest: impl Fn(&Recipe) -> Sha256) -> Sha256 {
    let images: Vec<_> = images.iter().map(|image| (&image.image, digest(image))).collect();
    hash(&("imgbuild images 1", images))
}

fn hash(value: &impl Serialize) -> Sha256 {
    Sha256::of(&serde_json::to_vec(value).expect("a recipe has no value that JSON cannot hold"))
}

impl Serialize for LocalFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (escape(self.path.as_os_str().as_encoded_bytes()), ContentId::of(&self.content)).serialize(serializer)
    }
}

/// A file's bytes, by digest.
#[derive(Serialize)]
struct ContentId {
    sha256: Sha256,
    size: u64,
}

impl ContentId {
    fn of(content: &Content) -> Self {
        Self { sha256: *content.sha256(), size: content.size() }
    }
}

pub(super) fn path<S: Serializer>(path: &TreePath, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(path)
}

pub(super) fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    ContentId { sha256: Sha256::of(bytes), size: bytes.len() as u64 }.serialize(serializer)
}

pub(super) fn files<S: Serializer>(files: &[(TreePath, Inode)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(files.len()))?;
    for (path, inode) in files {
        let (kind, target, content) = match &inode.kind {
            Kind::File(content) => ("file", None, Some(ContentId::of(content))),
            Kind::Symlink(target) => ("link", Some(escape(target)), None),
            _ => ("directory", None, None),
        };
        list.serialize_element(&(path.to_string(), kind, inode.stat.mode, target, content))?;
    }
    list.end()
}
