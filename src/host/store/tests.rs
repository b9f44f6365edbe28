use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;

use super::*;

const KEY: RecordKey = RecordKey::new([7; 32]);

fn store() -> (tempfile::TempDir, DirStore) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = DirStore::open(directory.path().join("cache")).expect("a new store");
    (directory, store)
}

fn put(store: &DirStore, bytes: &[u8]) -> StoredBlob {
    let mut writer = store.writer().expect("a writer");
    writer.write_all(bytes).expect("written");
    writer.commit(None).expect("kept")
}

fn read(blob: &StoredBlob) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(blob.size).expect("small")];
    let count = blob.blob.read_at(&mut bytes, 0).expect("readable");
    assert_eq!(count as u64, blob.size);
    bytes
}

#[expect(clippy::disallowed_methods, reason = "only counted")]
fn files(root: &Path, directory: &str) -> usize {
    fs::read_dir(root.join("cache").join(directory)).expect("listed").count()
}

fn blob_path(directory: &tempfile::TempDir, sha256: &Sha256) -> PathBuf {
    let (shard, name) = blob_name(sha256);
    directory.path().join("cache/sha256").join(shard).join(name)
}

#[test]
fn a_blob_comes_back() {
    let (_directory, store) = store();
    let blob = put(&store, b"hello");
    assert_eq!((blob.sha256, blob.size), (Sha256::of(b"hello"), 5));
    assert_eq!(read(&blob), b"hello");
    let again = store.get(&blob.sha256).expect("readable").expect("present");
    assert_eq!(read(&again), b"hello");
    assert!(store.get(&Sha256::of(b"other")).expect("readable").is_none());
}

#[test]
fn a_wrong_blob_does_not_get_in() {
    let (directory, store) = store();
    for expected in [(Sha256::of(b"other"), 5), (Sha256::of(b"hello"), 6)] {
        let mut writer = store.writer().expect("a writer");
        writer.write_all(b"hello").expect("written");
        assert!(matches!(writer.commit(Some(expected)), Err(StoreError::Mismatch { .. })));
    }
    drop(store.writer().expect("a writer"));
    assert_eq!(files(directory.path(), "incoming"), 0);
    assert_eq!(files(directory.path(), "sha256"), 0);
}

/// Case 38: a file swapped in the cache after it was verified.
#[test]
fn a_damaged_blob_is_absent_and_put_aside() {
    let (directory, store) = store();
    let blob = put(&store, b"hello");
    let path = blob_path(&directory, &blob.sha256);
    fs::remove_file(&path).expect("removed");
    fs::write(&path, b"hellO").expect("replaced");
    assert!(store.get(&blob.sha256).expect("readable").is_none());
    assert_eq!(files(directory.path(), "damaged"), 1);
    assert_eq!(read(&put(&store, b"hello")), b"hello");
    assert!(store.get(&blob.sha256).expect("readable").is_some());
}

#[test]
fn a_record_is_replaced_whole_and_checked() {
    let (directory, store) = store();
    assert_eq!(store.record("list", "a").expect("readable"), None);
    store.set_record("list", "a", b"one").expect("kept");
    store.set_record("list", "a", b"two").expect("kept");
    assert_eq!(store.record("list", "a").expect("readable").as_deref(), Some(&b"two"[..]));
    let path = directory.path().join("cache/records/list/a");
    let whole = fs::read(&path).expect("readable");
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        for bytes in [&whole[..at], &changed] {
            fs::remove_file(&path).expect("removed");
            fs::write(&path, bytes).expect("written");
            assert_eq!(store.record("list", "a").expect("readable"), None, "at {at}");
        }
    }
    store.set_record("list", "a", b"three").expect("kept");
    assert_eq!(store.record("list", "a").expect("readable").as_deref(), Some(&b"three"[..]));
}

/// Case 93: a record counts under its own kind and name, with the key of this user, and never by its bytes alone.
#[test]
fn a_record_is_no_other_stores_and_no_other_record() {
    let (directory, first) = store();
    let first = first.sealed_by(KEY);
    first.set_record("list", "a", b"value").expect("kept");
    first.set_record("list", "b", b"other").expect("kept");
    first.set_record("other", "a", b"third").expect("kept");
    let records = directory.path().join("cache/records");
    let again = |key: RecordKey| DirStore::open(directory.path().join("cache")).expect("opened").sealed_by(key);
    assert_eq!(again(KEY).record("list", "a").expect("readable").as_deref(), Some(&b"value"[..]));
    for stranger in [RecordKey::new([8; 32]), RecordKey::ephemeral().expect("random")] {
        assert_eq!(again(stranger).record("list", "a").expect("readable"), None, "another key");
    }
    for other in ["list/b", "other/a"] {
        fs::remove_file(records.join("list/a")).expect("removed");
        fs::copy(records.join(other), records.join("list/a")).expect("copied");
        assert_eq!(again(KEY).record("list", "a").expect("readable"), None, "{other} in its place");
    }
    // Whoever writes a record without the key can make the checksum, but not the seal.
    let forged = [RECORD_HEADER, Sha256::of(b"evil").as_bytes(), b"evil"].concat();
    fs::remove_file(records.join("list/a")).expect("removed");
    fs::write(records.join("list/a"), forged).expect("written");
    assert_eq!(again(KEY).record("list", "a").expect("readable"), None);
    assert_eq!(again(KEY).signed("list", "a").expect("readable").as_deref(), Some(&b"evil"[..]), "proves nothing");
}

/// Case 94: the key is its user's alone.
#[test]
fn the_key_of_the_records_is_nobody_elses() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("state/imgbuild/cache.key");
    let keys: Vec<RecordKey> = std::thread::scope(|scope| {
        let made: Vec<_> = (0..8).map(|_| scope.spawn(|| RecordKey::kept_at(&path).expect("made"))).collect();
        made.into_iter().map(|thread| thread.join().expect("it ends")).collect()
    });
    let seals: Vec<_> = keys.iter().map(|key| key.seal("a", "b", b"c")).collect();
    assert!(seals.iter().all(|seal| *seal == seals[0]), "all that made it at once have the same");
    let metadata = fs::metadata(&path).expect("there");
    assert_eq!((metadata.mode() & 0o777, metadata.len()), (0o600, 32));
    assert_eq!(fs::metadata(path.parent().expect("below")).expect("there").mode() & 0o777, 0o700);
    for (mode, bytes, words) in [(0o640, 32, "read by others"), (0o604, 32, "read by others"), (0o600, 31, "no key")] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
        fs::write(&path, vec![1; bytes]).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
        let error = RecordKey::kept_at(&path).expect_err(words).to_string();
        assert!(error.contains(words) && error.contains("cache.key"), "{error}");
    }
    fs::remove_file(&path).expect("removed");
    symlink(directory.path().join("elsewhere"), &path).expect("linked");
    assert!(RecordKey::kept_at(&path).is_err(), "a link");
    assert!(!directory.path().join("elsewhere").exists());
}

/// Case 95: each directory of a store is its user's own, and none is a link: nothing is removed or written elsewhere.
#[test]
fn a_directory_that_is_another_is_not_used() {
    let parts = ["", "/sha256", "/incoming", "/records", "/damaged", "/sha256/2c", "/records/list"];
    for part in parts {
        let (directory, first) = store();
        let root = directory.path().join("cache");
        let elsewhere = directory.path().join("elsewhere");
        put(&first, b"hello");
        first.set_record("list", "a", b"value").expect("kept");
        let use_it = || -> Result<(), StoreError> {
            let store = DirStore::open(&root)?;
            store.get(&Sha256::of(b"hello"))?;
            store.record("list", "a")?;
            store.writer()?.commit(None)?;
            store.set_record("list", "a", b"value")?;
            store.prune(&Bounds { bytes: 0, ..Bounds::none() }).map(drop)
        };
        let place = PathBuf::from(format!("{}{part}", root.display()));
        fs::rename(&place, &elsewhere).expect("moved");
        fs::write(elsewhere.join("precious"), "of somebody").expect("written");
        symlink(&elsewhere, &place).expect("linked");
        // The store that is open does not notice, and keeps to what it has opened.
        let _ = (first.get(&Sha256::of(b"hello")), first.set_record("list", "b", b"x"));
        drop(first);
        let listed = |directory: &Path| tree(directory);
        let before = listed(&elsewhere);
        let error = use_it().expect_err(part).to_string();
        assert!(error.contains("is a link") && error.contains(&place.display().to_string()), "{part}: {error}");
        assert_eq!(listed(&elsewhere), before, "{part}: something was written or removed elsewhere");
        fs::remove_file(&place).expect("a link");
        fs::create_dir(&place).expect("made");
        for mode in [0o770, 0o707] {
            fs::set_permissions(&place, fs::Permissions::from_mode(mode)).expect("ours");
            let error = use_it().expect_err(part).to_string();
            assert!(error.contains("can be written by others"), "{part}: {error}");
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).expect("ours");
        use_it().unwrap_or_else(|error| panic!("{part}: {error}"));
    }
}

/// All paths below a directory.
#[expect(clippy::disallowed_methods, reason = "sorted here")]
fn tree(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("listed") {
        let path = entry.expect("listed").path();
        if fs::symlink_metadata(&path).expect("there").is_dir() {
            found.extend(tree(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

/// What no store makes, in place of a blob, is put aside and never followed.
#[test]
fn what_is_no_file_is_no_blob() {
    let (directory, store) = store();
    let blob = put(&store, b"hello");
    let path = blob_path(&directory, &blob.sha256);
    let target = directory.path().join("target");
    fs::write(&target, "hello").expect("written");
    for round in 0..2 {
        fs::remove_file(&path).expect("removed");
        if round == 0 {
            symlink(&target, &path).expect("linked");
        } else {
            fs::create_dir(&path).expect("made");
        }
        assert!(store.get(&blob.sha256).expect("readable").is_none());
        assert_eq!(read(&put(&store, b"hello")), b"hello");
        assert_eq!(fs::read(&target).expect("there"), b"hello");
        store.prune(&Bounds::none()).expect("pruned");
        assert_eq!(files(directory.path(), "damaged"), 0);
    }
}

#[test]
fn a_record_cannot_leave_its_place() {
    let (_directory, store) = store();
    for (kind, key) in [("..", "a"), ("a", "../b"), ("a", ""), ("", "a"), ("a", ".b"), ("a/b", "c"), ("A", "b")] {
        assert!(store.set_record(kind, key, b"").is_err(), "{kind} {key}");
        assert!(store.record(kind, key).is_err(), "{kind} {key}");
    }
}

#[test]
fn leftovers_go_when_nobody_writes() {
    let (directory, store) = store();
    let root = directory.path().join("cache");
    fs::write(root.join("incoming/left"), b"half").expect("written");
    let writer = store.writer().expect("a writer");
    let second = DirStore::open(&root).expect("shared");
    assert_eq!(files(directory.path(), "incoming"), 2, "the first build may still need them");
    drop((writer, store, second));
    DirStore::open(&root).expect("alone");
    assert_eq!(files(directory.path(), "incoming"), 0);
}

#[test]
fn eight_threads_and_two_stores_agree() {
    let (directory, first) = store();
    let first = first.sealed_by(KEY);
    let second = DirStore::open(directory.path().join("cache")).expect("shared").sealed_by(KEY);
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let store = if thread % 2 == 0 { &first } else { &second };
            scope.spawn(move || {
                for number in 0..20_u8 {
                    let bytes = [number; 1000];
                    assert_eq!(read(&put(store, &bytes)), bytes);
                    store.set_record("number", "last", &bytes).expect("kept");
                    assert!(store.record("number", "last").expect("readable").is_some());
                    assert!(store.get(&Sha256::of(&bytes)).expect("readable").is_some());
                }
            });
        }
    });
    assert_eq!(files(directory.path(), "incoming"), 0);
    assert_eq!(files(directory.path(), "damaged"), 0);
}

/// A store with files that were used last in these years.
fn aged(directory: &tempfile::TempDir, paths: &[(PathBuf, i64)]) {
    for (path, year) in paths {
        let time = rustix::fs::Timespec { tv_sec: (year - 1970) * 31_556_952, tv_nsec: 0 };
        let file = File::open(directory.path().join("cache").join(path)).expect("open");
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        rustix::fs::futimens(&file, &times).expect("its time is set");
    }
}

#[test]
fn pruning_keeps_what_was_used_last() {
    let (directory, store) = store();
    let [old, used, record] = [put(&store, &[1; 1000]), put(&store, &[2; 1000]), put(&store, &[3; 1000])];
    for name in ["a", "b"] {
        store.set_record("list", name, &[0; 1000]).expect("kept");
    }
    let paths = [&old, &used, &record].map(|blob| (blob_path(&directory, &blob.sha256), 2001));
    aged(&directory, &paths);
    aged(&directory, &["a", "b"].map(|name| (PathBuf::from("records/list").join(name), 2002)));
    store.get(&used.sha256).expect("readable").expect("present");
    store.record("list", "b").expect("readable").expect("present");
    let bounds = |bytes| Bounds { bytes, ..Bounds::none() };
    let pruned = store.prune(&bounds(4500)).expect("pruned");
    assert_eq!((pruned.files, pruned.freed), (1, 1000), "blobs and records are measured together: {pruned:?}");
    let pruned = store.prune(&bounds(2500)).expect("pruned");
    assert_eq!((pruned.files, pruned.kept), (2, pruned.kept.min(2500)), "{pruned:?}");
    assert!(store.get(&old.sha256).expect("readable").is_none());
    assert!(store.get(&used.sha256).expect("readable").is_some());
    assert_eq!(store.record("list", "a").expect("readable"), None);
    assert_eq!(store.record("list", "b").expect("readable"), Some(vec![0; 1000]));
    assert_eq!(read(&old), [1; 1000], "who has it open keeps it");
}

#[test]
fn pruning_by_age_keeps_what_is_named_and_what_was_seen() {
    let (directory, store) = store();
    let [old, named, new] = [put(&store, b"old"), put(&store, b"named"), put(&store, b"new")];
    store.set_signed("newest", "archive", b"a Release").expect("kept");
    store.set_signed("release", "archive", b"a Release").expect("kept");
    let mut paths = vec![("records/newest/archive".into(), 1990), ("records/release/archive".into(), 1990)];
    paths.extend([&old, &named].map(|blob| (blob_path(&directory, &blob.sha256), 1990)));
    aged(&directory, &paths);
    let bounds = Bounds { unused_since: Some(1_000_000_000), keep: [named.sha256].into(), ..Bounds::none() };
    assert_eq!(store.prune(&bounds).expect("pruned").files, 2);
    let there = |blob: &StoredBlob| store.get(&blob.sha256).expect("readable").is_some();
    assert_eq!([&old, &named, &new].map(there), [false, true, true]);
    assert!(store.signed("newest", "archive").expect("readable").is_some(), "an older Release must not count again");
    assert!(store.signed("release", "archive").expect("readable").is_none());
    let bounds = Bounds { bytes: 0, keep: [named.sha256].into(), ..Bounds::none() };
    store.prune(&bounds).expect("pruned");
    assert_eq!([&old, &named, &new].map(there), [false, true, false]);
}

#[test]
fn a_shared_secret_is_a_key() {
    let (directory, store) = store();
    let store = store.sealed_by(RecordKey::from_secret(b"one"));
    store.set_record("list", "a", b"value").expect("kept");
    let with = |secret: &[u8]| {
        let store = DirStore::open(directory.path().join("cache")).expect("shared");
        store.sealed_by(RecordKey::from_secret(secret)).record("list", "a").expect("readable")
    };
    assert_eq!((with(b"one"), with(b"other")), (Some(b"value".to_vec()), None));
}
