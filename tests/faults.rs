//! Faults and death in the middle of a build, by the rules of crash safety: whatever happens, the output is the old
//! one or the new one and whole, the store heals, and the next build gives the digest of an undisturbed one.
//!
//! A fault is planned for a process, so every disturbed build is a process of its own: this test, started again.
//! Cases 6 and 76 to 78. Run in full behind `IMGBUILD_TEST_FAULTS`, in part without.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use imgbuild::digest::Sha256;
use imgbuild::host::Host;
use imgbuild::host::Store as _;
use imgbuild::host::fault;
use imgbuild::host::fault::Fault;
use imgbuild::host::store::DirStore;
use imgbuild::pipeline::Keep;
use imgbuild::pipeline::Look;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;

use crate::hostile::Place;
use crate::hostile::World;
use crate::hostile::files;
use crate::hostile::hello;
use crate::hostile::names;

/// Tell a process of this test where to build, and what is to go wrong there.
const PLACE: &str = "IMGBUILD_TEST_FAULT_PLACE";
const PLAN: &str = "IMGBUILD_TEST_FAULT_PLAN";
/// Tell it to remember all that can be, with this text in the overlay and this store behind the cache.
const OVERLAY: &str = "IMGBUILD_TEST_FAULT_OVERLAY";
const STORE: &str = "IMGBUILD_TEST_FAULT_STORE";

/// Errors of Linux (errno(3)).
const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;

/// How a process of this test ends: the build went well, or it did not.
const DONE: &str = "a build: done";
const FAILED: &str = "a build: failed";

/// An archive whose build writes something of everything: several packages, links, a larger file.
fn archive() -> ArchiveBuilder {
    let other = DebBuilder::new("other", "1", "all")
        .file("/usr/share/other/large", 0o644, vec![7; 300_000])
        .symlink("/usr/share/other/link", "large")
        .hard_link("/usr/share/other/hard", "/usr/share/other/large");
    ArchiveBuilder::new("test").package(&hello().field("Depends", "other")).package(&other)
}

/// What stands in the place before: the output of an older archive.
fn old_archive() -> ArchiveBuilder {
    ArchiveBuilder::new("test").package(&hello().file("/etc/old", 0o644, "old"))
}

/// The error with the exit code that a program would give.
fn build(archive: &ArchiveBuilder, place: &Path, output: &str) -> Result<(), String> {
    let world = World::at(archive, Place::Given(place.to_owned()));
    let build = || {
        // One thread: the passes come in the same order every time.
        let host = Host { jobs: 1, ..world.host()? };
        world.build_on(&host, output)
    };
    build().map(drop).map_err(|error| format!("exit {}: {}", error.exit_code(), crate::hostile::chain(&error)))
}

/// The same with all that builds take from builds before: systems that were installed, parts of the output, a store that
/// machines share.
fn build_with_all(place: &Path, cache: &str, output: &str, text: &str, url: &str) -> Result<(), String> {
    let overlay = format!("[[overlay]]\npath = \"/etc/own\"\ncontent = \"{text}\"\n");
    let formats = "[output]\nformats = [\"tar\", \"tar.zst\", \"erofs\"]\n";
    let world = World::at(&archive(), Place::Given(place.to_owned())).recipe(&(overlay + formats));
    let build = || -> Result<(), imgbuild::error::Error> {
        let mut host = Host { jobs: 1, ..world.host()? };
        let local = DirStore::open(place.join(cache))?.sealed_by(crate::hostile::KEY);
        host.store = match url {
            "" => Arc::new(local),
            #[cfg(feature = "remote")]
            url => {
                let reporter = Arc::clone(&host.reporter);
                let opened = imgbuild::host::store::remote::RemoteStore::open(local, url, &[], 1 << 30, reporter);
                Arc::new(opened.expect("a URL"))
            }
            #[cfg(not(feature = "remote"))]
            url => panic!("this program knows no <{url}>"),
        };
        let recipe = imgbuild::recipe::load(&place.join("small.toml"))?;
        let mirrors = Mirrors { debian: vec![world.mirror.clone()], ..Mirrors::default() };
        let keep = Some(Keep { program: "this", after: Look::Outside });
        let request = Request { keep, ..Request::new(&recipe, &mirrors) };
        imgbuild::pipeline::build(&host, &request, &place.join(output)).map(drop)
    };
    build().map_err(|error| format!("exit {}: {}", error.exit_code(), crate::hostile::chain(&error)))
}

/// The disturbed build; does nothing when it is not told to.
#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the parent test says where, and reads how it went"
)]
fn builds_as_it_is_told() {
    let Some(place) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
    let output = std::env::var("IMGBUILD_TEST_FAULT_OUTPUT").unwrap_or_else(|_| "out".to_owned());
    if let Ok(plan) = std::env::var(PLAN) {
        let words: Vec<&str> = plan.split(' ').collect();
        let [number, kind, code] = words[..] else { panic!("a plan has three words: {plan}") };
        let code = code.parse().expect("a number");
        let fault = match kind {
            "once" => Fault::Once(code),
            "on" => Fault::FromThenOn(code),
            _ => Fault::Death,
        };
        fault::plan(number.parse().expect("a number"), fault);
    }
    let built = match std::env::var(OVERLAY) {
        Ok(text) => build_with_all(&place, "cache", &output, &text, &std::env::var(STORE).unwrap_or_default()),
        Err(_) => build(&archive(), &place, &output),
    };
    match built {
        Ok(()) => println!("{DONE} {}", fault::passed()),
        Err(error) => println!("{FAILED} {error}"),
    }
}

fn start(place: &Path, plan: Option<&str>, output: &str) -> Child {
    start_with(place, plan, output, &[])
}

#[expect(clippy::disallowed_methods, reason = "a process that can be ended")]
fn start_with(place: &Path, plan: Option<&str>, output: &str, variables: &[(&str, &str)]) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "faults::builds_as_it_is_told", "--nocapture"]);
    command.env(PLACE, place).env("IMGBUILD_TEST_FAULT_OUTPUT", output);
    command.envs(plan.map(|plan| (PLAN, plan))).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a second process")
}

/// What a process of this test said of its build; nothing when it died.
fn said(child: Child) -> Option<String> {
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .find(|line| line.contains("a build: "))
        .map(|line| line[line.find("a build: ").expect("in it")..].to_owned())
}

/// The files of an output with their digests; nothing when there is none.
fn digests(output: &Path) -> BTreeMap<PathBuf, Sha256> {
    let digest = |path: PathBuf| {
        let digest = Sha256::of(&fs::read(&path).expect("an output can be read"));
        (path.strip_prefix(output).expect("below it").to_owned(), digest)
    };
    files(output).into_iter().map(digest).collect()
}

/// Where a synchronisation costs nothing, if this machine has such a place: what is tested here is the order of
/// steps, not the disk.
fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary directory")
}

/// A place with an older output and a store that knows some of what is wanted.
fn prepared() -> tempfile::TempDir {
    let place = directory();
    build(&old_archive(), place.path(), "out").expect("an undisturbed build");
    place
}

struct Expected {
    old: BTreeMap<PathBuf, Sha256>,
    new: BTreeMap<PathBuf, Sha256>,
    /// How many passes a build has.
    passes: u64,
    /// How long one takes.
    takes: Duration,
}

fn expected() -> Expected {
    let place = prepared();
    let old = digests(&place.path().join("out"));
    let start_of_it = Instant::now();
    let words = said(start(place.path(), None, "out")).expect("it ends by itself");
    let takes = start_of_it.elapsed();
    let passes = words.strip_prefix(DONE).and_then(|rest| rest.trim().parse().ok());
    let new = digests(&place.path().join("out"));
    assert!(old != new && !new.is_empty());
    Expected { old, new, passes: passes.unwrap_or_else(|| panic!("{words}")), takes }
}

/// No unfinished output and no unfinished blob lies anywhere.
fn assert_nothing_leaked(place: &Path, what: &str) {
    let hidden: Vec<String> = names(place).into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(hidden, Vec::<String>::new(), "{what}: an unfinished output was left");
    assert_eq!(files(&place.join("cache/incoming")), Vec::<PathBuf>::new(), "{what}: an unfinished blob was left");
}

/// The next build, undisturbed, gives what it should and clears up what is left.
fn assert_heals(place: &Path, expected: &Expected, what: &str) {
    build(&archive(), place, "out").unwrap_or_else(|error| panic!("{what}: the next build: {error}"));
    assert_eq!(digests(&place.join("out")), expected.new, "{what}: the next build gives another output");
    assert_nothing_leaked(place, what);
    let store = DirStore::open(place.join("cache")).expect("a store");
    for path in files(&place.join("cache/sha256")) {
        let parts = [path.parent().expect("below").file_name(), path.file_name()];
        let name: String = parts.iter().map(|part| part.expect("named").to_string_lossy()).collect();
        let digest = name.parse().expect("a blob's name is its digest");
        assert!(store.get(&digest).expect("readable").is_some(), "{what}: blob {name} is damaged");
    }
    assert_eq!(files(&place.join("cache/damaged")), Vec::<PathBuf>::new(), "{what}");
}

#[expect(clippy::disallowed_methods, reason = "a test reads its switch")]
fn in_full() -> bool {
    std::env::var_os("IMGBUILD_TEST_FAULTS").is_some_and(|value| value == "1")
}

/// Every write, rename and synchronisation fails once, or from then on, or is the last thing that happens.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn case_76_a_fault_at_every_pass() {
    let expected = expected();
    let step = if in_full() { 1 } else { 23 };
    if step > 1 {
        eprintln!("case_76_a_fault_at_every_pass: one pass in {step} (set IMGBUILD_TEST_FAULTS=1 for all)");
    }
    let kinds = [("on", ENOSPC), ("once", EIO), ("once", EMFILE), ("death", 0)];
    let plans: Vec<String> = (0..expected.passes)
        .step_by(step)
        .flat_map(|number| kinds.map(|(kind, code)| format!("{number} {kind} {code}")))
        .collect();
    let outcomes = imgbuild::host::in_parallel(2, &plans, |plan| {
        let place = prepared();
        let words = said(start(place.path(), Some(plan), "out"));
        let found = digests(&place.path().join("out"));
        match words.as_deref() {
            Some(words) if words.starts_with(DONE) => assert_eq!(found, expected.new, "{plan}"),
            Some(words) => {
                // After the last rename only its way to the disk can fail.
                assert!(found == expected.old || found == expected.new, "{plan}: {words}: neither old nor new");
                assert!(words.starts_with(&format!("{FAILED} exit 1: ")), "{plan}: {words}: another exit code");
                assert!(words.contains("os error"), "{plan}: {words}: the cause is not told");
                assert_nothing_leaked(place.path(), plan);
            }
            None => assert!(found == expected.old || found == expected.new, "{plan}: neither old nor new"),
        }
        assert_heals(place.path(), &expected, plan);
        words.map_or("died", |words| if words.starts_with(DONE) { "went on" } else { "failed" })
    });
    let count = |wanted: &str| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let (failed, died, went_on) = (count("failed"), count("died"), count("went on"));
    eprintln!(
        "{} passes, {} faults: {failed} builds failed, {died} died, {went_on} went on without it",
        expected.passes,
        plans.len()
    );
    assert!(failed > 0 && died > 0);
}

/// A build is killed at random moments, over and over, in one place.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn case_77_killed_at_any_moment() {
    let expected = expected();
    let kills = if in_full() { 500 } else { 20 };
    let place = prepared();
    let (mut died, mut state) = (0, 1_u64);
    let mut rounds = 0;
    while died < kills {
        rounds += 1;
        assert!(rounds < kills * 20, "builds end before they can be killed");
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let whole = u64::try_from(expected.takes.as_micros()).expect("short");
        let mut child = start(place.path(), None, "out");
        std::thread::sleep(Duration::from_micros((state >> 33) % whole.max(1)));
        child.kill().expect("killed");
        died += usize::from(said(child).is_none());
        let found = digests(&place.path().join("out"));
        assert!(found == expected.old || found == expected.new, "after {died} kills: neither old nor new");
        // Now and then everything is to be done again, or the store would soon have it all.
        if rounds % 5 == 0 {
            fs::remove_dir_all(place.path().join("cache")).expect("removed");
            fs::remove_dir_all(place.path().join("out")).expect("removed");
            build(&old_archive(), place.path(), "out").expect("an undisturbed build");
        }
    }
    assert_heals(place.path(), &expected, "after all kills");
    eprintln!("{died} builds killed in {rounds} rounds");
}

/// The same over and over with all that builds remember: an overlay that changes, systems that are recalled, parts of the
/// output before, a store that machines share. And then another machine builds from what is there.
#[cfg(feature = "remote")]
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn case_77_killed_while_it_remembers() {
    let kills = if in_full() { 500 } else { 20 };
    let bucket = crate::remote::Bucket::new(|_| None);
    let url = bucket.server.url("shared");
    let expected = ["one", "another"].map(|text| {
        let place = directory();
        build_with_all(place.path(), "cache", "out", text, "").expect("an undisturbed build");
        (text, digests(&place.path().join("out")))
    });
    assert_ne!(expected[0].1, expected[1].1);
    let place = directory();
    let out = place.path().join("out");
    let start = |text: &str| start_with(place.path(), None, "out", &[(OVERLAY, text), (STORE, &url)]);
    let (mut died, mut done, mut state, mut rounds) = (0, 0, 1_u64, 0);
    let mut takes = Duration::from_secs(1);
    while died < kills {
        rounds += 1;
        assert!(rounds < kills * 20, "builds end before they can be killed");
        // Now and then without a cache, so that the other store is asked.
        if [3, 6].contains(&(rounds % 9)) {
            fs::remove_dir_all(place.path().join("cache")).unwrap_or_default();
        }
        let had = !digests(&out).is_empty();
        let (text, wanted) = &expected[rounds % 2];
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let begun = Instant::now();
        let mut child = start(text);
        let wait = Duration::from_micros((state >> 33) % u64::try_from(takes.as_micros()).expect("short").max(1));
        std::thread::sleep(wait);
        // One in nine comes to its end, and shows how long that takes.
        if rounds % 9 != 0 {
            child.kill().expect("killed");
        }
        let words = said(child);
        let found = digests(&out);
        match words.as_deref() {
            Some(words) => {
                assert!(words.starts_with(DONE), "{words}");
                assert_eq!(found, *wanted, "round {rounds}");
                takes = if rounds % 9 == 0 { begun.elapsed() } else { takes };
                done += 1;
            }
            None => {
                died += 1;
                let is_one = expected.iter().any(|(_, wanted)| found == *wanted);
                assert!(is_one || (found.is_empty() && !had), "after {died} kills: neither old nor new");
            }
        }
    }
    for cache in ["cache", "cache of another machine"] {
        for (text, wanted) in &expected {
            build_with_all(place.path(), cache, "out", text, &url).unwrap_or_else(|error| panic!("{cache}: {error}"));
            assert_eq!(digests(&out), *wanted, "{cache}");
        }
    }
    assert_nothing_leaked(place.path(), "after all kills");
    eprintln!("{died} builds killed in {rounds} rounds, {done} done; {} objects in the store", bucket.names().len());
}

/// Eight builds at once on one store, two of them in one place.
#[test]
fn case_78_eight_builds_on_one_store() {
    let expected = expected();
    let place = directory();
    let outputs = ["a", "b", "c", "d", "e", "f", "same", "same"];
    let children: Vec<Child> = outputs.iter().map(|output| start(place.path(), None, output)).collect();
    for (child, output) in children.into_iter().zip(outputs) {
        let words = said(child).unwrap_or_default();
        assert!(words.starts_with(DONE), "{output}: {words}");
    }
    for output in outputs {
        assert_eq!(digests(&place.path().join(output)), expected.new, "{output}");
    }
    assert_nothing_leaked(place.path(), "eight builds");
    assert_eq!(files(&place.path().join("cache/damaged")), Vec::<PathBuf>::new());
}

/// A byte of any blob or record of the store changes: it is found, put aside, and fetched or made again.
#[test]
fn case_38_a_flipped_byte_in_the_store() {
    let expected = expected();
    let place = directory();
    build(&archive(), place.path(), "out").expect("an undisturbed build");
    let cache = place.path().join("cache");
    for kept in [files(&cache.join("sha256")), files(&cache.join("records"))].concat() {
        let mut bytes = fs::read(&kept).expect("readable");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::remove_file(&kept).expect("removed");
        fs::write(&kept, bytes).expect("damaged");
        fs::remove_dir_all(place.path().join("out")).expect("removed");
        build(&archive(), place.path(), "out").unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
        assert_eq!(digests(&place.path().join("out")), expected.new, "{}", kept.display());
    }
    assert!(!files(&cache.join("damaged")).is_empty());
}

/// A store that is none is an error that says so, and nothing is built.
#[test]
fn case_78_a_store_that_is_none() {
    let place = directory();
    fs::write(place.path().join("cache"), "a file").expect("written");
    let world = World::at(&archive(), Place::Given(place.path().to_owned()));
    let error = world.build().expect_err("there is no store");
    world.assert_refused(&error, "78 no store", "store", 1, &[]);
    assert!(crate::hostile::chain(&error).contains("cache"), "{error}");
    assert_eq!(fs::read(place.path().join("cache")).expect("it is there"), b"a file");
}
