//! Builds whole Debian archives in memory, signed by a test key, and serves them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::io::Read;
use std::sync::Mutex;

use crate::deb::date;
use crate::digest::Sha256;
use crate::format::compress::Compression;
use crate::host::Response;
use crate::host::Transport;
use crate::host::TransportError;
use crate::testing::DebBuilder;
use crate::testing::compressed;
use crate::testing::signer::Signing;
use crate::testing::signer::TestKey;

/// 2026-06-01, the date of archives that say nothing else.
pub const ARCHIVE_DATE: i64 = 1_780_272_000;

/// Builds an archive with one suite, component `main`, architecture `amd64`.
#[derive(Debug, Clone)]
pub struct ArchiveBuilder {
    suite: String,
    fields: Vec<(String, String)>,
    date: i64,
    stanzas: Vec<String>,
    pool: BTreeMap<String, Vec<u8>>,
    compressions: Vec<Compression>,
    key: TestKey,
    edits: Vec<(String, String)>,
}

impl ArchiveBuilder {
    /// An empty suite of this name and codename.
    #[must_use]
    pub fn new(suite: &str) -> Self {
        let fields = [
            ("Origin", "Example"),
            ("Suite", suite),
            ("Codename", suite),
            ("Date", ""),
            ("Acquire-By-Hash", "yes"),
            ("No-Support-for-Architecture-all", "Packages"),
            ("Architectures", "all amd64"),
            ("Components", "main"),
        ];
        Self {
            suite: suite.to_owned(),
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            date: ARCHIVE_DATE,
            stanzas: Vec::new(),
            pool: BTreeMap::new(),
            compressions: vec![Compression::Xz, Compression::None],
            key: TestKey::trusted(),
            edits: Vec::new(),
        }
        .date(ARCHIVE_DATE)
    }

    /// Sets `Date`, and the time of the signature.
    #[must_use]
    pub fn date(mut self, seconds: i64) -> Self {
        self.date = seconds;
        self.field("Date", &date::format(seconds))
    }

    /// Sets a field of the Release file, in place of one of the same name.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(old, _)| old == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Leaves a field out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(old, _)| old != name);
        self
    }

    /// Adds a package: its .deb in the pool, its stanza in the index.
    #[must_use]
    pub fn package(self, deb: &DebBuilder) -> Self {
        self.deb(&deb.control(), deb.build())
    }

    /// Adds these bytes as the .deb of the package that this control file describes.
    #[must_use]
    pub fn deb(mut self, control: &str, bytes: Vec<u8>) -> Self {
        let value = |name: &str| {
            let line = control.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_default().to_owned()
        };
        let (name, version) = (value("Package"), value("Version").replace(':', "%3a"));
        let filename = format!("pool/main/{name}/{name}_{version}_{}.deb", value("Architecture"));
        let (size, sha256) = (bytes.len(), Sha256::of(&bytes));
        self.pool.insert(filename.clone(), bytes);
        self.stanza(&format!("{control}Filename: {filename}\nSize: {size}\nSHA256: {sha256}\n"))
    }

    /// Adds a stanza to the index as it is.
    #[must_use]
    pub fn stanza(mut self, text: &str) -> Self {
        self.stanzas.push(text.to_owned());
        self
    }

    /// In which compressions the index is there; [`Compression::None`] is listed in the Release and not served.
    #[must_use]
    pub fn compressions(mut self, compressions: &[Compression]) -> Self {
        self.compressions = compressions.to_vec();
        self
    }

    /// Who signs; [`TestKey::trusted`] if nobody else.
    #[must_use]
    pub fn key(mut self, key: TestKey) -> Self {
        self.key = key;
        self
    }

    /// Replaces a text in the Release file before it is signed.
    #[must_use]
    pub fn edit(mut self, from: &str, to: &str) -> Self {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// The text of the Release file.
    #[must_use]
    pub fn release(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.fields {
            let _ = writeln!(text, "{name}: {value}");
        }
        text += "SHA256:\n";
        for (path, bytes) in self.indices() {
            let _ = writeln!(text, " {} {} {path}", Sha256::of(&bytes), bytes.len());
        }
        for (from, to) in &self.edits {
            assert!(text.contains(from.as_str()), "the Release has no `{from}` to edit");
            text = text.replace(from.as_str(), to);
        }
        text
    }

    /// All files of the archive: path below its base URL → bytes.
    #[must_use]
    pub fn build(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.pool.clone();
        let directory = format!("dists/{}", self.suite);
        for (path, bytes) in self.indices() {
            if path.ends_with("Packages") && self.compressions.len() > 1 {
                continue;
            }
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            files.insert(format!("{directory}/{parent}/by-hash/SHA256/{}", Sha256::of(&bytes)), bytes.clone());
            files.insert(format!("{directory}/{path}"), bytes);
        }
        let release = self.release();
        files.insert(format!("{directory}/InRelease"), self.key.inline(&release, Signing::at(self.date)).into_bytes());
        files
    }

    /// The keyring with the certificate of who signs.
    #[must_use]
    pub fn keyring(&self) -> Vec<u8> {
        self.key.certificate()
    }

    fn indices(&self) -> Vec<(String, Vec<u8>)> {
        let text = self.stanzas.join("\n");
        let path = "main/binary-amd64/Packages";
        let index = |&kind: &Compression| match kind {
            Compression::None => (path.to_owned(), text.clone().into_bytes()),
            kind => (format!("{path}{}", kind.suffix()), compressed(kind, text.as_bytes())),
        };
        self.compressions.iter().map(index).collect()
    }
}

/// A [`Transport`] from memory that remembers what was asked for and can break off.
#[derive(Debug, Default)]
pub struct MemoryTransport {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// URL → how many bytes each of the next answers has before it breaks off.
    breaks: BTreeMap<String, Vec<usize>>,
    requests: Vec<(String, u64)>,
}

impl MemoryTransport {
    /// Serves nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves files below a base URL.
    #[must_use]
    pub fn serve(self, base: &str, files: BTreeMap<String, Vec<u8>>) -> Self {
        for (path, bytes) in files {
            self.put(&format!("{base}/{path}"), bytes);
        }
        self
    }

    /// Serves one file from now on, in place of an earlier one.
    pub fn put(&self, url: &str, bytes: impl Into<Vec<u8>>) {
        self.state().files.insert(url.to_owned(), bytes.into());
    }

    /// Serves a file no more.
    pub fn remove(&self, url: &str) {
        self.state().files.remove(url);
    }

    /// Lets the next answer for this URL that has no such order yet break off after so many bytes.
    pub fn break_off(&self, url: &str, after: usize) {
        self.state().breaks.entry(url.to_owned()).or_default().push(after);
    }

    /// What was asked for since the last call: URLs with offsets.
    pub fn take_requests(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut self.state().requests)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding it")
    }
}

impl Transport for MemoryTransport {
    fn get(&self, url: &str, offset: u64) -> Result<Response, TransportError> {
        let mut state = self.state();
        state.requests.push((url.to_owned(), offset));
        let file = state.files.get(url).cloned().ok_or(TransportError::NotFound)?;
        let length = Some(file.len() as u64);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(rest) = file.get(start..) else { return Err(TransportError::Status(416)) };
        let orders = state.breaks.get_mut(url).filter(|orders| !orders.is_empty());
        let body: Box<dyn Read + Send> = match orders.map(|orders| orders.remove(0)) {
            Some(after) => Box::new(io::Cursor::new(rest[..after.min(rest.len())].to_vec()).chain(Broken)),
            None => Box::new(io::Cursor::new(rest.to_vec())),
        };
        Ok(Response { body, offset, length })
    }
}

/// A connection that is gone.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection is gone"))
    }
}
