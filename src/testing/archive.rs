//! Builds whole Debian archives in memory, signed by a test key, and serves them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::deb::date;
use crate::digest::Digest;
use crate::digest::Sha256;
use crate::digest::Sha512;
use crate::format::compress::Compression;
use crate::testing::DebBuilder;
use crate::testing::compressed;
use crate::testing::signer::Signing;
use crate::testing::signer::TestKey;

/// 2026-06-01, the date of archives that say nothing else.
pub const ARCHIVE_DATE: i64 = 1_780_272_000;

/// Builds an archive with one suite, by default of component `main` and architecture `amd64`.
#[derive(Debug, Clone)]
pub struct ArchiveBuilder {
    suite: String,
    fields: Vec<(String, String)>,
    date: i64,
    /// Component and architecture of the index that the next stanzas go into.
    place: (String, String),
    /// In the order of the places' first stanzas.
    stanzas: Vec<((String, String), Vec<String>)>,
    /// Of a flat repository, its directory.
    flat: Option<String>,
    sha512: bool,
    unserved: Vec<Compression>,
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
            place: ("main".to_owned(), "amd64".to_owned()),
            stanzas: vec![(("main".to_owned(), "amd64".to_owned()), Vec::new())],
            flat: None,
            sha512: false,
            unserved: Vec::new(),
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
        let (size, sum) = (bytes.len(), self.sum(&bytes));
        self.pool.insert(filename.clone(), bytes);
        let field = self.sums();
        self.stanza(&format!("{control}Filename: {filename}\nSize: {size}\n{field}: {sum}\n"))
    }

    /// The next packages and stanzas are of this component and architecture.
    #[must_use]
    pub fn place(mut self, component: &str, architecture: &str) -> Self {
        self.place = (component.to_owned(), architecture.to_owned());
        if !self.stanzas.iter().any(|(place, _)| *place == self.place) {
            self.stanzas.push((self.place.clone(), Vec::new()));
        }
        self
    }

    /// Without the index of `main` and `amd64`, where nothing was put into it.
    #[must_use]
    pub fn without_empty(mut self) -> Self {
        self.stanzas.retain(|(_, stanzas)| !stanzas.is_empty());
        self
    }

    /// A flat repository: one index, beside the Release, in this directory (empty, or with a slash at its end).
    #[must_use]
    pub fn flat(mut self, directory: &str) -> Self {
        self.flat = Some(directory.to_owned());
        self.without("Suite").without("Codename").without("Components").without("Acquire-By-Hash")
    }

    /// Names everything from now on by SHA-512 alone.
    #[must_use]
    pub const fn sha512(mut self) -> Self {
        self.sha512 = true;
        self
    }

    /// Lists the index in these compressions, and has none of them.
    #[must_use]
    pub fn unserved(mut self, compressions: &[Compression]) -> Self {
        self.unserved = compressions.to_vec();
        self
    }

    const fn sums(&self) -> &'static str {
        if self.sha512 { "SHA512" } else { "SHA256" }
    }

    fn sum(&self, bytes: &[u8]) -> Digest {
        if self.sha512 { Digest::Sha512(Sha512::of(bytes)) } else { Digest::Sha256(Sha256::of(bytes)) }
    }

    /// Adds a stanza to the index as it is.
    #[must_use]
    pub fn stanza(mut self, text: &str) -> Self {
        let place = self.place.clone();
        match self.stanzas.iter_mut().find(|(known, _)| *known == place) {
            Some((_, stanzas)) => stanzas.push(text.to_owned()),
            None => self.stanzas.push((place, vec![text.to_owned()])),
        }
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
        let _ = writeln!(text, "{}:", self.sums());
        for (path, bytes) in self.indices() {
            let _ = writeln!(text, " {} {} {path}", self.sum(&bytes), bytes.len());
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
        let directory = self.flat.clone().unwrap_or_else(|| format!("dists/{}/", self.suite));
        for (path, bytes) in self.indices() {
            let plain = path.ends_with("Packages");
            let unserved = self.unserved.iter().any(|kind| !plain && path.ends_with(kind.suffix()));
            if unserved || plain && self.compressions.len() > 1 {
                continue;
            }
            let parent = path.rsplit_once('/').map_or(String::new(), |(parent, _)| format!("{parent}/"));
            let sum = self.sum(&bytes);
            files.insert(format!("{directory}{parent}by-hash/{}/{sum}", sum.algorithm()), bytes.clone());
            files.insert(format!("{directory}{path}"), bytes);
        }
        let release = self.release();
        files.insert(format!("{directory}InRelease"), self.key.inline(&release, Signing::at(self.date)).into_bytes());
        files
    }

    /// The keyring with the certificate of who signs.
    #[must_use]
    pub fn keyring(&self) -> Vec<u8> {
        self.key.certificate()
    }

    fn indices(&self) -> Vec<(String, Vec<u8>)> {
        let texts: Vec<(String, String)> = if self.flat.is_some() {
            let all: Vec<&str> = self.stanzas.iter().flat_map(|(_, stanzas)| stanzas).map(String::as_str).collect();
            vec![("Packages".to_owned(), all.join("\n"))]
        } else {
            let path =
                |(component, architecture): &(String, String)| format!("{component}/binary-{architecture}/Packages");
            self.stanzas.iter().map(|(place, stanzas)| (path(place), stanzas.join("\n"))).collect()
        };
        let index = |path: &String, text: &String, kind: Compression| match kind {
            Compression::None => (path.clone(), text.clone().into_bytes()),
            kind => (format!("{path}{}", kind.suffix()), compressed(kind, text.as_bytes())),
        };
        let kinds = || self.unserved.iter().chain(&self.compressions).copied();
        texts.iter().flat_map(|(path, text)| kinds().map(move |kind| index(path, text, kind))).collect()
    }
}
