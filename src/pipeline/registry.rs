//! Outputs into registries, and back.
//!
//! An output is an artifact whose blobs are its files, each once; its own manifest says which path each is of. Where it has
//! a container image (`root.oci/`), the reference names that image, for everybody, and the output refers to it; else the
//! reference names the output. Bills of materials and provenance refer to whichever the reference names. The output of an
//! image is also called by a tag, so that the last one that was pushed for it can be told from earlier ones.
//!
//! Nothing that comes back is believed: every blob has the digest that it was asked for by, the files are written where
//! nobody looks, and they appear when all of them are as the output's own manifest says.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Output;
use super::output;
use crate::cancel::Cancel;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::error::Error;
use crate::format::oci;
use crate::format::oci::Descriptor;
use crate::format::oci::Digest;
use crate::format::oci::Index;
use crate::format::oci::Manifest;
use crate::format::oci::Platform;
use crate::format::oci::Reference;
use crate::host::Event;
use crate::host::Reporter;
use crate::host::Stage;
use crate::host::Staging;
use crate::host::registry::Registry;
use crate::host::registry::RegistryError;
use crate::host::registry::Upload;
use crate::host::registry::fallback_tag;
use crate::limits::Limits;
use crate::manifest;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;
use crate::tree::TreePath;

/// What an output is of.
pub const OUTPUT: &str = "application/vnd.imgbuild.output.v1";
/// Where an output has its container image.
const IMAGE: &str = "root.oci";
/// What is told of an image besides: file, and what it is of.
const TOLD: [(&str, &str); 3] = [
    ("sbom.spdx.json", "application/spdx+json"),
    ("sbom.cdx.json", "application/vnd.cyclonedx+json"),
    (provenance::FILE, "application/vnd.in-toto+json"),
];
/// So often a blob is fetched that does not come.
const TRIES: u32 = 4;

/// Who is told, and who may end it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Is told of stages and bytes.
    pub reporter: &'a dyn Reporter,
    /// Ends it.
    pub cancel: &'a Cancel,
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// What the reference names now.
    pub digest: Digest,
    /// Bytes of blobs that were sent.
    pub sent: u64,
    /// Bytes of blobs that were there.
    pub there: u64,
}

/// What was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pulled {
    /// What the reference names, or of several architectures the one that was chosen.
    pub digest: Digest,
    /// Whether it is an output; else an image of somebody else's, which lies there as a layout.
    pub is_output: bool,
    /// Bytes of blobs that came.
    pub received: u64,
    /// Bytes of files that were there before, in an earlier output at the same place.
    pub there: u64,
}

/// Pushes outputs, which must be as their manifests say: one, or images of one kind for several architectures, which are
/// then one index.
///
/// # Errors
/// An output has what cannot be pushed, or the registry does not take it. Blobs may be there then; the tag is as it was.
pub fn push(outputs: &[Output], registry: &dyn Registry, to: &Reference, watch: Watch<'_>) -> Result<Pushed, Error> {
    super::cancellable(watch.cancel, || push_all(outputs, registry, to, watch))
}

fn push_all(outputs: &[Output], registry: &dyn Registry, to: &Reference, watch: Watch<'_>) -> Result<Pushed, Error> {
    if to.digest.is_some() {
        return Err(unfit(format!("`{to}` names a digest, and what is pushed is called by a tag")));
    }
    let parts = outputs.iter().map(Part::of).collect::<Result<Vec<_>, Error>>()?;
    let mut push = Push { registry, watch, sent: 0, there: 0, known: BTreeSet::new() };
    let tag = to.which();
    let total = parts.iter().map(Part::size).sum();
    watch.reporter.event(&Event::StageStarted { stage: Stage::Push, total: Some(total) });
    let digest = match parts.as_slice() {
        [] => return Err(unfit("there is no output to be pushed".to_owned())),
        [only] => push.output(only, &tag)?.digest,
        several => push.index(several, &tag)?,
    };
    watch.reporter.event(&Event::StageFinished { stage: Stage::Push });
    Ok(Pushed { digest, sent: push.sent, there: push.there })
}

/// An output that is to be pushed.
struct Part<'a> {
    output: &'a Output,
    /// Its distinct files: the first path of each.
    files: BTreeMap<Digest, (String, u64)>,
    /// Its container image: the manifest's descriptor and bytes.
    image: Option<(Descriptor, Vec<u8>)>,
}

impl<'a> Part<'a> {
    fn of(output: &'a Output) -> Result<Self, Error> {
        let records = &output.manifest().outputs;
        if let Some(tree) = records.iter().find(|record| matches!(record, OutputRecord::Tree { .. })) {
            return Err(unfit(format!(
                "`{}` cannot be pushed: a registry has no place for owners and modes of a directory; have `tar` or \
                 another one instead of `directory` in the formats",
                output.path().join(tree.path()).display()
            )));
        }
        let mut files = BTreeMap::new();
        for record in records {
            if let Some((sha256, size)) = record.content() {
                files.entry(Digest(sha256)).or_insert_with(|| (record.path().to_owned(), size));
            }
        }
        for own in [output::MANIFEST, provenance::FILE] {
            if let Some(sha256) = output.own_digest(own)? {
                let size = output.directory().status(own).map_err(failed(output.path()))?.size;
                files.insert(Digest(sha256), (own.to_owned(), size));
            }
        }
        let index = format!("{IMAGE}/index.json");
        let image = if output.has(&index) {
            let wrong = |error: serde_json::Error| unfit(format!("`{index}` is no index: {error}"));
            let index: Index = serde_json::from_slice(&output.read(&index)?).map_err(wrong)?;
            let [image] = index.manifests.as_slice() else {
                return Err(unfit(format!("`{IMAGE}` has {} images, and one can be pushed", index.manifests.len())));
            };
            let bytes = output.read(&blob_path(&image.digest))?;
            Some((image.clone(), bytes))
        } else {
            None
        };
        Ok(Self { output, files, image })
    }

    fn size(&self) -> u64 {
        self.files.values().map(|(_, size)| size).sum()
    }
}

/// Where a layout in an output has a blob.
fn blob_path(digest: &Digest) -> String {
    format!("{IMAGE}/blobs/sha256/{}", digest.0)
}

struct Push<'a> {
    registry: &'a dyn Registry,
    watch: Watch<'a>,
    sent: u64,
    there: u64,
    /// What is in the registry now.
    known: BTreeSet<Digest>,
}

impl Push<'_> {
    /// Images for several architectures, as one index.
    fn index(&mut self, parts: &[Part<'_>], tag: &str) -> Result<Digest, Error> {
        let mut images: Vec<Descriptor> = Vec::new();
        for part in parts {
            let place = part.output.path().display();
            let Some((image, _)) = &part.image else {
                return Err(unfit(format!(
                    "`{place}` has no container image, and several outputs are pushed as one for several architectures: \
                     have `oci` in the formats, or push each under a name of its own"
                )));
            };
            if images.iter().any(|other| other.platform == image.platform) {
                let architecture = &part.output.manifest().architecture;
                return Err(unfit(format!("`{place}` is for {architecture} as another of these outputs is")));
            }
            // The name is one in the layout.
            images.push(Descriptor { annotations: BTreeMap::new(), ..image.clone() });
        }
        for part in parts {
            let which = part.image.as_ref().expect("each has one").0.digest.to_string();
            self.output(part, &which)?;
        }
        let name = |image: &Descriptor| image.platform.as_ref().map(|of| (of.architecture.clone(), of.variant.clone()));
        images.sort_by_key(name);
        let bytes = Index::of(images).to_json();
        self.registry.put_manifest(tag, oci::INDEX, &bytes)?;
        Ok(Digest(Sha256::of(&bytes)))
    }

    /// All of one output; what it is called by comes last.
    fn output(&mut self, part: &Part<'_>, which: &str) -> Result<Descriptor, Error> {
        for (digest, (path, size)) in &part.files {
            self.file(part.output, path, digest, *size)?;
        }
        self.bytes(b"{}")?;
        let subject = part.image.as_ref().map(|(image, _)| Descriptor::new(oci::MANIFEST, image.digest.0, image.size));
        let blobs = part.files.iter().map(|(digest, (path, size))| {
            let annotations = [(oci::TITLE.to_owned(), path.clone())].into();
            Descriptor { annotations, ..Descriptor::new(media_type(path), digest.0, *size) }
        });
        let artifact = Manifest::of_artifact(OUTPUT, blobs.collect(), subject.clone());
        let Some(subject) = subject else {
            let bytes = artifact.to_json();
            let named = Descriptor::of(oci::MANIFEST, &bytes);
            // What refers to it is there before it is called by its name.
            self.registry.put_manifest(&named.digest.to_string(), oci::MANIFEST, &bytes)?;
            self.told(part, &named)?;
            self.registry.put_manifest(which, oci::MANIFEST, &bytes)?;
            return Ok(named);
        };
        let (image, bytes) = part.image.as_ref().expect("it is the subject");
        self.registry.put_manifest(&image.digest.to_string(), oci::MANIFEST, bytes)?;
        self.told(part, &subject)?;
        self.refer(&artifact, &image.digest)?;
        self.registry.put_manifest(&output_tag(&image.digest), oci::MANIFEST, &artifact.to_json())?;
        self.registry.put_manifest(which, oci::MANIFEST, bytes)?;
        Ok(image.clone())
    }

    /// Bills of materials and provenance.
    fn told(&self, part: &Part<'_>, subject: &Descriptor) -> Result<(), Error> {
        for (name, kind) in TOLD {
            let Some((digest, (_, size))) = part.files.iter().find(|(_, (path, _))| path == name) else { continue };
            let annotations = [(oci::TITLE.to_owned(), name.to_owned())].into();
            let blob = Descriptor { annotations, ..Descriptor::new(kind, digest.0, *size) };
            self.refer(&Manifest::of_artifact(kind, vec![blob], Some(subject.clone())), &subject.digest)?;
        }
        Ok(())
    }

    /// Puts what refers to a manifest. Where the registry does not list it, the tag for that does.
    fn refer(&self, artifact: &Manifest, subject: &Digest) -> Result<(), Error> {
        let bytes = artifact.to_json();
        let mut entry = Descriptor::of(oci::MANIFEST, &bytes);
        if self.registry.put_manifest(&entry.digest.to_string(), oci::MANIFEST, &bytes)? {
            return Ok(());
        }
        entry.artifact_type.clone_from(&artifact.artifact_type);
        let tag = fallback_tag(subject);
        let mut index = match self.registry.manifest(&tag)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| RegistryError::Answer {
                action: format!("read the index `{tag}`"),
                reason: error.to_string(),
            })?,
            None => Index::of(Vec::new()),
        };
        if index.manifests.iter().all(|other| other.digest != entry.digest) {
            index.manifests.push(entry);
            self.registry.put_manifest(&tag, oci::INDEX, &index.to_json())?;
        }
        Ok(())
    }

    fn file(&mut self, output: &Output, path: &str, digest: &Digest, size: u64) -> Result<(), Error> {
        let open = || output.directory().file(path).map(Upload::File).map_err(failed(&output.path().join(path)));
        self.blob(digest, size, open)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.blob(&Digest(Sha256::of(bytes)), bytes.len() as u64, || Ok(Upload::Bytes(bytes.to_vec())))
    }

    fn blob(&mut self, digest: &Digest, size: u64, open: impl FnOnce() -> Result<Upload, Error>) -> Result<(), Error> {
        self.watch.cancel.check()?;
        if !self.known.insert(*digest) {
            return Ok(());
        }
        if self.registry.has_blob(digest)? {
            self.there += size;
        } else {
            self.registry.put_blob(digest, size, open()?)?;
            self.sent += size;
        }
        self.watch.reporter.event(&Event::StageProgress { stage: Stage::Push, done: size });
        Ok(())
    }
}

/// What the last output is called by that was pushed for an image.
fn output_tag(image: &Digest) -> String {
    format!("{}.output", fallback_tag(image))
}

fn media_type(path: &str) -> &'static str {
    match TOLD.iter().find(|(name, _)| *name == path) {
        Some((_, kind)) => kind,
        None if path.ends_with(".json") => "application/json",
        None => "application/octet-stream",
    }
}

/// Pulls what a reference names into `directory`, where it appears when it is whole. `architecture`: of an index this one,
/// as Debian names it.
///
/// # Errors
/// There is no such thing, it is not what its digests say, or it cannot be written. `directory` is as it was then.
pub fn pull(
    registry: &dyn Registry,
    from: &Reference,
    architecture: Option<&str>,
    directory: &Path,
    limits: &Limits,
    watch: Watch<'_>,
) -> Result<Pulled, Error> {
    super::cancellable(watch.cancel, || {
        let mut pull = Pull { registry, from, architecture, limits, watch, received: 0, there: 0 };
        let (digest, bytes, manifest) = pull.resolve()?;
        let output = if manifest.artifact_type.as_deref() == Some(OUTPUT) {
            Some(manifest.clone())
        } else {
            pull.output_of(&digest)?
        };
        let is_output = output.is_some();
        let staging = Staging::new(directory)?.cancelled_by(watch.cancel);
        match output {
            Some(artifact) => pull.output(&artifact, &staging, directory)?,
            None => pull.layout(&bytes, &manifest, &staging)?,
        }
        staging.publish()?;
        Ok(Pulled { digest, is_output, received: pull.received, there: pull.there })
    })
}

struct Pull<'a> {
    registry: &'a dyn Registry,
    from: &'a Reference,
    /// The one that is wanted, as Debian calls it; `None`: whichever it is for.
    architecture: Option<&'a str>,
    limits: &'a Limits,
    watch: Watch<'a>,
    received: u64,
    there: u64,
}

impl Pull<'_> {
    /// A manifest's bytes, which are those of its digest if that is known.
    fn manifest(&self, which: &str, wanted: Option<&Digest>) -> Result<Option<(Digest, Vec<u8>)>, Error> {
        let Some(bytes) = self.registry.manifest(which)? else { return Ok(None) };
        let found = Digest(Sha256::of(&bytes));
        match wanted {
            Some(wanted) if *wanted != found => {
                Err(RegistryError::Digest { what: wanted.to_string(), found: found.to_string() }.into())
            }
            _ => Ok(Some((found, bytes))),
        }
    }

    /// What the reference names, of several architectures one.
    fn resolve(&self) -> Result<(Digest, Vec<u8>, Manifest), Error> {
        let missing = || Error::from(RegistryError::Missing(self.from.to_string()));
        let which = self.from.which();
        let (mut digest, mut bytes) = self.manifest(&which, self.from.digest.as_ref())?.ok_or_else(missing)?;
        if let Ok(index) = serde_json::from_slice::<Index>(&bytes) {
            let wanted = self.architecture.map(Platform::of);
            let fits = |entry: &&Descriptor| match (&wanted, &entry.platform) {
                (Some(wanted), Some(found)) => wanted == found,
                (wanted, _) => wanted.is_none(),
            };
            let found: Vec<&Descriptor> = index.manifests.iter().filter(fits).collect();
            let [only] = found.as_slice() else {
                let platforms = index.manifests.iter().filter_map(|entry| entry.platform.as_ref());
                let names: Vec<&str> = platforms.map(|platform| platform.architecture.as_str()).collect();
                return Err(unfit(format!(
                    "`{}` is for several architectures: choose one by `--architecture`; it has {}",
                    self.from,
                    names.join(", ")
                )));
            };
            (digest, bytes) = self.manifest(&only.digest.to_string(), Some(&only.digest))?.ok_or_else(missing)?;
        }
        let manifest = serde_json::from_slice(&bytes).map_err(|error| self.unusable(&which, &error))?;
        Ok((digest, bytes, manifest))
    }

    /// That what is for one architecture is for the wanted one. `found`: for which it is, if it says so.
    fn check_architecture(&self, found: Option<&Platform>) -> Result<(), Error> {
        match self.architecture.filter(|wanted| found != Some(&Platform::of(wanted))) {
            None => Ok(()),
            Some(wanted) => {
                let found = found.map_or("none that it names", |found| found.architecture.as_str());
                Err(unfit(format!(
                    "`{}` is not for {}: it is for {}",
                    self.from,
                    wanted.escape_debug(),
                    found.escape_debug()
                )))
            }
        }
    }

    /// The output whose container image this is.
    fn output_of(&self, image: &Digest) -> Result<Option<Manifest>, Error> {
        let tag = output_tag(image);
        let Some((_, bytes)) = self.manifest(&tag, None)? else { return Ok(None) };
        let artifact: Manifest = serde_json::from_slice(&bytes).map_err(|error| self.unusable(&tag, &error))?;
        let is_of_it = artifact.subject.as_ref().is_some_and(|subject| subject.digest == *image);
        if is_of_it && artifact.artifact_type.as_deref() == Some(OUTPUT) {
            Ok(Some(artifact))
        } else {
            Err(RegistryError::Digest { what: tag, found: "it is of another image".to_owned() }.into())
        }
    }

    fn unusable(&self, which: &str, error: &serde_json::Error) -> Error {
        let action = format!("read the manifest `{which}` of `{}`", self.from);
        RegistryError::Answer { action, reason: error.to_string() }.into()
    }

    /// Writes an output.
    fn output(&mut self, artifact: &Manifest, staging: &Staging, directory: &Path) -> Result<(), Error> {
        let title = |blob: &Descriptor| blob.annotations.get(oci::TITLE).cloned();
        let named = |name: &str| artifact.layers.iter().find(|blob| title(blob).as_deref() == Some(name));
        let own = named(output::MANIFEST).ok_or_else(|| self.wrong("it has no manifest"))?;
        if own.size > output::TEXT_MAX {
            return Err(self.wrong(&format!("its manifest has {} bytes", own.size)));
        }
        let root = staging.path();
        let earlier = Output::open(directory).ok();
        self.fetch(&own.digest, own.size, &root.join(output::MANIFEST))?;
        let text = fs::read_to_string(root.join(output::MANIFEST)).map_err(failed(root))?;
        let said = manifest::Manifest::parse(&text)
            .map_err(|source| Error::Manifest { path: output::MANIFEST.into(), source })?;
        self.check_architecture(Some(&Platform::of(&said.architecture)))?;
        if let Some(signed) = named(provenance::FILE) {
            self.fetch(&signed.digest, signed.size.min(provenance::SIZE_MAX), &root.join(provenance::FILE))?;
        }
        let image = artifact.subject.as_ref().map(|subject| blob_path(&subject.digest));
        if let Some(path) = image.filter(|path| said.outputs.iter().all(|record| record.path() != path)) {
            return Err(self.wrong(&format!("it is the output of another image: it has no `{path}`")));
        }
        self.check_paths(&said.outputs)?;
        let total = said.outputs.iter().filter_map(OutputRecord::content).map(|(_, size)| size);
        let total = total.fold(0_u64, u64::saturating_add);
        if total > self.limits.data {
            return Err(self.wrong(&format!("its files have {total} bytes (limit `data`)")));
        }
        self.watch.reporter.event(&Event::StageStarted { stage: Stage::Pull, total: Some(total) });
        self.write(&said.outputs, root, earlier.as_ref())?;
        // Whatever else is wrong with it is found here, as it would be later.
        Output::verified(root, &[], self.watch.cancel)?;
        self.watch.reporter.event(&Event::StageFinished { stage: Stage::Pull });
        Ok(())
    }

    /// Whether each path is one of an output and stays in it. What is a link has nothing below it: its directory is none.
    fn check_paths(&self, records: &[OutputRecord]) -> Result<(), Error> {
        let directories: BTreeSet<&str> = records
            .iter()
            .filter(|record| matches!(record, OutputRecord::Directory { .. }))
            .map(OutputRecord::path)
            .collect();
        let mut seen = BTreeSet::new();
        for record in records {
            let path = record.path();
            let is_one = TreePath::new(path).is_ok_and(|good| !good.is_root() && good.as_bytes() == path.as_bytes());
            let is_below = path.rsplit_once('/').is_none_or(|(above, _)| directories.contains(above));
            let is_own = [output::MANIFEST, provenance::FILE].contains(&path);
            if !is_one || !is_below || is_own || !seen.insert(path) || matches!(record, OutputRecord::Tree { .. }) {
                return Err(self.wrong(&format!("`{}` is no path of an output", path.escape_debug())));
            }
            // It would be whoever pulls who gives it away.
            if let OutputRecord::File { mode, .. } | OutputRecord::Directory { mode, .. } = record
                && mode & 0o7002 != 0
            {
                return Err(self.wrong(&format!("`{}` has mode {mode:04o}", path.escape_debug())));
            }
        }
        Ok(())
    }

    /// Writes what a manifest names: directories, then files, then links.
    fn write(&mut self, records: &[OutputRecord], root: &Path, earlier: Option<&Output>) -> Result<(), Error> {
        let wrote = |path: &str| {
            let path = path.to_owned();
            move |source| Error::Write { path: path.into(), source }
        };
        let mut sorted: Vec<&OutputRecord> = records.iter().collect();
        sorted.sort_by_key(|record| record.path());
        for record in &sorted {
            if let OutputRecord::Directory { path, .. } = record {
                fs::create_dir(root.join(path)).map_err(wrote(path))?;
            }
        }
        let mut there: BTreeMap<(Sha256, u64), String> = BTreeMap::new();
        for record in earlier.iter().flat_map(|output| &output.manifest().outputs) {
            there.extend(record.content().map(|content| (content, record.path().to_owned())));
        }
        let mut fetched: BTreeMap<(Sha256, u64), &str> = BTreeMap::new();
        for record in &sorted {
            let OutputRecord::File { path, mode, size, sha256 } = record else { continue };
            let place = root.join(path);
            let known = (*sha256, *size);
            let copied = match (fetched.get(&known), earlier.zip(there.get(&known))) {
                (Some(same), _) => {
                    fs::copy(root.join(same), &place).map_err(wrote(path))?;
                    true
                }
                (None, Some((output, same))) => self.copied(output, same, &place, *size)?,
                (None, None) => false,
            };
            if !copied {
                self.fetch(&Digest(*sha256), *size, &place)?;
            }
            fs::set_permissions(&place, Permissions::from_mode(*mode)).map_err(wrote(path))?;
            fetched.insert(known, path);
            self.watch.reporter.event(&Event::StageProgress { stage: Stage::Pull, done: *size });
        }
        for record in &sorted {
            match record {
                OutputRecord::Link { path, target } => {
                    std::os::unix::fs::symlink(target, root.join(path)).map_err(wrote(path))?;
                }
                _ => continue,
            }
        }
        for record in sorted.iter().rev() {
            if let OutputRecord::Directory { path, mode } = record {
                fs::set_permissions(root.join(path), Permissions::from_mode(*mode)).map_err(wrote(path))?;
            }
        }
        for own in [output::MANIFEST, provenance::FILE] {
            match fs::set_permissions(root.join(own), Permissions::from_mode(manifest::FILE_MODE)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done.map_err(wrote(own))?,
            }
        }
        Ok(())
    }

    /// Takes a file from an earlier output, if that still has it.
    fn copied(&mut self, earlier: &Output, path: &str, place: &Path, size: u64) -> Result<bool, Error> {
        let mut file = create(place)?;
        if earlier.copy(path, &mut file).is_ok() {
            self.there += size;
            return Ok(true);
        }
        self.watch.cancel.check()?;
        fs::remove_file(place).map_err(failed(place))?;
        Ok(false)
    }

    /// Writes an image that is nobody's output, as a layout.
    fn layout(&mut self, bytes: &[u8], manifest: &Manifest, staging: &Staging) -> Result<(), Error> {
        let root = staging.path();
        let blobs = root.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(failed(&blobs))?;
        let put = |path: &Path, bytes: &[u8]| create(path)?.write_all(bytes).map_err(failed(path));
        let own = Descriptor::of(manifest.media_type.as_deref().unwrap_or(oci::MANIFEST), bytes);
        put(&blobs.join(own.digest.0.to_string()), bytes)?;
        let mut wanted: BTreeMap<Digest, u64> =
            manifest.layers.iter().chain([&manifest.config]).map(|blob| (blob.digest, blob.size)).collect();
        let total = wanted.values().fold(0_u64, |sum, size| sum.saturating_add(*size));
        if total > self.limits.data {
            return Err(self.wrong(&format!("its layers have {total} bytes (limit `data`)")));
        }
        self.watch.reporter.event(&Event::StageStarted { stage: Stage::Pull, total: Some(total) });
        let config = (manifest.config.digest, manifest.config.size);
        if self.architecture.is_some() && config.0 != own.digest {
            let place = blobs.join(config.0.0.to_string());
            self.fetch(&config.0, config.1, &place)?;
            let text = File::open(&place).and_then(|file| io::read_to_string(file.take(output::TEXT_MAX)));
            self.check_architecture(text.ok().and_then(|text| serde_json::from_str(&text).ok()).as_ref())?;
            wanted.remove(&config.0);
        }
        for (digest, size) in wanted {
            if digest != own.digest {
                self.fetch(&digest, size, &blobs.join(digest.0.to_string()))?;
            }
            self.watch.reporter.event(&Event::StageProgress { stage: Stage::Pull, done: size });
        }
        put(&root.join("index.json"), &Index::of(vec![own]).to_json())?;
        put(&root.join("oci-layout"), oci::LAYOUT.as_bytes())?;
        self.watch.reporter.event(&Event::StageFinished { stage: Stage::Pull });
        Ok(())
    }

    /// Fetches a blob, again when it did not come.
    fn fetch(&mut self, digest: &Digest, size: u64, place: &Path) -> Result<(), Error> {
        for attempt in 1.. {
            let mut file = create(place)?;
            match self.fetch_once(digest, size, &mut file) {
                Ok(()) => break,
                Err(error) if attempt < TRIES && error.is_retryable() => {
                    let (url, reason) = (format!("{}@{digest}", self.from), error.to_string());
                    self.watch.reporter.event(&Event::Retry { url: &url, reason: &reason });
                    fs::remove_file(place).map_err(failed(place))?;
                }
                Err(error) => return Err(error.into()),
            }
            self.watch.cancel.check()?;
        }
        self.received += size;
        Ok(())
    }

    fn fetch_once(&self, digest: &Digest, size: u64, file: &mut File) -> Result<(), RegistryError> {
        let action = || format!("fetch `{digest}` of `{}`", self.from);
        // One byte more than wanted tells that there are more.
        let mut body = self.registry.blob(digest)?.take(size.saturating_add(1));
        let mut hash = HashWriter::new(&mut *file);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let source = crate::host::TransportError::Network(error.to_string());
                    return Err(RegistryError::Transport { action: action(), source });
                }
            };
            let written = hash.write_all(&buffer[..count]);
            written.map_err(|error| RegistryError::Answer { action: action(), reason: error.to_string() })?;
        }
        let (sha256, found, _) = hash.finish();
        if (sha256, found) == (digest.0, size) {
            return Ok(());
        }
        let found = if found == size { Digest(sha256).to_string() } else { format!("it has not {size} bytes") };
        Err(RegistryError::Digest { what: digest.to_string(), found })
    }

    fn wrong(&self, reason: &str) -> Error {
        RegistryError::Answer { action: format!("take `{}` for an output", self.from), reason: reason.to_owned() }
            .into()
    }
}

fn create(path: &Path) -> Result<File, Error> {
    let file = File::options().write(true).create_new(true).open(path);
    file.map_err(|source| Error::Write { path: path.into(), source })
}

fn unfit(words: String) -> Error {
    RegistryError::Unfit(words).into()
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read { path, source }
}
