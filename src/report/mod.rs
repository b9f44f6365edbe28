//! An output → one page of HTML that shows what is in it: where the bytes are, why each package is there, what its scripts
//! did, who may become whom.
//!
//! Made of what the output says of itself (`manifest.json`, `tree.txt`, the lock, the SPDX document), never of the image.
//! The page is one file: its script is its own, and its policy lets it ask nobody for anything. What others chose for
//! names is data in it, and becomes text and no markup.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::compare::Comparison;
use crate::manifest::Manifest;
use crate::manifest::Origin;
use crate::tree::Entry;

/// The largest files are named; what is smaller counts for its directory. A page of some megabytes still opens at once.
const FILES_NAMED: usize = 5000;

/// What a report is made of.
#[derive(Debug)]
pub struct Input<'a> {
    /// What the output says of itself.
    pub manifest: &'a Manifest,
    /// The lines of its `tree.txt`.
    pub tree: &'a [Entry],
    /// Accounts with their numbers, as its lock has them.
    pub users: &'a BTreeMap<String, u32>,
    /// Groups likewise.
    pub groups: &'a BTreeMap<String, u32>,
    /// Package, as `name:architecture` → the licences that its SPDX document declares.
    pub licences: BTreeMap<String, String>,
    /// What is other than in an output before, if there is one.
    pub changes: Option<&'a Comparison>,
}

/// The licences that an SPDX document declares, by package as `name:architecture`. Of a text that is none: nothing.
#[must_use]
pub fn licences(spdx: &str) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    struct Document {
        packages: Vec<Declared>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Declared {
        name: String,
        license_declared: String,
        #[serde(default)]
        external_refs: Vec<Reference>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reference {
        reference_locator: String,
    }
    let document: Option<Document> = serde_json::from_str(spdx).ok();
    let of = |package: Declared| {
        let locator = &package.external_refs.first()?.reference_locator;
        let architecture = locator.split_once("?arch=")?.1.split('&').next()?;
        Some((format!("{}:{architecture}", package.name), package.license_declared))
    };
    document.into_iter().flat_map(|document| document.packages).filter_map(of).collect()
}

#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    suite: &'a str,
    architecture: &'a str,
    tree: String,
    packages: Vec<Package<'a>>,
    directories: BTreeMap<&'a str, u64>,
    files: Vec<(&'a str, u64, Option<&'a str>)>,
    files_in_all: usize,
    privileges: Vec<(&'a str, String, String)>,
    users: &'a BTreeMap<String, u32>,
    groups: &'a BTreeMap<String, u32>,
    units: Vec<(&'a str, bool)>,
    outputs: Vec<(&'a str, u64)>,
    kernel: Option<&'a str>,
    left_out: Vec<(&'a str, &'a str)>,
    missing_firmware: Vec<(&'a str, String)>,
    findings: &'a [String],
    changes: Option<&'a Comparison>,
}

#[derive(Serialize)]
struct Package<'a> {
    name: &'a str,
    architecture: &'a str,
    version: &'a str,
    source: &'a str,
    reason: &'a str,
    outcome: &'a str,
    notes: &'a [String],
    licences: &'a str,
    /// Bytes of the files that are its own in the end.
    size: u64,
    files: usize,
}

/// The page.
#[must_use]
pub fn page(input: &Input<'_>) -> String {
    let data = serde_json::to_string(&data(input)).expect("plain data");
    // `</script>` would end the data, and `<!--` begin a comment in it.
    let data = data.replace('<', "\\u003c");
    PAGE.replacen("/*STYLE*/", STYLE, 1).replacen("/*SCRIPT*/", SCRIPT, 1).replacen("/*DATA*/", &data, 1)
}

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

fn data<'a>(input: &'a Input<'a>) -> Data<'a> {
    let manifest = input.manifest;
    let origins: BTreeMap<&str, &Origin> = manifest
        .files
        .iter()
        .flat_map(|(origin, paths)| paths.iter().map(move |path| (path.as_str(), origin)))
        .collect();
    let package_of = |path: &str| match origins.get(path) {
        Some(Origin::Package(name)) => Some(name.as_str()),
        _ => None,
    };
    let files: Vec<(&str, u64, Option<&str>)> = input
        .tree
        .iter()
        .filter_map(|entry| Some((entry.path.as_str(), entry.size.parse().ok()?, package_of(&entry.path))))
        .collect();
    let mut owned: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    let mut directories: BTreeMap<&str, u64> = BTreeMap::new();
    for (path, size, package) in &files {
        let sum = owned.entry(package.unwrap_or_default()).or_default();
        *sum = (sum.0 + size, sum.1 + 1);
        for (cut, _) in path.match_indices('/') {
            *directories.entry(&path[..cut.max(1)]).or_default() += size;
        }
    }
    let files_in_all = files.len();
    let mut largest = files;
    largest.sort_by(|one, other| (other.1, one.0).cmp(&(one.1, other.0)));
    largest.truncate(FILES_NAMED);
    let record = manifest.initramfs.as_ref();
    Data {
        name: &manifest.name,
        suite: &manifest.suite,
        architecture: &manifest.architecture,
        tree: manifest.tree.to_string(),
        packages: packages(input, &owned),
        directories,
        files: largest,
        files_in_all,
        privileges: privileges(input.tree),
        users: input.users,
        groups: input.groups,
        units: units(input.tree),
        outputs: manifest.outputs.iter().filter_map(|output| Some((output.path(), output.content()?.1))).collect(),
        kernel: record.map(|record| record.kernel.as_str()),
        left_out: record.iter().flat_map(|record| pairs(&record.left_out)).collect(),
        missing_firmware: record
            .iter()
            .flat_map(|record| &record.missing_firmware)
            .map(|(driver, files)| (driver.as_str(), files.iter().cloned().collect::<Vec<_>>().join(" ")))
            .collect(),
        findings: &manifest.findings,
        changes: input.changes,
    }
}

fn pairs(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

fn packages<'a>(input: &'a Input<'a>, owned: &BTreeMap<&str, (u64, usize)>) -> Vec<Package<'a>> {
    let one = |record: &'a crate::manifest::PackageRecord| {
        let (size, files) = owned.get(record.name.as_str()).copied().unwrap_or_default();
        let configured = record.configured.as_ref();
        let licences = input.licences.get(&format!("{}:{}", record.name, record.architecture));
        Package {
            name: &record.name,
            architecture: &record.architecture,
            version: &record.version,
            source: &record.source,
            reason: &record.reason,
            outcome: configured.map_or("", |configured| &configured.outcome),
            notes: configured.map_or(&[], |configured| &configured.notes),
            licences: licences.map_or("", String::as_str),
            size,
            files,
        }
    };
    input.manifest.packages.iter().map(one).collect()
}

/// Paths by which somebody becomes somebody else: setuid, setgid, capabilities. With mode and owner.
fn privileges(tree: &[Entry]) -> Vec<(&str, String, String)> {
    let is_set = |entry: &&Entry| {
        let mode = u32::from_str_radix(&entry.mode, 8).unwrap_or(0);
        entry.kind == 'f'
            && (mode & 0o6000 != 0 || entry.xattrs.iter().any(|each| each.starts_with("security.capability=")))
    };
    let owner = |entry: &Entry| {
        let capable = entry.xattrs.iter().any(|each| each.starts_with("security.capability="));
        format!("{}{}", entry.owner, if capable { ", capabilities" } else { "" })
    };
    tree.iter().filter(is_set).map(|entry| (entry.path.as_str(), entry.mode.clone(), owner(entry))).collect()
}

/// The units of systemd, and whether one is wanted by a target or an alias.
fn units(tree: &[Entry]) -> Vec<(&str, bool)> {
    const UNITS: [&str; 2] = ["/usr/lib/systemd/system/", "/etc/systemd/system/"];
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let is_link = |entry: &&Entry| entry.kind == 'l' && entry.path.starts_with(UNITS[1]) && entry.what != "/dev/null";
    let wanted: std::collections::BTreeSet<String> =
        tree.iter().filter(is_link).map(|entry| name(&entry.path)).collect();
    let of = |entry: &&Entry| {
        let below = UNITS.iter().find_map(|place| entry.path.strip_prefix(place));
        let ends = [".service", ".socket", ".timer", ".mount", ".path"];
        entry.kind == 'f' && below.is_some_and(|name| !name.contains('/') && ends.iter().any(|end| name.ends_with(end)))
    };
    tree.iter().filter(of).map(|entry| (entry.path.as_str(), wanted.contains(&name(&entry.path)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;
    use crate::manifest::PackageRecord;
    use crate::tree::parse_dump;

    const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn manifest(name: &str) -> Manifest {
        let digest = Sha256::of(b"");
        let mut manifest = Manifest::new("node".into(), "amd64".into(), "trixie".into(), digest, 7, digest);
        manifest.packages.push(PackageRecord {
            name: name.into(),
            version: "1".into(),
            architecture: "amd64".into(),
            source: name.into(),
            source_version: "1".into(),
            archive: None,
            sha256: digest,
            size: 1,
            installed_size: 1,
            reason: "the recipe asks for it".into(),
            configured: None,
        });
        manifest.files.entry(Origin::Package(name.into())).or_default().insert("/usr/bin/su".into());
        manifest
    }

    fn told(name: &str, tree: &str) -> (String, serde_json::Value) {
        let (manifest, tree) = (manifest(name), parse_dump(tree).expect("the text of a tree"));
        let (users, groups) = (BTreeMap::from([("_chrony".to_owned(), 101)]), BTreeMap::new());
        let (licences, changes) = (BTreeMap::new(), None);
        let input = Input { manifest: &manifest, tree: &tree, users: &users, groups: &groups, licences, changes };
        let page = page(&input);
        let begin = page.find("type=\"application/json\">").expect("it has data") + "type=\"application/json\">".len();
        let end = begin + page[begin..].find("</script>").expect("it ends");
        let data = serde_json::from_str(&page[begin..end]).expect("JSON");
        (page, data)
    }

    #[test]
    fn sizes_owners_and_privileges_are_told() {
        let tree = format!(
            "f 4755 0:0 700 7 {SUM} /usr/bin/su\nf 0755 0:0 30 7 {SUM} security.capability=01 /usr/bin/ping\n\
             f 0644 0:0 5 7 {SUM} /usr/lib/systemd/system/ssh.service\n\
             l 0777 0:0 - 7 /usr/lib/systemd/system/ssh.service /etc/systemd/system/multi-user.target.wants/ssh.service\n"
        );
        let (_, data) = told("login", &tree);
        assert_eq!((&data["packages"][0]["size"], &data["packages"][0]["files"]), (&700.into(), &1.into()));
        assert_eq!(data["directories"]["/usr/bin"], 730);
        assert_eq!(data["directories"]["/"], 735);
        assert_eq!(data["privileges"][0], serde_json::json!(["/usr/bin/su", "4755", "0:0"]));
        assert_eq!(data["privileges"][1], serde_json::json!(["/usr/bin/ping", "0755", "0:0, capabilities"]));
        assert_eq!(data["units"], serde_json::json!([["/usr/lib/systemd/system/ssh.service", true]]));
        assert_eq!(data["users"]["_chrony"], 101);
        assert_eq!(data["files"][0], serde_json::json!(["/usr/bin/su", 700, "login"]));
    }

    #[test]
    fn licences_come_from_the_spdx_document() {
        let text = r#"{"packages": [{"name": "a", "licenseDeclared": "MIT",
                       "externalRefs": [{"referenceLocator": "pkg:deb/debian/a@1?arch=all&distro=debian-13"}]},
                      {"name": "image", "licenseDeclared": "NOASSERTION"}]}"#;
        assert_eq!(licences(text), BTreeMap::from([("a:all".to_owned(), "MIT".to_owned())]));
        assert!(licences("no document").is_empty());
    }

    #[test]
    fn names_become_no_markup_and_the_page_asks_nobody() {
        let evil = "</script><script>alert(1)</script><!--";
        let (page, data) = told(evil, &format!("f 0644 0:0 1 7 {SUM} /{evil}\n"));
        assert_eq!(data["packages"][0]["name"], evil, "it is told as it is");
        assert_eq!(page.matches("</script>").count(), 2, "the page's own");
        assert!(!page.contains("<!--") && page.contains("default-src 'none'"));
        for word in ["http:", "https:", "src=", "href=", "@import", "url(", "innerHTML", "fetch("] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
