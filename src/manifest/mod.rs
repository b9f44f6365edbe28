//! The manifest: what is inside an image and why, for people and for [`compare`](crate::compare).
//!
//! The last stage: gets what the others chose, did and wrote, and gives `manifest.json`; by [`Bill`], bills of materials
//! as SPDX and CycloneDX; by [`provenance`], when somebody signs, a statement of where it came from. Everything is sorted
//! and nothing tells of the host, so the same lock gives the same bytes.

mod origin;
pub mod provenance;
mod sbom;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;
use serde::de::IgnoredAny;

pub use origin::Origin;
pub use origin::Origins;
pub use sbom::Bill;

use crate::configure::PackageReport;
use crate::deb::Package;
use crate::digest::Sha256;

/// The form of the manifest; another number is another form.
const VERSION: u32 = 2;

/// Of a lock for which no index could be had.
pub const UNPROVED: &str = "unproved: trusted by request";

/// What a `manifest.json` may be that is no output's.
pub const CONTAINER: &str = "one of a container image";

/// What is inside an image, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Of the manifest's form: 2.
    pub version: u32,
    /// The recipe's name.
    pub name: String,
    /// The image's architecture.
    pub architecture: String,
    /// The suite of Debian it is made from.
    pub suite: String,
    /// The tree digest: the identity of the image.
    pub tree: Sha256,
    /// No time in it is later, in seconds since 1970.
    pub epoch: i64,
    /// Digest of the lock's file.
    pub lock: Sha256,
    /// [`UNPROVED`] where nothing proves that the lock's packages are its archives', and it was taken nevertheless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproved: Option<String>,
    /// Of several images the name and the tree digest of each. A directory of that name is an output of its own, with a
    /// manifest that says what is inside; then `tree` here is the SHA-256 of `tree.txt`, which lists theirs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, Sha256>,
    /// The packages of the root, by name and architecture.
    pub packages: Vec<PackageRecord>,
    /// The packages that only boot loaders for the head are taken from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loaders: Vec<PackageRecord>,
    /// The kernel modules that were built for the image, by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleRecord>,
    /// The packages of the system that they were built in, of which nothing else is in the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builders: Vec<PackageRecord>,
    /// What nodes load before they have a root; nothing without `[diskless]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initramfs: Option<InitramfsRecord>,
    /// What is wrong with the root for nodes that boot it, as [`lint`](crate::lint) has found; nothing without a head.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Every path of the output, by path below its directory, so that it is a closed set: what is not here does not
    /// belong there. The manifest itself and the [`provenance`] over it are not among them.
    pub outputs: Vec<OutputRecord>,
    /// Which part of the build each path of the tree is from.
    pub files: BTreeMap<Origin, BTreeSet<String>>,
}

/// What is in an initramfs, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitramfsRecord {
    /// The kernel's version.
    pub kernel: String,
    /// Hooks of packages that were left out, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, String>,
    /// Driver → firmware that it may ask for and the root has not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing_firmware: BTreeMap<String, BTreeSet<String>>,
}

/// A kernel module that was built for the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleRecord {
    /// Where it lies, escaped as in the tree's text.
    pub path: String,
    /// The version of the kernel that it is for.
    pub kernel: String,
    /// What dkms calls its sources.
    pub module: String,
    /// Their version, as dkms has it.
    pub module_version: String,
    /// The package that its sources are from, which is among the builders.
    pub package: String,
    /// The version of that.
    pub package_version: String,
    /// The digest of all packages that it was built with, and of what was to be built.
    pub inputs: Sha256,
    /// SHA-256 of the certificate, in DER, of the key that it is signed with; nothing: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Sha256>,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRecord {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// `amd64`, `all` …
    pub architecture: String,
    /// Name of the source package.
    pub source: String,
    /// Version of the source package.
    pub source_version: String,
    /// Which archive it is from, as the lock names it; `None`: a .deb of the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// Of the .deb.
    pub sha256: Sha256,
    /// Of the .deb, in bytes.
    pub size: u64,
    /// Unpacked, in KiB, as the package says.
    pub installed_size: u64,
    /// Why it is there, in words.
    pub reason: String,
    /// How it was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<Configured>,
}

/// How a package was configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configured {
    /// `no-scripts`, `covered`, `generator`, `first-boot`, `sandboxed` or `skipped`.
    pub outcome: String,
    /// In further words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The mode of files that are written, whatever the umask of who builds; of the manifest itself and its provenance too.
pub const FILE_MODE: u32 = 0o644;
/// The mode of directories that are written.
pub const DIRECTORY_MODE: u32 = 0o755;

/// One path of an output. Owners are recorded by [`OutputRecord::Tree`] alone: all else belongs to who has built it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OutputRecord {
    /// A directory; what is in it has records of its own.
    Directory {
        /// Below the output directory, with `/`.
        path: String,
        /// Permissions, in octal.
        #[serde(with = "octal")]
        mode: u32,
    },
    /// A regular file.
    File {
        /// Below the output directory, with `/`.
        path: String,
        /// Permissions, in octal.
        #[serde(with = "octal")]
        mode: u32,
        /// Bytes.
        size: u64,
        /// Of its bytes.
        sha256: Sha256,
    },
    /// A symbolic link.
    Link {
        /// Below the output directory, with `/`.
        path: String,
        /// What it leads to, as written in it.
        target: String,
    },
    /// The root as a directory: itself and all below are as `tree.txt` says, with kinds, modes, owners, times, digests
    /// and extended attributes. Where owners cannot be kept there is no such output.
    Tree {
        /// Below the output directory.
        path: String,
    },
}

impl OutputRecord {
    /// A file as it is written.
    #[must_use]
    pub fn file(path: impl Into<String>, size: u64, sha256: Sha256) -> Self {
        Self::File { path: path.into(), mode: FILE_MODE, size, sha256 }
    }

    /// Below the output directory, with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Directory { path, .. } | Self::File { path, .. } | Self::Link { path, .. } | Self::Tree { path } => {
                path
            }
        }
    }

    /// What it is for a directory above it, `NAME/`; `None`: it is not below that.
    #[must_use]
    pub fn below(&self, above: &str) -> Option<Self> {
        let mut record = self.clone();
        let (Self::Directory { path, .. } | Self::File { path, .. } | Self::Link { path, .. } | Self::Tree { path }) =
            &mut record;
        *path = path.strip_prefix(above)?.to_owned();
        Some(record)
    }

    /// Digest and size of a regular file.
    #[must_use]
    pub const fn content(&self) -> Option<(Sha256, u64)> {
        match self {
            Self::File { size, sha256, .. } => Some((*sha256, *size)),
            _ => None,
        }
    }
}

/// Permissions as people write them: in octal, with a zero in front.
mod octal {
    use serde::Deserialize as _;
    use serde::Deserializer;
    use serde::Serializer;
    use serde::de::Error as _;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o7777);
        mode.filter(|mode| format!("{mode:04o}") == text).ok_or_else(|| D::Error::custom("a mode is written as 0644"))
    }
}

/// A text that is no manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not JSON, or not with a manifest's fields.
    #[error("cannot read the manifest")]
    Parse(#[source] serde_json::Error),
    /// JSON of another kind.
    #[error("it is no manifest of an output, but {0}")]
    Foreign(&'static str),
    /// Made by another version of the program.
    #[error("cannot read the manifest: its form is number {0}, and this program knows number {VERSION}")]
    Version(u32),
}

impl Manifest {
    /// A manifest without packages, findings, outputs and paths, to be filled.
    #[must_use]
    pub const fn new(
        name: String,
        architecture: String,
        suite: String,
        tree: Sha256,
        epoch: i64,
        lock: Sha256,
    ) -> Self {
        Self {
            version: VERSION,
            name,
            architecture,
            suite,
            tree,
            epoch,
            lock,
            unproved: None,
            images: BTreeMap::new(),
            packages: Vec::new(),
            loaders: Vec::new(),
            modules: Vec::new(),
            builders: Vec::new(),
            initramfs: None,
            findings: Vec::new(),
            outputs: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    /// The text of `manifest.json`. What must be sorted is sorted here, whatever order it was filled in.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut sorted = self.clone();
        for packages in [&mut sorted.packages, &mut sorted.loaders, &mut sorted.builders] {
            packages.sort_by(|a, b| (&a.name, &a.architecture).cmp(&(&b.name, &b.architecture)));
        }
        sorted.modules.sort_by(|one, other| one.path.cmp(&other.path));
        sorted.outputs.sort_by(|one, other| one.path().cmp(other.path()));
        let mut text = serde_json::to_string_pretty(&sorted).expect("a manifest is plain data");
        text.push('\n');
        text
    }

    /// Reads `manifest.json`.
    ///
    /// # Errors
    /// The text is not what [`Manifest::to_json`] writes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        /// Read first: another form may have other fields.
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        if let Some(kind) = foreign(text) {
            return Err(Error::Foreign(kind));
        }
        let form: Form = serde_json::from_str(text).map_err(Error::Parse)?;
        if form.version != VERSION {
            return Err(Error::Version(form.version));
        }
        serde_json::from_str(text).map_err(Error::Parse)
    }
}

/// What JSON is that has nothing of what every manifest has.
fn foreign(text: &str) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Keys {
        tree: Option<IgnoredAny>,
        outputs: Option<IgnoredAny>,
        #[serde(rename = "bomFormat")]
        cyclonedx: Option<IgnoredAny>,
        #[serde(rename = "spdxVersion")]
        spdx: Option<IgnoredAny>,
        #[serde(rename = "schemaVersion")]
        oci: Option<IgnoredAny>,
    }
    let keys: Keys = match serde_json::from_str(text) {
        Ok(keys) => keys,
        // A list, a number; what is no JSON at all is said by who reads it whole.
        Err(error) => return error.is_data().then_some("JSON of another kind"),
    };
    if keys.tree.is_some() || keys.outputs.is_some() {
        return None;
    }
    Some(match () {
        () if keys.cyclonedx.is_some() => "a bill of materials (CycloneDX)",
        () if keys.spdx.is_some() => "a bill of materials (SPDX)",
        () if keys.oci.is_some() => CONTAINER,
        () => "JSON of another kind",
    })
}

/// Says of each package how it was configured.
pub fn record_configuration(packages: &mut [PackageRecord], report: &[PackageReport]) {
    let by_name: BTreeMap<&str, &PackageReport> = report.iter().map(|each| (each.package.as_str(), each)).collect();
    for package in packages {
        let qualified = format!("{}:{}", package.name, package.architecture);
        let of_package = by_name.get(qualified.as_str()).or_else(|| by_name.get(package.name.as_str()));
        package.configured =
            of_package.map(|each| Configured { outcome: each.outcome.word().to_owned(), notes: each.notes.clone() });
    }
}

impl PackageRecord {
    /// A record of `package`, from the archive of this name, with the reason for it.
    #[must_use]
    pub fn new(package: &Package, archive: Option<String>, reason: String) -> Self {
        Self {
            name: package.name.clone(),
            version: package.version.to_string(),
            architecture: package.architecture.clone(),
            source: package.source.clone(),
            source_version: package.source_version.to_string(),
            archive,
            sha256: package.sha256,
            size: package.size,
            installed_size: package.installed_size,
            reason,
            configured: None,
        }
    }
}
