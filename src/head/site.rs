//! What nodes take from the head while they run: files of the recipe's `[[site]]`, and the names of all nodes.
//!
//! Each node has a directory of its own on the head, exported to its address alone, and sees in it one version of all
//! that it gets: an index and files that are called by their SHA-256. `node/site` of the overlay reads it.
//!
//! ```text
//! EXPORT/site/                 for root alone; each directory in it is exported to one node's address
//! EXPORT/site/NODE/VERSION/    index, and each file by its SHA-256
//! EXPORT/site/NODE/now         → VERSION
//! ```

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use minijinja::AutoEscape;
use minijinja::Environment;
use minijinja::UndefinedBehavior;
use minijinja::Value;
use minijinja::context;
use minijinja::syntax::SyntaxConfig;

use crate::digest::Sha256;
use crate::head::boot;
use crate::recipe::HOSTS;
use crate::recipe::Node;
use crate::recipe::Recipe;
use crate::recipe::SiteEntry;

/// The link to the version that a node gets, in its directory.
pub const SITE_NOW: &str = "now";
/// What a version has, in its directory.
pub const SITE_INDEX: &str = "index";
/// The first line of an index.
const HEADING: &str = "imgbuild site 1";
/// Steps of one template: a loop over the largest table takes a hundred times less.
const FUEL: u64 = 50_000_000;

/// A file that a node takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFile {
    /// Mode, owner and group as text, and what the node does when it has changed (`-`, or a verb and a unit).
    pub attributes: [String; 4],
    /// Of its bytes, by which it is called on the head.
    pub sha256: Sha256,
    /// Its bytes; `None`: they are on the head already.
    pub bytes: Option<Arc<[u8]>>,
}

/// What a node takes, by path on the node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteFiles(pub BTreeMap<String, SiteFile>);

/// Why the files of a site cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteError {
    /// A template is wrong, or says something of a node that it has not.
    #[error("cannot fill in `{path}` for node `{node}` ({entry}): line {line}: {why}")]
    Template {
        /// The file on the node.
        path: String,
        /// For whom.
        node: String,
        /// Where the recipe has it.
        entry: String,
        /// Of the template.
        line: usize,
        /// In words.
        why: String,
    },
    /// A file cannot be read any more, or was changed meanwhile.
    #[error("cannot read the file for `{path}`: {why}")]
    Read {
        /// The file on the node.
        path: String,
        /// Why.
        why: io::Error,
    },
    /// A template is no text.
    #[error("cannot fill in `{path}` ({entry}): it is not UTF-8 text")]
    Binary {
        /// The file on the node.
        path: String,
        /// Where the recipe has it.
        entry: String,
    },
}

impl SiteFiles {
    /// The files of a recipe's site for each of its nodes, templates filled in.
    ///
    /// # Errors
    /// A template cannot be filled in.
    pub fn of_recipe(recipe: &Recipe) -> Result<BTreeMap<String, Self>, SiteError> {
        let mut all: BTreeMap<String, Self> =
            recipe.nodes.iter().map(|node| (node.name.clone(), Self::default())).collect();
        let nodes: Vec<(&Node, Value)> = recipe.nodes.iter().map(|node| (node, value(node))).collect();
        let table = Value::from(nodes.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>());
        for entry in &recipe.site {
            for (below, content, executable) in &entry.files {
                let path = entry.path.join(below.as_bytes()).unwrap_or_else(|_| entry.path.clone());
                let path = format!("/{}", path.to_string().trim_start_matches('/'));
                let bytes: Arc<[u8]> =
                    content.to_vec().map_err(|why| SiteError::Read { path: path.clone(), why })?.into();
                let template = entry.template.then(|| Template::new(entry, &path, &bytes)).transpose()?;
                for (node, value) in nodes.iter().filter(|(node, _)| entry.nodes.contains(&node.name)) {
                    let bytes = match &template {
                        Some(template) => template.fill_in(recipe, node, value, &table)?.into(),
                        None => Arc::clone(&bytes),
                    };
                    let file = SiteFile::new(attributes(entry, *executable), bytes);
                    all.entry(node.name.clone()).or_default().0.insert(path.clone(), file);
                }
            }
        }
        Ok(all)
    }

    /// Gives the node another table of names.
    pub fn put_hosts(&mut self, hosts: &Arc<[u8]>) {
        let attributes = ["0644", "root", "root", "-"].map(str::to_owned);
        self.0.insert(HOSTS.to_owned(), SiteFile::new(attributes, Arc::clone(hosts)));
    }

    /// The text by which a node knows what it gets: a line for each file.
    #[must_use]
    pub fn index(&self) -> String {
        let line =
            |(path, file): (&String, &SiteFile)| format!("{}\t{}\t{path}\n", file.sha256, file.attributes.join("\t"));
        std::iter::once(format!("{HEADING}\n")).chain(self.0.iter().map(line)).collect()
    }

    /// What a version with this index is called: 16 hexadecimal digits of its SHA-256, by which a node checks it.
    #[must_use]
    pub fn version(index: &str) -> String {
        super::short(index)
    }

    /// Reads an index; the bytes are then on the head. `None`: it is none.
    #[must_use]
    pub fn parse(index: &str) -> Option<Self> {
        let mut lines = index.lines();
        if lines.next() != Some(HEADING) {
            return None;
        }
        let mut files = BTreeMap::new();
        for line in lines {
            let mut words = line.split('\t');
            let sha256 = words.next()?.parse().ok()?;
            let mut next = || words.next().map(str::to_owned);
            let attributes = [next()?, next()?, next()?, next()?];
            files.insert(next()?, SiteFile { attributes, sha256, bytes: None });
        }
        Some(Self(files))
    }

    /// The files of the head that it is made of, by their names.
    #[must_use]
    pub fn digests(&self) -> BTreeSet<Sha256> {
        self.0.values().map(|file| file.sha256).collect()
    }
}

impl SiteFile {
    fn new(attributes: [String; 4], bytes: Arc<[u8]>) -> Self {
        Self { attributes, sha256: Sha256::of(&bytes), bytes: Some(bytes) }
    }
}

fn attributes(entry: &SiteEntry, executable: bool) -> [String; 4] {
    let mode = entry.mode.unwrap_or(if executable { 0o700 } else { 0o600 });
    let action = entry.on_change.as_ref().map_or_else(|| "-".to_owned(), |(verb, unit)| format!("{verb} {unit}"));
    [format!("{mode:04o}"), entry.user.clone(), entry.group.clone(), action]
}

/// A node as templates know it.
fn value(node: &Node) -> Value {
    let macs: Vec<String> = node.macs().map(|mac| boot::mac(mac, ":")).collect();
    context! {
        name => node.name.clone(),
        address => node.address.to_string(),
        mac => macs.first(),
        macs => macs,
        aliases => node.aliases.clone(),
        image => node.image.clone(),
        services => node.services.clone(),
        tags => node.tags.clone(),
    }
}

/// A file that is filled in for each node.
struct Template<'a> {
    environment: Environment<'static>,
    entry: &'a SiteEntry,
    path: &'a str,
}

/// What the only template of its environment is called.
const NAME: &str = "site";

impl<'a> Template<'a> {
    fn new(entry: &'a SiteEntry, path: &'a str, bytes: &[u8]) -> Result<Self, SiteError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| SiteError::Binary { path: path.to_owned(), entry: entry.place.clone() })?;
        let mut environment = Environment::new();
        // A word that a node has not is a mistake, and never an empty place in a file.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        // A line with nothing but a tag leaves no line behind.
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
        environment.set_syntax(syntax.build().expect("Jinja's own delimiters are good ones"));
        environment.set_fuel(Some(FUEL));
        let mut template = Self { environment, entry, path };
        let added = template.environment.add_template_owned(NAME, text.to_owned());
        added.map_err(|error| template.wrong("any", &error))?;
        Ok(template)
    }

    fn fill_in(&self, recipe: &Recipe, node: &Node, value: &Value, table: &Value) -> Result<Vec<u8>, SiteError> {
        let head = recipe.head.as_ref();
        let context = context! {
            node => value,
            nodes => table,
            head => head.map(|head| context! { name => head.name.clone(), address => head.address.to_string() }),
            domain => recipe.diskless.as_ref().and_then(|diskless| diskless.domain.clone()),
        };
        let template = self.environment.get_template(NAME).map_err(|error| self.wrong(&node.name, &error))?;
        let text = template.render(context).map_err(|error| self.wrong(&node.name, &error))?;
        Ok(text.into_bytes())
    }

    /// What is wrong, without a word of the file: it may be a secret.
    fn wrong(&self, node: &str, error: &minijinja::Error) -> SiteError {
        SiteError::Template {
            path: self.path.to_owned(),
            node: node.to_owned(),
            entry: self.entry.place.clone(),
            line: error.line().unwrap_or(1),
            why: error
                .detail()
                .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind())),
        }
    }
}
