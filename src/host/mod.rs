//! The outside world as values: network, store, trust, sandbox, reporter, clock.
//!
//! The only room that opens sockets, starts processes or touches the cache. Everything above it gets a [`Host`]
//! first and can be given any other: tests, benches and embedders bring their own.

pub mod apt;
pub mod beneath;
pub mod claim;
pub mod credentials;
pub mod download;
mod event;
#[cfg(feature = "testing")]
pub mod fault;
#[cfg(not(feature = "testing"))]
pub(crate) mod fault;
pub mod files;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "openpgp")]
pub mod openpgp;
pub mod lab;
pub mod output;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(feature = "sign")]
pub mod signing;
pub mod logins;
mod memory;
#[cfg(all(feature = "cli", target_env = "gnu", target_feature = "crt-static"))]
pub(crate) mod names;
pub mod registry;
mod spool;
pub mod store;
mod within;

use std::fmt;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

pub use beneath::Dir;
pub use claim::Claim;
pub use claim::Work;
pub use download::Pauses;
pub use event::Event;
pub use event::Reporter;
pub use event::Silent;
pub use event::Stage;
pub use memory::MemoryStore;
pub use memory::MemoryTransport;
pub use output::OutputError;
pub use output::Staging;
pub use spool::Spool;
pub use within::RunError;
pub use within::run_in;
pub use within::still_clock;

use crate::cancel::Cancel;
use crate::cancel::Cancelled;
use crate::digest::Sha256;
use crate::format::shown::shown as escaped;
use crate::format::signed::Signed;
use crate::kernel;
use crate::kernel::Modules;
use crate::limits::Limits;
use crate::tree::Blob;
use crate::tree::Tree;

/// Everything outside the program, gathered; cheap to clone, immutable.
#[derive(Clone)]
pub struct Host {
    /// Bytes of URLs.
    pub transport: Arc<dyn Transport>,
    /// Bytes by digest, kept between builds.
    pub store: Arc<dyn Store>,
    /// Whose signature counts.
    pub trust: Arc<dyn Trust>,
    /// Where foreign code may run; refuses by default.
    pub sandbox: Arc<dyn Sandbox>,
    /// Who is told, and who may cancel.
    pub reporter: Arc<dyn Reporter>,
    /// Seconds since 1970 by the host's clock. Judges `Valid-Until` and key validity; reaches no output.
    pub now: i64,
    /// Threads to use; at least 1. Reaches no output.
    pub jobs: usize,
    /// How long servers are left alone before they are asked once more. Reaches no output.
    pub pauses: Pauses,
    /// How much of what comes from outside is taken. The transport and the sandbox have their own copy of it.
    pub limits: Limits,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("now", &self.now).field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

/// Seconds since 1970 by this machine's clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "here the clock becomes a value")]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Host {
    /// A host with this network and this store; all else as a program has it that nobody has told anything: OpenPGP where
    /// it is built in, no sandbox, nobody who is told, the clock and the processors of the machine, the default limits.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, store: Arc<dyn Store>) -> Self {
        Self {
            transport,
            store,
            #[cfg(feature = "openpgp")]
            trust: Arc::new(openpgp::OpenPgp::default()),
            #[cfg(not(feature = "openpgp"))]
            trust: Arc::new(NoTrust),
            sandbox: Arc::new(NoSandbox),
            reporter: Arc::new(Silent),
            now: now(),
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            pauses: Pauses::default(),
            limits: Limits::DEFAULT,
        }
    }

    /// Asks the reporter whether to go on.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        let reporter = Arc::clone(&self.reporter);
        Cancel::when(move || reporter.is_cancelled())
    }

    /// The modules of a kernel of `tree`. What is read of them is kept in the store, by the modules' digests: the
    /// next build, or the next stage, does not decode them again.
    ///
    /// # Errors
    /// As [`Modules::read`].
    pub fn kernel_modules(&self, tree: &Tree, version: &str) -> Result<Modules, kernel::Error> {
        // The store only saves time: when it fails, the modules are read again.
        let recall = |key: &str| self.store.record("modules", key).ok().flatten();
        let keep = |key: &str, bytes: &[u8]| drop(self.store.set_record("modules", key, bytes));
        Modules::read_remembered(tree, version, self.jobs, (&self.limits, &self.cancel()), &recall, &keep)
    }
}

/// Bytes of a URL.
pub trait Transport: Send + Sync {
    /// Starts a download at `offset` bytes. The body may be longer, shorter or other than wanted: callers count
    /// and check it. A server that ignores the offset shows in [`Response::offset`].
    ///
    /// # Errors
    /// No bytes will come; the error says whether trying again can help.
    fn get(&self, url: &str, offset: u64) -> Result<Response, TransportError>;
}

/// The beginning of an answer.
pub struct Response {
    /// The body; idle and rate limits are the transport's, and appear as `io::Error`s.
    pub body: Box<dyn Read + Send>,
    /// Where in the file the body starts: the offset asked for, or 0.
    pub offset: u64,
    /// The file's whole length, when the server says it. A hint, never trusted.
    pub length: Option<u64>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("offset", &self.offset).field("length", &self.length).finish_non_exhaustive()
    }
}

/// Why no bytes came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The server has no such file (404, 410).
    #[error("not found")]
    NotFound,
    /// Another status that is no success.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// A redirect that is refused, with the reason.
    #[error("the server redirects to a refused place: {0}")]
    Redirect(String),
    /// Not a URL this transport fetches.
    #[error("not a usable URL: {0}")]
    Url(String),
    /// An answer that cannot be used: content encoding, a range that was not asked for.
    #[error("the server's answer cannot be used: {0}")]
    Protocol(String),
    /// `--offline`: nothing was asked.
    #[error("not in the cache, and offline")]
    Offline,
    /// The reporter ended the build.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    /// The server cannot prove who it is: its certificate is unknown, expired, or another's.
    #[error("the server cannot prove who it is: {0}")]
    Tls(String),
    /// Name, connection, or a limit of time.
    #[error("{0}")]
    Network(String),
}

impl TransportError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Network(_) => true,
            Self::Status(status) => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

/// Does `work` on every item in at most `jobs` threads at once; the results are in the order of the items.
pub fn in_parallel<T: Sync, R: Send>(jobs: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&at| at < items.len()) {
                    let result = work(&items[at]);
                    *results[at].lock().expect("nobody panics holding it") = Some(result);
                }
            });
        }
    });
    let done = |slot: Mutex<Option<R>>| slot.into_inner().expect("nobody panics holding it");
    results.into_iter().map(|slot| done(slot).expect("a scope ends when all items are done")).collect()
}

/// A URL without user and password, and without control characters, as it may be shown.
#[must_use]
pub fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    let separator = if scheme.is_empty() { "" } else { "://" };
    let shown = [scheme, separator, &rest[host..]].concat();
    escaped(&shown).chars().take(500).collect()
}

/// The transport of `--offline`: asks nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfflineTransport;

impl Transport for OfflineTransport {
    fn get(&self, _: &str, _: u64) -> Result<Response, TransportError> {
        Err(TransportError::Offline)
    }
}

/// Blobs by SHA-256, and small records; shared by builds, safe to lose.
///
/// A wrong blob cannot get in: [`StoreWriter::commit`] compares. A blob that was damaged since is found on
/// [`Store::get`], put aside and reported as absent. A record is what no digest names, so it must be the store's own
/// word ([`Store::record`]), or prove itself ([`Store::signed`]).
pub trait Store: Send + Sync {
    /// The blob of this digest, its bytes verified now; `None` when it is absent.
    ///
    /// # Errors
    /// The store cannot be read.
    fn get(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError>;

    /// The blob that should be of this digest, without a look at its bytes: for who reads a part of it and knows that
    /// part's own digest. `None` when it is absent.
    ///
    /// # Errors
    /// The store cannot be read.
    fn unverified(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        self.get(sha256)
    }

    /// Starts a new blob. Dropping the writer leaves nothing.
    ///
    /// # Errors
    /// The store cannot be written.
    fn writer(&self) -> Result<Box<dyn StoreWriter>, StoreError>;

    /// A small named record, such as a cached result. `kind` and `key` are `[a-z0-9._-]+`. One that this store has
    /// not written under this very name, whole and unchanged, is absent: what can be written by others, restored or
    /// shared is not believed.
    ///
    /// # Errors
    /// The store cannot be read.
    fn record(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces a record as a whole.
    ///
    /// # Errors
    /// The store cannot be written.
    fn set_record(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// A small named text that proves itself, such as a signed Release: it may be anybody's, so whoever reads it
    /// checks the signature. A damaged one is absent.
    ///
    /// # Errors
    /// The store cannot be read.
    fn signed(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces such a text as a whole.
    ///
    /// # Errors
    /// The store cannot be written.
    fn set_signed(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// Asks to be the only one who does this work, among all that have this store open. `None`: somebody else is at it.
    /// A store that nobody else has open, or that cannot be locked, says yes to all.
    fn claim(&self, _work: Work, _of: &Sha256) -> Option<Claim> {
        Some(Claim::default())
    }

    /// Waits until what other machines are to have is with them, or cannot be; a store of one machine has nothing to wait
    /// for.
    fn settle(&self) {}
}

/// A store of which only the blobs are used, by their digests: nothing that an earlier build has remembered, or that
/// somebody has put there, reaches what is made with it.
pub struct ContentOnly(pub Arc<dyn Store>);

impl fmt::Debug for ContentOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentOnly")
    }
}

impl Store for ContentOnly {
    fn get(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        self.0.get(sha256)
    }

    fn writer(&self) -> Result<Box<dyn StoreWriter>, StoreError> {
        self.0.writer()
    }

    fn record(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn set_record(&self, _: &str, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn signed(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.signed(kind, key)
    }

    fn set_signed(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.set_signed(kind, key, bytes)
    }

    fn settle(&self) {
        self.0.settle();
    }
}

/// A blob being written.
pub trait StoreWriter: Write + Send {
    /// Keeps what was written under its digest. When `expected` is given and differs in digest or size, nothing
    /// is kept and the error is [`StoreError::Mismatch`].
    ///
    /// # Errors
    /// A mismatch, or the store cannot be written.
    fn commit(self: Box<Self>, expected: Option<(Sha256, u64)>) -> Result<StoredBlob, StoreError>;
}

/// A blob that is in the store, open for reading; stays readable when the store is emptied meanwhile.
#[derive(Clone)]
pub struct StoredBlob {
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// Its bytes.
    pub blob: Arc<dyn Blob>,
}

impl fmt::Debug for StoredBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredBlob").field("sha256", &self.sha256).field("size", &self.size).finish_non_exhaustive()
    }
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What was written is not what was expected.
    #[error("expected {expected_size} bytes with SHA-256 {expected}, got {size} bytes with {sha256}")]
    Mismatch {
        /// Wanted digest.
        expected: Sha256,
        /// Wanted size.
        expected_size: u64,
        /// Digest of what came.
        sha256: Sha256,
        /// Size of what came.
        size: u64,
    },
    /// A part of it is not what it has to be.
    #[error("`{}` {reason}", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The file system said no.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// Attempted: `read`, `write`, `rename` …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Whose signature counts.
pub trait Trust: Send + Sync {
    /// Checks the OpenPGP signatures of `signed` against `keyring` (one or more certificates, armored or not, or a
    /// keybox of GnuPG). At least one good signature by a key that was valid when it signed and is valid at
    /// every time of `at`, in seconds since 1970; none that is bad from a known key. `None` is when each signature says
    /// that it was made.
    ///
    /// # Errors
    /// No such signature.
    fn verify(&self, signed: &Signed, keyring: &[u8], at: &[Option<i64>]) -> Result<Signatures, TrustError>;
}

/// The good signatures over a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// Fingerprints of the keys that made them (the certificates' primary keys), sorted.
    pub signers: Vec<String>,
    /// When the newest of them was made, in seconds since 1970.
    pub made: i64,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The signature is not OpenPGP, or it or the keyring is over a limit.
    #[error("malformed OpenPGP data: {0}")]
    Malformed(String),
    /// The keyring is none.
    #[error("the keyring cannot be used: {0}")]
    Keyring(String),
    /// A known key's signature does not fit the text.
    #[error("bad signature by key {0}: the text was changed after signing")]
    Bad(String),
    /// Only keys that are not in the keyring signed.
    #[error("no signature by a trusted key (signed by {})", .0.join(", "))]
    UnknownKey(Vec<String>),
    /// The key or the signature is expired, revoked or not yet valid.
    #[error("key {key} does not count: {reason}")]
    Expired {
        /// Fingerprint.
        key: String,
        /// In words.
        reason: String,
    },
    /// SHA-1, MD5, DSA, or RSA below 2048 bits.
    #[error("key {key} signed too weakly: {reason}")]
    Weak {
        /// Fingerprint.
        key: String,
        /// In words.
        reason: String,
    },
}

/// Who signs outputs.
pub trait Signer: Send + Sync {
    /// Names the key beside its signatures.
    fn key_id(&self) -> String;

    /// The signature over these bytes; the same every time.
    fn sign(&self, bytes: &[u8]) -> Vec<u8>;
}

/// A key whose signature under an output's provenance may count.
pub trait Verifier: Send + Sync {
    /// Names the key beside its signatures.
    fn key_id(&self) -> String;

    /// Whether `signature` is this key's over `bytes`.
    fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool;
}

/// Where a target system's own programs may run, confined.
pub trait Sandbox: Send + Sync {
    /// Makes a root directory from `input` (a tar stream), runs `command` in it as root of a namespace without
    /// network, and writes the resulting root as a tar stream to `output`. `log` gets the command's output.
    ///
    /// # Errors
    /// No such confinement here (never run unconfined instead), the command failed, or a limit was passed.
    fn run(
        &self,
        job: &SandboxJob,
        input: &mut (dyn Read + Send),
        output: &mut (dyn Write + Send),
        log: &mut (dyn Write + Send),
    ) -> Result<(), SandboxError>;
}

/// What to run in a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxJob {
    /// Program (absolute in the root) and arguments.
    pub command: Vec<String>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// Wall time after which everything is killed.
    pub timeout: std::time::Duration,
}

/// Why nothing ran, or why it does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// This host has no sandbox; says what is missing and what to do.
    #[error("{0}")]
    Unavailable(String),
    /// The command ended with this status.
    #[error("the command ended with {0}")]
    Failed(String),
    /// A limit (time, memory, processes, output) was passed.
    #[error("the command was stopped: {0}")]
    Limit(String),
    /// Feeding or reading the root failed.
    #[error("cannot exchange the root tree with the sandbox")]
    Io(#[source] io::Error),
}

/// The default sandbox: there is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSandbox;

/// The [`Trust`] of a library without OpenPGP: it trusts nobody.
#[cfg(not(feature = "openpgp"))]
struct NoTrust;

#[cfg(not(feature = "openpgp"))]
impl Trust for NoTrust {
    fn verify(&self, _: &Signed, _: &[u8], _: &[Option<i64>]) -> Result<Signatures, TrustError> {
        Err(TrustError::Keyring("the library was built without the feature `openpgp`, and was given no trust".into()))
    }
}

impl Sandbox for NoSandbox {
    fn run(
        &self,
        _: &SandboxJob,
        _: &mut (dyn Read + Send),
        _: &mut (dyn Write + Send),
        _: &mut (dyn Write + Send),
    ) -> Result<(), SandboxError> {
        Err(SandboxError::Unavailable("no sandbox was given to the library; nothing is run without one".into()))
    }
}
