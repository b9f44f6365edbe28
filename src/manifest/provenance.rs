//! The provenance of an output: an in-toto statement of SLSA's build provenance in a signed DSSE envelope.
//!
//! Says which files came from which lock and which .debs, and nothing of when and where: the same lock and key give
//! the same bytes. <https://in-toto.io/Statement/v1>, <https://slsa.dev/spec/v1.0/provenance>,
//! <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md>.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde::Serialize;

use super::Manifest;
use super::OutputRecord;
use super::PackageRecord;
use super::sbom;
use crate::digest::Sha256;
use crate::host::Signer;
use crate::host::Verifier;

/// The file's name beside the manifest.
pub const FILE: &str = "provenance.intoto.json";
/// The longest that is read.
pub const SIZE_MAX: u64 = 256 << 20;

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// What the parameters below mean, and who gave them; names of ours, that no one fetches.
const BUILD: &str = "tag:imgbuild,2026:build/1";
const BUILDER: &str = "tag:imgbuild,2026:builder";

/// A signed text and its signatures.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EnvelopeSignature {
    keyid: String,
    sig: String,
}

/// What is said of which files.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: Digest,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Digest {
    sha256: Sha256,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: BTreeMap<String, String>,
    resolved_dependencies: Vec<Dependency>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Dependency {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    digest: Digest,
}

#[derive(Debug, Serialize, Deserialize)]
struct RunDetails {
    builder: Builder,
}

#[derive(Debug, Serialize, Deserialize)]
struct Builder {
    id: String,
    version: BTreeMap<String, String>,
}

/// Why a provenance does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// It is no DSSE envelope with a statement of ours.
    #[error("it is no signed provenance: {0}")]
    Malformed(String),
    /// Others signed, or it was changed since.
    #[error("it has no good signature by a key that counts")]
    Unsigned,
    /// It is of another output.
    #[error("it is of another output: {0}")]
    Other(String),
}

/// The text of [`FILE`]: a statement about the manifest and all its outputs, signed. `recipe` is the digest of what
/// the recipe asks for.
#[must_use]
pub fn provenance(manifest: &Manifest, recipe: &Sha256, signer: &dyn Signer) -> String {
    let own = Sha256::of(manifest.to_json().as_bytes());
    let payload = serde_json::to_vec(&statement(manifest, own, recipe)).expect("a statement is plain data");
    let signature = EnvelopeSignature {
        keyid: signer.key_id(),
        sig: BASE64.encode(signer.sign(&pre_authentication(PAYLOAD_TYPE, &payload))),
    };
    let envelope = Envelope {
        payload_type: PAYLOAD_TYPE.to_owned(),
        payload: BASE64.encode(payload),
        signatures: vec![signature],
    };
    envelope_text(&envelope)
}

fn envelope_text(envelope: &Envelope) -> String {
    serde_json::to_string(envelope).expect("an envelope is plain data") + "\n"
}

/// Checks that a text is a provenance of this manifest, whose file has the digest `own`, as [`provenance`] writes it and
/// with a good signature by one of these keys.
///
/// # Errors
/// It is not.
pub fn check_provenance(
    text: &str,
    manifest: &Manifest,
    own: Sha256,
    keys: &[&dyn Verifier],
) -> Result<(), ProvenanceError> {
    let malformed = |reason: &dyn std::fmt::Display| ProvenanceError::Malformed(reason.to_string());
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    let payload = BASE64.decode(&envelope.payload).map_err(|error| malformed(&error))?;
    let signed = pre_authentication(&envelope.payload_type, &payload);
    let good = |signature: &EnvelopeSignature| {
        let key = keys.iter().find(|key| key.key_id() == signature.keyid);
        key.is_some_and(|key| BASE64.decode(&signature.sig).is_ok_and(|sig| key.verifies(&signed, &sig)))
    };
    if !envelope.signatures.iter().any(good) {
        return Err(ProvenanceError::Unsigned);
    }
    // What stands around the signed text is signed by nobody: one form of it is known.
    if envelope_text(&envelope) != text {
        return Err(malformed(&"it is written in another way than imgbuild writes it"));
    }
    // Only now is anything of it believed, even its kind.
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(malformed(&"its payload is of another type"));
    }
    let found: Statement = serde_json::from_slice(&payload).map_err(|error| malformed(&error))?;
    if (found.kind.as_str(), found.predicate_type.as_str()) != (STATEMENT, PREDICATE) {
        return Err(malformed(&"its statement is of another type"));
    }
    let mut subjects = found.subject;
    subjects.sort();
    if subjects != subject(manifest, own) {
        return Err(ProvenanceError::Other("it names other files, or other digests".to_owned()));
    }
    let lock = |dependency: &Dependency| {
        dependency.name == Some(lock_name(manifest)) && dependency.digest.sha256 == manifest.lock
    };
    if !found.predicate.build_definition.resolved_dependencies.iter().any(lock) {
        return Err(ProvenanceError::Other("it names another lock".to_owned()));
    }
    Ok(())
}

/// What is signed: type and text, each with its length, so that neither can be taken for a part of the other.
fn pre_authentication(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

fn statement(manifest: &Manifest, own: Sha256, recipe: &Sha256) -> Statement {
    let lock = Dependency { name: Some(lock_name(manifest)), uri: None, digest: Digest { sha256: manifest.lock } };
    let deb = |package: &PackageRecord| Dependency {
        name: None,
        uri: Some(sbom::purl(package, &manifest.suite)),
        digest: Digest { sha256: package.sha256 },
    };
    let parameters =
        [("recipe", manifest.name.clone()), ("recipeDigest", recipe.to_string()), ("tree", manifest.tree.to_string())];
    let unproved = manifest.unproved.iter().map(|words| ("lock".to_owned(), words.clone()));
    Statement {
        kind: STATEMENT.to_owned(),
        subject: subject(manifest, own),
        predicate_type: PREDICATE.to_owned(),
        predicate: Predicate {
            build_definition: BuildDefinition {
                build_type: BUILD.to_owned(),
                external_parameters: parameters
                    .map(|(name, value)| (name.to_owned(), value))
                    .into_iter()
                    .chain(unproved)
                    .collect(),
                resolved_dependencies: std::iter::once(lock)
                    .chain(manifest.packages.iter().chain(&manifest.loaders).map(deb))
                    .collect(),
            },
            run_details: RunDetails {
                builder: Builder {
                    id: BUILDER.to_owned(),
                    version: [("imgbuild".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
                },
            },
        },
    }
}

/// What a provenance says of who built: the version of imgbuild and the digest of the recipe. It is not checked here: this
/// is for who wants to know why two outputs differ.
#[must_use]
pub fn builder_and_recipe(text: &str) -> Option<(String, String)> {
    let envelope: Envelope = serde_json::from_str(text).ok()?;
    let statement: Statement = serde_json::from_slice(&BASE64.decode(&envelope.payload).ok()?).ok()?;
    let Predicate { build_definition, run_details } = statement.predicate;
    let version = run_details.builder.version.get("imgbuild")?.clone();
    Some((version, build_definition.external_parameters.get("recipeDigest")?.clone()))
}

/// The manifest and the files of the output, sorted. What is not a file is covered by the manifest's own digest.
fn subject(manifest: &Manifest, own: Sha256) -> Vec<Subject> {
    let output = |record: &OutputRecord| {
        let (sha256, _) = record.content()?;
        Some(Subject { name: record.path().to_owned(), digest: Digest { sha256 } })
    };
    let mut subject: Vec<Subject> = manifest.outputs.iter().filter_map(output).collect();
    subject.push(Subject { name: "manifest.json".to_owned(), digest: Digest { sha256: own } });
    subject.sort();
    subject
}

fn lock_name(manifest: &Manifest) -> String {
    format!("{}.lock", manifest.name)
}
