//! An output stays where a build would write it again: nothing is written then, and whatever is not as it was written,
//! or would come out otherwise, is built.

use std::fs;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

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
    #[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let place = self.place();
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
        command.args(["build", "small.toml", "--output", "out", "--mirror", &self.server.url("debian")]);
        command.args(arguments).current_dir(place).env_clear();
        command.env("XDG_STATE_HOME", place.join("state")).env("XDG_CACHE_HOME", place.join("cache"));
        let output = command.output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    fn inode(&self) -> u64 {
        fs::metadata(self.place().join(TAR)).expect("it is there").ino()
    }

    /// Whether the output stays, and what is said beside that.
    fn stays(&self, arguments: &[&str]) -> (bool, String) {
        let before = self.inode();
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        assert_eq!(out.matches(TAR).count(), 1, "{out}");
        let stays = err.contains(STAYS);
        assert_eq!(stays, self.inode() == before, "{arguments:?}: what is said is what was done: {err}");
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
