//! A cache is a convenience, not an authority: what becomes of a build when somebody has written to it. Cases 93, 95
//! and 98.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::Store as _;
use imgbuild::host::store::DirStore;
use imgbuild::host::store::RecordKey;
use imgbuild::testing::ARCHIVE_DATE;

use crate::hostile::KEY;
use crate::hostile::World;
use crate::hostile::chain;
use crate::hostile::class;
use crate::hostile::files;
use crate::hostile::names;
use crate::hostile::simple;
use crate::locks::Random;
use crate::locks::archive;
use crate::locks::build;
use crate::locks::directory;
use crate::locks::locked;
use crate::locks::one_thread;
use crate::locks::position;
use crate::locks::run;

/// The proof is remembered: the next build reads no index, until something that it depends on is another.
#[test]
fn what_was_proved_is_remembered() {
    let (world, lock, _) = locked(&archive());
    build(&world, &one_thread(&world), &lock, false).expect("proved");
    let cache = world.place.path().join("cache");
    assert_eq!(files(&cache.join("records/proved-2")).len(), 1);
    // Without the index it is only the record that says so.
    let index = lock.sources[0].indices.values().next().expect("one").to_string();
    fs::remove_file(cache.join("sha256").join(&index[..2]).join(&index[2..])).expect("there");
    for blob in files(&cache.join("sha256")) {
        let bytes = fs::read(&blob).expect("readable");
        if bytes.starts_with(b"Package: ") {
            fs::remove_file(blob).expect("removed");
        }
    }
    let offline = |key: RecordKey| Host {
        transport: Arc::new(host::OfflineTransport),
        store: Arc::new(DirStore::open(&cache).expect("a store").sealed_by(key)),
        ..one_thread(&world)
    };
    build(&world, &offline(KEY), &lock, false).unwrap_or_else(|error| panic!("{}", chain(&error)));
    // The word of another user's cache is none, and a lock that says something else was never proved.
    let error = build(&world, &offline(RecordKey::new([1; 32])), &lock, false).expect_err("nothing proves it");
    assert_eq!((class(&error).as_str(), error.exit_code()), ("lock unproved", 3), "{}", chain(&error));
    let mut other = lock.clone();
    other.packages[0].reason = "another".into();
    assert!(matches!(build(&world, &offline(KEY), &other, false), Err(Error::Unproved(_))));
    fs::write(world.place.path().join("keys.asc"), [archive().keyring(), archive().keyring()].concat())
        .expect("written");
    assert!(matches!(build(&world, &offline(KEY), &lock, false), Err(Error::Unproved(_))), "another keyring");
}

/// A record of an unpacked package that says more than the package, with a checksum that is right.
#[test]
fn case_93_a_record_that_somebody_wrote() {
    let (world, lock, built) = locked(&archive());
    let place = world.place.path();
    let cache = place.join("cache");
    let deb = lock.packages[position(&lock, "base")].sha256.to_string();
    let honest = DirStore::open(&cache).expect("a store").sealed_by(KEY);
    let record = honest.record("unpacked-1", &deb).expect("readable").expect("it was built");
    let text = String::from_utf8(record).expect("JSON");
    let evil = text.replacen("\"mode\":493", "\"mode\":2541", 9);
    assert_ne!(text, evil);
    drop(honest);
    for kind in ["sealed by another", "without a seal"] {
        let stranger = DirStore::open(&cache).expect("a store").sealed_by(RecordKey::new([1; 32]));
        if kind == "without a seal" {
            stranger.set_signed("unpacked-1", &deb, evil.as_bytes()).expect("written");
        } else {
            stranger.set_record("unpacked-1", &deb, evil.as_bytes()).expect("written");
        }
        drop(stranger);
        let again =
            build(&world, &one_thread(&world), &lock, false).unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!(again.tree_digest, built.tree_digest, "{kind}");
    }
    // Who has the key can lie to builds, but not to the one that checks them.
    let own = DirStore::open(&cache).expect("a store").sealed_by(KEY);
    own.set_record("unpacked-1", &deb, evil.as_bytes()).expect("written");
    drop(own);
    let lied = build(&world, &one_thread(&world), &lock, false).expect("built");
    assert_ne!(lied.tree_digest, built.tree_digest, "else this proves nothing");
    state(place);
    let arguments = ["verify", "out", "--rebuild", "small.toml", "--cache", "cache", "--offline"];
    let (code, _, err) = run(place, &arguments);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("when it is built again"), "{err}");
}

/// The key of these worlds, where the program looks for it.
fn state(place: &Path) {
    let directory = place.join("state/imgbuild");
    fs::create_dir_all(&directory).expect("made");
    fs::write(directory.join("cache.key"), [42; 32]).expect("written");
    fs::set_permissions(directory.join("cache.key"), fs::Permissions::from_mode(0o600)).expect("ours");
}

/// Directories of the cache that lead elsewhere: nothing is removed there, and nothing written.
#[test]
fn case_95_a_directory_of_the_cache_that_leads_elsewhere() {
    let (world, lock, built) = locked(&archive());
    let cache = world.place.path().join("cache");
    let outside = directory();
    let precious = outside.path().join("precious");
    for name in ["", "/sha256", "/incoming", "/records", "/damaged", "/records/unpacked-1", "/records/newest"] {
        fs::write(&precious, "of somebody").expect("written");
        let (place, aside) = (PathBuf::from(format!("{}{name}", cache.display())), world.place.path().join("aside"));
        fs::rename(&place, &aside).expect("moved");
        symlink(outside.path(), &place).expect("linked");
        let host = world.host();
        let error = match host {
            Ok(host) => world.build_on(&host, "out").expect_err(name),
            Err(error) => error.into(),
        };
        let words = chain(&error);
        assert_eq!(error.exit_code(), 1, "{name}: {words}");
        assert!(words.contains("is a link") && words.contains(&place.display().to_string()), "{name}: {words}");
        assert_eq!(names(outside.path()), ["precious"], "{name}");
        fs::remove_file(&place).expect("a link");
        fs::rename(&aside, &place).expect("moved back");
    }
    assert_eq!(build(&world, &one_thread(&world), &lock, false).expect("built").tree_digest, built.tree_digest);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("made");
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).expect("ours");
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("copied");
        }
    }
}

fn directories(below: &Path) -> Vec<PathBuf> {
    let inside = names(below).into_iter().map(|name| below.join(name)).filter(|path| path.is_dir());
    inside.flat_map(|path| [vec![path.clone()], directories(&path)].concat()).collect()
}

/// One edit of a cache.
fn edit_cache(random: &mut Random, cache: &Path, outside: &Path) {
    let is_file = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    let all: Vec<PathBuf> = files(cache).into_iter().filter(is_file).collect();
    let (file, other) = (random.of(&all).clone(), random.of(&all).clone());
    let replace = |path: &Path, bytes: &[u8]| {
        fs::remove_file(path).expect("removed");
        fs::write(path, bytes).expect("written");
    };
    let mut bytes = fs::read(&file).expect("readable");
    match random.below(10) {
        0 | 1 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
            replace(&file, &bytes);
        }
        2 => replace(&file, &bytes[..random.below(bytes.len())]),
        3 => replace(&file, &[bytes, vec![0; 1 + random.below(9)]].concat()),
        4 => replace(&file, &fs::read(&other).expect("readable")),
        5 => fs::remove_file(&file).expect("removed"),
        6 => {
            fs::remove_file(&file).expect("removed");
            symlink(outside.join("precious"), &file).expect("linked");
        }
        7 => {
            let place = random.of(&directories(cache)).clone();
            fs::remove_dir_all(&place).expect("removed");
            symlink(outside, &place).expect("linked");
        }
        // A record whose words are changed and whose checksum is made anew, as one would without the key.
        _ => {
            let records: Vec<PathBuf> = files(&cache.join("records")).into_iter().filter(is_file).collect();
            let Some(file) = (!records.is_empty()).then(|| random.of(&records)) else { return };
            let mut bytes = fs::read(file).expect("readable");
            let start = "imgbuild record 2\n".len() + 32;
            if bytes.len() <= start {
                return;
            }
            let at = start + random.below(bytes.len() - start);
            bytes[at] = *random.of(b"0123456789abcdef,:{}\"");
            let sum = *Sha256::of(&bytes[start..]).as_bytes();
            bytes[start - 32..start].copy_from_slice(&sum);
            replace(file, &bytes);
        }
    }
}

/// Five hundred edits of a cache: the same tree, or an error that names what cannot be used; and nothing elsewhere is
/// touched.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn five_hundred_edits_of_a_cache() {
    let (world, lock, built) = locked(&archive());
    build(&world, &one_thread(&world), &lock, false).expect("proved, and remembered");
    let place = world.place.path();
    let (cache, whole) = (place.join("cache"), place.join("whole"));
    fs::rename(&cache, &whole).expect("moved");
    let outside = directory();
    fs::write(outside.path().join("precious"), "of somebody").expect("written");
    let mut random = Random(2);
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for number in 0..500 {
        let _ = fs::remove_dir_all(&cache);
        copy(&whole, &cache);
        for _ in 0..=random.below(2) {
            edit_cache(&mut random, &cache, outside.path());
        }
        let made = world.host().map_err(Error::from);
        let outcome = match made.and_then(|host| build(&world, &Host { jobs: 1, ..host }, &lock, false)) {
            Ok(again) => {
                assert_eq!(again.tree_digest, built.tree_digest, "edit {number}");
                "the same"
            }
            Err(error) => {
                let words = chain(&error);
                assert!(error.exit_code() == 1 && words.contains("is a link"), "edit {number}: {words}");
                assert!(words.contains(&cache.display().to_string()), "edit {number}: {words}");
                "unusable"
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
        assert_eq!(names(outside.path()), ["precious"], "edit {number}");
        assert_eq!(fs::read(outside.path().join("precious")).expect("there"), b"of somebody", "edit {number}");
    }
    eprintln!("500 edits of a cache: {outcomes:?}");
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");
}

/// The newest Release that was seen counts in a cache that came from elsewhere too, for it proves itself; and one that
/// the archive never had does not.
#[test]
fn case_98_the_newest_release_seen_proves_itself() {
    const DAY: i64 = 24 * 3600;
    let mut world = World::new(&simple().date(ARCHIVE_DATE + 2 * DAY));
    world.now = ARCHIVE_DATE + 3 * DAY;
    let cache = world.place.path().join("cache");
    let of = |key: RecordKey| Host {
        store: Arc::new(DirStore::open(&cache).expect("a store").sealed_by(key)),
        ..world.host().expect("a store")
    };
    world.build_on(&of(KEY), "out").unwrap_or_else(|error| panic!("{}", chain(&error)));
    fs::remove_dir_all(world.place.path().join("out")).expect("removed");
    world.serve(&simple().date(ARCHIVE_DATE));
    for key in [KEY, RecordKey::new([1; 32])] {
        world.refused_by(&of(key), "98 a Release older than one seen", "archive Rollback", 3);
    }
    // Somebody claims one of ten years later, with a checksum that is right.
    let record = files(&cache.join("records/newest")).remove(0);
    let name = record.file_name().expect("named").to_string_lossy().into_owned();
    let store = DirStore::open(&cache).expect("a store");
    let text = store.signed("newest", &name).expect("readable").expect("there");
    let mut forged = text;
    let at = forged.windows(4).position(|word| word == b"2026").expect("its Date");
    forged[at + 2] = b'3';
    store.set_signed("newest", &name, &forged).expect("written");
    drop(store);
    world.build_on(&of(KEY), "third").unwrap_or_else(|error| panic!("{}", chain(&error)));
}
