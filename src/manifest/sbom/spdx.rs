//! SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use super::Bill;
use super::Component;
use super::PackageRecord;
use super::Role;
use super::encoded;
use crate::deb::date;

const NO_ASSERTION: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const SYSTEM: &str = "SPDXRef-OperatingSystem";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: &'a str,
    document_namespace: String,
    creation_info: CreationInfo,
    document_describes: [&'static str; 1],
    packages: Vec<SpdxPackage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<Extracted>,
    relationships: Vec<Relationship>,
}

/// A licence that SPDX has no name for.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
struct Extracted {
    license_id: String,
    name: String,
    extracted_text: String,
}

#[derive(Serialize)]
struct CreationInfo {
    created: String,
    creators: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxPackage<'a> {
    #[serde(rename = "SPDXID")]
    id: String,
    name: &'a str,
    version_info: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    originator: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
    primary_package_purpose: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

pub(super) fn text(bill: &Bill<'_>) -> String {
    let manifest = bill.manifest;
    let digest = manifest.tree.to_string();
    let mut packages = vec![SpdxPackage {
        supplier: bill.supplier.map_or(Some(NO_ASSERTION.to_owned()), |name| Some(format!("Organization: {name}"))),
        checksums: vec![Checksum { algorithm: "SHA256", checksum_value: digest.clone() }],
        source_info: Some("the checksum is of the canonical text of the tree (tree.txt)".to_owned()),
        ..plain(IMAGE, &manifest.name, &digest, "CONTAINER")
    }];
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", IMAGE)];
    if let Some(system) = &bill.system {
        let version = system.version.as_deref().unwrap_or(&manifest.suite);
        let supplier = Some(format!("Organization: {}", system.supplier()));
        packages.push(SpdxPackage { supplier, ..plain(SYSTEM, &system.id, version, "OPERATING-SYSTEM") });
        relationships.push(relationship(IMAGE, "CONTAINS", SYSTEM));
    }
    for component in &bill.components {
        packages.push(package(bill, component));
        let id = id_of(component);
        relationships.push(match component.role {
            Role::Root => relationship(IMAGE, "CONTAINS", &id),
            Role::Loader => relationship(IMAGE, "DEPENDS_ON", &id),
            Role::Modules => relationship(IMAGE, "GENERATED_FROM", &id),
        });
        let depends = component.depends.iter().map(|position| &bill.components[*position]);
        relationships.extend(depends.map(|other| relationship(&id, "DEPENDS_ON", &id_of(other))));
        let sources = component.built_using.iter();
        relationships
            .extend(sources.map(|(name, version)| relationship(&id, "GENERATED_FROM", &source_id(name, version))));
    }
    let sources: BTreeSet<&(String, String)> = bill.components.iter().flat_map(|each| &each.built_using).collect();
    packages.extend(sources.into_iter().map(|(name, version)| source(name, version)));
    let document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: &manifest.name,
        document_namespace: format!("https://spdx.org/spdxdocs/{}-{digest}", manifest.name),
        creation_info: CreationInfo {
            created: date::iso(manifest.epoch),
            creators: [format!("Tool: imgbuild-{}", env!("CARGO_PKG_VERSION"))],
        },
        document_describes: [IMAGE],
        packages,
        has_extracted_licensing_infos: extracted(bill),
        relationships,
    };
    let mut text = serde_json::to_string_pretty(&document).expect("a document is plain data");
    text.push('\n');
    text
}

/// A package of which only this is known.
fn plain<'a>(id: &str, name: &'a str, version: &'a str, purpose: &'static str) -> SpdxPackage<'a> {
    SpdxPackage {
        id: id.to_owned(),
        name,
        version_info: version,
        supplier: Some(NO_ASSERTION.to_owned()),
        originator: None,
        download_location: NO_ASSERTION,
        files_analyzed: false,
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION.to_owned(),
        copyright_text: NO_ASSERTION,
        checksums: Vec::new(),
        source_info: None,
        external_refs: Vec::new(),
        primary_package_purpose: purpose,
    }
}

fn package<'a>(bill: &Bill<'_>, component: &Component<'a>) -> SpdxPackage<'a> {
    let record: &'a PackageRecord = component.record;
    let plain = plain(&id_of(component), &record.name, &record.version, "APPLICATION");
    SpdxPackage {
        supplier: Some(component.supplier().map_or(NO_ASSERTION.to_owned(), |name| format!("Organization: {name}"))),
        originator: component.maintainer.as_deref().map(originator),
        license_declared: component.licence.as_ref().map_or(plain.license_declared, |known| known.expression.clone()),
        checksums: vec![Checksum { algorithm: "SHA256", checksum_value: record.sha256.to_string() }],
        source_info: Some(format!("built package from: {} {}", record.source, record.source_version)),
        external_refs: vec![locator(bill.purl(component))],
        ..plain
    }
}

/// A source that is built into a package (Policy 7.8).
fn source<'a>(name: &'a str, version: &'a str) -> SpdxPackage<'a> {
    let purl = format!("pkg:deb/debian/{}@{}?arch=source", encoded(name), encoded(version));
    SpdxPackage { external_refs: vec![locator(purl)], ..plain(&source_id(name, version), name, version, "SOURCE") }
}

fn locator(purl: String) -> ExternalRef {
    ExternalRef { reference_category: "PACKAGE-MANAGER", reference_type: "purl", reference_locator: purl }
}

/// `Name <address>` as SPDX writes it (7.6): a list or a team is taken for an organization.
fn originator(maintainer: &str) -> String {
    let (name, address) = maintainer.split_once('<').unwrap_or((maintainer, ""));
    let (name, address) = (name.trim().trim_matches('"'), address.trim_end().trim_end_matches('>'));
    let is_group = ["lists.", "team", "tracker.debian.org", "packages.debian.org", "maintainers"];
    let lower = maintainer.to_lowercase();
    let kind = if is_group.iter().any(|word| lower.contains(word)) { "Organization" } else { "Person" };
    if address.is_empty() { format!("{kind}: {name}") } else { format!("{kind}: {name} ({address})") }
}

/// What the references of all packages lead to.
fn extracted(bill: &Bill<'_>) -> Vec<Extracted> {
    let mut found: BTreeMap<&str, Extracted> = BTreeMap::new();
    for component in &bill.components {
        let references = component.licence.iter().flat_map(|licence| &licence.references);
        for (id, name) in references {
            found.entry(id).or_insert_with(|| Extracted {
                license_id: id.clone(),
                name: name.clone(),
                extracted_text: format!(
                    "`{name}` in usr/share/doc/{}/copyright, and in those of other packages that name it",
                    component.record.name
                ),
            });
        }
    }
    found.into_values().collect()
}

fn relationship(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship { spdx_element_id: from.to_owned(), relationship_type: kind, related_spdx_element: to.to_owned() }
}

/// Identifiers may hold letters, digits, `.` and `-`. Of what Debian's names have beside those, `+` is written out;
/// no name can then be another's, for a name has no capitals.
fn id_of(component: &Component<'_>) -> String {
    let kind = match component.role {
        Role::Root => "Package",
        Role::Loader => "Loader",
        Role::Modules => "Modules",
    };
    let PackageRecord { name, architecture, .. } = component.record;
    format!("SPDXRef-{kind}-{}-{architecture}", name.replace('+', "PLUS"))
}

fn source_id(name: &str, version: &str) -> String {
    let written = |char: char| match char {
        _ if char.is_ascii_alphanumeric() || matches!(char, '.' | '-') => char.to_string(),
        '+' => "PLUS".to_owned(),
        '~' => "TILDE".to_owned(),
        _ => "COLON".to_owned(),
    };
    let version: String = version.chars().map(written).collect();
    format!("SPDXRef-Source-{}-{version}", name.replace('+', "PLUS"))
}
