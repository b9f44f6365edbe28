//! The head node's files, from the same recipe as the nodes': what they boot from, get their names and addresses
//! from, mount, and log to.
//!
//! Stands after initramfs. The result is laid out as on the head's disk, `etc/…` and `srv/tftp/…`, with a README that
//! says what to do with it. Boot loaders come out of Debian's own packages, unpacked into a tree of their own.

mod boot;
mod cluster;
mod dhcp;
mod existing;
mod import;
mod kernel;
mod leases;
mod logging;
mod menu;
mod nfs;
mod pair;
mod places;
mod raspberry;
mod readme;
mod shared;
mod site;
mod stick;
mod tuning;
mod web;

pub use boot::MENUS;
pub use cluster::Cluster;
pub use cluster::ClusterNode;
pub use cluster::RECORD;
pub use existing::Existing;
pub use existing::Machine;
pub use import::Imported;
pub use kernel::VLAN;
pub use leases::Lease;
pub use leases::leases;
pub use menu::Entries;
pub use menu::MENU;
pub use menu::Menu;
pub use menu::MenuFile;
pub use menu::Offered;
pub use menu::menus;
pub use places::Place;
pub use places::place;
pub use raspberry::ARGUMENTS as RASPBERRY_PI_ARGUMENTS;
pub use raspberry::DIRECTORY as RASPBERRY_PI_DIRECTORY;
pub use raspberry::card_of;
pub use raspberry::link_of_card;
pub use raspberry::raspberry_pi;
pub use raspberry::raspberry_pi_link;
pub use shared::clashes;
pub use shared::shared;
pub use site::SITE_INDEX;
pub use site::SITE_NOW;
pub use site::SiteError;
pub use site::SiteFile;
pub use site::SiteFiles;
pub use stick::stick;
pub use web::IMAGES;
pub use web::SITE as SITE_BY_TLS;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::digest::Sha256;
use crate::recipe::BootMode;
use crate::recipe::Diskless;
use crate::recipe::Head;
use crate::recipe::Recipe;
use crate::recipe::RootMode;
use crate::tree;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::Tree;

/// What the head's files are made from.
#[derive(Debug)]
pub struct Input<'a> {
    /// The whole recipe.
    pub recipe: &'a Recipe,
    /// Its head.
    pub head: &'a Head,
    /// Its diskless part.
    pub diskless: &'a Diskless,
    /// The kernel that nodes boot.
    pub kernel: Content,
    /// Their initramfs.
    pub initramfs: Content,
    /// The root as one file, for nodes that take it into memory; none was made: none can.
    pub image: Option<RamImage>,
    /// The files of [`loader_packages`], unpacked.
    pub loaders: &'a Tree,
    /// What [`raspberry_pi`] has found; empty: its nodes are none.
    pub raspberry_pi: BTreeMap<String, Content>,
    /// [`root_generation`] of what nodes mount.
    pub root: String,
    /// The name of all that a boot depends on; [`bundles`] finds it.
    pub generation: String,
    /// Which head the files are for.
    pub role: Role,
}

/// One of a cluster's heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The first, or the only one.
    Head,
    /// The one that takes over.
    Standby,
}

impl Role {
    /// The directory of an output that its files lie in.
    #[must_use]
    pub const fn directory(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Standby => "standby",
        }
    }
}

impl Input<'_> {
    /// Where the root lies on the head.
    fn root_directory(&self) -> String {
        format!("{}/gen/{}", self.head.export_of(self.recipe.image.as_deref()), self.root)
    }

    /// What every generation's files for boot loaders are told apart by.
    fn boot_directory(&self) -> String {
        format!("{}/{}", self.head.tftp, self.below_tftp())
    }

    /// The same below the TFTP directory.
    fn below_tftp(&self) -> String {
        format!("{}/{}", self.recipe.cluster(), self.generation)
    }

    /// Whether a node has this root; machines in no table have one as well.
    fn has_root(&self, mode: RootMode) -> bool {
        let nodes = self.recipe.own_nodes().map(|node| self.recipe.root_mode(Some(node), self.diskless));
        nodes.chain([self.diskless.root]).any(|root| root == mode)
    }
}

/// What tells a root from every other: 16 hexadecimal digits of a SHA-256. It is big, and generations share it that
/// differ in anything else.
///
/// So long as no two are made to collide by force, 64 bits tell the roots of one head apart.
#[must_use]
pub fn root_generation(tree: &Sha256, image: Option<&RamImage>) -> String {
    let image = image.map_or_else(String::new, |image| format!("{} {}", image.sha256, image.name));
    short(&format!("imgbuild root 1\n{tree}\n{image}\n"))
}

/// Makes the files of all heads of a recipe, for generations of its images that are named after all that a boot depends
/// on: root, kernel, initramfs, their arguments, the table of nodes, menus, boot loaders and what servers are told.
/// Whatever of it changes for an image, its generation is another one.
///
/// The generations and roles of `images` are not looked at.
///
/// # Errors
/// As [`assemble`].
pub fn bundles(mut images: Vec<Input<'_>>) -> Result<Vec<(Role, Tree)>, Error> {
    for input in &mut images {
        // It names itself nearly everywhere, so it is taken from files in which it has no name yet.
        input.generation = "0".repeat(GENERATION);
        let mut text = "imgbuild generation 3\n".to_owned();
        for (_, tree) in for_all_heads(std::slice::from_mut(input))? {
            // Words for people are no part of it.
            let dump = tree::dump(&tree);
            dump.lines().filter(|line| !line.ends_with(" /README")).for_each(|line| text.extend([line, "\n"]));
        }
        input.generation = short(&text);
    }
    for_all_heads(&mut images)
}

fn for_all_heads(images: &mut [Input<'_>]) -> Result<Vec<(Role, Tree)>, Error> {
    let is_pair = images.iter().any(|input| input.head.standby.is_some());
    let roles = [Role::Head, Role::Standby].into_iter().take(1 + usize::from(is_pair));
    let assembled = roles.map(|role| {
        images.iter_mut().for_each(|input| input.role = role);
        Ok((role, assemble(images)?))
    });
    assembled.collect()
}

fn short(text: &str) -> String {
    let mut digits = Sha256::of(text.as_bytes()).to_string();
    digits.truncate(GENERATION);
    digits
}

/// The length of a generation's name.
const GENERATION: usize = 16;

/// Whether a name can be a generation's.
#[must_use]
pub fn is_generation(name: &str) -> bool {
    name.len() == GENERATION && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A root in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RamImage {
    /// As the output is called: `root.squashfs`, `root.erofs`.
    pub name: String,
    /// What nodes compare it with.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
}

/// Why the head's files cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A boot loader's package is not as it was known.
    #[error("cannot find boot loader `{path}`: package `{package}` should hold it")]
    Loader {
        /// Where it should lie.
        path: &'static str,
        /// In which package.
        package: &'static str,
    },
    /// Nodes shall take their root into memory, and there is no file for that.
    #[error("cannot boot {0} into memory: `root = \"ram\"` needs the root as a squashfs or erofs among the formats")]
    NoImage(String),
    /// A stick is asked for, and nothing is known that would boot from it.
    #[error("cannot make a stick for {0}: Debian has no signed UEFI loader for it")]
    NoStick(String),
    /// Two files of the head meet.
    #[error("cannot place `{path}` among the head's files")]
    Place {
        /// Where.
        path: String,
        /// Why.
        source: tree::Error,
    },
}

/// The packages that hold the boot loaders for nodes of an architecture; none: imgbuild knows no network boot there.
#[must_use]
pub fn loader_packages(architecture: &str, boot: BootMode) -> Vec<&'static str> {
    let mut packages: Vec<&str> = boot::loaders(architecture, boot).map(|loader| loader.package).collect();
    packages.dedup();
    packages
}

/// Makes the files of one head, for all images of a recipe; the first is for machines in no table.
///
/// # Errors
/// A boot loader is missing, or the recipe's directories for the head meet.
///
/// # Panics
/// There is no image.
pub fn assemble(images: &[Input<'_>]) -> Result<Tree, Error> {
    let mut files = Files(Tree::new());
    let clusters: Vec<Cluster> = images.iter().map(Cluster::of).collect::<Result<_, _>>()?;
    boot::assemble(&mut files, images, &clusters)?;
    for (path, text) in shared(&clusters) {
        files.text(&format!("/{path}"), &text)?;
    }
    for cluster in &clusters {
        files.text(&format!("/etc/imgbuild/{}.json", cluster.name), &cluster.to_json())?;
        if cluster.has_root(RootMode::Ram) {
            files.symlink(&format!("/{}/{}", IMAGES, cluster.name), &cluster.roots())?;
        }
        if cluster.role.is_some() && cluster.has_root(RootMode::Overlay) {
            files.text(&format!("/{}", pair::exports_path(&cluster.root)), &pair::exports(cluster))?;
        }
    }
    files.text("/README", &readme::readme(images, &clusters))?;
    Ok(files.0)
}

/// The head's files as they are made: all root's, all readable, since TFTP serves only what everybody may read.
struct Files(Tree);

impl Files {
    fn text(&mut self, path: &str, text: &str) -> Result<(), Error> {
        self.put(path, Inode::file(0o644, text))
    }

    fn content(&mut self, path: &str, content: Content) -> Result<(), Error> {
        self.put(path, Inode { kind: Kind::File(content), stat: Stat::new(0o644) })
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), Error> {
        self.put(path, Inode::symlink(target))
    }

    fn put(&mut self, path: &str, inode: Inode) -> Result<(), Error> {
        self.0.put(path, inode).map_err(|source| Error::Place { path: path.to_owned(), source })?;
        Ok(())
    }
}
