use super::*;

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

fn files(root: &Path, directory: &str) -> usize {
    sorted_entries(&root.join("cache").join(directory)).expect("listed").len()
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
    let path = blob_path(&store.root, &blob.sha256);
    fs::remove_file(&path).expect("removed");
    fs::write(&path, b"hellO").expect("replaced");
    assert!(store.get(&blob.sha256).expect("readable").is_none());
    assert_eq!(files(directory.path(), "damaged"), 1);
    assert_eq!(read(&put(&store, b"hello")), b"hello");
    assert!(store.get(&blob.sha256).expect("readable").is_some());
}

#[test]
fn a_record_is_replaced_whole_and_checked() {
    let (_directory, store) = store();
    assert_eq!(store.record("release", "a").expect("readable"), None);
    store.set_record("release", "a", b"one").expect("kept");
    store.set_record("release", "a", b"two").expect("kept");
    assert_eq!(store.record("release", "a").expect("readable").as_deref(), Some(&b"two"[..]));
    let path = store.record_path("release", "a").expect("a good name");
    let whole = fs::read(&path).expect("readable");
    for cut in 0..whole.len() {
        assert_eq!(checked_record(&whole[..cut]), None, "cut at {cut}");
    }
    fs::remove_file(&path).expect("removed");
    fs::write(&path, &whole[..whole.len() - 1]).expect("cut");
    assert_eq!(store.record("release", "a").expect("readable"), None);
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
    let second = DirStore::open(directory.path().join("cache")).expect("shared");
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

#[test]
fn pruning_keeps_what_was_used_last() {
    let (_directory, store) = store();
    let old = put(&store, &[1; 1000]);
    let used = put(&store, &[2; 1000]);
    let long_ago = rustix::fs::Timespec { tv_sec: 1000, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: long_ago, last_modification: long_ago };
    for blob in [&old, &used] {
        let file = File::open(blob_path(&store.root, &blob.sha256)).expect("open");
        rustix::fs::futimens(&file, &times).expect("its time is set");
    }
    store.get(&used.sha256).expect("readable").expect("present");
    assert_eq!(store.prune(1500).expect("pruned"), Pruned { blobs: 1, freed: 1000, kept: 1000 });
    assert!(store.get(&old.sha256).expect("readable").is_none());
    assert!(store.get(&used.sha256).expect("readable").is_some());
    assert_eq!(read(&old), [1; 1000], "who has it open keeps it");
}
