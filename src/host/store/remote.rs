//! A store that several machines share, behind the one on this machine's disk.
//!
//! ```text
//! URL/sha256/ab/cdef….zst   a blob, compressed; its name is the digest of its bytes
//! URL/records/KIND/KEY      a record with its seal, as on the disk
//! ```
//!
//! What this machine lacks is looked for there before anything is made or fetched from a mirror; what it has is sent there
//! while the build goes on. Nothing that comes is trusted: bytes count by their digest, records by the seal of a key that
//! the machines share. Nothing is needed: what does not come is made here, and a server that fails again and again is not
//! asked any more. It may be slow, cut off, wrong or full, and costs a build its time and nothing else.

mod objects;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::io::Read as _;
use std::io::Write;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use object_store::Error as Refused;
use object_store::GetOptions;
use object_store::GetRange;
use object_store::ObjectStore;
use object_store::ObjectStoreExt as _;
use object_store::path::Path as Name;
use reqwest::Url;
use tokio::runtime::Runtime;

use super::DirStore;
use crate::cancel::Cancel;
use crate::digest::Sha256;
use crate::format::shown::shown;
use crate::host::Claim;
use crate::host::Event;
use crate::host::Reporter;
use crate::host::Stage;
use crate::host::Store;
use crate::host::StoreError;
use crate::host::StoreWriter;
use crate::host::StoredBlob;
use crate::host::Work;
use crate::host::redacted;
use crate::tree::Content;
use objects::objects;

/// Bytes of one request: few enough to be held in memory by each thread, and enough that requests do not cost.
const STEP: u64 = 8 << 20;
/// What is sent as a whole, and so held in memory, to servers that take no parts.
const WHOLE_MAX: u64 = 512 << 20;
/// For one request with its answer.
const REQUEST: Duration = Duration::from_secs(60);
/// After so many failures one after the other nothing is asked any more.
const FAILURES_MAX: u32 = 3;
/// How often a wait looks whether the build was ended meanwhile.
const CANCEL_STEP: Duration = Duration::from_millis(100);
/// zstd's level: what is sent costs little time beside the sending.
const LEVEL: i32 = 3;
/// The kinds of records, without their numbers, that say the same on every machine.
const SHARED: [&str; 4] = ["installed", "modules", "proved", "unpacked"];
/// The kind of the records of what was sent.
const SENT: &str = "sent-1";

/// Why a remote store cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// Not a URL of a kind that is known.
    #[error("`{url}` names no store that can be used: {reason}")]
    Url {
        /// As given, without a password.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The system gives no threads.
    #[error("cannot start threads for the store")]
    Threads(#[source] io::Error),
}

/// A [`Store`] on disk with a remote one behind it. What is not sent when it is dropped is not: see [`Store::settle`].
pub struct RemoteStore {
    local: Arc<DirStore>,
    remote: Arc<Remote>,
    /// What is to be sent; gone when the store goes.
    queue: Option<Queue>,
    sender: Option<JoinHandle<()>>,
}

/// Whether records of a kind say the same on every machine.
fn is_shared(kind: &str) -> bool {
    SHARED.contains(&kind.split('-').next().unwrap_or_default())
}

/// The way to the thread that sends.
#[derive(Clone)]
struct Queue {
    items: mpsc::Sender<Item>,
    left: Arc<Left>,
}

/// How many items are not sent yet.
#[derive(Default)]
struct Left {
    items: Mutex<usize>,
    fewer: Condvar,
}

impl Queue {
    fn send(&self, item: Item) {
        *self.left.items.lock().expect("nobody panics holding it") += 1;
        // The thread that sends ends after all that send to it.
        let _ = self.items.send(item);
    }
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteStore").field("url", &self.remote.url).finish_non_exhaustive()
    }
}

/// Something that every machine may want.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Blob(Sha256),
    Record(String, String),
}

impl Item {
    /// Its name below the URL.
    fn name(&self) -> String {
        match self {
            Self::Blob(sha256) => {
                let (shard, name) = super::blob_name(sha256);
                format!("sha256/{shard}/{name}.zst")
            }
            Self::Record(kind, key) => format!("records/{kind}/{key}"),
        }
    }
}

impl RemoteStore {
    /// Puts the store at `url` behind one on disk: `s3://BUCKET/PREFIX`, `gs://…`, `az://…`, or `http(s)://…` of a server
    /// that takes `PUT`. `options` are those of the servers' own tools, by the names of their variables in lower case
    /// (`aws_access_key_id`, `aws_endpoint` …). No blob that comes may have more bytes than `limit`.
    ///
    /// # Errors
    /// Not such a URL, or options that contradict each other. Nothing is asked of a server yet.
    pub fn open(
        local: DirStore,
        url: &str,
        options: &[(String, String)],
        limit: u64,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RemoteError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(RemoteError::Threads)?;
        let wrong = |reason: String| RemoteError::Url { url: redacted(url), reason };
        let parsed = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        let (objects, below, in_parts) = objects(&parsed, options).map_err(|error| wrong(error.to_string()))?;
        let cancel = local.cancel.clone();
        let remote = Arc::new(Remote {
            objects,
            below,
            in_parts,
            runtime,
            limit,
            cancel,
            reporter,
            url: redacted(url),
            reads: AtomicU32::new(0),
            writes: AtomicU32::new(0),
            is_off: AtomicBool::new(false),
            is_read_only: AtomicBool::new(false),
            asked: Mutex::default(),
        });
        let local = Arc::new(local);
        let (items, queued) = mpsc::channel();
        let left = Arc::<Left>::default();
        let (there, here, less) = (Arc::clone(&remote), Arc::clone(&local), Arc::clone(&left));
        let sender = std::thread::Builder::new().name("store".to_owned());
        let sender = sender.spawn(move || there.send_all(&here, &queued, &less));
        let sender = Some(sender.map_err(RemoteError::Threads)?);
        Ok(Self { local, remote, queue: Some(Queue { items, left }), sender })
    }

    fn send(&self, item: Item) {
        if let Some(queue) = &self.queue {
            queue.send(item);
        }
    }
}

impl Drop for RemoteStore {
    fn drop(&mut self) {
        self.remote.is_off.store(true, Ordering::Relaxed);
        drop(self.queue.take());
        if let Some(sender) = self.sender.take() {
            let _ = sender.join();
        }
    }
}

impl Store for RemoteStore {
    fn get(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        let item = Item::Blob(*sha256);
        if let Some(blob) = self.local.get(sha256)? {
            self.send(item);
            return Ok(Some(blob));
        }
        if !self.remote.is_new(&item) {
            return Ok(None);
        }
        self.remote.fetch(&self.local, sha256, &item.name())
    }

    fn unverified(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        let local = self.local.unverified(sha256)?;
        if local.is_some() {
            self.send(Item::Blob(*sha256));
            return Ok(local);
        }
        self.get(sha256)
    }

    fn writer(&self) -> Result<Box<dyn StoreWriter>, StoreError> {
        Ok(Box::new(Writer { local: self.local.writer()?, queue: self.queue.clone() }))
    }

    fn record(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let item = Item::Record(kind.to_owned(), key.to_owned());
        let known = self.local.record(kind, key)?;
        if !is_shared(kind) {
            return Ok(known);
        }
        if known.is_some() {
            self.send(item);
            return Ok(known);
        }
        if !self.remote.is_new(&item) {
            return Ok(None);
        }
        let bytes = self.remote.whole(&item.name(), super::RECORD_MAX);
        let value = bytes.as_deref().and_then(|bytes| self.local.opened(kind, key, bytes));
        if let Some(value) = value {
            self.local.set_record(kind, key, value)?;
        }
        Ok(value.map(<[u8]>::to_vec))
    }

    fn set_record(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.local.set_record(kind, key, bytes)?;
        if is_shared(kind) {
            self.send(Item::Record(kind.to_owned(), key.to_owned()));
        }
        Ok(())
    }

    fn signed(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.local.signed(kind, key)
    }

    fn set_signed(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.local.set_signed(kind, key, bytes)
    }

    fn claim(&self, work: Work, of: &Sha256) -> Option<Claim> {
        self.local.claim(work, of)
    }

    fn settle(&self) {
        let Some(Queue { left, .. }) = &self.queue else { return };
        let mut items = left.items.lock().expect("nobody panics holding it");
        if *items > 0 {
            self.remote.reporter.event(&Event::StageStarted { stage: Stage::Share, total: None });
            while *items > 0 {
                items = left.fewer.wait(items).expect("nobody panics holding it");
            }
            self.remote.reporter.event(&Event::StageFinished { stage: Stage::Share });
        }
    }
}

/// A blob on its way to the disk, and from there to the other machines.
struct Writer {
    local: Box<dyn StoreWriter>,
    queue: Option<Queue>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.local.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.local.flush()
    }
}

impl StoreWriter for Writer {
    fn commit(self: Box<Self>, expected: Option<(Sha256, u64)>) -> Result<StoredBlob, StoreError> {
        let blob = self.local.commit(expected)?;
        if let Some(queue) = self.queue {
            queue.send(Item::Blob(blob.sha256));
        }
        Ok(blob)
    }
}

/// The other machines' side.
struct Remote {
    objects: Box<dyn ObjectStore>,
    below: Name,
    /// Whether the server takes a file in parts.
    in_parts: bool,
    runtime: Runtime,
    limit: u64,
    cancel: Cancel,
    reporter: Arc<dyn Reporter>,
    /// For words.
    url: String,
    /// Failures one after the other, of what is read and of what is sent.
    reads: AtomicU32,
    writes: AtomicU32,
    is_off: AtomicBool,
    is_read_only: AtomicBool,
    /// What was asked for; what did not come then is not asked for again.
    asked: Mutex<BTreeSet<String>>,
}

impl Remote {
    /// Whether an item was never asked for.
    fn is_new(&self, item: &Item) -> bool {
        self.asked.lock().expect("nobody panics holding it").insert(item.name())
    }

    /// A blob that this machine lacks; `None`: nobody else has it either, or not whole.
    fn fetch(&self, local: &DirStore, sha256: &Sha256, name: &str) -> Result<Option<StoredBlob>, StoreError> {
        let Some(first) = self.part(name, 0) else { return Ok(None) };
        let writer = Bounded { inner: local.writer()?, left: self.limit };
        let Ok(mut decoder) = zstd::stream::write::Decoder::new(writer) else { return Ok(None) };
        let (mut part, mut at) = (first.0, 0);
        loop {
            at += part.len() as u64;
            if decoder.write_all(&part).is_err() {
                self.strange(name);
                return Ok(None);
            }
            if at >= first.1 {
                break;
            }
            part = match self.part(name, at) {
                Some((part, size)) if size == first.1 && !part.is_empty() => part,
                _ => return Ok(None),
            };
        }
        if decoder.flush().is_err() {
            return Ok(None);
        }
        let Bounded { inner, left } = decoder.into_inner();
        match inner.commit(Some((*sha256, self.limit - left))) {
            Ok(blob) => Ok(Some(blob)),
            Err(StoreError::Mismatch { .. }) => {
                self.strange(name);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A part of an object, and the size of the whole.
    fn part(&self, name: &str, at: u64) -> Option<(Vec<u8>, u64)> {
        let options = GetOptions { range: Some(GetRange::Bounded(at..at + STEP)), ..GetOptions::default() };
        let name = self.name(name);
        let got = async {
            let answer = self.objects.get_opts(&name, options).await?;
            let size = answer.meta.size;
            Ok((answer.bytes().await?, size))
        };
        self.ask(&self.reads, got).map(|(bytes, size)| (bytes.to_vec(), size))
    }

    /// All of a small object.
    fn whole(&self, name: &str, most: u64) -> Option<Vec<u8>> {
        let (mut bytes, size) = self.part(name, 0)?;
        while (bytes.len() as u64) < size && size <= most {
            let (more, same) = self.part(name, bytes.len() as u64)?;
            if more.is_empty() || same != size {
                return None;
            }
            bytes.extend(more);
        }
        (bytes.len() as u64 == size).then_some(bytes)
    }

    /// Sends what comes through the queue.
    fn send_all(&self, local: &DirStore, items: &mpsc::Receiver<Item>, left: &Left) {
        for item in items {
            self.send_new(local, &item);
            *left.items.lock().expect("nobody panics holding it") -= 1;
            left.fewer.notify_all();
        }
    }

    /// Sends an item that this machine has not sent before, and that is not there.
    fn send_new(&self, local: &DirStore, item: &Item) -> Option<()> {
        let name = item.name();
        let mark = Sha256::of(format!("{} {name}", self.url).as_bytes()).to_string();
        let is_over = self.is_off.load(Ordering::Relaxed) || self.is_read_only.load(Ordering::Relaxed);
        if is_over || self.cancel.is_cancelled() || matches!(local.record(SENT, &mark), Ok(Some(_))) {
            return None;
        }
        let name = self.name(&name);
        // Another secret's record of the same name is nothing to this machine, and goes.
        let is_there = matches!(item, Item::Blob(_)) && self.ask(&self.writes, self.is_there(&name))?;
        if !is_there {
            self.send(local, item, &name)?;
        }
        local.set_record(SENT, &mark, b"").ok()
    }

    async fn is_there(&self, name: &Name) -> Result<bool, Refused> {
        match self.objects.head(name).await {
            Err(Refused::NotFound { .. }) => Ok(false),
            answer => answer.map(|_| true),
        }
    }

    fn send(&self, local: &DirStore, item: &Item, name: &Name) -> Option<()> {
        match item {
            Item::Record(kind, key) => {
                let bytes = local.sealed(kind, key).ok().flatten()?;
                self.put(self.objects.put(name, bytes.into()))
            }
            Item::Blob(sha256) => {
                let blob = local.get(sha256).ok().flatten()?;
                let content = Content::from_blob(blob.blob, 0, blob.size, blob.sha256);
                let packed = tempfile::tempfile().ok()?;
                let mut encoder = zstd::Encoder::new(packed, LEVEL).ok()?;
                io::copy(&mut self.cancel.reader(content.reader()), &mut encoder).ok()?;
                let mut packed = encoder.finish().ok()?;
                io::Seek::rewind(&mut packed).ok()?;
                let size = packed.metadata().ok()?.len();
                let mut take = |most: u64| -> Option<Vec<u8>> {
                    let mut part = Vec::new();
                    (&mut packed).take(most).read_to_end(&mut part).ok()?;
                    Some(part)
                };
                if size <= STEP || !self.in_parts {
                    if size > WHOLE_MAX {
                        return None;
                    }
                    return self.put(self.objects.put(name, take(size)?.into()));
                }
                let mut upload = self.write(self.objects.put_multipart(name))?;
                let mut sent = Some(());
                while let Some(part) = take(STEP).filter(|part| !part.is_empty() && sent.is_some()) {
                    sent = self.write(upload.put_part(part.into()));
                }
                match sent {
                    Some(()) => self.put(upload.complete()),
                    None => self.ask(&self.writes, upload.abort()).and(None),
                }
            }
        }
    }

    fn put<T>(&self, work: impl Future<Output = Result<T, Refused>>) -> Option<()> {
        self.write(work).map(drop)
    }

    /// Asks for something to be written. Who may only read is told so once, and goes on reading.
    fn write<T>(&self, work: impl Future<Output = Result<T, Refused>>) -> Option<T> {
        let work = async {
            match work.await {
                Err(Refused::PermissionDenied { source, .. } | Refused::Unauthenticated { source, .. }) => {
                    Ok(Err(source.to_string()))
                }
                done => done.map(Ok),
            }
        };
        let reason = match self.ask(&self.writes, work)? {
            Ok(done) => return Some(done),
            Err(reason) => reason,
        };
        if !self.is_read_only.swap(true, Ordering::Relaxed) {
            self.tell(&format!("nothing is sent to the store <{}>: {}", self.url, shown(&reason)));
        }
        None
    }

    /// Waits for an answer. `None`: it is not there, cannot be had, or the build was ended.
    fn ask<T>(&self, failures: &AtomicU32, work: impl Future<Output = Result<T, Refused>>) -> Option<T> {
        if self.is_off.load(Ordering::Relaxed) {
            return None;
        }
        let answer = self.runtime.block_on(async {
            let mut work = pin!(tokio::time::timeout(REQUEST, work));
            loop {
                match tokio::time::timeout(CANCEL_STEP, &mut work).await {
                    Ok(answer) => return Some(answer),
                    Err(_) if self.cancel.is_cancelled() => return None,
                    Err(_) => {}
                }
            }
        });
        let failed = match answer? {
            Ok(Ok(answer)) => {
                failures.store(0, Ordering::Relaxed);
                return Some(answer);
            }
            Ok(Err(Refused::NotFound { .. })) => {
                failures.store(0, Ordering::Relaxed);
                return None;
            }
            Ok(Err(refused)) => refused.to_string(),
            Err(_) => format!("no answer within {} s", REQUEST.as_secs()),
        };
        if failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_MAX && !self.is_off.swap(true, Ordering::Relaxed) {
            let (url, reason) = (&self.url, shown(&failed));
            self.tell(&format!("the store <{url}> is not asked any more, and this build goes on without it: {reason}"));
        }
        None
    }

    /// What is not what its name says is not used.
    fn strange(&self, name: &str) {
        self.tell(&format!("the store <{}> has something else as `{name}`; it is not used", self.url));
    }

    fn tell(&self, message: &str) {
        self.reporter.event(&Event::Warning { message });
    }

    fn name(&self, name: &str) -> Name {
        name.split('/').fold(self.below.clone(), |path, part| path.join(part))
    }
}

/// A writer that takes so many bytes.
struct Bounded {
    inner: Box<dyn StoreWriter>,
    left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than any package has"));
        }
        let written = self.inner.write(bytes)?;
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
