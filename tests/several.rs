//! Several builds that have something in common: recipes of one call, and calls at once. What one has read and decoded
//! serves the others, and each is as it would be alone.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::sync::Arc;
use std::sync::Barrier;
use std::sync::Mutex;

use imgbuild::digest::Sha256;
use imgbuild::host::Claim;
use imgbuild::host::Host;
use imgbuild::host::Store;
use imgbuild::host::StoreError;
use imgbuild::host::StoreWriter;
use imgbuild::host::StoredBlob;
use imgbuild::host::Work;
use imgbuild::host::store::DirStore;
use imgbuild::pipeline;
use imgbuild::pipeline::Keep;
use imgbuild::pipeline::Look;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::http::HttpServer;

use crate::hostile::KEY;
use crate::hostile::World;
use crate::hostile::chain;
use crate::http::honest_but;

/// Packages of which `hello` wants all but `extra`.
fn archive() -> ArchiveBuilder {
    let names: Vec<String> = (0..9).map(|number| format!("part{number}")).collect();
    let hello = DebBuilder::new("hello", "1", "amd64").field("Depends", &names.join(", "));
    let hello = hello.file("usr/share/hello", 0o644, "hello\n");
    let extra = DebBuilder::new("extra", "1", "amd64").file("usr/share/extra", 0o644, "extra\n");
    let archive = ArchiveBuilder::new("test").package(&hello).package(&extra);
    names.iter().fold(archive, |archive, name| {
        let text: String = (0..20_000).map(|line| format!("{name} {}\n", line * 7919 % 104_729)).collect();
        archive.package(&DebBuilder::new(name, "1", "amd64").file(&format!("usr/share/{name}"), 0o644, text))
    })
}

/// Recipes in one place, and a mirror.
struct Place {
    world: World,
    mirror: HttpServer,
}

impl Place {
    fn new(mirror: HttpServer) -> Self {
        let place = Self { world: World::new(&archive()), mirror };
        place.recipe("more", "\"hello\", \"extra\"");
        place
    }

    fn path(&self) -> &Path {
        self.world.place.path()
    }

    /// Writes a recipe like the world's that asks for these packages.
    fn recipe(&self, name: &str, packages: &str) {
        let text = fs::read_to_string(self.path().join("small.toml")).expect("there");
        let text = text.replace("\"small\"", &format!("{name:?}")).replace("[\"hello\"]", &format!("[{packages}]"));
        fs::write(self.path().join(format!("{name}.toml")), text).expect("written");
    }

    #[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
    fn run(&self, cache: &str, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
        command.args(words).args(["--mirror", &self.mirror.url("debian")]);
        command.current_dir(self.path()).env_clear();
        command.env("XDG_CACHE_HOME", self.path().join(cache)).env("XDG_STATE_HOME", self.path().join("state"));
        command.output().expect("the program starts")
    }

    fn tree(&self, output: &str) -> String {
        fs::read_to_string(self.path().join(output).join("tree.txt")).unwrap_or_default()
    }

    /// How often the mirror was asked for each file since the last call.
    fn asked(&self, since: usize) -> BTreeMap<String, usize> {
        let mut asked = BTreeMap::new();
        for request in self.mirror.requests().iter().skip(since) {
            *asked.entry(request.path.clone()).or_default() += 1;
        }
        asked
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn recipes_of_one_call_share_what_they_have_in_common() {
    let place = Place::new(honest_but(&archive(), "nothing", vec![]));
    for name in ["small", "more"] {
        let alone = place.run(&format!("cache-{name}"), &[&format!("{name}.toml"), "-o", &format!("alone-{name}")]);
        assert_eq!(alone.status.code(), Some(0), "{}", said(&alone));
    }
    let before = place.mirror.requests().len();
    let both = place.run("cache-both", &["small.toml", "more.toml", "--events", "json"]);
    assert_eq!(both.status.code(), Some(0), "{}", said(&both));
    for name in ["small", "more"] {
        assert_eq!(place.tree(&format!("build/{name}")), place.tree(&format!("alone-{name}")), "{name}");
    }
    let asked = place.asked(before);
    assert!(asked.keys().any(|path| path.contains("Release")) && asked.len() > 12, "{asked:?}");
    assert!(asked.values().all(|&times| times == 1), "each file once, the Release too: {asked:?}");
    let lines: Vec<serde_json::Value> =
        said(&both).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |event: &str| {
        let of_it = lines.iter().filter(|line| line["event"] == event);
        of_it.map(|line| line["recipe"].as_str().expect("which").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("recipe-started"), ["small.toml", "more.toml"]);
    assert_eq!(of("finished"), ["small.toml", "more.toml"]);
    let indices = lines.iter().filter(|line| line["event"] == "stage-finished" && line["stage"] == "index").count();
    assert_eq!(indices, 1, "the index is read once");
    let sums = String::from_utf8_lossy(&both.stdout).into_owned();
    assert!(sums.contains("build/small/root.tar") && sums.contains("build/more/root.tar"), "{sums}");
    let again = place.run("cache-both", &["build", "more.toml", "small.toml"]);
    let words = said(&again);
    assert!(again.status.success() && words.matches("nothing has changed").count() == 2, "{words}");
}

#[test]
fn one_recipe_that_fails_keeps_no_other_from_being_built() {
    // The mirror has something else as `extra`.
    let place = Place::new(honest_but(
        &archive(),
        "extra_1_amd64.deb",
        vec![imgbuild::testing::http::Step::Send(imgbuild::testing::http::answer(
            "200 OK",
            &["Content-Length: 4"],
            b"evil",
        ))],
    ));
    place.recipe("none", "\"nonsense\"");
    place.recipe("last", "\"part1\"");
    let made = place.run("cache", &["none.toml", "more.toml", "last.toml"]);
    let words = said(&made);
    assert_eq!(made.status.code(), Some(3), "integrity is worse than a package that is not there: {words}");
    assert!(words.contains("`none.toml`: ") && words.contains("`more.toml`: "), "{words}");
    assert!(words.contains("2 of 3 recipes failed: `none.toml`, `more.toml`"), "{words}");
    assert!(place.tree("build/last").contains("/usr/share/part1"), "{words}");
    assert!(place.tree("build/more").is_empty() && !place.path().join("build/none").exists());
    let json = place.run("cache", &["none.toml", "last.toml", "--events", "json"]);
    let words = said(&json);
    let ends: Vec<serde_json::Value> = words.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let ends: Vec<_> = ends.iter().filter(|line| line["event"] == "error" || line["event"] == "finished").collect();
    assert_eq!(ends.len(), 2, "{words}");
    assert!(ends[0]["recipe"] == "none.toml" && ends[0]["event"] == "error", "{words}");
    assert!(ends[1]["recipe"] == "last.toml" && ends[1]["kept"] == true, "{words}");
}

/// What is wrong is said before anything is built.
#[test]
fn what_has_no_meaning_for_several_recipes_is_refused() {
    let place = Place::new(honest_but(&archive(), "nothing", vec![]));
    fs::write(place.path().join("broken.toml"), "name = \"broken\"\npackges = []\n").expect("written");
    let digest = "0".repeat(64);
    let refusals: [(&[&str], &str); 6] = [
        (&["small.toml", "more.toml", "-o", "out"], "`--output` is for one recipe, and there are 2"),
        (&["small.toml", "more.toml", "--expect", &digest], "`--expect` is for one recipe, and there are 2"),
        (&["small.toml", "./small.toml"], "`small.toml` and `./small.toml` would both become `build/small`"),
        (&["small.toml", "broken.toml"], "did you mean `packages`"),
        (&["small.toml", "nowhere.toml"], "nowhere.toml"),
        (&["small.toml", "more.toml", "--locked"], "small.lock"),
    ];
    for (words, wanted) in refusals {
        let refused = place.run("cache", words);
        assert_eq!(refused.status.code(), Some(2), "{words:?}: {}", said(&refused));
        assert!(said(&refused).contains(wanted), "{words:?}: {}", said(&refused));
    }
    assert!(!place.path().join("build").exists() && place.mirror.requests().is_empty(), "nothing was begun");
}

/// A store that counts how often each blob is written.
struct Counting {
    inner: DirStore,
    written: Arc<Mutex<BTreeMap<Sha256, usize>>>,
}

impl Store for Counting {
    fn get(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        self.inner.get(sha256)
    }

    fn writer(&self) -> Result<Box<dyn StoreWriter>, StoreError> {
        Ok(Box::new(Counted { inner: self.inner.writer()?, written: Arc::clone(&self.written) }))
    }

    fn record(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.record(kind, key)
    }

    fn set_record(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.set_record(kind, key, bytes)
    }

    fn signed(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.signed(kind, key)
    }

    fn set_signed(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.set_signed(kind, key, bytes)
    }

    fn claim(&self, work: Work, of: &Sha256) -> Option<Claim> {
        self.inner.claim(work, of)
    }
}

struct Counted {
    inner: Box<dyn StoreWriter>,
    written: Arc<Mutex<BTreeMap<Sha256, usize>>>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl StoreWriter for Counted {
    fn commit(self: Box<Self>, expected: Option<(Sha256, u64)>) -> Result<StoredBlob, StoreError> {
        let blob = self.inner.commit(expected)?;
        *self.written.lock().expect("nobody panics holding it").entry(blob.sha256).or_default() += 1;
        Ok(blob)
    }
}

/// Eight builds that begin in one instant with one empty store, each with it open for itself, as processes have it: each
/// .deb comes once, and is decoded once; the system is configured once.
#[test]
fn builds_at_once_decode_everything_once_in_all() {
    let world = World::new(&archive());
    let (written, begin) = (Arc::<Mutex<BTreeMap<Sha256, usize>>>::default(), Barrier::new(8));
    let build = &|number: usize| {
        let inner = DirStore::open(world.place.path().join("cache")).expect("a store").sealed_by(KEY);
        let store = Arc::new(Counting { inner, written: Arc::clone(&written) });
        let host = Host { store, ..world.host().expect("a store") };
        let recipe = recipe::load(&world.place.path().join("small.toml")).expect("a recipe");
        let mirrors = Mirrors { debian: vec![world.mirror.clone()], ..Mirrors::default() };
        let keep = Some(Keep { program: "this", after: Look::Outside });
        let request = Request { keep, ..Request::new(&recipe, &mirrors) };
        begin.wait();
        let built = pipeline::build(&host, &request, &world.place.path().join(format!("out-{number}")));
        built.unwrap_or_else(|error| panic!("{}", chain(&error))).tree_digest
    };
    let digests: Vec<Sha256> = std::thread::scope(|scope| {
        let builds: Vec<_> = (0..8).map(|number| scope.spawn(move || build(number))).collect();
        builds.into_iter().map(|build| build.join().expect("it is built")).collect()
    });
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
    let written = written.lock().expect("nobody panics holding it");
    // Ten packages and what is in each, an index in two forms, and what configuring made.
    assert!(written.len() >= 2 * 10 + 2, "{written:?}");
    let twice: Vec<_> = written.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let asked = world.transport.take_requests();
    let debs = asked.iter().filter(|(url, _)| url.ends_with(".deb")).count();
    assert_eq!(debs, 10, "{asked:?}");
}
