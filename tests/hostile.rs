//! Hostile archives through a whole build: for each numbered case of SECURITY.md which error comes, with which exit
//! code, and that no output and nothing of it in the store is left. The stages' own tests look closer; here it is
//! shown that what they refuse is refused by a build.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use imgbuild::archive;
use imgbuild::archive::ReleaseError;
use imgbuild::configure::Method;
use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::format::compress::Compression;
use imgbuild::format::tar::EntryKind;
use imgbuild::format::tar::Header;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::TrustError;
use imgbuild::host::download::DownloadError;
use imgbuild::host::openpgp::OpenPgp;
use imgbuild::host::store::DirStore;
use imgbuild::pipeline;
use imgbuild::pipeline::Built;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::MemoryTransport;
use imgbuild::testing::ar_archive;
use imgbuild::testing::entry;
use imgbuild::testing::signer::HashAlgorithm;
use imgbuild::testing::signer::Signing;
use imgbuild::testing::signer::TestKey;
use imgbuild::testing::tar_archive;

const BASE: &str = "http://mirror.example.org/debian";
const DAY: i64 = 24 * 3600;

/// A recipe, an archive in memory, a store and a place for the output.
pub(crate) struct World {
    pub(crate) place: Place,
    pub(crate) transport: Arc<MemoryTransport>,
    pub(crate) now: i64,
}

/// A directory that goes with its owner, or somebody else's.
pub(crate) enum Place {
    Own(tempfile::TempDir),
    Given(PathBuf),
}

impl Place {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Own(directory) => directory.path(),
            Self::Given(path) => path,
        }
    }
}

impl World {
    /// Serves this archive to a recipe that asks for `hello`.
    pub(crate) fn new(archive: &ArchiveBuilder) -> Self {
        Self::at(archive, Place::Own(tempfile::tempdir().expect("a temporary directory")))
    }

    /// The same in a certain place.
    pub(crate) fn at(archive: &ArchiveBuilder, place: Place) -> Self {
        let recipe = "name = \"small\"\npackages = [\"hello\"]\n[debian]\nsuite = \"test\"\npockets = []\n\
                      signed-by = \"keys.asc\"\n[install]\nbase = \"essential\"\n";
        fs::write(place.path().join("small.toml"), recipe).expect("written");
        let world = Self { place, transport: Arc::new(MemoryTransport::new()), now: ARCHIVE_DATE + DAY };
        world.serve(archive);
        world.trust(&[TestKey::trusted()]);
        world
    }

    /// The archive of [`simple`] with another InRelease.
    fn with_release(text: impl Into<Vec<u8>>) -> Self {
        let world = Self::new(&simple());
        world.transport.put(&format!("{BASE}/dists/test/InRelease"), text);
        world
    }

    fn trust(&self, keys: &[TestKey]) {
        let keyring = keys.iter().map(TestKey::certificate).collect::<Vec<_>>().concat();
        fs::write(self.place.path().join("keys.asc"), keyring).expect("written");
    }

    fn serve(&self, archive: &ArchiveBuilder) {
        for (path, bytes) in archive.build() {
            self.transport.put(&format!("{BASE}/{path}"), bytes);
        }
    }

    pub(crate) fn host(&self) -> Result<Host, host::StoreError> {
        Ok(Host {
            transport: Arc::clone(&self.transport) as Arc<dyn host::Transport>,
            store: Arc::new(DirStore::open(self.place.path().join("cache"))?),
            trust: Arc::new(OpenPgp),
            sandbox: Arc::new(host::NoSandbox),
            reporter: Arc::new(host::Silent),
            now: self.now,
            jobs: 2,
        })
    }

    pub(crate) fn build(&self) -> Result<Built, Error> {
        self.build_on(&self.host()?, "out")
    }

    pub(crate) fn build_on(&self, host: &Host, output: &str) -> Result<Built, Error> {
        let recipe = recipe::load(&self.place.path().join("small.toml"))?;
        let mirrors = Mirrors { debian: vec![BASE.to_owned()], security: Vec::new() };
        let request = request(&recipe, &mirrors);
        pipeline::build(host, &request, &self.place.path().join(output))
    }

    /// Builds what must not be built: the error is of this class and gives this exit code, there is no output, and
    /// the store holds no blob but those that were signed for as they are.
    fn refused(&self, name: &str, wanted: &str, code: u8) -> Error {
        let Err(error) = self.build() else { panic!("{name}: it was built") };
        let text = chain(&error);
        assert_eq!(class(&error), wanted, "{name}: {text}");
        assert_eq!(error.exit_code(), code, "{name}: {text}");
        assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{name}: {text:?}");
        let left: Vec<String> = names(self.place.path());
        assert_eq!(left, ["cache", "keys.asc", "small.toml"], "{name}: something was left");
        let cache = self.place.path().join("cache");
        for directory in ["incoming", "damaged"] {
            assert_eq!(files(&cache.join(directory)), Vec::<PathBuf>::new(), "{name}: something in {directory}");
        }
        // What was decoded is remembered; whether it may be unpacked is judged every time.
        if !files(&cache.join("records/unpacked-1")).is_empty() {
            assert_eq!(class(&self.build().expect_err(name)), wanted, "{name}: the second time");
        }
        if wanted.starts_with("archive") && !wanted.ends_with("Index") {
            assert_eq!(files(&cache.join("sha256")), Vec::<PathBuf>::new(), "{name}: something was kept");
            assert_eq!(files(&cache.join("records")), Vec::<PathBuf>::new(), "{name}: it is remembered");
        }
        error
    }
}

/// An ordinary request.
pub(crate) fn request<'a>(recipe: &'a recipe::Recipe, mirrors: &'a Mirrors) -> Request<'a> {
    Request { method: Method::Native, ..Request::new(recipe, mirrors) }
}

/// The stage and the kind of an error.
fn class(error: &Error) -> String {
    let trust = |source: &TrustError| match source {
        TrustError::Malformed(_) => "Malformed",
        TrustError::Bad(_) => "Bad",
        TrustError::UnknownKey(_) => "UnknownKey",
        TrustError::Expired { .. } => "Expired",
        TrustError::Weak { .. } => "Weak",
        _ => "Other",
    };
    let release = |source: &ReleaseError| match source {
        ReleaseError::Syntax(_) | ReleaseError::Field { .. } => "Syntax",
        ReleaseError::NoStrongHash => "NoStrongHash",
        ReleaseError::Conflict(_) => "Conflict",
        ReleaseError::SuiteMismatch { .. } => "SuiteMismatch",
        ReleaseError::Stale { .. } => "Stale",
        ReleaseError::Future { .. } => "Future",
        ReleaseError::Rollback { .. } => "Rollback",
        _ => "Missing",
    };
    let download = |source: &DownloadError| match source {
        DownloadError::TooBig { .. } => "TooBig",
        DownloadError::Mismatch { .. } => "Mismatch",
        DownloadError::Body { .. } => "Broken",
        DownloadError::Transport { .. } => "Transport",
        _ => "Other",
    };
    match error {
        Error::Archive(error) => match &**error {
            archive::Error::Framing { .. } => "archive Framing".to_owned(),
            archive::Error::Signature { source, .. } => format!("archive {}", trust(source)),
            archive::Error::Release { source, .. } => format!("archive {}", release(source)),
            archive::Error::Download { source, .. } => format!("archive {}", download(source)),
            archive::Error::Index { .. } => "archive Index".to_owned(),
            other => format!("archive {other:?}"),
        },
        Error::Fetch(error) => match &**error {
            imgbuild::fetch::Error::Download { source, .. } => format!("fetch {}", download(source)),
            other => format!("fetch {other:?}"),
        },
        Error::Solve(_) => "solve".to_owned(),
        Error::Unpack(_) => "unpack".to_owned(),
        Error::Recipe(_) => "recipe".to_owned(),
        other => format!("{other:?}"),
    }
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The names in a directory, sorted; none when there is none.
#[expect(clippy::disallowed_methods, reason = "sorted here")]
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// All files below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let below = |name: String| {
        let path = directory.join(name);
        let is_directory = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        if is_directory { files(&path) } else { vec![path] }
    };
    names(directory).into_iter().flat_map(below).collect()
}

pub(crate) fn hello() -> DebBuilder {
    DebBuilder::new("hello", "1.0-1", "amd64").file("/usr/share/hello/greeting", 0o644, "hello, world\n")
}

pub(crate) fn simple() -> ArchiveBuilder {
    ArchiveBuilder::new("test").package(&hello())
}

fn signed(text: &str) -> String {
    TestKey::trusted().inline(text, Signing::at(ARCHIVE_DATE))
}

/// What is not hostile is built: without this every test below would prove nothing.
#[test]
fn an_honest_archive_is_built() {
    let world = World::new(&simple());
    let built = world.build().unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(built.outputs.iter().any(|output| output.path == "root.tar"));
    assert_eq!(names(world.place.path()), ["cache", "keys.asc", "out", "small.toml"]);
    let tree = fs::read_to_string(world.place.path().join("out/tree.txt")).expect("it is there");
    assert!(tree.contains("/usr/share/hello/greeting"), "{tree}");
}

#[test]
fn cases_1_to_5_9_13_28_and_32_frames() {
    let good = signed(&simple().release());
    let bad = [
        ("1 text before", format!("Origin: evil\n{good}")),
        ("2 text after", format!("{good}Suite: evil\n")),
        ("2 text in the armor", good.replace("-----END PGP SIGNATURE", "Suite: evil\n-----END PGP SIGNATURE")),
        ("3 two messages", format!("{good}{good}")),
        ("3 nested", good.replace("Origin:", &format!("{good}Origin:"))),
        ("4 words after BEGIN", good.replace("SIGNED MESSAGE-----", "SIGNED MESSAGE-----evil")),
        ("4 no blank line", good.replace("SHA256\n\n", "SHA256\n")),
        ("4 not closed", good.replace("-----END PGP SIGNATURE-----", "")),
        ("5 field among the headers", good.replace("Hash: SHA256\n", "Hash: SHA256\nSuite: evil\n")),
        ("28 unsigned", simple().release()),
        ("32 login page", "<html>Please log in</html>".to_owned()),
    ];
    for (name, text) in bad {
        World::with_release(text).refused(name, "archive Framing", 3);
    }
    let text = simple().release();
    let signature = TestKey::trusted().detached(text.as_bytes(), Signing::at(ARCHIVE_DATE));
    let detached = |signature: String, release: String| {
        let world = World::new(&simple());
        world.transport.remove(&format!("{BASE}/dists/test/InRelease"));
        world.transport.put(&format!("{BASE}/dists/test/Release"), release);
        world.transport.put(&format!("{BASE}/dists/test/Release.gpg"), signature);
        world
    };
    detached(signature.clone(), text.clone()).build().expect("the detached form is good");
    let payload = detached(format!("Suite: evil\n{signature}"), text.clone());
    payload.refused("9 payload before", "archive Framing", 3);
    let payload = detached(format!("{signature}Suite: evil\n"), text.clone());
    payload.refused("9 payload after", "archive Framing", 3);
    let changed = detached(signature, text);
    changed.transport.put(&format!("{BASE}/dists/test/InRelease"), good.replace("Example", "Evil"));
    changed.refused("13 no falling back", "archive Bad", 3);
}

#[test]
fn cases_7_10_to_12_and_14_to_16_signatures() {
    let text = simple().release();
    let at = Signing::at(ARCHIVE_DATE);
    let by = |key: &TestKey, signing: Signing| {
        let world = World::with_release(key.inline(&text, signing));
        world.trust(&[TestKey::trusted(), key.clone()]);
        world
    };
    let sha1 = Signing { hash: HashAlgorithm::Sha1, ..at };
    by(&TestKey::rsa(), sha1).refused("10 SHA-1", "archive Weak", 3);
    by(&TestKey::weak(), at).refused("10 RSA-1024", "archive Weak", 3);
    by(&TestKey::revoked(), at).refused("11 revoked", "archive Expired", 3);
    let expired = Signing { expires: Some(3600), ..at };
    by(&TestKey::trusted(), expired).refused("11 expired signature", "archive Expired", 3);
    by(&TestKey::trusted(), Signing::at(ARCHIVE_DATE + 9 * DAY)).refused("11 future signature", "archive Expired", 3);
    let late = World { now: ARCHIVE_DATE + 3600 * DAY, ..World::new(&simple()) };
    late.refused("11 expired key", "archive Expired", 3);
    let unknown = World::with_release(TestKey::other().inline(&text, at));
    unknown.refused("7 another key", "archive UnknownKey", 3);
    let good = signed(&text);
    let block = good[good.find("-----BEGIN PGP SIGNATURE").expect("signed")..].to_owned();
    World::with_release(good.clone() + &block.repeat(40)).refused("15 a flood", "archive Malformed", 3);
    World::with_release(good.clone() + &"\n".repeat(10 << 20)).refused("15 endless", "archive TooBig", 3);
    let crowd = World::new(&simple());
    crowd.trust(&vec![TestKey::trusted(); 8000]);
    crowd.refused("16 a crowd of keys", "archive Malformed", 3);
    let other = TestKey::other().inline(&text, at);
    let other = &other[other.find("-----BEGIN PGP SIGNATURE").expect("signed")..];
    World::with_release(good.clone() + other).build().expect("12: an unknown key beside a known one");
    World::with_release(good.replace('\n', "\r\n")).build().expect("14: line ends do not count");
}

#[test]
fn cases_17_to_27_and_79_releases() {
    let date = |days: i64| imgbuild::deb::date::format(ARCHIVE_DATE + days * DAY);
    let digest = Sha256::of(b"");
    let line = |line: String| simple().edit("SHA256:\n", &format!("SHA256:\n {line}\n"));
    let bad = [
        ("17 freeze", simple().field("Valid-Until", &date(0)), "Stale"),
        ("18 future", simple().date(ARCHIVE_DATE + DAY + 11), "Future"),
        ("19 no date", simple().without("Date"), "Syntax"),
        ("19 junk date", simple().field("Date", "Thu, 99 Foo 99999 00:00:00 UTC"), "Syntax"),
        ("21 another suite", simple().field("Suite", "x").field("Codename", "y"), "SuiteMismatch"),
        ("22 only MD5", simple().edit("SHA256:", "MD5Sum:"), "NoStrongHash"),
        ("22 not hexadecimal", line(format!("{} 0 x", "z".repeat(64))), "Syntax"),
        ("23 two sums", line(format!("{digest} 0 main/binary-amd64/Packages.xz")), "Conflict"),
        ("23 doubled field", simple().edit("Codename: test\n", "Codename: test\nSuite: evil\n"), "Syntax"),
        ("25 negative size", line(format!("{digest} -1 x")), "Syntax"),
        ("25 size of 2^64", line(format!("{digest} 18446744073709551616 x")), "Syntax"),
    ];
    for (name, archive, wanted) in bad {
        World::new(&archive).refused(name, &format!("archive {wanted}"), 3);
    }
    // Nothing of another architecture's index is looked at; only what was seen is remembered.
    let empty = World::new(&simple().edit("binary-amd64", "binary-arm64")).build().expect_err("27");
    assert_eq!((class(&empty).as_str(), empty.exit_code()), ("archive Missing", 3));
    World::new(&line(format!("{digest} 0 ../../etc/passwd"))).build().expect("24: a path that nobody asks for");
    let sum = simple().release();
    let sum = sum.lines().last().and_then(|line| line.split(' ').nth(1)).expect("a sum");
    World::new(&simple().edit(sum, &sum.to_uppercase())).build().expect("26: a digest's value counts");

    let world = World::new(&simple());
    world.build().expect("the newest");
    fs::remove_dir_all(world.place.path().join("out")).expect("removed");
    world.serve(&simple().date(ARCHIVE_DATE - DAY));
    let error = world.build().expect_err("20: a replay");
    assert_eq!((class(&error).as_str(), error.exit_code()), ("archive Rollback", 3));
    assert!(!world.place.path().join("out").exists());

    let years = 10 * 365 * DAY;
    let back = World { now: ARCHIVE_DATE - years, ..World::new(&simple()) };
    back.refused("79 ten years back", "archive Expired", 3);
    let other_key = simple().key(TestKey::other());
    let forth = World { now: ARCHIVE_DATE + years, ..World::new(&other_key.field("Valid-Until", &date(7))) };
    forth.trust(&[TestKey::other()]);
    forth.refused("79 ten years on", "archive Stale", 3);
}

#[test]
fn cases_29_31_33_39_and_48_files_that_are_not_as_signed_for() {
    let index = format!("{BASE}/dists/test/main/binary-amd64/Packages.xz");
    let archive = simple().field("Acquire-By-Hash", "no");
    let good = archive.build()["dists/test/main/binary-amd64/Packages.xz"].clone();
    let older = ArchiveBuilder::new("test").package(&hello().field("Version", "0.9")).build();
    let bad = [
        ("29 longer", [&good[..], b"x"].concat(), "TooBig"),
        ("31 shorter", good[..good.len() - 1].to_vec(), "Mismatch"),
        ("33 older", older["dists/test/main/binary-amd64/Packages.xz"].clone(), ""),
        ("empty", Vec::new(), "Mismatch"),
    ];
    for (name, bytes, wanted) in bad {
        let world = World::new(&archive);
        world.transport.put(&index, bytes);
        let error = world.build().expect_err(name);
        assert!(class(&error).starts_with(&format!("archive {wanted}")) && error.exit_code() == 3, "{name}: {error:?}");
        assert_eq!(files(&world.place.path().join("cache/sha256")), Vec::<PathBuf>::new(), "{name}");
        assert!(!world.place.path().join("out").exists(), "{name}");
    }
    let bomb = simple().stanza(&" ".repeat(1 << 20));
    let text = bomb.release();
    let size = text.lines().last().and_then(|line| line.split(' ').nth(2)).expect("a size").to_owned();
    World::new(&bomb.edit(&format!(" {size} main"), " 100 main")).refused("39 a bomb", "archive Index", 3);

    let deb = format!("{BASE}/pool/main/hello/hello_1.0-1_amd64.deb");
    let good = hello().build();
    let bad = [
        ("48 another package", hello().field("Depends", "evil").build(), ""),
        ("48 page", b"<html>".to_vec(), "Mismatch"),
        ("48 longer", [&good[..], b"x"].concat(), "TooBig"),
        ("48 cut", good[..100].to_vec(), "Mismatch"),
    ];
    for (name, bytes, wanted) in bad {
        let world = World::new(&simple());
        world.transport.put(&deb, bytes);
        let error = world.build().expect_err(name);
        assert!(class(&error).starts_with(&format!("fetch {wanted}")) && error.exit_code() == 3, "{name}: {error:?}");
        assert!(!world.place.path().join("out").exists(), "{name}");
        let store = world.host().expect("a store").store;
        assert!(store.get(&Sha256::of(&good)).expect("readable").is_none(), "{name}");
    }
}

#[test]
fn cases_40_to_47_stanzas() {
    let digest = Sha256::of(b"");
    let good = |more: &str| {
        format!(
            "Package: hello\nVersion: 9\nArchitecture: amd64\nFilename: pool/x.deb\nSize: 5\nSHA256: {digest}\n{more}"
        )
    };
    let unusable = [
        ("40 up", good("").replace("pool/x.deb", "../../etc/passwd")),
        ("40 escapes", good("").replace("pool/x.deb", "pool/%2e%2e/x.deb")),
        ("40 another host", good("").replace("pool/x.deb", "http://evil.example.org/x.deb")),
        ("41 no digest", good("").replace("SHA256", "MD5sum")),
        ("41 size of 2^64", good("").replace("Size: 5", "Size: 18446744073709551616")),
        ("43 doubled field", good("Filename: pool/evil.deb\n")),
        ("44 NUL", good("Description: \0\n")),
        ("44 long line", good(&format!("Description: {}\n", "x".repeat(2 << 20)))),
        ("45 malformed", good("Depends: a (>> ), | b\n")),
        ("45 missing", good("Depends: nowhere\n")),
        ("45 alternatives", good(&format!("Depends: {}\n", vec!["nowhere"; 10_000].join(" | ")))),
    ];
    for (name, stanza) in unusable {
        let world = World::new(&ArchiveBuilder::new("test").stanza(&stanza));
        let error = world.build().expect_err(name);
        assert_eq!((class(&error).as_str(), error.exit_code()), ("solve", 1), "{name}: {error:?}");
        assert!(!world.place.path().join("out").exists(), "{name}");
    }
    let malformed = [
        ("42 name", good("").replace("Package: hello", "Package: ../hello")),
        ("42 version", good("").replace("Version: 9", "Version: 1/../../x")),
        ("42 architecture", good("").replace("amd64", "../amd64")),
        (
            "43 another digest",
            format!("{}\n{}", good(""), good("").replace(&digest.to_string(), &Sha256::of(b"x").to_string())),
        ),
    ];
    for (name, stanza) in malformed {
        World::new(&ArchiveBuilder::new("test").stanza(&stanza)).refused(name, "archive Index", 3);
    }
    // Circles are no errors: dpkg breaks them, and so does the order here.
    let circle = ArchiveBuilder::new("test")
        .package(&hello().field("Depends", "other, hello"))
        .package(&DebBuilder::new("other", "1", "all").field("Depends", "hello"));
    World::new(&circle).build().expect("45: a circle, and a package that depends on itself");
}

/// An archive whose only hostile part is the .deb of `hello`.
fn with_deb(bytes: Vec<u8>) -> World {
    World::new(&ArchiveBuilder::new("test").deb(&hello().control(), bytes))
}

fn with_member(name: &str, body: &[u8]) -> World {
    let mut members = hello().members();
    match members.iter().position(|(old, _)| old == name) {
        Some(at) => members[at].1 = body.to_vec(),
        None => members.insert(2, (name.into(), body.to_vec())),
    }
    with_deb(ar_archive(&members))
}

#[test]
fn cases_35_and_49_to_55_whole_debs() {
    let other = hello().field("Version", "2.0").build();
    with_deb(other).refused("49 another version", "unpack", 1);
    let other = hello().field("Depends", "nothing").build();
    with_deb(other).refused("49 other dependencies", "unpack", 1);
    let gzip = hello().compression(Compression::Gzip).members();
    with_member("data.tar.xz", &gzip[2].1).refused("35 gzip called xz", "unpack", 1);
    with_member("other", b"x").refused("50 another member", "unpack", 1);
    with_member("debian-binary", b"3.0\n").refused("55 another format", "unpack", 1);
    with_deb(b"0.939000\n7\nABCDEFG".to_vec()).refused("55 the old format", "unpack", 1);
    let good = hello().build();
    for (name, from, to) in [
        ("50 negative size", &good[56..66].to_vec(), &b"-60       "[..]),
        ("50 hexadecimal size", &good[56..66].to_vec(), b"0x4       "),
        ("50 huge size", &good[56..66].to_vec(), b"9999999999"),
    ] {
        assert_eq!(from.len(), to.len());
        let mut bytes = good.clone();
        bytes[56..66].copy_from_slice(to);
        with_deb(bytes).refused(name, "unpack", 1);
    }
    let control = |text: &str| {
        hello().control_tar(tar_archive(&[(entry("./control", EntryKind::File), text.as_bytes().to_vec())])).build()
    };
    let text = hello().control();
    for (name, text) in [
        ("51 NUL", text.replace("hello", "he\0llo")),
        ("51 line ends", text.replace('\n', "\r\n")),
        ("51 doubled field", format!("{text}Version: 3\n")),
        ("51 format string", text.replace("hello", "%s%n")),
    ] {
        with_deb(control(&text)).refused(name, "unpack", 1);
    }
    let with_control = |header: Header| {
        let control = (entry("./control", EntryKind::File), text.clone().into_bytes());
        with_deb(hello().control_tar(tar_archive(&[control, (header, Vec::new())])).build())
    };
    for (name, header) in [
        ("52 control twice", entry("control", EntryKind::File)),
        ("52 link", Header { link: b"/etc/passwd".to_vec(), ..entry("./postinst", EntryKind::Symlink) }),
        ("52 pipe", entry("./postinst", EntryKind::Fifo)),
        ("52 out of it", entry("./../postinst", EntryKind::File)),
        ("52 dpkg's own list", entry("./list", EntryKind::File)),
    ] {
        with_control(header).refused(name, "unpack", 1);
    }
    let bomb = hello().field("Installed-Size", "1").file("/zeros", 0o644, vec![0; 300 << 20]);
    let bomb = World::new(&ArchiveBuilder::new("test").package(&bomb.compression(Compression::Zstd)));
    bomb.refused("53 a bomb", "unpack", 1);
    for kind in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let members = hello().compression(kind).members();
        let (name, body) = &members[2];
        let changed = |body: Vec<u8>| {
            let mut members = members.clone();
            members[2].1 = body;
            with_deb(ar_archive(&members))
        };
        changed(body[..body.len() - 6].to_vec()).refused(&format!("54 {name} cut"), "unpack", 1);
        changed([&body[..], b"garbage!"].concat()).refused(&format!("54 {name} garbage"), "unpack", 1);
    }
}

#[test]
fn cases_56_to_67_data() {
    let with = |deb: DebBuilder| World::new(&ArchiveBuilder::new("test").package(&deb));
    let raw = |data: Vec<u8>| with(hello().data_tar(data));
    let link = |path: &str, kind, target: &str| Header { link: target.into(), ..entry(path, kind) };
    let file = |path: &str| hello().entry(entry(path, EntryKind::File), "x");
    let (hard, soft) = (EntryKind::HardLink, EntryKind::Symlink);
    let bad = [
        ("56 up", file("./../evil")),
        ("56 absolute", file("/etc/evil")),
        ("56 deep", file(&format!("./{}x", "d/".repeat(3000)))),
        ("56 long", file(&format!("./{}", "x".repeat(300)))),
        ("57 through a link", hello().symlink("/usr/evil", "/etc").entry(entry("./usr/evil/x", EntryKind::File), "")),
        ("57 the root", hello().entry(link("./", soft, "/etc"), "")),
        ("58 to outside", hello().entry(link("./usr/x", hard, "/etc/passwd"), "")),
        ("58 to itself", hello().entry(link("./usr/x", hard, "./usr/x"), "")),
        ("58 to a directory", hello().entry(link("./usr/x", hard, "./usr"), "")),
        ("62 a file for a directory", hello().directory("/usr/x", 0o755).entry(entry("./usr/x", EntryKind::File), "")),
        ("64 newline", file("./usr/a\nb")),
        ("67 a conffile's trick", hello().control_file("conffiles", 0o644, "/usr/bin/../../etc/passwd\n")),
    ];
    for (name, deb) in bad {
        with(deb).refused(name, "unpack", 1);
    }
    let good = tar_archive(&[(entry("./usr/x", EntryKind::File), b"x".to_vec())]);
    let block = |change: &dyn Fn(&mut [u8])| {
        let mut data = good.clone();
        change(&mut data);
        data[148..156].fill(b' ');
        let sum: u32 = data[..512].iter().map(|&byte| u32::from(byte)).sum();
        data[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        data
    };
    for kind in *b"xgSXVMDNA" {
        raw(block(&|data| data[156] = kind)).refused(&format!("59 to 61 type {}", kind as char), "unpack", 1);
    }
    for (name, data) in [
        ("60 negative size", block(&|data| data[124..136].fill(0xff))),
        ("60 junk size", block(&|data| data[124..136].copy_from_slice(b"0000000000x\0"))),
        ("60 huge size", block(&|data| data[124..136].copy_from_slice(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"))),
        ("60 junk mode", block(&|data| data[100..108].copy_from_slice(b"rwxr-xr-"))),
        ("60 data on a directory", block(&|data| data[156] = b'5')),
        ("66 checksum", [&good[..148], b"000000\0 ", &good[156..]].concat()),
        ("66 cut", good[..600].to_vec()),
        ("66 more after the end", [&good[..], &good].concat()),
    ] {
        raw(data).refused(name, "unpack", 1);
    }
    let mut capable = entry("./usr/ping", EntryKind::File);
    capable.xattrs.insert(b"security.capability".to_vec(), vec![1]);
    with(hello().entry(capable, "x")).refused("63 capabilities", "unpack", 1);
    let two = ArchiveBuilder::new("test")
        .package(&hello().field("Depends", "other").file("/usr/bin/x", 0o755, "1"))
        .package(&DebBuilder::new("other", "1", "amd64").file("/usr/bin/x", 0o755, "2"));
    // Each for itself is good, and remembered.
    let world = World::new(&two);
    let error = world.build().expect_err("67: one file, two packages");
    assert_eq!((class(&error).as_str(), error.exit_code()), ("unpack", 1), "{}", chain(&error));
    assert!(!world.place.path().join("out").exists());
    let mut device = entry("./dev/null", EntryKind::CharDevice);
    device.device = (1, 3);
    let mut many = hello().directory("/dev", 0o755).entry(device, "").file("/usr/bin/su", 0o4755, "x");
    for number in 0..2000 {
        many = many.entry(entry(&format!("./usr/share/hello/{number}"), EntryKind::File), "");
    }
    with(many).build().expect("63 and 65: devices, setuid and many files are data");
}

/// Case 75: other threads, another place, another day: the same bytes.
#[test]
fn case_75_two_builds_are_one() {
    let world = World::new(&simple());
    let first = world.build().expect("built");
    let other = World { now: ARCHIVE_DATE + 90 * DAY, ..World::new(&simple()) };
    let second = other.build_on(&Host { jobs: 7, ..other.host().expect("a store") }, "else/where").expect("built");
    assert_eq!(first.tree_digest, second.tree_digest);
    assert_eq!(first.outputs, second.outputs);
}

/// Limits are options: what the defaults let through is refused below them, and nothing is left of it.
#[test]
fn limits_can_be_lower() {
    let world = World::new(&simple());
    let recipe = recipe::load(&world.place.path().join("small.toml")).expect("a recipe");
    let mirrors = Mirrors { debian: vec![BASE.to_owned()], security: Vec::new() };
    let changes: [(&str, fn(&mut pipeline::Limits), &str); 4] = [
        ("data", |limits| limits.packages.data = 1000, "unpack"),
        ("entries", |limits| limits.packages.entries = 2, "unpack"),
        ("memory", |limits| limits.packages.memory = 1000, "unpack"),
        ("steps", |limits| limits.steps = 0, "solve"),
    ];
    for (name, change, wanted) in changes {
        let mut asked = request(&recipe, &mirrors);
        change(&mut asked.limits);
        let output = world.place.path().join("out");
        let error = pipeline::build(&world.host().expect("a store"), &asked, &output).expect_err(name);
        assert_eq!((class(&error).as_str(), error.exit_code()), (wanted, 1), "{name}: {}", chain(&error));
        assert!(!output.exists(), "{name}");
    }
}
