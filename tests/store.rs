//! The store on disk under what happens to disks and processes.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use imgbuild::digest::Sha256;
use imgbuild::host::Store;
use imgbuild::host::store::DirStore;

/// Tells a second process of this test which store to write to.
const CHILD: &str = "IMGBUILD_TEST_STORE_CHILD";

/// Files of a size that takes some time to write, all different, for ever.
#[test]
#[expect(clippy::disallowed_methods, reason = "the parent test names the store")]
fn writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let store = DirStore::open(PathBuf::from(directory)).expect("a store");
    for number in 0_u64.. {
        let bytes: Vec<u8> = number.to_le_bytes().repeat(20_000);
        let mut writer = store.writer().expect("a writer");
        writer.write_all(&bytes).expect("written");
        writer.commit(Some((Sha256::of(&bytes), bytes.len() as u64))).expect("kept");
        store.set_record("test", "number", &bytes).expect("kept");
    }
}

/// Case 77: a build killed at any moment leaves whole blobs, whole records, and nothing that stays.
#[test]
#[expect(clippy::disallowed_methods, reason = "this test is about processes")]
fn a_killed_build_leaves_a_whole_store() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = std::env::current_exe().expect("this test");
    let mut written = 0;
    for round in 0..15_u64 {
        let mut child = Command::new(&program)
            .args(["--exact", "store::writes_until_it_is_killed"])
            .env(CHILD, directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a second process");
        std::thread::sleep(Duration::from_millis(40 + round * 37 % 120));
        child.kill().expect("killed");
        child.wait().expect("gone");
        let store = DirStore::open(directory.path()).expect("it opens");
        assert_eq!(files(&directory.path().join("incoming")).len(), 0, "leftovers in round {round}");
        for path in files(&directory.path().join("sha256")) {
            let name = [path.parent().expect("below").file_name(), path.file_name()];
            let name: String = name.iter().map(|part| part.expect("named").to_string_lossy()).collect();
            assert_eq!(Sha256::of(&std::fs::read(&path).expect("readable")).to_string(), name, "round {round}");
            written += 1;
        }
        store.record("test", "number").expect("readable");
        assert_eq!(files(&directory.path().join("damaged")).len(), 0, "round {round}");
    }
    assert!(written > 0, "nothing was ever written: this proves nothing");
}

/// Cases 6 and 76: a full disk is an error that leaves nothing, and no end of the store.
#[test]
#[expect(clippy::disallowed_methods, reason = "mounting takes a program")]
fn a_full_disk_is_an_error_and_nothing_more() {
    if !crate::switched_on("IMGBUILD_TEST_ROOT", "a_full_disk_is_an_error_and_nothing_more") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs"])
        .arg(directory.path())
        .status();
    assert!(mount.expect("mount").success());
    let outcome = std::panic::catch_unwind(|| fill(directory.path()));
    let unmount = Command::new("umount").arg("--lazy").arg(directory.path()).status();
    assert!(unmount.expect("umount").success());
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn fill(directory: &Path) {
    let store = DirStore::open(directory).expect("a store");
    let small = vec![1; 1000];
    let keep = |bytes: &[u8]| {
        let mut writer = store.writer().expect("a writer");
        writer.write_all(bytes).map_err(|error| error.to_string())?;
        writer.commit(None).map_err(|error| error.to_string())
    };
    keep(&small).expect("it fits");
    let error = keep(&vec![2; 1 << 20]).expect_err("it does not fit");
    assert!(error.contains("space"), "{error}");
    assert!(store.set_record("test", "large", &vec![3; 1 << 20]).is_err());
    assert_eq!(files(&directory.join("incoming")).len(), 0);
    assert_eq!(files(&directory.join("sha256")).len(), 1);
    assert!(store.get(&Sha256::of(&small)).expect("readable").is_some());
    keep(&[4; 100]).expect("there is room again");
}

#[expect(clippy::disallowed_methods, reason = "each file is looked at alike")]
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().map(|entry| entry.expect("listed").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
