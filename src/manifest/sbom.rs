//! The software bill of materials: SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>).
//!
//! Says of each package what the archive signs for: name, version, digest. Of licences it says nothing, because
//! nobody has read them for it.

use serde::Serialize;

use super::Manifest;
use super::PackageRecord;
use crate::deb::date;

const NO_ASSERTION: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";

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
    relationships: Vec<Relationship>,
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
    download_location: &'static str,
    files_analyzed: bool,
    license_concluded: &'static str,
    license_declared: &'static str,
    copyright_text: &'static str,
    checksums: [Checksum; 1],
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

/// The text of `sbom.spdx.json`. The same manifest gives the same text: its namespace follows from the image's
/// name and tree digest, its time is the epoch.
#[must_use]
pub fn sbom(manifest: &Manifest) -> String {
    let digest = manifest.tree.to_string();
    let mut records: Vec<&PackageRecord> = manifest.packages.iter().collect();
    records.sort_by(|a, b| (&a.name, &a.architecture).cmp(&(&b.name, &b.architecture)));
    let mut packages = vec![image(manifest, &digest)];
    packages.extend(records.iter().map(|record| package(record, &manifest.suite)));
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", IMAGE)];
    relationships.extend(records.iter().map(|record| relationship(IMAGE, "CONTAINS", &id_of(record))));
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
        relationships,
    };
    let mut text = serde_json::to_string_pretty(&document).expect("a document is plain data");
    text.push('\n');
    text
}

/// The image itself, whose version is its digest.
fn image<'a>(manifest: &'a Manifest, digest: &'a str) -> SpdxPackage<'a> {
    SpdxPackage {
        id: IMAGE.to_owned(),
        name: &manifest.name,
        version_info: digest,
        download_location: NO_ASSERTION,
        files_analyzed: false,
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION,
        copyright_text: NO_ASSERTION,
        checksums: [Checksum { algorithm: "SHA256", checksum_value: digest.to_owned() }],
        source_info: Some("the checksum is of the canonical text of the tree (tree.txt)".to_owned()),
        external_refs: Vec::new(),
        primary_package_purpose: "OPERATING-SYSTEM",
    }
}

fn package<'a>(record: &'a PackageRecord, suite: &str) -> SpdxPackage<'a> {
    SpdxPackage {
        id: id_of(record),
        name: &record.name,
        version_info: &record.version,
        download_location: NO_ASSERTION,
        files_analyzed: false,
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION,
        copyright_text: NO_ASSERTION,
        checksums: [Checksum { algorithm: "SHA256", checksum_value: record.sha256.to_string() }],
        source_info: Some(format!("built from source package {} {}", record.source, record.source_version)),
        external_refs: vec![ExternalRef {
            reference_category: "PACKAGE-MANAGER",
            reference_type: "purl",
            reference_locator: purl(record, suite),
        }],
        primary_package_purpose: "APPLICATION",
    }
}

fn relationship(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship { spdx_element_id: from.to_owned(), relationship_type: kind, related_spdx_element: to.to_owned() }
}

/// Identifiers may hold letters, digits, `.` and `-`. Of what Debian's names have beside those, `+` is written out;
/// no name can then be another's, for a name has no capitals.
fn id_of(record: &PackageRecord) -> String {
    format!("SPDXRef-Package-{}-{}", record.name.replace('+', "PLUS"), record.architecture)
}

/// <https://github.com/package-url/purl-spec>: Debian's own packages are `debian`'s; of another archive we do not
/// know whose they are.
pub(super) fn purl(record: &PackageRecord, suite: &str) -> String {
    let is_debian =
        record.archive.as_deref().is_some_and(|archive| archive == "debian" || archive.starts_with("debian-"));
    let vendor = if is_debian { "debian/" } else { "" };
    let distribution = if is_debian { format!("&distro={}", encoded(suite)) } else { String::new() };
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
