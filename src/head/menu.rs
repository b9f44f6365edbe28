//! What nodes are offered to boot: the generation that is in use, and the one before it.
//!
//! Each generation keeps its own entries, `pxelinux/01-MAC`, `grub/MAC` and `ipxe/01-MAC`, and a menu is put together
//! from those of one or two generations; a text has its place in the menu by its name alone.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use serde::Deserialize;
use serde::Serialize;

use crate::digest::Sha256;
use crate::head::Error;
use crate::head::Input;
use crate::head::Role;
use crate::head::boot;
use crate::head::is_generation;
use crate::head::kernel;
use crate::recipe::Node;
use crate::recipe::grammar;

/// What lies beside a generation's kernel and says what is in it: a [`Cluster`] without a role.
pub const RECORD: &str = "generation.json";

/// What a head keeps of its cluster, in `/etc/imgbuild/NAME.json`: where generations lie, and what is in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// The recipe's name.
    pub name: String,
    /// The generation that was built last.
    pub generation: String,
    /// The root that it has.
    pub root: String,
    /// The kernel that it boots.
    pub kernel: Sha256,
    /// And the initramfs.
    pub initramfs: Sha256,
    /// Below `gen` in it lie the roots.
    pub export: String,
    /// The TFTP directory.
    pub tftp: String,
    /// Which of two heads this is, whose nodes mount images; `None`: there is one head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The nodes.
    pub nodes: Vec<ClusterNode>,
    /// The kernel's arguments for machines in no table.
    pub arguments: Vec<String>,
}

/// A node that a head knows of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterNode {
    /// Host name.
    pub name: String,
    /// Further names.
    pub aliases: Vec<String>,
    /// Address.
    pub address: Ipv4Addr,
    /// Hardware address, in lower case with colons.
    pub mac: String,
    /// The kernel's arguments for it.
    pub arguments: Vec<String>,
}

impl Cluster {
    pub(super) fn of(input: &Input<'_>) -> Result<Self, Error> {
        let node = |node: &Node| {
            Ok(ClusterNode {
                name: node.name.clone(),
                aliases: node.aliases.clone(),
                address: node.address,
                mac: boot::mac(node, ":"),
                arguments: kernel::arguments(input, Some(node))?,
            })
        };
        Ok(Self {
            name: input.recipe.name.clone(),
            generation: input.generation.clone(),
            root: input.root.clone(),
            kernel: *input.kernel.sha256(),
            initramfs: *input.initramfs.sha256(),
            export: input.head.export.clone(),
            tftp: input.head.tftp.clone(),
            role: input.head.standby.is_some().then_some(input.role),
            nodes: input.recipe.nodes.iter().map(node).collect::<Result<_, _>>()?,
            arguments: match kernel::arguments(input, None) {
                // Machines in no table cannot boot, and nobody has asked for it.
                Err(Error::NoImage(_)) => Vec::new(),
                arguments => arguments?,
            },
        })
    }

    pub(super) fn to_json(&self) -> String {
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
        good("name", &cluster.name, grammar::recipe_name(&cluster.name))?;
        for (what, id) in [("generation", &cluster.generation), ("root", &cluster.root)] {
            if !is_generation(id) {
                return Err(wrong(what, id, "it is none"));
            }
        }
        for (what, path) in [("export", &cluster.export), ("tftp", &cluster.tftp)] {
            good(what, path, grammar::head_directory(path))?;
        }
        let mut names = BTreeSet::new();
        for node in &cluster.nodes {
            good("node", &node.name, grammar::host_name(&node.name))?;
            for alias in &node.aliases {
                good("alias", alias, grammar::alias(alias))?;
            }
            let mac = grammar::mac(&node.mac).map(|mac| mac.map(|byte| format!("{byte:02x}")).join(":"));
            good("mac", &node.mac, mac)?;
            if let Some(twice) = [&node.name].into_iter().chain(&node.aliases).find(|name| !names.insert(*name)) {
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

/// A generation and its entries, by path.
pub type Entries<'a> = (&'a str, &'a BTreeMap<String, String>);

/// The files of a menu, by path below it. With a previous generation loaders wait three seconds for a choice.
#[must_use]
pub fn menus(generated: &str, now: Entries<'_>, previous: Option<Entries<'_>>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (path, entry) in now.1 {
        let Some((loader, machine)) = path.split_once('/') else { continue };
        // A node that the previous generation did not know yet boots it as a stranger.
        let old = previous.and_then(|(id, entries)| {
            let entry = entries.get(path).or_else(|| entries.get(&format!("{loader}/default")))?;
            Some((id, entry.as_str()))
        });
        let now = (now.0, entry.as_str());
        match loader {
            "pxelinux" => drop(files.insert(format!("pxelinux.cfg/{machine}"), pxelinux(generated, now, old))),
            "grub" => drop(files.insert(format!("grub/nodes/{machine}.cfg"), grub(generated, now, old))),
            "ipxe" => drop(files.insert(format!("ipxe.cfg/{machine}"), ipxe(generated, now, old))),
            _ => {}
        }
    }
    if files.keys().any(|path| path.starts_with("grub/")) {
        files.insert("grub/grub.cfg".to_owned(), grub_start(generated));
    }
    files
}

fn pxelinux(generated: &str, now: (&str, &str), old: Option<(&str, &str)>) -> String {
    let mut text = format!("# {generated}\nDEFAULT linux\n");
    let prompt = old.map_or_else(
        || "PROMPT 0\n".to_owned(),
        |(id, _)| format!("PROMPT 1\nTIMEOUT 30\nSAY Enter boots generation {}, the word previous {id}.\n", now.0),
    );
    text.push_str(&prompt);
    write!(text, "LABEL linux\n{}", now.1).expect("writing to a String succeeds");
    if let Some((_, entry)) = old {
        write!(text, "LABEL previous\n{entry}").expect("writing to a String succeeds");
    }
    text
}

fn grub(generated: &str, now: (&str, &str), old: Option<(&str, &str)>) -> String {
    let mut text = format!("# {generated}\nmenuentry 'generation {}' {{\n{}}}\n", now.0, now.1);
    if let Some((id, entry)) = old {
        write!(text, "menuentry 'previous generation {id}' {{\n{entry}}}\n").expect("writing to a String succeeds");
    }
    text
}

fn ipxe(generated: &str, now: (&str, &str), old: Option<(&str, &str)>) -> String {
    let mut text = format!("#!ipxe\n# {generated}\n");
    if let Some((id, _)) = old {
        write!(
            text,
            "menu\nitem now generation {}\nitem previous previous generation {id}\n\
             choose --default now --timeout 3000 chosen || goto now\ngoto ${{chosen}}\n",
            now.0
        )
        .expect("writing to a String succeeds");
    }
    write!(text, ":now\n{}", now.1).expect("writing to a String succeeds");
    if let Some((_, entry)) = old {
        write!(text, ":previous\n{entry}").expect("writing to a String succeeds");
    }
    text.push_str(":failed\nexit 1\n");
    text
}

fn grub_start(generated: &str) -> String {
    // `-s` opens the file; `-e` would list a directory, which TFTP cannot.
    format!(
        "# {generated}\nset default=0\nset timeout=3\n\
         if [ -s \"$prefix/nodes/$net_default_mac.cfg\" ]; then\n  source \"$prefix/nodes/$net_default_mac.cfg\"\n\
         else\n  source \"$prefix/nodes/default.cfg\"\nfi\n"
    )
}
