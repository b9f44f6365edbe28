//! A lock is proved, not believed: what becomes of a build when somebody has edited it. Cases 90 to 92, 96 and 97.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::manifest::Manifest;
use imgbuild::manifest::provenance;
use imgbuild::pipeline;
use imgbuild::pipeline::Built;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::recipe::Lock;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;
use imgbuild::testing::http::file_answer;
use toml::Table;
use toml::Value;

use crate::hostile::Place;
use crate::hostile::World;
use crate::hostile::chain;
use crate::hostile::class;
use crate::hostile::files;

const MIRROR: &str = "http://mirror.example.org/debian";

pub(crate) fn mirrors() -> Mirrors {
    Mirrors { debian: vec![MIRROR.to_owned()], ..Mirrors::default() }
}

/// An essential package, what is asked for with a user of its own, what that needs and recommends, and what nobody
/// asks for; one of them in two versions.
pub(crate) fn archive() -> ArchiveBuilder {
    let accounts = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n";
    let groups = "root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n";
    let base = DebBuilder::new("base", "1", "amd64")
        .field("Essential", "yes")
        .file("/etc/passwd", 0o644, accounts)
        .file("/etc/group", 0o644, groups)
        .file("/usr/bin/tool", 0o755, "a tool");
    let hello = DebBuilder::new("hello", "1.0-1", "amd64")
        .field("Depends", "helper (>= 1), base")
        .field("Recommends", "manual")
        .script("postinst", "#!/bin/sh\nset -e\nadduser --quiet --system --group --home /nonexistent hellod\n")
        .file("/usr/share/hello/greeting", 0o644, "hello, world\n");
    let helper = |version: &str| DebBuilder::new("helper", version, "all").file("/usr/share/helper/x", 0o644, version);
    let manual = DebBuilder::new("manual", "1", "all").file("/usr/share/doc/manual", 0o644, "read");
    let extra = DebBuilder::new("extra", "1", "amd64").file("/usr/bin/extra", 0o4755, "nobody asked");
    let enemy = DebBuilder::new("enemy", "1", "amd64").field("Conflicts", "helper");
    let debs = [base, hello, helper("1"), helper("2"), manual, extra, enemy];
    debs.iter().fold(ArchiveBuilder::new("test"), |archive, deb| archive.package(deb))
}

/// Where a synchronisation costs nothing, if this machine has such a place.
pub(crate) fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary directory")
}

fn world(archive: &ArchiveBuilder) -> World {
    World::at(archive, Place::Own(directory())).recipe("recommends = true\n")
}

/// A world, and the lock that a build in it has left.
pub(crate) fn locked(archive: &ArchiveBuilder) -> (World, Lock, Built) {
    let world = world(archive);
    let built = world.build().unwrap_or_else(|error| panic!("{}", chain(&error)));
    let lock = Lock::read(&world.place.path().join("out/small.lock")).expect("readable").expect("there");
    fs::remove_dir_all(world.place.path().join("out")).expect("removed");
    (world, lock, built)
}

/// Builds from a lock, and leaves the output.
pub(crate) fn build(world: &World, host: &Host, lock: &Lock, trust_lock: bool) -> Result<Built, Error> {
    let recipe = recipe::load(&world.place.path().join("small.toml"))?;
    let mirrors = mirrors();
    let request = Request { lock: Some(lock), trust_lock, ..Request::new(&recipe, &mirrors) };
    pipeline::build(host, &request, &world.place.path().join("out"))
}

pub(crate) fn one_thread(world: &World) -> Host {
    Host { jobs: 1, ..world.host().expect("a store") }
}

/// Builds from a lock that must not be built from, with what the cache has and with nothing.
fn refused(world: &World, lock: &Lock, name: &str, wanted: &str, code: u8) -> Error {
    let build_it = || {
        let host = one_thread(world);
        let before = kept(world);
        let error = build(world, &host, lock, false).expect_err(name);
        world.assert_refused(&error, name, wanted, code, &before);
        error
    };
    build_it();
    // Nothing proves that it may be trusted either: that is for where no index can be had.
    let trusted = build(world, &one_thread(world), lock, true).expect_err(name);
    assert_eq!(trusted.exit_code(), code, "{name}: {}", chain(&trusted));
    fs::remove_dir_all(world.place.path().join("cache")).expect("removed");
    build_it()
}

fn kept(world: &World) -> Vec<PathBuf> {
    let cache = world.place.path().join("cache");
    [files(&cache.join("sha256")), files(&cache.join("records"))].concat()
}

pub(crate) fn position(lock: &Lock, name: &str) -> usize {
    lock.packages.iter().position(|package| package.name == name).expect("it is in the lock")
}

/// A package that nobody has signed for, on a mirror that has it and in a lock that says it is right.
#[test]
fn case_90_a_package_that_nobody_signed() {
    let (world, mut lock, _) = locked(&archive());
    let evil = DebBuilder::new("hello", "1.0-1", "amd64").file("/etc/cron.d/evil", 0o644, "x").build();
    let at = position(&lock, "hello");
    let package = &mut lock.packages[at];
    (package.sha256, package.size) = (Sha256::of(&evil), evil.len() as u64);
    let url = format!("{MIRROR}/{}", package.filename);
    world.transport.put(&url, evil);
    world.transport.take_requests();
    let error = refused(&world, &lock, "90 an unsigned package", "archive Unproven", 3);
    assert!(chain(&error).contains("package `hello 1.0-1` does not follow from it"), "{}", chain(&error));
    let asked = world.transport.take_requests();
    assert!(!asked.is_empty() && asked.iter().all(|(asked, _)| *asked != url), "{asked:?}");
}

/// What is the recipe's or the indices' to say is not the lock's.
#[test]
fn case_91_a_lock_that_says_otherwise() {
    let (world, lock, built) = locked(&archive());
    let hello = position(&lock, "hello");
    let entry = |name: &str, version: &str| {
        let (other, _, _) = locked(&archive());
        let recipe = other.place.path().join("small.toml");
        let text = fs::read_to_string(&recipe).expect("ours");
        fs::write(&recipe, text.replace("[\"hello\"]", &format!("[\"{name}={version}\"]"))).expect("written");
        let recipe = recipe::load(&recipe).expect("a recipe");
        let lock = pipeline::lock(&other.host().expect("a store"), &Request::new(&recipe, &mirrors())).expect("a lock");
        lock.packages[position(&lock, name)].clone()
    };
    let (extra, enemy, old) = (entry("extra", "1"), entry("enemy", "1"), entry("helper", "1"));
    let without = |name: &str| {
        let mut lock = lock.clone();
        lock.packages.remove(position(&lock, name));
        lock
    };
    let edited = |edit: &dyn Fn(&mut Lock)| {
        let mut lock = lock.clone();
        edit(&mut lock);
        lock
    };
    let of_hello = |edit: &dyn Fn(&mut recipe::LockedPackage)| edited(&|lock| edit(&mut lock.packages[hello]));
    let cases = [
        ("91 a wish removed", without("hello"), "lock misfit", 2),
        ("91 a dependency removed", without("helper"), "lock broken", 3),
        ("91 the base removed", without("base"), "lock broken", 3),
        ("91 what is recommended removed", without("manual"), "lock broken", 3),
        ("91 all removed", edited(&|lock| lock.packages.clear()), "lock misfit", 2),
        ("91 a package added", edited(&|lock| lock.packages.push(extra.clone())), "lock broken", 3),
        ("91 an enemy added", edited(&|lock| lock.packages.push(enemy.clone())), "lock broken", 3),
        ("91 a second version", edited(&|lock| lock.packages.push(old.clone())), "lock broken", 3),
        ("91 a loader added", edited(&|lock| lock.loaders.push(extra.clone())), "lock misfit", 2),
        ("91 no source", of_hello(&|package| package.source = None), "lock misfit", 2),
        ("91 another size", of_hello(&|package| package.size += 1), "archive Unproven", 3),
        ("91 another version", of_hello(&|package| package.version = "1.0-2".into()), "archive Unproven", 3),
        (
            "91 the version spelled otherwise",
            of_hello(&|package| package.version = "0:1.0-1".into()),
            "archive Unproven",
            3,
        ),
        ("91 another architecture", of_hello(&|package| package.architecture = "all".into()), "archive Unproven", 3),
        ("91 another name", of_hello(&|package| package.name = "extra".into()), "archive Unproven", 3),
        ("91 another file", of_hello(&|package| package.filename = "pool/main/x.deb".into()), "archive Unproven", 3),
        ("91 a date between", edited(&|lock| lock.epoch -= 1), "lock broken", 3),
        ("91 a later date", edited(&|lock| lock.epoch = ARCHIVE_DATE), "lock broken", 3),
        ("91 an architecture", edited(&|lock| lock.architecture = "arm64".into()), "lock misfit", 2),
        ("91 a recipe's name", edited(&|lock| lock.recipe.name = "other".into()), "lock misfit", 2),
        ("91 a selection", edited(&|lock| lock.recipe.selection = Sha256::of(b"")), "lock misfit", 2),
        ("91 no sources", edited(&|lock| lock.sources.clear()), "lock misfit", 2),
        ("91 a source twice", edited(&|lock| lock.sources.push(lock.sources[0].clone())), "lock misfit", 2),
        ("91 a source's name", edited(&|lock| lock.sources[0].name = "debian-updates".into()), "lock misfit", 2),
        ("91 a source's suite", edited(&|lock| lock.sources[0].suite = "other".into()), "archive SuiteMismatch", 3),
        ("91 a date at the end of time", edited(&|lock| lock.sources[0].date = i64::MAX), "archive Proof", 3),
        ("91 a source's date", edited(&|lock| lock.sources[0].date += 1), "archive Proof", 3),
        ("91 a signer", edited(&|lock| lock.sources[0].signers = vec!["A".repeat(40)]), "archive Proof", 3),
        ("91 an expiry", edited(&|lock| lock.sources[0].waived = true), "archive Proof", 3),
        ("91 an index", edited(&|lock| drop(lock.sources[0].indices.pop_first())), "archive Proof", 3),
        (
            "91 an index's digest",
            edited(&|lock| *lock.sources[0].indices.values_mut().next().expect("one") = Sha256::of(b"x").into()),
            "archive Proof",
            3,
        ),
        ("91 an account", edited(&|lock| lock.users.extend([("evil".into(), 150)])), "lock misfit", 2),
    ];
    for (name, lock, class, code) in cases {
        refused(&world, &lock, name, class, code);
    }
    // The accounts are judged when they are made.
    for (name, number) in [("daemon", 2), ("hellod", 99), ("hellod", 1000), ("hellod", 64_000), ("nobody", 500)] {
        let lock = edited(&|lock| lock.users.extend([(name.into(), number)]));
        let error = build(&world, &one_thread(&world), &lock, false).expect_err(name);
        assert_eq!(error.exit_code(), 2, "{name} {number}: {}", chain(&error));
        assert!(chain(&error).contains(name), "{name} {number}: {}", chain(&error));
        assert!(!world.place.path().join("out").exists());
    }
    // Those that no image may have are no lock at all.
    for (from, to) in
        [("hellod = 100", "hellod = 0"), ("root = 0", "root = 1000"), ("hellod = 100", "hellod = 4294967295")]
    {
        let text = lock.to_text();
        assert!(text.contains(from), "{text}");
        Lock::parse(&text.replacen(from, to, 1), Path::new("x.lock")).expect_err(to);
    }
    // What the lock may say: which of the signed versions, the order, a daemon's own number; not why.
    let mut other = edited(&|lock| lock.packages.reverse());
    other.packages.iter_mut().for_each(|package| package.reason = "I say so".into());
    let same = build(&world, &one_thread(&world), &other, false).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(same.tree_digest, built.tree_digest);
    let text = fs::read_to_string(world.place.path().join("out/manifest.json")).expect("there");
    assert!(!text.contains("I say so") && text.contains("`hello` is asked for"), "{text}");
    let written = Lock::read(&world.place.path().join("out/small.lock")).expect("a lock").expect("there");
    assert!(written.packages.iter().all(|package| package.reason != "I say so"));
    let older = edited(&|lock| {
        let at = position(lock, "helper");
        lock.packages[at] = old.clone();
    });
    build(&world, &one_thread(&world), &older, false).unwrap_or_else(|error| panic!("{}", chain(&error)));
}

/// A .deb of the recipe's own is the recipe's to say.
#[test]
fn a_deb_of_ones_own_is_the_recipes() {
    let world = world(&archive());
    let place = world.place.path();
    let own = DebBuilder::new("own", "1", "all").file("/usr/share/own", 0o644, "mine").build();
    fs::write(place.join("own.deb"), &own).expect("written");
    let path = place.join("small.toml");
    let text = fs::read_to_string(&path).expect("ours");
    fs::write(&path, text.replace("[\"hello\"]", "[\"hello\", \"./own.deb\"]")).expect("written");
    let first = world.build().unwrap_or_else(|error| panic!("{}", chain(&error)));
    let at = position(&first.lock, "own");
    // With nothing in the cache too.
    for _ in 0..2 {
        let again = build(&world, &one_thread(&world), &first.lock, false);
        assert_eq!(again.unwrap_or_else(|error| panic!("{}", chain(&error))).tree_digest, first.tree_digest);
        fs::remove_dir_all(place.join("cache")).expect("removed");
    }
    for edit in [
        (|package| package.sha256 = Sha256::of(b"x")) as fn(&mut recipe::LockedPackage),
        |package| package.size += 1,
        |package| package.version = "2".into(),
        |package| package.filename = "./other.deb".into(),
        |package| package.name = "extra".into(),
    ] {
        let mut lock = first.lock.clone();
        edit(&mut lock.packages[at]);
        let error = build(&world, &one_thread(&world), &lock, false).expect_err("it was changed");
        assert_eq!((class(&error).as_str(), error.exit_code()), ("lock misfit", 2), "{}", chain(&error));
    }
}

/// Where no index can be had, one can go on only by saying so, and then the output says so as well.
#[test]
fn case_92_no_index_can_be_had() {
    let (world, lock, built) = locked(&archive());
    let index = lock.sources[0].indices.keys().next().expect("one").clone();
    let sha256 = lock.sources[0].indices[&index].to_string();
    world.transport.remove(&format!("{MIRROR}/dists/test/{index}"));
    world.transport.remove(&format!("{MIRROR}/dists/test/main/binary-amd64/by-hash/SHA256/{sha256}"));
    fs::remove_dir_all(world.place.path().join("cache")).expect("removed");
    let before = kept(&world);
    let error = build(&world, &one_thread(&world), &lock, false).expect_err("nothing proves it");
    world.assert_refused(&error, "92 no index", "lock unproved", 3, &before);
    let trusted = build(&world, &one_thread(&world), &lock, true).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(trusted.tree_digest, built.tree_digest);
    let text = fs::read_to_string(world.place.path().join("out/manifest.json")).expect("there");
    let manifest = Manifest::parse(&text).expect("a manifest");
    assert_eq!(manifest.unproved.as_deref(), Some("unproved: trusted by request"));
    assert_eq!(files(&world.place.path().join("cache/records/proved-2")), Vec::<PathBuf>::new());
    let (code, out, err) = run(world.place.path(), &["verify", "out"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("lock unproved: trusted by request"), "{out}");
    let statement = statement(&manifest);
    assert!(statement.contains("\"lock\":\"unproved: trusted by request\""), "{statement}");
    // It is the proof that lacks; what can be told without it is judged all the same.
    let mut other = lock;
    other.sources[0].date += 1;
    let error = build(&world, &one_thread(&world), &other, true).expect_err("its Release says otherwise");
    assert_eq!(class(&error), "archive Proof");
    other.sources[0].date -= 1;
    other.epoch -= 1;
    let error = build(&world, &one_thread(&world), &other, true).expect_err("its packages say otherwise");
    assert_eq!(class(&error), "lock broken");
}

/// What the provenance of an output says.
fn statement(manifest: &Manifest) -> String {
    struct Nobody;
    impl host::Signer for Nobody {
        fn key_id(&self) -> String {
            "nobody".to_owned()
        }
        fn sign(&self, _: &[u8]) -> Vec<u8> {
            Vec::new()
        }
    }
    let text = provenance::provenance(manifest, &Sha256::of(b"a recipe"), &Nobody);
    let envelope: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let payload = base64::engine::general_purpose::STANDARD.decode(envelope["payload"].as_str().expect("a text"));
    String::from_utf8(payload.expect("base64")).expect("JSON")
}

pub(crate) fn run(place: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    run_with(place, arguments, "http://snapshot.example.org")
}

/// A Release of a time when its key was not yet made: no lock, no build, no proof.
#[test]
fn case_96_a_release_from_before_its_key() {
    let old = archive().field("Date", "Mon, 01 Jan 2001 00:00:00 UTC");
    let world = world(&old);
    let recipe = recipe::load(&world.place.path().join("small.toml")).expect("a recipe");
    let mirrors = mirrors();
    let request = Request::new(&recipe, &mirrors);
    let error = pipeline::lock(&world.host().expect("a store"), &request).expect_err("no lock");
    assert_eq!((class(&error).as_str(), error.exit_code()), ("archive Expired", 3), "{}", chain(&error));
    fs::remove_dir_all(world.place.path().join("cache")).expect("removed");
    world.refused("96 a Release from before its key", "archive Expired", 3);
    // One who makes the lock by hand proves nothing with it.
    let text = &old.build()["dists/test/InRelease"];
    let source = recipe::LockedSource::new("debian", "test", 978_307_200, text, None);
    let lock = Lock { sources: vec![source], ..Lock::new(&recipe) };
    let error = pipeline::prove(&world.host().expect("a store"), Some(&recipe), &mirrors, &lock).expect_err("no proof");
    assert_eq!((class(&error).as_str(), error.exit_code()), ("archive Expired", 3), "{}", chain(&error));
}

/// A clock that was wrong where somebody made a package dates no image.
#[test]
fn case_97_a_package_from_the_future() {
    let future = ARCHIVE_DATE + 3650 * 24 * 3600;
    let hello = DebBuilder::new("hello", "1.0-1", "amd64").mtime(future).file("/usr/share/hello", 0o644, "hello\n");
    let (world, lock, built) = locked(&ArchiveBuilder::new("test").package(&hello));
    assert_eq!(lock.epoch, ARCHIVE_DATE);
    let again = build(&world, &one_thread(&world), &lock, false).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(again.tree_digest, built.tree_digest);
    let tree = fs::read_to_string(world.place.path().join("out/tree.txt")).expect("there");
    assert!(tree.contains("/usr/share/hello") && !tree.contains(&future.to_string()), "{tree}");
}

/// The same as it is typed, over HTTP: build, refuse, trust, verify.
#[test]
fn a_lock_as_it_is_typed() {
    let (world, mut lock, _) = locked(&archive());
    let place = world.place.path();
    let mut served = archive().build();
    let evil = DebBuilder::new("hello", "1.0-1", "amd64").file("/etc/cron.d/evil", 0o644, "x").build();
    let at = position(&lock, "hello");
    served.insert("pool/evil.deb".to_owned(), evil.clone());
    let server = HttpServer::new(move |request| {
        let bytes = served.get(request.path.trim_start_matches("/debian/"));
        let bytes = bytes.map_or_else(|| answer("404 Not Found", &[], b""), |bytes| file_answer(bytes, request));
        vec![Step::Send(bytes)]
    });
    let mirror = server.url("debian");
    let snapshot = server.url("nothing");
    let build_it = |more: &[&str]| {
        let arguments = ["small.toml", "--locked", "--mirror", &mirror, "--cache", "cache", "-q"];
        run_with(place, &[&arguments, more].concat(), &snapshot)
    };
    lock.write(&place.join("small.lock")).expect("written");
    let (code, _, err) = build_it(&["-o", "one"]);
    assert_eq!(code, Some(0), "{err}");
    let key = fs::metadata(place.join("state/imgbuild/cache.key")).expect("it was made");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let (code, out, err) = run(place, &["verify", "one", "--rebuild", "small.toml", "--cache", "cache", "--offline"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(!out.contains("unproved"), "{out}");
    lock.packages[at].sha256 = Sha256::of(&evil);
    lock.packages[at].size = evil.len() as u64;
    lock.packages[at].filename = "pool/evil.deb".into();
    lock.write(&place.join("small.lock")).expect("written");
    fs::remove_dir_all(place.join("cache")).expect("removed");
    for more in [&["-o", "two"][..], &["-o", "two", "--trust-lock"]] {
        let (code, out, err) = build_it(more);
        assert_eq!((code, out.as_str()), (Some(3), ""), "{err}");
        assert!(err.contains("package `hello 1.0-1` does not follow from it"), "{err}");
    }
    fs::remove_dir_all(place.join("cache")).expect("removed");
    let offline = ["small.toml", "--offline", "--cache", "cache", "-o", "two"];
    let (code, _, err) = run(place, &offline);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("cannot be proved") && err.contains("--trust-lock"), "{err}");
    let (code, _, err) = run(place, &["verify", "--lock", "small.lock", "--trust-lock", "--cache", "cache"]);
    assert_eq!(code, Some(2), "{err}");
    // A key that others can read is none.
    fs::set_permissions(place.join("state/imgbuild/cache.key"), fs::Permissions::from_mode(0o644)).expect("ours");
    let (code, _, err) = run(place, &offline);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("cache.key` can be read by others"), "{err}");
}

#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn run_with(place: &Path, arguments: &[&str], snapshot: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command.args(arguments).current_dir(place).env_clear().env("XDG_STATE_HOME", place.join("state"));
    command.env("IMGBUILD_SNAPSHOT_MIRROR", snapshot);
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("words are UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The same numbers for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }

    pub(crate) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// One edit somewhere in a table: changed, removed, doubled, swapped, added.
fn edit(random: &mut Random, table: &mut Table) {
    let keys: Vec<String> = table.keys().cloned().collect();
    let key = random.of(&keys).clone();
    match random.below(8) {
        0 => drop(table.remove(&key)),
        1 => {
            let other = table[random.of(&keys)].clone();
            table.insert(key, other);
        }
        2 => drop(table.insert(format!("{key}x"), table[&key].clone())),
        _ => edit_value(random, table.get_mut(&key).expect("it was listed")),
    }
    if table.is_empty() {
        table.insert("x".into(), Value::Integer(1));
    }
}

fn edit_value(random: &mut Random, value: &mut Value) {
    match value {
        Value::Table(table) if !table.is_empty() => edit(random, table),
        Value::Array(items) if !items.is_empty() => {
            let (at, other) = (random.below(items.len()), random.below(items.len()));
            match random.below(6) {
                0 => drop(items.remove(at)),
                1 => items.insert(other, items[at].clone()),
                2 => items.swap(at, other),
                _ => edit_value(random, &mut items[at]),
            }
        }
        Value::Integer(number) => {
            *number = *random.of(&[
                number.wrapping_add(1),
                number.wrapping_sub(1),
                0,
                -1,
                99,
                101,
                1000,
                65_535,
                4_294_967_295,
                i64::MAX,
                i64::MIN,
            ]);
        }
        Value::Boolean(bit) => *bit = !*bit,
        Value::String(text) => {
            let mut letters: Vec<char> = text.chars().collect();
            let at = random.below(letters.len());
            match random.below(4) {
                0 => letters.truncate(at),
                1 => letters.insert(at, *random.of(&['a', '0', '/', '.', '\n', '\u{1b}'])),
                2 if !letters.is_empty() => drop(letters.remove(at)),
                _ if !letters.is_empty() => letters[at] = *random.of(&['a', 'b', '1', '2', '-', 'é']),
                _ => letters.push('x'),
            }
            *text = letters.into_iter().collect();
        }
        other => *other = Value::Integer(7),
    }
}

/// A thousand edits of a lock: each is refused, or the same packages are proved and the same tree is built. Only a
/// daemon's number is the lock's to say.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn a_thousand_edits_of_a_lock() {
    let (world, lock, built) = locked(&archive());
    let host = one_thread(&world);
    let original: Table = lock.to_text().parse().expect("TOML");
    let identity = |lock: &Lock| -> Vec<(String, String, Sha256)> {
        let of = |package: &recipe::LockedPackage| (package.name.clone(), package.version.clone(), package.sha256);
        let mut packages: Vec<_> = lock.packages.iter().map(of).collect();
        packages.sort();
        packages
    };
    let mut random = Random(1);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let (mut number, mut no_locks) = (0, 0);
    while number < 1000 {
        let mut table = original.clone();
        for _ in 0..=random.below(2) {
            edit(&mut random, &mut table);
        }
        let text = toml::to_string(&table).expect("TOML");
        // What is no lock any more is refused at once, and proves little.
        let Ok(edited) = Lock::parse(&text, Path::new("x.lock")) else {
            no_locks += 1;
            continue;
        };
        number += 1;
        let outcome = match build(&world, &host, &edited, false) {
            Ok(again) => {
                assert_eq!(identity(&again.lock), identity(&lock), "edit {number}: other packages\n{text}");
                let numbers = |lock: &Lock| [lock.users.get("hellod").copied(), lock.groups.get("hellod").copied()];
                let is_moved = numbers(&edited) != numbers(&lock);
                assert!(is_moved || again.tree_digest == built.tree_digest, "edit {number}: another tree\n{text}");
                if is_moved { "built, the daemon's number" } else { "built, the same" }.to_owned()
            }
            Err(error) => {
                let code = error.exit_code();
                assert!(code == 2 || code == 3, "edit {number}: exit {code}: {}\n{text}", chain(&error));
                class(&error).split(" {").next().expect("one").to_owned()
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    eprintln!("1000 edits of a lock, beside {no_locks} that make it none: {outcomes:?}");
    assert!(outcomes.len() > 5, "the edits are all of a kind: {outcomes:?}");
}
