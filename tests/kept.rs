//! An output stays where a build would write it again: nothing is written then, and whatever is not as it was written,
//! or would come out otherwise, is built.

use std::fs;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;

use imgbuild::digest::Sha256;
use imgbuild::host::Event;
use imgbuild::host::MemoryStore;
use imgbuild::host::Reporter;
use imgbuild::host::Store;
use imgbuild::host::StoreError;
use imgbuild::host::StoreWriter;
use imgbuild::host::StoredBlob;
use imgbuild::pipeline::Keep;
use imgbuild::pipeline::Look;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::http::HttpServer;

use crate::hostile::World;
use crate::hostile::files;
use crate::http::honest_but;

const TAR: &str = "out/root.tar";
const STAYS: &str = "nothing has changed: `out` stays\n";

struct Builder {
    world: World,
    server: HttpServer,
}

impl Builder {
    fn new() -> Self {
        let archive = archive("1.0-1");
        let world = World::new(&archive).recipe("[[overlay]]\npath = \"/etc/own\"\nsource = \"own\"\n");
        fs::write(world.place.path().join("own"), "first\n").expect("written");
        Self { server: honest_but(&archive, "nothing", vec![]), world }
    }

    fn place(&self) -> &Path {
        self.world.place.path()
    }

    /// Builds; gives the exit code and what was said on standard output and error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let url = self.server.url("debian");
        let build = ["build", "small.toml", "--output", "out", "--mirror", &url];
        self.call(&[&build, arguments].concat(), &[])
    }

    /// Runs the program in the place of the builder, with variables that override its own.
    #[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
    fn call(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
        let place = self.place();
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
        command.args(arguments).current_dir(place).env_clear();
        for (name, below) in [("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")] {
            command.env(name, place.join(below));
        }
        command.envs(variables.iter().copied());
        let output = command.output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    fn inode(&self, name: &str) -> u64 {
        fs::metadata(self.place().join(name)).expect("it is there").ino()
    }

    /// Whether the output stays, and what is said beside that.
    fn stays(&self, arguments: &[&str]) -> (bool, String) {
        let before = self.inode("out");
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        assert_eq!(out.matches(TAR).count(), 1, "{out}");
        let stays = err.contains(STAYS);
        assert_eq!(stays, self.inode("out") == before, "{arguments:?}: what is said is what was done: {err}");
        (stays, err.replace(STAYS, ""))
    }

    fn is_built(&self, why: &str, arguments: &[&str]) -> String {
        let (stays, said) = self.stays(arguments);
        assert!(!stays, "{why}: {said}");
        assert!(self.stays(arguments).0, "{why}: and then it stays");
        said
    }
}

fn archive(version: &str) -> ArchiveBuilder {
    let hello = DebBuilder::new("hello", version, "amd64").file("usr/bin/hello", 0o755, "hello\n");
    ArchiveBuilder::new("test").package(&hello)
}

#[test]
fn an_output_stays_where_nothing_has_changed() {
    let builder = Builder::new();
    let (code, first, err) = builder.run(&[]);
    assert_eq!((code, err.contains(STAYS)), (0, false), "{err}");
    let (code, second, err) = builder.run(&[]);
    assert_eq!((code, second.as_str(), err.as_str()), (0, first.as_str(), STAYS), "the same files are told");
    assert!(builder.stays(&["--check"]).0 && builder.stays(&["--jobs", "1"]).0);
    let digest = first.lines().find(|line| line.ends_with("out/tree.txt")).and_then(|line| line.split(' ').next());
    assert!(builder.stays(&["--expect", digest.expect("it is told")]).0);
    let (code, _, err) = builder.run(&["--expect", &"0".repeat(64)]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("what was built is in `out.unexpected`") && !err.contains(STAYS), "{err}");
    assert!(builder.place().join("out.unexpected/root.tar").is_file(), "it is kept, to be compared");
    assert_eq!(builder.run(&["--expect", &"0".repeat(64), "--again"]).0, 3, "and replaced by the next");
    assert!(builder.stays(&[]).0, "the output that was there is still there");
    assert!(!builder.stays(&["--again"]).0);
    let (_, _, err) = builder.run(&["--events", "json"]);
    assert!(err.lines().any(|line| line.contains(r#""event":"output-kept","path":"out""#)), "{err}");
    let last: serde_json::Value = serde_json::from_str(err.lines().last().expect("it ends")).expect("JSON");
    assert_eq!((&last["event"], &last["kept"], &last["directory"]), (&"finished".into(), &true.into(), &"out".into()));
    assert_eq!(last["tree"], digest.expect("it is told"), "{last}");
    let files = last["outputs"].as_array().expect("its files");
    assert!(files.iter().any(|file| file["path"] == "root.tar" && file["size"].as_u64() > Some(0)), "{last}");
}

#[test]
fn other_inputs_are_built() {
    let mut builder = Builder::new();
    let place = builder.place().to_owned();
    builder.run(&[]);
    fs::write(place.join("own"), "other\n").expect("written");
    builder.is_built("a file of the overlay", &[]);
    builder.is_built("a limit", &["--limit", "control-files=1000"]);
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
               -----END PRIVATE KEY-----\n";
    fs::write(place.join("key.pem"), key).expect("written");
    builder.is_built("a signature", &["--sign", "key.pem"]);
    builder.is_built("none any more", &[]);
    let keyring = fs::read(place.join("keys.asc")).expect("there");
    fs::write(place.join("keys.asc"), [keyring.clone(), keyring].concat()).expect("written");
    builder.is_built("another keyring", &[]);
    let newer = archive("1.0-2").date(ARCHIVE_DATE + 60);
    builder.server = honest_but(&newer, "nothing", vec![]);
    let text = fs::read_to_string(place.join("small.toml")).expect("there");
    fs::write(place.join("small.toml"), format!("# a word\n{text}")).expect("written");
    builder.is_built("a newer package", &[]);
    fs::write(place.join("small.toml"), text).expect("written");
    assert!(builder.stays(&[]).0, "a comment is no other recipe");
    // A cache of somebody else's, or none, remembers nothing.
    fs::remove_dir_all(place.join("state")).expect("ours");
    builder.is_built("another key of records", &[]);
}

#[test]
fn an_output_that_is_not_as_it_was_written_is_built() {
    let builder = Builder::new();
    builder.run(&[]);
    let at = |path: &str| builder.place().join(path);
    let (tar, when) = (at(TAR), fs::metadata(at(TAR)).expect("there").modified().expect("it has a time"));
    let set_time = || File::options().write(true).open(&tar).expect("ours").set_modified(when).expect("set");
    let bytes = fs::read(&tar).expect("readable");

    fs::write(&tar, &bytes).expect("written");
    assert_eq!(builder.stays(&[]), (true, String::new()), "the same bytes, by another hand");

    let mut other = bytes;
    other[600] ^= 1;
    fs::write(&tar, &other).expect("written");
    set_time();
    let said = builder.is_built("one bit, with size and time as before", &[]);
    assert!(said.contains("warning: `out` is built again: `root.tar` has other bytes\n"), "{said}");

    fs::write(at("out/added"), "x").expect("written");
    let said = builder.is_built("a file more", &[]);
    assert!(said.contains("`added` is not in the manifest"), "{said}");
    fs::remove_file(at("out/sbom.spdx.json")).expect("there");
    let said = builder.is_built("a file less", &[]);
    assert!(said.contains("`sbom.spdx.json` is missing"), "{said}");
    fs::write(at("out/provenance.intoto.json"), "{}").expect("written");
    let said = builder.is_built("what vouches for the others", &[]);
    assert!(said.contains("`provenance.intoto.json` is not the one that was written"), "{said}");
    let manifest = fs::read_to_string(at("out/manifest.json")).expect("readable");
    fs::write(at("out/manifest.json"), manifest.replace("small", "large")).expect("written");
    builder.is_built("another manifest", &[]);
    fs::remove_dir_all(at("out")).expect("ours");
    let (code, _, err) = builder.run(&[]);
    assert_eq!((code, err.contains(STAYS)), (0, false), "{err}");
    assert_eq!(files(&at("out")).len(), 6, "and it is whole");
}

/// After each build that has built something the cache is as large as its user says, and what is there is the newest.
#[test]
fn what_nobody_expected_shares_no_file_with_the_output() {
    let builder = Builder::new();
    let place = builder.place();
    builder.run(&[]);
    let text = fs::read_to_string(place.join("small.toml")).expect("there");
    fs::write(place.join("small.toml"), format!("{text}[output]\nformats = [\"tar\", \"tar.gz\"]\n")).expect("written");
    let (code, _, err) = builder.run(&["--expect", &"0".repeat(64)]);
    assert_eq!(code, 3, "{err}");
    let links = |path: &str| fs::metadata(place.join(path)).expect("there").nlink();
    assert_eq!((links(TAR), links("out.unexpected/root.tar")), (1, 1));
}

/// A store that has no room for what is noted for the next build.
#[derive(Debug, Default)]
struct Full(MemoryStore);

impl Store for Full {
    fn get(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        self.0.get(sha256)
    }

    fn writer(&self) -> Result<Box<dyn StoreWriter>, StoreError> {
        self.0.writer()
    }

    fn record(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.record(kind, key)
    }

    fn set_record(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        match kind.split('-').next() {
            Some("kept" | "layout" | "installed") => {
                let source = std::io::ErrorKind::StorageFull.into();
                Err(StoreError::Io { action: "write", path: kind.into(), source })
            }
            _ => self.0.set_record(kind, key, bytes),
        }
    }

    fn signed(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.signed(kind, key)
    }

    fn set_signed(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.set_signed(kind, key, bytes)
    }
}

/// Hears warnings.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Reporter for Heard {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning { message } = event {
            self.0.lock().expect("nobody panics").push((*message).to_owned());
        }
    }
}

#[test]
fn an_output_is_there_whatever_the_cache_cannot_take() {
    let world = World::new(&archive("1"));
    let heard = Arc::new(Heard::default());
    let mut host = world.host().expect("a host");
    (host.store, host.reporter) = (Arc::new(Full::default()), Arc::clone(&heard) as Arc<dyn Reporter>);
    let recipe = imgbuild::recipe::load(&world.place.path().join("small.toml")).expect("ours");
    let mirrors = Mirrors { debian: vec![world.mirror.clone()], ..Mirrors::default() };
    let keep = Some(Keep { program: "this", after: Look::Outside });
    let request = Request { keep, ..Request::new(&recipe, &mirrors) };
    let out = world.place.path().join("out");
    imgbuild::pipeline::build(&host, &request, &out).expect("only the next one takes longer");
    assert!(out.join("root.tar").is_file());
    let heard = heard.0.lock().expect("nobody panics").clone();
    for kind in ["installed", "layout", "kept"] {
        let words = format!("the next build cannot start from this one: cannot write `{kind}");
        assert!(heard.iter().any(|message| message.contains(&words)), "{kind}: {heard:?}");
    }
}

#[test]
fn what_a_lock_names_stays_in_the_cache_with_all_that_finds_it() {
    let builder = Builder::new();
    let place = builder.place();
    builder.run(&[]);
    fs::copy(place.join("out/small.lock"), place.join("small.lock")).expect("it was written");
    let prune = || builder.call(&["cache", "prune", "--max", "0"], &[]);
    let (code, first, err) = prune();
    assert_eq!(code, 0, "{err}");
    assert!(!first.starts_with("0 files"), "{first}");
    let (_, second, _) = prune();
    assert!(second.starts_with("0 files removed"), "{first}{second}");
    fs::write(place.join("own"), "other\n").expect("written");
    let build = ["build", "small.toml", "--output", "out", "--offline", "--mirror", "http://localhost:9/"];
    let (code, _, err) = builder.call(&build, &[]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn the_cache_is_bounded() {
    let builder = Builder::new();
    let place = builder.place();
    builder.run(&[]);
    let size = || {
        let (code, out, err) = builder.call(&["cache", "info", "--json"], &[]);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str::<serde_json::Value>(&out).expect("JSON")
    };
    let whole = size();
    assert_eq!((&whole["max-bytes"], &whole["max-age-days"]), (&(20_u64 << 30).into(), &90.into()), "{whole}");
    assert!(whole["bytes"].as_u64() > Some(2048), "{whole}");
    fs::create_dir(place.join("config")).expect("made");
    fs::create_dir(place.join("config/imgbuild")).expect("made");
    let settings = place.join("config/imgbuild/config.toml");
    fs::write(&settings, "[cache]\nmax-size = \"2K\"\n").expect("written");
    assert_eq!(builder.run(&["--again"]).0, 0);
    assert!(size()["bytes"].as_u64() < Some(2049), "{}", size());
    assert_eq!(builder.run(&["--again"]).0, 0, "what is not there is made again");
    // What a lock beside names is not cleaned away, only the rest.
    fs::write(&settings, "").expect("written");
    assert_eq!(builder.run(&["--again"]).0, 0);
    let url = builder.server.url("debian");
    assert_eq!(builder.call(&["lock", "small.toml", "--mirror", &url], &[]).0, 0);
    fs::write(place.join("Cargo.lock"), "version = 4\n").expect("written");
    let (code, out, err) = builder.call(&["cache", "prune", "--max", "0"], &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(" files removed, ") && size()["bytes"].as_u64() > Some(0), "{out}");
    let lock = fs::read_to_string(place.join("small.lock")).expect("there");
    let lock: toml::Value = toml::from_str(&lock).expect("a lock");
    let deb = lock["package"][0]["sha256"].as_str().expect("a digest");
    assert!(place.join("cache/imgbuild/sha256").join(&deb[..2]).join(&deb[2..]).is_file(), "{out}");
    fs::remove_file(place.join("small.lock")).expect("there");
    assert_eq!(builder.call(&["cache", "prune", "--ci"], &[]).0, 0);
    assert!(size()["bytes"].as_u64() > Some(0), "all of it was used just now");
    assert_eq!(builder.call(&["cache", "prune", "--max-age", "0h"], &[]).0, 0);
    fs::write(&settings, "[cache]\nmaximum = 1\n").expect("written");
    let (code, _, err) = builder.run(&[]);
    assert!(code == 2 && err.contains("config.toml") && err.contains("maximum"), "{err}");
}

/// Machines that share a secret take each other's records for their own.
#[test]
fn a_restored_cache_counts_for_who_has_its_secret() {
    let builder = Builder::new();
    let url = builder.server.url("debian");
    let secret = "0123456789abcdef0123456789abcdef";
    let record = || {
        let records = files(&builder.place().join("cache/imgbuild/records/unpacked-1"));
        fs::metadata(&records[0]).expect("there").ino()
    };
    let build = |state: &str, secret: &str| {
        let state = builder.place().join(state);
        let variables = [("XDG_STATE_HOME", state.to_str().expect("plain")), ("IMGBUILD_CACHE_KEY", secret)];
        builder.call(&["build", "small.toml", "--again", "--mirror", &url], &variables)
    };
    assert_eq!(build("one", secret).0, 0);
    let first = record();
    assert_eq!(build("other", secret).0, 0);
    assert_eq!(record(), first, "it was taken, and not written again");
    assert_eq!(build("other", &secret.replace('0', "1")).0, 0);
    assert_ne!(record(), first, "it is another's, and no word of ours");
    let (code, _, err) = build("one", "short");
    assert!(code == 2 && err.contains("IMGBUILD_CACHE_KEY is no secret"), "{err}");
}

/// What packages have made of an empty tree is not made again for another file of the overlay, and the root is not written
/// again for another format; the output is that of a build without any memory.
#[test]
fn a_little_that_changes_costs_a_little() {
    let builder = Builder::new();
    let place = builder.place();
    builder.run(&[]);
    // Gives the stages of a build, and its files as a build gives them that believes nothing.
    let stages = |arguments: &[&str]| {
        let (code, _, err) = builder.run(&[arguments, &["--events", "json"]].concat());
        assert_eq!(code, 0, "{err}");
        let output = fs::read_to_string(place.join("out/manifest.json")).expect("there");
        let tar = builder.inode(TAR);
        let (code, _, other) = builder.run(&["--again"]);
        assert_eq!(code, 0, "{other}");
        assert_eq!(fs::read_to_string(place.join("out/manifest.json")).expect("there"), output, "{arguments:?}");
        let events = err.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let begun = events.filter(|event| event["event"] == "stage-started");
        (tar, begun.map(|event| event["stage"].as_str().expect("a name").to_owned()).collect::<Vec<_>>())
    };
    fs::write(place.join("own"), "other\n").expect("written");
    let (_, begun) = stages(&[]);
    assert!(begun.contains(&"write".to_owned()) && begun.contains(&"overlay".to_owned()), "{begun:?}");
    assert!(!begun.contains(&"unpack".to_owned()) && !begun.contains(&"configure".to_owned()), "{begun:?}");

    let text = fs::read_to_string(place.join("small.toml")).expect("there");
    let tar = builder.inode(TAR);
    assert!(text.contains("[output]") || !text.contains("formats"), "{text}");
    fs::write(place.join("small.toml"), format!("{text}[output]\nformats = [\"tar\", \"tar.gz\"]\n")).expect("written");
    let (now, begun) = stages(&[]);
    assert_eq!(now, tar, "the same file under another name: {begun:?}");
    fs::write(place.join("small.toml"), format!("{text}[output]\nlossy = [\"xattrs\"]\n")).expect("written");
    let tar = builder.inode(TAR);
    let (now, _) = stages(&["--check"]);
    assert_ne!(now, tar, "it is asked for otherwise");
    fs::write(place.join("small.toml"), &text).expect("written");
    stages(&[]);

    // A root that is not as it was written is no part of a new output.
    let bytes = fs::read(place.join(TAR)).expect("there");
    let other: Vec<u8> = bytes.iter().map(|byte| byte ^ 1).collect();
    fs::write(place.join(TAR), &other).expect("written");
    fs::write(place.join("small.toml"), format!("{text}[output]\nformats = [\"tar\", \"tar.gz\"]\n")).expect("written");
    stages(&[]);
    assert_eq!(fs::read(place.join(TAR)).expect("there"), bytes);

    // The formats made of blocks take those of the output before.
    let all = format!("{text}[output]\nformats = [\"tar\", \"erofs\", \"squashfs\"]\n");
    fs::write(place.join("small.toml"), all).expect("written");
    stages(&[]);
    fs::write(place.join("own"), "a longer text\n".repeat(9999)).expect("written");
    stages(&[]);

    // A file in the cache that is damaged is no part of an output.
    for blob in files(&place.join("cache/imgbuild/sha256")) {
        let mut bytes = fs::read(&blob).expect("there");
        if let Some(at) = bytes.windows(6).position(|part| part == b"hello\n") {
            bytes[at] = b'j';
            fs::remove_file(&blob).expect("removed");
            fs::write(&blob, bytes).expect("written");
        }
    }
    fs::remove_dir_all(place.join("out")).expect("there");
    fs::write(place.join("own"), "second\n").expect("written");
    let (_, begun) = stages(&[]);
    assert!(begun.contains(&"unpack".to_owned()), "{begun:?}");

    // What is remembered has its bytes in the cache: where these are gone, all is done again.
    for blob in files(&place.join("cache/imgbuild/sha256")) {
        fs::remove_file(blob).expect("removed");
    }
    fs::write(place.join("own"), "third\n").expect("written");
    let (_, begun) = stages(&[]);
    assert!(begun.contains(&"unpack".to_owned()), "{begun:?}");
}

#[test]
fn a_cache_is_made_in_a_directory_of_its_own() {
    let builder = Builder::new();
    let place = builder.place();
    fs::create_dir_all(place.join("mine")).expect("ours");
    fs::write(place.join("mine/letter"), "dear").expect("ours");
    for arguments in [["cache", "info"], ["cache", "prune"], ["build", "small.toml"]] {
        let (code, _, err) = builder.call(&[&arguments[..], &["--cache", "mine"]].concat(), &[]);
        assert!(code != 0 && err.contains("`mine/` holds other things than a cache"), "{arguments:?}: {err}");
        assert_eq!(files(&place.join("mine")).len(), 1, "{arguments:?}");
    }
    for (command, words) in [("info", "0 B; a build leaves"), ("prune", "0 files removed")] {
        let (code, out, err) = builder.call(&["cache", command, "--cache", "none"], &[]);
        assert!(code == 0 && out.contains(words), "{out}{err}");
        assert!(!place.join("none").exists(), "who only looks makes none");
    }
    fs::create_dir_all(place.join("config/imgbuild")).expect("ours");
    fs::write(place.join("config/imgbuild/config.toml"), "[cache]\nmax-age = \"36h\"\n").expect("ours");
    let (_, out, err) = builder.call(&["cache", "info"], &[]);
    assert!(out.contains("used in the last 36 hours"), "{out}{err}");
}
