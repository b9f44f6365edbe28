//! Getting a source's Release and indices: from the mirrors, or from the store.
//!
//! A verified flag belongs to bytes, never to a URL: each mirror's answer is judged for itself, and a mirror whose
//! answer does not count is passed over (CVE-2018-0501 was a flag that outlived the bytes).

use std::collections::BTreeMap;
use std::io::Read;

use crate::archive::Error;
use crate::archive::IndexError;
use crate::archive::Options;
use crate::archive::Proof;
use crate::archive::Release;
use crate::archive::ReleaseError;
use crate::archive::ReleaseFile;
use crate::archive::Source;
use crate::archive::proof::Signed;
use crate::archive::verify::VerifyError;
use crate::deb::date::day;
use crate::digest::Sha256;
use crate::format::compress::Compression;
use crate::format::compress::Limits;
use crate::format::compress::decoder;
use crate::host::Event;
use crate::host::Host;
use crate::host::StoreError;
use crate::host::StoredBlob;
use crate::host::TransportError;
use crate::host::download::DownloadError;
use crate::host::download::Mirrors;
use crate::host::download::Wanted;
use crate::host::download::download;
use crate::host::download::read_small;
use crate::host::redacted;

/// The stage whose progress this is.
const STAGE: &str = "index";

/// A Release that a trusted key signed and that passed every check; made here, and from a proof that proved itself.
#[derive(Debug)]
pub(super) struct VerifiedRelease {
    pub(super) release: Release,
    pub(super) proof: Proof,
}

/// One index to read.
#[derive(Debug)]
pub(super) struct WantedIndex {
    /// Without the suffix of its compression.
    pub(super) path: String,
    /// As it lies on the mirror.
    file: ReleaseFile,
    compression: Compression,
    /// Decompressed, when the Release names it.
    plain: Option<ReleaseFile>,
}

impl WantedIndex {
    /// Path below the suite's directory.
    fn name(&self) -> String {
        format!("{}{}", self.path, self.compression.suffix())
    }
}

/// Compressions, the preferred first: what costs least to get and read.
const COMPRESSIONS: [Compression; 4] = [Compression::Zstd, Compression::Xz, Compression::Gzip, Compression::None];

/// How much longer an index is than compressed, at most, in real archives: what is set aside at once.
const RATIO: usize = 16;

impl VerifiedRelease {
    /// The indices a source wants. A missing one is an error, never an empty archive.
    pub(super) fn indices(&self, source: &Source) -> Result<Vec<WantedIndex>, Error> {
        let mut indices = Vec::new();
        for component in &source.components {
            for architecture in &source.architectures {
                let path = format!("{component}/binary-{architecture}/Packages");
                let index = self.index(&path);
                let missing =
                    || Error::Release { archive: source.name.clone(), source: ReleaseError::Missing(path.clone()) };
                indices.push(index.ok_or_else(missing)?);
            }
            if self.release.architectures.iter().any(|name| name == "all") && !self.release.all_is_included {
                indices.extend(self.index(&format!("{component}/binary-all/Packages")));
            }
        }
        Ok(indices)
    }

    /// The indices that its proof names, by the digests there.
    pub(super) fn proved_indices(&self) -> Result<Vec<WantedIndex>, Error> {
        let wanted = |name: &String| {
            let packed = COMPRESSIONS.into_iter().filter(|&kind| kind != Compression::None);
            let stripped = packed.filter_map(|kind| Some((name.strip_suffix(kind.suffix())?, kind))).next();
            let (path, compression) = stripped.unwrap_or((name, Compression::None));
            let (file, plain) = (self.release.file(name)?, self.release.file(path));
            Some(WantedIndex { path: path.to_owned(), file, compression, plain })
        };
        let missing = |name: &String| Error::Release {
            archive: self.proof.name.clone(),
            source: ReleaseError::Missing(name.clone()),
        };
        self.proof.indices.keys().map(|name| wanted(name).ok_or_else(|| missing(name))).collect()
    }

    fn index(&self, path: &str) -> Option<WantedIndex> {
        let plain = self.release.file(path);
        COMPRESSIONS.into_iter().find_map(|compression| {
            let file = self.release.file(&format!("{path}{}", compression.suffix()))?;
            Some(WantedIndex { path: path.to_owned(), file, compression, plain })
        })
    }
}

/// Gets the Release of a source, from the first mirror that has one that counts.
pub(super) fn release(host: &Host, source: &Source, options: &Options) -> Result<VerifiedRelease, Error> {
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
    if !plain(&source.suite) {
        return Err(source.error(&format!("`{}` is no suite", source.suite)));
    }
    match source.components.iter().chain(&source.architectures).find(|name| !plain(name)) {
        Some(name) => Err(source.error(&format!("`{name}` is no component or architecture"))),
        None => Ok(()),
    }
}

fn from_mirror(host: &Host, source: &Source, options: &Options, mirror: &str) -> Result<VerifiedRelease, Error> {
    let mirrors = Mirrors::new(&[mirror.to_owned()]);
    let get = |name: &str| {
        let path = source.path(name);
        read_small(host, &mirrors, &path, host.limits.release).map_err(|error| Error::Download {
            archive: source.name.clone(),
            path,
            source: error,
        })
    };
    let signed = match get("InRelease") {
        Ok(text) => Signed { text, signature: None },
        // Only where there is no InRelease at all: one that does not count is not asked about again elsewhere.
        Err(Error::Download { source: DownloadError::Transport { source: TransportError::NotFound, .. }, .. }) => {
            Signed { signature: Some(get("Release.gpg")?), text: get("Release")? }
        }
        Err(error) => return Err(error),
    };
    let verified = judge(host, source, options, signed, false)?;
    remember(host, source, &verified)?;
    Ok(verified)
}

/// The newest Release the store knows, for who is offline. Its expiry is waived: nobody could serve a newer one.
fn from_store(host: &Host, source: &Source, options: &Options, path: &str) -> Result<VerifiedRelease, Error> {
    let record = host.store.signed("release", &source.key()).map_err(Error::Store)?;
    let Some(signed) = record.as_deref().and_then(Signed::from_bytes) else {
        let url = source.mirrors.first().map_or("", String::as_str);
        let url = format!("{}/{path}", redacted(url));
        let error = DownloadError::Transport { url, source: TransportError::Offline };
        return Err(Error::Download { archive: source.name.clone(), path: path.to_owned(), source: error });
    };
    judge(host, source, options, signed, true)
}

/// Everything that must hold before a Release counts.
fn judge(
    host: &Host,
    source: &Source,
    options: &Options,
    signed: Signed,
    offline: bool,
) -> Result<VerifiedRelease, Error> {
    let path = source.path(if signed.signature.is_some() { "Release.gpg" } else { "InRelease" });
    let verify = |at| {
        let (archive, path) = (source.name.clone(), path.clone());
        signed.verify(&*host.trust, &source.keyring, at, &host.limits).map_err(|error| match error {
            VerifyError::Framing(source) => Error::Framing { archive, path, source },
            VerifyError::Signature(source) => Error::Signature { archive, path, source },
        })
    };
    let (text, signers) = verify(if source.snapshot { None } else { Some(host.now) })?;
    let wrong = |error| Error::Release { archive: source.name.clone(), source: error };
    let release = Release::parse_within(&text, &host.limits).map_err(wrong)?;
    release.check_suite(&source.suite).map_err(wrong)?;
    let waived = match release.check_time(host.now) {
        Err(ReleaseError::Stale { until, .. }) if source.snapshot || offline => {
            warn_stale(host, source, until);
            true
        }
        other => other.map(|()| false).map_err(wrong)?,
    };
    if !source.snapshot {
        // A lock is proved at its Release's own date, for ever after: what does not count then makes no lock, and no build.
        verify(None)?;
        check_newest(host, source, options, &signed, release.date)?;
    }
    let proof = Proof {
        name: source.name.clone(),
        suite: source.suite.clone(),
        date: release.date,
        waived,
        signers,
        indices: BTreeMap::new(),
        text: signed.text,
        signature: signed.signature,
    };
    Ok(VerifiedRelease { release, proof })
}

fn warn_stale(host: &Host, source: &Source, until: i64) {
    let kind = if source.snapshot { "a snapshot" } else { "taken from the cache, offline" };
    let (name, until) = (&source.name, day(until));
    let message = format!("archive `{name}` is {kind}: that it expired on {until} is overlooked");
    host.reporter.event(&Event::Warning { message: &message });
}

/// Refuses a Release older than the newest seen: a replayed old state is signed as well as a new one. The newest is
/// kept as it was signed, not its date alone. So a cache that was restored from elsewhere counts, and none can claim
/// one that the archive never had.
fn check_newest(host: &Host, source: &Source, options: &Options, signed: &Signed, date: i64) -> Result<(), Error> {
    let key = source.key();
    let record = host.store.signed("newest", &key).map_err(Error::Store)?;
    let new = Signed::to_bytes(&signed.text, signed.signature.as_deref());
    if record.as_ref() == Some(&new) {
        return Ok(());
    }
    let seen = record.as_deref().and_then(Signed::from_bytes).and_then(|seen| {
        let (text, _) = seen.verify(&*host.trust, &source.keyring, None, &host.limits).ok()?;
        let release = Release::parse_within(&text, &host.limits).ok()?;
        release.check_suite(&source.suite).ok().map(|()| release.date)
    });
    match seen {
        Some(seen) if date < seen && !options.allow_older => {
            Err(Error::Release { archive: source.name.clone(), source: ReleaseError::Rollback { date, seen } })
        }
        Some(seen) if date <= seen => Ok(()),
        _ => host.store.set_signed("newest", &key, &new).map_err(Error::Store),
    }
}

fn remember(host: &Host, source: &Source, verified: &VerifiedRelease) -> Result<(), Error> {
    let proof = &verified.proof;
    let bytes = Signed::to_bytes(&proof.text, proof.signature.as_deref());
    let key = source.key();
    // Most builds find the archive as the last one did.
    if host.store.signed("release", &key).map_err(Error::Store)?.as_deref() == Some(&bytes) {
        return Ok(());
    }
    host.store.set_signed("release", &key, &bytes).map_err(Error::Store)
}

/// The text of one index, verified.
pub(super) fn index_text(
    host: &Host,
    source: &Source,
    release: &VerifiedRelease,
    index: &WantedIndex,
) -> Result<Vec<u8>, Error> {
    let max = host.limits.index;
    if index.file.size.max(index.plain.map_or(0, |plain| plain.size)) > max {
        return Err(index.error(source, IndexError::Limit { limit: "index", max }));
    }
    if let Some(plain) = index.plain
        && let Some(blob) = host.store.get(&plain.sha256).map_err(Error::Store)?
    {
        return read(&blob).map_err(|error| index.error(source, IndexError::Compression(error)));
    }
    let name = source.path(&index.name());
    let mut paths = Vec::new();
    if release.release.by_hash {
        // By its digest the file of this very Release, also while the mirror is half way to the next.
        let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
        paths.push(format!("{directory}/by-hash/SHA256/{}", index.file.sha256));
    }
    paths.push(name.clone());
    let mirrors = Mirrors::new(&source.mirrors);
    let wanted =
        Wanted { mirrors: &mirrors, paths: &paths, sha256: index.file.sha256, size: index.file.size, stage: STAGE };
    let blob = download(host, &wanted).map_err(|error| {
        let archive = source.name.clone();
        let is_another = matches!(
            error,
            DownloadError::Mismatch { .. }
                | DownloadError::TooBig { .. }
                | DownloadError::Transport { source: TransportError::NotFound, .. }
        );
        if is_another {
            Error::OutOfSync { archive, path: name, source: error }
        } else {
            Error::Download { archive, path: name, source: error }
        }
    })?;
    let text = decompress(host, &blob, index).map_err(|error| index.error(source, error))?;
    if let Some(plain) = index.plain
        && index.compression != Compression::None
    {
        keep(host, &text, plain)?;
    }
    Ok(text)
}

/// Decompresses a verified index; the result is verified too where the Release names it.
fn decompress(host: &Host, blob: &StoredBlob, index: &WantedIndex) -> Result<Vec<u8>, IndexError> {
    let limits = &host.limits;
    let limit = index.plain.map_or(limits.index, |plain| plain.size);
    let bytes = read(blob).map_err(IndexError::Compression)?;
    if index.compression == Compression::None {
        return Ok(bytes);
    }
    let decoder = decoder(index.compression, &bytes[..], Limits::within("limit `index`", limit, limits))
        .map_err(IndexError::Compression)?;
    let mut text = Vec::with_capacity(usize::try_from(limit).unwrap_or(0).min(bytes.len() * RATIO));
    host.cancel().reader(decoder).read_to_end(&mut text).map_err(IndexError::Compression)?;
    match index.plain {
        Some(plain) if plain.size != text.len() as u64 => {
            Err(IndexError::Mismatch(format!("it has {} bytes and should have {}", text.len(), plain.size)))
        }
        Some(plain) if Sha256::of(&text) != plain.sha256 => {
            Err(IndexError::Mismatch("its SHA-256 is another".to_owned()))
        }
        _ => Ok(text),
    }
}

/// Keeps a decompressed index, so that it is never decompressed again.
fn keep(host: &Host, text: &[u8], plain: ReleaseFile) -> Result<(), Error> {
    let mut writer = host.store.writer().map_err(Error::Store)?;
    writer
        .write_all(text)
        .map_err(|error| Error::Store(StoreError::Io { action: "write", path: "the cache".into(), source: error }))?;
    writer.commit(Some((plain.sha256, plain.size))).map(drop).map_err(Error::Store)
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
    releases: &[VerifiedRelease],
    indices: impl Iterator<Item = (usize, &'a WantedIndex)>,
) -> Vec<Proof> {
    let mut proofs: Vec<Proof> = releases.iter().map(|release| release.proof.clone()).collect();
    for (archive, index) in indices {
        proofs[archive].indices.insert(index.name(), index.file.sha256);
    }
    proofs
}

impl WantedIndex {
    fn error(&self, source: &Source, error: IndexError) -> Error {
        Error::Index { archive: source.name.clone(), path: self.name(), source: error }
    }
}

impl Source {
    fn error(&self, reason: &str) -> Error {
        Error::Source { archive: self.name.clone(), reason: reason.to_owned() }
    }

    /// A path below a mirror's base, from one below the suite's directory.
    fn path(&self, below: &str) -> String {
        format!("dists/{}/{below}", self.suite)
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
