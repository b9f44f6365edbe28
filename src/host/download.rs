//! Getting one file whose digest is known: mirrors in turn, resumed, retried, counted, checked.
//!
//! Bytes go straight into a new blob of the store, which appears only when its size and digest are those wanted.
//! Where they came from then no longer matters. The store knows blobs by SHA-256; of what is named by SHA-512 a record
//! says which blob it was, and the blob is hashed again before that is believed.

use std::io;
use std::io::Read;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::cancel::Cancelled;
use crate::digest::Digest;
use crate::digest::Sha256;
use crate::digest::Sha512;
use crate::digest::Sha512State;
use crate::host::Event;
use crate::host::Host;
use crate::host::Stage;
use crate::host::StoreError;
use crate::host::StoreWriter;
use crate::host::StoredBlob;
use crate::host::TransportError;
use crate::host::Work;
use crate::host::claim;
use crate::host::redacted;
use crate::tree::Content;

/// How long a cancelled build may go on pausing.
const PAUSE_STEP: Duration = Duration::from_millis(50);

/// Failures after which a mirror is asked last: its next timeout would be one too many.
const FAILURES_MAX: usize = 3;

const BUFFER: usize = 64 << 10;

/// How long servers are left alone before they are asked once more; an empty list: they are not. Fixed times, so that a
/// build behaves the same every time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pauses {
    /// Before each further round over all mirrors, when none of them gave a file and one may have it later.
    pub downloads: Vec<Duration>,
    /// Before the Releases are asked for again when an index is not the one that they name: a mirror without by-hash in
    /// the middle of an update. Its Release comes last, often within seconds.
    pub releases: Vec<Duration>,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            downloads: [250, 1000, 4000].map(Duration::from_millis).to_vec(),
            releases: [1, 4].map(Duration::from_secs).to_vec(),
        }
    }
}

/// Base URLs that hold the same files, and how each has behaved.
#[derive(Debug)]
pub struct Mirrors {
    bases: Vec<String>,
    failures: Vec<AtomicUsize>,
}

impl Mirrors {
    /// Mirrors in order of preference; a slash at the end of a base is ignored.
    #[must_use]
    pub fn new(bases: &[String]) -> Self {
        let bases: Vec<String> = bases.iter().map(|base| base.trim_end_matches('/').to_owned()).collect();
        let failures = bases.iter().map(|_| AtomicUsize::new(0)).collect();
        Self { bases, failures }
    }

    /// Positions of the mirrors, those that keep failing last.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.bases.len()).collect();
        order.sort_by_key(|&mirror| self.failures[mirror].load(Ordering::Relaxed) >= FAILURES_MAX);
        order
    }
}

/// What to get.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where it may be.
    pub mirrors: &'a Mirrors,
    /// Its paths below each mirror's base, the best first.
    pub paths: &'a [String],
    /// What it is.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
    /// The stage whose progress it is.
    pub stage: Stage,
}

/// Why a file did not come.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The reporter said so.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    /// There is no mirror to ask.
    #[error("no mirror is given")]
    NoMirror,
    /// No answer that can be used.
    #[error("cannot download <{url}>")]
    Transport {
        /// Without user and password.
        url: String,
        /// Why.
        source: TransportError,
    },
    /// The answer stopped midway: a limit of time, a broken connection.
    #[error("the download of <{url}> broke off after {received} bytes")]
    Body {
        /// Without user and password.
        url: String,
        /// How far it came.
        received: u64,
        /// Why.
        source: io::Error,
    },
    /// More bytes than there may be; the rest was not read.
    #[error("<{url}> is larger than the {limit} bytes it may have{}", name.map(|name| format!(" (limit `{name}`)")).unwrap_or_default())]
    TooBig {
        /// Without user and password.
        url: String,
        /// Allowed.
        limit: u64,
        /// What that is called among the limits; nothing: it is what was signed for.
        name: Option<&'static str>,
    },
    /// Complete, and not what was signed for.
    #[error("<{url}> is not the file that was signed for")]
    Mismatch {
        /// Without user and password.
        url: String,
        /// Wanted and found.
        source: Box<StoreError>,
    },
    /// The same, of a file that is named by SHA-512.
    #[error("<{url}> is not the file that was signed for: its SHA-512 is another")]
    Other {
        /// Without user and password.
        url: String,
    },
    /// The store takes no more bytes: most often a full disk.
    #[error("cannot write a download to the cache")]
    Write(#[source] io::Error),
    /// The store failed.
    #[error("cannot keep a download in the cache")]
    Store(#[source] Box<StoreError>),
}

impl DownloadError {
    /// Whether a later try may succeed without anything being changed here.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Transport { source, .. } => source.is_retryable(),
            Self::Body { .. } => true,
            _ => false,
        }
    }

    /// Whether bytes came that are not those signed for.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::Mismatch { .. } | Self::Other { .. } | Self::TooBig { .. })
    }

    /// Whether trying elsewhere is useless.
    const fn is_final(&self) -> bool {
        matches!(self, Self::Cancelled(_) | Self::Write(_) | Self::Store(_))
    }

    /// Of several mirrors' errors the one that says most is reported.
    const fn weight(&self) -> u8 {
        match self {
            Self::NoMirror => 0,
            Self::Transport { source: TransportError::Offline, .. } => 1,
            Self::Transport { source: TransportError::NotFound, .. } => 2,
            Self::Transport { .. } => 3,
            Self::Body { .. } => 4,
            Self::TooBig { .. } => 5,
            Self::Mismatch { .. } | Self::Other { .. } => 6,
            Self::Cancelled(_) | Self::Write(_) | Self::Store(_) => 7,
        }
    }
}

/// Gets a file into the store, or finds it there.
///
/// # Errors
/// No mirror has it as signed for, the store failed, or the build was cancelled.
pub fn download(host: &Host, wanted: &Wanted<'_>) -> Result<StoredBlob, DownloadError> {
    let cached = |blob| {
        let (stage, done) = (wanted.stage, wanted.size);
        host.reporter.event(&Event::Cached { stage, done });
        host.reporter.event(&Event::StageProgress { stage, done });
        Ok(blob)
    };
    if let Some(blob) = stored(host, &wanted.digest).map_err(store_failed)? {
        return cached(blob);
    }
    let named = match &wanted.digest {
        Digest::Sha256(sha256) => *sha256,
        Digest::Sha512(sha512) => Sha256::of(sha512.to_string().as_bytes()),
    };
    let claim = claim::wait(host, Work::Download, &named)?;
    let got = match stored(host, &wanted.digest).map_err(store_failed)? {
        Some(blob) => cached(blob),
        None => fetch(host, wanted),
    };
    drop(claim);
    got
}

/// Gets a file from a mirror.
fn fetch(host: &Host, wanted: &Wanted<'_>) -> Result<StoredBlob, DownloadError> {
    let hash = matches!(wanted.digest, Digest::Sha512(_)).then(Sha512State::default);
    let mut download = Download { host, wanted, writer: None, hash, received: 0, resumed: false, told: 0 };
    over_mirrors(host, wanted.mirrors, wanted.paths, |url| download.from(url))
}

/// The kind of the records that say which blob is of a SHA-512. The blob is hashed again, so each proves itself.
const SHA512_RECORD: &str = "sha512";

/// The blob of this digest, as the store has it.
///
/// # Errors
/// The store cannot be read.
pub fn stored(host: &Host, digest: &Digest) -> Result<Option<StoredBlob>, StoreError> {
    let sha512 = match digest {
        Digest::Sha256(sha256) => return host.store.get(sha256),
        Digest::Sha512(sha512) => sha512,
    };
    let record = host.store.signed(SHA512_RECORD, &sha512.to_string())?;
    let sha256: Option<Sha256> = record.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    let Some(blob) = sha256.map(|sha256| host.store.get(&sha256)).transpose()?.flatten() else { return Ok(None) };
    let content = Content::from_blob(Arc::clone(&blob.blob), 0, blob.size, blob.sha256);
    let found = Sha512::of_reader(&mut content.reader()).ok();
    Ok((found == Some(*sha512)).then_some(blob))
}

/// Gets a small file whose digest is not known: the signed files themselves. At most `limit` bytes, the limit `release`.
///
/// # Errors
/// No mirror has it, it is larger, or the build was cancelled.
pub fn read_small(host: &Host, mirrors: &Mirrors, path: &str, limit: u64) -> Result<Vec<u8>, DownloadError> {
    over_mirrors(host, mirrors, &[path.to_owned()], |url| {
        let shown = || redacted(url);
        let answer = host.transport.get(url, 0).map_err(|source| DownloadError::Transport { url: shown(), source })?;
        let mut bytes = Vec::new();
        let read = answer.body.take(limit + 1).read_to_end(&mut bytes);
        let received = bytes.len() as u64;
        read.map_err(|source| DownloadError::Body { url: shown(), received, source })?;
        if received > limit {
            return Err(DownloadError::TooBig { url: shown(), limit, name: Some("release") });
        }
        Ok(bytes)
    })
}

/// Tries every path on every mirror, and again after a pause where that may help.
fn over_mirrors<T>(
    host: &Host,
    mirrors: &Mirrors,
    paths: &[String],
    mut attempt: impl FnMut(&str) -> Result<T, DownloadError>,
) -> Result<T, DownloadError> {
    let cancel = host.cancel();
    let order = mirrors.order();
    let mut places: Vec<(usize, &String)> =
        order.into_iter().flat_map(|mirror| paths.iter().map(move |path| (mirror, path))).collect();
    let mut worst = DownloadError::NoMirror;
    for round in 0..=host.pauses.downloads.len() {
        let mut left = Vec::new();
        for &(mirror, path) in &places {
            cancel.check()?;
            let url = format!("{}/{path}", mirrors.bases[mirror]);
            let error = match attempt(&url) {
                Ok(value) => {
                    mirrors.failures[mirror].store(0, Ordering::Relaxed);
                    return Ok(value);
                }
                Err(error) if error.is_final() => return Err(error),
                // A wait that was ended looks like a broken connection.
                Err(_) if cancel.is_cancelled() => return Err(Cancelled.into()),
                Err(error) => error,
            };
            if error.is_retryable() {
                mirrors.failures[mirror].fetch_add(1, Ordering::Relaxed);
                left.push((mirror, path));
                let (url, reason) = (redacted(&url), reason(&error));
                host.reporter.event(&Event::Retry { url: &url, reason: &reason });
            }
            if error.weight() >= worst.weight() {
                worst = error;
            }
        }
        places = left;
        if places.is_empty() {
            break;
        }
        if let Some(&duration) = host.pauses.downloads.get(round) {
            pause(host, duration)?;
        }
    }
    Err(worst)
}

fn store_failed(error: StoreError) -> DownloadError {
    DownloadError::Store(Box::new(error))
}

fn reason(error: &DownloadError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Waits, unless the build is cancelled meanwhile.
///
/// # Errors
/// Only [`DownloadError::Cancelled`].
pub fn pause(host: &Host, duration: Duration) -> Result<(), DownloadError> {
    let cancel = host.cancel();
    let mut left = duration;
    while !left.is_zero() {
        cancel.check()?;
        let step = left.min(PAUSE_STEP);
        std::thread::sleep(step);
        left -= step;
    }
    Ok(())
}

/// One file on its way, over several attempts.
struct Download<'a> {
    host: &'a Host,
    wanted: &'a Wanted<'a>,
    /// Has been given `received` bytes.
    writer: Option<Box<dyn StoreWriter>>,
    /// Of the same bytes, where the file is named by SHA-512.
    hash: Option<Sha512State>,
    received: u64,
    /// The bytes came in more than one answer, so they may be of different files.
    resumed: bool,
    /// Bytes already reported; what is fetched twice is progress once.
    told: u64,
}

impl Download<'_> {
    fn from(&mut self, url: &str) -> Result<StoredBlob, DownloadError> {
        match self.attempt(url) {
            // A file that changed between two answers is asked for once more as a whole before the mirror is blamed.
            Err(error) if error.is_integrity() && self.resumed => {
                self.restart();
                self.attempt(url).inspect_err(|_| self.restart())
            }
            Err(error) if !error.is_retryable() => {
                self.restart();
                Err(error)
            }
            result => result,
        }
    }

    fn restart(&mut self) {
        self.writer = None;
        self.hash = self.hash.take().map(|_| Sha512State::default());
        self.received = 0;
        self.resumed = false;
    }

    fn attempt(&mut self, url: &str) -> Result<StoredBlob, DownloadError> {
        let transport = |source| DownloadError::Transport { url: redacted(url), source };
        let answer = self.host.transport.get(url, self.received).map_err(transport)?;
        if answer.offset != self.received {
            self.restart();
            if answer.offset != 0 {
                return Err(transport(TransportError::Protocol("it starts in the middle".into())));
            }
        }
        self.resumed |= self.received > 0;
        self.receive(url, answer.body, answer.length)?;
        let writer = self.writer()?;
        let expected = match self.wanted.digest {
            Digest::Sha256(sha256) => Some((sha256, self.wanted.size)),
            Digest::Sha512(sha512) => {
                let found = self.hash.take().map(Sha512State::finish);
                self.hash = Some(Sha512State::default());
                if found != Some(sha512) || self.received != self.wanted.size {
                    return Err(DownloadError::Other { url: redacted(url) });
                }
                None
            }
        };
        match writer.commit(expected) {
            Ok(blob) => {
                if let Digest::Sha512(sha512) = self.wanted.digest {
                    let record = blob.sha256.to_string();
                    let kept = self.host.store.set_signed(SHA512_RECORD, &sha512.to_string(), record.as_bytes());
                    kept.map_err(store_failed)?;
                }
                Ok(blob)
            }
            Err(error @ StoreError::Mismatch { .. }) => {
                Err(DownloadError::Mismatch { url: redacted(url), source: Box::new(error) })
            }
            Err(error) => Err(store_failed(error)),
        }
    }

    /// The writer, taken; a new one when there is none.
    fn writer(&mut self) -> Result<Box<dyn StoreWriter>, DownloadError> {
        match self.writer.take() {
            Some(writer) => Ok(writer),
            None => self.host.store.writer().map_err(store_failed),
        }
    }

    fn receive(&mut self, url: &str, mut body: Box<dyn Read + Send>, length: Option<u64>) -> Result<(), DownloadError> {
        let mut writer = self.writer()?;
        let mut buffer = vec![0; BUFFER];
        let cancel = self.host.cancel();
        let broken = |received, source| DownloadError::Body { url: redacted(url), received, source };
        let result = loop {
            if let Err(cancelled) = cancel.check() {
                break Err(cancelled.into());
            }
            let count = match body.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Err(broken(self.received, error)),
            };
            if count == 0 {
                // Shorter than signed for. If it is all the server has, it is another file; else the rest is missing.
                let whole = self.received >= self.wanted.size || length == Some(self.received);
                let error = || broken(self.received, io::ErrorKind::UnexpectedEof.into());
                break if whole { Ok(()) } else { Err(error()) };
            }
            if self.received + count as u64 > self.wanted.size {
                break Err(DownloadError::TooBig { url: redacted(url), limit: self.wanted.size, name: None });
            }
            if let Err(source) = writer.write_all(&buffer[..count]) {
                break Err(DownloadError::Write(source));
            }
            if let Some(hash) = &mut self.hash {
                hash.write_all(&buffer[..count]).expect("a hash takes every byte");
            }
            self.received += count as u64;
            self.tell();
        };
        self.writer = Some(writer);
        result
    }

    fn tell(&mut self) {
        let new = self.received.saturating_sub(self.told);
        if new > 0 {
            self.told = self.received;
            self.host.reporter.event(&Event::StageProgress { stage: self.wanted.stage, done: new });
        }
    }
}
