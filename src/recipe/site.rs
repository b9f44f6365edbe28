//! Files that nodes take from the head: in no image, and so in no digest of the recipe.
//!
//! Who builds images need not have them: a recipe is loaded without them, and they are read by [`load_with_site`] alone.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use super::Error;
use super::Node;
use super::Recipe;
use super::grammar;
use super::hosts;
use super::meaning;
use super::meaning::Checker;
use super::overlay;
use super::problem::nearest;
use super::raw;
use super::raw::At;
use super::raw::Text;
use crate::tree::Content;
use crate::tree::Kind;
use crate::tree::TreePath;

/// The longest of them. What is longer belongs into an image: each node holds them in memory.
const FILE_MAX: u64 = 16 << 20;
/// Where the head offers them by TLS: nobody's port at IANA, above those that need a privilege.
pub(crate) const SITE_PORT: u16 = 8069;
/// Follows the table of nodes.
pub(crate) const HOSTS: &str = "/etc/hosts";
/// Where no file of an administrator's lies: the kernel's own, and what tells which files a node has.
const FOREIGN: [&str; 4] = ["/proc", "/sys", "/dev", "/run/imgbuild"];

/// Reads the recipe at `path` as [`load`](super::load) does, and the files of its `[[site]]` as well.
///
/// # Errors
/// As [`load`](super::load).
pub fn load_with_site(path: &Path) -> Result<Recipe, Error> {
    meaning::load(path, true)
}

/// `[[site]]`
#[derive(Debug, Clone, PartialEq)]
pub struct SiteEntry {
    /// Where on the node.
    pub path: TreePath,
    /// Where the recipe says it: file, line and column.
    pub place: String,
    /// The file, or the files of a directory by their paths below it, each with whether its owner may execute it. None:
    /// the recipe was loaded without them.
    pub files: Vec<(TreePath, Content, bool)>,
    /// Permission bits; `None`: 0600, and 0700 for what may be executed.
    pub mode: Option<u32>,
    /// Owner: number or a name of the image.
    pub user: String,
    /// Group: number or a name of the image.
    pub group: String,
    /// The nodes that get it.
    pub nodes: BTreeSet<String>,
    /// What a node does when it has changed: `reload` or `restart`, and the unit.
    pub on_change: Option<(String, String)>,
    /// Whether its files are templates.
    pub template: bool,
}

/// All entries; each path of a node's is there once.
pub(super) fn entries(checker: &mut Checker<'_>, raw: &raw::Recipe, nodes: &[Node]) -> Option<Vec<SiteEntry>> {
    let entries: Vec<Option<SiteEntry>> = raw.site.iter().map(|at| entry(checker, at, nodes)).collect();
    let mut taken: BTreeMap<(&str, TreePath), &str> = BTreeMap::new();
    for (entry, at) in entries.iter().zip(&raw.site) {
        let Some(entry) = entry else { continue };
        for (node, path) in entry.nodes.iter().flat_map(|node| entry.paths().map(move |path| (node, path))) {
            if let Some(place) = taken.get(&(node.as_str(), path.clone())) {
                let message = format!("node `{node}` has another file for `{path}` already, at {place}");
                checker.report(&at.value.path, message, None);
                break;
            }
            taken.insert((node, path), &entry.place);
        }
    }
    entries.into_iter().collect()
}

impl SiteEntry {
    /// The paths of its files on a node; while they are not read, its own.
    fn paths(&self) -> impl Iterator<Item = TreePath> {
        let own = self.files.is_empty().then(|| self.path.clone());
        let below = self.files.iter().map(|(below, ..)| self.path.join(below.as_bytes()).unwrap_or_default());
        own.into_iter().chain(below)
    }
}

fn entry(checker: &mut Checker<'_>, at: &At<raw::Site>, nodes: &[Node]) -> Option<SiteEntry> {
    let raw = &at.value;
    let path = path(checker, &raw.path);
    let mode = checker.option("site.mode", raw.mode.as_ref(), grammar::mode);
    let user = checker.get_or("site.user", raw.user.as_ref(), "root", grammar::owner);
    let group = checker.get_or("site.group", raw.group.as_ref(), "root", grammar::owner);
    let on_change = checker.option("site.on-change", raw.on_change.as_ref(), grammar::on_change);
    let nodes = self::nodes(checker, raw, nodes);
    let files = if checker.reads_site { files(checker, &raw.source) } else { Some(Vec::new()) };
    Some(SiteEntry {
        path: path?,
        place: checker.sources.place(at.value.path.span.start),
        files: files?,
        mode: mode?,
        user: user?,
        group: group?,
        nodes: nodes?,
        on_change: on_change?,
        template: raw.template.unwrap_or_default(),
    })
}

fn path(checker: &mut Checker<'_>, text: &Text) -> Option<TreePath> {
    checker.get("site.path", text, |text| {
        if !text.starts_with('/') || text.chars().any(char::is_control) {
            return Err("use an absolute path on the node".to_owned());
        }
        let path = TreePath::new(text).map_err(|error| error.to_string())?;
        if path.is_root() {
            return Err("a file cannot be at `/`".to_owned());
        }
        if path == TreePath::literal(HOSTS) {
            return Err(
                "it follows the table of nodes by itself; an `[[overlay]]` puts another in its place".to_owned()
            );
        }
        match FOREIGN.iter().find(|foreign| path.starts_with(&TreePath::literal(foreign))) {
            Some(foreign) => Err(format!("what lies in {foreign} is made by the node itself")),
            None => Ok(path),
        }
    })
}

/// The names of the nodes that fit.
fn nodes(checker: &mut Checker<'_>, raw: &raw::Site, nodes: &[Node]) -> Option<BTreeSet<String>> {
    let mut fitting: BTreeSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let mut good = true;
    if let Some(lists) = &raw.nodes {
        let known = fitting.clone();
        let mut named = BTreeSet::new();
        for list in lists {
            let names = checker.get("site.nodes", list, |text| {
                let names = hosts::names(text)?;
                match names.iter().find(|name| !known.contains(name.as_str())) {
                    None => Ok(names),
                    Some(name) => Err(match nearest(name, known.iter().copied()) {
                        Some(near) => format!("there is no node `{name}`; did you mean \"{near}\"?"),
                        None => format!("there is no node `{name}`"),
                    }),
                }
            });
            good &= names.is_some();
            named.extend(names.into_iter().flatten());
        }
        fitting.retain(|name| named.contains(*name));
    }
    if let Some(images) = &raw.images {
        for image in images.iter().filter(|image| !checker.images.contains(&image.value)).collect::<Vec<_>>() {
            let help = nearest(&image.value, checker.images.iter().map(String::as_str));
            let help = help.map(|near| format!("did you mean \"{near}\"?"));
            checker.report(image, format!("there is no `[image.{}]`", image.value.escape_debug()), help);
            good = false;
        }
        let of = |node: &&Node| images.iter().any(|image| node.image.as_ref() == Some(&image.value));
        let of: BTreeSet<&str> = nodes.iter().filter(of).map(|node| node.name.as_str()).collect();
        fitting.retain(|name| of.contains(name));
    }
    for (tag, value) in &raw.tags {
        good &= checker.get("site.tags", tag, grammar::tag).is_some();
        let of = |node: &&Node| node.tags.get(&tag.value) == Some(&value.value);
        let of: BTreeSet<&str> = nodes.iter().filter(of).map(|node| node.name.as_str()).collect();
        fitting.retain(|name| of.contains(name));
    }
    good.then(|| fitting.into_iter().map(str::to_owned).collect())
}

/// What the recipe names, read.
fn files(checker: &mut Checker<'_>, source: &Text) -> Option<Vec<(TreePath, Content, bool)>> {
    let real = checker.locate(source)?;
    let shown = |path: &str| match path {
        "" => source.value.escape_debug().to_string(),
        path => format!("{}/{path}", source.value.escape_debug()),
    };
    let found = match overlay::read(&real) {
        Ok(found) => found,
        Err((path, error)) => {
            let below = path.strip_prefix(&real).unwrap_or(Path::new("")).to_string_lossy().into_owned();
            checker.report(source, format!("cannot read `{}`: {error}", shown(&below)), None);
            return None;
        }
    };
    let mut files = Vec::new();
    for (path, inode) in found {
        let below = path.to_string().trim_start_matches('/').to_owned();
        match inode.kind {
            Kind::Directory => {}
            Kind::File(content) if content.size() <= FILE_MAX && !below.contains(char::is_control) => {
                files.push((path, content, inode.stat.mode & 0o100 != 0));
            }
            Kind::File(content) if content.size() > FILE_MAX => {
                let message = format!("`{}` has more than {FILE_MAX} bytes", shown(&below));
                checker.report(source, message, Some("put it into the image by `[[overlay]]`".to_owned()));
                return None;
            }
            _ => {
                checker.report(source, format!("`{}` is no file that nodes can take", shown(&below)), None);
                return None;
            }
        }
    }
    if files.is_empty() {
        checker.report(source, format!("there is no file in `{}`", shown("")), None);
        return None;
    }
    Some(files)
}
