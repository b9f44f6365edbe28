//! What a head keeps of a cluster: enough to make the files that clusters share, and to say what a generation has.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;

use crate::digest::Sha256;
use crate::head::Error;
use crate::head::Input;
use crate::head::Role;
use crate::head::boot;
use crate::head::is_generation;
use crate::head::kernel;
use crate::recipe::Head;
use crate::recipe::Node;
use crate::recipe::RootMode;
use crate::recipe::grammar;

/// What lies beside a generation's kernel and says what is in it: a [`Cluster`] without a role.
pub const RECORD: &str = "generation.json";

/// What a head keeps of its cluster, in `/etc/imgbuild/NAME.json`: where generations lie, and what is in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// What it is called on the head: by its recipe, and its image where the recipe has several.
    pub name: String,
    /// The recipe's name.
    pub recipe: String,
    /// Which of the recipe's images; `None`: it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The generation that was built last.
    pub generation: String,
    /// The root that it has.
    pub root: String,
    /// The kernel that it boots.
    pub kernel: Sha256,
    /// And the initramfs.
    pub initramfs: Sha256,
    /// Which of two heads this is, whose nodes mount images; `None`: there is one head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The head, as the recipe has it.
    pub head: Head,
    /// The cluster's domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The nodes' architecture.
    pub architecture: String,
    /// Whether its nodes may be Raspberry Pis, which boot by a loader of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub raspberry_pi: bool,
    /// How machines in no table have their root.
    pub machines: RootMode,
    /// The nodes.
    pub nodes: Vec<ClusterNode>,
    /// The kernel's arguments for machines in no table.
    pub arguments: Vec<String>,
}

/// A node that a head knows of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterNode {
    /// As the recipe has it.
    pub node: Node,
    /// How it has its root.
    pub root: RootMode,
    /// The kernel's arguments for it.
    pub arguments: Vec<String>,
}

impl ClusterNode {
    /// The hardware addresses of all its cards, in lower case with colons.
    pub fn macs(&self) -> impl Iterator<Item = String> {
        self.node.macs().map(|mac| boot::mac(mac, ":"))
    }

    /// All its names; the first is the host name.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        [&self.node.name].into_iter().chain(&self.node.aliases)
    }
}

impl Cluster {
    pub(super) fn of(input: &Input<'_>) -> Result<Self, Error> {
        let node = |node: &Node| {
            Ok(ClusterNode {
                node: node.clone(),
                root: input.recipe.root_mode(Some(node), input.diskless),
                arguments: kernel::arguments(input, Some(node))?,
            })
        };
        Ok(Self {
            name: input.recipe.cluster(),
            recipe: input.recipe.name.clone(),
            image: input.recipe.image.clone(),
            generation: input.generation.clone(),
            root: input.root.clone(),
            kernel: *input.kernel.sha256(),
            initramfs: *input.initramfs.sha256(),
            head: input.head.clone(),
            domain: input.diskless.domain.clone(),
            architecture: input.recipe.debian.architecture.clone(),
            raspberry_pi: !input.raspberry_pi.is_empty(),
            machines: input.diskless.root,
            role: input.head.standby.is_some().then_some(input.role),
            nodes: input.recipe.own_nodes().map(node).collect::<Result<_, _>>()?,
            arguments: match kernel::arguments(input, None) {
                // Machines in no table cannot boot, and nobody has asked for it.
                Err(Error::NoImage(_)) => Vec::new(),
                arguments => arguments?,
            },
        })
    }

    /// Where its generations' roots lie, each by its name.
    #[must_use]
    pub fn roots(&self) -> String {
        format!("{}/gen", self.export())
    }

    /// The directory above: of several images each has one of its own below the head's, so that none is exported in
    /// another's way.
    #[must_use]
    pub fn export(&self) -> String {
        self.head.export_of(self.image.as_deref())
    }

    /// Whether a node has this root; machines in no table have one as well.
    #[must_use]
    pub fn has_root(&self, mode: RootMode) -> bool {
        self.nodes.iter().map(|node| node.root).chain([self.machines]).any(|root| root == mode)
    }

    /// What is left of it on a head when its recipe has no such image any more: nodes may run from it, and no machine is
    /// its node.
    #[must_use]
    pub fn without_nodes(mut self) -> Self {
        let modes = [RootMode::Nfs, RootMode::Overlay, RootMode::Ram];
        // The first of these is exported so that the others can be mounted as well.
        self.machines = modes.into_iter().find(|mode| self.has_root(*mode)).unwrap_or(self.machines);
        self.nodes.clear();
        self
    }

    /// As it is written on a head.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("names and paths are text");
        text.push('\n');
        text
    }

    /// Reads what [`Cluster::of`] has written. It may be anybody's, and its names become paths: what the recipe's
    /// grammar refuses is refused here as well.
    ///
    /// # Errors
    /// It is not of this form, or a value is none that a recipe could have led to; in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let cluster: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let wrong = |what: &str, value: &str, why: &str| format!("{what} `{}`: {why}", value.escape_debug());
        let good = |what: &str, value: &str, read: Result<String, String>| match read {
            Ok(read) if read == value => Ok(()),
            Ok(_) => Err(wrong(what, value, "it is written in another way than imgbuild writes it")),
            Err(why) => Err(wrong(what, value, &why)),
        };
        good("recipe", &cluster.recipe, grammar::recipe_name(&cluster.recipe))?;
        if let Some(image) = &cluster.image {
            good("image", image, grammar::image_name(image))?;
        }
        let image = cluster.image.as_ref().map_or_else(String::new, |image| format!(".{image}"));
        let (head, is) = (&cluster.head, cluster.recipe.clone() + &image);
        if cluster.name != is {
            return Err(wrong("name", &cluster.name, "it is not its recipe's and image's"));
        }
        let standby = head.standby.iter().flat_map(|standby| [&standby.name].into_iter().chain(&standby.aliases));
        for name in [&head.name].into_iter().chain(&head.aliases).chain(standby) {
            good("head", name, grammar::alias(name))?;
        }
        for interface in [&head.interface].into_iter().chain(head.standby.iter().map(|standby| &standby.interface)) {
            good("interface", interface, grammar::interface(interface))?;
        }
        good("lease", &head.lease, grammar::lease(&head.lease))?;
        for network in &head.networks {
            good("network", &network.name, grammar::host_name(&network.name))?;
            if let Some(interface) = &network.interface {
                good("interface", interface, grammar::interface(interface))?;
            }
        }
        if let Some((_, length)) = head.all_networks().find(|(_, length)| *length > 32) {
            return Err(wrong("network", &length.to_string(), "it is no length of a prefix"));
        }
        if let Some(domain) = &cluster.domain {
            good("domain", domain, grammar::domain(domain))?;
        }
        good("architecture", &cluster.architecture, grammar::architecture(&cluster.architecture))?;
        for (what, id) in [("generation", &cluster.generation), ("root", &cluster.root)] {
            if !is_generation(id) {
                return Err(wrong(what, id, "it is none"));
            }
        }
        for (what, path) in [("export", &head.export), ("tftp", &head.tftp)] {
            good(what, path, grammar::head_directory(path))?;
        }
        let mut names = BTreeSet::new();
        for node in &cluster.nodes {
            good("node", &node.node.name, grammar::host_name(&node.node.name))?;
            for alias in &node.node.aliases {
                good("alias", alias, grammar::alias(alias))?;
            }
            if let Some(id) = &node.node.client_id {
                good("client-id", id, grammar::client_id(id))?;
            }
            for (tag, value) in &node.node.tags {
                good("tag", tag, grammar::tag(tag))?;
                good("tag", value, grammar::tag_value(value))?;
            }
            if let Some(twice) = node.names().find(|name| !names.insert(*name)) {
                return Err(wrong("node", twice, "the name is there twice"));
            }
        }
        let arguments = cluster.nodes.iter().flat_map(|node| &node.arguments).chain(&cluster.arguments);
        for argument in arguments {
            good("kernel argument", argument, grammar::kernel_argument(argument))?;
        }
        Ok(cluster)
    }
}
