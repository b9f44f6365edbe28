//! What nodes are offered to boot: the generation that is in use, and the one before it.
//!
//! Each generation keeps its own entries, `pxelinux/01-MAC`, `grub/01-MAC` and `ipxe/01-MAC`, and a menu is put together
//! from those of one or two generations of each cluster; a text has its place in the menu by its name alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde::Serialize;

use crate::head::is_generation;
use crate::head::raspberry;
use crate::recipe::grammar;

/// What a head offers to nodes, in `menu.json` of its menu: one rename changes it for all clusters at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Menu {
    /// Cluster → the generations that its nodes are offered.
    pub clusters: BTreeMap<String, Offered>,
    /// The cluster whose menu machines get that are in no table.
    pub machines: String,
}

/// Its file.
pub const MENU: &str = "menu.json";

/// The generations of a cluster that nodes are offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// The one that is booted when nobody chooses.
    pub now: String,
    /// The one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

impl Menu {
    /// The directory that it lies in, beside others of other generations.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("menu-{}", super::short(&self.to_json()))
    }

    /// As it is written.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("names are text");
        text.push('\n');
        text
    }

    /// Reads what [`to_json`](Self::to_json) has written; its names become paths.
    ///
    /// # Errors
    /// It is not of this form, or a name is no cluster's or no generation's; in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let menu: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (name, offered) in &menu.clusters {
            grammar::cluster_name(name).map_err(|why| format!("`{}`: {why}", name.escape_debug()))?;
            let ids = [Some(&offered.now), offered.previous.as_ref()];
            if let Some(id) = ids.into_iter().flatten().find(|id| !is_generation(id)) {
                return Err(format!("`{}` is no generation", id.escape_debug()));
            }
        }
        Ok(menu)
    }
}

/// A generation and its entries, by path.
pub type Entries<'a> = (&'a str, &'a BTreeMap<String, String>);

/// What a menu has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MenuFile {
    /// A text for a loader that reads menus.
    Text(String),
    /// A link to a directory of a generation, for a loader that takes what lies there.
    Link(String),
}

/// The files of a menu, by path below it, from the entries of each cluster's generation and of the one before. With a
/// previous generation loaders wait three seconds for a choice. Machines in no table get the entries of `machines`.
#[must_use]
pub fn menus<'a>(
    generated: &str,
    clusters: impl IntoIterator<Item = (&'a str, Entries<'a>, Option<Entries<'a>>)>,
    machines: &str,
) -> BTreeMap<String, MenuFile> {
    let mut files = BTreeMap::new();
    for (cluster, now, previous) in clusters {
        for (path, entry) in now.1 {
            let Some((loader, machine)) = path.split_once('/') else { continue };
            if machine == "default" && cluster != machines {
                continue;
            }
            // A node that the previous generation did not know yet boots it as a stranger.
            let old = previous.and_then(|(id, entries)| {
                let entry = entries.get(path).or_else(|| entries.get(&format!("{loader}/default")))?;
                Some((id, entry.as_str()))
            });
            let now = (now.0, entry.as_str());
            let text = MenuFile::Text;
            let (path, file) = match loader {
                "pxelinux" => (format!("pxelinux.cfg/{machine}"), text(pxelinux(generated, now, old))),
                "grub" => (format!("grub/nodes/{machine}.cfg"), text(grub(generated, now, old))),
                "ipxe" => (format!("ipxe.cfg/{machine}"), text(ipxe(generated, now, old))),
                // It has no menu to choose from.
                raspberry::DIRECTORY => (path.clone(), MenuFile::Link(format!("../../../{cluster}/{}/{path}", now.0))),
                _ => continue,
            };
            files.insert(path, file);
        }
    }
    if files.keys().any(|path| path.starts_with("grub/")) {
        files.insert("grub/grub.cfg".to_owned(), MenuFile::Text(grub_start(generated)));
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
    // GRUB's address has colons, which names of files have not. `-s` opens the file; `-e` would list a directory, which
    // TFTP cannot.
    let (bytes, sets, name): (Vec<_>, Vec<_>, Vec<_>) = (
        vec!["(..)"; 6],
        (1..=6).map(|byte| format!("--set={byte}:mac{byte}")).collect(),
        (1..=6).map(|byte| format!("${{mac{byte}}}")).collect(),
    );
    format!(
        "# {generated}\nset default=0\nset timeout=3\n\
         regexp {} '^{}$' \"$net_default_mac\"\n\
         set menu=\"$prefix/nodes/01-{}.cfg\"\n\
         if [ -s \"$menu\" ]; then\n  source \"$menu\"\nelse\n  source \"$prefix/nodes/default.cfg\"\nfi\n",
        sets.join(" "),
        bytes.join(":"),
        name.join("-"),
    )
}
