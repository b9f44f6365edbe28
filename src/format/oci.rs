//! The documents of container images and of registries, and how these are named.
//!
//! Rules: the OCI image specification 1.1 (`descriptor.md`, `manifest.md`, `image-index.md`, `config.md`) and the
//! distribution specification 1.1 (names, tags).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

use crate::digest::Sha256;

/// The media type of [`Manifest`].
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of [`Index`].
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of [`Config`].
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer as it is written: gzip is what every reader reads.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The media type of `{}`, where a configuration must be and nobody has one.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The annotation with a file's name.
pub const TITLE: &str = "org.opencontainers.image.title";
/// The annotation with which a layout names an image.
pub const NAME: &str = "org.opencontainers.image.ref.name";
/// What Docker calls [`MANIFEST`] and [`INDEX`].
pub const DOCKER: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// The longest manifest or index; registries take no longer ones.
pub const JSON_MAX: u64 = 4 << 20;
/// The text of a layout's `oci-layout`.
pub const LAYOUT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// A digest as these documents write it: `sha256:` and 64 digits. Other algorithms are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub Sha256);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl FromStr for Digest {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("sha256:").and_then(|digits| digits.parse().ok());
        digits.map(Self).ok_or_else(|| ReferenceError(format!("`{}` is no SHA-256", text.escape_debug())))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a blob or a manifest is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Its media type.
    pub media_type: String,
    /// Of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// For whom an image is, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What a manifest is of, when it is of no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// More about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Of these bytes.
    #[must_use]
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Sha256::of(bytes), bytes.len() as u64)
    }

    /// Of bytes that are known.
    #[must_use]
    pub fn new(media_type: &str, sha256: Sha256, size: u64) -> Self {
        let (platform, artifact_type, annotations) = (None, None, BTreeMap::new());
        Self { media_type: media_type.to_owned(), digest: Digest(sha256), size, platform, artifact_type, annotations }
    }
}

/// For which machines an image is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// As Go names it.
    pub architecture: String,
    /// `linux`
    pub os: String,
    /// `v7` of 32-bit ARM
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Linux on an architecture of Debian's. One that Go has no name for keeps its own.
    #[must_use]
    pub fn of(debian: &str) -> Self {
        let (architecture, variant) = match debian {
            "i386" => ("386", None),
            "armhf" => ("arm", Some("v7")),
            "armel" => ("arm", Some("v5")),
            "ppc64el" => ("ppc64le", None),
            "mips64el" => ("mips64le", None),
            "mipsel" => ("mipsle", None),
            same => (same, None),
        };
        Self { architecture: architecture.to_owned(), os: "linux".to_owned(), variant: variant.map(str::to_owned) }
    }
}

/// An image, or an artifact: a configuration and blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2
    pub schema_version: u32,
    /// [`MANIFEST`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it is of; nothing: an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first; of an artifact its blobs.
    pub layers: Vec<Descriptor>,
    /// Which manifest it tells something of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// More about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// An image's.
    #[must_use]
    pub fn of_image(config: Descriptor, layers: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        let media_type = Some(MANIFEST.to_owned());
        Self { schema_version: 2, media_type, artifact_type: None, config, layers, subject: None, annotations }
    }

    /// An artifact's, whose configuration is `{}`.
    #[must_use]
    pub fn of_artifact(kind: &str, layers: Vec<Descriptor>, subject: Option<Descriptor>) -> Self {
        let artifact_type = Some(kind.to_owned());
        let image = Self::of_image(Descriptor::of(EMPTY, b"{}"), layers, BTreeMap::new());
        Self { artifact_type, subject, ..image }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json(self)
    }
}

/// Manifests of several images, or of what is said about one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// 2
    pub schema_version: u32,
    /// [`INDEX`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Each of them.
    pub manifests: Vec<Descriptor>,
}

impl Index {
    /// Of these.
    #[must_use]
    pub fn of(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: Some(INDEX.to_owned()), manifests }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json(self)
    }
}

/// What a container is started with, and what its layers are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// RFC 3339
    pub created: String,
    /// As Go names it.
    pub architecture: String,
    /// `v7` of 32-bit ARM
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// `linux`
    pub os: String,
    /// How a container is started.
    pub config: Execution,
    /// The layers before they were compressed.
    pub rootfs: RootFs,
    /// How each layer was made.
    pub history: Vec<History>,
}

impl Config {
    /// Its bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json(self)
    }
}

/// How a container is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Execution {
    /// `NAME=VALUE`
    #[serde(default)]
    pub env: Vec<String>,
    /// Program and arguments.
    #[serde(default)]
    pub cmd: Vec<String>,
    /// More about it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The layers of an image before they were compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// `layers`
    #[serde(rename = "type")]
    pub kind: String,
    /// Of each tar.
    pub diff_ids: Vec<Digest>,
}

/// How a layer was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// RFC 3339
    pub created: String,
    /// In words.
    pub created_by: String,
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is plain data")
}

/// A text that names nothing in a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReferenceError(String);

/// Something in a registry: `registry.example.org:5000/group/name:tag`, or `…@sha256:…`. Stricter than Docker, a registry
/// is always named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Name or address, with a port if there is one.
    pub registry: String,
    /// What is in it.
    pub repository: String,
    /// Which of these; nothing said is `latest`, unless there is a digest.
    pub tag: Option<String>,
    /// Exactly which.
    pub digest: Option<Digest>,
}

/// The registry that Docker means by `docker.io`.
const DOCKER_HUB: &str = "docker.io";

impl Reference {
    /// What a registry is asked for: the digest, or else the tag.
    #[must_use]
    pub fn which(&self) -> String {
        self.digest.map_or_else(|| self.tag.clone().unwrap_or_else(|| "latest".to_owned()), |digest| digest.to_string())
    }

    /// Name or address of the server, with a port if there is one.
    #[must_use]
    pub fn server(&self) -> &str {
        if self.registry == DOCKER_HUB { "registry-1.docker.io" } else { &self.registry }
    }

    /// Whether the server is this machine itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = match self.registry.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.registry,
        };
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |what: &str| ReferenceError(format!("`{}` {what}", text.escape_debug()));
        let rest = text.strip_prefix("oci://").unwrap_or(text);
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (rest, None),
        };
        let no_registry = || wrong("names no registry: begin with its host, such as `registry.example.org/name:tag`");
        let (registry, rest) = rest.split_once('/').ok_or_else(no_registry)?;
        if !(registry.contains(['.', ':']) || registry == "localhost") {
            return Err(no_registry());
        }
        if !is_registry(registry) {
            return Err(wrong("has a registry that is no host name or address"));
        }
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (rest, None),
        };
        if name.len() > 255 || !name.split('/').all(is_component) {
            return Err(wrong("has a name that no registry takes: small letters, digits, `.`, `_`, `-` and `/`"));
        }
        if !tag.is_none_or(is_tag) {
            return Err(wrong("has a tag that no registry takes: up to 128 letters, digits, `.`, `_` and `-`"));
        }
        let repository =
            if registry == DOCKER_HUB && !name.contains('/') { format!("library/{name}") } else { name.to_owned() };
        Ok(Self { registry: registry.to_owned(), repository, tag: tag.map(str::to_owned), digest })
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_name = |host: &str| {
        let letters = |label: &str| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        host.len() <= 253 && host.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && letters(label))
    };
    let is_address = |host: &str| {
        let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inside.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0)) && (is_name(host) || is_address(host))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    let separators = text.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let mut separators = separators.filter(|between| !between.is_empty());
    ends.is_some_and(|(first, last)| is_letter(*first) && is_letter(*last))
        && separators.all(|between| matches!(between, "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

fn is_tag(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = text.bytes();
    text.len() <= 128
        && bytes.next().is_some_and(is_letter)
        && bytes.all(|byte| is_letter(byte) || byte == b'.' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let parse = |text: &str| text.parse::<Reference>().map(|reference| (reference.to_string(), reference.which()));
        let digest = format!("sha256:{}", Sha256::of(b""));
        for (text, shown, which) in [
            ("registry.example.org/a", "registry.example.org/a", "latest"),
            ("oci://registry.example.org/a/b-c:1.0", "registry.example.org/a/b-c:1.0", "1.0"),
            ("localhost/a__b:x", "localhost/a__b:x", "x"),
            ("127.0.0.1:5000/a:t", "127.0.0.1:5000/a:t", "t"),
            ("[::1]:5000/a:t", "[::1]:5000/a:t", "t"),
            ("docker.io/debian:13", "docker.io/library/debian:13", "13"),
            (&format!("example.org/a@{digest}"), &format!("example.org/a@{digest}"), &digest),
        ] {
            assert_eq!(parse(text), Ok((shown.to_owned(), which.to_owned())), "{text}");
        }
        for bad in [
            "",
            "a",
            "a/b",
            "debian:13",
            "example.org/",
            "example.org/A",
            "example.org/a//b",
            "example.org/../b",
            "example.org/a:",
            "example.org/a:-x",
            "example.org/a:x/y",
            "example.org/-a",
            "example.org/a.-b",
            "example.org:0/a",
            "example.org:99999/a",
            "user@example.org/a",
            "exa mple.org/a",
            "example.org/a@sha256:12",
            "example.org/a@sha512:12",
            "[::1/a",
            "https://example.org/a",
            "example.org/a?b=c",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let own = |text: &str| text.parse::<Reference>().expect("a reference").is_loopback();
        assert!(own("localhost/a") && own("localhost:5000/a") && own("127.9.9.9:1/a") && own("[::1]:5000/a"));
        assert!(!own("localhost.example.org/a") && !own("10.0.0.1:5000/a") && !own("[fe80::1]/a"));
    }

    #[test]
    fn architectures_have_the_names_of_go() {
        let of = |debian| {
            let Platform { architecture, variant, .. } = Platform::of(debian);
            (architecture, variant)
        };
        assert_eq!(of("amd64"), ("amd64".to_owned(), None));
        assert_eq!(of("armhf"), ("arm".to_owned(), Some("v7".to_owned())));
        assert_eq!(of("ppc64el").0, "ppc64le");
    }
}
