//! Bills of materials: SPDX 2.3 and CycloneDX 1.6, both as JSON, from one gathering of facts.
//!
//! Beside what the archive signs for (name, version, digest) they say what scanners go by: the operating system with its
//! release, each package's source, its dependencies, whose sources are built into it, its supplier, and the licences of
//! its copyright file where that is machine-readable and in the image. What nobody knows is `NOASSERTION` or left out.
//!
//! Rules of scanners, as their documentation and sources have them: trivy takes the operating system from a component of
//! that kind, and a package's source from `sourceInfo` (`built package from: NAME VERSION`) or from properties of its own;
//! grype and syft take both from a package's purl (`distro=debian-13`, `upstream=NAME@VERSION`).

mod cyclonedx;
mod licence;
mod spdx;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Manifest;
use super::PackageRecord;
use crate::deb;
use crate::deb::parse_relations;
use crate::tree::Tree;
use licence::Licence;

/// dpkg's database, and the two places of os-release(5).
const STATUS: &str = "var/lib/dpkg/status";
const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// What is in an image, as bills of materials say it.
#[derive(Debug)]
pub struct Bill<'a> {
    manifest: &'a Manifest,
    /// Who gives the image to others, as the recipe says.
    supplier: Option<&'a str>,
    system: Option<System>,
    /// By name and architecture; after the root's packages loaders, and then what modules are built of.
    components: Vec<Component<'a>>,
}

/// The operating system as os-release(5) names it.
#[derive(Debug)]
struct System {
    /// `debian`
    id: String,
    /// `13`; a suite that is not released has none.
    version: Option<String>,
}

/// What of a package is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It is installed in the root.
    Root,
    /// A boot loader of the head's is taken from it.
    Loader,
    /// Kernel modules of the root are built of its sources.
    Modules,
}

/// One package.
#[derive(Debug)]
struct Component<'a> {
    record: &'a PackageRecord,
    role: Role,
    /// Who keeps it, `Name <address>`.
    maintainer: Option<String>,
    /// Sources that are built into it, with their versions (Policy 7.8).
    built_using: BTreeSet<(String, String)>,
    /// Positions of the components that it depends on.
    depends: BTreeSet<usize>,
    licence: Option<Licence>,
}

impl System {
    /// Who gives it to others.
    fn supplier(&self) -> &str {
        if self.id == "debian" { "Debian" } else { &self.id }
    }
}

/// A stanza of dpkg's database.
type Fields = BTreeMap<String, String>;

impl<'a> Bill<'a> {
    /// Gathers what an image's manifest and its tree say. `supplier`: who gives it to others, if the recipe says so.
    #[must_use]
    pub fn new(manifest: &'a Manifest, tree: &Tree, supplier: Option<&'a str>) -> Self {
        let status = installed(tree);
        let order = |records: &'a [PackageRecord]| {
            let mut records: Vec<&PackageRecord> = records.iter().collect();
            records.sort_by(|a, b| (&a.name, &a.architecture).cmp(&(&b.name, &b.architecture)));
            records
        };
        let of_root = order(&manifest.packages).into_iter().map(|record| (record, Role::Root));
        let of_loaders = order(&manifest.loaders).into_iter().map(|record| (record, Role::Loader));
        let is_source = |record: &&PackageRecord| manifest.modules.iter().any(|module| module.package == record.name);
        let of_modules = order(&manifest.builders).into_iter().filter(is_source).map(|record| (record, Role::Modules));
        let components = of_root.chain(of_loaders).chain(of_modules).map(|(record, role)| {
            let fields = status.get(&(record.name.clone(), record.architecture.clone()));
            let fields = fields.filter(|_| role == Role::Root);
            let get = |name: &str| fields.and_then(|fields| fields.get(name)).cloned();
            Component {
                record,
                role,
                maintainer: get("Maintainer"),
                built_using: ["Built-Using", "Static-Built-Using"]
                    .iter()
                    .flat_map(|field| sources(&get(field).unwrap_or_default()))
                    .collect(),
                depends: BTreeSet::new(),
                licence: fields.and_then(|_| licence::of(tree, &record.name)),
            }
        });
        let mut bill = Self { manifest, supplier, system: system(tree), components: components.collect() };
        bill.depend(&status);
        bill
    }

    /// Finds what of the image each package depends on: of each relation the first alternative that is there.
    fn depend(&mut self, status: &BTreeMap<(String, String), Fields>) {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        let known = |component: &Component<'_>| (component.record.name.clone(), component.record.architecture.clone());
        let root = || self.components.iter().enumerate().filter(|(_, component)| component.role == Role::Root);
        for (position, component) in root() {
            names.entry(component.record.name.clone()).or_insert(position);
        }
        // What is real goes before what is provided.
        for (position, component) in root() {
            for provided in relation_names(status.get(&known(component)), &["Provides"]).into_iter().flatten() {
                names.entry(provided).or_insert(position);
            }
        }
        let depends: Vec<BTreeSet<usize>> = self
            .components
            .iter()
            .map(|component| {
                let fields = status.get(&known(component)).filter(|_| component.role == Role::Root);
                let relations = relation_names(fields, &["Pre-Depends", "Depends"]);
                relations
                    .iter()
                    .filter_map(|names_of| names_of.iter().find_map(|name| names.get(name)).copied())
                    .collect()
            })
            .collect();
        for (component, depends) in self.components.iter_mut().zip(depends) {
            component.depends = depends;
        }
    }

    /// The text of `sbom.spdx.json`. The same image gives the same text: its namespace follows from the image's name and
    /// tree digest, its time is the epoch.
    #[must_use]
    pub fn spdx(&self) -> String {
        spdx::text(self)
    }

    /// The text of `sbom.cdx.json`, which follows from the image alone as well.
    #[must_use]
    pub fn cyclonedx(&self) -> String {
        cyclonedx::text(self)
    }

    /// A package's purl with what scanners look up: the distribution's release and the source.
    fn purl(&self, component: &Component<'_>) -> String {
        let record = component.record;
        let release =
            self.system.as_ref().and_then(|system| Some(format!("{}-{}", system.id, system.version.as_ref()?)));
        let base = purl(record, release.as_deref().unwrap_or(&self.manifest.suite));
        let source = if record.source_version == record.version {
            record.source.clone()
        } else {
            format!("{}@{}", record.source, record.source_version)
        };
        if source == record.name { base } else { format!("{base}&upstream={}", encoded(&source)) }
    }
}

impl Component<'_> {
    /// Who supplied it: whoever signs the archive that it is from.
    fn supplier(&self) -> Option<String> {
        let archive = self.record.archive.as_deref()?;
        Some(if is_debian(archive) { "Debian".to_owned() } else { archive.to_owned() })
    }
}

/// The stanzas of dpkg's database by name and architecture.
fn installed(tree: &Tree) -> BTreeMap<(String, String), Fields> {
    let status = tree.read(STATUS).ok().flatten().unwrap_or_default();
    let stanzas = deb::kept(&status).filter_map(Result::ok);
    let fields = stanzas.map(|stanza| {
        let fields = stanza.fields().iter().map(|field| (field.name.to_owned(), field.value.to_owned()));
        fields.collect::<Fields>()
    });
    fields
        .filter_map(|fields| Some(((fields.get("Package")?.clone(), fields.get("Architecture")?.clone()), fields)))
        .collect()
}

fn system(tree: &Tree) -> Option<System> {
    let text = OS_RELEASE.iter().find_map(|path| tree.read(path).ok().flatten())?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let get = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
    };
    Some(System { id: get("ID")?, version: get("VERSION_ID") })
}

/// The names of each relation of these fields, alternatives together.
fn relation_names(fields: Option<&Fields>, names: &[&str]) -> Vec<Vec<String>> {
    let Some(fields) = fields else { return Vec::new() };
    let texts = names.iter().filter_map(|name| fields.get(*name));
    let relations = texts.flat_map(|text| parse_relations(text).unwrap_or_default());
    relations.map(|relation| relation.0.into_iter().map(|atom| atom.name).collect()).collect()
}

/// The sources of a Built-Using field: `name (= version), …`.
fn sources(text: &str) -> Vec<(String, String)> {
    let relations = parse_relations(text).unwrap_or_default();
    let atoms = relations.into_iter().flat_map(|relation| relation.0);
    atoms.filter_map(|atom| Some((atom.name, atom.constraint?.1.to_string()))).collect()
}

/// Whether an archive, as the lock names it, is Debian's own.
fn is_debian(archive: &str) -> bool {
    archive == "debian" || archive.starts_with("debian-")
}

/// <https://github.com/package-url/purl-spec>: Debian's own packages are `debian`'s; of another archive we do not
/// know whose they are.
pub(super) fn purl(record: &PackageRecord, release: &str) -> String {
    let is_debian = record.archive.as_deref().is_some_and(is_debian);
    let vendor = if is_debian { "debian/" } else { "" };
    let distribution = if is_debian { format!("&distro={}", encoded(release)) } else { String::new() };
    format!(
        "pkg:deb/{vendor}{}@{}?arch={}{distribution}",
        encoded(&record.name),
        encoded(&record.version),
        encoded(&record.architecture)
    )
}

/// Percent-encodes what a purl does not let stand.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
