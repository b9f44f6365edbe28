//! What can be proved afterwards: a lock against what was signed, and an output against who built it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::sync::Arc;

use imgbuild::archive;
use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::TrustError;
use imgbuild::host::signing::SigningKey;
use imgbuild::manifest::provenance;
use imgbuild::pipeline;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Proved;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::recipe::Lock;
use imgbuild::testing::ARCHIVE_DATE;

use crate::hostile::World;
use crate::hostile::chain;
use crate::hostile::request;
use crate::hostile::simple;

const BASE: &str = "http://mirror.example.org/debian";
/// The first test vector of RFC 8032, 7.1: a key that everyone knows.
const SECRET: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
/// Another: the second vector.
const OTHER: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n\
    -----END PRIVATE KEY-----\n";

fn mirrors() -> Mirrors {
    Mirrors { debian: vec![BASE.to_owned()], ..Mirrors::default() }
}

/// A world whose output is built, and the lock in it.
fn built() -> (World, Lock) {
    let world = World::new(&simple());
    world.build().unwrap_or_else(|error| panic!("{}", chain(&error)));
    let lock = Lock::read(&world.place.path().join("out/small.lock")).expect("readable").expect("there");
    (world, lock)
}

fn prove(world: &World, host: &Host, lock: &Lock) -> Result<Proved, Error> {
    let recipe = recipe::load(&world.place.path().join("small.toml"))?;
    pipeline::prove(host, Some(&recipe), &mirrors(), lock)
}

#[test]
fn a_lock_proves_itself_without_a_network_years_later() {
    let (world, lock) = built();
    let offline = Host { transport: Arc::new(host::OfflineTransport), ..world.host().expect("a store") };
    let later = Host { now: ARCHIVE_DATE + 100 * 365 * 24 * 3600, ..offline };
    let proved = prove(&world, &later, &lock).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!((proved.packages, proved.own, proved.debs, proved.sources.len()), (1, 0, 1, 1));
    assert_eq!(proved.sources[0].date, ARCHIVE_DATE);
    // Without the index nothing is proved; with a mirror it comes by its digest, whatever the mirror is at now.
    fs::remove_dir_all(world.place.path().join("cache")).expect("removed");
    let empty = Host { store: world.host().expect("a store").store, ..later };
    let error = prove(&world, &empty, &lock).expect_err("the index is not there");
    assert!(error.exit_code() == 3 && chain(&error).contains("offline"), "{}", chain(&error));
    assert!(matches!(error, Error::Unproved(_)), "{}", chain(&error));
    let release = format!("{BASE}/dists/test/InRelease");
    world.transport.remove(&release);
    world.transport.take_requests();
    let proved = prove(&world, &world.host().expect("a store"), &lock).expect("the mirror has the index");
    assert_eq!((proved.packages, proved.debs), (1, 0));
    assert!(world.transport.take_requests().iter().all(|(url, _)| *url != release), "nothing newer is asked for");
}

#[test]
fn what_mirrors_have_dropped_is_in_the_snapshot_of_its_day() {
    let (world, lock) = built();
    fs::remove_dir_all(world.place.path().join("cache")).expect("removed");
    let mirrors = Mirrors { snapshot: vec!["http://old.example.org/archive".to_owned()], ..mirrors() };
    let old = "http://old.example.org/archive/debian/20260601T120000Z";
    for (path, bytes) in simple().build() {
        world.transport.remove(&format!("{BASE}/{path}"));
        world.transport.put(&format!("{old}/{path}"), bytes);
    }
    let path = world.place.path().join("small.toml");
    let host = world.host().expect("a store");
    let recipe = recipe::load(&path).expect("ours");
    let request = Request { lock: Some(&lock), ..Request::new(&recipe, &mirrors) };
    pipeline::build(&host, &request, &world.place.path().join("again"))
        .unwrap_or_else(|error| panic!("{}", chain(&error)));
    // A recipe of that time asks nobody else.
    fs::remove_dir_all(world.place.path().join("cache")).expect("removed");
    let text = fs::read_to_string(&path).expect("ours");
    fs::write(&path, text.replacen("[debian]\n", "[debian]\nsnapshot = \"20260601T120000Z\"\n", 1)).expect("written");
    let recipe = recipe::load(&path).expect("ours");
    world.transport.take_requests();
    let host = world.host().expect("a store");
    pipeline::build(&host, &Request::new(&recipe, &mirrors), &world.place.path().join("pinned"))
        .unwrap_or_else(|error| panic!("{}", chain(&error)));
    let asked = world.transport.take_requests();
    assert!(!asked.is_empty() && asked.iter().all(|(url, _)| url.starts_with(old)), "{asked:?}");
}

#[test]
fn a_lock_that_says_otherwise_is_not_proved() {
    let (world, lock) = built();
    let host = world.host().expect("a store");
    let refused = |change: &dyn Fn(&mut Lock)| {
        let mut changed = lock.clone();
        change(&mut changed);
        let error = prove(&world, &host, &changed).expect_err("it was changed");
        assert_eq!(error.exit_code(), 3, "{}", chain(&error));
        error
    };
    for (name, change) in [
        ("digest", (&|lock: &mut Lock| lock.packages[0].sha256 = Sha256::of(b"evil")) as &dyn Fn(&mut Lock)),
        ("size", &|lock| lock.packages[0].size += 1),
        ("version", &|lock| lock.packages[0].version = "2.0".into()),
        ("architecture", &|lock| lock.packages[0].architecture = "all".into()),
        ("name", &|lock| lock.packages[0].name = "evil".into()),
        ("file", &|lock| lock.packages[0].filename = "pool/evil.deb".into()),
    ] {
        let error = refused(change);
        let unproven = matches!(&error, Error::Archive(error) if matches!(**error, archive::Error::Unproven { .. }));
        assert!(unproven, "{name}: {}", chain(&error));
    }
    refused(&|lock| {
        let index = lock.sources[0].indices.values_mut().next().expect("an index");
        *index = Sha256::of(b"evil").into();
    });
    refused(&|lock| lock.sources[0].suite = "stable".into());
    refused(&|lock| lock.sources[0].date += 1);
    // Whose key counts is not the lock's to say: without the recipe only Debian's do.
    match pipeline::prove(&host, None, &mirrors(), &lock) {
        Err(Error::Archive(error)) => {
            let unknown = matches!(*error, archive::Error::Signature { source: TrustError::UnknownKey(_), .. });
            assert!(unknown, "{}", chain(&error));
        }
        other => panic!("{other:?}"),
    }
    let mut foreign = lock.clone();
    foreign.sources[0].name = "http://example.org stable".into();
    assert!(matches!(pipeline::prove(&host, None, &mirrors(), &foreign), Err(Error::Keyring(_))));
}

/// A lock is a file that somebody may have written: a build from it does not take one package's .deb for another, even
/// where nothing but the .deb itself can say so.
#[test]
fn a_deb_is_the_package_that_the_lock_names() {
    let (world, mut lock) = built();
    lock.packages[0].version = "2.0".into();
    let recipe = recipe::load(&world.place.path().join("small.toml")).expect("a recipe");
    let mirrors = mirrors();
    let output = world.place.path().join("second");
    let refused = |trust_lock: bool| {
        let request = Request { lock: Some(&lock), trust_lock, ..request(&recipe, &mirrors) };
        let error = pipeline::build(&world.host().expect("a store"), &request, &output).expect_err("another version");
        assert!(!output.exists());
        chain(&error)
    };
    let words = refused(false);
    assert!(words.contains("its indices have no such version"), "{words}");
    // Nothing is left but the .debs.
    let index = lock.sources[0].indices.keys().next().expect("one");
    world.transport.remove(&format!("{BASE}/dists/test/{index}"));
    let sha256 = lock.sources[0].indices[index];
    world.transport.remove(&format!("{BASE}/dists/test/main/binary-amd64/by-hash/SHA256/{sha256}"));
    fs::remove_dir_all(world.place.path().join("cache")).expect("removed");
    let words = refused(true);
    assert!(words.contains("Version is `1.0-1` in the .deb"), "{words}");
}

#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn run(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    let Output { status, stdout, stderr } =
        command.args(arguments).current_dir(directory).env_clear().output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("words are UTF-8");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn verify_lock_as_it_is_typed() {
    let (world, mut lock) = built();
    let place = world.place.path();
    let arguments = ["verify", "--lock", "out/small.lock", "--recipe", "small.toml", "--offline", "--cache", "cache"];
    let (code, out, err) = run(place, &arguments);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("debian: test of Mon, 01 Jun 2026 00:00:00 "), "{out}");
    assert!(
        out.ends_with("1 packages follow from what was signed\n1 of their .debs are in the cache, and are these\n"),
        "{out}"
    );
    let (code, out, err) = run(place, &arguments[..3]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "no cache is named: {err}");
    let (code, _, err) = run(place, &["verify", "--lock", "none.lock", "--cache", "cache"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = run(place, &["verify", "out", "--lock", "out/small.lock"]);
    assert_eq!(code, Some(2), "{err}");
    lock.packages[0].sha256 = Sha256::of(b"evil");
    lock.write(&place.join("out/small.lock")).expect("written");
    let (code, out, err) = run(place, &arguments);
    assert_eq!((code, out.as_str()), (Some(3), ""), "{err}");
    assert!(err.contains("package `hello 1.0-1` does not follow from it"), "{err}");
}

#[test]
fn a_signed_output_is_checked() {
    let world = World::new(&simple());
    let place = world.place.path();
    let recipe = recipe::load(&place.join("small.toml")).expect("a recipe");
    let (key, other) = (SigningKey::from_pem(SECRET).expect("a key"), SigningKey::from_pem(OTHER).expect("a key"));
    let mirrors = mirrors();
    let asked = Request { signer: Some(&key), ..request(&recipe, &mirrors) };
    let host = world.host().expect("a store");
    pipeline::build(&host, &asked, &place.join("out")).unwrap_or_else(|error| panic!("{}", chain(&error)));
    pipeline::build(&host, &asked, &place.join("again")).expect("built");
    let file = place.join("out").join(provenance::FILE);
    let text = fs::read_to_string(&file).expect("it is there");
    assert_eq!(text, fs::read_to_string(place.join("again").join(provenance::FILE)).expect("it is there"));
    fs::write(place.join("key.pem"), key.public().to_pem()).expect("written");
    fs::write(place.join("other.pem"), other.public().to_pem()).expect("written");
    let verify = |key: &str| run(place, &["verify", "out", "--key", key]);
    let (code, out, err) = verify("key.pem");
    assert_eq!(code, Some(0), "{err}");
    assert!(out.ends_with("signed by that key\n"), "{out}");
    let refused = |key: &str, words: &str| {
        let (code, out, err) = verify(key);
        assert_eq!((code, out.as_str()), (Some(3), ""), "{words}: {err}");
        assert!(err.contains(words), "{words}: {err}");
    };
    refused("other.pem", "no good signature by a key that counts");
    assert_eq!(verify("small.toml").0, Some(2), "no key at all");
    let change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        fs::write(&file, text.replacen(from, to, 1)).expect("written");
    };
    change("in-toto+json", "in-toto+jsom");
    refused("key.pem", "no good signature");
    change("\"payload\":\"eyJ", "\"payload\":\"fyJ");
    refused("key.pem", "no good signature");
    change("\"keyid\":\"", "\"keyid\":\"0");
    refused("key.pem", "no good signature");
    fs::write(&file, text.replacen('\n', " ", 1)).expect("written");
    refused("key.pem", "written in another way");
    fs::write(&file, "{}").expect("written");
    refused("key.pem", "no signed provenance");
    fs::remove_file(&file).expect("removed");
    refused("key.pem", "it has no `provenance.intoto.json`");
    // A good signature over another output.
    let others = recipe::load(&place.join("small.toml")).map(|recipe| recipe::Recipe { name: "else".into(), ..recipe });
    let others = others.expect("a recipe");
    let others = Request { signer: Some(&key), ..request(&others, &mirrors) };
    pipeline::build(&host, &others, &place.join("else")).expect("built");
    fs::copy(place.join("else").join(provenance::FILE), &file).expect("copied");
    refused("key.pem", "it is of another output");
    fs::write(&file, &text).expect("written");
    fs::write(place.join("out/root.tar"), "x").expect("written");
    refused("key.pem", "`root.tar` has 1 bytes, not ");
}

/// The statement is what in-toto's and SLSA's readers expect.
#[test]
fn a_provenance_is_a_statement_in_an_envelope() {
    use base64::Engine as _;
    let world = World::new(&simple());
    let recipe = recipe::load(&world.place.path().join("small.toml")).expect("a recipe");
    let key = SigningKey::from_pem(SECRET).expect("a key");
    let mirrors = mirrors();
    let request = Request { signer: Some(&key), ..request(&recipe, &mirrors) };
    let output = world.place.path().join("out");
    let built = pipeline::build(&world.host().expect("a store"), &request, &output).expect("built");
    let text = fs::read_to_string(output.join(provenance::FILE)).expect("it is there");
    let envelope: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
    let decode = |value: &serde_json::Value| {
        base64::engine::general_purpose::STANDARD.decode(value.as_str().expect("a text")).expect("base64")
    };
    let payload = decode(&envelope["payload"]);
    let signed = [format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len()).as_bytes(), &payload].concat();
    assert!(key.public().verifies(&signed, &decode(&envelope["signatures"][0]["sig"])));
    assert_eq!(envelope["signatures"][0]["keyid"], key.public().key_id());
    let statement: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let subjects = statement["subject"].as_array().expect("a list");
    for record in built.outputs.iter().filter(|record| record.path() != provenance::FILE) {
        let Some((sha256, _)) = record.content() else { continue };
        let named = subjects.iter().find(|subject| subject["name"] == record.path());
        assert_eq!(named.expect("named")["digest"]["sha256"], sha256.to_string(), "{}", record.path());
    }
    let dependencies = &statement["predicate"]["buildDefinition"]["resolvedDependencies"];
    assert_eq!(dependencies[0]["name"], "small.lock");
    assert_eq!(dependencies[1]["uri"], "pkg:deb/debian/hello@1.0-1?arch=amd64&distro=test");
}
