//! Getting a source's Release and indices: from the mirrors, or from the store.
//!
//! A verified flag belongs to bytes, never to a URL: each mirror's answer is judged for itself, and a mirror whose
//! answer does not count is passed over (CVE-2018-0501 was a flag that outlived the bytes).

use std::collections::BTreeMap;
use std::io::Read;

use crate::archive::At;
use crate::archive::Error;
use crate::archive::Expected;
use crate::archive::IndexError;
use crate::archive::Options;
use crate::archive::Proof;
use crate::archive::ReleaseError;
use crate::archive::ReleaseFile;
use crate::archive::Source;
use crate::archive::VerifiedRelease;
use crate::archive::VerifyError;
use crate::archive::proof::Served;
use crate::archive::verify_release;
use crate::deb::date::day;
use crate::digest::Digest;
use crate::digest::Sha256;
use crate::format::compress::Allowance;
use crate::format::compress::Compression;
use crate::format::compress::decoder;
use crate::host::Event;
use crate::host::Host;
use crate::host::Stage;
use crate::host::StoreError;
use crate::host::StoredBlob;
use crate::host::TransportError;
use crate::host::TrustError;
use crate::host::Work;
use crate::host::claim;
use crate::host::download::DownloadError;
use crate::host::download::Mirrors;
use crate::host::download::Wanted;
use crate::host::download::download;
use crate::host::download::read_small;
use crate::host::download::stored;
use crate::host::redacted;

/// The stage whose progress this is.
const STAGE: Stage = Stage::Index;

/// A verified Release with what proves it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) verified: VerifiedRelease,
    pub(super) proof: Proof,
}

/// One index to read, in each form that the Release lists.
#[derive(Debug)]
pub(super) struct WantedIndex {
    /// Without the suffix of a compression.
    pub(super) path: String,
    /// As it lies on the mirror, the preferred form first. Never empty.
    forms: Vec<(Compression, ReleaseFile)>,
    /// Decompressed, when the Release names it.
    plain: Option<ReleaseFile>,
}

/// An index that was read.
#[derive(Debug)]
pub(super) struct ReadIndex {
    pub(super) text: Vec<u8>,
    /// The path and digest of the form it was read from.
    pub(super) from: (String, Digest),
}

/// Compressions, the preferred first: what costs least to get and read.
const COMPRESSIONS: [Compression; 6] =
    [Compression::Zstd, Compression::Xz, Compression::Gzip, Compression::Bzip2, Compression::Lzma, Compression::None];

/// How much longer an index is than compressed, at most, in real archives: what is set aside at once.
const RATIO: usize = 16;

impl Opened {
    /// The indices a source wants. A missing one is an error, never an empty archive.
    pub(super) fn indices(&self, source: &Source) -> Result<Vec<WantedIndex>, Error> {
        let release = self.verified.release();
        let wrong = |error| Error::Release { archive: source.name.clone(), source: error };
        if source.flat().is_some() {
            let index = self.index("Packages").or_else(|| self.index("./Packages"));
            return Ok(vec![index.ok_or_else(|| wrong(ReleaseError::Missing("Packages".to_owned())))?]);
        }
        let claims = |name: &str| release.architectures.iter().any(|known| known == name);
        let mut indices = Vec::new();
        for component in &source.components {
            let of = |architecture: &str| format!("{component}/binary-{architecture}/Packages");
            // Some name none, and some have more than they name.
            let below = format!("{component}/");
            let is_there = release.components.is_empty()
                || release.components.contains(component)
                || release.paths().any(|path| path.starts_with(&below));
            if !is_there {
                let (wanted, found) = (component.clone(), release.components.clone());
                return Err(wrong(ReleaseError::Component { wanted, found }));
            }
            let before = indices.len();
            for architecture in &source.architectures {
                match self.index(&of(architecture)) {
                    Some(index) => indices.push(index),
                    // What it claims to have it must have; without a claim there may be packages of `all` alone.
                    None if release.architectures.is_empty() || claims(architecture) => {
                        return Err(wrong(ReleaseError::Missing(of(architecture))));
                    }
                    None => {}
                }
            }
            if claims("all") && (!release.all_is_included || indices.len() == before) {
                indices.extend(self.index(&of("all")));
            }
            if indices.len() == before {
                let (wanted, found) = (source.architectures.join(" or "), release.architectures.clone());
                let missing = ReleaseError::Missing(of("all"));
                return Err(wrong(if claims("all") { missing } else { ReleaseError::Architecture { wanted, found } }));
            }
        }
        Ok(indices)
    }

    /// The indices that its proof names, by the digests there.
    pub(super) fn proved_indices(&self) -> Result<Vec<WantedIndex>, Error> {
        let release = self.verified.release();
        let wanted = |name: &String| {
            let packed = COMPRESSIONS.into_iter().filter(|&kind| kind != Compression::None);
            let stripped = packed.filter_map(|kind| Some((name.strip_suffix(kind.suffix())?, kind))).next();
            let (path, compression) = stripped.unwrap_or((name, Compression::None));
            let (file, plain) = (release.file(name)?, release.file(path));
            Some(WantedIndex { path: path.to_owned(), forms: vec![(compression, file)], plain })
        };
        let missing = |name: &String| Error::Release {
            archive: self.proof.name.clone(),
            source: ReleaseError::Missing(name.clone()),
        };
        self.proof.indices.keys().map(|name| wanted(name).ok_or_else(|| missing(name))).collect()
    }

    /// An index by its path without a suffix, in the forms that the Release lists.
    pub(super) fn index(&self, path: &str) -> Option<WantedIndex> {
        let file = |kind: Compression| Some((kind, self.verified.release().file(&format!("{path}{}", kind.suffix()))?));
        let forms: Vec<_> = COMPRESSIONS.into_iter().filter_map(file).collect();
        let plain = self.verified.release().file(path);
        (!forms.is_empty()).then(|| WantedIndex { path: path.to_owned(), forms, plain })
    }
}

/// Gets the Release of a source, from the first mirror that has one that counts.
pub(super) fn release(host: &Host, source: &Source, options: &Options) -> Result<Opened, Error> {
    check_source(source)?;
    let mut first = None;
    for mirror in &source.mirrors {
        let error = match from_mirror(host, source, options, mirror) {
            Ok(release) => return Ok(release),
            Err(Error::Download {
                source: DownloadError::Transport { source: TransportError::Offline, .. },
                path,
                ..
            }) => {
                return from_store(host, source, options, &path);
            }
            Err(error) if error.is_cancelled() => return Err(error),
            Err(error) => error,
        };
        // A mirror that lies says more than one that is down.
        if first.as_ref().is_none_or(|first: &Error| !first.is_integrity() && error.is_integrity()) {
            first = Some(error);
        }
    }
    Err(first.unwrap_or_else(|| source.error("it has no mirror")))
}

fn check_source(source: &Source) -> Result<(), Error> {
    let plain = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~/".contains(&byte);
        let parts = || text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        text.bytes().all(allowed) && parts()
    };
    let suite = match source.flat() {
        Some(directory) => directory.is_empty() || plain(directory.trim_end_matches('/')),
        None => plain(&source.suite),
    };
    if !suite {
        return Err(source.error(&format!("`{}` is no suite", source.suite)));
    }
    match source.components.iter().chain(&source.architectures).find(|name| !plain(name)) {
        Some(name) => Err(source.error(&format!("`{name}` is no component or architecture"))),
        None => Ok(()),
    }
}

fn from_mirror(host: &Host, source: &Source, options: &Options, mirror: &str) -> Result<Opened, Error> {
    let mirrors = Mirrors::new(&[mirror.to_owned()]);
    let get = |name: &str| {
        let path = source.path(name);
        read_small(host, &mirrors, &path, host.limits.release).map_err(|error| Error::Download {
            archive: source.name.clone(),
            path,
            source: error,
        })
    };
    let served = match get("InRelease") {
        Ok(text) => Served { text, signature: None },
        // Only where there is no InRelease at all: one that does not count is not asked about again elsewhere.
        Err(Error::Download { source: DownloadError::Transport { source: TransportError::NotFound, .. }, .. }) => {
            Served { signature: Some(get("Release.gpg")?), text: get("Release")? }
        }
        Err(error) => return Err(error),
    };
    let opened = judge(host, source, options, served, false)?;
    remember(host, source, &opened)?;
    Ok(opened)
}

/// The newest Release the store knows, for who is offline. Its expiry is waived: nobody could serve a newer one.
fn from_store(host: &Host, source: &Source, options: &Options, path: &str) -> Result<Opened, Error> {
    let record = host.store.signed("release", &source.key()).map_err(Error::Store)?;
    let Some(served) = record.as_deref().and_then(Served::from_bytes) else {
        let url = source.mirrors.first().map_or("", String::as_str);
        let url = format!("{}/{path}", redacted(url));
        let error = DownloadError::Transport { url, source: TransportError::Offline };
        return Err(Error::Download { archive: source.name.clone(), path: path.to_owned(), source: error });
    };
    judge(host, source, options, served, true)
}

/// Everything that must hold before a Release counts.
fn judge(host: &Host, source: &Source, options: &Options, served: Served, offline: bool) -> Result<Opened, Error> {
    let archive = || source.name.clone();
    let path = || source.path(if served.signature.is_some() { "Release.gpg" } else { "InRelease" });
    let signed = served.signed().map_err(|source| Error::Framing { archive: archive(), path: path(), source })?;
    let at = match (source.snapshot, offline) {
        (true, _) => At::Frozen(host.now),
        (false, true) => At::Kept(host.now),
        (false, false) => At::Now(host.now),
    };
    let verified = verify_release(&*host.trust, &signed, &source.expected(at, &host.limits));
    let verified = verified.map_err(|error| match error {
        VerifyError::Signature(error @ TrustError::Keyring(_)) => {
            Error::Keyring { archive: archive(), file: source.keyring_file.clone(), source: error }
        }
        VerifyError::Signature(source) => Error::Signature { archive: archive(), path: path(), source },
        VerifyError::Release(source) => Error::Release { archive: archive(), source },
    })?;
    if let Some(until) = verified.waived() {
        warn_stale(host, source, offline, until);
    }
    let date = verified.release().date;
    if !source.snapshot {
        check_newest(host, source, options, &served, date)?;
    }
    let proof = Proof {
        name: source.name.clone(),
        suite: source.suite.clone(),
        date,
        waived: verified.waived().is_some(),
        signers: verified.signers().to_vec(),
        indices: BTreeMap::new(),
        text: served.text,
        signature: served.signature,
    };
    Ok(Opened { verified, proof })
}

fn warn_stale(host: &Host, source: &Source, offline: bool, until: i64) {
    let kind = match (source.snapshot, offline) {
        (true, _) => "a snapshot",
        (false, true) => "taken from the cache, offline",
        (false, false) => "allowed to be `expired`",
    };
    let (name, until) = (&source.name, day(until));
    let message = format!("archive `{name}` is {kind}: that it expired on {until} is overlooked");
    host.reporter.event(&Event::Warning { message: &message });
}

/// Refuses a Release older than the newest seen: a replayed old state is signed as well as a new one. The newest is
/// kept as it was signed, not its date alone. So a cache that was restored from elsewhere counts, and none can claim
/// one that the archive never had.
fn check_newest(host: &Host, source: &Source, options: &Options, served: &Served, date: i64) -> Result<(), Error> {
    let key = source.key();
    let record = host.store.signed("newest", &key).map_err(Error::Store)?;
    let new = Served::to_bytes(&served.text, served.signature.as_deref());
    if record.as_ref() == Some(&new) {
        return Ok(());
    }
    let seen = record.as_deref().and_then(Served::from_bytes).and_then(|seen| {
        let expected = source.expected(At::Own, &host.limits);
        let seen = verify_release(&*host.trust, &seen.signed().ok()?, &expected).ok()?;
        Some(seen.release().date)
    });
    match seen {
        Some(seen) if date < seen && !options.allow_older => {
            Err(Error::Release { archive: source.name.clone(), source: ReleaseError::Rollback { date, seen } })
        }
        Some(seen) if date <= seen => Ok(()),
        _ => host.store.set_signed("newest", &key, &new).map_err(Error::Store),
    }
}

fn remember(host: &Host, source: &Source, opened: &Opened) -> Result<(), Error> {
    let proof = &opened.proof;
    let bytes = Served::to_bytes(&proof.text, proof.signature.as_deref());
    let key = source.key();
    // Most builds find the archive as the last one did.
    if host.store.signed("release", &key).map_err(Error::Store)?.as_deref() == Some(&bytes) {
        return Ok(());
    }
    host.store.set_signed("release", &key, &bytes).map_err(Error::Store)
}

/// The text of one index, verified: the first of its forms that a mirror has. Only where none has it is the mirror
/// blamed; a form that is there and is not what was signed for is an error, never a reason to try another.
pub(super) fn index_text(
    host: &Host,
    source: &Source,
    opened: &Opened,
    index: &WantedIndex,
) -> Result<ReadIndex, Error> {
    let mut missing = None;
    for &(compression, file) in &index.forms {
        let form = Form { path: &index.path, compression, file, plain: index.plain };
        match form.text(host, source, opened.verified.release().by_hash) {
            Ok(text) => return Ok(ReadIndex { text, from: (form.name(), file.digest) }),
            Err(error) if error.is_not_found() => missing = missing.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or_else(|| source.error("an index has no form")))
}

/// One form of an index.
struct Form<'a> {
    path: &'a str,
    compression: Compression,
    file: ReleaseFile,
    plain: Option<ReleaseFile>,
}

impl Form<'_> {
    /// Path below the suite's directory.
    fn name(&self) -> String {
        format!("{}{}", self.path, self.compression.suffix())
    }

    fn text(&self, host: &Host, source: &Source, by_hash: bool) -> Result<Vec<u8>, Error> {
        let max = host.limits.index;
        if self.file.size.max(self.plain.map_or(0, |plain| plain.size)) > max {
            return Err(self.error(source, IndexError::Limit { limit: "index", max }));
        }
        let known = || {
            let blob = self.plain.map(|plain| stored(host, &plain.digest)).transpose().map_err(Error::Store)?.flatten();
            let text = blob.map(|blob| read(&blob)).transpose();
            text.map_err(|error| self.error(source, IndexError::Compression(error)))
        };
        if let Some(text) = known()? {
            return Ok(text);
        }
        let Some(ReleaseFile { digest: Digest::Sha256(sha256), size }) =
            self.plain.filter(|_| self.compression != Compression::None)
        else {
            return self.fresh(host, source, by_hash);
        };
        let cancelled = |source: DownloadError, archive| Error::Download { archive, path: self.name(), source };
        let claim = claim::wait(host, Work::Unpack, &sha256);
        let claim = claim.map_err(|error| cancelled(error.into(), source.name.clone()))?;
        if let Some(text) = known()? {
            return Ok(text);
        }
        let text = self.fresh(host, source, by_hash)?;
        keep(host, &text, (sha256, size))?;
        drop(claim);
        Ok(text)
    }

    /// Its text, out of the file as it lies on the mirror.
    fn fresh(&self, host: &Host, source: &Source, by_hash: bool) -> Result<Vec<u8>, Error> {
        let blob = self.download(host, source, by_hash)?;
        self.decompress(host, &blob).map_err(|error| self.error(source, error))
    }

    fn download(&self, host: &Host, source: &Source, by_hash: bool) -> Result<StoredBlob, Error> {
        let name = source.path(&self.name());
        let ReleaseFile { digest, size } = self.file;
        let mut paths = Vec::new();
        if by_hash {
            // By its digest the file of this very Release, also while the mirror is half way to the next.
            let directory = name.rsplit_once('/').map_or(String::new(), |(directory, _)| format!("{directory}/"));
            paths.push(format!("{directory}by-hash/{}/{digest}", digest.algorithm()));
        }
        paths.push(name.clone());
        let mirrors = Mirrors::new(&source.mirrors);
        download(host, &Wanted { mirrors: &mirrors, paths: &paths, digest, size, stage: STAGE }).map_err(|error| {
            let archive = source.name.clone();
            let not_found = matches!(error, DownloadError::Transport { source: TransportError::NotFound, .. });
            if error.is_integrity() || not_found {
                Error::OutOfSync { archive, path: name, source: error }
            } else {
                Error::Download { archive, path: name, source: error }
            }
        })
    }

    /// Decompresses a verified index; the result is verified too where the Release names it.
    fn decompress(&self, host: &Host, blob: &StoredBlob) -> Result<Vec<u8>, IndexError> {
        let limits = &host.limits;
        let limit = self.plain.map_or(limits.index, |plain| plain.size);
        let bytes = read(blob).map_err(IndexError::Compression)?;
        if self.compression == Compression::None {
            return Ok(bytes);
        }
        let decoder = decoder(self.compression, &bytes[..], Allowance::within("limit `index`", limit, limits))
            .map_err(IndexError::Compression)?;
        let mut text = Vec::with_capacity(usize::try_from(limit).unwrap_or(0).min(bytes.len() * RATIO));
        host.cancel().reader(decoder).read_to_end(&mut text).map_err(IndexError::Compression)?;
        match self.plain {
            Some(plain) if plain.size != text.len() as u64 => {
                Err(IndexError::Mismatch(format!("it has {} bytes and should have {}", text.len(), plain.size)))
            }
            Some(plain) if !plain.digest.is_of(&text) => {
                Err(IndexError::Mismatch(format!("its {} is another", plain.digest.algorithm())))
            }
            _ => Ok(text),
        }
    }

    fn error(&self, source: &Source, error: IndexError) -> Error {
        Error::Index { archive: source.name.clone(), path: self.name(), source: error }
    }
}

/// Keeps a decompressed index, so that it is never decompressed again.
fn keep(host: &Host, text: &[u8], plain: (Sha256, u64)) -> Result<(), Error> {
    let mut writer = host.store.writer().map_err(Error::Store)?;
    writer
        .write_all(text)
        .map_err(|error| Error::Store(StoreError::Io { action: "write", path: "the cache".into(), source: error }))?;
    writer.commit(Some(plain)).map(drop).map_err(Error::Store)
}

fn read(blob: &StoredBlob) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(blob.size).map_err(std::io::Error::other)?];
    let mut done = 0;
    while done < bytes.len() {
        match blob.blob.read_at(&mut bytes[done..], done as u64)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => done += count,
        }
    }
    Ok(bytes)
}

/// The proofs of the releases, each with the indices that were read.
pub(super) fn proofs<'a>(
    releases: &[Opened],
    indices: impl Iterator<Item = (usize, &'a (String, Digest))>,
) -> Vec<Proof> {
    let mut proofs: Vec<Proof> = releases.iter().map(|release| release.proof.clone()).collect();
    for (archive, (name, digest)) in indices {
        proofs[archive].indices.insert(name.clone(), *digest);
    }
    proofs
}

impl Source {
    fn error(&self, reason: &str) -> Error {
        Error::Source { archive: self.name.clone(), reason: reason.to_owned() }
    }

    /// The directory of a flat repository below its base, with a slash at its end; empty for the base itself.
    pub(super) fn flat(&self) -> Option<&str> {
        self.suite.ends_with('/').then(|| self.suite.trim_start_matches("./").trim_start_matches('/'))
    }

    /// What its Release must be.
    fn expected<'a>(&'a self, at: At, limits: &crate::limits::Limits) -> Expected<'a> {
        let (keyring, suite, allow) = (&self.keyring, &self.suite, &self.allow);
        Expected { keyring, suite, at, allow, limits: *limits }
    }

    /// A path below a mirror's base, from one below the suite's directory.
    fn path(&self, below: &str) -> String {
        match self.flat() {
            Some(directory) => format!("{directory}{}", below.trim_start_matches("./")),
            None => format!("dists/{}/{below}", self.suite),
        }
    }

    /// What tells this source's records from others' in the store; the same for all mirrors of an archive, but not
    /// for two snapshots of it.
    fn key(&self) -> String {
        let mut identity = format!("{}\n{}\n{}\n", self.name, self.suite, Sha256::of(&self.keyring));
        if self.snapshot {
            identity += self.mirrors.first().map_or("", String::as_str);
        }
        Sha256::of(identity.as_bytes()).to_string()
    }
}
