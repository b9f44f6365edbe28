//! The head node's files, from the same recipe as the nodes': what they boot from, get their names and addresses
//! from, mount, and log to.
//!
//! Stands after initramfs. The result is laid out as on the head's disk, `etc/…` and `srv/tftp/…`, with a README that
//! says what to do with it. Boot loaders come out of Debian's own packages, unpacked into a tree of their own.

mod boot;
mod dhcp;
mod existing;
mod import;
mod kernel;
mod logging;
mod menu;
mod nfs;
mod pair;
mod places;
mod readme;
mod tuning;
mod web;

pub use existing::Existing;
pub use existing::Machine;
pub use menu::Cluster;
pub use menu::ClusterNode;
pub use menu::Entries;
pub use menu::RECORD;
pub use menu::menus;
pub use places::Place;
pub use places::place;

use std::net::Ipv4Addr;

use serde::Deserialize;
use serde::Serialize;

use crate::digest::Sha256;
use crate::recipe::BootMode;
use crate::recipe::Diskless;
use crate::recipe::Head;
use crate::recipe::Recipe;
use crate::recipe::RootMode;
use crate::recipe::Standby;
use crate::recipe::TftpServer;
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
        format!("{}/gen/{}", self.head.export, self.root)
    }

    /// What every generation's files for boot loaders are told apart by.
    fn boot_directory(&self) -> String {
        format!("{}/{}/{}", self.head.tftp, self.recipe.name, self.generation)
    }

    /// The host name of the head that the files are for.
    fn name(&self) -> &str {
        match (self.role, &self.head.standby) {
            (Role::Standby, Some(standby)) => &standby.name,
            _ => &self.head.name,
        }
    }

    /// Its interface on the cluster's network.
    fn interface(&self) -> &str {
        match (self.role, &self.head.standby) {
            (Role::Standby, Some(standby)) => &standby.interface,
            _ => &self.head.interface,
        }
    }

    /// The address that stays with it, and the other head's.
    fn own_addresses(&self, standby: &Standby) -> (Ipv4Addr, Ipv4Addr) {
        match self.role {
            Role::Head => (standby.head_own_address, standby.own_address),
            Role::Standby => (standby.own_address, standby.head_own_address),
        }
    }

    /// Whether a node has this root; machines in no table have one as well.
    fn has_root(&self, mode: RootMode) -> bool {
        let nodes = self.recipe.nodes.iter().map(|node| self.recipe.root_mode(Some(node), self.diskless));
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

/// Makes the files of all heads of a recipe, for a generation that is named after all that a boot depends on: root,
/// kernel, initramfs, their arguments, the table of nodes, menus, boot loaders and what servers are told. Whatever of
/// it changes, the generation is another one.
///
/// `input`'s generation and role are not looked at.
///
/// # Errors
/// As [`assemble`].
pub fn bundles(mut input: Input<'_>) -> Result<Vec<(Role, Tree)>, Error> {
    let roles = [Role::Head, Role::Standby].into_iter().take(1 + usize::from(input.head.standby.is_some()));
    let make = |input: &mut Input<'_>| -> Result<Vec<(Role, Tree)>, Error> {
        let assembled = roles.clone().map(|role| {
            input.role = role;
            Ok((role, assemble(input)?))
        });
        assembled.collect()
    };
    // It names itself nearly everywhere, so it is taken from files in which it has no name yet.
    input.generation = "0".repeat(GENERATION);
    let mut text = "imgbuild generation 2\n".to_owned();
    for (_, tree) in make(&mut input)? {
        // Words for people are no part of it.
        let dump = tree::dump(&tree);
        dump.lines().filter(|line| !line.ends_with(" /README")).for_each(|line| text.extend([line, "\n"]));
    }
    input.generation = short(&text);
    make(&mut input)
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

/// Makes the head's files.
///
/// # Errors
/// A boot loader is missing, or the recipe's directories for the head meet.
pub fn assemble(input: &Input<'_>) -> Result<Tree, Error> {
    let mut files = Files(Tree::new());
    boot::assemble(&mut files, input)?;
    files.text("/etc/dnsmasq.d/imgbuild.conf", &dhcp::dnsmasq(input))?;
    if input.head.tftp_server == TftpServer::TftpdHpa {
        files.text(&format!("/{}", dhcp::TFTPD), &dhcp::tftpd(input))?;
    }
    files.text("/etc/hosts", &input.recipe.hosts())?;
    match &input.head.standby {
        None => files.text("/etc/exports.d/imgbuild.exports", &nfs::exports(input))?,
        Some(standby) => pair::assemble(&mut files, input, standby)?,
    }
    files.text("/etc/nfs.conf.d/imgbuild.conf", &nfs::server(input))?;
    files.text("/etc/syslog-ng/conf.d/imgbuild.conf", &logging::syslog_ng(input))?;
    files.text("/etc/chrony/conf.d/imgbuild.conf", &tuning::chrony(input))?;
    files.text("/etc/sysctl.d/90-imgbuild.conf", &tuning::sysctl(input))?;
    for server in web::servers(input) {
        files.text(&format!("/{}", server.path()), &server.unit(input))?;
    }
    files.text(&format!("/etc/imgbuild/{}.json", input.recipe.name), &Cluster::of(input)?.to_json())?;
    files.text("/README", &readme::readme(input))?;
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
